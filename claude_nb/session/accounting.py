"""Record what each reply cost and where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from claude_nb.errors import PromptError
from claude_nb.providers import lifecycle, registry
from claude_nb.providers.models import Models
from claude_nb.providers.prices import BATCH_FACTOR
from claude_nb.session.budget import Budget
from claude_nb.session.call import HistoryWriter
from claude_nb.session.turn import Turn
from claude_nb.storage.entries import Recorded, Rhythm
from claude_nb.storage.session_history import SessionHistory
from claude_nb.types.content import Thought
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request


@dataclass
class CallRecord:
    """Observer of one turn that reserves its budget, writes its row and prices it.

    labels    notebook, variable and chat of the history row
    finish    converts the priced reply to the reply that the turn returns
    recorded  the reply to play back; None: the model answers
    writer    writes the row; None: the history does
    row       number of the history row; None before it is written
    """

    models: Models
    budget: Budget
    history: SessionHistory
    labels: Mapping[str, str | None]
    finish: Callable[[Reply], Reply] = lambda reply: reply
    recorded: Recorded | None = None
    writer: HistoryWriter | None = None
    row: int | None = None

    def begin(self, request: Request) -> None:
        """Reserve the price of the prompt and write the row.

        Raises ConfigError if the budget is used up, and PromptError if the model is retired.
        """
        lifecycle.check(request, self.models, self.history.warn)
        self.budget.admit(request, self.models, call=id(self))
        self.write(request)

    def write(self, request: Request) -> None:
        """Write the prompt to the history before it is sent."""
        if writer := self.writer or self.history.store:
            self.row = writer.begin(request, **self.labels)

    def progress(self, turn: Turn) -> None:
        """Save what has arrived.

        Raises ConfigError if the budget is used up.
        """
        if self.row is not None and (store := self.history.store):
            store.progress(self.row, turn.text, turn.thinking)
        self.budget.watch(turn.request, self.models, id(self), turn.tokens, turn.usage.web_searches or 0)

    def finished(self, turn: Turn, reply: Reply) -> Reply:
        """Price and save the reply of a turn that has ended."""
        if self.recorded is None:
            reply = self.account(reply)
            whole = self.finish(reply)
            # A job has one row for all rounds of its reply. Elsewhere each round has its own.
            self.save(whole if self.writer else reply, turn.rhythm)
            return whole
        if not reply.broke_off:
            # The recorded text and price are kept. Only the source tells that the model was not asked.
            from claude_nb.storage.recordings import as_replay

            reply = bound(as_replay(self.recorded), turn.request)
        return self.finish(reply)

    def account(self, reply: Reply) -> Reply:
        """Return the reply with its price, and add it to the totals."""
        price = self.models.price(reply.model, reply.provider, reply.request.speed)
        price = price.times(BATCH_FACTOR) if price and reply.source == "batch" else price
        cost, usage = reply.usage.cost_usd, reply.usage
        if reply.request.cache_ttl and usage.cache_write_1h_tokens is None:  # the server does not tell them apart
            usage = replace(usage, cache_write_1h_tokens=usage.cache_write_tokens)
        if cost is None and price:
            cost = price.cost_usd(usage)
        if cost is None and reply.source == "batch" and reply.broke_off:
            cost = 0.0  # servers charge nothing for a request that got no reply
        reply = replace(reply, cost_usd=cost, saved_usd=price.saved_usd(usage) if price else None)
        self.budget.totals.add(reply)
        self.budget.release(id(self), reply)
        return reply

    def save(self, reply: Reply, rhythm: Rhythm = ()) -> None:
        """Write the reply to the history."""
        if self.row is not None and (writer := self.writer or self.history.store):
            writer.finish(self.row, reply, rhythm)


def bound(reply: Reply, request: Request) -> Reply:
    """Return a recorded reply to a request. Its thoughts remember what stands before them, as those of a live one."""
    if registry.dialect_name(request) != "messages" or not any(isinstance(part, Thought) for part in reply.parts):
        return reply
    from claude_nb.providers.dialects import binding

    try:
        after = binding.fingerprint(registry.preview(request, stream=False)[1])
    except PromptError:  # the request was read from a file, which holds no attachments
        return reply
    parts = (replace(part, after=after) if isinstance(part, Thought) else part for part in reply.parts)
    return replace(reply, parts=tuple(parts))

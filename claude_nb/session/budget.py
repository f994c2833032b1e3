"""Tokens and money of a session, and its spending limit."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from claude_nb.errors import ConfigError
from claude_nb.providers.models import Models
from claude_nb.providers.prices import Price
from claude_nb.types.content import Attachment, ServerBlock, ToolCall, ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request, Usage

USUAL_SEARCHES = 10  # Anthropic pauses a reply after so many calls of its tools
CHARS_PER_TOKEN = 4  # in English; other scripts have about one token for each character


@dataclass
class Totals:
    """Tokens and money that replies have used.

    Several threads may add replies.

    calls     number of replies
    cost_usd  US dollars, without the replies of unknown cost
    unpriced  number of replies of unknown cost
    """

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    unpriced: int = 0
    _seconds: dict[Hashable, tuple[int, float]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, reply: Reply) -> None:
        with self._lock:
            self.calls += 1
            self.usage = self.usage + replace(reply.usage, cost_usd=None)
            self.cost_usd += reply.cost_usd or 0.0
            self.unpriced += reply.cost_usd is None
            if not reply.broke_off and reply.is_timed:
                kind = _kind(reply.request)
                count, seconds = self._seconds.get(kind, (0, 0.0))
                self._seconds[kind] = (count + 1, seconds + reply.seconds)

    def mean_s(self, request: Request) -> float | None:
        """Return the mean seconds of a complete reply to the same prompt, by the same model; None without one."""
        count, seconds = self._seconds.get(_kind(request), (0, 0.0))
        return seconds / count if count else None


def _kind(request: Request) -> Hashable:
    """Identify requests that take about the same time."""
    return request.provider, request.model, request.sampling.max_tokens, hash((request.system, request.prompt))


def tokens_in(request: Request) -> int:
    """Estimate the input tokens of a request from its characters and files."""
    parts = [part for message in request.messages for part in message.parts]
    texts = [request.system or "", *(message.text for message in request.messages)]
    texts += [tool.description + tool.schema for tool in request.tools]
    texts += [part.arguments for part in parts if isinstance(part, ToolCall)]
    texts += [part.text for part in parts if isinstance(part, ToolResult)]
    texts += [part.block for part in parts if isinstance(part, ServerBlock)]
    files = [part for part in parts if isinstance(part, Attachment)]
    files += [picture for part in parts if isinstance(part, ToolResult) for picture in part.pictures]
    return sum(map(tokens_of, texts)) + sum(map(_tokens_of_file, files))


def usage_of(request: Request, tokens_in: int, tokens_out: int, searches: int = 0) -> Usage:
    """Return the usage of a request that is not answered yet: at most, all of its prompt is written to the cache."""
    written = tokens_in if request.cache else None
    hour = written if request.cache_ttl else None
    return Usage(
        tokens_in,
        tokens_out,
        cache_write_tokens=written,
        cache_write_1h_tokens=hour,
        web_searches=searches or None,
    )


def most_searches(request: Request) -> int:
    """Return how often a request may search the web, or the usual limit of the server if nothing else is set."""
    return sum(tool.max_uses or USUAL_SEARCHES for tool in request.server_tools if tool.name == "web_search")


def _tokens_of_file(part: Attachment) -> int:
    """Estimate the tokens of a file.

    A picture of the largest useful size has 1,600; a page of a PDF has 2,000 and 50 kB.
    """
    per_byte = {"text/plain": 1 / CHARS_PER_TOKEN, "application/pdf": 1 / 25}.get(part.media_type)
    return 1600 if per_byte is None else int(part.size * per_byte)


def tokens_of(text: str) -> int:
    """Estimate the tokens of a text.

    Four ASCII characters count as one token, as does any other character.
    """
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // CHARS_PER_TOKEN) + len(text) - plain


class Budget:
    """Spending limit of one session, in US dollars.

    A call is refused if it would exceed the limit; running replies count with what they cost so far. A reply that
    exceeds the limit while it streams is stopped, and its text is kept. A reply in one piece cannot be stopped.
    """

    def __init__(self, totals: Totals) -> None:
        self.totals = totals
        self.limit_usd: float | None = None
        self._running: dict[int, float] = {}
        self._broken_usd = 0.0  # of replies that broke off, so no server has reported their cost
        self._lock = threading.Lock()

    def admit(self, request: Request, models: Models, call: int | None = None) -> None:
        """Raise ConfigError if the budget does not allow this request.

        call  id of the call, which then counts as running until it is released; None: only check
        """
        if self.limit_usd is None:
            return
        price = self._price(request, models)
        cost = price.cost_usd(usage_of(request, tokens_in(request), 0)) or 0.0
        with self._lock:
            spent = self._spent()
            if spent + cost > self.limit_usd or (spent == self.limit_usd and price.output):
                raise self._used_up(spent)
            if call is not None:
                self._running[call] = cost

    def watch(self, request: Request, models: Models, call: int, tokens_out: int, searches: int = 0) -> None:
        """Update the cost of a running reply.

        Raises ConfigError if the limit is exceeded.
        """
        if self.limit_usd is None:
            return
        price = self._price(request, models)
        searches = 0 if price.searches is None else searches
        cost = price.cost_usd(usage_of(request, tokens_in(request), tokens_out, searches)) or 0.0
        with self._lock:
            self._running[call] = cost
            spent = self._spent()
            if spent > self.limit_usd:
                raise self._used_up(spent)

    def hold(self, usd: float | None, call: int) -> None:
        """Reserve the most that a batch can cost, because nothing can stop it at the limit. None: that is unknown.

        Raises ConfigError if it is more than what is left.
        """
        if self.limit_usd is None:
            return
        with self._lock:
            left = self.limit_usd - self._spent()
            if usd is None or usd > left:
                most = "an unknown amount" if usd is None else f"up to ${usd:.2f}"
                raise ConfigError(
                    f"this batch can cost {most}, and ${max(0.0, left):.2f} of the budget is left; "
                    "lower max_tokens, or raise the budget with %claude /set budget=..."
                )
            self._running[call] = usd

    def let_go(self, call: int) -> None:
        """End what hold() has reserved."""
        with self._lock:
            self._running.pop(call, None)

    def release(self, call: int, reply: Reply) -> None:
        """End a call.

        Its cost is in the totals, unless it broke off before the server reported it.
        """
        with self._lock:
            so_far = self._running.pop(call, 0.0)
            if reply.cost_usd is None and (reply.text or reply.thinking):
                self._broken_usd += so_far

    def _spent(self) -> float:
        return self.totals.cost_usd + self._broken_usd + sum(self._running.values())

    def _price(self, request: Request, models: Models) -> Price:
        price = models.price(request.model, request.provider, request.speed)
        if price is None:
            raise ConfigError(
                f"the price of {request.model} is unknown, so the budget cannot be enforced; "
                "use %claude /unset budget, or set the price with configure(models=[...])"
            )
        return price

    def _used_up(self, spent: float) -> ConfigError:
        return ConfigError(
            f"the budget of ${self.limit_usd:.2f} is used up (${spent:.4f} so far); "
            "raise it with %claude /set budget=... or remove it with %claude /unset budget"
        )

"""Money: what a session has used, what its running replies cost so far, and the limit that no call may pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from claude_nb.errors import ConfigError
from claude_nb.providers.models import Models, Price
from claude_nb.types.content import Attachment, ToolCall, ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request, Usage

CHARS_PER_TOKEN = 4  # of English; other scripts are nearer to a token for each character


@dataclass
class Totals:
    """What was used. unpriced counts the replies whose cost nobody knows; they are not in cost_usd.

    Replies may be added from several threads.
    """

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    unpriced: int = 0
    _seconds: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, reply: Reply) -> None:
        with self._lock:
            self.calls += 1
            self.usage = self.usage + replace(reply.usage, cost_usd=None)
            self.cost_usd += reply.cost_usd or 0.0
            self.unpriced += reply.cost_usd is None
            if reply.complete:
                who = (reply.provider, reply.model)
                count, seconds = self._seconds.get(who, (0, 0.0))
                self._seconds[who] = (count + 1, seconds + reply.seconds)

    def mean_s(self, provider: str, model: str) -> float | None:
        """Seconds that a reply of this model took on average; None: none was seen yet."""
        count, seconds = self._seconds.get((provider, model), (0, 0.0))
        return seconds / count if count else None


def tokens_in(request: Request) -> int:
    """About how many tokens a request has, before a server counts them: a quarter of its characters."""
    attached = (part for message in request.messages for part in message.parts if isinstance(part, Attachment))
    texts = (request.system or "", *(message.text for message in request.messages), *_tool_texts(request))
    return sum(map(tokens_of, texts)) + sum(map(_tokens_of_file, attached))


def _tool_texts(request: Request) -> Iterator[str]:
    for tool in request.tools:
        yield tool.description + tool.schema
    for part in (part for message in request.messages for part in message.parts):
        if isinstance(part, ToolCall | ToolResult):
            yield part.arguments if isinstance(part, ToolCall) else part.text


def _tokens_of_file(part: Attachment) -> int:
    """A picture of the largest useful size is about 1,600; a page of a PDF about 2,000, and 50 kB."""
    per_byte = {"text/plain": 1 / CHARS_PER_TOKEN, "application/pdf": 1 / 25}.get(part.media_type)
    return 1600 if per_byte is None else int(part.size * per_byte)


def tokens_of(text: str) -> int:
    """About how many tokens a text has; a letter beyond ASCII counts as one."""
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // CHARS_PER_TOKEN) + len(text) - plain


class Budget:
    """Keeps the calls of one session below a limit in US dollars.

    A call is refused when the limit is reached, counting what the running replies cost so far; a reply that passes the
    limit while it runs is stopped, and what has arrived is kept. A reply asked for in one piece cannot be stopped so.
    """

    def __init__(self, totals: Totals) -> None:
        self.totals = totals
        self.limit_usd: float | None = None
        self._running: dict[int, float] = {}
        self._broken_off_usd = 0.0
        self._lock = threading.Lock()

    def admit(self, request: Request, models: Models, call: int | None = None) -> None:
        """Raises ConfigError when this request may not be sent. *call* counts it as running until released."""
        if self.limit_usd is None:
            return
        price = self._price(request, models)
        asked = price.cost_usd(Usage(tokens_in(request), 0)) or 0.0
        with self._lock:
            spent = self._spent()
            if spent + asked > self.limit_usd or (spent == self.limit_usd and price.output):
                raise self._used_up(spent)
            if call is not None:
                self._running[call] = asked

    def watch(self, request: Request, models: Models, call: int, tokens_out: int) -> None:
        """Raises ConfigError when the running replies have passed the limit."""
        if self.limit_usd is None:
            return
        cost = self._price(request, models).cost_usd(Usage(tokens_in(request), tokens_out)) or 0.0
        with self._lock:
            self._running[call] = cost
            spent = self._spent()
            if spent > self.limit_usd:
                raise self._used_up(spent)

    def release(self, call: int, reply: Reply) -> None:
        """The call has ended. What it cost is in the totals, unless it broke off before the server could say."""
        with self._lock:
            so_far = self._running.pop(call, 0.0)
            if reply.cost_usd is None and (reply.text or reply.thinking):
                self._broken_off_usd += so_far

    def _spent(self) -> float:
        return self.totals.cost_usd + self._broken_off_usd + sum(self._running.values())

    def _price(self, request: Request, models: Models) -> Price:
        price = models.price(request.model, request.provider)
        if price is None:
            raise ConfigError(
                f"the price of {request.model} is unknown, so a budget cannot be kept; %claude /unset budget, "
                "or give its price with configure(models=[...])"
            )
        return price

    def _used_up(self, spent: float) -> ConfigError:
        return ConfigError(
            f"the budget of ${self.limit_usd:.2f} is used up (${spent:.4f} so far); "
            "%claude /set budget=... raises it, %claude /unset budget lifts it"
        )

"""Forecast of a sweep: its calls, tokens, costs and time, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from claude_nb.errors import ConfigError
from claude_nb.providers.prices import BATCH_FACTOR
from claude_nb.render import reply
from claude_nb.render.chars import counted
from claude_nb.session.budget import most_searches, tokens_in, usage_of
from claude_nb.session.options import number
from claude_nb.session.session import Session
from claude_nb.sweeps.plan import Plan
from claude_nb.types.request import Request

MAX_CALLS = 1000
BUDGET_USD = 1.00
BATCH_TIME = "usually within an hour, within a day at the latest"


@dataclass(frozen=True)
class Forecast:
    """Calls, tokens, time and cost of a sweep.

    Attributes:
        calls: Number of requests to send.
        recorded: Number of requests that the history answers. They are not part of `calls`.
        cases: Number of combinations.
        locked: Number of combinations that cannot be sent, because the model rejects them or a value is missing.
        tokens_in: Estimated from the number of characters.
        tokens_out_most: Upper bound, from max_tokens or the limit of the model. None if unknown.
        usd_most: Upper bound in US dollars, for all calls whose price is known.
        unpriced: Models whose price is unknown.
        seconds: Estimated from earlier replies to the same prompts, or of this sweep. None if there were none.
        in_batches: Number of requests that wait in a batch already. They are not part of `calls`.
        is_batch: Whether the calls are sent in a batch, at half the price.
        noun: What a combination is called.
    """

    calls: int
    recorded: int
    cases: int
    locked: int
    tokens_in: int
    tokens_out_most: int | None
    usd_most: float
    unpriced: tuple[str, ...]
    seconds: float | None
    in_batches: int = 0
    is_batch: bool = False
    noun: str = "setting"

    def __str__(self) -> str:
        """ "12 settings, 120 calls · about 1,440 tokens in, at most 30,720 out · at most $0.47 · about 40 s"."""
        parts = [f"{counted(self.cases - self.locked, self.noun)}, {counted(self.calls, 'call')}{self._how}"]
        if self.recorded:
            parts.append(f"{self.recorded:,} answered from the history")
        if self.in_batches:
            parts.append(f"{self.in_batches:,} wait in a batch already")
        if self.locked:
            parts.append(f"{self.locked} locked and not sent")
        if self.calls:
            most = "" if self.tokens_out_most is None else f", at most {self.tokens_out_most:,} out"
            parts += [f"about {self.tokens_in:,} tokens in{most}", self._money()]
            known = "time not known yet" if self.seconds is None else f"about {duration(self.seconds)}"
            parts.append(BATCH_TIME if self.is_batch else known)
        parts += ["fresh=True (in a cell --fresh) asks for all"] * bool(self.recorded)
        return " · ".join(parts)

    @property
    def _how(self) -> str:
        return " in a batch, at half the price" if self.is_batch and self.calls else ""

    def _money(self) -> str:
        known = "" if self.unpriced and not self.usd_most else f"at most {reply.dollars(self.usd_most)}"
        unknown = f"price of {', '.join(self.unpriced)} unknown" if self.unpriced else ""
        return " and ".join(filter(None, (known, unknown))) if self.usd_most or unknown else "free"

    def over(self, budget_usd: float | None, max_calls: int | None) -> str | None:
        """Return why the user must agree first, as one line; None if it is within the limits.

        A limit of None means the default: 1.00 US dollars, 1000 calls.
        """
        calls_limit = MAX_CALLS if max_calls is None else number("max_calls", max_calls)
        usd_limit = BUDGET_USD if budget_usd is None else number("budget_usd", budget_usd)
        if self.calls > calls_limit:
            return f"{self.calls:,} calls are more than {calls_limit:,.0f}; allow them with max_calls={self.calls}"
        if self.usd_most > usd_limit:
            most = reply.dollars(self.usd_most)
            cheaper = ", or lower max_tokens" if self.tokens_out_most else ""
            enough = math.ceil(100 * self.usd_most) / 100
            return f"up to {most} is more than ${usd_limit:.2f}; allow it with budget_usd={enough:.2f}{cheaper}"
        if self.unpriced and budget_usd is not None:
            models = ", ".join(self.unpriced)
            return f"the price of {models} is unknown, so ${usd_limit:.2f} cannot be guaranteed; leave budget_usd out"
        return None


def forecast(
    plan: Plan,
    session: Session,
    *,
    recorded: Iterable[str] = (),
    concurrency: int = 8,
    known_s: Mapping[tuple[str, str], float] = MappingProxyType({}),
    in_batches: int | None = None,
) -> Forecast:
    """Return the forecast of a plan.

    recorded    the keys of requests that the history answers
    known_s     seconds of a reply that were measured in this sweep, by provider and model
    in_batches  how many further requests wait in a batch; None: the calls are not sent in a batch
    """
    known = frozenset(recorded)
    to_send = [request for request in plan.requests if not known or request.key not in known]
    limits = [_most_out(request, session) for request in to_send]
    dollars = [most_usd(request, session) for request in to_send]
    times_s = [known_s.get((r.provider, r.model)) or session.totals.mean_s(r) for r in to_send]
    return Forecast(
        calls=len(to_send),
        recorded=len(plan.requests) - len(to_send),
        cases=len(plan.cases),
        locked=sum(case.locked is not None for case in plan.cases),
        tokens_in=sum(map(tokens_in, to_send)),
        tokens_out_most=None if None in limits else sum(most or 0 for most in limits),
        usd_most=(1 if in_batches is None else BATCH_FACTOR) * sum(cost or 0.0 for cost in dollars),
        unpriced=tuple(dict.fromkeys(r.model for r, cost in zip(to_send, dollars, strict=True) if cost is None)),
        seconds=None
        if None in times_s
        else sum(time or 0.0 for time in times_s) / max(1, min(concurrency, len(to_send))),
        noun=plan.noun,
        in_batches=in_batches or 0,
        is_batch=in_batches is not None,
    )


def together(parts: Sequence[Forecast]) -> Forecast:
    """Return the forecast of several sweeps, one after the other."""
    first, *others = parts
    for part in others:
        out, seconds = (first.tokens_out_most, part.tokens_out_most), (first.seconds, part.seconds)
        first = replace(
            first,
            calls=first.calls + part.calls,
            recorded=first.recorded + part.recorded,
            tokens_in=first.tokens_in + part.tokens_in,
            tokens_out_most=None if None in out else sum(most or 0 for most in out),
            usd_most=first.usd_most + part.usd_most,
            unpriced=tuple(dict.fromkeys((*first.unpriced, *part.unpriced))),
            seconds=None if None in seconds else sum(time or 0.0 for time in seconds),
            is_batch=first.is_batch and part.is_batch,
        )
    return first


def require(excess: str | None) -> None:
    """Raise ConfigError for a forecast that is over a limit."""
    if excess:
        raise ConfigError(excess)


def duration(seconds: float) -> str:
    """Return a time for people: duration(40) -> "40 s", duration(200) -> "3 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _most_out(request: Request, session: Session) -> int | None:
    if request.sampling.max_tokens:
        return request.sampling.max_tokens
    if request.provider == "demo":
        from claude_nb.demo import MAX_TOKENS

        return MAX_TOKENS
    if request.provider == "local":
        from claude_nb.providers.local.dialect import MAX_TOKENS

        return MAX_TOKENS
    return session.models.spec(request.model, request.provider).max_output


def most_usd(request: Request, session: Session) -> float | None:
    """Return the most that a call can cost. A token has at least one byte, so the bytes bound the prompt's tokens."""
    most_out = _most_out(request, session)
    price = session.models.price(request.model, request.provider, request.speed)
    if price is None or most_out is None:
        return None
    texts = (request.system or "", *(message.text for message in request.messages))
    tokens = sum(len(text.encode()) for text in texts)
    return price.cost_usd(usage_of(request, tokens, most_out, most_searches(request)))

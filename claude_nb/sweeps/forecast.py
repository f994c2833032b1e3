"""What a sweep will take, said before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from claude_nb.errors import ConfigError
from claude_nb.render import reply
from claude_nb.render.chars import counted
from claude_nb.session.budget import tokens_in
from claude_nb.session.session import Session
from claude_nb.sweeps.plan import Plan
from claude_nb.types.request import Request, Usage

MAX_CALLS = 1000
BUDGET_USD = 1.00


@dataclass(frozen=True)
class Forecast:
    """
    calls            requests to send; recorded ones are answered from the history and not among them
    cases, locked    combinations, and how many of them the model refuses
    tokens_in        estimated from the characters
    tokens_out_most  no reply can be longer: max_tokens, or the model's own limit; None: not known
    usd_most         upper bound of the cost of all calls whose price is known
    unpriced         models whose price nobody knows
    seconds          at the pace this session has measured; None: nothing measured yet
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

    def __str__(self) -> str:
        """ "12 settings, 120 calls · about 1,440 tokens in, at most 30,720 out · at most $0.47 · about 40 s"."""
        parts = [f"{counted(self.cases - self.locked, 'setting')}, {counted(self.calls, 'call')}"]
        if self.recorded:
            parts.append(f"{self.recorded:,} answered from the history")
        if self.locked:
            parts.append(f"{self.locked} locked: the model refuses them")
        if self.calls:
            most = "" if self.tokens_out_most is None else f", at most {self.tokens_out_most:,} out"
            parts += [f"about {self.tokens_in:,} tokens in{most}", self._money()]
            parts.append("time not known yet" if self.seconds is None else f"about {duration(self.seconds)}")
        return " · ".join(parts)

    def _money(self) -> str:
        known = "" if self.unpriced and not self.usd_most else f"at most {reply.dollars(self.usd_most)}"
        unknown = f"price of {', '.join(self.unpriced)} unknown" if self.unpriced else ""
        return " and ".join(filter(None, (known, unknown))) if self.usd_most or unknown else "free"

    def over(self, budget_usd: float | None, max_calls: int | None) -> str | None:
        """Why this needs a yes first, one line; None: it is within the limits. Without a limit, the usual one holds."""
        calls_limit = MAX_CALLS if max_calls is None else max_calls
        usd_limit = BUDGET_USD if budget_usd is None else budget_usd
        if self.calls > calls_limit:
            return f"{self.calls:,} calls are more than {calls_limit:,}; allow them with max_calls={self.calls}"
        if self.usd_most > usd_limit:
            most = reply.dollars(self.usd_most)
            cheaper = "; a lower max_tokens makes it less" if self.tokens_out_most else ""
            enough = math.ceil(100 * self.usd_most) / 100
            return f"up to {most} is more than ${usd_limit:.2f}; allow it with budget_usd={enough:.2f}{cheaper}"
        if self.unpriced and budget_usd is not None:
            return f"the price of {', '.join(self.unpriced)} is unknown, so ${usd_limit:.2f} cannot be promised"
        return None


def forecast(plan: Plan, session: Session, *, recorded: Iterable[str] = (), concurrency: int = 8) -> Forecast:
    """The forecast of a plan. recorded: the keys of requests that the history answers."""
    known = frozenset(recorded)
    to_send = [request for request in plan.requests if not known or request.key not in known]
    limits = [_most_out(request, session) for request in to_send]
    dollars = [_most_usd(request, session, most) for request, most in zip(to_send, limits, strict=True)]
    paces = [session.totals.mean_s(request.provider, request.model) for request in to_send]
    return Forecast(
        calls=len(to_send),
        recorded=len(plan.requests) - len(to_send),
        cases=len(plan.cases),
        locked=sum(case.locked is not None for case in plan.cases),
        tokens_in=sum(map(tokens_in, to_send)),
        tokens_out_most=None if None in limits else sum(most or 0 for most in limits),
        usd_most=sum(cost or 0.0 for cost in dollars),
        unpriced=tuple(dict.fromkeys(r.model for r, cost in zip(to_send, dollars, strict=True) if cost is None)),
        seconds=None if None in paces else sum(pace or 0.0 for pace in paces) / max(1, min(concurrency, len(to_send))),
    )


def require(trouble: str | None) -> None:
    """Where nobody can be asked, over the limit is an error."""
    if trouble:
        raise ConfigError(trouble)


def duration(seconds: float) -> str:
    """duration(40) -> "40 s", duration(200) -> "3 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _most_out(request: Request, session: Session) -> int | None:
    if request.sampling.max_tokens:
        return request.sampling.max_tokens
    if request.provider == "demo":
        from claude_nb.demo import MAX_TOKENS

        return MAX_TOKENS
    return session.models.spec(request.model).max_output


def _most_usd(request: Request, session: Session, most_out: int | None) -> float | None:
    """A token is at least one byte, so the bytes bound the tokens of the prompt."""
    price = session.models.price(request.model, request.provider)
    if price is None or most_out is None:
        return None
    texts = (request.system or "", *(message.text for message in request.messages))
    return price.cost_usd(Usage(sum(len(text.encode()) for text in texts), most_out))

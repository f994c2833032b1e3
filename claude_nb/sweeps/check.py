"""check(): does a prompt do what it should, in how many of n tries, and how sure can one be of that?"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from time import monotonic
from typing import Any

from claude_nb.errors import ConfigError, Interrupted, PromptError
from claude_nb.render.chars import one_line
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.sweeps.forecast import require
from claude_nb.sweeps.metrics.proportion import Proportion
from claude_nb.sweeps.metrics.registry import passed
from claude_nb.sweeps.metrics.statistics import Interval
from claude_nb.sweeps.plan import grid
from claude_nb.sweeps.sweep import How, Sweep, SweepObserver
from claude_nb.types.reply import Reply
from claude_nb.types.request import STOP_WORDS

Rule = str | re.Pattern[str] | Callable[[Reply], Any]

MOST = 500
SHOWN = 3  # failed replies in the report


@dataclass(frozen=True)
class Verdict:
    """How many of the replies passed. True (for assert and if) when the share reached at_least.

    replies   all that were judged, in order        verdicts  for each whether it passed
    missing   calls without a whole answer (an error, the time was up); they count as not passed
    """

    replies: tuple[Reply, ...]
    verdicts: tuple[bool, ...]
    at_least: float
    missing: int = 0
    why_missing: str = ""

    @property
    def n(self) -> int:
        return len(self.replies) + self.missing

    @property
    def passed(self) -> int:
        return sum(self.verdicts)

    @property
    def rate(self) -> float:
        """The share that passed, 0 to 1."""
        return self._proportion.rate

    @property
    def interval(self) -> Interval:
        """The 95 % confidence interval of the rate (Wilson): verdict.interval.low, verdict.interval.high."""
        return self._proportion.interval

    @property
    def _proportion(self) -> Proportion:
        return Proportion(self.passed, self.n)

    @property
    def ok(self) -> bool:
        return self.n > 0 and self.rate >= self.at_least

    @property
    def sure(self) -> bool:
        """Whether n was large enough: the interval lies on one side of at_least."""
        return self.interval.low >= self.at_least or self.interval.high < self.at_least

    @property
    def failures(self) -> list[Reply]:
        """The replies that did not pass."""
        return [reply for reply, good in zip(self.replies, self.verdicts, strict=True) if not good]

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        """ "passed: 9 of 10 (90 %; 95 % interval 60 % to 98 %), wanted at least 80 %"."""
        low, high = self.interval
        parts = [
            f"{'passed' if self.ok else 'not passed'}: {self.passed} of {self.n} ({self.rate:.0%}; "
            f"95 % interval {low:.0%} to {high:.0%}), wanted at least {self.at_least:.0%}"
        ]
        if not self.sure and self.at_least < 1:
            parts.append("too few tries to be sure; a larger n narrows the interval")
        if self.missing:
            parts.append(f"{self.missing} without an answer ({self.why_missing}) count as not passed")
        return "; ".join(parts)

    def __repr__(self) -> str:
        examples = [f"  did not pass: {_short(reply)}" for reply in self.failures[:SHOWN]]
        return "\n".join([str(self), *examples])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        colour = "#2e7d32" if self.ok else "#b3261e"
        bar = self._proportion.svg(colour, self.at_least)
        examples = "".join(f"<li>{escape(_short(reply))}</li>" for reply in self.failures[:SHOWN])
        listed = f"<div>Did not pass, for example:<ul>{examples}</ul></div>" if examples else ""
        mark = "✔" if self.ok else "✘"
        html = f'<div><b style="color:{colour}">{mark}</b> {bar} {escape(str(self))}{listed}</div>'
        return {"text/html": html, "text/plain": repr(self)}


class _Deadline(SweepObserver):
    """Looks on while the calls run, and ends them when the time is up."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ends_at = 0.0
        self.over = False

    def begin(self, _: Sweep) -> None:
        self.ends_at = monotonic() + self.seconds

    def update(self, _: Sweep, __: Mapping[int, str]) -> None:
        if monotonic() > self.ends_at:
            self.over = True
            raise KeyboardInterrupt  # as the stop button does: the sweep then ends its calls and keeps what came


def check(
    what: str | Reply | Iterable[Reply],
    rule: Rule,
    *,
    n: int = 10,
    at_least: float = 1.0,
    seconds: float = 60.0,
    budget_usd: float | None = None,
    session: Session | None = None,
    **options: Any,
) -> Verdict:
    """Send a prompt n times and check how many replies pass a rule.

    Replies from the history or a record file are used again.

    Args:
        what: A prompt, or replies to check: a Reply, a list of them or a sweep.
        rule: A text that must occur (upper or lower case), a compiled regular expression that must match, or a
            function that takes a Reply and returns whether it passes, or asserts it.
        n: Number of replies, 1 to 500.
        at_least: The share that must pass, 0 to 1.
        seconds: Time limit for all calls. Those that have not ended by then count as not passed.
        budget_usd: The highest cost in US dollars, or None for 1.00. The budget of the session applies, too.
        session: The session that sends the calls, or None for the shared one.
        **options: Options of ask(): model, temperature, system, seed ...

    Returns:
        A Verdict. It is true if enough replies passed, so that `assert check(...)` works.

    Raises:
        PromptError, ConfigError: If an option is wrong, a key is missing or the cost is over the budget.

    Example:
        >>> assert check("Tell me a story.", lambda reply: len(reply.text.split()) < 200, n=20, at_least=0.9)
        >>> check(replies, "Paris")                                  # doctest: +SKIP
    """
    if not 0 <= at_least <= 1:
        raise PromptError(f"at_least is a share, 0 to 1, not {at_least!r}")
    judge = _judge(rule)
    if not isinstance(what, str):
        given = (what,) if isinstance(what, Reply) else tuple(what)
        whole = [reply for reply in given if reply.complete]
        broken = len(given) - len(whole)
        return _verdict(whole, judge, at_least, broken, "broken off")
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST:
        raise PromptError(f"n is how often to ask, 1 to {MOST}, not {n!r}")
    calls = _calls(what, n, session or default_session(), options)
    forecast = calls.forecast()
    require(forecast.over(budget_usd, n))
    if forecast.usd_most or forecast.unpriced:
        sys.stdout.write(f"{forecast}\n")
    deadline = _Deadline(seconds)
    calls.observer = deadline
    why = "no answer"
    try:
        calls.resume()
    except Interrupted:
        if not deadline.over:
            raise
        why = f"not there after {seconds:g} s"
    whole = [reply for reply in calls.replies if reply.complete]
    if calls.hopeless and not whole:
        raise ConfigError(calls.hopeless)
    why = next((reply.error for reply in calls.replies if reply.error and not deadline.over), why)
    return _verdict(whole, judge, at_least, n - len(whole), why)


def _calls(prompt: str, n: int, session: Session, options: Mapping[str, Any]) -> Sweep:
    plan = grid(session, prompt, options, n=n)
    if plan.axes:
        raise PromptError(
            f"check() tries one setting, and {next(iter(plan.axes))} is a list; use sweep(..., check=rule)"
        )
    # One after the other on the demo model: without a seed it takes its random numbers from Python's own generator,
    # and graders that reseed that want the same replies each time.
    concurrency = 1 if plan.requests[0].provider == "demo" else 8
    replay = "only" if session.memory.mode == "only" else "use"
    return Sweep(plan, session=session, how=How(concurrency=concurrency, replay=replay))


def _verdict(replies: list[Reply], judge: Callable[[Reply], bool], at_least: float, missing: int, why: str) -> Verdict:
    return Verdict(tuple(replies), tuple(judge(reply) for reply in replies), at_least, missing, why if missing else "")


def _judge(rule: Rule) -> Callable[[Reply], bool]:
    if isinstance(rule, str):
        wanted = rule.casefold()
        if not wanted:
            raise PromptError("the text to look for is empty")
        return lambda reply: wanted in reply.text.casefold()
    if isinstance(rule, re.Pattern):
        return lambda reply: rule.search(reply.text) is not None
    if callable(rule):
        return lambda reply: passed(reply, rule)
    raise PromptError(f"a rule is a text, a compiled pattern or a function of the reply, not {rule!r:.60}")


def _short(reply: Reply) -> str:
    return f"{one_line(reply.text, 100)!r} ({STOP_WORDS[reply.stop_reason]})"

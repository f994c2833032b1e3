"""check(): how often a prompt gives an acceptable reply, with a confidence interval."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from time import monotonic
from typing import Any

from claude_nb.errors import ConfigError, Interrupted, PromptError
from claude_nb.guard import attempt, is_a, shown
from claude_nb.render.chars import one_line, terminal_safe, write_out
from claude_nb.session.default import default_session
from claude_nb.session.options import number
from claude_nb.session.session import Session
from claude_nb.sweeps.evaluation import graders
from claude_nb.sweeps.forecast import require
from claude_nb.sweeps.metrics.checks import named, passed
from claude_nb.sweeps.metrics.proportion import Proportion
from claude_nb.sweeps.metrics.statistics import Interval
from claude_nb.sweeps.plan import grid
from claude_nb.sweeps.requests import with_prompts
from claude_nb.sweeps.run_options import RunOptions, replay_mode
from claude_nb.sweeps.sweep import Sweep, SweepObserver
from claude_nb.types.reply import Reply

Rule = str | re.Pattern[str] | Callable[[Reply], Any]

MOST_CALLS = 500
SHOWN = 3  # failed replies in the report


@dataclass(frozen=True)
class Verdict:
    """Share of the replies that passed. It is true, for `assert` and `if`, when the rate reaches `at_least`.

    Attributes:
        replies: The complete replies, in order.
        verdicts: Whether each of them passed.
        at_least: The rate that is required, 0 to 1.
        missing: Number of calls without a complete reply. They count as not passed.
        why_missing: Why they are missing; "" if none is.
        interval: The 95 % confidence interval of the rate (Wilson), with `.low` and `.high`.

    Example:
        >>> verdict = check("Tell me a story.", "fox", n=20)  # doctest: +SKIP
        >>> verdict.passed, verdict.rate, verdict.interval.low  # doctest: +SKIP
        (18, 0.9, 0.6989663547715128)
    """

    replies: tuple[Reply, ...]
    verdicts: tuple[bool, ...]
    at_least: float
    missing: int = 0
    why_missing: str = ""

    @property
    def n(self) -> int:
        """Number of calls, including those without a complete reply."""
        return len(self.replies) + self.missing

    @property
    def passed(self) -> int:
        """Number of replies that passed."""
        return sum(self.verdicts)

    @property
    def rate(self) -> float:
        """The share of all calls that passed, 0 to 1."""
        return self._proportion.rate

    @property
    def interval(self) -> Interval:
        """The 95 % interval (Wilson) of the rate of many more calls: .low and .high, 0 to 1."""
        return self._proportion.interval

    @property
    def _proportion(self) -> Proportion:
        return Proportion(self.passed, self.n)

    @property
    def ok(self) -> bool:
        """Return whether the rate reaches `at_least`."""
        return self.n > 0 and self.rate >= self.at_least

    @property
    def sure(self) -> bool:
        """Return whether n was large enough, so that the whole interval lies on one side of `at_least`."""
        return self.interval.low >= self.at_least or self.interval.high < self.at_least

    @property
    def failures(self) -> list[Reply]:
        """The complete replies that did not pass."""
        return [reply for reply, is_good in zip(self.replies, self.verdicts, strict=True) if not is_good]

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
            parts.append("too few calls to be sure; use a larger n")
        if self.missing:
            parts.append(f"{self.missing} without a complete reply ({self.why_missing}) count as not passed")
        return "; ".join(parts)

    def __repr__(self) -> str:
        examples = [f"  did not pass: {_short(reply)}" for reply in self.failures[:SHOWN]]
        return terminal_safe("\n".join([str(self), *examples]))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        colour = "#2e7d32" if self.ok else "#b3261e"
        bar = self._proportion.svg(colour, self.at_least)
        examples = "".join(f"<li>{escape(_short(reply))}</li>" for reply in self.failures[:SHOWN])
        listed = f"<div>Did not pass, for example:<ul>{examples}</ul></div>" if examples else ""
        mark = "✔" if self.ok else "✘"
        html = f'<div><b style="color:{colour}">{mark}</b> {bar} {escape(str(self))}{listed}</div>'
        return {"text/html": html, "text/plain": repr(self)}


class _Deadline(SweepObserver):
    """Ends the calls when the time is up."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ends_at = 0.0
        self.is_over = False

    def begin(self, _: Sweep) -> None:
        self.ends_at = monotonic() + self.seconds

    def update(self, _: Sweep, __: Mapping[int, str]) -> None:
        if monotonic() > self.ends_at:
            self.is_over = True
            raise KeyboardInterrupt  # like the stop button: the sweep ends its calls and keeps their replies


def check(  # noqa: PLR0913 - a public function: each parameter is named where it is used
    what: str | Reply | Iterable[Reply],
    rule: Rule,
    *,
    n: int = 10,
    at_least: float = 1.0,
    seconds: float = 60.0,
    budget_usd: float | None = None,
    fresh: bool = False,
    session: Session | None = None,
    **options: Any,
) -> Verdict:
    """Send a prompt n times and judge every reply.

    Replies that the history or a record file holds are not requested again, unless `fresh` is True.

    Args:
        what: A prompt; or a Reply, several replies or a sweep, which are judged without any call.
        rule: A text that must occur, in upper or lower case; a compiled regular expression that must match somewhere;
            a function of the Reply that returns whether it passes, or uses assert; or one of claude_nb.graders.
        n: Number of calls, 1 to 500.
        at_least: The rate that is required, 0 to 1.
        seconds: Time after which running calls are ended. They count as not passed.
        budget_usd: Most that the calls may cost, in US dollars. None: 1.00. The budget of the session applies as well.
        fresh: True sends every request, also those that the history can answer.
        session: The session that runs the calls. None: the one of %claude.
        **options: Options of ask(), such as model, temperature, system or seed, and values for `{{name}}`. Other names
            are looked up in `variables={...}` and in the calling code.

    Returns:
        The verdict. It is true when the rate reaches `at_least`.

    Raises:
        PromptError: The prompt, the rule or an option is wrong; nothing was sent.
        ConfigError: A key is missing, or the calls may cost too much; nothing was sent.

    Example:
        >>> assert check("Tell me a story.", lambda reply: len(reply.text.split()) < 200, n=20, at_least=0.9)
        >>> check(replies, "Paris")  # doctest: +SKIP
    """
    at_least, seconds = number("at_least", at_least), number("seconds", seconds)
    if not 0 <= at_least <= 1:
        raise PromptError(f"at_least is a share, 0 to 1, not {at_least:g}")
    judge = _judge(rule)
    if not isinstance(what, str):
        replies = _replies(what)
        complete = [reply for reply in replies if not reply.broke_off]
        return _verdict(complete, judge, at_least, len(replies) - len(complete), "incomplete")
    n = int(number("n", n, whole=True))
    if not 1 <= n <= MOST_CALLS:
        raise PromptError(f"n is the number of calls, 1 to {MOST_CALLS}, not {n}")
    sweep = _sweep(what, n, session or default_session(), options, fresh=fresh)
    forecast = sweep.forecast()
    require(forecast.over(budget_usd, n))
    if forecast.usd_most or forecast.unpriced:
        write_out(f"{forecast}\n")
    deadline = _Deadline(seconds)
    sweep.observer = deadline
    why = "no answer"
    try:
        sweep.resume()
    except Interrupted:
        if not deadline.is_over:
            raise
        why = f"not complete after {seconds:g} s"
    complete = [reply for reply in sweep.replies if not reply.broke_off]
    if sweep.hopeless and not complete:
        raise ConfigError(sweep.hopeless)
    why = next((reply.error for reply in sweep.replies if reply.error and not deadline.is_over), why)
    return _verdict(complete, judge, at_least, n - len(complete), why)


def _replies(what: Reply | Iterable[Reply]) -> tuple[Reply, ...]:
    """Return finished replies. Raises PromptError for anything else."""
    if isinstance(what, Reply):
        return (what,)
    found: tuple[Any, ...] = attempt(lambda: tuple(what), (what,))
    if wrong := [each for each in found if not isinstance(each, Reply)]:
        raise PromptError(f"check() takes a prompt, a Reply or several replies, not {shown(wrong[0])}")
    return found


def _sweep(prompt: str, n: int, session: Session, options: Mapping[str, Any], *, fresh: bool) -> Sweep:
    settings = dict(options)
    variables = settings.pop("variables", None)
    plan = grid(session, with_prompts(session, prompt, variables), settings, n=n, variables=variables)
    if plan.axes:
        raise PromptError(
            f"check() takes a single setting, but {next(iter(plan.axes))} is a list; use sweep(..., check=rule)"
        )
    # One after the other on the demo model: without a seed it uses Python's own random generator, and a test that seeds
    # the generator expects the same replies each time.
    concurrency = 1 if plan.requests[0].provider == "demo" else 8
    run_options = RunOptions(concurrency, replay_mode(session, fresh=fresh))
    return Sweep(plan, session=session, run_options=run_options)


def _verdict(replies: list[Reply], judge: Callable[[Reply], bool], at_least: float, missing: int, why: str) -> Verdict:
    return Verdict(tuple(replies), tuple(judge(reply) for reply in replies), at_least, missing, why if missing else "")


def _judge(rule: Rule) -> Callable[[Reply], bool]:
    if is_a(rule, str):
        if not rule:
            raise PromptError("the rule is an empty text; give a text that must occur in the reply")
        rule = graders.contains(rule)
    elif is_a(rule, re.Pattern):
        rule = graders.regex(rule)
    if callable(rule):
        ((name, function),) = named(rule).items()
        return lambda reply: passed(reply, function, name)
    raise PromptError(f"a rule is a text, a compiled pattern or a function of the reply, not {shown(rule)}")


def _short(reply: Reply) -> str:
    return f"{one_line(reply.text, 100)!r} ({reply.ending})"

"""Count the first words of a real model's replies, because Claude APIs give no probabilities."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.render import reply as footer
from claude_nb.render.chars import terminal_safe, write_out
from claude_nb.render.table import html_table
from claude_nb.session.default import default_session
from claude_nb.session.options import number
from claude_nb.session.session import Session
from claude_nb.sweeps.forecast import require
from claude_nb.sweeps.metrics.proportion import Proportion
from claude_nb.sweeps.metrics.statistics import Interval
from claude_nb.sweeps.plan import grid
from claude_nb.sweeps.run_options import RunOptions
from claude_nb.sweeps.sweep import Sweep
from claude_nb.types.reply import Reply

MOST_BARS = 15
HEADINGS = ("first word", "replies", "share, with its 95 % interval")
MOST_CALLS = 1000
MAX_TOKENS = 8  # enough for one word, which may be several tokens
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|\S")


@dataclass(frozen=True)
class Measured:
    """Counts of the first words, most frequent first. Another n replies would give other shares.

    Attributes:
        prompt: The prompt that was sent.
        who: The model.
        counts: The number of replies for each first word.
        failed: Number of calls without a reply.
        cost_usd: US dollars in all. None if unknown.

    Example:
        >>> measured.share("fox"), measured.interval("fox").low  # doctest: +SKIP
        (0.4, 0.24590628116801852)
    """

    prompt: str
    who: str
    counts: dict[str, int]
    failed: int
    cost_usd: float | None

    @property
    def n(self) -> int:
        """Number of replies that were counted."""
        return sum(self.counts.values())

    @property
    def title(self) -> str:
        """Return what these numbers are."""
        return f"{self.n} replies of {self.who}, counted: measured frequencies, not probabilities"

    def share(self, word: str) -> float:
        """Return the share of replies that begin with this word, 0 to 1."""
        return self._proportion(word).rate

    def interval(self, word: str) -> Interval | None:
        """Return the 95 % confidence interval of a share (Wilson). None without replies."""
        return self._proportion(word).interval if self.n else None

    def _proportion(self, word: str) -> Proportion:
        return Proportion(self.counts.get(word, 0), self.n)

    def __repr__(self) -> str:
        return terminal_safe("\n".join([self.title, *self._lines()]))

    def _lines(self) -> list[str]:
        lines = []
        for word, count in [*self.counts.items()][:MOST_BARS]:
            rate, (low, high) = self.share(word), self._proportion(word).interval
            lines.append(f"{word:<16}{count:>4}  {rate:>6.1%}  95 % interval {low:.0%} to {high:.0%}")
        lines += [f"and {self._others} other words"] if self._others else []
        return [*lines, *([f"{self.failed} calls brought no reply"] if self.failed else [])]

    @property
    def _others(self) -> int:
        return max(0, len(self.counts) - MOST_BARS)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        table = html_table(HEADINGS, (self._row(word) for word in [*self.counts][:MOST_BARS]))
        cost = "cost unknown" if self.cost_usd is None else footer.dollars(self.cost_usd) if self.cost_usd else "free"
        others = f"{self._others} other words" if self._others else ""
        notes = [others, f"{self.failed} calls failed" if self.failed else "", cost]
        html = (
            f'<div style="font-size:.9em"><b>{escape(self.title)}</b><br>{escape(self.prompt)}{table}'
            f"{escape(' · '.join(filter(None, notes)))}</div>"
        )
        return {"text/html": html, "text/plain": repr(self)}

    def _row(self, word: str) -> list[str]:
        proportion = self._proportion(word)
        low, high = proportion.interval
        bar = proportion.svg("#c0562a")
        return [escape(word), str(proportion.count), f"{bar} {proportion.rate:.0%}, between {low:.0%} and {high:.0%}"]


def measure(
    prompt: str,
    n: int = 30,
    *,
    session: Session | None = None,
    max_tokens: int = MAX_TOKENS,
    budget_usd: float | None = None,
    quiet: bool = False,
    **options: Any,
) -> Measured:
    """Send a prompt n times, and count the first words of the replies. The forecast is printed before anything is sent.

    max_tokens  of each reply
    budget_usd  most that the calls may cost, in US dollars; None: 1.00
    quiet       True prints no forecast
    options     options of ask(): model, temperature, system ...

    >>> measure("Name one animal. Answer with one word.", n=30, model="haiku")     # doctest: +SKIP
    """
    n = int(number("n", n, whole=True))
    if not 1 <= n <= MOST_CALLS:
        raise PromptError(f"n is the number of calls, 1 to {MOST_CALLS}, not {n}")
    session = session or default_session()
    plan = grid(session, prompt, {"max_tokens": max_tokens, **options}, n=n)
    sweep = Sweep(plan, session=session, run_options=RunOptions(replay="use"))
    forecast = sweep.forecast()
    if not quiet:
        write_out(f"{forecast}\n")
    require(forecast.over(budget_usd, n))
    replies = list(sweep.resume())
    answered = [reply for reply in replies if reply.error is None]
    counts = Counter(first_word(reply) for reply in answered)
    request = plan.requests[0]
    who = "the demo model" if request.provider == "demo" else request.model
    costs = [reply.cost_usd for reply in answered]
    cost = None if None in costs else sum(cost or 0.0 for cost in costs)
    return Measured(prompt, who, dict(counts.most_common()), n - len(answered), cost)


def first_word(reply: Reply) -> str:
    """Return the first word of a reply. A model that thinks first may have no tokens left for one."""
    if match := WORD.search(reply.text):
        return match[0]
    return "(only thinking)" if reply.thinking else "(nothing)"

"""A share of n: the rate, its confidence interval, and a bar that shows both."""

from __future__ import annotations

from dataclasses import dataclass

from claude_nb.sweeps.metrics.statistics import Interval, wilson


@dataclass(frozen=True)
class Proportion:
    """A count out of n: Proportion(9, 10).rate -> 0.9."""

    count: int
    n: int

    @property
    def rate(self) -> float:
        """The share, 0 to 1. It is 0 for n = 0."""
        return self.count / self.n if self.n else 0.0

    @property
    def interval(self) -> Interval:
        """The 95 % confidence interval of the rate (Wilson). It is 0 to 1 for n = 0."""
        return wilson(self.count, self.n) or Interval(0.0, 1.0)

    def svg(self, colour: str, goal: float | None = None) -> str:
        """Draw the rate as a bar, its interval as a whisker, and the goal, if any, as a dashed line."""
        low, high = self.interval
        left, right = (f"{1 + 200 * x:.0f}" for x in (low, high))
        dashes = 'stroke="currentColor" stroke-dasharray="2 2"'
        line = "" if goal is None else f'<path d="M{1 + 200 * goal:.0f} 0v16" {dashes}/>'
        return (
            f'<svg width="204" height="16" role="img" aria-label="{low:.0%} to {high:.0%}">'
            f'<rect y="5" x="1" width="{200 * self.rate:.0f}" height="7" fill="{colour}" fill-opacity=".7"/>'
            f'<path d="M{left} 2v13M{right} 2v13M{left} 8.5H{right}" stroke="currentColor" fill="none"/>{line}</svg>'
        )

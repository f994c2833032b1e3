"""Limit how often something is drawn, so that the bytes per second stay bounded."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Rate:
    """The time of the next drawing: a heavy drawing delays the next one longer than a light one.

    >>> rate = Rate(bytes_per_s=10_000, shortest_s=0.1)
    >>> rate.drawn(now=5.0, weight=2_000)
    >>> round(rate.wait_s(now=5.1), 3)
    0.1

    Attributes:
        bytes_per_s: The most bytes per second; infinite for no bound.
        shortest_s: The least time between two drawings, in seconds.
        longest_s: The most time between two drawings, in seconds; it wins over `bytes_per_s`.
        due_s: When the next drawing is due, on the caller's clock.
    """

    bytes_per_s: float = math.inf
    shortest_s: float = 0.0
    longest_s: float = math.inf
    due_s: float = -math.inf

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next drawing is due, at least 0."""
        return max(0.0, self.due_s - now)

    def drawn(self, now: float, weight: int = 0) -> None:
        """Note that `weight` bytes were drawn at `now`."""
        self.due_s = now + min(self.longest_s, max(self.shortest_s, weight / self.bytes_per_s))

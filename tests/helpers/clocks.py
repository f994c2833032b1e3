"""Time for tests: it passes when a test says so."""

from __future__ import annotations

from claude_nb.stop_signal import Stop


class Clock:
    """Stands still until it is moved: clock.now += 5."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class HurriedStop(Stop):
    """Does not wait; notes for how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.is_set()

"""Limits how many calls run at once: fewer while the server rejects many, more again while it answers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from claude_nb.stop_signal import Stop

WINDOW = 20  # outcomes looked at
TOO_MANY = 5  # refusals among them
PAUSE_S = 0.5
SLICE_S = 0.25  # in which a stop is noticed


class Throttle:
    """Limit the number of concurrent calls.

    limit    calls at once, at most
    allowed  the current limit, between 1 and `limit`

    A single refusal changes nothing. When a quarter of the last outcomes are refusals, all calls pause and the limit
    is halved. Each full round of answers raises it by a quarter. When the server sets a time to wait, all calls wait.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.allowed = limit
        self.running = 0
        self._clock = clock
        self._free = threading.Condition()
        self._outcomes: deque[bool] = deque(maxlen=WINDOW)
        self._answers = 0
        self._paused_until = clock()

    def start(self, stop: Stop) -> bool:
        """Wait for a free slot and take it. False after a stop, without a slot."""
        with self._free:
            while not stop.is_set():
                wait_s = self.wait_s()
                if wait_s == 0:
                    self.running += 1
                    return True
                self._free.wait(min(wait_s or SLICE_S, SLICE_S))
        return False

    def wait_s(self) -> float | None:
        """Return the seconds until a call may start; 0 for now; None until another call ends."""
        paused = self._paused_until - self._clock()
        if paused > 0:
            return paused
        return 0 if self.running < self.allowed else None

    def answered(self) -> None:
        """Free the slot of a call that was answered, with success or not."""
        with self._free:
            self.running -= 1
            self._outcomes.append(True)
            self._answers += 1
            if self._answers >= self.allowed < self.limit:
                self.allowed = min(self.limit, self.allowed + max(1, self.allowed // 4))
                self._answers = 0
            self._wake()

    def refused(self, pause_s: float = 0.0) -> None:
        """Free the slot of a call that the server rejected. pause_s: seconds for which it wants no calls."""
        with self._free:
            self.running -= 1
            self._outcomes.append(False)
            if self._outcomes.count(False) >= TOO_MANY:
                self.allowed = max(1, self.allowed // 2)
                self._answers = 0
                self._outcomes.clear()
                pause_s = max(pause_s, PAUSE_S)
            self._paused_until = max(self._paused_until, self._clock() + pause_s)
            self._wake()

    def _wake(self) -> None:
        """Wake as many as may start. Hundreds of times a second, waking all of them would cost too much."""
        self._free.notify(max(0, self.allowed - self.running))

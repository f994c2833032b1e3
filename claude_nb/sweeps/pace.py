"""How many calls may run at once: fewer when the server refuses many of them, more again when it answers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from claude_nb.errors import Overloaded
from claude_nb.stop import Stop

WINDOW = 20  # outcomes looked at
TOO_MANY = 5  # refusals among them
PAUSE_S = 0.5
# The waits between tries that we choose ourselves are shorter; a longer one is the server's wish, and it holds for
# every call made with the same key.
OWN_WAIT_S = 1.0


class Pace:
    """Slots for running calls. A call that is refused gives its slot back until it is tried again.

    limit    calls at once at most; allowed is how many it is now, between 1 and limit

    A single refusal holds back only the call that met it. When a quarter of the newest outcomes are refusals, all wait
    for a moment and half as many may run; each full round of answers lets a quarter more in.
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
        """Wait for a slot and take it. False: stopped, and none was taken."""
        with self._free:
            while not stop.is_set():
                wait_s = self.wait_s()
                if wait_s == 0:
                    self.running += 1
                    return True
                self._free.wait(min(wait_s or 0.25, 0.25))
        return False

    def wait_s(self) -> float | None:
        """Seconds until a call may start: 0 for now; None: when another one ends."""
        paused = self._paused_until - self._clock()
        if paused > 0:
            return paused
        return 0 if self.running < self.allowed else None

    def answered(self) -> None:
        """The call has ended with an answer, good or bad, and its slot is free."""
        with self._free:
            self.running -= 1
            self._outcomes.append(True)
            self._answers += 1
            if self._answers >= self.allowed < self.limit:
                self.allowed = min(self.limit, self.allowed + max(1, self.allowed // 4))
                self._answers = 0
            self._wake()

    def refused(self, wait_s: float) -> None:
        """Overloaded; the call is tried again in *wait_s* seconds, and its slot is free till then."""
        with self._free:
            self.running -= 1
            self._outcomes.append(False)
            pause_s = wait_s if wait_s > OWN_WAIT_S else 0.0
            if self._outcomes.count(False) >= TOO_MANY:
                self.allowed = max(1, self.allowed // 2)
                self._answers = 0
                self._outcomes.clear()
                pause_s = max(pause_s, PAUSE_S)
            self._paused_until = max(self._paused_until, self._clock() + pause_s)
            self._wake()

    def _wake(self) -> None:
        """As many as may start, and no more: with hundreds of calls a second, waking all for each would be the work."""
        self._free.notify(max(0, self.allowed - self.running))


class Slot:
    """The slot of one call, for Session.run(slot=slot.held): for all its tries, but free while it waits for the next.

    stop  ends the wait for a slot; the call then ends as if it had been stopped itself
    """

    def __init__(self, pace: Pace, stop: Stop) -> None:
        self._pace = pace
        self._stop = stop
        self._taken = False

    @contextmanager
    def held(self, call: Stop) -> Iterator[bool]:
        """Gives False, and holds nothing, when stopped before there was one."""
        if not self.take():
            call.set()
        try:
            yield self._taken
        except Overloaded:
            self.give(PAUSE_S)
            raise
        finally:
            if self._taken:
                self._taken = False
                self._pace.answered()

    def take(self) -> bool:
        """Wait for it."""
        self._taken = self._taken or self._pace.start(self._stop)
        return self._taken

    def give(self, wait_s: float) -> None:
        """The server refused the call, which is tried again in so many seconds, or not at all."""
        if self._taken:
            self._taken = False
            self._pace.refused(wait_s)

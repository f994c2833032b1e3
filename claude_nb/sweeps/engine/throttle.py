"""How many calls may run at once: fewer when the server refuses many of them, more again when it answers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from claude_nb.errors import Overloaded
from claude_nb.providers.http.keepalive import KeptConnections
from claude_nb.stop_signal import Stop

WINDOW = 20  # outcomes looked at
TOO_MANY = 5  # refusals among them
PAUSE_S = 0.5
SLICE_S = 0.25  # in which a stop is seen
CONNECTIONS = 128  # kept by all threads of a sweep, where it has fewer threads; macOS gives a process 256 files
ENOUGH = 4  # answers to calls like a refused one that began after it: the server has room again


class _Rest:
    """The wait of a refused call for its next try, until calls of its kind that began after it are answered."""

    def __init__(self, number: int, kind: Hashable) -> None:
        self._number = number
        self._kind = kind
        self._wanted = ENOUGH

    @property
    def is_over(self) -> bool:
        return self._wanted == 0

    @property
    def may_end(self) -> bool:
        """One answer has come, which is enough when no other is to be expected."""
        return self._wanted < ENOUGH

    def end(self) -> None:
        self._wanted = 0

    def takes(self, number: int, kind: Hashable) -> bool:
        """Whether it makes use of this answer."""
        is_ours = not self.is_over and number > self._number and kind == self._kind
        self._wanted -= is_ours
        return is_ours


class Throttle:
    """Slots for running calls. A call that is refused gives its slot back until it is tried again.

    limit    calls at once at most; allowed is how many it is now, between 1 and limit

    A single refusal holds back only the call that met it, and no longer than until some calls of its kind (for the same
    model) that began later are answered. When a quarter of the newest outcomes are refusals, all wait for a moment and
    half as many may run; each full round of answers lets a quarter more in. A wait that the server asks for is kept, by
    all.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.allowed = limit
        self.running = 0
        self._clock = clock
        self._begun = 0
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._rested = threading.Condition(self._lock)
        self._rests: list[_Rest] = []
        self._spare: deque[tuple[int, Hashable]] = deque(maxlen=WINDOW)  # answers that no rest has made use of
        self._outcomes: deque[bool] = deque(maxlen=WINDOW)
        self._answers = 0
        self._paused_until = clock()

    def start(self, stop: Stop) -> int:
        """Wait for a slot and take it: the number of the call. 0: stopped, and none was taken."""
        with self._lock:
            while not stop.is_set():
                wait_s = self.wait_s()
                if wait_s == 0:
                    self.running += 1
                    self._begun += 1
                    return self._begun
                self._free.wait(min(wait_s or SLICE_S, SLICE_S))
        return 0

    def wait_s(self) -> float | None:
        """Seconds until a call may start: 0 for now; None: when another one ends."""
        paused = self._paused_until - self._clock()
        if paused > 0:
            return paused
        return 0 if self.running < self.allowed else None

    def answered(self, number: int = 0, kind: Hashable = None) -> None:
        """The call of that number and kind has ended with an answer, good or bad, and its slot is free."""
        with self._lock:
            self.running -= 1
            self._outcomes.append(True)
            self._answers += 1
            if self._answers >= self.allowed < self.limit:
                self.allowed = min(self.limit, self.allowed + max(1, self.allowed // 4))
                self._answers = 0
            if taker := next((rest for rest in self._rests if rest.takes(number, kind)), None):
                self._end_at_last()
                if taker.is_over:
                    self._rested.notify_all()
            else:
                self._spare.append((number, kind))
            self._wake()

    def refused(self, asked_s: float = 0.0) -> None:
        """The server has no room for a call, whose slot is free now. asked_s: how long it wants to be left alone."""
        with self._lock:
            self.running -= 1
            self._outcomes.append(False)
            pause_s = asked_s
            if self._outcomes.count(False) >= TOO_MANY:
                self.allowed = max(1, self.allowed // 2)
                self._answers = 0
                self._outcomes.clear()
                pause_s = max(pause_s, PAUSE_S)
            self._paused_until = max(self._paused_until, self._clock() + pause_s)
            self._wake()

    def rest(self, number: int, kind: Hashable, wait_s: float, stop: Stop) -> None:
        """What a refused call waits for: so many seconds, or until enough of its kind that began later are answered."""
        rest, until = _Rest(number, kind), self._clock() + wait_s
        with self._lock:
            # Some may have been answered while the refusal was on its way here.
            for answer in [answer for answer in self._spare if rest.takes(*answer)]:
                self._spare.remove(answer)
            self._rests.append(rest)
            self._end_at_last()
            while not (rest.is_over or stop.is_set()) and (left := until - self._clock()) > 0:
                self._rested.wait(min(left, SLICE_S))
            self._rests.remove(rest)

    def _end_at_last(self) -> None:
        """Where nothing runs any more, there are no more answers to wait for."""
        for rest in self._rests if self.running == 0 else ():
            if rest.may_end:
                rest.end()

    @property
    def resting(self) -> int:
        """Refused calls that wait for their next try."""
        return sum(not rest.is_over for rest in self._rests)

    def _wake(self) -> None:
        """As many as may start, and no more: with hundreds of calls a second, waking all for each would be the work."""
        self._free.notify(max(0, self.allowed - self.running))


class ThrottledConnections(KeptConnections):
    """The lane of one thread of a sweep. Each of its calls has a slot, but while it waits for its next try.

    kind     of the call: those for the same model, at the same address, meet the same limits
    stop     ends the wait for a slot; the call then ends as if it had been stopped itself
    resting  told when such a wait begins (1) and when it ends (-1)
    """

    def __init__(self, pace: Throttle, stop: Stop, resting: Callable[[int], None]) -> None:
        super().__init__(most=max(1, CONNECTIONS // pace.limit))
        self.kind: Hashable = None
        self._pace = pace
        self._stop = stop
        self._resting = resting
        self._number = 0  # of the call; 0: it holds no slot

    @contextmanager
    def held(self, stop: Stop) -> Iterator[bool]:
        self._take(stop)
        try:
            yield self._number > 0
        except Overloaded:
            self._pace.refused()
            self._number = 0
            raise
        finally:
            if self._number:
                self._pace.answered(self._number, self.kind)
                self._number = 0

    def rest(self, wait_s: float, stop: Stop, *, is_asked: bool) -> None:
        number, self._number = self._number, 0
        self._pace.refused(wait_s if is_asked else 0.0)
        self._resting(1)
        try:
            self._pace.rest(number, self.kind, wait_s, self._stop)
        finally:
            self._resting(-1)
        self._take(stop)

    def _take(self, stop: Stop) -> None:
        self._number = self._pace.start(self._stop)
        if self._number:
            self.begins()
        else:
            stop.set()

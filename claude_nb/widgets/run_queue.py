"""Plays runs one after the other, in a thread of its own, and tells the front end in small steps."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from claude_nb.errors import ApiError, ClaudeError
from claude_nb.session.options import SAMPLING_NAMES
from claude_nb.session.turn import Turn
from claude_nb.widgets.transcript import Run

# A message costs about 800 bytes on the wire however little it says, so eleven a second stay under 12 kB/s.
STEP_S = 0.09
CHECKPOINT_S = 5.0
# A stopped run that the network still holds is given up after this long; what arrived is kept.
PATIENCE_S = 0.7


class RunObserver(Protocol):
    """Who is told; the playground is one. All calls come from the thread that plays."""

    def say(self, message: dict[str, Any]) -> None: ...
    def checkpoint(self, run: Run, text: str, thinking: str) -> None: ...
    def changed(self) -> None: ...
    def ended(self, run: Run) -> None: ...


class Runner:
    """A queue of runs, of which one is playing.

    threaded  False plays inside submit(), for front ends that hear nothing from other threads
    """

    def __init__(self, open_turn: Callable[[Run], Turn], audience: RunObserver, *, threaded: bool = True) -> None:
        self._open = open_turn
        self._audience = audience
        self._threaded = threaded
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._waiting: deque[Run] = deque()
        self._playing: _Play | None = None
        self._busy = False

    def submit(self, runs: Iterable[Run]) -> None:
        """Play these after those that are waiting."""
        with self._lock:
            self._waiting.extend(runs)
            begin, self._busy = not self._busy, True
        self._audience.changed()
        if not begin:
            return
        if self._threaded:
            threading.Thread(target=self._work, name="claude_nb playground", daemon=True).start()
        else:
            self._work()

    def stop(self) -> None:
        """End the run that is playing, and forget those that wait."""
        with self._lock:
            self._waiting.clear()
            playing = self._playing
        if playing:
            playing.stop()

    def wait(self, timeout: float | None) -> bool:
        """Until nothing plays or waits; False when *timeout* seconds were not enough."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._busy, timeout)

    def now(self) -> tuple[int, int]:
        """(number of the run that plays, 0 for none; how many wait)."""
        with self._lock:
            return (self._playing.run.number if self._playing else 0), len(self._waiting)

    def sync(self, number: int) -> dict[str, Any] | None:
        """All that was told of the run that plays; None if it is not this one."""
        with self._lock:
            playing = self._playing
        return playing.sync() if playing and playing.run.number == number else None

    def _work(self) -> None:
        while True:
            with self._idle:
                if not self._waiting:
                    self._busy, self._playing = False, None
                    self._idle.notify_all()
                    break
                run = self._waiting.popleft()
                play = self._playing = _Play(run, self._open(run), self._audience, threaded=self._threaded)
            play.through()
            with self._lock:
                self._playing = None
            self._audience.ended(run)
            self._audience.say({"t": "end", "run": run.number, "seq": play.seq})
        self._audience.changed()


class _Play:
    """One run while it plays: what was sent of it, and the message that continues it."""

    def __init__(self, run: Run, turn: Turn, audience: RunObserver, *, threaded: bool) -> None:
        self.run = run
        self.turn = turn
        self.seq = 0
        self._audience = audience
        self._threaded = threaded
        self._lock = threading.RLock()
        self._text = self._thinking = 0  # characters sent
        self._notice: str | None = None
        self._news = threading.Event()
        self._stopped_at: float | None = None
        self._checked_at = time.monotonic()
        self._checked = 1_000
        self._trouble: Exception | None = None

    def stop(self) -> None:
        self._stopped_at = self._stopped_at or time.monotonic()
        self.turn.stop()
        self._news.set()

    def sync(self) -> dict[str, Any]:
        with self._lock:
            text, thinking = self.turn.text[: self._text], self.turn.thinking[: self._thinking]
            return {
                "t": "sync",
                "run": self.run.number,
                "seq": self.seq,
                "text": text,
                "thinking": thinking,
                "live": True,
            }

    def through(self) -> None:
        """From the first word to the Reply; never raises."""
        self._audience.say({"t": "start", "run": self.run.number})
        self._audience.changed()
        if self._threaded:
            self._watch()
        else:
            self._read(time.monotonic)
        self.tell()
        self.run.reply = self.turn.reply or self.turn.abandon()
        if self._trouble is not None:
            self.run.error = str(self._trouble) or type(self._trouble).__name__
            blamed = self._trouble.param if isinstance(self._trouble, ApiError) else None
            self.run.blamed = blamed if blamed in SAMPLING_NAMES else None

    def _watch(self) -> None:
        reader = threading.Thread(target=self._read, name="claude_nb playground reader", daemon=True)
        reader.start()
        while reader.is_alive():
            self._news.wait(0.5)
            self._news.clear()
            self.tell()
            if self._stopped_at is not None and time.monotonic() - self._stopped_at > PATIENCE_S:
                break
            reader.join(0.02 if self._stopped_at else STEP_S)

    def _read(self, clock: Callable[[], float] | None = None) -> None:
        told = 0.0
        try:
            for _ in self.turn.chunks():
                self._news.set()
                if clock and clock() - told >= STEP_S:
                    told = clock()
                    self.tell()
        except ClaudeError as error:
            self._trouble = error
        except Exception as error:  # noqa: BLE001  # whatever it was, the user reads it in the widget
            self._trouble = ClaudeError(f"{type(error).__name__}: {error}")
        self._news.set()

    def tell(self) -> None:
        """Send what has come since the last time."""
        with self._lock:
            text, thinking = self.turn.text, self.turn.thinking
            more, thought = text[self._text :], thinking[self._thinking :]
            if more or thought:
                self.seq += 1
                message = {"t": "d", "run": self.run.number, "seq": self.seq}
                self._audience.say(message | ({"s": more} if more else {}) | ({"k": thought} if thought else {}))
                self._text, self._thinking = len(text), len(thinking)
            elif self.turn.notice != self._notice:
                self._notice = self.turn.notice
                self._audience.say({"t": "note", "run": self.run.number, "s": self._notice or ""})
        # Each checkpoint carries the whole text, so the next waits until there is half as much again.
        size = self._text + self._thinking
        if time.monotonic() - self._checked_at > CHECKPOINT_S and size > 1.5 * self._checked:
            self._checked_at, self._checked = time.monotonic(), size
            self._audience.checkpoint(self.run, text, thinking)

"""Plays runs one after the other, in a thread of its own, and tells the front end in small steps."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from claude_nb.errors import ApiError, ClaudeError
from claude_nb.render.live import LiveHtml
from claude_nb.render.rate import Rate
from claude_nb.session.options import SAMPLING_NAMES
from claude_nb.session.turn import Turn
from claude_nb.widgets.transcript import Run

# A message costs about 800 bytes on the wire however short it is, so eleven a second stay under 12 kB/s.
STEP_S = 0.09
SLOWEST_STEP_S = 0.5
BYTES_PER_S = 16_000
ENVELOPE = 800
# The queue gives up a stopped run that the network still holds after this long, and keeps what arrived.
PATIENCE_S = 0.7


class RunObserver(Protocol):
    """Who is told; the playground is one. All calls come from the thread that plays."""

    def say(self, message: dict[str, Any]) -> None: ...
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
        self._html = LiveHtml()
        self._rate = Rate(BYTES_PER_S, STEP_S, SLOWEST_STEP_S)
        self._text = self._thinking = 0  # characters sent
        self._notice: str | None = None
        self._news = threading.Event()
        self._stopped_at: float | None = None
        self._trouble: Exception | None = None

    def stop(self) -> None:
        self._stopped_at = self._stopped_at or time.monotonic()
        self.turn.stop()
        self._news.set()

    def sync(self) -> dict[str, Any]:
        with self._lock:
            return sync_message(
                self.run, self.seq, self._html.slots, self.turn.thinking[: self._thinking], self._text, live=True
            )

    def through(self) -> None:
        """From the first word to the Reply; never raises."""
        self._audience.say({"t": "start", "run": self.run.number})
        self._audience.changed()
        if self._threaded:
            self._watch()
        else:
            self._read()
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
            reader.join(0.02 if self._stopped_at else self._rate.wait_s(time.monotonic()))

    def _read(self) -> None:
        try:
            for _ in self.turn.chunks():
                self._news.set()
                if not self._threaded and not self._rate.wait_s(time.monotonic()):
                    self.tell()
        except ClaudeError as error:
            self._trouble = error
        except Exception as error:  # noqa: BLE001  # whatever it was, the user reads it in the widget
            self._trouble = ClaudeError(f"{type(error).__name__}: {error}")
        self._news.set()

    def tell(self) -> None:
        """Send what has arrived since the last time."""
        with self._lock:
            text, thinking = self.turn.text, self.turn.thinking
            more, thought = text[self._text :], thinking[self._thinking :]
            if more or thought:
                self.seq += 1
                self._text, self._thinking = len(text), len(thinking)
                message: dict[str, Any] = {"t": "d", "run": self.run.number, "seq": self.seq}
                message["n"] = self._text + self._thinking
                if more:
                    message["html"] = self._html.feed(more)
                if thought:
                    message["k"] = thought
                self._audience.say(message)
                self._rate.drawn(time.monotonic(), ENVELOPE + len(json.dumps(message)))
            elif self.turn.notice != self._notice:
                self._notice = self.turn.notice
                self._audience.say({"t": "note", "run": self.run.number, "s": self._notice or ""})


def sync_message(run: Run, seq: int, slots: Sequence[str], thinking: str, chars: int, *, live: bool) -> dict[str, Any]:
    """All of a run that the front end shows, for a view that appears late or missed a message."""
    number = {"t": "sync", "run": run.number, "seq": seq, "n": chars}
    return number | {"html": list(slots), "thinking": thinking, "live": live}

"""Run one prompt after the other in a thread, and stream each reply to the front end in small messages."""

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
from claude_nb.session.reader import ReplyView
from claude_nb.session.turn import Turn
from claude_nb.types.reply import Reply
from claude_nb.widgets.transcript import Run

# A message costs about 800 bytes on the wire however short it is, so eleven a second stay under 12 kB/s.
STEP_S = 0.09
SLOWEST_STEP_S = 0.5
BYTES_PER_S = 16_000
ENVELOPE = 800
# The queue gives up a stopped run that the network still holds after this long, and keeps what arrived.
PATIENCE_S = 0.7


class RunObserver(Protocol):
    """Observer of the queue; the playground is one. All calls come from the thread that runs."""

    def say(self, message: dict[str, Any]) -> None: ...
    def changed(self) -> None: ...
    def ended(self, run: Run) -> None: ...


class RunQueue:
    """A queue of runs, one of which is active.

    complete  sends the request of a run, and returns its reply: Session.complete
    threaded  False: run inside submit(), for front ends that receive nothing from other threads
    """

    def __init__(
        self, complete: Callable[[Run, ReplyView], Reply], observer: RunObserver, *, threaded: bool = True
    ) -> None:
        self._complete = complete
        self._observer = observer
        self._threaded = threaded
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._waiting: deque[Run] = deque()
        self._active: _ActiveRun | None = None
        self._busy = False

    def submit(self, runs: Iterable[Run]) -> None:
        """Add runs at the end of the queue."""
        with self._lock:
            self._waiting.extend(runs)
            begin, self._busy = not self._busy, True
        self._observer.changed()
        if not begin:
            return
        if self._threaded:
            threading.Thread(target=self._work, name="claude_nb playground", daemon=True).start()
        else:
            self._work()

    def stop(self) -> None:
        """Stop the active run, and drop the waiting ones."""
        with self._lock:
            self._waiting.clear()
            active = self._active
        if active:
            active.stop()

    def wait(self, timeout: float | None) -> bool:
        """Wait until the queue is empty; return False after `timeout` seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._busy, timeout)

    def now(self) -> tuple[int, int]:
        """Return the number of the active run, 0 if there is none, and how many runs are waiting."""
        with self._lock:
            return (self._active.run.number if self._active else 0), len(self._waiting)

    def sync(self, number: int) -> dict[str, Any] | None:
        """Return what the front end shows of the active run; None if another run is active."""
        with self._lock:
            active = self._active
        return active.sync() if active and active.run.number == number else None

    def _work(self) -> None:
        while True:
            with self._idle:
                if not self._waiting:
                    self._busy, self._active = False, None
                    self._idle.notify_all()
                    break
                run = self._waiting.popleft()
                active = self._active = _ActiveRun(run, self._observer, threaded=self._threaded)
            active.complete(self._complete)
            with self._lock:
                self._active = None
            self._observer.ended(run)
            self._observer.say({"t": "end", "run": run.number, "seq": active.seq})
        self._observer.changed()


class _ActiveRun(ReplyView):
    """The active run: what the front end has of it, and the message that continues it."""

    def __init__(self, run: Run, observer: RunObserver, *, threaded: bool) -> None:
        self.run = run
        self.turn: Turn | None = None
        self.seq = 0
        self._observer = observer
        self._threaded = threaded
        self._lock = threading.RLock()
        self._html = LiveHtml()
        self._rate = Rate(BYTES_PER_S, STEP_S, SLOWEST_STEP_S)
        self._text = self._thinking = 0  # characters sent
        self._notice: str | None = None
        self._arrived = threading.Event()
        self._stopped_s: float | None = None
        self._error: Exception | None = None

    def stop(self) -> None:
        self._stopped_s = self._stopped_s or time.monotonic()
        if self.turn:
            self.turn.stop()
        self._arrived.set()

    def sync(self) -> dict[str, Any]:
        with self._lock:
            thinking = self.turn.thinking[: self._thinking] if self.turn else ""
            return sync_message(self.run, self.seq, self._html.slots, thinking, live=True)

    def complete(self, complete: Callable[[Run, ReplyView], Reply]) -> None:
        """Get the whole reply. Errors become part of the run."""
        self._observer.say({"t": "start", "run": self.run.number})
        self._observer.changed()
        try:
            self.run.reply = complete(self.run, self)
        except Exception as error:  # noqa: BLE001  # the widget shows any error
            self.run.reply = self.turn.reply if self.turn else None
            self.run.error = str(error) or type(error).__name__
            blamed = error.param if isinstance(error, ApiError) else None
            self.run.blamed = blamed if blamed in SAMPLING_NAMES else None

    def read(self, turn: Turn) -> Reply:
        self.turn = turn
        if self._stopped_s:
            turn.stop()
        if self._threaded:
            self._watch(turn)
        else:
            self._take_all(turn)
        self.send_changes(turn)
        if self._error:
            raise self._error
        return turn.reply or turn.abandon()

    def _watch(self, turn: Turn) -> None:
        reader = threading.Thread(target=self._take_all, args=(turn,), name="claude_nb playground reader", daemon=True)
        reader.start()
        while reader.is_alive():
            self._arrived.wait(0.5)
            self._arrived.clear()
            self.send_changes(turn)
            if self._stopped_s is not None and time.monotonic() - self._stopped_s > PATIENCE_S:
                break
            reader.join(0.02 if self._stopped_s else self._rate.wait_s(time.monotonic()))

    def _take_all(self, turn: Turn) -> None:
        try:
            for _ in turn.chunks():
                self._arrived.set()
                if not self._threaded and not self._rate.wait_s(time.monotonic()):
                    self.send_changes(turn)
        except ClaudeError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  # the widget shows any error
            self._error = ClaudeError(f"{type(error).__name__}: {error}")
        self._arrived.set()

    def send_changes(self, turn: Turn) -> None:
        """Send what has arrived since the last time."""
        with self._lock:
            text, thinking = turn.text, turn.thinking
            more, more_thinking = text[self._text :], thinking[self._thinking :]
            if more or more_thinking:
                self.seq += 1
                self._text, self._thinking = len(text), len(thinking)
                message: dict[str, Any] = {"t": "d", "run": self.run.number, "seq": self.seq}
                message["n"] = self._text + self._thinking
                if more:
                    message["html"] = self._html.feed(more)
                if more_thinking:
                    message["k"] = more_thinking
                self._observer.say(message)
                self._rate.drawn(time.monotonic(), ENVELOPE + len(json.dumps(message)))
            elif turn.notice != self._notice:
                self._notice = turn.notice
                self._observer.say({"t": "note", "run": self.run.number, "s": self._notice or ""})


def sync_message(run: Run, seq: int, slots: Sequence[str], thinking: str, *, live: bool) -> dict[str, Any]:
    """Return everything that the front end shows of a run, for a view that is new or missed a message."""
    content = {"html": list(slots), "thinking": thinking, "live": live}
    return {"t": "sync", "run": run.number, "seq": seq} | content

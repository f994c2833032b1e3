"""Read a running Turn in a thread while the main thread draws it.

A Ctrl-C therefore reaches the main thread between two drawings, never inside the network code. It takes effect at once,
whatever the server does.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from claude_nb.errors import ClaudeError, Interrupted
from claude_nb.session import frontend
from claude_nb.session.turn import Turn
from claude_nb.types.content import Called
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk

# Presses of Stop within this time count as one. A press takes effect within a second.
SAME_PRESS_S = 1.2


class Reader(threading.Thread):
    """Thread that reads a turn, while the main thread calls follow()."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(name="claude_nb reader", daemon=True)
        self.error: BaseException | None = None
        self._turn = turn
        self._arrived = threading.Event()
        self._ended = threading.Event()
        self._chunks: queue.SimpleQueue[Chunk] = queue.SimpleQueue()

    def run(self) -> None:
        try:
            for chunk in self._turn.chunks():
                if chunk.text or chunk.thinking or chunk.call or chunk.remark or chunk.part:
                    self._chunks.put(chunk)
                self._arrived.set()
        except BaseException as error:  # noqa: BLE001  # the main thread raises it
            self.error = error
        finally:
            self._ended.set()
            self._arrived.set()

    def follow(self, view: ReplyView) -> None:
        """Draw what arrives until the end, as often as the view allows."""
        self.start()
        while True:
            ended = self._ended.is_set()
            while not self._chunks.empty():
                view.feed(self._chunks.get())
            if ended:
                return
            view.notify(self._turn.notice or "")
            wait_s = view.wait_s()
            if wait_s is None:
                # The time-out is for platforms where Ctrl-C cannot interrupt an unlimited wait.
                self._arrived.wait(0.5)
                self._arrived.clear()
            elif wait_s > 0:
                self._ended.wait(wait_s)
            else:
                view.paint()


@contextmanager
def _one_interrupt() -> Iterator[None]:
    """Ignore a second press of Stop while the first is handled.

    It would lose the text.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed_at: float | None = None

    def on_press(*_: object) -> None:
        nonlocal pressed_at
        now = time.monotonic()
        if pressed_at is None or now - pressed_at > SAME_PRESS_S:
            pressed_at = now
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, on_press)
    try:
        yield
    finally:
        # A kernel installs its own handler for each cell, and the second press may come just after this one ends.
        if pressed_at is None or not frontend.in_kernel():
            signal.signal(signal.SIGINT, signal.default_int_handler)


class ReplyView:
    """View of a reply that takes one or several turns.

    This view shows nothing; the others are subclasses.

    reply  the newest reply with text or tool calls, complete or not; None before the first
    """

    reply: Reply | None = None

    def read(self, turn: Turn) -> Reply:
        """Read a turn to its end and draw it as it arrives.

        An error is raised after the text so far has been drawn. A turn that could not be sent draws nothing.
        """
        try:
            return self._read(turn)
        finally:
            if turn.reply and (turn.reply.text or turn.reply.calls):
                self.reply = turn.reply

    def _read(self, turn: Turn) -> Reply:
        self.begin(turn)
        reader = Reader(turn)
        with _one_interrupt():
            try:
                reader.follow(self)
            except KeyboardInterrupt:
                turn.stop()
                reader.join(1.0)
                reply = turn.abandon()
                error: BaseException | None = Interrupted(turn.interrupted_line())
            except BaseException:
                turn.abandon()  # drawing failed; turn.reply holds what has arrived
                raise
            else:
                error = reader.error
                if error and turn.reply is None:  # it was refused before it was sent
                    raise error
                reply = turn.reply or turn.abandon()
            if error is None:
                return reply
            self.finish(reply)
        if isinstance(error, (ClaudeError, Interrupted)):
            error.reply = reply
        raise error

    def begin(self, turn: Turn) -> None:
        """Prepare to draw a turn: the first one of a reply or a later one."""

    def feed(self, chunk: Chunk) -> None:
        """Add what has arrived: text, thinking, a tool call that the model is writing, a part or a remark."""

    def calls(self, called: Sequence[Called], notices: Sequence[str]) -> None:
        """Draw the tool calls of a turn.

        They are drawn again with each result.
        """

    def notify(self, notice: str) -> None:
        """Show why nothing arrives; "" removes the notice."""

    def wait_s(self) -> float | None:
        """Return the seconds until the next drawing; None if there is nothing to draw."""
        return None

    def paint(self) -> None:
        """Draw what is new."""

    def finish(self, reply: Reply) -> None:
        """Draw the end of the reply."""

    def restart(self, notice: str) -> None:
        """Begin a new drawing with a notice, because the reply is requested again."""

"""Reads a running Turn in a thread while the main thread draws it.

So a Ctrl-C always lands in the main thread, between two drawings, and never inside the network code; it is answered at
once, whatever the server does.
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

# Presses of Stop this close to one another are one; it is answered within a second.
SAME_PRESS_S = 1.2


class Reader(threading.Thread):
    """Reads the turn, while the main thread follows it."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(name="claude_nb reader", daemon=True)
        self.trouble: BaseException | None = None
        self._turn = turn
        self._news = threading.Event()
        self._ended = threading.Event()
        self._pieces: queue.SimpleQueue[Chunk] = queue.SimpleQueue()

    def run(self) -> None:
        try:
            for chunk in self._turn.chunks():
                if chunk.text or chunk.thinking or chunk.call:
                    self._pieces.put(chunk)
                self._news.set()
        except BaseException as error:  # noqa: BLE001  # handed to the main thread, which raises it
            self.trouble = error
        finally:
            self._ended.set()
            self._news.set()

    def follow(self, screen: ReplyView) -> None:
        """Draw what arrives, when it is due, until the end."""
        self.start()
        while True:
            ended = self._ended.is_set()
            while not self._pieces.empty():
                piece = self._pieces.get()
                if piece.thinking:
                    screen.think(piece.thinking)
                if piece.text:
                    screen.feed(piece.text)
                if piece.call:
                    screen.call(piece.call)
            if ended:
                return
            screen.tell(self._turn.notice or "")
            wait_s = screen.wait_s()
            if wait_s is None:
                # The time-out is for platforms where a wait without one cannot be interrupted.
                self._news.wait(0.5)
                self._news.clear()
            elif wait_s > 0:
                self._ended.wait(wait_s)
            else:
                screen.paint()


@contextmanager
def _pressed_once() -> Iterator[None]:
    """A second press of Stop, while the first is answered, would lose the text: it is taken for the same one."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed_at: float | None = None

    def pressed(*_: object) -> None:
        nonlocal pressed_at
        now = time.monotonic()
        if pressed_at is None or now - pressed_at > SAME_PRESS_S:
            pressed_at = now
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        # A kernel sets its own handler for each cell, and the second press may come when this one has just ended.
        if pressed_at is None or not frontend.in_kernel():
            signal.signal(signal.SIGINT, signal.default_int_handler)


class ReplyView:
    """Shows nothing; the other views are its children.

    reply  the newest reply that holds text or calls, whole or not; None: there is none yet
    """

    reply: Reply | None = None

    def read(self, turn: Turn) -> Reply:
        """Read a turn to its end, and draw it as it arrives.

        Raises what went wrong, after what had arrived was drawn. Nothing is drawn of a turn that was not sent.
        """
        try:
            return self._read(turn)
        finally:
            if turn.reply and (turn.reply.text or turn.reply.calls):
                self.reply = turn.reply

    def _read(self, turn: Turn) -> Reply:
        self.begin(turn)
        reader = Reader(turn)
        with _pressed_once():
            try:
                reader.follow(self)
            except KeyboardInterrupt:
                turn.stop()
                reader.join(1.0)
                reply = turn.abandon()
                trouble: BaseException | None = Interrupted(turn.interrupted_line())
            except BaseException:
                turn.abandon()  # a fault in the drawing: what has arrived is kept as turn.reply
                raise
            else:
                trouble = reader.trouble
                if trouble and turn.reply is None:  # refused before it was sent
                    raise trouble
                reply = turn.reply or turn.abandon()
            if trouble is None:
                return reply
            self.finish(reply)
        if isinstance(trouble, (ClaudeError, Interrupted)):
            trouble.reply = reply
        raise trouble

    def begin(self, turn: Turn) -> None:
        """A turn is going to be read: the first one of a reply, or one more."""

    def feed(self, text: str) -> None:
        """More of the reply."""

    def think(self, text: str) -> None:
        """More of what the model thinks."""

    def call(self, text: str) -> None:
        """More of a call that the model writes."""

    def calls(self, called: Sequence[Called], notices: Sequence[str]) -> None:
        """The turn has ended with these calls; again whenever one of them has its result."""

    def tell(self, notice: str) -> None:
        """Why nothing arrives."""

    def wait_s(self) -> float | None:
        """Seconds until the next drawing; None: nothing to draw."""
        return None

    def paint(self) -> None:
        """Draw what is new."""

    def finish(self, reply: Reply) -> None:
        """Draw the end of the reply."""

    def restart(self, notice: str) -> None:
        """Begin a new drawing with a notice: the reply is asked for once more."""

"""Shows a running Turn: as outputs of a notebook cell, or as text in a terminal.

A thread reads the reply while the main thread draws, so a Ctrl-C always lands here, between two drawings, and never
inside the network code; it is answered at once, whatever the server does.
"""

from __future__ import annotations

import queue
import re
import sys
import threading
import time
from collections.abc import Sequence
from uuid import uuid4

from IPython.display import publish_display_data

from claude_nb import footer, render
from claude_nb.errors import ClaudeError, Interrupted
from claude_nb.painter import Painter, note_html
from claude_nb.parts import Attachment
from claude_nb.place import Mode
from claude_nb.reply import Reply
from claude_nb.turn import Turn
from claude_nb.values import Chunk

THUMBNAIL_PIXELS = 160
PYTHON = ("", "python", "python3", "py", "ipython")
HIDING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def show(turn: Turn, mode: Mode, *, raw: bool = False, notices: Sequence[str] = ()) -> Reply:
    """Read a turn to its end and show it; returns the Reply.

    notices  lines of ours that stay above the reply

    Raises what went wrong, after what had arrived was drawn; Interrupted when the user stopped it.
    """
    screen = _Quiet()
    if mode == "text":
        screen = _Text(notices)
    elif mode != "quiet":
        screen = _Outputs(raw=raw, live=mode == "live", head="".join(map(note_html, notices)))
    reader = _Reader(turn)
    try:
        reader.follow(screen)
    except KeyboardInterrupt:
        turn.stop()
        reader.join(1.0)
        reply = turn.abandon()
        screen.finish(reply)
        trouble: BaseException = Interrupted(turn.interrupted_line())
    except BaseException:
        turn.abandon()  # a fault in the drawing: what has arrived is kept as turn.reply
        raise
    else:
        reply = turn.reply or turn.abandon()
        screen.finish(reply)
        if reader.trouble is None:
            return reply
        trouble = reader.trouble
    if isinstance(trouble, (ClaudeError, Interrupted)):
        trouble.reply = reply
    raise trouble


class _Reader(threading.Thread):
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
                if chunk.text or chunk.thinking:
                    self._pieces.put(chunk)
                self._news.set()
        except BaseException as error:  # noqa: BLE001  # handed to the main thread, which raises it
            self.trouble = error
        finally:
            self._ended.set()
            self._news.set()

    def follow(self, screen: _Quiet) -> None:
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


class _Quiet:
    """Shows nothing; the other screens are its children."""

    def feed(self, text: str) -> None:
        """More of the reply."""

    def think(self, text: str) -> None:
        """More of what the model thinks."""

    def tell(self, notice: str) -> None:
        """Why nothing arrives."""

    def wait_s(self) -> float | None:
        """Seconds until the next drawing; None: nothing to draw."""
        return None

    def paint(self) -> None:
        """Draw what is new."""

    def finish(self, reply: Reply) -> None:
        """The final state."""


# Steps this short look like a flow; a flush for every token costs more than all else, in a kernel three times.
STEP_S = 0.05


class _Text(_Quiet):
    """Plain text as it arrives, control characters made visible."""

    def __init__(self, notices: Sequence[str]) -> None:
        self._notice = ""
        self._wrote = False
        self._thinks = False
        self._hidden = False
        self._due_s = float("-inf")
        for notice in notices:
            self.tell(notice)

    def feed(self, text: str) -> None:
        self._write("\n[reply]\n" if self._thinks else "", text)
        self._thinks = False

    def think(self, text: str) -> None:
        self._write("" if self._thinks else "[thinking]\n", text)
        self._thinks = True

    def _write(self, head: str, text: str) -> None:
        sys.stdout.write(head + render.terminal_safe(text))
        self._wrote = self._hidden = True

    def wait_s(self) -> float | None:
        return max(0.0, self._due_s - time.monotonic()) if self._hidden else None

    def paint(self) -> None:
        sys.stdout.flush()
        self._hidden, self._due_s = False, time.monotonic() + STEP_S

    def tell(self, notice: str) -> None:
        if notice and notice != self._notice:
            sys.stdout.write(f"[{notice}]\n")
            sys.stdout.flush()
        self._notice = notice

    def finish(self, reply: Reply) -> None:
        sys.stdout.write(("\n\n" if self._wrote else "") + f"[{footer.line(reply, footer.next_step(reply))}]\n")
        sys.stdout.flush()


class _Outputs(_Quiet):
    """Outputs of a cell: growing ones, or one at the end."""

    def __init__(self, *, raw: bool, live: bool, head: str) -> None:
        self._live = live
        self._head = head
        self._whole = render.plain_html if raw else render.markdown_html
        self._ids: list[str] = []
        html = render.plain_html if raw else render.tail_html
        self._painter = Painter(self._publish, html=html, whole=self._whole, head=head)

    def feed(self, text: str) -> None:
        self._painter.feed(text)

    def think(self, text: str) -> None:
        self._painter.think(text)

    def tell(self, notice: str) -> None:
        self._painter.tell(notice)

    def wait_s(self) -> float | None:
        return self._painter.wait_s(time.monotonic()) if self._live else None

    def paint(self) -> None:
        self._painter.paint(time.monotonic())

    def finish(self, reply: Reply) -> None:
        thinking = footer.thinking(reply)
        below = footer.bundle(reply, footer.next_step(reply))
        if self._live:
            self._painter.finish(reply.text, below, before=thinking)
        else:
            html = self._head + thinking + self._whole(reply.text) + below["text/html"]
            self._publish(0, {"text/html": html, "text/plain": reply.text})

    def _publish(self, slot: int, bundle: dict[str, str]) -> None:
        known = slot < len(self._ids)
        if not known:
            self._ids.append(uuid4().hex)
        publish_display_data(bundle, {}, transient={"display_id": self._ids[slot]}, update=known)


def thumbnails(attached: Sequence[Attachment]) -> None:
    """What goes with a prompt, as small pictures; PDFs and texts have their line only."""
    for part in attached:
        if part.media_type.startswith("image/"):
            sizes = {part.media_type: {"width": THUMBNAIL_PIXELS}}
            publish_display_data({part.media_type: part.data, "text/plain": part.name}, sizes)


def code_for_cell(reply: Reply) -> str:
    """The Python blocks of a reply as one cell, without characters that would hide or reorder what it does."""
    blocks = (block.code.strip("\n") for block in reply.code if block.language.lower() in PYTHON)
    return "".join(char for char in "\n\n".join(blocks) if char in "\n\t" or not HIDING.match(char))


def note(line: str, mode: Mode) -> None:
    """A line of ours, above the reply."""
    if mode == "quiet":
        return
    if mode == "text":
        sys.stdout.write(f"[{line}]\n")
        sys.stdout.flush()
    else:
        publish_display_data({"text/html": note_html(line), "text/plain": line}, {})

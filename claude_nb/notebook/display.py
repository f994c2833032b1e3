"""Show a running reply as outputs of a notebook cell, or as text in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from IPython.display import publish_display_data

from claude_nb import render
from claude_nb.render import notes
from claude_nb.render import reply as render_reply
from claude_nb.render.chars import write_out
from claude_nb.render.live import Painter, note_html
from claude_nb.session.frontend import Mode
from claude_nb.session.reader import ReplyView
from claude_nb.session.turn import Turn
from claude_nb.types.content import Attachment, Called, Container, ServerBlock
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk
from claude_nb.types.sources import Quoted

THUMBNAIL_PIXELS = 160


def view_for(mode: Mode, *, raw: bool = False, notices: Sequence[str] = ()) -> ReplyView:
    """Return the view that shows a reply in this mode, below the notices."""
    if mode == "quiet":
        return ReplyView()
    if mode == "text":
        return _Text(notices)
    return _Outputs(raw=raw, live=mode == "live", notices=notices)


# Steps this short still look continuous. A flush for each token would cost more than everything else.
STEP_S = 0.05


class _Text(ReplyView):
    """Plain text as it arrives, with control characters made visible."""

    def __init__(self, notices: Sequence[str]) -> None:
        self._notice = ""
        self._wrote = False
        self._thinking = False
        self._quoted: Quoted | None = None
        self._unflushed = False
        self._shown = 0, 0  # tool results and notices of this round
        self._due_s = float("-inf")
        for notice in notices:
            self.notify(notice)

    def feed(self, chunk: Chunk) -> None:
        if chunk.remark:
            self.notify(chunk.remark)
        for text, thinking in ((chunk.thinking, True), (chunk.text, False)):
            if text:
                label = "[thinking]\n" if thinking else "\n[reply]\n"
                sys.stdout.write(("" if thinking == self._thinking else label) + render.terminal_safe(text))
                self._thinking, self._wrote, self._unflushed = thinking, True, True
        if chunk.part and self._quoted:
            numbers = dict.fromkeys(quote.number for quote in self._quoted.add(chunk.part))
            sys.stdout.write("".join(f"[{number}]" for number in numbers))

    def wait_s(self) -> float | None:
        return max(0.0, self._due_s - time.monotonic()) if self._unflushed else None

    def paint(self) -> None:
        sys.stdout.flush()
        self._unflushed, self._due_s = False, time.monotonic() + STEP_S

    def notify(self, notice: str) -> None:
        if notice and notice != self._notice:
            write_out(f"[{notice}]\n")
        self._notice = notice

    def begin(self, turn: Turn) -> None:
        super().begin(turn)
        self._quoted = self._quoted or Quoted(turn.request)
        self._shown = 0, 0
        self._thinking = False

    def restart(self, notice: str) -> None:
        self._wrote, self._quoted = False, None
        self.notify(notice)

    def calls(self, called: Sequence[Called], notices: Sequence[str]) -> None:
        done, shown = [call for call in called if call.result is not None], self._shown
        lines = [*map(render_reply.call_lines, done[shown[0] :]), *notices[shown[1] :]]
        if lines:
            write_out(("\n\n" if self._wrote else "") + "".join(f"[{line}]\n" for line in lines))
            self._wrote = False
        self._shown = len(done), len(notices)

    def finish(self, reply: Reply) -> None:
        footer = render_reply.line(reply, render_reply.next_step(reply))
        if quotes := notes.list_text(reply.citations):
            write_out(("\n\n" if self._wrote else "") + quotes)
        write_out(("\n\n" if self._wrote else "") + f"[{footer}]\n")


class _Outputs(ReplyView):
    """Outputs of a cell: they grow with the reply, or one output appears at the end."""

    def __init__(self, *, raw: bool, live: bool, notices: Sequence[str]) -> None:
        self._live = live
        self._head = "".join(map(note_html, notices))
        self._raw = raw
        self._tail = render.plain_html if raw else render.tail_html
        self._ids: list[str] = []
        self._above = 0  # number of outputs of earlier rounds
        self._drawn = False

    def restart(self, notice: str) -> None:
        self._ids, self._head = [], note_html(notice)

    def begin(self, turn: Turn) -> None:
        before, self._turn = turn.request.messages[-1], turn
        if (
            self._ids and before.parts and isinstance(before.parts[-1], ServerBlock | Container)
        ):  # the server has paused
            return
        head = "" if self._ids else self._head
        self._drawn, self._above = False, len(self._ids)
        self._whole = render.plain_html if self._raw else render_reply.drawer(turn.request)
        self._in_json = turn.request.answer is not None and not self._raw
        self._painter = Painter(self._publish, html=self._tail, whole=self._whole, head=head)

    def feed(self, chunk: Chunk) -> None:
        if chunk.remark:
            note(chunk.remark, "live")
        if chunk.thinking:
            self._painter.think(chunk.thinking)
        if self._in_json and chunk.text.strip():
            self._painter.feed("```json\n" if chunk.text.lstrip().startswith("{") else "")
            self._in_json = False  # only the beginning shows whether it is JSON
        if chunk.text:
            self._painter.feed(chunk.text)
        if chunk.call:
            self._painter.call(chunk.call)

    def calls(self, called: Sequence[Called], notices: Sequence[str]) -> None:
        bundle = render_reply.calls(called)
        bundle["text/html"] += "".join(map(note_html, notices))
        if self._live and self._drawn:
            self._painter.below(bundle)
        elif self._live:
            self._finish_round(bundle)
        self._drawn = True

    def notify(self, notice: str) -> None:
        self._painter.tell(notice)

    def wait_s(self) -> float | None:
        return self._painter.wait_s(time.monotonic()) if self._live else None

    def paint(self) -> None:
        self._painter.paint(time.monotonic())

    def finish(self, reply: Reply) -> None:
        footer = render_reply.bundle(reply, render_reply.next_step(reply))
        thinking, html = render_reply.thinking(reply.thinking), render_reply.body(reply, self._whole)
        if not self._live:
            whole = self._head + thinking + html + footer["text/html"]
            self._publish(0, {"text/html": whole, "text/plain": render_reply.text(reply)})
        elif self._drawn:
            self._painter.below(footer, again=True)
        elif self._above:  # the earlier rounds have been drawn
            self._finish_round(footer)
        else:
            self._painter.finish(render_reply.text(reply), footer, before=thinking, html=html)

    def _finish_round(self, below: dict[str, str]) -> None:
        """Draw the end of a round, above its calls of functions or the footer."""
        turn, html = self._turn, ""
        if turn.reply:
            html = render_reply.body(
                turn.reply, self._whole, begin=render_reply.newest_round(turn.reply), functions=False
            )
        self._painter.finish(turn.text, below, before=render_reply.thinking(turn.thinking), html=html)

    def _publish(self, slot: int, bundle: dict[str, str]) -> None:
        slot += self._above
        known = slot < len(self._ids)
        if not known:
            self._ids.append(uuid4().hex)
        _output(bundle, transient={"display_id": self._ids[slot]}, update=known)


def thumbnails(attached: Sequence[Attachment]) -> None:
    """Show the attached pictures of a prompt at a small size.

    PDFs and texts have only their notice.
    """
    for part in attached:
        if part.media_type.startswith("image/"):
            sizes = {part.media_type: {"width": THUMBNAIL_PIXELS}}
            _output({part.media_type: part.data, "text/plain": part.name}, sizes)


def note(line: str, mode: Mode) -> None:
    """Show a notice above the reply."""
    if mode == "quiet":
        return
    if mode == "text":
        write_out(f"[{line}]\n")
    else:
        _output({"text/html": note_html(line), "text/plain": line})


def say(text: str) -> None:
    """Print a line or several, with control characters made visible."""
    write_out(f"{text}\n")


def _output(bundle: dict[str, str], metadata: dict[str, Any] | None = None, **how: Any) -> None:
    """Publish an output. A terminal shows its plain text, so control characters in it are made visible."""
    if "text/plain" in bundle:
        bundle = bundle | {"text/plain": render.terminal_safe(bundle["text/plain"])}
    publish_display_data(bundle, metadata or {}, **how)

"""Draw a growing reply into a few outputs of a cell, or into a widget, at a bounded number of bytes a second.

A front end can only replace an output as a whole, so the reply is drawn in parts: finished parts, sent rarely, and
a small live tail, sent often. When it ends, the first output holds the whole reply and the last one its footer.

    while it runs   [ finished part ] [ second finished part ] [ live tail ]       at most three outputs
    at the end      [ the whole reply ] [ empty ] [ footer ]                       the second one only if it was used

Pure: the caller passes the time, and `publish` gets the finished outputs.

A widget keeps what it has, so `LiveHtml` sends it only what changed: bytes in proportion to the reply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from claude_nb import render
from claude_nb.render.code import PALETTE
from claude_nb.render.rate import Rate
from claude_nb.safe_text.visible import visible

# A reply at 100 tokens/s is about 430 bytes/s of text; with these rates the outputs stay under 30 kB/s.
TAIL_BYTES_PER_S = 12_000
PART_BYTES_PER_S = 3_000
SHORTEST_S, LONGEST_S = 0.1, 0.9
ENVELOPE = 1_000  # bytes of a message without its content

TAIL_CHARS = 2_000  # the finished blocks of a longer tail become part of the finished text
LONGEST_TAIL_CHARS = 20_000  # of a tail that grows faster than parts may be sent, only the end is shown
HUGE_TAIL_CHARS = 50_000  # only so much is looked at before a cut
CALL_CHARS = 160  # shown of a call that is still arriving
THINKING_CHARS = 600  # shown of the thinking while it arrives; when the reply ends, all of it is there
PART_BYTES = 64_000  # a finished part that would become larger is never changed again
MAX_PARTS = 2

WIDGET_PART_BYTES = 16_000  # of a part in a widget, which may have any number of them
_COLOURED, _PLAIN = f'<div dir="auto" style="{PALETTE}">', '<div dir="auto">'

Publish = Callable[[int, dict[str, str]], None]


@dataclass
class _Part:
    """Finished text of one output. `opener` re-opens a code block or table that was cut in two."""

    opener: str = ""
    text: str = ""


class Painter:
    """Draws a growing reply: feed it text, ask when the next drawing is due, and let it paint.

    publish  creates or replaces output number `slot` with a bundle of MIME types
    html     renders Markdown that may be unfinished; `whole` renders a finished reply
    head     HTML that stays above the reply
    widget   the front end holds any number of parts, and receives only what changed
    """

    def __init__(
        self,
        publish: Publish,
        *,
        html: Callable[[str], str] = render.tail_html,
        whole: Callable[[str], str] = render.markdown_html,
        head: str = "",
        widget: bool = False,
    ) -> None:
        self._publish = publish
        self._html = html
        self._whole = whole
        self._head = head
        self._pending: list[str] = []
        self._thinking = ""
        self._call, self._call_chars = "", 0
        self._tail = ""
        self._opener = ""
        self._parts: list[_Part] = []
        self._hidden = 0
        self._notice = ""
        self._tail_rate = Rate(TAIL_BYTES_PER_S, SHORTEST_S, LONGEST_S)
        self._part_rate = Rate() if widget else Rate(PART_BYTES_PER_S)
        self._part_bytes, self._max_parts = (WIDGET_PART_BYTES, 10**6) if widget else (PART_BYTES, MAX_PARTS)
        self._dirty = False
        self.slots = 0

    def feed(self, text: str) -> None:
        """Add text of the reply."""
        self._pending.append(text)
        self._thinking = ""
        self._dirty = True

    def think(self, text: str) -> None:
        """Add thinking. Its newest lines are shown below the reply until more of it arrives."""
        self._thinking = (self._thinking + text)[-THINKING_CHARS:]
        self._dirty = True

    def call(self, text: str) -> None:
        """Add text of a tool call. Its beginning is shown on a line below the reply."""
        self._call += text[: CALL_CHARS - len(self._call)]
        self._call_chars += len(text)
        self._dirty = True

    def tell(self, notice: str) -> None:
        """Show a notice below the reply ("overloaded, trying again in 2 s"); "" removes it."""
        if notice != self._notice:
            self._notice = notice
            self._dirty = True

    def wait_s(self, now: float) -> float | None:
        """Return the seconds until the next drawing is due; None if there is nothing new to draw."""
        return self._tail_rate.wait_s(now) if self._dirty else None

    def paint(self, now: float) -> None:
        """Draw what has changed."""
        self._tail += "".join(self._pending)
        self._pending.clear()
        self._dirty = False
        if (extra := len(self._tail) - HUGE_TAIL_CHARS) > 0:  # one piece of a stream may hold a whole reply
            self._hidden, self._tail, self._opener = self._hidden + extra, self._tail[extra:], ""
        too_fast = len(self._tail) > LONGEST_TAIL_CHARS
        if len(self._tail) > TAIL_CHARS and (too_fast or not self._part_rate.wait_s(now)):
            self._freeze(now)
        html = self._html(self._opener + self._tail) if self._tail else ""
        if self._thinking:
            html += f"<details open><summary>thinking …</summary>{render.plain_html(self._thinking)}</details>"
        if self._hidden:
            html = note_html(f"… {self._hidden:,} earlier characters appear when the reply ends") + _boxed(html)
        if self._call:
            more = f"… ({self._call_chars:,} characters)" if self._call_chars > len(self._call) else " …"
            html += note_html(" ".join(self._call.split()) + more, code=True)
        if self._notice:
            html += note_html(self._notice)
        self._send(len(self._parts), {"text/html": html})
        self._tail_rate.drawn(now, len(html.encode()) + ENVELOPE)

    def finish(self, text: str, footer: dict[str, str], *, before: str = "", html: str = "") -> None:
        """Draw the final state: the whole reply and its raw text in the first output, the footer in the last.

        html  the rendered reply, if it holds more than its text
        """
        if not text and not before and not self.slots:
            self._send(0, footer)
            return
        self._send(0, {"text/html": before + (html or self._whole(text)), "text/plain": text})
        last = max(1, self.slots - 1)
        for slot in range(1, last):
            self._send(slot, {"text/html": "", "text/plain": ""})
        self._send(last, footer)

    def below(self, bundle: dict[str, str], *, again: bool = False) -> None:
        """Show a bundle after the end: instead of the footer, or below it."""
        self._send(self.slots if again else self.slots - 1, bundle)

    def _freeze(self, now: float) -> None:
        """Move the finished blocks of the tail into a finished part."""
        size, opener = render.cut(self._opener + self._tail, TAIL_CHARS)
        size -= len(self._opener)
        if size <= 0:
            return
        frozen, self._tail = self._tail[:size], self._tail[size:]
        sent = 0
        if self._hidden or self._part_rate.wait_s(now):
            self._hidden += len(frozen)
        else:
            sent = self._extend_part(frozen)
        self._opener = opener
        self._part_rate.drawn(now, sent)

    def _extend_part(self, frozen: str) -> int:
        """Add text to the newest part, begin another part, or hide the text. Return the bytes sent."""
        part = self._parts[-1] if self._parts else None
        if part:
            html = self._html(part.opener + part.text + frozen)
            if len(html.encode()) > self._part_bytes:
                part = None
        if part is None:
            if len(self._parts) == self._max_parts:
                self._hidden += len(frozen)
                return 0
            part = _Part(opener=self._opener)
            html = self._html(part.opener + frozen)
            self._parts.append(part)
        part.text += frozen
        self._send(len(self._parts) - 1, {"text/html": html})
        return len(html.encode())

    def _send(self, slot: int, bundle: dict[str, str]) -> None:
        if slot == 0:
            bundle = bundle | {"text/html": self._head + bundle["text/html"]}
        self._publish(slot, bundle)
        self.slots = max(self.slots, slot + 1)


class LiveHtml:
    """Renders a growing reply as HTML in slots, and returns what changes in them.

    >>> live = LiveHtml()
    >>> live.feed("so **wh")
    [(0, 0, '<div dir="auto"><p>so <strong>wh</strong></p>\\n</div>')]
    >>> live.feed("y**")  # of slot 0, the first 32 characters stay
    [(0, 32, 'y</strong></p>\\n</div>')]
    """

    def __init__(self) -> None:
        self.slots: list[str] = []
        self._changes: list[tuple[int, int, str]] = []
        self._painter = Painter(self._publish, html=_without_palette, widget=True)

    def feed(self, text: str) -> list[tuple[int, int, str]]:
        """Return the changes that more text makes: slot, how many of its UTF-16 units stay, and what follows them."""
        self._painter.feed(text)
        self._painter.paint(0.0)
        changes, self._changes = self._changes, []
        return changes

    def _publish(self, slot: int, bundle: dict[str, str]) -> None:
        if slot == len(self.slots):
            self.slots.append("")
        before, html = self.slots[slot], bundle["text/html"]
        if html != before:
            kept = next((i for i, (a, b) in enumerate(zip(before, html, strict=False)) if a != b), None)
            kept = min(len(before), len(html)) if kept is None else kept
            self._changes.append((slot, len(html[:kept].encode("utf-16-le")) // 2, html[kept:]))
            self.slots[slot] = html


def _without_palette(text: str) -> str:
    """Render a tail without its palette, because the style sheet of the widget has one."""
    html = render.tail_html(text)
    return _PLAIN + html[len(_COLOURED) :] if html.startswith(_COLOURED) else html


def _boxed(html: str) -> str:
    """Show the end of a text in a box of fixed height, because a tail that is cut often would make the page jump."""
    style = "height:24em;overflow:hidden;display:flex;flex-direction:column-reverse"
    return f'<div style="{style}"><div>{html}</div></div>'


def note_html(line: str, *, code: bool = False) -> str:
    """Return a line that is set apart from the reply. With `code`, it shows text of a model."""
    style = "margin:.4em 0;font-size:.85em;color:var(--jp-ui-font-color2,#757575)"
    shown = escape(visible(line))
    text = f"<code>{shown}</code>" if code else shown
    return f'<div style="{style}">{text}</div>'

"""Texts for terminals and pages: one safe line, a count with its noun."""

from __future__ import annotations

import sys

from claude_nb.safe_text.visible import printable, visible

terminal_safe = printable


def write_out(text: str) -> None:
    """Write a text to standard output, as its terminal can show it."""
    sys.stdout.write(terminal_safe(text))
    sys.stdout.flush()


def clean(text: str) -> str:
    """Return text that is safe in a page: control characters are visible, and line ends become newlines."""
    return visible(text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " "))


def one_line(text: str, most: int) -> str:
    r"""Return the start of a text as one safe line: one_line("a\nb\x1b", 80) -> "a b␛".

    The line has at most `most` characters; "…" at its end shows that the text was cut. Only the first `4 * most`
    characters are looked at, so that the work does not grow with the text.
    """
    start = visible(" ".join(text[: 4 * most].split()))
    return start if len(start) <= most and len(text) <= 4 * most else start[: most - 1] + "…"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: counted(1, "reply") -> "1 reply", counted(2, "reply") -> "2 replies"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"

"""Texts for terminals and pages: one safe line, a count with its noun."""

from __future__ import annotations

import sys

from claude_nb.safe_text.visible import one_line, printable, visible

__all__ = ["clean", "counted", "one_line", "terminal_safe", "write_out"]

terminal_safe = printable


def write_out(text: str) -> None:
    """Write a text to standard output, as its terminal can show it."""
    sys.stdout.write(terminal_safe(text))
    sys.stdout.flush()


def clean(text: str) -> str:
    """Return text that is safe in a page: control characters are visible, and line ends become newlines."""
    return visible(text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " "))


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: counted(1, "reply") -> "1 reply", counted(2, "reply") -> "2 replies"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"

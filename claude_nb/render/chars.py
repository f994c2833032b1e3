"""Texts for terminals and pages: one safe line, a count with its noun, a size."""

from __future__ import annotations

import sys

from claude_nb.safe_text.visible import one_line, printable, visible

__all__ = ["clean", "counted", "one_line", "size_text", "terminal_safe", "write_out"]

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
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def size_text(count: int) -> str:
    """Return a number of bytes for people: size_text(12_000) -> "12 kB", size_text(1_900_000_000) -> "1.9 GB"."""
    if count < 1_000_000:
        return f"{count / 1000:,.0f} kB" if count >= 10_000 else f"{count:,} bytes"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"

"""Make control characters visible: escapes, direction overrides, invisible tags, half surrogate pairs."""

from __future__ import annotations

import re
import sys
from typing import Any

_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_TAGS = range(0xE0000, 0xE0080)
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")

# C0 has pictures of its own (ESC -> U+241B); the others become the replacement character.
_VISIBLE: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: "\u2421",
    **dict.fromkeys((*range(0x80, 0xA0), *_BIDI, *_TAGS), "\ufffd"),
}


def visible(text: str) -> str:
    r"""Return text that is safe to print: visible("a\x1b[2Jb") -> "a␛[2Jb".

    Newline and tab stay; other control characters, direction overrides, invisible tags and half surrogate pairs
    become visible. Letters and emoji of any script stay as they are.
    """
    text = mended(text).replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    done = 0
    for flag in _FLAG.finditer(text):  # the flags of Scotland and others are spelled with tag characters
        shown += (text[done : flag.start()].translate(_VISIBLE), flag[0])
        done = flag.end()
    return "".join((*shown, text[done:].translate(_VISIBLE)))


def printable(text: str, stream: Any = None) -> str:
    """Return text that a terminal can show: as visible(), with "?" for what its encoding does not have.

    stream  where the text is written; None: standard output
    """
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    try:
        return visible(text).encode(encoding, "replace").decode(encoding)
    except LookupError:  # an encoding that Python does not know
        return visible(text)


def one_line(text: str, most: int) -> str:
    r"""Return the start of a text as one safe line: one_line("a\nb\x1b", 80) -> "a b␛".

    The line has at most `most` characters; "…" at its end shows that the text was cut. Only the first `4 * most`
    characters are looked at, so that the work does not grow with the text.
    """
    start = visible(" ".join(text[: 4 * most].split()))
    return start if len(start) <= most and len(text) <= 4 * most else start[: most - 1] + "…"


def mended(text: str) -> str:
    """Join the halves of surrogate pairs, and replace lone halves by U+FFFD, so that the text can be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text

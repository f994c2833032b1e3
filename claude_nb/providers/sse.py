"""Decode server-sent events.

No I/O, and any cut of the bytes gives the same events.

Follows the HTML standard, with exceptions for existing servers. An event left open at the end of the stream is used if
it is complete ([DONE] or a JSON object). A field named "error" becomes an event of that name, because older llama.cpp
servers report a failure like this. Some gateways write "data: " twice, or leave out the blank lines between events.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from claude_nb.errors import StreamCut

# Far more than any reply needs. Without a limit, one endless line would fill the memory.
LIMIT_CHARS = 64 * 1024 * 1024
LINE_END = re.compile(r"\r\n|\n|\r")


class Event(NamedTuple):
    """One event: Event("message", "[DONE]").

    Without an ``event:`` line, the name is "message".
    """

    name: str
    data: str
    id: str = ""

    def object(self) -> dict[str, Any] | None:
        """Return the data as a JSON object; None if it is anything else."""
        return read_object(self.data)


def read_object(text: str | bytes) -> dict[str, Any] | None:
    """Return a JSON object, or None: read_object('{"a": 1}') -> {"a": 1}.

    Never raises.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # ValueError covers bad JSON, bad UTF-8 and numbers of 5,000 digits
        return None
    return value if isinstance(value, dict) else None


class Decoder:
    """Collect bytes to complete events.

    feed() returns [] while only comments or parts of an event arrive, so its caller can tell a server that is alive
    from one that makes progress. A line or an event over 64 MiB raises StreamCut, in the call after the one that
    reached the limit, so that no event before it is lost.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._started = False
        self._after_cr = False
        self._line: list[str] = []  # the unfinished line, in pieces that are joined once, so that time stays linear
        self._in_comment = False
        self._data: list[str] = []
        self._name = ""
        self._id = ""
        self._size = 0

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that these bytes complete."""
        self._check_size()
        return self._read(self._utf8.decode(data))

    def close(self) -> list[Event]:
        """End the stream and return the open event, if it is [DONE] or a JSON object."""
        self._check_size()
        found = self._read(self._utf8.decode(b"", final=True))
        found += self._end_line("")
        text = "\n".join(self._data)
        if text.strip() == "[DONE]" or read_object(text) is not None:
            found += self._dispatch()
        return found

    def _check_size(self) -> None:
        if self._size > LIMIT_CHARS:
            raise StreamCut("the server sent a line of over 64 MiB, so reading stopped there; try a shorter reply")

    def _read(self, text: str) -> list[Event]:
        if not text:
            return []
        if not self._started:
            self._started = True
            text = text[1:] if text[0] == "\ufeff" else text
        if self._after_cr and text.startswith("\n"):
            text = text[1:]  # the second half of a split CRLF
            self._after_cr = False
        if text:
            self._after_cr = text[-1] == "\r"
        *ends, rest = LINE_END.split(text)
        found: list[Event] = []
        for end in ends:
            found += self._end_line(end)
        self._hold(rest)
        return found

    def _hold(self, piece: str) -> None:
        if not self._line and piece.startswith(":"):
            self._in_comment = True
        if piece and not self._in_comment:
            self._line.append(piece)
            self._size += len(piece)

    def _end_line(self, end: str) -> list[Event]:
        if self._in_comment or (not self._line and end.startswith(":")):
            self._in_comment = False
            return []
        line = end
        if self._line:
            self._line.append(end)
            line = "".join(self._line)
            self._size -= len(line) - len(end)
            self._line.clear()
        return self._field(line) if line else self._dispatch()

    def _field(self, line: str) -> list[Event]:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            return self._add(value.removeprefix("data: "))
        if field == "event":
            self._name = value
        elif field == "id" and "\0" not in value:
            self._id = value
        elif field == "error" and value:
            return [Event("error", value, self._id)]
        return []

    def _add(self, value: str) -> list[Event]:
        """Add a line of data. Return the event before it, if that is complete and this line begins another one."""
        begins = len(self._data) == 1 and value.startswith(("{", "[DONE]"))
        found = self._dispatch() if begins and read_object(self._data[0]) is not None else []
        self._data.append(value)
        self._size += len(value) + 1
        return found

    def _dispatch(self) -> list[Event]:
        name, data = self._name or "message", self._data
        self._name, self._data = "", []
        if not data:
            return []
        text = "\n".join(data)
        self._size -= len(text) + 1
        return [Event(name, text, self._id)]


def events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Decode a whole stream.

    Example: [e.data for e in events([b"data: a", b"b\\n\\n"])] -> ["ab"].
    """
    decoder = Decoder()
    for piece in pieces:
        yield from decoder.feed(piece)
    yield from decoder.close()

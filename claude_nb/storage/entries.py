"""Past replies as values, without I/O: the contents of the history and of record files, checked when read.

Recorded   a reply and its rhythm, which is all that a replay needs
Row        a recorded reply with its place in the history
History    rows that a notebook shows as a table
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, overload

from claude_nb.render.chars import one_line, terminal_safe
from claude_nb.render.table import Table, html_table, text_table
from claude_nb.types.plain import is_valid
from claude_nb.types.reply import Reply

# (seconds since sending, characters of text so far), at most one pair per 50 ms.
Rhythm = tuple[tuple[float, int], ...]
LONGEST_S = 86_400.0

# Unescaped, these would split a line, reorder it on screen, or not be writable as UTF-8.
AWKWARD = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A reply that can be played back.

    It keeps its source ("live", "demo") and created_at; as_replay() makes the copy with the source "replay".
    """

    reply: Reply
    rhythm: Rhythm = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the history.

    Attributes:
        id: Its number, as in `%claude /show 12`.
        reply: The reply. While it runs: what is saved of it.
        rhythm: (seconds since sending, characters of text so far), for a replay at the original speed.
        notebook: The notebook that sent the prompt. None if unknown.
        variable: The variable that got the reply. None if there was none.
        chat: The conversation. None if there was none.
        running: True while the reply runs, or if its kernel died.
    """

    id: int
    reply: Reply
    rhythm: Rhythm = ()
    notebook: str | None = None
    variable: str | None = None
    chat: str | None = None
    running: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """The space that the history takes on the disk.

    bytes            of the file
    set_aside_bytes  of the damaged files that were set aside
    first_s          when the oldest row began, in seconds since 1970; None if there is none
    """

    path: Path
    bytes: int
    set_aside_bytes: int
    rows: int
    first_s: float | None


class History(Sequence[Row]):
    """Rows of the history, newest first. A notebook shows them as a table.

    Example:
        >>> history()[0].reply.text  # doctest: +SKIP
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> Row | History:
        return History(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __repr__(self) -> str:
        if not self._rows:
            return "The history has no such reply."
        return terminal_safe(text_table(HEADINGS, [_cells(row, 48) for row in self._rows]))

    def _repr_html_(self) -> str:
        if not self._rows:
            return f"<p>{escape(repr(self))}</p>"
        # <code> keeps the front end from typesetting a stored "$...$" as mathematics.
        return html_table(
            HEADINGS, ((f"<code>{escape(cell)}</code>" for cell in _cells(row, 120)) for row in self._rows)
        )

    def to_pandas(self) -> Any:
        """Return a DataFrame with one row per reply and the texts in full."""
        return Table(map(_flat, self._rows)).to_pandas()


HEADINGS = ("id", "date", "model", "prompt", "reply", "settings", "ended")


def _cells(row: Row, width: int) -> tuple[str, ...]:
    reply = row.reply
    settings = " ".join(f"{name}={value}" for name, value in reply.params.items())
    date = f"{reply.created_at.astimezone():%Y-%m-%d %H:%M}"
    ended = "not finished" if row.running else reply.ending
    texts = (reply.model, reply.prompt, reply.text, settings)
    return (str(row.id), date, *(one_line(text, width) for text in texts), ended)


def _flat(row: Row) -> dict[str, Any]:
    reply = row.reply
    names = ("created_at", "provider", "model", "prompt", "text", "thinking", "stop_reason", "seconds", "cost_usd")
    place = {"source": reply.source, "notebook": row.notebook, "variable": row.variable, "chat": row.chat}
    tokens = {name: getattr(reply.usage, name) for name in ("input_tokens", "output_tokens")}
    return {"id": row.id, **{name: getattr(reply, name) for name in names}, **tokens, **reply.params, **place}


_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def to_json(data: Any) -> str:
    """Return one line of JSON, always the same for equal data, that any UTF-8 file or column can hold."""
    text = _encoder.encode(data)
    return AWKWARD.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def from_json(text: str | bytes) -> Any:
    """Parse JSON. Raises ValueError for any text that is not JSON, or is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def reply_from(data: Any) -> Reply:
    """Read a stored reply. Raises ValueError if a field is missing or has an impossible value."""
    reply = Reply.from_dict(data)
    # Close to the first and the last year a time cannot be shown as local time.
    if reply.created_at.tzinfo is None or not 1970 <= reply.created_at.year < 9999:
        raise ValueError("created_at: not a valid time")
    return reply


def rhythm_from(data: Any) -> Rhythm:
    """Read a stored rhythm. Raises ValueError unless both of its columns are numbers that never decrease."""
    pairs: list[tuple[float, int]] = []
    for pair in data if isinstance(data, list) else [None]:
        if not (isinstance(pair, list) and len(pair) == 2 and is_valid(pair[0], float) and is_valid(pair[1], int)):
            raise ValueError("rhythm is not a list of (seconds, characters)")
        pairs.append((float(pair[0]), pair[1]))
    ordered = all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(pairs))
    if not ordered or (pairs and pairs[-1][0] > LONGEST_S):
        raise ValueError("rhythm runs backwards, or for more than a day")
    return tuple(pairs)

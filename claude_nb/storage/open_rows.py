"""The rows of replies that still run in this process: begun, extended and finished inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from claude_nb.storage import migrations, rows
from claude_nb.storage.entries import Rhythm
from claude_nb.types.reply import Reply


@dataclass
class OpenRow:
    """A row between begin and finish, and how much of its text is written.

    mark    of the file that the row is in
    values  what the row began with, in case it has to begin again in a new file
    saved   pieces of its text may be in the file
    """

    id: int
    mark: str
    values: rows.Values
    text: int = 0
    thinking: int = 0
    saved: bool = False

    def in_file(self, db: sqlite3.Connection, mark: str) -> tuple[int, bool]:
        """Return its id; True for a new one, because the old file was set aside or deleted."""
        is_new = mark != self.mark
        return rows.insert(db, self.values)[0] if is_new else self.id, is_new

    def add_piece(self, db: sqlite3.Connection, now_s: float, text: str, thinking: str) -> tuple[int, str]:
        """Write what is new in these texts; where the row is now."""
        mark = migrations.mark(db)
        row_id, is_new = self.in_file(db, mark)
        first = (0, 0) if is_new else (self.text, self.thinking)
        if not rows.add_piece(db, row_id, now_s, text[first[0] :], thinking[first[1] :]):
            rows.reopen(db, row_id)
            rows.add_piece(db, row_id, now_s, text, thinking)
        return row_id, mark


class OpenRows:
    """The open rows by id. They change only when a transaction is committed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rows: dict[int, OpenRow] = {}
        self.is_first = True  # no row was begun in this process

    def get(self, row_id: int | None) -> OpenRow | None:
        return None if row_id is None else self._rows.get(row_id)

    def write(
        self,
        db: sqlite3.Connection,
        begin: Sequence[rows.Values],
        finish: Sequence[tuple[int, Reply, Rhythm]],
        unsent: Iterable[int],
    ) -> list[OpenRow]:
        """Begin, finish and take out rows, with a few statements for all of them; the new rows."""
        if begin and self.is_first:
            rows.heal(db, self._clock())
        mark = migrations.mark(db)
        open_rows = [self.get(row_id) for row_id, *_ in finish]
        pairs = zip(open_rows, finish, strict=True)
        ids = [row.in_file(db, mark)[0] if row else row_id for row, (row_id, *_) in pairs]
        closed = rows.close(db, *((id_, reply, rhythm) for id_, (_, reply, rhythm) in zip(ids, finish, strict=True)))
        saved = [id_ for id_, row in zip(ids, open_rows, strict=True) if row is None or row.saved]
        rows.drop_pieces(db, closed.keys() & saved)
        rows.index(db, closed)
        rows.remove(db, unsent)
        return [OpenRow(row_id, mark, values) for row_id, values in zip(rows.insert(db, *begin), begin, strict=True)]

    def opened(self, new: Sequence[OpenRow]) -> None:
        """Take in what write() has begun."""
        self.is_first = self.is_first and not new
        self._rows |= {row.id: row for row in new}

    def closed(self, row_ids: Iterable[int]) -> None:
        """Forget rows that have ended, written or not."""
        for row_id in row_ids:
            self._rows.pop(row_id, None)

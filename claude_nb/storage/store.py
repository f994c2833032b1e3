"""The history: every prompt and every reply in one SQLite file; also where replay looks replies up.

The prompt is written before the request goes out, the text while it streams, the reply at its end. A row without
a reply is one whose kernel still works on it, or died: it reads as an interrupted reply with the text so far.
At its first write a store closes the rows of the dead. Dead is whoever
    - has given no news for an hour (nothing waits that long), or
    - ran on this computer under a process number that is free now, or is our own.
If that is ever wrong (two containers that share a name), the living one simply goes on: its next piece of
text opens the row again, and its end overwrites it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from claude_nb.storage import migrations, rows
from claude_nb.storage.database import File
from claude_nb.storage.entries import Recorded, Rhythm, Row, to_json
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

PROGRESS_WAIT_S = 0.5


@dataclass
class _Running:
    """A turn between begin and finish: where its row is, how much of its text is written.

    values  what the row began with, should it have to be begun again in a new file
    saved   pieces of its text may be in the file
    """

    row_id: int
    mark: str
    values: rows.Values
    text: int = 0
    thinking: int = 0
    saved: bool = False


def _place(db: sqlite3.Connection, turn: _Running, mark: str) -> tuple[int, bool]:
    """Its row; True for a new one: the file it was in was set aside or deleted."""
    new = mark != turn.mark
    return rows.insert(db, turn.values)[0] if new else turn.row_id, new


class Store:
    """The history in one file. No method raises because of the disk: a line to warn, and None or [].

    warn    takes one line for people, once per kind of trouble
    clock   seconds since 1970
    wait_s  how long a call may wait while another process writes
    """

    def __init__(
        self, path: Path, *, warn: Callable[[str], None], clock: Callable[[], float] = time.time, wait_s: float = 12.0
    ) -> None:
        self._file = File(Path(path), warn=warn, wait_s=wait_s)
        self._clock = clock
        self._running: dict[int, _Running] = {}
        self._healed = False

    @property
    def path(self) -> Path:
        return self._file.path

    def begin(
        self, request: Request, *, notebook: str | None = None, variable: str | None = None, chat: str | None = None
    ) -> int | None:
        """Write the prompt down before it is sent; the id of its row, or None when that was not possible."""
        names = (notebook, variable, chat)
        return self._enter([(request, names)], [], ())[0]

    def enter(
        self,
        begin: Sequence[Request],
        finish: Sequence[tuple[int, Reply, Rhythm]],
        unsent: Sequence[int] = (),
        *,
        notebook: str | None = None,
    ) -> list[int | None]:
        """begin() and finish() for many at once, in one write; the ids of the new rows. unsent: to be taken out."""
        return self._enter([(request, (notebook, None, None)) for request in begin], finish, unsent)

    def _enter(
        self,
        begin: Sequence[tuple[Request, tuple[str | None, ...]]],
        finish: Sequence[tuple[int, Reply, Rhythm]],
        unsent: Sequence[int],
    ) -> list[int | None]:
        now_s, owner = self._clock(), rows.owner()
        new: list[rows.Values] = [
            (request.key, now_s, owner, *map(rows.plain, names), to_json(request.to_dict())) for request, names in begin
        ]
        ends = [(row_id, self._running.get(row_id), reply, rhythm) for row_id, reply, rhythm in finish]

        def work(db: sqlite3.Connection) -> list[_Running]:
            if new and not self._healed:
                rows.heal(db, self._clock())
            mark = migrations.mark(db)
            ids = [_place(db, turn, mark)[0] if turn else row_id for row_id, turn, *_ in ends]
            closed = rows.close(db, *((id_, reply, rhythm) for id_, (*_, reply, rhythm) in zip(ids, ends, strict=True)))
            saved = [id_ for id_, (_, turn, *_) in zip(ids, ends, strict=True) if turn is None or turn.saved]
            rows.drop_pieces(db, closed.keys() & saved)
            rows.index(db, closed)
            rows.remove(db, unsent)
            return [_Running(row_id, mark, values) for row_id, values in zip(rows.insert(db, *new), new, strict=True)]

        begun = self._file.run(work, None, writing=True)
        for row_id in (*unsent, *(row_id for row_id, *_ in finish)):
            self._running.pop(row_id, None)
        if begun is None:
            return [None] * len(new)
        self._healed = self._healed or bool(new)
        self._running |= {turn.row_id: turn for turn in begun}
        return [turn.row_id for turn in begun]

    def progress(self, row_id: int | None, text: str, thinking: str = "") -> None:
        """Save the text so far, at most once a second: only what is new since the last call is written."""
        turn = self._running.get(row_id) if row_id is not None else None
        if turn is None:
            return

        turn.saved = True

        def work(db: sqlite3.Connection) -> tuple[int, str]:
            mark = migrations.mark(db)
            row_id, new = _place(db, turn, mark)
            begin = (0, 0) if new else (turn.text, turn.thinking)
            if not rows.add_piece(db, row_id, self._clock(), text[begin[0] :], thinking[begin[1] :]):
                rows.reopen(db, row_id)
                rows.add_piece(db, row_id, self._clock(), text, thinking)
            return row_id, mark

        if place := self._file.run(work, None, writing=True, wait_s=PROGRESS_WAIT_S):
            turn.row_id, turn.mark = place
            turn.text, turn.thinking = len(text), len(thinking)

    def finish(self, row_id: int | None, reply: Reply, rhythm: Rhythm = ()) -> None:
        """Write the reply, whole or broken off. A row that was forgotten meanwhile stays forgotten."""
        if row_id is not None:
            self._enter([], [(row_id, reply, rhythm)], ())

    def find(self, request: Request) -> Recorded | None:
        """The newest reply to an equal request that ended by itself and was not itself a replay."""
        where = "key = ? AND stop_reason NOT IN ('interrupted', 'error') AND source <> 'replay'"

        def same(reply: Reply) -> bool:  # the columns only find it quickly; the reply itself has the say
            return reply.complete and reply.source != "replay" and reply.request.key == request.key

        return next((Recorded(row.reply, row.rhythm) for row in self._read(where, (request.key,), 1, same)), None)

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of these keys find() may have a reply to: one look at the file for all of them."""
        wanted = [*set(keys)]
        if not wanted or not self._file.exists():
            return set()
        return self._file.run(lambda db: rows.known(db, wanted), set())

    def get(self, row_id: int) -> Row | None:
        """One row by its id, or None."""
        return next(iter(self._read("id = ?", (rows.countable(row_id),))), None)

    def recent(
        self,
        limit: int | None = 20,
        search: str | None = None,
        *,
        notebook: str | None = None,
        chat: str | None = None,
        variable: str | None = None,
    ) -> list[Row]:
        """The newest rows first. search keeps those that hold all its words, in prompt or reply."""
        wanted = {"notebook": notebook, "chat": chat, "variable": variable}
        named = {name: rows.plain(value) for name, value in wanted.items() if value is not None}
        where = " AND ".join([f"{name} = ?" for name in named] or ["1"])
        values = tuple(named.values())
        words = search.split() if search else []
        if words:
            by_index, query = rows.matching(words)
            found = self._read(f"{where} AND {by_index}", (*values, *query), limit, search=True)
            if found:
                return found
        # The slower way finds what the index has not: parts of words, and signs.
        return self._read(where, values, limit, lambda reply: rows.holds(reply, words))

    def latest(self, notebook: str) -> dict[str, Row]:
        """The newest row of each variable of a notebook: {"reply": Row(...)}."""
        found = self._read("notebook = ? AND variable IS NOT NULL", (rows.plain(notebook),))
        return {row.variable: row for row in reversed(found) if row.variable is not None}

    def recorded(self, notebook: str | None = None) -> list[Recorded]:
        """What a record file is made of: complete replies, oldest first, of one notebook.

        notebook  None: those of this kernel; never those of all notebooks, as record files are given away
        """
        where, value = ("owner = ?", rows.owner()) if notebook is None else ("notebook = ?", rows.plain(notebook))
        found = self._read(where, (value,), keep=lambda reply: reply.complete)
        mine = [Recorded(row.reply, row.rhythm) for row in reversed(found)]
        return [(self.find(one.reply.request) or one) if one.reply.source == "replay" else one for one in mine]

    def forget(self, row_id: int | None = None, *, before: datetime | None = None, everything: bool = False) -> int:
        """Erase one row, all from before a moment, or everything; how many. No trace of them stays in the file."""
        where: str = "id = ?"
        values: rows.Values = (rows.countable(row_id or 0),)
        if before is not None:
            where, values = "created_s < ?", (before.timestamp(),)
        if everything:
            where, values = "1", ()
        if not self._file.exists():
            return 0
        return self._file.run(lambda db: rows.erase(db, where, values), 0, writing=True)

    def _read(
        self,
        where: str,
        values: rows.Values,
        limit: int | None = None,
        keep: Callable[[Reply], bool] = lambda _: True,
        *,
        search: bool = False,
    ) -> list[Row]:
        def work(db: sqlite3.Connection) -> list[Row]:
            try:
                return rows.read(db, where, values, limit=limit, keep=keep)
            except sqlite3.DatabaseError:
                if search:  # the index is missing or damaged; there is another way to search
                    return []
                raise

        if not self._file.exists():
            return []
        return self._file.run(work, [])

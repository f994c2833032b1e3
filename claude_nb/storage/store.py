"""The history: every prompt and every reply in one SQLite file, which replay searches, too.

The prompt is written before the request is sent, the text while it streams, and the reply at its end. A row without a
reply is running, or its kernel died; it reads as an interrupted reply with the text so far. At its first write, a store
closes the rows of dead kernels. A kernel counts as dead if
    - it has written nothing for an hour, which is longer than any wait, or
    - it ran on this computer under a process number that is now free, or that is this process's own.
If that is ever wrong (two containers with one host name), the kernel loses nothing: its next piece of text opens the
row again, and its reply overwrites it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from claude_nb.errors import ConfigError
from claude_nb.storage import files, migrations, prompts, rows, upkeep
from claude_nb.storage import search as searching
from claude_nb.storage.database import JOURNALS, File
from claude_nb.storage.entries import Recorded, Rhythm, Row, Size, to_json
from claude_nb.storage.open_rows import OpenRow, OpenRows
from claude_nb.storage.prompts import SavedPrompts
from claude_nb.storage.writer import Writer, result_of
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

T = TypeVar("T")

PROGRESS_WAIT_S = 0.5
UPKEEP_WAIT_S = 1.0
REMOVE_DELAY_S = 0.05


@dataclass(frozen=True, eq=False)
class _Write:
    """One write: rows to begin, to finish, to take out, or any other work on the database.

    wait_s  how long to wait for a lock; None: the usual time
    """

    begin: Sequence[rows.Values] = ()
    finish: Sequence[tuple[int, Reply, Rhythm]] = ()
    unsent: Sequence[int] = ()
    work: Callable[[sqlite3.Connection], Any] | None = None
    wait_s: float | None = None


class Store:
    """The history in one file. No method raises because of the disk: it warns and returns None or [].

    warn    takes one line for the user, once per kind of trouble
    clock   seconds since 1970
    wait_s  how long a call may wait while another process writes
    """

    def __init__(
        self, path: Path, *, warn: Callable[[str], None], clock: Callable[[], float] = time.time, wait_s: float = 12.0
    ) -> None:
        self._file = File(Path(path), warn=warn, wait_s=wait_s)
        self._writer = Writer(self._commit, self.tidy)
        self._clock = clock
        self._open = OpenRows(clock)
        self.prompts = SavedPrompts(self.look, lambda work: self.change(work, None), clock)

    @property
    def path(self) -> Path:
        return self._file.path

    def begin(self, request: Request, **origin: str | None) -> int | None:
        """Record a prompt before it is sent, and return the id of its row; None when the disk prevents it.

        origin  see begin_all()
        """
        future = self.begin_all([request], **origin)
        try:
            return next(iter(self.rows_of(future)), None)
        except BaseException:  # an interrupt: the request will not be sent
            future.add_done_callback(lambda done: self.remove(self.rows_of(done)))
            raise

    def begin_all(
        self,
        requests: Iterable[Request],
        *,
        notebook: str | None = None,
        variable: str | None = None,
        chat: str | None = None,
        owner: str | None = None,
    ) -> Future[list[int]]:
        """Record prompts, and where their replies belong. rows_of() waits for the ids of their rows.

        owner  who finishes the rows; None: this process
        """
        origin = (self._clock(), owner or rows.owner(), *map(rows.plain, (notebook, variable, chat)))
        return self._writer.submit(_Write([(request.key, *origin, to_json(request.to_dict())) for request in requests]))

    def rows_of(self, future: Future[list[int]]) -> list[int]:
        """Wait for the ids of new rows; [] when the disk prevents them."""
        return self._file.guarded(lambda: result_of(future), [])

    def progress(self, row_id: int | None, text: str, thinking: str = "") -> None:
        """Save the text so far, at most once a second. Only what is new since the last call is written."""
        row = self._open.get(row_id)
        if row is None:
            return
        row.saved = True
        write = _Write(work=lambda db: row.add_piece(db, self._clock(), text, thinking), wait_s=PROGRESS_WAIT_S)
        future = self._writer.submit(write)
        if place := self._file.guarded(lambda: result_of(future), None, may_be_late=True):
            row.id, row.mark = place
            row.text, row.thinking = len(text), len(thinking)

    def finish(self, row_id: int | None, reply: Reply, rhythm: Rhythm = (), *, delay_s: float | None = None) -> None:
        """Record the reply, complete or not. A row that was erased in the meantime stays erased.

        delay_s  record it within so many seconds, together with others, and return at once; None: wait for it
        """
        if row_id is None:
            return
        write = _Write(finish=[(row_id, reply, rhythm)])
        if delay_s is None:
            future = self._writer.submit(write)
            self._file.guarded(lambda: result_of(future), None)
        else:
            self._write_later(write, delay_s)

    def remove(self, row_ids: Iterable[int]) -> None:
        """Delete running rows soon, because their prompts were not sent."""
        self._write_later(_Write(unsent=[*row_ids]), REMOVE_DELAY_S)

    def _write_later(self, write: _Write, delay_s: float) -> None:
        future = self._writer.submit(write, delay_s=delay_s)
        future.add_done_callback(lambda done: self._file.guarded(done.result, None))

    def flush(self, within_s: float) -> None:
        """Wait until everything is written, at most so many seconds."""
        wait([self._writer.submit(_Write())], within_s)

    def _commit(self, writes: Sequence[_Write]) -> list[Any]:
        """Do several writes in one transaction, and return the result of each."""
        begin = [values for write in writes for values in write.begin]
        finish = [end for write in writes for end in write.finish]
        unsent = [row_id for write in writes for row_id in write.unsent]

        def work(db: sqlite3.Connection) -> tuple[list[Any], list[OpenRow]]:
            # First, because a piece of text that comes after the end of its row would open the row again.
            results = [write.work(db) if write.work else None for write in writes]
            if begin and self._open.is_first:
                self._file.note_size(db)
                if upkeep.is_needed(db):
                    self._writer.tidy_soon()
            return results, self._open.write(db, begin, finish, unsent) if begin or finish or unsent else []

        if not (begin or finish or unsent or any(write.work for write in writes)):
            return [None] * len(writes)
        waits = [write.wait_s for write in writes]
        try:
            results, new = self._file.transact(work, wait_s=None if None in waits else max(w or 0.0 for w in waits))
        finally:
            self._open.closed((*unsent, *(row_id for row_id, *_ in finish)))
        self._open.opened(new)
        ids = iter(row.id for row in new)
        return [
            [*islice(ids, len(write.begin))] if write.begin else result
            for write, result in zip(writes, results, strict=True)
        ]

    def find(self, request: Request) -> Recorded | None:
        """Return the newest complete reply to an equal request that is not itself a replay."""
        where = "key = ? AND stop_reason NOT IN ('interrupted', 'error') AND source <> 'replay'"

        def same(reply: Reply) -> bool:  # the columns only speed up the search; the reply itself decides
            return not reply.broke_off and reply.source != "replay" and reply.request.key == request.key

        return next((Recorded(row.reply, row.rhythm) for row in self._read(where, (request.key,), 1, same)), None)

    def known(self, keys: Iterable[str]) -> set[str]:
        """Return those of the keys that find() may have a reply to, with one look at the file."""
        distinct = [*set(keys)]
        return self.look(lambda db: rows.known(db, distinct), set()) if distinct else set()

    def get(self, row_id: int) -> Row | None:
        """Return a row by its id, or None."""
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
        """Return the newest rows first. search: only those with all its words, in prompt or reply."""
        columns = {"notebook": notebook, "chat": chat, "variable": variable}
        named = {name: rows.plain(value) for name, value in columns.items() if value is not None}
        where = " AND ".join([f"{name} = ?" for name in named] or ["1"])
        values = tuple(named.values())
        words = search.split() if search else []
        return self.look(lambda db: searching.newest(db, where, values, words, limit), [])

    def latest(self, notebook: str) -> dict[str, Row]:
        """Return the newest row of each variable of a notebook: {"reply": Row(...)}."""
        return self.look(lambda db: rows.newest_of_each_variable(db, rows.plain(notebook)), {})

    def recorded(self, notebook: str | None = None) -> list[Recorded]:
        """Return the complete replies of a notebook for a record file, oldest first.

        notebook  None: those of this kernel. There is no way to get all, because record files are shared
        """
        where, value = ("owner = ?", rows.owner()) if notebook is None else ("notebook = ?", rows.plain(notebook))
        found = self._read(where, (value,), keep=lambda reply: not reply.broke_off)
        replies = [Recorded(row.reply, row.rhythm) for row in reversed(found)]
        return [(self.find(item.reply.request) or item) if item.reply.source == "replay" else item for item in replies]

    def forget(self, row_id: int | None = None, *, before: datetime | None = None, everything: bool = False) -> int:
        """Erase one row, all rows before a time, or all; return how many. No trace of them stays in the file.

        everything  the named prompts, too
        """
        where: str = "id = ?"
        values: rows.Values = (rows.countable(row_id or 0),)
        if before is not None:
            where, values = "created_s < ?", (before.timestamp(),)
        if not self._file.exists():
            return 0
        if everything:
            return self._file.guarded(self._forget_everything, 0)
        count = self.change(lambda db: rows.erase(db, where, values), 0)
        self._writer.tidy_soon()
        return count or 0

    def _forget_everything(self) -> int:
        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute("SELECT count(*) FROM replies").fetchone()
            if not files.empty(db, self.path):
                prompts.erase(db)
                rows.erase(db, "1", ())
            return int(count)

        # A migration may not happen in the transaction that replaces the file, because its journal would stay.
        if self._file.transact(migrations.is_old, writing=False):
            self._file.transact(lambda _: None)
        return self._file.transact(work)

    def tidy(self) -> bool:
        """Do one step of upkeep; whether there is more to do."""
        return self._file.guarded(
            lambda: self._file.transact(lambda db: upkeep.step(db, self._clock()), wait_s=UPKEEP_WAIT_S),
            False,
            may_be_late=True,
        )

    def size(self) -> Size:
        """Return what the history takes on the disk."""
        none: tuple[int, float | None] = (0, None)
        extent = self.look(rows.extent, none)
        return Size(self.path, files.bytes_of([self.path]), files.bytes_of(self._file.set_aside()), *extent)

    def set_aside(self) -> list[str]:
        """Return the names of the damaged files that were set aside and may still hold replies."""
        return [file.name for file in self._file.set_aside() if not file.name.endswith(JOURNALS)]

    def erase_set_aside(self) -> int:
        """Delete the damaged files that were set aside, and return how many. Raises ConfigError if one stays."""
        names = self.set_aside()
        for file in self._file.set_aside():
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise ConfigError(f"{file.name} cannot be deleted ({error.strerror}); delete it yourself") from None
        return len(names)

    def _read(
        self,
        where: str,
        values: rows.Values,
        limit: int | None = None,
        keep: Callable[[Reply], bool] = lambda _: True,
    ) -> list[Row]:
        return self.look(lambda db: rows.read(db, where, values, limit=limit, keep=keep), [])

    def look(self, work: Callable[[sqlite3.Connection], T], default: T) -> T:
        """Return what a read of the file gives; the default without a file, or if it cannot be read."""
        return self._file.read(work, default) if self._file.exists() else default

    def change(self, work: Callable[[sqlite3.Connection], T], default: T) -> T:
        """Do work in a transaction, wait until it is written, and return its result."""
        future = self._writer.submit(_Write(work=work))
        return self._file.guarded(lambda: result_of(future), default)

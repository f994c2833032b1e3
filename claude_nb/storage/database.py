"""The history file on disk: open it safely, wait for locks, and set it aside when it is damaged.

A connection lives for one call and costs about a third of a millisecond. It is never carried over a fork or into
another thread, it keeps no file open that was moved away, and nothing has to be closed at the end.

The journal is always a rollback journal, because SQLite before 3.51.3 (3.50.7, 3.44.6) can corrupt a WAL file that two
processes write, as two kernels do. A file in WAL mode is switched back.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from claude_nb.render.chars import size_text
from claude_nb.storage import migrations, places
from claude_nb.storage.files import NEW, SETTINGS, connect, create, identity
from claude_nb.storage.trouble import KEPT, explain, shown

T = TypeVar("T")

MOST_SET_ASIDE = 3
HEADER = b"SQLite format 3\0"
SUFFIXES = (".db", ".db3", ".sqlite", ".sqlite3")  # of files that are taken for a history even if their header is gone
LARGE_BYTES = 1_000_000_000
JOURNALS = ("-journal", "-wal", "-shm")
BESIDE = (*JOURNALS, "-lock")
TROUBLE = (migrations.NotOurs, sqlite3.Error, OSError, ValueError, OverflowError)


class Replaced(Exception):
    """The file was replaced by another one while a transaction waited for its lock."""


class File:
    """One history file. All access goes through transact(); guarded() turns trouble with the disk into a warning.

    warn    takes one line for the user, once per kind of trouble
    wait_s  how long to wait while another process writes
    """

    def __init__(self, path: Path, *, warn: Callable[[str], None], wait_s: float) -> None:
        self.path = path
        self._warn = warn
        self._wait_s = wait_s
        self._warned: set[str] = set()
        self._set_aside_count = 0
        self._checked = False
        self._was_locked = False
        self._lock = threading.Lock()
        self._warnings: deque[str] = deque()

    def read(self, work: Callable[[sqlite3.Connection], T], default: T) -> T:
        """Return what `work` returns; the default when the disk is in the way."""
        return self.guarded(lambda: self.transact(work, writing=False), default)

    def guarded(self, call: Callable[[], T], default: T, *, may_be_late: bool = False) -> T:
        """Return what `call` returns; warn and return the default when the disk is in the way.

        may_be_late  do not warn about a lock, because the work can as well be done later
        """
        try:
            return call()
        except TROUBLE as error:
            kind, line = self._explained(error)
            if kind != "locked" or not may_be_late:
                self._note(kind, line)
            return default
        finally:
            while self._warnings:
                self._warn(self._warnings.popleft())

    def transact(
        self, work: Callable[[sqlite3.Connection], T], *, writing: bool = True, wait_s: float | None = None
    ) -> T:
        """Return what `work` returns, with its changes committed. Raises what went wrong.

        work    may run twice, so it changes nothing but the database
        wait_s  how long to wait for a lock, instead of the usual time
        """
        patience_s = self._wait_s if wait_s is None else wait_s
        if self._was_locked:
            patience_s = min(patience_s, 1.0)  # the user was warned; not every cell shall wait again
        try:
            result = self._undamaged(work, writing, time.monotonic() + patience_s)
        except TROUBLE as error:
            if wait_s is None:
                self._was_locked = self._explained(error)[0] == "locked"
            raise
        self._was_locked = False
        return result

    def _explained(self, error: Exception) -> tuple[str, str]:
        return (error.kind, str(error)) if isinstance(error, migrations.NotOurs) else explain(error)

    def set_aside(self) -> list[Path]:
        """Return the files that were set aside as damaged, with their journals, oldest first."""
        pattern = re.compile(f"{re.escape(self.path.stem)}-damaged-[-0-9]{{22}}{re.escape(self.path.suffix)}(-[a-z]+)?")
        try:
            files = sorted(self.path.parent.iterdir())
        except (OSError, ValueError):
            return []
        return [file for file in files if pattern.fullmatch(file.name) and places.is_file_or_free(file)]

    def exists(self) -> bool:
        """Return whether the file exists; False if that is unknown."""
        try:
            return self.path.exists()
        except (OSError, ValueError):
            return False

    def _undamaged(self, work: Callable[[sqlite3.Connection], T], writing: bool, deadline: float) -> T:
        while True:
            try:
                return self._once(work, writing, deadline)
            except Replaced:
                continue
            except (sqlite3.Error, UnicodeDecodeError) as error:
                if not _may_be_damage(error) or not self._set_aside():
                    raise
            return self._once(work, True, deadline)

    def _once(self, work: Callable[[sqlite3.Connection], T], writing: bool, deadline: float) -> T:
        _check_place(self.path)
        if not writing:
            with self._transaction(False, deadline) as (connection, version):
                if version:
                    return work(connection)
        if not self.exists():
            create(self.path)
        with self._transaction(True, deadline) as (connection, _):
            return work(connection)

    @contextmanager
    def _transaction(self, writing: bool, deadline: float) -> Iterator[tuple[sqlite3.Connection, int]]:
        before = identity(self.path)
        with closing(connect(self.path)) as connection:
            try:
                version = self._begin(connection, writing, deadline, before)
                yield connection, version
                if writing and identity(self.path)[:2] != before[:2]:  # the work has put another file in place
                    connection.execute("ROLLBACK")
                else:
                    _patiently(lambda: connection.execute("COMMIT"), deadline)
            except sqlite3.OperationalError as error:
                # SQLite does not write to a file that was moved, but calls it read-only.
                if "readonly" in str(error) and writing and identity(self.path)[:2] != before[:2]:
                    raise Replaced from None
                raise

    def _begin(
        self, connection: sqlite3.Connection, writing: bool, deadline: float, before: tuple[int, int, int]
    ) -> int:
        """Begin a transaction on a file that is ours, and return its version. Migrate it if it is to be written."""
        _patiently(lambda: migrations.glance(connection), deadline)
        settings = (*(() if before[2] else NEW), *SETTINGS) if writing else ()
        for statement in (*(f"PRAGMA {one}" for one in settings), "BEGIN IMMEDIATE" if writing else "BEGIN"):
            _patiently(partial(connection.execute, statement), deadline)
        if writing and identity(self.path)[:2] != before[:2]:
            raise Replaced  # while this waited for a lock; its journal would belong to the wrong file
        version = len(migrations.MIGRATIONS)
        try:
            version = _patiently(lambda: migrations.check(connection), deadline)
        except migrations.NotOurs as finding:
            if writing or not finding.readable:
                raise
            self._note(finding.kind, str(finding))
        if writing:
            self._check_pages(connection)
            migrations.migrate(connection, version, is_small=before[2] <= migrations.SMALL_BYTES)
            if not version:
                self.path.chmod(0o600)  # for an empty file that existed before
        return version

    def _check_pages(self, connection: sqlite3.Connection) -> None:
        """Check the file once, before the first write, because writing to a damaged file makes it worse."""
        if self._checked or self.path.stat().st_size > migrations.SMALL_BYTES:
            return
        if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("database disk image is malformed")
        self._checked = True

    def note_size(self, db: sqlite3.Connection) -> None:
        """Tell the user once that the file is large, and again when it is twice as large."""
        size = self.path.stat().st_size
        (noticed,) = db.execute("SELECT noticed_gb FROM file").fetchone()
        if size >= LARGE_BYTES and size >= 2 * noticed * LARGE_BYTES:
            db.execute("UPDATE file SET noticed_gb = ?", (size // LARGE_BYTES,))
            size_and_way = f"has grown to {size_text(size)}; %claude /history --size says how to make it smaller"
            self._note("large", size_and_way)

    def _set_aside(self) -> bool:
        """Move a damaged file and its journal away. True when another try makes sense.

        Raises NotOurs for a file that shows no sign of ever having been a history.
        """
        if self.path.suffix not in SUFFIXES and not _begins_as_database(self.path):
            line = f"is no database and was left alone, so {KEPT}; name another file (CLAUDE_NB_HISTORY)"
            raise migrations.NotOurs("foreign", line, readable=False)
        with self._lock, closing(sqlite3.connect(f"{self.path}-lock", timeout=5, isolation_level=None)) as lock:
            # Without a lock, another kernel would move away the new file that this one creates.
            lock.execute("BEGIN EXCLUSIVE")
            if not _is_damaged(self.path):
                return True
            if self._set_aside_count >= MOST_SET_ASIDE:
                return False
            stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
            name = f"{self.path.stem}-damaged-{stamp}-{time.time_ns() % 10**6:06}{self.path.suffix}"
            target = self.path.with_name(name)
            self.path.rename(target)
            for ending in JOURNALS:
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{self.path}{ending}").rename(f"{target}{ending}")
            self._set_aside_count += 1
            self._note(f"damaged {self._set_aside_count}", f"was damaged; it is kept as {name}, and a new one is begun")
            return True

    def _note(self, kind: str, line: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            self._warnings.append(f"history: {shown(self.path)} {line}")  # for the thread that waits for the work


def _check_place(path: Path) -> None:
    """Raise NotOurs if the place, or one beside it where SQLite writes, holds something other than a file."""
    why = places.fault(path)
    if not why and path.is_symlink() and not path.exists():
        why = "is a link to a file that does not exist"  # a disk that is not mounted, perhaps
    if why:
        off = "" if path.is_dir() else ", or set it to off"
        raise migrations.NotOurs("place", f"{why}, so {KEPT}; name a file (CLAUDE_NB_HISTORY){off}", readable=False)
    for ending in BESIDE:
        if not places.is_file_or_free(f"{path}{ending}"):
            line = f"cannot be used, because {path.name}{ending} is not a file, so {KEPT}; remove that one"
            raise migrations.NotOurs("place", line, readable=False)


def _patiently(step: Callable[[], T], deadline: float) -> T:
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise


def _may_be_damage(error: Exception) -> bool:
    # Damage can show as any error, so only errors with another clear cause are excluded.
    return explain(error)[0] in ("damaged", "other")


def _begins_as_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(HEADER)) == HEADER
    except OSError:  # it is gone, or another kernel has just moved it away
        return True


def _is_damaged(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with closing(connect(path)) as connection:
            migrations.glance(connection)
            sound = bool(connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
            migrations.check(connection)
    except migrations.NotOurs:
        return False
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return _may_be_damage(error)
    return not sound

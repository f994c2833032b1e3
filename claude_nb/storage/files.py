"""Connect to the history file, create it, and put an empty one in its place."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from claude_nb.storage import migrations

# Short, so that an interrupt is noticed between two tries; database.py repeats them.
LOCK_SLICE_S = 0.2
SETTINGS = ("synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY", "journal_mode = TRUNCATE")
# For an empty file only, because elsewhere it has no effect but is written each time.
NEW = ("auto_vacuum = INCREMENTAL",)  # unused pages can be given back in steps


def connect(path: Path) -> sqlite3.Connection:
    # mode=rw: opening never creates a file, which would have the wrong permissions.
    connection = sqlite3.connect(
        path.absolute().as_uri() + "?mode=rw", uri=True, timeout=LOCK_SLICE_S, isolation_level=None
    )
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def identity(path: Path) -> tuple[int, int, int]:
    """Return device and number of a file, and its size; another file has another number."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size


def bytes_of(files: Iterable[Path]) -> int:
    """Return how many bytes files have together; one that cannot be read counts as 0."""
    total = 0
    for file in files:
        with contextlib.suppress(OSError):
            total += file.stat().st_size
    return total


def create(path: Path) -> None:
    """Create an empty file that only its owner can ever read, whatever the umask."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Under another name, because closing a database file drops the locks of other threads on it.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    os.close(descriptor)
    Path(temporary).chmod(0o600)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    except OSError:  # a file system without links
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    finally:
        Path(temporary).unlink()


def empty(db: sqlite3.Connection, path: Path) -> bool:
    """Put an empty history in the place of the file, within a transaction that has written nothing.

    The new file keeps the mark, and no id is used twice. False if the file cannot be replaced, as on Windows.
    """
    target = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    os.close(descriptor)
    new = Path(name)
    try:
        new.chmod(0o600)
        with closing(connect(new)) as connection:
            # The journal in memory leaves no file behind.
            for setting in (*NEW, *SETTINGS[:-1], "journal_mode = MEMORY"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("BEGIN IMMEDIATE")
            migrations.migrate(connection, 0, is_small=True)
            connection.execute("UPDATE file SET mark = ?", (migrations.mark(db),))
            last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'replies'").fetchone() or (0,)
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('replies', ?)", last)
            connection.execute("COMMIT")
        new.replace(target)
    except PermissionError:
        return False
    finally:
        new.unlink(missing_ok=True)
    return True

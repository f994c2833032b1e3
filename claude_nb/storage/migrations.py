"""The tables of the history as an append-only list of migrations, and the check that a file is a history."""

from __future__ import annotations

import sqlite3
from functools import cache

from claude_nb.storage import words

Item = tuple[str, str, str, "str | None"]  # of sqlite_master: type, name, table, SQL

# "clnb" in the header of the file marks it as a history.
APPLICATION_ID = 0x636C6E62

# MIGRATIONS[n] takes a file from user_version n to n + 1. Append only, because files of every version exist.
# Wide columns come last, so that a search for a row does not read them.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE replies (
            id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, created_s REAL NOT NULL, owner TEXT NOT NULL,
            stop_reason TEXT, source TEXT, notebook TEXT, variable TEXT, chat TEXT,
            rhythm TEXT NOT NULL DEFAULT '[]', request TEXT NOT NULL, reply TEXT)""",
        "CREATE INDEX replies_by_key ON replies (key)",
        """CREATE TABLE pieces (
            reply_id INTEGER NOT NULL, at_s REAL NOT NULL, text TEXT NOT NULL, thinking TEXT NOT NULL)""",
        "CREATE TABLE file (mark TEXT NOT NULL)",
        "INSERT INTO file SELECT hex(randomblob(8))",
    ),
    (
        "CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL, digest INTEGER)",
        "CREATE INDEX words_by_digest ON words (digest)",
        "CREATE TABLE unindexed (first INTEGER NOT NULL, last INTEGER NOT NULL)",
        "INSERT INTO unindexed SELECT 1, seq FROM sqlite_sequence WHERE name = 'replies'",
        "ALTER TABLE file ADD COLUMN merging INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE file ADD COLUMN noticed_gb INTEGER NOT NULL DEFAULT 0",
    ),
    (
        """CREATE TABLE prompts (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, saved_s REAL NOT NULL,
            place INTEGER NOT NULL, text TEXT NOT NULL)""",
        "CREATE UNIQUE INDEX prompts_by_name ON prompts (name, digest)",
        """CREATE TABLE scores (
            id INTEGER PRIMARY KEY, digest TEXT NOT NULL, cases TEXT NOT NULL, grader TEXT NOT NULL,
            passed INTEGER NOT NULL, n INTEGER NOT NULL)""",
    ),
)
# Not in a migration, because in a large file each takes a moment: upkeep.py creates those that are missing.
INDEXES = {
    "replies_running": "CREATE INDEX replies_running ON replies (owner) WHERE stop_reason IS NULL",
    "replies_by_notebook": "CREATE INDEX replies_by_notebook ON replies (notebook, variable, chat)",
    "replies_by_owner": "CREATE INDEX replies_by_owner ON replies (owner)",
    "replies_by_time": "CREATE INDEX replies_by_time ON replies (created_s)",
}
# The index of version 1, which holds all texts once more. upkeep.py takes it down when words.INDEX is complete.
SEARCH = "CREATE VIRTUAL TABLE search USING fts5(prompt, text)"
# Full-text tables are in no migration, because some builds of SQLite have no FTS5.
FULL_TEXT = {"search": SEARCH, "word_index": words.INDEX}
# A file up to this size is checked and made complete before the first prompt. The user would notice more.
SMALL_BYTES = 5_000_000

# A version this high is a flipped bit, not a newer program.
VERSION_LIMIT = 1000


class NotOurs(Exception):
    """The file is a sound database that must not be written. readable: whether it may be read."""

    def __init__(self, kind: str, line: str, *, readable: bool) -> None:
        super().__init__(line)
        self.kind = kind
        self.readable = readable


def glance(connection: sqlite3.Connection) -> None:
    """Raise NotOurs for the database of another program, before anything in it is used."""
    application_id, version, found = _contents(connection)
    names = {str(name) for _, name, *_ in found}
    if application_id == APPLICATION_ID:
        return
    if names >= {"replies", "pieces", "file"}:
        raise sqlite3.DatabaseError("the mark of the file is gone")
    if names or version:
        raise NotOurs("foreign", "holds the database of another program and was left alone", readable=False)


def check(connection: sqlite3.Connection) -> int:
    """Return the version of the file.

    Raises NotOurs if the file has foreign objects, and DatabaseError if one of the history's is missing or changed.

    A foreign trigger, view or index over an expression would run as part of the history's own statements.
    """
    _, version, found = _contents(connection)
    if len(MIGRATIONS) < version < VERSION_LIMIT:
        raise NotOurs("newer", "was written by a newer claude_nb and is only read; upgrade this one", readable=True)
    known = _objects_of(version)
    if known - found or not 0 <= version < VERSION_LIMIT:
        raise sqlite3.DatabaseError("a table is missing or was changed")
    if any(not _is_optional(item) and not str(item[1]).startswith("sqlite_") for item in found - known):
        raise NotOurs("altered", "was changed by another program and is only read", readable=True)
    return version


def migrate(connection: sqlite3.Connection, version: int, *, is_small: bool) -> None:
    """Migrate a checked file of a version to the newest one, in the current transaction.

    is_small  create all indexes, too
    """
    if version == len(MIGRATIONS):
        return
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    for statement in INDEXES.values() if is_small else ():
        connection.execute(statement)
    words.create(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def is_old(connection: sqlite3.Connection) -> bool:
    """Return whether the file will be migrated when it is written."""
    return _contents(connection)[1] < len(MIGRATIONS)


def has(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether the file has a table or an index."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None


def mark(connection: sqlite3.Connection) -> str:
    """Return what distinguishes this file from an earlier one of the same name."""
    return str(connection.execute("SELECT mark FROM file").fetchone()[0])


def _contents(connection: sqlite3.Connection) -> tuple[int, int, set[Item]]:
    """Return application id, version and objects of one moment, because another thread may be creating the file."""
    sql = """SELECT application_id, user_version, type, name, tbl_name, sql
             FROM pragma_application_id, pragma_user_version LEFT JOIN sqlite_master"""
    found = connection.execute(sql).fetchall()
    return found[0][0], found[0][1], {(kind, *rest) for _, _, kind, *rest in found if kind}


def _is_optional(item: Item) -> bool:
    """Return whether an object is one of the indexes, or a full-text table with its inner tables."""
    kind, name, table, sql = item
    if kind == "index":
        return INDEXES.get(name) == sql
    outer = next((outer for outer in FULL_TEXT if name == outer or str(name).startswith(f"{outer}_")), None)
    return kind == "table" and name == table and outer is not None and (sql == FULL_TEXT[outer] or name != outer)


@cache
def _objects_of(version: int) -> frozenset[Item]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                connection.execute(statement)
        rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
        return frozenset(row for row in rows if not row[1].startswith("sqlite_"))
    finally:
        connection.close()

"""The tables of the history as an append-only list of migrations, and the check that a file is a history."""

from __future__ import annotations

import sqlite3
from functools import cache

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
)
# Not a migration: some builds of SQLite have no FTS5, and the index can be rebuilt at any time.
SEARCH = "CREATE VIRTUAL TABLE search USING fts5(prompt, text)"

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
    connection.execute("BEGIN")  # a consistent state: another thread may be creating the file
    try:
        application_id, version = _number(connection, "application_id"), _number(connection, "user_version")
        names = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    finally:
        connection.execute("ROLLBACK")
    if application_id == APPLICATION_ID:
        return
    if names >= {"replies", "pieces", "file"}:
        raise sqlite3.DatabaseError("the mark of the file is gone")
    if names or version:
        raise NotOurs("foreign", "holds the database of another program and was left alone", readable=False)


def check(connection: sqlite3.Connection) -> None:
    """Raise NotOurs if the file has foreign objects, and DatabaseError if one of the history's is missing or changed.

    A foreign trigger, view or index over an expression would run as part of the history's own statements.
    """
    version = _number(connection, "user_version")
    if len(MIGRATIONS) < version < VERSION_LIMIT:
        raise NotOurs("newer", "was written by a newer claude_nb and is only read; upgrade this one", readable=True)
    known = _objects_of(version)
    found = set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))
    if known - found or not 0 <= version < VERSION_LIMIT:
        raise sqlite3.DatabaseError("a table is missing or was changed")
    if any(not _is_search(item) and not str(item[1]).startswith("sqlite_") for item in found - known):
        raise NotOurs("altered", "was changed by another program and is only read", readable=True)


def is_old(connection: sqlite3.Connection) -> bool:
    """Return whether the file has to be migrated before it can be used."""
    return _number(connection, "user_version") < len(MIGRATIONS)


def migrate(connection: sqlite3.Connection) -> bool:
    """Migrate a checked file to the newest version, in the current transaction. True for a new file."""
    version = _number(connection, "user_version")
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    if version < len(MIGRATIONS):
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    return version == 0


def has_search(connection: sqlite3.Connection, *, create: bool = False) -> bool:
    """Return whether the full-text index of this file can be used. create: make a missing one if SQLite has FTS5."""
    try:
        if create and not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'search'").fetchone():
            connection.execute(SEARCH)
        connection.execute("SELECT rowid FROM search LIMIT 1").fetchone()
    except sqlite3.Error as error:
        if type(error) is sqlite3.DatabaseError or "no such" in str(error) or "vtable" in str(error):
            return False  # damaged, missing, or a SQLite without FTS5: the history itself is sound
        raise
    return True


def mark(connection: sqlite3.Connection) -> str:
    """Return what distinguishes this file from an earlier one of the same name."""
    return str(connection.execute("SELECT mark FROM file").fetchone()[0])


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _is_search(item: tuple[str, str, str, str | None]) -> bool:
    """Return whether an object is the index or one of its FTS5 tables."""
    kind, name, table, sql = item
    return (
        kind == "table" and name == table and (sql == SEARCH if name == "search" else str(name).startswith("search_"))
    )


@cache
def _objects_of(version: int) -> frozenset[tuple[str, str, str, str | None]]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                connection.execute(statement)
        rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
        return frozenset(row for row in rows if not row[1].startswith("sqlite_"))
    finally:
        connection.close()

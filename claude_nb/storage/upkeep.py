"""Upkeep of the history in small steps, each a transaction of its own, while nothing else is to be written.

A large file of version 1 gets its indexes here, and its old search index is replaced. So neither the first reply nor a
crash in the middle costs anything, and several kernels can take turns.
"""

from __future__ import annotations

import sqlite3

from claude_nb.storage import migrations, rows, words

ROWS = 25  # per step
PAGES = 250
OLD_TABLES = ("search_content", "search_data", "search_docsize")
# SQLite needs the records below to drop the table.
FIRST_PAGE = 11


def is_needed(db: sqlite3.Connection) -> bool:
    """Return whether step() has more to do than to give pages back."""
    (merging, late) = db.execute("SELECT merging, (SELECT count(*) FROM unindexed) FROM file").fetchone()
    indexes = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")]
    return bool(merging or late or not migrations.INDEXES.keys() <= set(indexes) or migrations.has(db, "search"))


def step(db: sqlite3.Connection, now_s: float) -> bool:
    """Do one step; whether there may be more to do."""
    return _make_index(db, now_s) or _index_rows(db) or _take_down_old_search(db) or _merge(db) or _give_back(db)


def _make_index(db: sqlite3.Connection, now_s: float) -> bool:
    for name, statement in migrations.INDEXES.items():
        if not migrations.has(db, name):
            db.execute(statement)
            if name == "replies_running":
                rows.heal(db, now_s)
            return True
    return False


def _index_rows(db: sqlite3.Connection) -> bool:
    """Index the newest rows that are not indexed."""
    newest = db.execute("SELECT rowid, first, last FROM unindexed ORDER BY last DESC LIMIT 1").fetchone()
    if newest is None or not words.is_there(db):
        return False
    number, first, last = newest
    found = db.execute("SELECT id FROM replies WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?", (first, last, ROWS))
    ids = [row_id for (row_id,) in found]
    if len(ids) < ROWS:
        db.execute("DELETE FROM unindexed WHERE rowid = ?", (number,))
    else:
        db.execute("UPDATE unindexed SET last = ? WHERE rowid = ?", (ids[-1] - 1, number))
    if ids:
        ended = rows.read(db, "id BETWEEN ? AND ? AND stop_reason IS NOT NULL", (ids[-1], ids[0]))
        rows.index(db, {row.id: row.reply for row in ended})
    return True


def _take_down_old_search(db: sqlite3.Connection) -> bool:
    """Delete a part of the index of version 1. To drop it at once would take long, as each page is overwritten."""
    if not migrations.has(db, "search") or not words.is_there(db):
        return False
    for table in OLD_TABLES:
        some = f"SELECT id FROM {table} WHERE id >= {FIRST_PAGE} LIMIT {PAGES}"  # noqa: S608  # constants
        sql = f"DELETE FROM {table} WHERE id IN ({some})"  # noqa: S608
        if db.execute(sql).rowcount:
            return True
    db.execute("DROP TABLE search")
    return True


def _merge(db: sqlite3.Connection) -> bool:
    """Merge the parts of the search index a little, after rows were taken out."""
    (state,) = db.execute("SELECT merging FROM file").fetchone()
    if not state or not words.is_there(db):
        return False
    before = db.total_changes
    # A negative number begins to merge all parts into one.
    db.execute("INSERT INTO word_index (word_index, rank) VALUES ('merge', ?)", (-PAGES if state == 1 else PAGES,))
    is_done = db.total_changes - before < 2  # as the documentation of FTS5 says
    db.execute("UPDATE file SET merging = ?", (0 if is_done else 2,))
    return True


def _give_back(db: sqlite3.Connection) -> bool:
    """Make the file smaller if a fifth of it is unused. Only files that began with auto_vacuum can be."""
    mode, free, pages = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("auto_vacuum", "freelist_count", "page_count")
    )
    if mode != 2 or free * 5 < pages or free < 16:
        return False
    db.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
    return True

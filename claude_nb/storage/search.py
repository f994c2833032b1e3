"""Search the history: the newest rows that contain all the words, also as parts of words."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from claude_nb.storage import migrations, rows, words
from claude_nb.storage.entries import Row
from claude_nb.storage.rows import Values
from claude_nb.types.reply import Reply

MOST_ID = 2**63 - 1


def newest(db: sqlite3.Connection, where: str, values: Values, query: Sequence[str], limit: int | None) -> list[Row]:
    """Return rows that satisfy a condition and contain all words of the query, newest first.

    If there are none, punctuation around the words does not count.
    """
    if limit is not None and limit <= 0:
        return []
    bare = [word for part in query if (word := re.sub(r"^\W+|(?<!\W)\W+$", "", part))]
    return _newest(db, where, values, query, limit) or (
        _newest(db, where, values, bare, limit) if bare and bare != query else []
    )


def _newest(db: sqlite3.Connection, where: str, values: Values, query: Sequence[str], limit: int | None) -> list[Row]:
    try:
        found = _by_index(db, where, values, query, limit) if query else None
    except sqlite3.DatabaseError as error:
        if "interrupted" in str(error) or "locked" in str(error):
            raise
        found = None  # the index is missing or damaged
    if found is None:
        found = _matching(rows.each(db, where, values), query)
    return [*islice(found, limit)]


def holds(reply: Reply, query: Sequence[str]) -> bool:
    """Return whether the prompt or the text contains all the words, or parts of words."""
    text = words.fold("\n".join(rows.texts(reply)))
    return all(words.fold(word) in text for word in query)


def _matching(found: Iterable[Row], query: Sequence[str]) -> Iterator[Row]:
    return (row for row in found if holds(row.reply, query))


def _by_index(
    db: sqlite3.Connection, where: str, values: Values, query: Sequence[str], limit: int | None
) -> Iterable[Row] | None:
    """Return the newest matching rows: running ones, indexed ones, and those that are not indexed yet."""
    is_old = not migrations.has(db, "unindexed")
    ids = iter(()) if is_old else words.candidates(db, query) if words.is_there(db) else None
    if ids is None:
        return None
    indexed = chain.from_iterable(rows.each(db, f"id = ? AND {where}", (row_id, *values)) for row_id in ids)
    found = [*islice(_matching(indexed, query), limit)]
    if migrations.has(db, "replies_running"):
        found += _matching(rows.each(db, f"stop_reason IS NULL AND {where}", values), query)
    ranges = [(0, MOST_ID)] if is_old else db.execute("SELECT first, last FROM unindexed ORDER BY last DESC").fetchall()
    for first, last in ranges:
        found += islice(_late(db, f"id BETWEEN ? AND ? AND {where}", (first, last, *values), query), limit)
    return sorted({row.id: row for row in found}.values(), key=lambda row: -row.id)


def _late(db: sqlite3.Connection, where: str, values: Values, query: Sequence[str]) -> Iterator[Row]:
    """Yield matching rows of an unindexed range. The index of version 1 finds only the beginnings of words."""
    if migrations.has(db, "search"):
        # In quotes, no word is an operator of the query language.
        match = " ".join('"' + (rows.plain(word) or "").replace('"', '""') + '"*' for word in query)
        ids = db.execute("SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC", (match,))
        found = (row for (row_id,) in ids for row in rows.each(db, f"id = ? AND {where}", (row_id, *values)))
        if (first := next(found, None)) is not None:
            yield first
            yield from found
            return
    yield from _matching(rows.each(db, where, values), query)

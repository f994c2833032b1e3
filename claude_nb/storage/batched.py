"""SQL for the rows that wait in a batch. Their owner is "batch:ID", because a batch does not end with its process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

BATCH = "batch:"  # no computer has such a name
KEPT_S = 30 * 86_400.0  # servers keep the results of a batch for 29 days


class Batched(NamedTuple):
    """A row that waits in a batch. key: of its request. created_s: when it was begun, in seconds since 1970."""

    id: int
    key: str
    owner: str
    created_s: float


def waiting(db: sqlite3.Connection) -> list[Batched]:
    """Return the rows that wait in a batch, oldest first."""
    sql = """SELECT id, key, owner, created_s FROM replies
             WHERE stop_reason IS NULL AND owner >= ? AND owner < ? ORDER BY id"""
    after = BATCH[:-1] + chr(ord(BATCH[-1]) + 1)
    return [Batched(i, str(key), str(who), float(at_s)) for i, key, who, at_s in db.execute(sql, (BATCH, after))]


def give(db: sqlite3.Connection, ids: Iterable[int], owner: str) -> None:
    """Let another owner finish rows: a batch, or the process that has fetched its results."""
    db.executemany("UPDATE replies SET owner = ? WHERE id = ?", [(owner, row_id) for row_id in ids])

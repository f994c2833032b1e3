"""Writes of several threads in one transaction: whoever has the turn takes along what waits behind.

The costly part of a write is not its rows: it is to open the file, and to wait for the disk. No write is held back for
company, one that comes alone is done at once; and each returns when it is on the disk.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

MOST = 64  # writes in one transaction
TROUBLE = (sqlite3.Error, OSError, ValueError, OverflowError)

Work = Callable[[sqlite3.Connection], Any]


class _Write:
    """done: it is on the disk. alone: a transaction that it was part of failed, perhaps because of it."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.result: Any = None
        self.done = False
        self.alone = False


class Batch:
    """The writes of a process, in line. A work may be run twice, so it changes nothing but the database."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._turn = threading.Lock()
        self._waiting: deque[_Write] = deque()

    def run(self, work: Work, transact: Callable[[Work], Any], patience_s: float) -> Any:
        """What work returns, once transact has committed it. Raises what transact raises for it."""
        if self._pid != os.getpid():  # after a fork, whoever has the turn or waits for it is not here
            self._begin()
        mine, line, turn = _Write(work), self._waiting, self._turn
        line.append(mine)
        # SQLite's own waiting is a lottery: of many threads that write, one could lose it until its patience ends.
        got = turn.acquire(timeout=patience_s)
        try:
            if mine.done:
                return mine.result
            with contextlib.suppress(ValueError):
                line.remove(mine)
            if not got or mine.alone or not line:
                return transact(work)
            return _together(mine, [line.popleft() for _ in range(min(len(line), MOST - 1))], transact)
        finally:
            if got:
                turn.release()


def _together(mine: _Write, others: list[_Write], transact: Callable[[Work], Any]) -> Any:
    for one in others:
        one.alone = True  # unless this goes well
    try:
        result, *results = transact(lambda db: [one.work(db) for one in (mine, *others)])
    except TROUBLE:
        return transact(mine.work)
    for one, its in zip(others, results, strict=True):
        one.result, one.done = its, True
    return result

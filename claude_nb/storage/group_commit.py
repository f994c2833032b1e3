"""Writes of several threads in one transaction: whoever has the turn takes along what waits behind.

The costly part of a write is not its rows: it is to open the file, and to wait for the disk. No write is held back for
company, one that comes alone is done at once; and each returns when it is on the disk.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

MOST = 64  # writes in one transaction
TROUBLE = (sqlite3.Error, OSError, ValueError, OverflowError)

Work = Callable[[sqlite3.Connection], Any]
Transact = Callable[[Work], Any]


class _Write:
    """One write and how it stands; the flags are changed by whoever has the turn, or holds the lock.

    called  there is news for its thread: it is done, or has the turn
    taken   another thread takes it along just now
    alone   a transaction that it was part of failed, perhaps because of it
    left    its thread waits no more
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.result: Any = None
        self.called = threading.Event()
        self.turn = self.taken = self.done = self.alone = self.left = False


class Batch:
    """The writes of a process, in line. A work may be run twice, so it changes nothing but the database."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._busy = False
        self._line: deque[_Write] = deque()

    def run(self, work: Work, transact: Transact, patience_s: float) -> Any:
        """What work returns, once transact has committed it. Raises what transact raises for it.

        patience_s  after so long a wait it goes on without the turn: SQLite has locks of its own
        """
        if self._pid != os.getpid():  # after a fork, whoever has the turn or waits for it is not here
            self._begin()
        mine = _Write(work)
        try:
            self._wait(mine, patience_s)
            if mine.done:
                return mine.result
            others = self._company() if mine.turn and not mine.alone else []
            return self._together(mine, others, transact) if others else transact(work)
        finally:
            self._leave(mine)

    def _wait(self, mine: _Write, patience_s: float) -> None:
        with self._lock:
            mine.turn = not self._busy
            self._busy = True
            if mine.turn:
                return
            self._line.append(mine)
        # SQLite's own waiting is a lottery: of many threads that write, one could lose it until its patience ends.
        if not mine.called.wait(patience_s) and mine.taken:
            mine.called.wait(patience_s)

    def _company(self) -> list[_Write]:
        with self._lock:
            others = [one for one in self._line if not (one.left or one.alone)][: MOST - 1]
            for one in others:
                one.taken = True
                self._line.remove(one)
        return others

    def _together(self, mine: _Write, others: Sequence[_Write], transact: Transact) -> Any:
        try:
            result, *results = transact(lambda db: [one.work(db) for one in (mine, *others)])
            for one, its in zip(others, results, strict=True):
                one.result, one.done = its, True
        except TROUBLE:
            return transact(mine.work)
        else:
            return result
        finally:
            self._send_back(others)

    def _send_back(self, others: Sequence[_Write]) -> None:
        with self._lock:
            for one in reversed(others):
                if one.done:
                    one.called.set()
                else:
                    one.alone, one.taken = True, False
                    self._line.appendleft(one)

    def _leave(self, mine: _Write) -> None:
        """Give the turn to the next that waits."""
        with self._lock:
            mine.left = True
            while mine.turn and self._line:
                following = self._line.popleft()
                if not following.left:
                    following.turn = True
                    following.called.set()
                    return
            self._busy = self._busy and not mine.turn

"""Group commit: one thread writes the history, and puts all pending writes into one transaction.

Opening the file and waiting for the disk cost far more than the rows. A write without a delay starts at once; the
writes that arrive in the meantime form the next transaction.
"""

from __future__ import annotations

import math
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any, Generic, TypeVar

IDLE_S = 5.0  # after which the thread ends
PAUSE_S = 0.1  # before each step of upkeep
SLICE_S = 0.25  # Windows does not interrupt a wait
CONCERNS_ALL = (sqlite3.OperationalError, OSError)  # the disk or a lock; other errors may come from a single write

W = TypeVar("W")


class Writer(Generic[W]):
    """The pending writes of a process, in order.

    commit  does several writes in one transaction and returns the result of each
    tidy    does a step of what may wait until nothing else is to be written; whether there is more to do
    """

    def __init__(
        self, commit: Callable[[Sequence[W]], Sequence[Any]], tidy: Callable[[], bool] = lambda: False
    ) -> None:
        self._commit = commit
        self._tidy = tidy
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._pending: list[tuple[W, Future[Any]]] = []
        self._due_s = math.inf
        self._thread: threading.Thread | None = None
        self._is_untidy = False

    def tidy_soon(self) -> None:
        """Call tidy() when nothing was written for a moment, until it has nothing more to do."""
        self._is_untidy = True

    def submit(self, write: W, *, delay_s: float = 0.0) -> Future[Any]:
        """Do a write within `delay_s` seconds. The Future gets its result, or the error of this write."""
        if self._pid != os.getpid():  # a forked child has neither the thread nor its writes
            self._reset()
        future: Future[Any] = Future()
        with self._changed:
            self._pending.append((write, future))
            is_running = self._start()
            if (due_s := time.monotonic() + delay_s) < self._due_s:
                self._due_s = due_s
                self._changed.notify_all()
        if not is_running:
            self._write(self._take())
        return future

    def _start(self) -> bool:
        """Start the thread if needed. False while the interpreter shuts down, when no thread can start."""
        if sys.is_finalizing():
            return False
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="claude_nb history", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                return False
        return True

    def _run(self) -> None:
        while batch := self._next():
            self._write(batch)

    def _next(self) -> list[tuple[W, Future[Any]]]:
        """Wait for the next batch; an empty one ends the thread."""
        with self._changed:
            while (left_s := self._due_s - time.monotonic()) > 0:
                if self._changed.wait(min(left_s, PAUSE_S if self._is_untidy else IDLE_S)) or self._pending:
                    continue
                if not self._is_untidy:
                    self._thread = None
                    return []
                self._changed.release()
                try:
                    self._is_untidy = self._tidy()
                finally:
                    self._changed.acquire()
            return self._take()

    def _take(self) -> list[tuple[W, Future[Any]]]:
        batch, self._pending, self._due_s = self._pending, [], math.inf
        return batch

    def _write(self, batch: Sequence[tuple[W, Future[Any]]]) -> None:
        try:
            results = self._commit([write for write, _ in batch])
        except Exception as error:  # noqa: BLE001 - the thread that waits for the write raises it
            if len(batch) > 1 and not isinstance(error, CONCERNS_ALL):
                for pair in batch:
                    self._write([pair])
            else:
                for _, future in batch:
                    future.set_exception(error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)


def result_of(future: Future[Any]) -> Any:
    """Wait for a write and return its result."""
    while not future.done():
        wait([future], SLICE_S)
    return future.result()

"""Job queue of a sweep: hands out jobs, takes refused jobs back, and records both in the history.

A prompt is always in the history before it is sent. The rows of the next calls are written in advance, many at once,
and the replies in the background. A crash can cost the replies of the last moment, but not their prompts.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from claude_nb.stop_signal import Stop
from claude_nb.storage.entries import Rhythm
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

WRITE_DELAY_S = 0.25  # of a reply, so that others are written with it, or with the next prompts
MOST_AHEAD = 8  # times as many rows as at first, on a slow disk
SLICE_S = 0.25  # in which a stop is seen
ENOUGH = 4  # answers to calls for the same model end the wait of a refused call


class Job(NamedTuple):
    """One call: its case, the number of its repeat, and its request."""

    case: int
    repeat: int
    request: Request


class Task:
    """A job that is handed out, and the HistoryWriter of its turns: all attempts share one row.

    attempt      1 for the first
    is_recorded  the history has the reply
    rows, place  the write that begins its row, and which of the rows it is
    due_s        when it may be tried again; also when `due_at` calls of its kind are answered
    """

    def __init__(self, job: Job, store: Store | None, *, is_recorded: bool) -> None:
        self.job = job
        self.attempt = 1
        self.is_recorded = is_recorded
        self.row: int | None = None
        self.rows: Future[list[int]] | None = None
        self.place = 0
        self.due_s = self.due_at = 0.0
        self._store = store
        self._write_failure: Callable[[], None] | None = None  # unless another attempt follows

    @property
    def kind(self) -> Hashable:
        """Identifies calls that share a rate limit."""
        request = self.job.request
        return request.provider, request.base_url, request.model

    def begin(self, request: Request, **names: str | None) -> int | None:
        """Return the row of the job."""
        if self.is_recorded and self._store and self.row is None:  # the recorded reply is gone
            self.row = self._store.begin(request, **names)
        return self.row

    def finish(self, row: int, reply: Reply, rhythm: Rhythm) -> None:
        """Record the reply soon. A failure is recorded by settle(), because another attempt may follow."""
        if self._store is None:
            return
        write = partial(self._store.finish, row, reply, rhythm, delay_s=WRITE_DELAY_S)
        self._write_failure = write if reply.stop_reason == "error" else None
        if not self._write_failure:
            write()

    def settle(self) -> None:
        """Record a failure, because no other attempt follows."""
        if self._write_failure:
            self._write_failure()
            self._write_failure = None

    def drop(self) -> None:
        """Give the job up: record its failure, or delete its row if it was never sent."""
        if self._write_failure or self._store is None:
            self.settle()
        elif self.row is not None:
            self._store.remove([self.row])
        elif self.rows:
            self.rows.add_done_callback(self._remove)

    def _remove(self, rows: Future[list[int]]) -> None:
        if self._store and not rows.exception():
            self._store.remove([rows.result()[self.place]])


class JobQueue:
    """The jobs of one run. All methods may be called from any thread.

    ahead     rows to write in advance; the number grows, up to MOST_AHEAD times, when calls have to wait for their rows
    notebook  that the rows belong to
    recorded  keys of requests to which the history has the reply
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        store: Store | None,
        *,
        ahead: int,
        notebook: str | None = None,
        recorded: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._ahead = ahead
        self._most_ahead = ahead * MOST_AHEAD
        self._notebook = notebook
        self._clock = clock
        self._waiting = deque(
            Task(job, store, is_recorded=bool(recorded) and job.request.key in recorded) for job in jobs
        )
        self._begun: deque[Task] = deque()  # their rows are being written
        self._refused: list[Task] = []
        self._answers: Counter[Hashable] = Counter()
        self._late: Future[list[int]] | None = None  # the newest rows that calls had to wait for
        self._closed = False
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)

    def __len__(self) -> int:
        """Number of jobs that are not running."""
        return len(self._waiting) + len(self._begun) + len(self._refused)

    def next(self, stop: Stop, *, wait: bool = True) -> Task | None:
        """Return the next task; None when there is none, or after a stop.

        wait  True waits for a refused task that is not due yet, if there is no other
        """
        if stop.is_set():
            return None
        with self._lock:
            while (task := self._pop()) is None and self._refused and wait and not stop.is_set():
                left_s = min(task.due_s for task in self._refused) - self._clock()
                self._news.wait(min(max(left_s, 0.001), SLICE_S))
        if task is None or self._has_row(task, stop):
            return task
        self.give_back(task)
        return None

    def give_back(self, task: Task) -> None:
        """Take back a task that was not sent because of a stop."""
        with self._lock:
            self._begun.appendleft(task)
            is_closed = self._closed
        if is_closed:
            task.drop()

    def retry(self, task: Task, wait_s: float, *, is_asked: bool) -> None:
        """Hand out a task once more after `wait_s` seconds.

        is_asked  the server set the time. Otherwise answers to calls of the same kind end the wait earlier: ENOUGH, and
                  twice as many after each attempt
        """
        with self._lock:
            enough = math.inf if is_asked else ENOUGH * 2 ** (task.attempt - 1)
            task.due_s, task.due_at = self._clock() + wait_s, self._answers[task.kind] + enough
            task.attempt += 1
            task.is_recorded = False
            self._refused.append(task)

    def done(self, task: Task) -> None:
        """Take note that a task has ended."""
        task.settle()
        with self._lock:
            self._answers[task.kind] += not task.is_recorded
            if self._refused:
                self._news.notify_all()

    def give_up(self, like: Callable[[Request], bool]) -> None:
        """Drop the jobs whose request satisfies a condition."""
        with self._lock:
            tasks = (*self._waiting, *self._begun, *self._refused)
            dropped = {task for task in tasks if like(task.job.request)}
            self._waiting = deque(task for task in self._waiting if task not in dropped)
            self._begun = deque(task for task in self._begun if task not in dropped)
            self._refused = [task for task in self._refused if task not in dropped]
        for task in dropped:
            task.drop()

    def close(self, within_s: float) -> None:
        """Drop all jobs, and wait until the history is written, at most `within_s` seconds."""
        self._closed = True
        self.give_up(lambda _: True)
        if self._store:
            self._store.flush(within_s)

    def _pop(self) -> Task | None:
        now_s = self._clock()
        for task in self._refused:
            if task.due_s <= now_s or task.due_at <= self._answers[task.kind]:
                self._refused.remove(task)
                return task
        self._begin_rows()
        newest = self._begun.popleft() if self._begun else None
        self._begin_rows()
        return newest

    def _begin_rows(self) -> None:
        """Begin more rows when few are left."""
        if len(self._begun) > self._ahead // 2:
            return
        tasks = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._ahead - len(self._begun)))]
        self._begun.extend(tasks)
        new = [task for task in tasks if not task.is_recorded]
        if new and self._store:
            rows = self._store.begin_all([task.job.request for task in new], notebook=self._notebook)
            self._late = self._late or rows  # the first calls always have to wait
            for place, task in enumerate(new):
                task.rows, task.place = rows, place

    def _has_row(self, task: Task, stop: Stop) -> bool:
        """Wait until the row of a task is written. False after a stop."""
        rows, task.rows = task.rows, None
        if rows is None or self._store is None:
            return not stop.is_set()
        if not rows.done() and rows is not self._late:
            self._late, self._ahead = rows, min(2 * self._ahead, self._most_ahead)
        ids = self._store.rows_of(rows)
        task.row = ids[task.place] if ids else None
        return not stop.is_set()

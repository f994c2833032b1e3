"""Hands out the jobs of a sweep, and keeps the history of them: many rows in one write, while the calls go on.

The prompt of a call is in the history before it is sent, as anywhere; here those of the next calls are written
together, and so are the replies that have come meanwhile. What a crash can cost is the same: the replies that were
about to be written. Their prompts are there.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from claude_nb.stop_signal import Stop
from claude_nb.storage.entries import Rhythm
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

if TYPE_CHECKING:
    from claude_nb.storage.store import Store

LONGEST_WAIT_S = 0.05  # of a reply for its write
MOST_AHEAD = 8  # times as many rows as at first, on a slow disk


class Job(NamedTuple):
    """One call: which case, which repeat of it, and what is sent."""

    case: int
    repeat: int
    request: Request


class Task:
    """A job handed out, and the Ledger of its turn. attempt: 1, 2 ...; is_recorded: the history answers it."""

    def __init__(self, clerk: JobQueue, job: Job, attempt: int, is_recorded: bool) -> None:
        self.job = job
        self.attempt = attempt
        self.is_recorded = is_recorded
        self.row: int | None = None
        self._clerk = clerk

    def begin(self, request: Request, **names: str | None) -> int | None:
        """The row that is there already."""
        if self.is_recorded and self._clerk.store:  # the reply that was to answer it is gone
            self.row = self._clerk.store.begin(request, **names)
        return self.row

    def finish(self, row: int, reply: Reply, rhythm: Rhythm) -> None:
        """Have it written in a moment."""
        self._clerk.ended(row, reply, rhythm)


class JobQueue:
    """The jobs of one run. Any thread may call; writing happens on a thread of its own, when there is a history.

    ahead     rows written before their calls begin; more, up to MOST_AHEAD times, when calls had to wait for theirs
    notebook  whose rows they are
    recorded  keys of requests that the history answers
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        store: Store | None,
        *,
        ahead: int,
        notebook: str | None = None,
        recorded: frozenset[str] = frozenset(),
    ) -> None:
        self.store = store
        self._ahead = ahead
        self._most_ahead = ahead * MOST_AHEAD
        self._notebook = notebook
        self._recorded = recorded
        self._waiting = deque(Task(self, job, 1, bool(recorded) and job.request.key in recorded) for job in jobs)
        self._ready: deque[Task] = deque() if store else self._waiting
        self._ended: list[tuple[int, Reply, Rhythm]] = []
        self._unsent: list[int] = []
        self._ended_at = 0.0
        self._writing = False
        self._is_late = False  # a call waits for its row
        self._closed = False
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._stock = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """Jobs that nobody has begun."""
        return len(self._waiting) + (len(self._ready) if self.store else 0)

    def next(self, stop: Stop) -> Task | None:
        """The next task; None: there is none, or stopped."""
        with self._lock:
            while not self._ready and (self._waiting or self._writing) and not stop.is_set():
                self._is_late = True
                self._start()
                self._work.notify()
                self._stock.wait(0.25)
            task = self._ready.popleft() if self._ready and not stop.is_set() else None
            if len(self._ready) <= self._ahead // 2 and self._waiting:
                self._work.notify()
        return task

    def again(self, task: Task) -> None:
        """It is to be tried once more, after all others."""
        with self._lock:
            self._waiting.append(Task(self, task.job, task.attempt + 1, is_recorded=False))

    def ended(self, row: int, reply: Reply, rhythm: Rhythm) -> None:
        """A reply for the history."""
        with self._lock:
            self._start()
            if not self._ended:
                self._ended_at = time.monotonic()
                self._work.notify()
            self._ended.append((row, reply, rhythm))

    def give_up(self, like: Callable[[Request], bool]) -> None:
        """Hand out no job whose request is like this."""
        with self._lock:
            self._clear(like)

    def close(self, within_s: float) -> None:
        """Write what is left, and take out the prompts that were not sent."""
        with self._lock:
            self._clear(lambda _: True)
            self._closed = True
            self._work.notify()
        if self._thread:
            self._thread.join(within_s)

    def _clear(self, like: Callable[[Request], bool]) -> None:
        for tasks in (self._waiting, self._ready):
            out = [task for task in tasks if like(task.job.request)]
            for task in out:
                tasks.remove(task)
            self._unsent += [task.row for task in out if task.row is not None]

    def _start(self) -> None:
        if self.store and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._write, args=(self.store,), name="claude_nb clerk", daemon=True)
            self._thread.start()

    def _write(self, store: Store) -> None:
        has_begun = False
        while True:
            with self._lock:
                while (wait_s := self._wait_s()) != 0:
                    self._work.wait(wait_s)
                if self._closed:
                    self._clear(lambda _: True)
                ended, self._ended = self._ended, []
                unsent, self._unsent = self._unsent, []
                count = min(len(self._waiting), self._ahead - len(self._ready))
                tasks = [self._waiting.popleft() for _ in range(count)]
                self._writing = bool(tasks)
            if not (ended or unsent or tasks):
                return  # closed, and all is written
            plain = [task for task in tasks if not task.is_recorded]
            if plain or ended or unsent:
                rows = store.enter([task.job.request for task in plain], ended, unsent, notebook=self._notebook)
                for task, row in zip(plain, rows, strict=True):
                    task.row = row
            with self._lock:
                if self._is_late and has_begun:
                    self._ahead = min(2 * self._ahead, self._most_ahead)
                self._is_late, has_begun = False, True
                self._ready.extend(tasks)
                self._writing = False
                self._stock.notify(len(tasks))

    def _wait_s(self) -> float | None:
        """Seconds until something is to be written: 0 for now; None: when it is told."""
        if self._closed or (self._waiting and len(self._ready) <= self._ahead // 2):
            return 0
        return max(0.0, self._ended_at + LONGEST_WAIT_S - time.monotonic()) if self._ended else None

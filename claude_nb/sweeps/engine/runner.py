"""Runs the calls of a sweep: some at once, slower when the server refuses them, none lost when interrupted."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any, NamedTuple

from claude_nb.errors import ClaudeError
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.sweeps.engine.job_queue import Job, JobQueue, Task
from claude_nb.sweeps.engine.throttle import Throttle, ThrottledConnections
from claude_nb.sweeps.engine.worker import Answer, failed, run_one

TRIES = 4  # of a call that the server refuses; each is itself repeated by the wire
TICK_S = 0.05  # between two looks at what has ended: waking the main thread for each reply would be half the work
GRACE_S = 0.8  # what running replies get to end in when the sweep is interrupted


class Done(NamedTuple):
    """A finished job."""

    job: Job
    answer: Answer


class Runner:
    """The calls of one sweep, on this machine's threads or on an executor.

    options   those of Session.run: {"timeout": 30}
    recorded  keys of requests that the history answers; replay, for all others, is off or only
    turns     what is running now, by job
    hopeless  why the calls that are left were not sent; None: nothing stands in the way
    """

    def __init__(
        self,
        session: Session,
        jobs: Sequence[Job],
        *,
        concurrency: int,
        options: Mapping[str, Any] | None = None,
        recorded: frozenset[str] = frozenset(),
        replay: str = "off",
        executor: Executor | None = None,
    ) -> None:
        self.session = session
        self.pace = Throttle(max(1, min(concurrency, len(jobs))))
        self.turns: dict[Job, Turn] = {}
        self.hopeless: str | None = None
        self._options = dict(options or {})
        self._replay = replay
        self._executor = executor
        # On an executor a row is written when its reply comes back.
        store = None if executor else session.store
        limit = self.pace.limit
        self._clerk = JobQueue(jobs, store, ahead=limit, notebook=session.notebook, recorded=recorded)
        self._results: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._stop = Stop()
        self._crew = threading.Lock()
        self._threads: list[threading.Thread] = []
        # Of these threads. resting: its call waits for its next try; spare: it stood in for one that rested.
        self._active = self._resting = self._spare = 0
        self._needed = threading.Semaphore(0)  # wakes one that is spare
        self._over = threading.Event()
        self._fault: BaseException | None = None

    def run(self) -> Generator[list[Done], None, None]:
        """The jobs that have ended, in any order: now and then those since the last time, which may be none.

        Closing the generator (or a KeyboardInterrupt in it) stops what is running; it is done within a second, and
        rest() has what ended meanwhile.
        """
        return self._on_executor(self._executor) if self._executor else self._on_threads()

    def rest(self) -> list[Done]:
        """The jobs that have ended, but were not told yet."""
        return [self._results.get() for _ in range(self._results.qsize())]

    def _on_threads(self) -> Generator[list[Done], None, None]:
        try:
            for _ in range(min(len(self._clerk), self.pace.limit)):
                self._add_hand()
            while self._threads and not self._over.wait(TICK_S):
                yield self.rest()
            yield self.rest()
            if self._fault:
                raise self._fault
        finally:
            self._end()

    def _end(self) -> None:
        self._stop.set()
        for turn in list(self.turns.values()):
            turn.stop()
        deadline = time.monotonic() + GRACE_S
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        for turn in list(self.turns.values()):
            turn.abandon()
        self._clerk.close(max(GRACE_S / 4, deadline - time.monotonic()))

    def _add_hand(self) -> None:
        """One more at work, unless there are enough: more than slots would spend their time in waking each other."""
        with self._crew:
            if self._active >= self.pace.limit or self._stop.is_set():
                return
            self._active += 1
            if self._spare:  # which has a connection, too
                self._spare -= 1
                self._needed.release()
                return
        thread = threading.Thread(target=self._work, name="claude_nb sweep", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        """One thread: job after job."""
        slot = ThrottledConnections(self.pace, self._stop, self._rest)
        try:
            while task := self._next():
                if (answer := self._read(task, slot)) is not None:
                    self._take(task, answer)
        except BaseException as error:  # noqa: BLE001  # a fault of ours: the main thread raises it
            self._fault = error
            self._over.set()
        slot.close()

    def _next(self) -> Task | None:
        """What a thread does now, if need be after a while as a spare one; None: nothing is left."""
        with self._crew:
            is_spare = self._active > self.pace.limit  # one that rested is back in its place
            self._active -= is_spare
            self._spare += is_spare
        if is_spare:
            with self._stop.unblocking(self._needed.release):
                self._needed.acquire()
        if task := self._clerk.next(self._stop):
            return task
        with self._crew:
            self._active -= 1
            if not (self._active or self._resting):
                self._over.set()
        return None

    def _rest(self, change: int) -> None:
        """A thread begins to wait for the next try of its call, or ends it; another takes its place meanwhile."""
        with self._crew:
            self._resting += change
            self._active -= change
        if change > 0 and len(self._clerk):
            self._add_hand()

    def _read(self, task: Task, slot: ThrottledConnections | None = None) -> Answer | None:
        """Run a job to its end; None: stopped on the way."""
        job, replay = task.job, "use" if task.is_recorded else self._replay
        if slot:
            slot.kind = (job.request.provider, job.request.base_url, job.request.model)
        try:
            turn = self.session.run(
                job.request, replay=replay, hurry=True, connections=slot, writer=task, **self._options
            )
            self.turns[job] = turn
            if self._stop.is_set():
                turn.stop()
            reply = turn.wait()
            return None if reply.stop_reason == "interrupted" else Answer(reply)
        except ClaudeError as error:
            return None if self._stop.is_set() else failed(job.request, error)
        finally:
            self.turns.pop(job, None)

    def _take(self, task: Task, answer: Answer) -> None:
        """Hand a result on, try it again later, or give up on all that would fail like it."""
        if answer.refused and task.attempt < TRIES:
            self._clerk.again(task)
            return
        if answer.hopeless:
            # A key that is refused once is refused each time, but another model may have another key.
            self.hopeless = self.hopeless or answer.reply.error
            same = (task.job.request.provider, task.job.request.model)
            self._clerk.give_up(lambda request: (request.provider, request.model) == same)
        self._results.put(Done(task.job, answer))

    def _on_executor(self, executor: Executor) -> Generator[list[Done], None, None]:
        running: dict[Future[Answer], Task] = {}
        try:
            while len(self._clerk) or running:
                self._submit(executor, running)
                ended, _ = wait(running, timeout=TICK_S, return_when=FIRST_COMPLETED)
                for future in ended:
                    self._collect(future, running.pop(future))
                yield self.rest()
        finally:
            for future, task in running.items():
                if not future.cancel() and future.done():
                    self._collect(future, task)

    def _submit(self, executor: Executor, running: dict[Future[Answer], Task]) -> None:
        """Start what may run now; what the history answers is not sent to a worker."""
        while self.pace.wait_s() == 0 and (task := self._clerk.next(self._stop)):
            request = task.job.request
            if task.is_recorded:
                if answer := self._read(task):
                    self._take(task, answer)
                continue
            try:
                self.session.budget.admit(request, self.session.models)
            except ClaudeError as error:
                self._take(task, failed(request, error))
                return
            self.pace.start(self._stop)
            running[executor.submit(run_one, request, self._options)] = task

    def _collect(self, future: Future[Answer], task: Task) -> None:
        try:
            answer = future.result()
        except Exception as error:  # noqa: BLE001  # a worker that died; its kind depends on the executor
            answer = failed(task.job.request, ClaudeError(f"the worker failed: {type(error).__name__}: {error}"[:300]))
        if answer.refused:
            self.pace.refused()
        else:
            self.pace.answered()
        if not (answer.refused and task.attempt < TRIES):
            answer = answer._replace(reply=self.session.adopt(answer.reply))
        self._take(task, answer)

"""Runs the calls of a sweep: several at once, fewer while the server rejects calls, with retries and interrupts."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace
from typing import Any, NamedTuple

from claude_nb.errors import ClaudeError
from claude_nb.providers.http.keepalive import KeptConnections
from claude_nb.session.call import Call
from claude_nb.session.reader import ReplyView
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.sweeps.engine.job_queue import Job, JobQueue, Task
from claude_nb.sweeps.engine.throttle import Throttle
from claude_nb.sweeps.engine.worker import Answer, failed, run_one
from claude_nb.types.reply import Reply

CONNECTIONS = 128  # kept by all threads together; macOS allows a process 256 files
TICK_S = 0.05  # between two batches, because waking the main thread for each reply would double the work
GRACE_S = 0.8  # for running replies to end after an interrupt


class Done(NamedTuple):
    """A finished job."""

    job: Job
    answer: Answer


class Runner:
    """The calls of one sweep, on threads of this process or on an executor.

    options   fields of Call: {"timeout": 30}
    recorded  keys of requests to which the history has the reply
    replay    "off" or "only", for all other requests
    turns     the running turns, by job
    hopeless  why the remaining calls were not sent; None: no reason
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
        self.throttle = Throttle(max(1, min(concurrency, len(jobs))))
        self.turns: dict[Job, Turn] = {}
        self.hopeless: str | None = None
        self._options = dict(options or {})
        self._replay = replay
        self._executor = executor
        # With an executor, a row is written when its reply comes back.
        store = None if executor else session.store
        limit = self.throttle.limit
        self._queue = JobQueue(jobs, store, ahead=limit, notebook=session.notebook, recorded=recorded)
        self._results: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._stop = Stop()
        self._threads: list[threading.Thread] = []
        self._fault: BaseException | None = None

    def run(self) -> Generator[list[Done], None, None]:
        """Yield batches of finished jobs, in any order. A batch may be empty.

        Closing the generator, or a KeyboardInterrupt in it, stops the running calls within a second; rest() then
        returns what has ended in the meantime.
        """
        return self._on_executor(self._executor) if self._executor else self._on_threads()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def rest(self) -> list[Done]:
        """Return the finished jobs that were not yielded yet."""
        return [self._results.get() for _ in range(self._results.qsize())]

    def _on_threads(self) -> Generator[list[Done], None, None]:
        try:
            self._threads = [
                threading.Thread(target=self._work, name="claude_nb sweep", daemon=True)
                for _ in range(min(len(self._queue), self.throttle.limit))
            ]
            for thread in self._threads:
                thread.start()
            for thread in self._threads:
                while thread.is_alive() and not self._fault:
                    thread.join(TICK_S)
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
        for thread in self._threads:
            if thread.ident:  # an interrupt may come before it starts
                thread.join(max(0.0, deadline - time.monotonic()))
        for turn in list(self.turns.values()):
            turn.abandon()
        self._queue.close(max(GRACE_S / 4, deadline - time.monotonic()))

    def _work(self) -> None:
        """Run one job after the other, on one thread."""
        connections = KeptConnections(most=connections_per_thread(self.throttle.limit))
        try:
            while task := self._queue.next(self._stop):
                if task.is_recorded:
                    self._take(task, self._call(task, connections))
                elif self.throttle.start(self._stop):
                    answer = self._call(task, connections)
                    self._free_slot(answer)
                    self._take(task, answer)
                else:
                    self._queue.give_back(task)
        except BaseException as error:  # noqa: BLE001  # a bug: the main thread raises it
            self._fault = error
        connections.close()

    def _free_slot(self, answer: Answer | None) -> None:
        if answer and answer.refused:
            self.throttle.refused(answer.pause_s)
        else:
            self.throttle.answered()

    def _call(self, task: Task, connections: KeptConnections | None = None) -> Answer | None:
        """Run a job to its end. None after a stop."""
        job, replay = task.job, "use" if task.is_recorded else self._replay
        call = Call(replay=replay, hurry=True, repair=False, retries=0, connections=connections, writer=task)
        try:
            reply = self.session.complete(job.request, replace(call, **self._options), _Reading(self, job))
            return None if reply.stop_reason == "interrupted" else Answer(reply)
        except ClaudeError as error:
            return None if self._stop.is_set() else failed(job.request, error)
        finally:
            self.turns.pop(job, None)

    def _take(self, task: Task, answer: Answer | None) -> None:
        """Pass a result on, put the job back for a retry, or give up all jobs that would fail in the same way."""
        if answer is None:
            self._queue.done(task)
            return
        if (wait_s := answer.wait_s(task.attempt)) is not None:
            self._queue.retry(task, wait_s, is_asked=bool(answer.pause_s))
            return
        if answer.hopeless:
            # A key that is rejected once is rejected each time, but another model may have another key.
            self.hopeless = self.hopeless or answer.reply.error
            same = (task.job.request.provider, task.job.request.model)
            self._queue.give_up(lambda request: (request.provider, request.model) == same)
        self._queue.done(task)
        self._results.put(Done(task.job, answer))

    def _on_executor(self, executor: Executor) -> Generator[list[Done], None, None]:
        running: dict[Future[Answer], Task] = {}
        try:
            while len(self._queue) or running:
                self._submit(executor, running)
                ended, _ = wait(running, timeout=TICK_S, return_when=FIRST_COMPLETED)
                for future in ended:
                    self._collect(future, running.pop(future))
                yield self.rest()
                if not running and len(self._queue):
                    self._stop.wait(TICK_S)  # all jobs wait for a retry
        finally:
            for future, task in running.items():
                if not future.cancel() and future.done():
                    self._collect(future, task)

    def _submit(self, executor: Executor, running: dict[Future[Answer], Task]) -> None:
        """Start the calls that may run now. A recorded reply needs no worker."""
        while self.throttle.wait_s() == 0 and (task := self._queue.next(self._stop, wait=False)):
            request = task.job.request
            if task.is_recorded:
                self._take(task, self._call(task))
                continue
            try:
                self.session.budget.admit(request, self.session.models)
            except ClaudeError as error:
                self._take(task, failed(request, error))
                return
            self.throttle.start(self._stop)
            running[executor.submit(run_one, request, self._options)] = task

    def _collect(self, future: Future[Answer], task: Task) -> None:
        try:
            answer = future.result()
        except Exception as error:  # noqa: BLE001  # a dead worker; the type depends on the executor
            answer = failed(task.job.request, ClaudeError(f"the worker failed: {type(error).__name__}: {error}"[:300]))
        self._free_slot(answer)
        if answer.wait_s(task.attempt) is None:
            answer = answer._replace(reply=self.session.adopt(answer.reply))
        self._take(task, answer)


class _Reading(ReplyView):
    """Reads a reply in the thread of its job, where the runner can stop it."""

    def __init__(self, runner: Runner, job: Job) -> None:
        self._runner = runner
        self._job = job

    def read(self, turn: Turn) -> Reply:
        self._runner.turns[self._job] = turn
        if self._runner.stopped:
            turn.stop()
        return turn.wait()


def connections_per_thread(limit: int) -> int:
    """Return how many connections each of so many threads may keep."""
    return max(1, CONNECTIONS // limit)

"""Runs the calls of a sweep: some at once, slower when the server refuses them, none lost when interrupted."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any, NamedTuple

from claude_nb.errors import ClaudeError
from claude_nb.session import Session
from claude_nb.stop import Stop
from claude_nb.sweeps.pace import PAUSE_S, Pace, Slot
from claude_nb.sweeps.worker import Answer, failed, run_one
from claude_nb.turn import Turn
from claude_nb.values import Request

TRIES = 4  # of a call that the server refuses; each is itself repeated by the wire
TICK_S = 0.1
GRACE_S = 0.8  # what running replies get to end in when the sweep is interrupted


class Job(NamedTuple):
    """One call: which case, which repeat of it, and what is sent."""

    case: int
    repeat: int
    request: Request


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
        self.pace = Pace(max(1, min(concurrency, len(jobs))))
        self.turns: dict[Job, Turn] = {}
        self.hopeless: str | None = None
        self._options = dict(options or {})
        self._recorded = recorded
        self._replay = replay
        self._executor = executor
        self._waiting = deque((job, 1) for job in jobs)
        self._results: queue.SimpleQueue[Done | BaseException | None] = queue.SimpleQueue()
        self._stop = Stop()

    def run(self) -> Generator[Done | None, None, None]:
        """Each job as it ends, in any order, and None now and then while none does.

        Closing the generator (or a KeyboardInterrupt in it) stops what is running; it is done within a second, and
        rest() has what ended meanwhile.
        """
        return self._on_executor(self._executor) if self._executor else self._on_threads()

    def rest(self) -> list[Done]:
        """The jobs that had ended, but were not taken from run() before it was closed."""
        found = []
        while not self._results.empty():
            result = self._results.get()
            if isinstance(result, Done):
                found.append(result)
        return found

    def _on_threads(self) -> Generator[Done | None, None, None]:
        # A slot is held while the network is used, not while a row is written or a call waits for its next try; so
        # that no slot stays free meanwhile, there are more threads than slots.
        working = min(len(self._waiting), 2 * self.pace.limit)
        threads = [threading.Thread(target=self._work, name="claude_nb sweep", daemon=True) for _ in range(working)]
        for thread in threads:
            thread.start()
        try:
            while working:
                try:
                    result = self._results.get(timeout=TICK_S)
                except queue.Empty:
                    yield None
                    continue
                if isinstance(result, BaseException):
                    raise result
                working -= result is None
                if result is not None:
                    yield result
        finally:
            self._end(threads)

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        self._stop.set()
        for turn in list(self.turns.values()):
            turn.stop()
        deadline = time.monotonic() + GRACE_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for turn in list(self.turns.values()):
            turn.abandon()

    def _work(self) -> None:
        """One thread: job after job, until none is left. Its last result is None."""
        try:
            while not self._stop.is_set() and (waiting := self._next()):
                job, attempt = waiting
                if (answer := self._read(job)) is not None:
                    self._take(job, attempt, answer)
        except BaseException as error:  # noqa: BLE001  # a fault of ours: the main thread raises it
            self._results.put(error)
        self._results.put(None)

    def _next(self) -> tuple[Job, int] | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def _read(self, job: Job) -> Answer | None:
        """Run a job to its end; None: stopped on the way."""
        replay = "use" if self._recorded and job.request.key in self._recorded else self._replay
        slot = Slot(self.pace, self._stop)
        try:
            turn = self.session.run(job.request, replay=replay, hurry=True, slot=slot.held, **self._options)
            self.turns[job] = turn
            if self._stop.is_set():
                turn.stop()
            for chunk in turn.chunks():
                if chunk.wait_s:
                    slot.give(chunk.wait_s)
                elif chunk.wait_s == 0:
                    slot.take()
                if self._stop.is_set():
                    turn.stop()
            reply = turn.reply
            return Answer(reply) if reply and reply.stop_reason != "interrupted" else None
        except ClaudeError as error:
            return None if self._stop.is_set() else failed(job.request, error)
        finally:
            self.turns.pop(job, None)

    def _take(self, job: Job, attempt: int, answer: Answer) -> None:
        """Hand a result on, try it again later, or give up on all that would fail like it."""
        if answer.refused and attempt < TRIES:
            self._waiting.append((job, attempt + 1))
            return
        if answer.hopeless:
            self._give_up(job, answer)
        self._results.put(Done(job, answer))

    def _give_up(self, job: Job, answer: Answer) -> None:
        """A key that is refused once is refused each time, but another model may have another key."""
        self.hopeless = self.hopeless or answer.reply.error
        same = (job.request.provider, job.request.model)
        for one in list(self._waiting):
            if (one[0].request.provider, one[0].request.model) == same:
                try:
                    self._waiting.remove(one)
                except ValueError:  # another thread has just taken it
                    continue

    def _on_executor(self, executor: Executor) -> Generator[Done | None, None, None]:
        running: dict[Future[Answer], tuple[Job, int]] = {}
        try:
            while self._waiting or running:
                yield from self._submit(executor, running)
                ended, _ = wait(running, timeout=TICK_S, return_when=FIRST_COMPLETED)
                for future in ended:
                    self._collect(future, *running.pop(future))
                if not ended:
                    yield None
                yield from self.rest()
        finally:
            for future, job in running.items():
                if not future.cancel() and future.done():
                    self._collect(future, *job)

    def _submit(self, executor: Executor, running: dict[Future[Answer], tuple[Job, int]]) -> Iterator[Done]:
        """Start what may run now; what the history answers is not sent to a worker."""
        while self._waiting and self.pace.wait_s() == 0:
            job, attempt = self._waiting.popleft()
            if job.request.key in self._recorded:
                if answer := self._read(job):
                    yield Done(job, answer)
                continue
            try:
                self.session.budget.admit(job.request, self.session.models)
            except ClaudeError as error:
                self._take(job, attempt, failed(job.request, error))
                return
            self.pace.start(self._stop)
            running[executor.submit(run_one, job.request, self._options)] = (job, attempt)

    def _collect(self, future: Future[Answer], job: Job, attempt: int) -> None:
        try:
            answer = future.result()
        except Exception as error:  # noqa: BLE001  # a worker that died; its kind depends on the executor
            answer = failed(job.request, ClaudeError(f"the worker failed: {type(error).__name__}: {error}"[:300]))
        if answer.refused:
            self.pace.refused(PAUSE_S)
        else:
            self.pace.answered()
        if not (answer.refused and attempt < TRIES):
            answer = answer._replace(reply=self.session.adopt(answer.reply))
        self._take(job, attempt, answer)

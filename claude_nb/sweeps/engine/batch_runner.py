"""Sends the jobs of a sweep in batches and fetches the results, on a thread of its own.

An interrupt therefore ends the wait at once, and never a step between sending a batch and knowing its id.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence

from claude_nb.errors import NetworkError, Overloaded, StreamCut
from claude_nb.providers import batches
from claude_nb.session.batch_replies import received
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.sweeps.engine.batch import Batch
from claude_nb.sweeps.engine.batch_book import BatchBook
from claude_nb.sweeps.engine.job_queue import Job
from claude_nb.sweeps.engine.runner import GRACE_S, TICK_S, Done, Runner
from claude_nb.sweeps.engine.worker import Answer
from claude_nb.sweeps.run_options import RunOptions

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0  # between two questions for the state
MOST_FAILURES = 10  # in a row, of the questions for the state
PASSING = (NetworkError, Overloaded, StreamCut)


def runners(
    book: BatchBook, jobs: Sequence[Job], options: RunOptions, recorded: frozenset[str], *, wait: bool
) -> list[Runner | BatchRunner]:
    """Return what runs jobs, one after the other: in a sweep with batches, those that the history answers come first.

    recorded  keys of requests to which the history has the reply
    """
    known = list(jobs)
    later: list[Runner | BatchRunner] = []
    if options.sends_batches:
        known = [job for job in jobs if job.request.key in recorded]
        new = [job for job in jobs if job.request.key not in recorded]
        book.drop(job[:2] for job in known)
        if options.replay == "use":
            book.look_up(new)
        later = [BatchRunner(book, new, wait=wait)]
    first = Runner(
        book.session,
        known,
        concurrency=options.concurrency,
        options=options.call_options,
        recorded=recorded,
        replay="only" if options.replay == "only" else "off",
        executor=options.executor,
    )
    return [first, *later]


class BatchRunner:
    """One run over the batches of a sweep, with the interface of Runner.

    jobs  to send, unless they wait in a batch of the book
    wait  True asks until all batches have ended; False asks once
    """

    turns: dict[Job, Turn] = {}  # noqa: RUF012  # always empty: no reply of a batch arrives word by word
    hopeless: str | None = None

    def __init__(self, book: BatchBook, jobs: Sequence[Job], *, wait: bool) -> None:
        self._book = book
        self._jobs = jobs
        self._wait = wait
        self._results: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._stop = Stop()
        self._fault: BaseException | None = None

    def run(self) -> Generator[list[Done], None, None]:
        """Yield batches of finished jobs, in any order. A batch may be empty.

        Closing the generator ends the wait, and leaves the batches at the server as they are. Raises ClaudeError.
        """
        for request in {job.request.origin: job.request for job in self._jobs}.values():
            self._book.server(request)  # here, because only the main thread can ask the user about a key
        for batch in self._book.waiting:
            self._book.server(batch.request)
        thread = threading.Thread(target=self._work, name="claude_nb batch", daemon=True)
        try:
            thread.start()
            while thread.is_alive():
                thread.join(TICK_S)
                yield self.rest()
            yield self.rest()
            if self._fault:
                raise self._fault
        finally:
            self._stop.set()
            if thread.ident:  # an interrupt may come before it starts
                thread.join(GRACE_S)
            if self._book.session.store:
                self._book.session.store.flush(GRACE_S)

    def rest(self) -> list[Done]:
        """Return the finished jobs that were not yielded yet."""
        return [self._results.get() for _ in range(self._results.qsize())]

    def _work(self) -> None:
        try:
            with self._book.lock:
                self._send_and_fetch()
        except BaseException as error:  # noqa: BLE001  # the main thread raises it
            self._fault = error

    def _send_and_fetch(self) -> None:
        held = self._book.places()  # also by a run that was interrupted while it sent them
        if new := [job for job in self._jobs if job[:2] not in held]:
            self._book.send(new)
        pause_s, failures = FIRST_PAUSE_S, 0
        while not self._stop.is_set():
            for batch in self._book.waiting:
                try:
                    self._fetch(batch)
                    failures = 0
                except PASSING:
                    failures += 1
                    if self._stop.is_set() or not self._wait or failures > MOST_FAILURES:
                        raise
            if not self._wait or not self._book.waiting:
                return
            self._stop.wait(pause_s)
            pause_s = min(1.5 * pause_s, LONGEST_PAUSE_S)

    def _fetch(self, batch: Batch) -> None:
        """Ask for the state of a batch, and take in its results if it has ended."""
        book, is_new = self._book, False
        if not batch.has_id:
            book.locate(batch, self._stop)
        state = book.ask(batch, self._stop)
        if state.status != "ended":
            return
        book.session.budget.let_go(id(batch))
        for custom_id, result in book.server(batch.request).results(state, self._stop):
            if custom_id in batch.waits:
                is_new = True
                self._take(batch, custom_id, result)
            if self._stop.is_set():
                return
        if batch.is_guessed and not is_new:  # it belongs to someone else of the account
            batch.others.add(batch.name)
            book.unname(batch)
            return
        for custom_id in list(batch.waits):
            self._take(batch, custom_id, None, state.fate)

    def _take(self, batch: Batch, custom_id: str, result: dict[str, object] | None, fate: str = "") -> None:
        job, row = batch.waits[custom_id]
        reply = received(self._book.session, job.request, batches.chunks(result, fate), row)
        self._results.put(Done(job, Answer(reply)))
        del batch.waits[custom_id]

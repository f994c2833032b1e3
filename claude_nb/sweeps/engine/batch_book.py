"""The batches that a sweep waits for. The history has them too, so that another kernel can fetch their results.

Before a batch is sent, its prompts are in the history, owned by "batch:?MARK". When the server has given it an id, they
are owned by "batch:ID". Each request has a custom id made of its key and its row, so both sides can be matched in any
order. If the id never arrived (a lost connection, a crash), locate() looks for the batch on the server's list, and
sends its requests again only if it is not there. A server without a list cannot say, so the user has to decide.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from claude_nb.errors import ApiError, ClaudeError, ConfigError
from claude_nb.providers import batches
from claude_nb.providers.batches import Server, State
from claude_nb.providers.prices import BATCH_FACTOR
from claude_nb.render.chars import counted
from claude_nb.render.table import Table
from claude_nb.session.call import Call
from claude_nb.session.session import Session
from claude_nb.stop_signal import Stop
from claude_nb.storage import batched
from claude_nb.storage.batched import BATCH, Batched
from claude_nb.sweeps.engine.batch import UNKNOWN, Batch, Waits, mark
from claude_nb.sweeps.engine.job_queue import SLICE_S, Job
from claude_nb.sweeps.forecast import most_usd
from claude_nb.types.request import Request

_numbers = count(1)  # for custom ids, where the history is off


class BatchBook:
    """The batches that a sweep waits for.

    options  fields of Call: {"timeout": 30}
    """

    def __init__(self, session: Session, options: Mapping[str, Any] | None = None) -> None:
        self.session = session
        self.lock = threading.Lock()  # of the thread that sends and fetches
        self.batches: list[Batch] = []
        self._options = dict(options or {})
        self._servers: dict[str, Server] = {}

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Wait until no thread sends or fetches: in slices, because Windows does not interrupt a wait."""
        while not self.lock.acquire(timeout=SLICE_S):
            pass
        try:
            yield
        finally:
            self.lock.release()

    @property
    def waiting(self) -> list[Batch]:
        """The batches without all of their results."""
        self.batches = [batch for batch in self.batches if batch.waits]
        return list(self.batches)

    def places(self) -> set[tuple[int, int]]:
        """Return (case, repeat) of the jobs that wait for a result."""
        return {job[:2] for batch in self.waiting for job, _ in batch.waits.values()}

    def server(self, request: Request) -> Server:
        """Return the server of a request. The first time, the user may be asked about its key."""
        if request.origin not in self._servers:
            options = Call(**self._options).send_options(self.session.settings, None)
            self._servers[request.origin] = batches.server_of(request, self.session.credentials, options)
        return self._servers[request.origin]

    def drop(self, places: Iterable[tuple[int, int]]) -> None:
        """Wait no more for the jobs at these places, because the history has their replies."""
        gone = set(places)
        with self.idle():
            for batch in self.batches:
                batch.waits = {name: wait for name, wait in batch.waits.items() if wait[0][:2] not in gone}

    def look_up(self, jobs: Iterable[Job]) -> None:
        """Take in the batches of the history that hold the requests of jobs, also those of other kernels."""
        with self.idle():
            self._look_up(jobs)

    def _look_up(self, jobs: Iterable[Job]) -> None:
        rows, held = self._rows(), self.places()
        by_key: dict[str, list[Job]] = {}
        for job in (job for job in jobs if rows and job[:2] not in held):
            by_key.setdefault(job.request.key, []).append(job)
        found: dict[tuple[str, str], list[tuple[Job, Batched]]] = {}
        for row in reversed(rows):  # the newest first
            if row.key in by_key:
                job = by_key[row.key].pop(0)
                found.setdefault((row.owner, job.request.origin), []).append((job, row))
                if not by_key[row.key]:
                    del by_key[row.key]
        for (owner, _), pairs in found.items():
            size = sum(row.owner == owner for row in rows)
            waits: Waits = {_custom_id(job.request, row.id): (job, row.id) for job, row in pairs}
            self.batches.append(Batch(owner.removeprefix(BATCH), waits, size, min(row.created_s for _, row in pairs)))

    def look_up_all(self) -> None:
        """Take in all batches of the history."""
        store = self.session.store
        found = [(row.id, store.get(row.id)) for row in self._rows()] if store else []
        self.look_up(Job(0, row_id, row.reply.request) for row_id, row in found if row)

    def send(self, jobs: Sequence[Job]) -> None:
        """Send jobs as one batch for each server. Raises ClaudeError."""
        by_server: dict[str, list[Job]] = {}
        for job in jobs:
            by_server.setdefault(job.request.origin, []).append(job)
        if (most := max(map(len, by_server.values()), default=0)) > batches.MOST_REQUESTS:
            limit = f"{batches.MOST_REQUESTS:,}"
            raise ConfigError(f"a batch takes at most {limit} requests, and this one has {most:,}; split the sweep")
        for group in by_server.values():
            self._send_one(group)

    def _send_one(self, jobs: Sequence[Job]) -> None:
        session, store = self.session, self.session.store
        bodies = [self._body(job.request) for job in jobs]
        costs = [most_usd(job.request, session) for job in jobs]
        batch = Batch(mark(), {}, len(jobs), time.time())
        session.budget.hold(None if None in costs else BATCH_FACTOR * sum(cost or 0 for cost in costs), id(batch))
        rows: list[int] = []
        if store:
            requests = [job.request for job in jobs]
            rows = store.rows_of(store.begin_all(requests, notebook=session.notebook, owner=BATCH + batch.name))
        places: Sequence[int | None] = rows or [None] * len(jobs)
        batch.waits = {_custom_id(job.request, row): (job, row) for job, row in zip(jobs, places, strict=True)}
        self.batches.append(batch)
        self._create(batch, zip(batch.waits, bodies, strict=True))

    def _create(self, batch: Batch, requests: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Send a batch whose rows are written. It is not stopped half-way, because its id would be lost."""
        try:
            self._known_as(batch, self.server(batch.request).create(requests, Stop()))
        except ClaudeError as error:
            if not batches.nothing_created(error):
                raise ConfigError(
                    f"{error}. It is not known whether the server took this batch; resume() finds out, and sends "
                    "nothing twice"
                ) from None
            self._drop(batch)
            raise

    def _known_as(self, batch: Batch, state: State) -> None:
        owner, batch.name, batch.state = BATCH + batch.name, state.id, state
        self._give([row.id for row in self._rows() if row.owner == owner], BATCH + state.id)

    def _drop(self, batch: Batch) -> None:
        """Forget a batch that was not sent, with its rows."""
        self.session.budget.let_go(id(batch))
        if store := self.session.store:
            store.remove(batch.rows)
        batch.waits.clear()

    def _give(self, rows: Sequence[int], owner: str) -> None:
        if rows and (store := self.session.store):
            store.change(lambda db: batched.give(db, rows, owner), None)

    def unname(self, batch: Batch) -> None:
        """Take back the id of a batch, because it is not its own."""
        batch.name = mark()
        self._give(batch.rows, BATCH + batch.name)

    def locate(self, batch: Batch, stop: Stop) -> None:
        """Find the id of a batch that was sent without getting one, or send it again. Raises ClaudeError."""
        listed = self.server(batch.request).newest(stop)
        if listed is None:
            raise ConfigError(
                f"no id came back for {counted(batch.size, 'request')}, and this server has no list of its batches; "
                "look at your usage there; fresh=True sends the requests again"
            )
        taken = {other.name for other in self.batches} | {row.owner.removeprefix(BATCH) for row in self._rows()}
        found = [state for state in listed if batch.may_be(state) and state.id not in taken]
        if found:
            batch.is_guessed = True
            self._known_as(batch, found[-1])  # the oldest one that can be it
        else:
            self.unname(batch)
            batch.sent_s, batch.size = time.time(), len(batch.waits)
            self._create(batch, [(custom_id, self._body(job.request)) for custom_id, (job, _) in batch.waits.items()])

    def ask(self, batch: Batch, stop: Stop) -> State:
        """Ask the server for the state of a batch that has an id."""
        try:
            batch.state = self.server(batch.request).state(batch.name, stop)
        except ApiError as error:
            if error.status != 404:
                raise
            raise ConfigError(
                f"the server has no batch {batch.name}: it keeps results for 29 days, for the account that sent it; "
                "fresh=True sends the requests again"
            ) from None
        return batch.state

    def cancel(self) -> None:
        """End all batches. What is answered already can still be fetched, and is paid."""
        with self.idle():
            for batch in self.waiting:
                if not batch.has_id:
                    self.locate(batch, Stop())
                batch.state = self.server(batch.request).cancel(batch.name, Stop())

    def states(self, *, ask: bool = True) -> Table:
        """Return one dict for each batch that has results to come. ask: False takes what is known of them."""
        with self.idle():
            for batch in self.waiting if ask else ():
                if batch.has_id:
                    self.ask(batch, Stop())
        return Table(batch.described() for batch in self.waiting)

    def _body(self, request: Request) -> dict[str, Any]:
        models = self.session.models
        return batches.body(request, models.default_max_tokens(request.model, request.thinking, request.provider))

    def _rows(self) -> list[Batched]:
        """Return the rows of the history that wait in a batch, with an id that an address may contain."""
        nothing: list[Batched] = []
        rows = self.session.store.look(batched.waiting, nothing) if self.session.store else nothing
        return [row for row in rows if batches.ID.fullmatch(row.owner.removeprefix(BATCH).removeprefix(UNKNOWN))]


def _custom_id(request: Request, row: int | None) -> str:
    """Return the id of a request in its batch, of at most 64 letters. No other request of the history has it."""
    return f"{request.key[:40]}-{next(_numbers) if row is None else row}"

"""A sweep that can be run, stopped and resumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol

from claude_nb.errors import Interrupted
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.sweeps.engine.job_queue import Job
from claude_nb.sweeps.engine.runner import Done, Runner
from claude_nb.sweeps.forecast import Forecast, forecast
from claude_nb.sweeps.metrics.registry import Check
from claude_nb.sweeps.plan import Case, Plan
from claude_nb.sweeps.results import Results


class SweepObserver(Protocol):
    """Who looks on while a sweep runs; the display is one."""

    def announce(self, line: str) -> None: ...
    def begin(self, sweep: Sweep) -> None: ...
    def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None: ...
    def end(self, sweep: Sweep) -> None: ...


@dataclass
class How:
    """How the calls are run.

    concurrency  calls at once, at most
    replay       use: what the history holds is not asked again; off: everything is; only: nothing is
    executor     where they run; None: on threads of this process
    options      further ones of Session.run: {"timeout": 30}
    """

    concurrency: int = 8
    replay: str = "use"
    executor: Executor | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Sweep(Results):
    """Replies for each combination of settings.

    >>> result = sweep("Once upon a time", temperature=[0, 0.7, 1], n=10)        # doctest: +SKIP
    >>> result.summary()                                                          # doctest: +SKIP

    hopeless  why the last run did not send all (a refused key, a used-up budget); None: it did
    watcher   who looks on while it runs; None: nobody
    """

    def __init__(
        self,
        plan: Plan,
        *,
        session: Session | None = None,
        how: How | None = None,
        checks: Mapping[str, Check] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(plan, checks, name)
        self.session = session or default_session()
        self.how = how or How()
        self.hopeless: str | None = None
        self.watcher: SweepObserver | None = None

    @property
    def cost_usd(self) -> float:
        """US dollars spent on replies that were asked for now, as far as known."""
        return sum(reply.cost_usd or 0.0 for reply in self._replies.values() if reply.source != "replay")

    def recorded(self) -> frozenset[str]:
        """The keys of requests to come that the history answers."""
        if self.how.replay == "off":
            return frozenset()
        return self.session.memory.answered(job.request for job in self._jobs())

    def forecast(self) -> Forecast:
        """What it would take to run it, or the rest of it."""
        left = Plan(self.axes, tuple(self._left_of(i, case) for i, case in enumerate(self.cases)), self.n)
        return forecast(left, self.session, recorded=self.recorded(), concurrency=self.how.concurrency)

    def resume(self) -> Sweep:
        """Ask for what has not come yet; what ended in an error is asked again.

        Raises Interrupted (a KeyboardInterrupt) when it is stopped; what has come stays, and resume() goes on.
        """
        self._replies = {place: reply for place, reply in self._replies.items() if reply.error is None}
        self.hopeless = None
        jobs = self._jobs()
        runner = Runner(
            self.session,
            jobs,
            concurrency=self.how.concurrency,
            options=self.how.options,
            recorded=self.recorded(),
            replay="only" if self.how.replay == "only" else "off",
            executor=self.how.executor,
        )
        if self.watcher:
            self.watcher.begin(self)
        try:
            with closing(runner.run()) as results:
                for ended in results:
                    self._keep(ended)
                    if self.watcher:
                        self.watcher.update(self, {job.case: turn.text for job, turn in [*runner.turns.items()]})
        except KeyboardInterrupt:
            self._keep(runner.rest())
            raise Interrupted(
                f"stopped after {len(self):,} of {self.total:,} replies; they are kept, and "
                "claude_nb.last_sweep().resume() goes on"
            ) from None
        finally:
            self.hopeless = runner.hopeless
            if self.watcher:
                self.watcher.end(self)
        return self

    def _keep(self, ended: Iterable[Done]) -> None:
        self.put({(done.job.case, done.job.repeat): done.answer.reply for done in ended})

    def _jobs(self) -> list[Job]:
        """First of each case one, then the second: so every stop finds the cases equally far."""
        jobs = [Job(i, k, request) for i, case in enumerate(self.cases) for k, request in enumerate(case.requests)]
        return sorted((job for job in jobs if (job.case, job.repeat) not in self._replies), key=lambda job: job.repeat)

    def _left_of(self, i: int, case: Case) -> Case:
        left = (request for k, request in enumerate(case.requests) if (i, k) not in self._replies)
        return Case(case.values, tuple(left), case.locked)

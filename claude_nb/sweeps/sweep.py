"""A sweep that can be run, stopped and resumed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_nb.errors import Interrupted
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.sweeps import files
from claude_nb.sweeps.engine.job_queue import Job
from claude_nb.sweeps.engine.runner import Done, Runner
from claude_nb.sweeps.forecast import Forecast, forecast
from claude_nb.sweeps.metrics.registry import Check
from claude_nb.sweeps.plan import Case, Plan
from claude_nb.sweeps.results import Results
from claude_nb.sweeps.views import plots
from claude_nb.sweeps.views.html import grid_html

if TYPE_CHECKING:
    import matplotlib.axes


class SweepObserver:
    """Observer of a sweep. This one does nothing; the views and time limits override what they need."""

    def announce(self, line: str) -> None:
        """Take the forecast."""

    def begin(self, sweep: Sweep) -> None:
        """The calls begin, or go on."""

    def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None:
        """Take the state of the sweep, many times a second. texts: the running replies so far, by case."""

    def end(self, sweep: Sweep) -> None:
        """All calls have ended, or were stopped."""

    def is_above(self) -> bool:
        """Whether the output of the current cell already shows the sweep."""
        return False


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
    observer  told about the progress of every run
    """

    def __init__(
        self,
        plan: Plan,
        *,
        session: Session | None = None,
        how: How | None = None,
        checks: Mapping[str, Check] | None = None,
        name: str | None = None,
        observer: SweepObserver | None = None,
    ) -> None:
        super().__init__(plan, checks, name)
        self.session = session or default_session()
        self.how = how or How()
        self.hopeless: str | None = None
        self.observer = observer or SweepObserver()

    @property
    def cost_usd(self) -> float:
        """US dollars spent on replies that were asked for now, as far as known."""
        return sum(reply.cost_usd or 0.0 for reply in self._replies.values() if reply.source != "replay")

    def recorded(self) -> frozenset[str]:
        """Return the keys of the remaining requests that the history can answer."""
        if self.how.replay == "off":
            return frozenset()
        return self.session.memory.answered(job.request for job in self._jobs())

    def forecast(self) -> Forecast:
        """Return the calls, tokens and cost of what remains to be sent."""
        left = Plan(self.axes, tuple(self._left_of(i, case) for i, case in enumerate(self.cases)), self.n)
        return forecast(left, self.session, recorded=self.recorded(), concurrency=self.how.concurrency)

    def resume(self) -> Sweep:
        """Send the remaining calls, and again those that failed.

        Returns:
            The sweep itself.

        Raises:
            Interrupted: If the user stops it. The replies are kept, and resume() continues.
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
        self.observer.begin(self)
        try:
            with closing(runner.run()) as results:
                for ended in results:
                    self._keep(ended)
                    self.observer.update(self, {job.case: turn.text for job, turn in [*runner.turns.items()]})
        except KeyboardInterrupt:
            self._keep(runner.rest())
            raise Interrupted(
                f"stopped after {len(self):,} of {self.total:,} replies; they are kept, and "
                "claude_nb.last_sweep().resume() goes on"
            ) from None
        finally:
            self.hopeless = runner.hopeless
            self.observer.end(self)
        return self

    def plot(self, metric: str = "distinct_2", x: str | None = None) -> matplotlib.axes.Axes:
        """Plot a metric with its 95 % intervals. Needs matplotlib.

        Args:
            metric: Name of a metric or of a check.
            x: The setting on the x axis, or None for the first one that varies.

        Returns:
            The axes of the plot: `result.plot("distinct_2", x="temperature")`.
        """
        return plots.plot(self, metric, x)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan and all replies to a file. load_sweep() reads it.

        Args:
            path: The file: `result.save("colours.jsonl")`. A name with .parquet makes a Parquet file, which needs
                pandas and pyarrow.

        Raises:
            ConfigError: If the file cannot be written.
        """
        files.save(self, path)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self)} | ({} if self.observer.is_above() else {"text/html": grid_html(self)})

    def _keep(self, ended: Iterable[Done]) -> None:
        self.put({(done.job.case, done.job.repeat): done.answer.reply for done in ended})

    def _jobs(self) -> list[Job]:
        """First of each case one, then the second: so every stop finds the cases equally far."""
        jobs = [Job(i, k, request) for i, case in enumerate(self.cases) for k, request in enumerate(case.requests)]
        return sorted((job for job in jobs if (job.case, job.repeat) not in self._replies), key=lambda job: job.repeat)

    def _left_of(self, i: int, case: Case) -> Case:
        left = (request for k, request in enumerate(case.requests) if (i, k) not in self._replies)
        return Case(case.values, tuple(left), case.locked)

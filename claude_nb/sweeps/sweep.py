"""A sweep that can be run, stopped and resumed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from claude_nb.errors import Interrupted
from claude_nb.providers import batches
from claude_nb.render.table import Table
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.sweeps import files
from claude_nb.sweeps.engine.batch_book import BatchBook
from claude_nb.sweeps.engine.batch_runner import BatchRunner, runners
from claude_nb.sweeps.engine.job_queue import Job
from claude_nb.sweeps.engine.runner import Done, Runner
from claude_nb.sweeps.forecast import Forecast, forecast
from claude_nb.sweeps.metrics.checks import Check
from claude_nb.sweeps.plan import Case, Plan
from claude_nb.sweeps.results import Results
from claude_nb.sweeps.run_options import RunOptions
from claude_nb.sweeps.views import plots
from claude_nb.sweeps.views.html import grid_html

if TYPE_CHECKING:
    import matplotlib.axes


class SweepObserver:
    """Observer of a sweep. This one does nothing; views and time limits override what they need."""

    def announce(self, line: str) -> None:
        """Show the forecast."""

    def begin(self, sweep: Sweep) -> None:
        """The calls start, or continue."""

    def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None:
        """Look at the sweep, many times a second. texts: what has arrived of the running replies, by case."""

    def end(self, sweep: Sweep) -> None:
        """All calls have ended, or were stopped."""

    def of_judges(self) -> SweepObserver:
        """Return the observer of the calls of judges, which follow those of an evaluation."""
        return self

    def is_above(self) -> bool:
        """Return whether the output of the current cell already shows the sweep."""
        return False


class Sweep(Results):
    """The replies to a prompt for each combination of settings.

    `len()` counts the replies so far, and iterating yields them case by case.

    Attributes:
        plan: The combinations and their requests.
        checks: The checks by name.
        id: Identifies the sweep in rows and files.
        session: The session that runs the calls.
        run_options: How the calls run.
        hopeless: Why the last run did not send all calls, such as a rejected key. None: it sent them.
        observer: Notified about the progress of every run.

    Example:
        >>> result = sweep("Once upon a time", temperature=[0, 0.7, 1], n=10)  # doctest: +SKIP
        >>> result.summary()  # doctest: +SKIP
    """

    def __init__(
        self,
        plan: Plan,
        *,
        session: Session | None = None,
        run_options: RunOptions | None = None,
        checks: Mapping[str, Check] | None = None,
        name: str | None = None,
        observer: SweepObserver | None = None,
    ) -> None:
        super().__init__(plan, checks, name)
        self.session = session or default_session()
        self.run_options = run_options or RunOptions()
        self.batch = self.run_options.batch
        self.hopeless: str | None = None
        self.observer = observer or SweepObserver()
        self._book = BatchBook(self.session, self.run_options.call_options)

    @property
    def cost_usd(self) -> float:
        """US dollars spent on replies that did not come from the history, as far as known."""
        return sum(reply.cost_usd or 0.0 for reply in self._replies.values() if reply.source != "replay")

    def recorded(self) -> frozenset[str]:
        """Return the keys of the remaining requests that the history can answer."""
        if self.run_options.replay == "off":
            return frozenset()
        return self.session.memory.answered(job.request for job in self._jobs())

    def forecast(self) -> Forecast:
        """Return the calls, tokens and costs of the remaining requests. Nothing is sent.

        Raises PromptError for a batch that no server takes.
        """
        recorded, options = self.recorded(), self.run_options
        for request in self.plan.requests if options.sends_batches else ():
            batches.check(request)
        if options.sends_batches and options.replay == "use":
            self._book.look_up(job for job in self._jobs() if job.request.key not in recorded)
        held = self._book.places()
        done = {*self._replies, *held}
        left = replace(self.plan, cases=tuple(_left_of(i, case, done) for i, case in enumerate(self.cases)))
        return forecast(
            left,
            self.session,
            recorded=recorded,
            concurrency=options.concurrency,
            known_s=self._known_s(),
            in_batches=len(held) if options.sends_batches else None,
        )

    def resume(self, *, wait: bool = True) -> Sweep:
        """Send the remaining requests, and those that ended in an error once more.

        With `batch=True`, requests that wait in a batch are not sent again: their results are fetched, also by another
        kernel. An interrupt ends the wait, and the batch goes on.

        Args:
            wait: Only with `batch=True`: False fetches what is there, and does not wait until a batch has ended.

        Returns:
            This sweep.

        Raises:
            Interrupted: The sweep was stopped. Its replies stay, and another resume() continues.
            ClaudeError: A batch could not be sent or fetched.
        """
        self._replies = {place: reply for place, reply in self._replies.items() if reply.error is None}
        self.hopeless = None
        steps = runners(self._book, self._jobs(), self.run_options, self.recorded(), wait=wait)
        self.observer.begin(self)
        try:
            for runner in steps:
                self._run(runner)
        finally:
            self.hopeless = next((runner.hopeless for runner in steps if runner.hopeless), None)
            self.observer.end(self)
        for batch in self._book.waiting:
            self.observer.announce(str(batch))
        return self

    def batches(self) -> Table:
        """Ask for the state of the batches that have results to come.

        Returns:
            One dict for each batch: id, status, and how many of its requests have ended in which way. The server
            counts them when all have ended.

        Raises:
            ClaudeError: A server could not be asked.

        Example:
            >>> result.batches()  # doctest: +SKIP
        """
        self._book.look_up(self._jobs())
        return self._book.states()

    def cancel(self) -> Table:
        """End the batches of this sweep at their servers.

        Replies that exist already are fetched by resume(), and are paid. The other requests are errors then.

        Returns:
            What batches() returns.

        Raises:
            ClaudeError: A server could not be asked.

        Example:
            >>> result.cancel()  # doctest: +SKIP
        """
        self._book.look_up(self._jobs())
        self._book.cancel()
        return self._book.states(ask=False)

    def plot(self, metric: str | None = None, x: str | None = None) -> matplotlib.axes.Axes:
        """Plot a metric against one of the axes, with 95 % intervals.

        Args:
            metric: Name of a metric, or of a check. None: the first one that has values, as in the grid.
            x: Name of an axis. None: the first one.

        Returns:
            The matplotlib axes.

        Raises:
            PromptError: There is no such metric or axis.
            ConfigError: matplotlib is not installed.

        Example:
            >>> result.plot("length", x="temperature")  # doctest: +SKIP
        """
        return plots.plot(self, metric, x)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sweep to a file that load_sweep() can read.

        Args:
            path: A name that ends with .parquet gives Parquet, which needs pandas and pyarrow. Any other name gives
                JSON lines.

        Raises:
            ConfigError: The file cannot be written, or a package is missing.

        Example:
            >>> result.save("bees.jsonl")  # doctest: +SKIP
        """
        files.save(self, path)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": grid_html(self)}

    def _ipython_display_(self) -> None:
        """Show nothing if the output of the cell shows the grid already. Otherwise IPython takes the bundle above."""
        if not self.observer.is_above():
            raise NotImplementedError

    def _known_s(self) -> dict[tuple[str, str], float]:
        """Return the mean seconds of the replies so far, by provider and model."""
        times_s: dict[tuple[str, str], list[float]] = {}
        for reply in self.replies:
            if not reply.broke_off and reply.is_timed:
                times_s.setdefault((reply.provider, reply.model), []).append(reply.seconds)
        return {model: sum(times) / len(times) for model, times in times_s.items()}

    def _run(self, runner: Runner | BatchRunner) -> None:
        try:
            with closing(runner.run()) as results:
                for ended in results:
                    self._keep(ended)
                    self.observer.update(self, {job.case: turn.text for job, turn in [*runner.turns.items()]})
        except KeyboardInterrupt:
            self._keep(runner.rest())
            goes_on = ", and a batch that was sent goes on" if self.run_options.sends_batches else ""
            raise Interrupted(
                f"stopped after {len(self):,} of {self.total:,} replies, which are kept{goes_on}; "
                "continue with claude_nb.last_sweep().resume()"
            ) from None

    def _keep(self, ended: Iterable[Done]) -> None:
        self.put({(done.job.case, done.job.repeat): done.answer.reply for done in ended})

    def _jobs(self) -> list[Job]:
        """Return the missing calls: the first repeat of every case, then the second, so that all cases grow alike."""
        jobs = [Job(i, k, request) for i, case in enumerate(self.cases) for k, request in enumerate(case.requests)]
        return sorted((job for job in jobs if (job.case, job.repeat) not in self._replies), key=lambda job: job.repeat)


def _left_of(i: int, case: Case, done: Collection[tuple[int, int]]) -> Case:
    """Return a case without the requests that need no call."""
    return replace(case, requests=tuple(request for k, request in enumerate(case.requests) if (i, k) not in done))

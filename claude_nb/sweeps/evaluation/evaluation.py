"""The result of evaluate(): prompts over the rows of a table, graded."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from claude_nb.errors import PromptError
from claude_nb.guard import shown
from claude_nb.render.table import Table
from claude_nb.sweeps.evaluation import choice, comparison, course, files, grader, judging, reports, scores
from claude_nb.sweeps.evaluation.comparison import Comparison
from claude_nb.sweeps.evaluation.results import EvaluationResults
from claude_nb.sweeps.forecast import Forecast, together
from claude_nb.sweeps.metrics import pairs
from claude_nb.sweeps.metrics.checks import Check
from claude_nb.sweeps.views import table_plot
from claude_nb.sweeps.views.table_html import table_html

if TYPE_CHECKING:
    import matplotlib.axes


class Evaluation(EvaluationResults):
    """Prompts over the rows of a table, with a grade for every reply.

    It is a sweep, so that resume(), forecast() and last_sweep() work with it.

    Attributes:
        table: The rows, the variants and what is expected.
        graders: The graders by name.
    """

    @property
    def rows(self) -> Table:
        """One dict for each cell: the values of its row, variant, reply, outcome and grades."""
        return reports.cells(self)

    def failures(self, variant: int | str | None = None) -> Table:
        """Return the cells that did not pass, with the reasons.

        Failed ones come first, then those that are not graded.

        Args:
            variant: Only cells of this variant, by name or index. None: of all.

        Returns:
            One dict for each cell.

        Raises:
            PromptError: There is no such variant.

        Example:
            >>> result.failures("short")  # doctest: +SKIP
        """
        only = None if variant is None else self.variants[self.variant(variant)]
        rows = [row for row in self.rows if row["outcome"] not in ("passed", "scored")]
        chosen = [row for row in rows if only is None or row["variant"] == only]
        return Table(sorted(chosen, key=lambda row: row["outcome"] != "failed"))

    def flips(self, first: int | str = 0, second: int | str = 1, grader: str | None = None) -> Table:
        """Return the rows in which two variants differ, those that got worse first.

        Args:
            first: A variant, by name or index.
            second: Another variant.
            grader: Name of a grader. None: all of them together.

        Returns:
            One dict for each row: its values, what is expected, and the reply of each variant.

        Raises:
            PromptError: There is no such variant or grader.

        Example:
            >>> result.flips("short", "long")  # doctest: +SKIP
        """
        return reports.flips(self, self.variant(first), self.variant(second), self._grader(grader))

    def compare(self, first: int | str = 0, second: int | str = 1, grader: str | None = None) -> Comparison:
        """Compare two variants row by row.

        Args:
            first: A variant, by name or index.
            second: Another variant.
            grader: Name of a grader. None: all of them together.

        Returns:
            The comparison, with its p-value and interval.

        Raises:
            PromptError: There is no such variant or grader.

        Example:
            >>> result.compare("short", "long").within_chance  # doctest: +SKIP
            False
        """
        return comparison.compared(self, self.variant(first), self.variant(second), self._grader(grader))

    def comparisons(self) -> list[Comparison]:
        """Compare each variant with the first one.

        The p-values of several comparisons hold together (Holm).

        Returns:
            One comparison for each further variant.

        Example:
            >>> result.comparisons()[0].p  # doctest: +SKIP
        """
        found = [comparison.compared(self, 0, i) for i in range(1, len(self.variants))]
        adjusted = pairs.holm([each.p for each in found])
        return [replace(each, p=p) for each, p in zip(found, adjusted, strict=True)]

    def summary(self, *names: str) -> Table:
        """Return one dict for each variant: counts, pass rate with interval, cost.

        Refused, cut and failed replies are counted apart. The pass rate is that of the graded replies; pass_of_all
        counts all others as not passed.

        Args:
            *names: Graders whose own pass rate or mean score is added. Without names: all, if there are several.

        Returns:
            One dict for each variant. Below them: each variant compared with the first one.

        Raises:
            PromptError: There is no such grader.

        Example:
            >>> result.summary("contains")  # doctest: +SKIP
        """
        for name in names:
            self._grader(name)
        apart = names or (tuple(self.graders) if len(self.graders) > 1 else ())
        return reports.summary(self, apart, self.note)

    def resume(self, *, wait: bool = True) -> Evaluation:
        """Send the remaining requests, then ask the judges.

        Requests that ended in an error are sent once more.

        Args:
            wait: Only with `batch=True`: False fetches what is there. The judges are asked when all replies are.

        Returns:
            This evaluation.

        Raises:
            Interrupted: It was stopped. Its replies and verdicts stay, and another resume() continues.

        Example:
            >>> claude_nb.last_sweep().resume()  # doctest: +SKIP
        """
        super().resume(wait=wait)
        self.grade()
        if wait or not self.left:
            judging.judge_all(self)
        if not self.left:
            scores.keep(self)
        return self

    def forecast(self) -> Forecast:
        """Return the calls, tokens and costs of what remains, with the judges.

        Returns:
            The forecast. Nothing is sent.

        Example:
            >>> print(result.forecast())  # doctest: +SKIP
        """
        return together([super().forecast(), *(sweep.forecast() for sweep in judging.ahead(self))])

    def judges(self) -> Table:
        """Return one dict for each judge: its cost, and how well it agrees with people.

        Returns:
            The number of labels, the share with the same verdict, and Cohen's kappa with its 95 % interval: weighted
            by the square of the distance for a judge with a scale. None where there are no labels.

        Example:
            >>> result.judges()  # doctest: +SKIP
        """
        return reports.judges(self)

    @property
    def note(self) -> str:
        """Notes on the numbers: each comparison, and what is not graded."""
        lines = [str(each) for each in self.comparisons()]
        lines += [f"{name}: {note}" for name, note in self.notes.items()]
        return " · ".join(filter(None, [*lines, self.history_note]))

    def check(self, function: Check, name: str | None = None) -> Evaluation:
        """Add a grader, and grade every reply with it. Nothing is sent.

        Args:
            function: A grader of claude_nb.graders, or a function as in evaluate().
            name: Its name. None: the name of the function.

        Returns:
            This evaluation.

        Raises:
            PromptError: It is not a grader.

        Example:
            >>> result.check(lambda reply: len(reply.text) < 20, "short").summary()  # doctest: +SKIP
        """
        has_expected = any(value is not None for value in self.table.expected)
        for title, added in choice.chosen({name: function} if name else function, has_expected=has_expected).items():
            unused = grader.distinct(title, self.graders)
            self.graders[unused] = added
            for place in self.grades:
                self.grades[place] |= self._graded(place, {unused: added})
        return self

    def plot(self, grader: str | None = None) -> matplotlib.axes.Axes:  # type: ignore[override]  # it has no x axis
        """Plot the pass rate of each variant, or its mean score, with the 95 % interval.

        Args:
            grader: Name of a grader. None: all of them together.

        Returns:
            The matplotlib axes.

        Raises:
            PromptError: There is no such grader, or nothing is graded.
            ConfigError: matplotlib is not installed.

        Example:
            >>> result.plot()  # doctest: +SKIP
        """
        only = self._grader(grader)
        return table_plot.plot(self.summary(*filter(None, (only,))), len(self.table.rows), only)

    def to_csv(
        self,
        path: str | os.PathLike[str],
        *,
        layout: str = "cells",
        variant: int | str = 0,
        title: str = "Exercise",
        points: float = 1.0,
    ) -> None:
        """Write the cells as CSV, or a grade for each row as a grade book takes it.

        A grade is the share of the graders that pass the reply, times the points. A reply that is not graded leaves it
        empty. Texts that a spreadsheet would take for a formula get an apostrophe.

        Args:
            path: The file, which is replaced.
            layout: "cells" as in .rows, or "canvas" or "moodle", which need a column that says whose row it is.
            variant: For a grade book: the variant whose replies count, by name or index.
            title: For a grade book: the name of the exercise.
            points: For a grade book: the most that can be reached.

        Raises:
            PromptError: There is no such layout, variant or column.
            ConfigError: The file cannot be written.

        Example:
            >>> result.to_csv("grades.csv", layout="canvas", title="Triage", points=10)  # doctest: +SKIP
        """
        course.save(self, path, layout, self.variant(variant), title, points)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the evaluation with its grades to a file that load_sweep() can read.

        Args:
            path: The name of a file of JSON lines, such as "triage.jsonl".

        Raises:
            ConfigError: The file cannot be written.

        Example:
            >>> result.save("triage.jsonl")  # doctest: +SKIP
        """
        files.save(self, path)

    def _grader(self, name: str | None) -> str | None:
        if name is not None and name not in self.graders:
            raise PromptError(f"there is no grader {shown(name)}; use one of {', '.join(self.graders)}")
        return name

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": table_html(self)}


def restored(saved: files.Saved) -> Evaluation:
    """Return an evaluation that was read from a file."""
    result = Evaluation(saved.table, {name: grader.stored(name) for name in saved.graders}, name=saved.id)
    result._replies, result.grades, result.judge_usd = dict(saved.replies), saved.grades, saved.judge_usd
    result.notes = {name: each.note for grades in saved.grades.values() for name, each in grades.items() if each.note}
    return result

"""Two variants on the same rows, compared row by row: who passes more, and whether that can be chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from claude_nb.render.chars import counted, terminal_safe
from claude_nb.sweeps.evaluation.cells import Cell
from claude_nb.sweeps.evaluation.results import EvaluationResults
from claude_nb.sweeps.metrics import pairs
from claude_nb.sweeps.metrics.statistics import Interval

LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """Comparison of two variants on the same rows.

    Attributes:
        first: Name of the first variant.
        second: Name of the second variant.
        n: Number of rows that are graded for both. Several replies to a row count as one row.
        left_out: Number of rows without a grade for one of them.
        better: Rows that only the second one passes, or in which it has the higher value.
        worse: Rows that only the first one passes, or in which it has the higher value.
        rates: The pass rate of each on these rows, or the mean score.
        interval: The 95 % interval of the difference: of pass rates (Newcombe), else of the mean (Student's t).
            None for too few rows.
        p: The p-value that they are equally good: exact McNemar for one reply a row that passes or not, otherwise
            Wilcoxon's signed-rank test over the rows.
        test: The name of the test.

    Example:
        >>> result.compare("short", "long").p  # doctest: +SKIP
        0.0386
    """

    first: str
    second: str
    n: int
    left_out: int
    better: int
    worse: int
    rates: tuple[float, float]
    interval: Interval | None
    p: float
    test: str
    is_share: bool = True

    @property
    def difference(self) -> float:
        """The rate or the mean score of the second variant minus that of the first."""
        return self.rates[1] - self.rates[0]

    @property
    def within_chance(self) -> bool:
        """Return whether chance alone may explain the difference: p is 0.05 or more."""
        return self.p >= LEVEL

    def __str__(self) -> str:
        """ "long against short on 50 rows: 84 % against 68 % (+16 points, ...)"."""
        first, second = (f"{rate:.0%}" if self.is_share else f"{rate:.3g}" for rate in self.rates)
        parts = [f"{self.second} against {self.first} on {counted(self.n, 'row')}: {second} against {first}"]
        if self.interval:
            low, high = self.interval
            scale, unit = (100, " points") if self.is_share else (1, "")
            parts[0] += (
                f" ({scale * self.difference:+.3g}{unit}; 95 % interval {scale * low:+.3g} to {scale * high:+.3g})"
            )
        parts.append(f"better in {counted(self.better, 'row')}, worse in {self.worse:,}")
        if not self.n:
            return f"{self.second} against {self.first}: no row is graded for both"
        if self.within_chance:
            parts.append(f"within chance ({self.test}: p = {self.p:.2g}), so do not call either one better")
        else:
            parts.append(f"more than chance ({self.test}: p = {self.p:.2g})")
        if self.left_out:
            parts.append(f"{counted(self.left_out, 'row')} left out, because one of them is not graded")
        return "; ".join(parts)

    def __repr__(self) -> str:
        return terminal_safe(str(self))

    def _repr_html_(self) -> str:
        return f"<div>{escape(str(self))}</div>"


def is_share(result: EvaluationResults, grader: str | None) -> bool:
    """Return whether replies pass or fail; False if there are only scores. grader: None: all of them."""
    grades = [grade for cell in result.cells() for name, grade in cell.grades.items() if grader in (None, name)]
    known = [grade for grade in grades if not grade.error]
    return not known or any(grade.passed is not None for grade in known)


def value_of(result: EvaluationResults, cell: Cell, grader: str | None) -> float | None:
    """Return the value of a cell: 1 passed, 0 failed, or its score. None if it is not graded."""
    if grader is None and cell.outcome != "scored":
        return None if cell.passed is None else float(cell.passed)
    grade = cell.grades.get(grader or next(iter(result.graders)))
    return None if grade is None else grade.score if grade.passed is None else float(grade.passed)


def values_by_row(result: EvaluationResults, variant: int, grader: str | None) -> Mapping[int, list[float]]:
    """Return for each graded row the values of its replies: 1 passed, 0 failed, or the score.

    grader  None: all graders together, or the first one of an evaluation that has only scores
    """
    found: dict[int, list[float]] = {}
    for row in range(len(result.table.rows)):
        for repeat in range(result.n):
            value = value_of(result, result.cell(row, variant, repeat), grader)
            if value is not None:
                found.setdefault(row, []).append(value)
    return found


def compared(result: EvaluationResults, first: int, second: int, grader: str | None = None) -> Comparison:
    """Return the comparison of two variants."""
    one, other = (values_by_row(result, variant, grader) for variant in (first, second))
    rows = sorted(one.keys() & other.keys())
    means = [(sum(one[row]) / len(one[row]), sum(other[row]) / len(other[row])) for row in rows]
    differences = [round(b - a, 12) for a, b in means]
    better, worse = sum(value > 0 for value in differences), sum(value < 0 for value in differences)
    passes = is_share(result, grader)
    interval: Interval | None
    if passes and result.n == 1:
        both = sum(a == b == 1 for a, b in means)
        interval = pairs.difference_of_shares(both, worse, better, len(rows) - both - worse - better)
        p, test = pairs.mcnemar(worse, better), "exact McNemar"
    else:
        interval = pairs.mean_interval(differences)
        p, test = pairs.signed_ranks(differences), "Wilcoxon signed-rank"
    rates = tuple(sum(pair[i] for pair in means) / max(1, len(means)) for i in (0, 1))
    return Comparison(
        first=result.variants[first],
        second=result.variants[second],
        n=len(rows),
        left_out=len(result.table.rows) - len(rows),
        better=better,
        worse=worse,
        rates=(rates[0], rates[1]),
        interval=interval,
        p=p,
        test=test,
        is_share=passes,
    )


def flipped(result: EvaluationResults, first: int, second: int, grader: str | None = None) -> list[tuple[int, float]]:
    """Return the rows in which two variants differ, and by how much: those that got worse first."""
    one, other = (values_by_row(result, variant, grader) for variant in (first, second))
    differences = {
        row: round(sum(other[row]) / len(other[row]) - sum(one[row]) / len(one[row]), 12)
        for row in one.keys() & other.keys()
    }
    return sorted(((row, value) for row, value in differences.items() if value), key=lambda item: (item[1], item[0]))

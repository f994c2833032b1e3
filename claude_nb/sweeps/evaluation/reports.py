"""The tables of an evaluation: its cells, its summary, and the rows that flipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from claude_nb.render.table import Table
from claude_nb.sweeps import tables
from claude_nb.sweeps.evaluation import comparison, judging
from claude_nb.sweeps.evaluation.cells import NOT_GRADED, OUTCOMES, Cell
from claude_nb.sweeps.evaluation.results import EvaluationResults
from claude_nb.sweeps.metrics import pairs
from claude_nb.sweeps.metrics.grades import Grade

OWN = ("row", "variant", "repeat", "expected", "text", "outcome", "reason", "cost_usd", "now")


def cells(result: EvaluationResults) -> Table:
    """Return one dict for each cell."""
    grade_columns = {name: "grade" if len(result.graders) == 1 else f"grade_{name}" for name in result.graders}
    columns = _inputs(result, grade_columns.values())
    table = Table()
    for cell in result.cells():
        row: dict[str, Any] = {"row": cell.row, "variant": result.variants[cell.variant]}
        row |= {"repeat": cell.repeat} if result.n > 1 else {}
        row |= {columns[name]: value for name, value in cell.values.items()}
        row |= {"expected": cell.expected, "text": _text(cell), "outcome": cell.outcome}
        for name, column in grade_columns.items():
            grade = cell.grades.get(name, Grade())
            row[column] = grade.passed if grade.score is None else grade.score
        table.append(row | {"reason": cell.reason, "cost_usd": cell.cost_usd})
    return table


def flips(result: EvaluationResults, first: int, second: int, grader: str | None) -> Table:
    """Return one dict for each row in which two variants differ, those that got worse first."""
    names = {i: f"reply of {result.variants[i]}" for i in (first, second)}
    columns = _inputs(result, names.values())
    table = Table(note=str(comparison.compared(result, first, second, grader)))
    for row, change in comparison.flipped(result, first, second, grader):
        one, other = result.cell(row, first), result.cell(row, second)
        found: dict[str, Any] = {"row": row, "now": "better" if change > 0 else "worse"}
        found |= {columns[name]: value for name, value in one.values.items()}
        found |= {"expected": one.expected, names[first]: _text(one), names[second]: _text(other)}
        table.append(found | {"reason": (one if change > 0 else other).reason})
    return table


def summary(result: EvaluationResults, graders: Sequence[str], note: str) -> Table:
    """Return one dict for each variant: counts, rates with their intervals, cost. graders: those with a rate apart."""
    by_variant: list[list[Cell]] = [[] for _ in result.variants]
    for cell in result.cells():
        by_variant[cell.variant].append(cell)
    counts = [Counter(cell.outcome for cell in found) for found in by_variant]
    table = Table(note=note)
    for i, name in enumerate(result.variants):
        row: dict[str, Any] = {"variant": name, "n": len(by_variant[i])}
        row |= {outcome: counts[i][outcome] for outcome in OUTCOMES if any(count[outcome] for count in counts)}
        row |= _rate(
            comparison.values_by_row(result, i, None), "pass" if comparison.is_share(result, None) else "score"
        )
        if "pass" in row and any(count[outcome] for count in counts for outcome in NOT_GRADED):
            row["pass_of_all"] = counts[i]["passed"] / len(by_variant[i])
        for grader in graders:
            kind = "pass" if comparison.is_share(result, grader) else "score"
            rate = _rate(comparison.values_by_row(result, i, grader), kind)
            row |= {f"{column}_{grader}": value for column, value in rate.items()}
        row["cost_usd"] = judging.total_usd(cell.cost_usd for cell in by_variant[i] if cell.reply)
        if result.judge_usd:
            places = (place for place in result.judge_usd if place[0] % len(result.variants) == i)
            row["judge_usd"] = judging.total_usd(cost for place in places for cost in result.judge_usd[place].values())
        table.append(row)
    return table


def judges(result: EvaluationResults) -> Table:
    """Return one dict for each judge: its verdicts, its cost, and how well it agrees with people."""
    table = Table()
    for name, judge in judging.judges(result).items():
        grades = [grade for cell in result.cells() if (grade := cell.grades.get(name)) is not None]
        found = judging.agreement(result, judge, name)
        low, high = found.interval or (None, None)
        row: dict[str, Any] = {"judge": name, "verdicts": sum(not grade.error for grade in grades)}
        row |= {"failed": sum(bool(grade.error) for grade in grades), "labels": found.n}
        row |= {"agreed": found.agreed if found.n else None, "kappa": found.kappa, "kappa_low": low, "kappa_high": high}
        table.append(row | {"cost_usd": judging.cost_usd(result, name), "note": result.notes.get(name, "")})
    return table


def _rate(values: Mapping[int, list[float]], name: str) -> dict[str, Any]:
    """Return the pass rate or the mean score of a variant, with its 95 % interval."""
    replies = [value for row in values.values() for value in row]
    means = [sum(row) / len(row) for row in values.values()]
    if name == "pass":
        rate = sum(replies) / len(replies) if replies else None
        interval = pairs.clustered_share([(round(sum(row)), len(row)) for row in values.values()])
    else:
        rate, interval = sum(means) / len(means) if means else None, pairs.mean_interval(means)
    low, high = interval or (None, None)
    return {name: rate, f"{name}_low": low, f"{name}_high": high}


def _inputs(result: EvaluationResults, taken: Any) -> dict[str, str]:
    """Return a column for each column of the user's table."""
    return tables.input_columns(result.table.rows[0], {*OWN, *taken})


def _text(cell: Cell) -> str | None:
    return cell.reply.text if cell.reply else None

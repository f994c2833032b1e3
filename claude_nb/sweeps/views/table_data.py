"""An evaluation as plain data for its table, the same for the live widget and the static HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from claude_nb.render.chars import one_line
from claude_nb.sweeps.axes import same
from claude_nb.sweeps.evaluation.cells import NOT_GRADED, Cell
from claude_nb.sweeps.evaluation.results import EvaluationResults
from claude_nb.sweeps.labels import text
from claude_nb.sweeps.metrics.grades import Grade
from claude_nb.sweeps.metrics.proportion import Proportion

MOST_ROWS = 2000
MOST_REPEATS = 20
LABEL_CHARS = 80
DETAIL_CHARS = 20_000
BUDGET_CHARS = 600_000  # of all cells together
GOOD = ("passed", "scored")


def rows(result: EvaluationResults) -> list[dict[str, str]]:
    """Return the name of each row, from the start of its values, and what is expected."""
    pairs = zip(result.table.rows[:MOST_ROWS], result.table.expected, strict=False)
    return [{"name": _name(values, expected), "expected": _short("expected", expected)} for values, expected in pairs]


def cells(result: EvaluationResults) -> list[list[dict[str, Any]]]:
    """Return for each row a dict for each variant.

    outcome  of its replies; the worst one, if there are several
    value    share of them that passed, or the mean score; None if none is graded
    replies  the start of each reply, as detail() has it, with fewer characters the more cells there are
    """
    count = min(len(result.table.rows), MOST_ROWS)
    total = count * len(result.variants) * min(result.n, MOST_REPEATS)
    most = max(40, min(DETAIL_CHARS, BUDGET_CHARS // (3 * max(1, total))))
    return [[_cell(repeats(result, row, i), most) for i in range(len(result.variants))] for row in range(count)]


def detail(result: EvaluationResults, row: int, variant: int) -> dict[str, Any]:
    """Return all of a cell."""
    found = repeats(result, row, variant)
    expected = "" if found[0].expected is None else text("expected", found[0].expected)[:DETAIL_CHARS]
    return {"row": row, "variant": variant, "expected": expected, **_cell(found, DETAIL_CHARS)}


def repeats(result: EvaluationResults, row: int, variant: int) -> list[Cell]:
    """Return the cells of a row and a variant, up to a number."""
    return [result.cell(row, variant, repeat) for repeat in range(min(result.n, MOST_REPEATS))]


def rate_line(cells_of_variant: Sequence[dict[str, Any]]) -> str:
    """Return how many replies passed: "7 of 10 passed (70%, 40% to 89%) · 2 refused"."""
    outcomes = [reply["outcome"] for cell in cells_of_variant for reply in cell["replies"]]
    counts = Counter(outcome for outcome in outcomes if outcome in NOT_GRADED and outcome != "missing")
    apart = [f"{count:,} {outcome}" for outcome, count in counts.items()]
    return " · ".join([*_rate(cells_of_variant, outcomes), *apart])


def _rate(cells_of_variant: Sequence[dict[str, Any]], outcomes: Sequence[str]) -> Iterator[str]:
    """Yield the pass rate of the graded replies with its interval, or their mean score."""
    share = Proportion(outcomes.count("passed"), outcomes.count("passed") + outcomes.count("failed"))
    values = [cell["value"] for cell in cells_of_variant if cell["value"] is not None]
    low, high = share.interval
    if share.n:
        yield f"{share.count:,} of {share.n:,} passed ({share.rate:.0%}, {low:.0%} to {high:.0%})"
    elif values:
        yield f"mean {sum(values) / len(values):.3g}, n = {len(values):,}"


def _cell(found: Sequence[Cell], most: int) -> dict[str, Any]:
    outcomes = [cell.outcome for cell in found]
    bad = [outcome for outcome in outcomes if outcome not in (*GOOD, "missing")]
    values = [value for cell in found if (value := _value(cell)) is not None]
    return {
        "outcome": "failed" if "failed" in bad else bad[0] if bad else outcomes[0],
        "value": round(sum(values) / len(values), 6) if values else None,
        "prompt": found[0].prompt[:most],
        "cut": len(found[0].prompt) > most or any(cell.reply and len(cell.reply.text) > most for cell in found),
        "replies": [_reply(cell, most) for cell in found],
    }


def _reply(cell: Cell, most: int) -> dict[str, Any]:
    return {
        "outcome": cell.outcome,
        "text": cell.reply.text[:most] if cell.reply else "",
        "end": "" if cell.outcome in GOOD else cell.reason[:most] if cell.outcome != "failed" else "",
        "grades": [
            [name, _verdict(grade), " · ".join(filter(None, (grade.error or grade.reason, grade.note)))[:most]]
            for name, grade in cell.grades.items()
        ],
    }


def _value(cell: Cell) -> float | None:
    if cell.passed is not None:
        return float(cell.passed)
    scores = [grade.score for grade in cell.grades.values() if grade.score is not None]
    return sum(scores) / len(scores) if cell.outcome == "scored" and scores else None


def _verdict(grade: Grade) -> str:
    if grade.error:
        return "not graded"
    if grade.score is not None:
        return f"{grade.score:.3g}" + {True: ", passed", False: ", failed", None: ""}[grade.passed]
    return "passed" if grade.passed else "failed"


def _name(values: Mapping[str, Any], expected: Any) -> str:
    """Return the start of the values of a row, without the one that is expected, because that has its own column."""
    others = {name: value for name, value in values.items() if not same(value, expected)}
    parts = (_short(name, value) for name, value in (others or values).items())
    return one_line(", ".join(filter(None, parts)), LABEL_CHARS)


def _short(name: str, value: Any) -> str:
    return "" if value is None else one_line(text(name, value)[:1000], LABEL_CHARS)

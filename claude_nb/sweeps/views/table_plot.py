"""Plot of an evaluation: the pass rate of each variant, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from claude_nb.errors import PromptError
from claude_nb.sweeps.metrics.registry import FEW
from claude_nb.sweeps.views.plots import new_axes

if TYPE_CHECKING:
    import matplotlib.axes

MOST_LABEL = 40


def plot(summary: Sequence[dict[str, Any]], rows: int, grader: str | None) -> matplotlib.axes.Axes:
    """Draw a summary: a point for each variant, from the top. Raises PromptError if nothing is graded.

    rows    number of rows of the table
    grader  whose rates are drawn; None: of all together
    """
    name = next((name for name in ("pass", "score") if _column(name, grader) in summary[0]), "pass")
    column = _column(name, grader)
    known = [(i, row) for i, row in enumerate(summary) if row.get(column) is not None]
    if not known:
        raise PromptError("no reply is graded yet; run resume() first")
    axes = new_axes(1.2 + 0.45 * len(summary))
    values = [row[column] for _, row in known]
    below = [max(0.0, row[column] - _end(row, column, "low")) for _, row in known]
    above = [max(0.0, _end(row, column, "high") - row[column]) for _, row in known]
    axes.errorbar(values, [i for i, _ in known], xerr=[below, above], fmt="o", capsize=4, linewidth=1.5)
    axes.set_yticks(range(len(summary)), labels=[_label(row["variant"]) for row in summary])
    axes.set_ylim(len(summary) - 0.5, -0.5)
    few = ", too few to trust" if rows < FEW else ""
    kind = "pass rate" if name == "pass" else "mean score"
    axes.set(
        xlabel=kind, title=_label(" ".join(filter(None, (kind, grader and f"({grader})")))) + f", {rows:,} rows{few}"
    )
    if name == "pass":
        axes.set_xlim(-0.02, 1.02)
    axes.grid(visible=True, axis="x", alpha=0.25)
    return axes


def _column(name: str, grader: str | None) -> str:
    return f"{name}_{grader}" if grader else name


def _end(row: dict[str, Any], column: str, end: str) -> float:
    """Return an end of the interval; the value itself if it is unknown."""
    found = row.get(column.replace("pass", f"pass_{end}", 1).replace("score", f"score_{end}", 1))
    return float(row[column] if found is None else found)


def _label(text: str) -> str:
    """Return a text that matplotlib does not take for a formula."""
    return (text if len(text) <= MOST_LABEL else f"{text[:MOST_LABEL]}…").replace("$", r"\$")

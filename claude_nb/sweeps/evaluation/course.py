"""The cells of an evaluation as CSV: for a spreadsheet, or as the grade book of a course takes it."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.guard import attempt, is_a, shown
from claude_nb.session.options import number
from claude_nb.storage import places
from claude_nb.sweeps.evaluation import reports
from claude_nb.sweeps.evaluation.cells import Cell
from claude_nb.sweeps.evaluation.results import EvaluationResults

# Who a row belongs to. The first name is the column of the file, the others are what it may be called in the table.
CANVAS = (
    ("Student", "name"),
    ("ID",),
    ("SIS User ID", "sis_id"),
    ("SIS Login ID", "login", "username", "email"),
    ("Section",),
)
MOODLE = (("Email address", "email"), ("Username", "login"), ("ID number", "idnumber", "student_id"))
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a text that begins so


def save(
    result: EvaluationResults, path: str | os.PathLike[str], layout: str, variant: int, title: str, points: float
) -> None:
    """Write the CSV. Raises PromptError, ConfigError."""
    points = number("points", points)
    if layout == "cells":
        table = reports.cells(result)
        lines: list[list[Any]] = [table.columns, *([row.get(name) for name in table.columns] for row in table)]
    elif layout in ("canvas", "moodle"):
        lines = _grades(result, layout, variant, title, points)
    else:
        raise PromptError(f"layout is cells, canvas or moodle, not {shown(layout)}")
    try:
        with places.replacing(path) as new, new.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([_safe(cell) for cell in line] for line in lines)
    except OSError as error:
        raise ConfigError(f"{Path(path)} cannot be written: {error.strerror or error}") from None


def _grades(result: EvaluationResults, layout: str, variant: int, title: str, points: float) -> list[list[Any]]:
    """Return a line for each row: who it belongs to, the points, and for Moodle why."""
    names = CANVAS if layout == "canvas" else MOODLE
    known = {str(column).casefold(): column for column in reversed([*result.table.rows[0]])}
    found = [next((known[name.casefold()] for name in group if name.casefold() in known), None) for group in names]
    if not any(found):
        wanted = ", ".join(group[0] for group in names)
        raise PromptError(f"{layout} needs a column that says whose row it is; name one {wanted}")
    # Canvas wants all five columns, Moodle only those that exist.
    columns = [(group[0], column) for group, column in zip(names, found, strict=True) if column or layout == "canvas"]
    head: list[Any] = [name for name, _ in columns] + [title] + (["Feedback comments"] if layout == "moodle" else [])
    lines = [head]
    if layout == "canvas":
        lines.append(["Points Possible", *[""] * (len(columns) - 1), points])
    for row, values in enumerate(result.table.rows):
        cells = [result.cell(row, variant, repeat) for repeat in range(result.n)]
        grade = _points([_share(cell) for cell in cells], points)
        line = ["" if column is None else values[column] for _, column in columns] + [grade]
        lines.append(line + ([" ".join(filter(None, (cell.reason for cell in cells)))] if layout == "moodle" else []))
    return lines


def _share(cell: Cell) -> float | None:
    """Return the share of the points: of the graders that pass the reply, else its mean score. None: not graded."""
    if cell.outcome not in ("passed", "failed", "scored"):
        return None
    verdicts = [float(grade.passed) for grade in cell.grades.values() if grade.passed is not None]
    shares = verdicts or [grade.score for grade in cell.grades.values() if grade.score is not None]
    if wrong := [share for share in shares if not 0 <= share <= 1]:
        raise PromptError(f"a score of {wrong[0]:g} is not a share of the points; let the grader return 0 to 1")
    return sum(shares) / len(shares)


def _points(shares: Sequence[float | None], points: float) -> Any:
    """Return the mean share of the points; "" if a reply is not graded, because that is nobody's mistake."""
    known = [share for share in shares if share is not None]
    return "" if len(known) < len(shares) else round(points * sum(known) / len(known), 4)


def _safe(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    if cell is None or is_a(cell, (int, float)):
        return "" if cell is None else cell
    text = attempt(str, "", cell)
    return f"'{text}" if text.startswith(FORMULA) else text

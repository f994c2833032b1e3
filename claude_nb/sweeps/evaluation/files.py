"""Evaluations on disk, as JSON lines. The grades are stored, because graders are functions.

first line   {"claude_nb": "evaluation", "version": 1, "id", "variants", "n", "rows", "expected", "graders"}
each other   {"row": 0, "variant": 1, "repeat": 0, "reply": {...}, "grades": {"exact": {...}}}; without a reply it has
             its "request", or says why it is "locked"
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from claude_nb.errors import ConfigError
from claude_nb.storage import places
from claude_nb.sweeps.evaluation.results import EvaluationResults
from claude_nb.sweeps.evaluation.table import EvaluationTable
from claude_nb.sweeps.metrics.grades import Grade
from claude_nb.sweeps.plan import ROW, Case, Plan
from claude_nb.types.plain import is_valid
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

KIND = "evaluation"
VERSION = 1
VARIANT = "variant"


class Saved(NamedTuple):
    """The contents of a file."""

    table: EvaluationTable
    id: str
    graders: list[str]
    replies: dict[tuple[int, int], Reply]
    grades: dict[tuple[int, int], dict[str, Grade]]
    judge_usd: dict[tuple[int, int], dict[str, float | None]]


def save(result: EvaluationResults, path: str | os.PathLike[str]) -> None:
    """Write an evaluation. An existing file is replaced only when the new one is complete. Raises ConfigError."""
    path = Path(path)
    if path.suffix == ".parquet":
        raise ConfigError(f"an evaluation is saved as JSON lines; use {path.with_suffix('.jsonl')}")
    try:
        with places.replacing(path) as new, new.open("w", encoding="utf-8") as file:
            for line in (_header(result), *_records(result)):
                file.write(f"{json.dumps(line, default=str)}\n")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from None


def _header(result: EvaluationResults) -> dict[str, Any]:
    return {
        "claude_nb": KIND,
        "version": VERSION,
        "id": result.id,
        "variants": list(result.variants),
        "n": result.n,
        "rows": list(result.table.rows),
        "expected": list(result.table.expected),
        "graders": list(result.graders),
    }


def _records(result: EvaluationResults) -> list[dict[str, Any]]:
    records = []
    for cell in result.cells():
        record: dict[str, Any] = {"row": cell.row, "variant": cell.variant, "repeat": cell.repeat}
        if cell.reply:
            record |= {"reply": cell.reply.to_dict()}
            record |= {"grades": {name: asdict(grade) for name, grade in cell.grades.items()}}
            place = (cell.row * len(result.variants) + cell.variant, cell.repeat)
            record |= {"judge_usd": result.judge_usd[place]} if place in result.judge_usd else {}
        elif cell.locked:
            record |= {"locked": cell.locked}
        else:
            record |= {"request": cell.request.to_dict() if cell.request else None}
        records.append(record)
    return records


def loaded(header: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Saved:
    """Return what save() wrote. Raises ValueError, KeyError or TypeError for anything else."""
    if header["version"] > VERSION:
        raise ValueError(f"version {header['version']}, from a newer claude_nb")
    rows, variants, n, expected = header["rows"], header["variants"], header["n"], header["expected"]
    lists = all(isinstance(value, list) and value for value in (rows, variants, expected))
    if not lists or not is_valid(n, int) or len(rows) != len(expected):
        raise ValueError("the first line is damaged")
    width = len(variants)
    replies: dict[tuple[int, int], Reply] = {}
    grades: dict[tuple[int, int], dict[str, Grade]] = {}
    judge_usd: dict[tuple[int, int], dict[str, float | None]] = {}
    requests: dict[tuple[int, int], Request] = {}
    locked: dict[int, str] = {}
    for record in records:
        row, variant, repeat = (record[name] for name in ("row", "variant", "repeat"))
        inside = (0 <= row < len(rows), 0 <= variant < width, 0 <= repeat < n)
        if not all(inside):
            raise ValueError("a cell outside of the table")
        place = (row * width + variant, repeat)
        if "reply" in record:
            replies[place] = Reply.from_dict(record["reply"])
            requests[place] = replies[place].request
            grades[place] = {str(name): _grade(data) for name, data in record["grades"].items()}
            if "judge_usd" in record:
                judge_usd[place] = {str(name): _dollars(cost) for name, cost in record["judge_usd"].items()}
        elif "locked" in record:
            locked[place[0]] = str(record["locked"])
        else:
            requests[place] = Request.from_dict(record["request"])
    cases = tuple(
        Case(
            {ROW: i // width, VARIANT: variants[i % width]},
            (i // width, i % width),
            tuple(requests[i, k] for k in range(n)) if i not in locked else (),
            locked.get(i),
        )
        for i in range(len(rows) * width)
    )
    plan = Plan({ROW: tuple(range(len(rows))), VARIANT: tuple(map(str, variants))}, cases, n)
    table = EvaluationTable([dict(row) for row in rows], tuple(map(str, variants)), tuple(expected), plan)
    return Saved(table, str(header["id"]), [str(name) for name in header["graders"]], replies, grades, judge_usd)


def _dollars(cost: Any) -> float | None:
    if cost is not None and not is_valid(cost, float):
        raise ValueError("a cost is damaged")
    return None if cost is None else float(cost)


def _grade(data: Mapping[str, Any]) -> Grade:
    passed, score = data["passed"], data["score"]
    if not (passed is None or is_valid(passed, bool)) or not (score is None or isinstance(score, (int, float))):
        raise ValueError("a grade is damaged")
    return Grade(passed, score, *(str(data.get(name, "")) for name in ("reason", "error", "note")))

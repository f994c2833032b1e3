"""Keep how each prompt of an evaluation did, for the versions of named prompts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from claude_nb.sweeps.evaluation.cells import Cell
from claude_nb.sweeps.evaluation.results import EvaluationResults
from claude_nb.types.request import Request

TOGETHER = "all graders"


def keep(result: EvaluationResults) -> None:
    """Keep the pass rates of each prompt, if the variants differ in nothing else."""
    from claude_nb.storage.prompts import Score, digest

    request = next(iter(result.plan.requests), None)
    if len(result.table.prompts) != len(result.variants) or request is None:
        return
    cases = digest(json.dumps([_sent(request), list(result.table.rows), list(result.table.expected)], default=str))
    for variant, prompt in enumerate(result.table.prompts):
        cells = [cell for cell in result.cells() if cell.variant == variant]
        verdicts = {name: _verdicts(cells, name) for name in result.graders}
        if len(verdicts) > 1:
            verdicts[TOGETHER] = [cell.passed for cell in cells if cell.passed is not None]
        scores = [Score(cases, name, sum(known), len(known)) for name, known in verdicts.items() if known]
        result.session.memory.prompts.score(prompt, scores)


def _verdicts(cells: Sequence[Cell], grader: str) -> list[bool]:
    grades = [cell.grades[grader] for cell in cells if grader in cell.grades]
    return [grade.passed for grade in grades if grade.passed is not None and not grade.error]


def _sent(request: Request) -> list[object]:
    """Return what results must share to be compared, besides the rows."""
    return [request.provider, request.model, request.system, request.params]

"""evaluate(): every row of a table with every variant, graded, compared and saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import claude_nb
from claude_nb.errors import PromptError
from claude_nb.sweeps.evaluation.api import evaluate
from claude_nb.sweeps.evaluation.evaluation import Evaluation
from tests.helpers import sessions
from tests.helpers.server import Recorded, Scenario, Server, stream

ROWS = [{"text": f"letter {i}", "team": "billing" if i % 2 else "sales"} for i in range(6)]


def says(answer: Callable[[str], str], stop: Callable[[str], str] = lambda _: "stop") -> Callable[[Recorded], Scenario]:
    """A server whose reply to a prompt is what a function of the prompt returns."""

    def scenario(request: Recorded) -> Scenario:
        prompt = request.json["messages"][-1]["content"]
        choice = {"index": 0, "delta": {"content": answer(prompt)}, "finish_reason": stop(prompt)}
        return stream(f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n".encode())

    return scenario


def evaluated(answer: Callable[[str], str], prompts: Any = "{{text}}?", rows: Any = ROWS, **options: Any) -> Evaluation:
    stop = options.pop("stop", lambda _: "stop")
    with Server(says(answer, stop)) as server:
        where = {"provider": "openai-compatible", "model": "m", "base_url": server.url, "show": False}
        asking = sessions.session(CLAUDE_NB_HISTORY="off")
        return evaluate(prompts, rows, **{"expect": "team", "session": asking, **where, **options})


def team(prompt: str) -> str:
    """A good classifier: odd letters are about billing."""
    return "billing" if int(prompt.rsplit(maxsplit=1)[-1].strip("?!")) % 2 else "sales"


def test_every_row_fills_the_prompt_and_is_graded_by_the_column_that_is_expected() -> None:
    result = evaluated(team)
    assert [cell.prompt for cell in result.cells()] == [f"letter {i}?" for i in range(6)]
    assert {cell.outcome for cell in result.cells()} == {"passed"}
    assert evaluated(lambda _: "sales").summary()[0]["pass"] == 0.5


def test_two_prompts_are_compared_row_by_row_and_the_flips_are_listed_those_that_got_worse_first() -> None:
    prompts = {"old": "{{text}}?", "new": "{{text}}!"}
    result = evaluated(lambda p: team(p) if p.endswith("!") != ("5" in p) else "sales", prompts)
    assert result.variants == ("old", "new")
    flips = result.flips("old", "new")
    assert [(row["row"], row["now"]) for row in flips] == [(5, "worse"), (1, "better"), (3, "better")]
    assert "within chance" in flips.note
    assert result.failures("new")[0]["reason"] == "exact: 'sales' instead of 'billing'"


def test_the_best_variant_is_a_row_of_the_summary_and_one_variant_has_nothing_to_be_compared_with() -> None:
    result = evaluated(lambda p: team(p) if p.endswith("!") else "sales", {"old": "{{text}}?", "new": "{{text}}!"})
    assert result.best()["variant"] == "new"
    assert result.best(lambda row: -row["pass"])["variant"] == "old"
    with pytest.raises(PromptError, match="no variant has a value for 'pas'; use a column of the summary: variant, n"):
        result.best("pas")
    with pytest.raises(PromptError, match="there is only one variant; pass two prompts"):
        evaluated(team).compare()


def test_a_saved_evaluation_is_read_with_its_grades_and_can_be_compared(tmp_path: Path) -> None:
    result = evaluated(team, ["{{text}}?", "{{text}}!"])
    result.save(tmp_path / "triage.jsonl")
    loaded = claude_nb.load_sweep(tmp_path / "triage.jsonl")
    assert isinstance(loaded, Evaluation)
    assert list(loaded.rows) == list(result.rows)
    assert list(loaded.summary()) == list(result.summary())
    loaded.check(lambda reply: len(reply.text) < 6, "short")
    assert loaded.summary("short")[0]["pass_short"] == 0.5


def test_an_evaluation_says_what_is_right_and_uses_a_column() -> None:
    with pytest.raises(PromptError, match=r'nothing says which reply is right; add expect="column"'):
        evaluated(team, expect=None)
    with pytest.raises(PromptError, match=r"no prompt uses a column of the table \(text, team\); write {{text}}"):
        evaluated(team, "Hello")

"""`%%claude --rows df --expect label`: the table, what is right and the graders, by name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from claude_nb.sweeps.evaluation.evaluation import Evaluation
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

DF = pd.DataFrame({"text": ["foxes", "bears"], "label": ["fox", "bear"]})


def run(shell: Shell, line: str, cell: str = "Tell me about {{text}}.") -> Evaluation:
    shell.run(f"%%claude -m demo --seed 1 {line}\n{cell}")
    found = shell.vars["reply"]
    assert isinstance(found, Evaluation)
    return found


def test_every_row_of_a_variable_is_sent_and_graded(shell: Shell) -> None:
    shell.vars["df"] = DF
    result = run(shell, "--rows df --expect label")
    assert [cell.prompt for cell in result.cells()] == ["Tell me about foxes.", "Tell me about bears."]
    assert [cell.expected for cell in result.cells()] == ["fox", "bear"]
    assert [*result.graders] == ["exact"]


def test_graders_are_named_by_the_package_or_the_notebook_and_a_function_may_expect(shell: Shell) -> None:
    shell.vars |= {"df": DF, "long": lambda reply: len(reply.text) > 5, "first": lambda row: row["label"][0]}
    result = run(shell, "--rows df --expect first --grade contains,long")
    assert [*result.graders] == ["contains", "long"]
    assert [cell.expected for cell in result.cells()] == ["f", "b"]


def test_rows_and_a_sweep_make_variants(shell: Shell) -> None:
    shell.vars["df"] = DF
    result = run(shell, "--rows df --expect label --sweep 'temperature=0,1 n=2 concurrency=2'")
    assert (result.variants, result.n, len(result)) == (("temperature 0", "temperature 1"), 2, 8)


def test_a_csv_file_is_named_by_its_path(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("text,label\nfoxes,fox\n", encoding="utf-8")
    assert len(run(shell, f"--rows {path} --expect label")) == 1


def test_a_dry_run_tells_the_forecast_and_sends_nothing(shell: Shell) -> None:
    shell.vars["df"] = DF
    printed = shell.run("%%claude -m demo --rows df --expect label --dry-run\nTell me about {{text}}.")
    assert "2 cells, 2 calls" in printed
    assert "reply" not in shell.vars


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--rows df --expect labl", "no column is named 'labl'; did you mean 'label'?"),
        ("--rows dg --expect label", "'dg' is not the name of a .csv file"),
        ("--rows df", "nothing says which reply is right"),
        ("--expect label", "--expect is for --rows"),
        ("--rows df --expect label --grade exactly", "there is no grader 'exactly'"),
        ("--rows df --expect label -c talk", "an evaluation is not a conversation"),
        ("--rows df --expect label --context 2", "a sweep does not support --context"),
        ("--rows df --expect label --sweep mode=zip", "leave mode out"),
    ],
)
def test_a_cell_that_makes_no_sense_says_what_to_do(shell: Shell, line: str, message: str) -> None:
    shell.vars["df"] = DF
    assert message in shell.run(f"%%claude -m demo {line}\nTell me about {{{{text}}}}.")

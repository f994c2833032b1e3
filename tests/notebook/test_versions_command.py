"""%claude /versions: the list, the difference of two versions, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import PromptError
from claude_nb.notebook import commands
from claude_nb.session.named_prompts import prompt
from claude_nb.session.session import Session
from claude_nb.storage.prompts import Score
from claude_nb.sweeps.evaluation.api import evaluate
from tests.helpers.sessions import session as new_session
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures


@pytest.fixture
def own(tmp_path: Path) -> Session:
    made = new_session(CLAUDE_NB_HISTORY=str(tmp_path / "history.db"))
    for text in ("Is this urgent? {{text}}", "Is this urgent or not? {{text}}"):
        prompt("triage", text, session=made)
    return made


def run(own: Session, line: str) -> Any:
    return commands.run(own, line, {})


def test_all_names_and_the_versions_of_one_are_tables(own: Session) -> None:
    prompt("letter", "Dear {{who}}", session=own)
    assert [(row["prompt"], row["versions"]) for row in run(own, "/versions")] == [("letter", 1), ("triage", 2)]
    table = run(own, "/versions triage")
    assert [row["version"] for row in table] == [1, 2]
    assert [row["text"] for row in table] == ["Is this urgent? {{text}}", "Is this urgent or not? {{text}} (newest)"]
    assert "%claude /versions triage 1 2" in repr(table)
    assert "save one with claude_nb.prompt" in run(new_session(), "/versions")


def test_two_versions_are_compared_word_by_word(own: Session) -> None:
    shown = repr(run(own, "/versions triage 1 2"))
    assert shown == "triage, version 1 to 2\nIs this [-urgent? -]{+urgent or not? +}{{text}}"
    pin = prompt("triage", version=1, session=own).id
    assert "{+urgent? +}" in repr(run(own, f"/versions triage -1 {pin[:5]}"))


def test_the_difference_stands_below_the_change_in_the_pass_rate(own: Session) -> None:
    saved = own.memory.prompts
    first, second = saved.versions("triage")
    saved.score(first.text, [Score("table", "exact", 12, 20), Score("other table", "exact", 1, 20)])
    saved.score(second.text, [Score("table", "exact", 16, 20), Score("table", "polite", 20, 20)])
    title = repr(run(own, "/versions triage 1 2")).splitlines()[0]
    assert title == "triage, version 1 to 2 · exact: 60% (12 of 20) to 80% (16 of 20) of the same rows"
    assert [row["passed"] for row in run(own, "/versions triage")] == ["5% (1 of 20)", "100% (20 of 20)"]


def test_an_earlier_version_is_restored(own: Session) -> None:
    before = own.memory.prompts.versions("triage")
    assert "is the newest of triage again" in run(own, "/versions triage --restore 1")
    assert prompt("triage", session=own) == before[0].text
    assert len(own.memory.prompts.versions("triage")) == 2


WRONG = {
    "/versions letter": "there is no prompt 'letter'",
    "/versions triage 1": "a name and one or two versions",
    "/versions triage 1 9": "no version 9",
    "/versions triage --restore": "a name and one or two versions",
    "/versions triage --restore 7": "no version 7",
    "/versions triage --resotre 1": "there is no|no version|one or two versions",
    "/versions triage 1 2 3": "a name and one or two versions",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_says_what_is_right(own: Session, line: str) -> None:
    with pytest.raises(PromptError, match=WRONG[line]):
        run(own, line)


def test_forget_reaches_a_prompt_and_all_of_them(own: Session) -> None:
    prompt("letter", "Dear {{who}}", session=own)
    assert run(own, "/forget prompts.triage") == "forgot 2 versions of the prompt triage"
    assert [row["prompt"] for row in run(own, "/versions")] == ["letter"]
    assert run(own, "/forget --all") == "forgot 0 replies and 1 version of prompts"
    assert "no prompt has a name yet" in run(own, "/versions")
    nothing_kept = new_session()
    prompt("letter", "Dear {{who}}", session=nothing_kept)
    assert run(nothing_kept, "/forget prompts.letter") == "forgot 1 version of the prompt letter"


def test_cells_take_a_name_too(shell: Shell) -> None:
    shell.run("import claude_nb\nclaude_nb.prompt('triage', 'Urgent? {{text}}')\ntext = 'my order'")
    shell.run("%%claude -p demo -n 2 -o one\nPlease: {{prompts.triage}}")
    assert shell.vars["one"].prompt == "Please: Urgent? my order"
    assert "Urgent? my order" in shell.run("%claude --dry-run -p demo {{prompts.triage}}")
    out = shell.run("%%claude -p demo -n 2 -o s --sweep text=a,b\n{{prompts.triage}}")
    assert "s" in shell.vars, out
    assert [reply.prompt for reply in shell.vars["s"]] == ["Urgent? a", "Urgent? b"]


def test_an_evaluation_leaves_the_pass_rate_of_each_version(own: Session) -> None:
    rows = [{"text": f"letter {i}", "wanted": "I" if i else "never"} for i in range(4)]
    where: dict[str, Any] = {"session": own, "provider": "demo", "seed": 1, "show": False, "expect": "wanted"}
    versions = [prompt("triage", version=number, session=own) for number in (1, 2)]
    assert "passed" in run(own, "/versions triage")[0]
    assert run(own, "/versions triage")[0]["passed"] is None
    evaluate(versions, rows, graders="contains", **where)
    title = repr(run(own, "/versions triage 1 2")).splitlines()[0]
    assert title == "triage, version 1 to 2 · contains: 75% (3 of 4) to 75% (3 of 4) of the same rows"
    evaluate("{{prompts.triage}}", rows, graders=["contains", "exact"], **where)
    assert run(own, "/versions triage")[1]["passed"] == "0% (0 of 4)"  # all graders together
    evaluate(versions, rows, graders="contains", max_tokens=[5, 6], **where)  # which of the two would it be?
    assert run(own, "/versions triage")[1]["passed"] == "0% (0 of 4)"

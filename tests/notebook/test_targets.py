"""Which variables a reply may take, and what /restore and Out[99] find."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from claude_nb.session.session import Session
from claude_nb.types.reply import Reply
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures


class Mine:
    """A class of the user."""


YOURS: dict[str, Any] = {
    "df": pd.DataFrame({"n": [1]}),
    "np": math,
    "loads": json.loads,
    "Mine": Mine,
    "rows": [1, 2],
    "config": {"a": 1},
    "thing": Mine(),
    "data": b"bytes",
}


@pytest.mark.parametrize("options", ["", "--sweep 'seed=1,2 n=1'"])
@pytest.mark.parametrize("name", [*YOURS, "print", "list", "id", "sum", "input", "_", "_3", "_i", "In", "Out", "exit"])
def test_what_is_not_a_reply_is_not_replaced(shell: Shell, name: str, options: str) -> None:
    shell.vars.update(YOURS)
    before = shell.vars.get(name)
    printed = shell.run(f"%claude -m demo {options} -o {name} Hi")
    assert f"PromptError: -o {name} is a " in printed
    assert "choose another" in printed
    assert shell.vars.get(name) is before
    assert shell.session.last is None


def test_the_usual_variable_is_guarded_too(shell: Shell) -> None:
    shell.vars["reply"] = YOURS["df"]
    assert "-o reply is a variable of yours (DataFrame)" in shell.run("%claude Hi")
    assert shell.vars["reply"] is YOURS["df"]
    assert "PromptError" not in shell.run("%claude --dry-run Hi")
    assert "PromptError" not in shell.run("%claude -o other Hi")


def test_a_reply_and_a_sweep_are_replaced_and_a_plain_value_with_a_notice(shell: Shell) -> None:
    for _ in range(2):
        assert "replaces" not in shell.run("%claude -m demo -o story Hi")
    for _ in range(2):
        assert "replaces" not in shell.run("%claude -m demo --sweep 'seed=1 n=1' -o story Hi")
    shell.run("story = 'a text'")
    assert "the reply replaces your variable story (str)" in shell.run("%claude -m demo -o story Hi")
    assert isinstance(shell.vars["story"], Reply)
    shell.run("sum = story")  # a name of Python that already is a reply
    assert "PromptError" not in shell.run("%claude -m demo -o sum Hi")


@pytest.mark.parametrize("option", ["-a Out[99]", "-a {{Out[99]}}", "-a _99", "-a {{_99}}", "{{Out[99]}}", "{{_99}}"])
def test_an_output_that_does_not_exist_is_named(shell: Shell, option: str) -> None:
    assert "PromptError: there is no Out[99]; no cell has returned a value yet" in shell.run(f"%claude {option} Hi")
    shell.vars["Out"] |= {3: "x", 5: "y"}
    assert "PromptError: there is no Out[99]; there is Out[3], Out[5]" in shell.run(f"%claude {option} Hi")
    assert shell.session.last is None


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("-a In[99]", "there is no In[99]"),
        ("-a {{In[99]}}", "there is no In[99]"),
        ('-a Out["x"]', "there is no Out['x']"),
        ("-a Out['x']", "there is no Out['x']"),
        ("-a Out[x]", "Out[x]"),
        ("-a Out[-1]", "there is no Out[-1]"),
        ("-a Out[]", "Out[]"),
    ],
)
def test_a_cell_that_does_not_exist_is_named(shell: Shell, option: str, message: str) -> None:
    printed = shell.run(f"%claude {option} Hi")
    assert "Error" in printed
    assert message in printed
    assert shell.session.last is None


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Session:
    monkeypatch.setenv("CLAUDE_NB_HISTORY", str(tmp_path / "history.db"))
    made = Session()
    made.demo_delay_s, made.notebook = 0, "lesson.ipynb"
    return made


def restarted(kept: Session) -> Session:
    again = Session()
    again.demo_delay_s, again.notebook = 0, kept.notebook
    return again


def restore(session: Session, variables: dict[str, Any], name: str = "") -> str:
    from claude_nb.notebook import commands

    return str(commands.run(session, f"/restore {name}".strip(), variables))


def test_restore_brings_conversations_back(kept: Session) -> None:
    for prompt in ("Name a river.", "And a longer one?"):
        kept.ask(prompt, model="demo", chat="trip", system="Be brief.")
    kept.ask("Hi", model="demo", chat="other")
    again = restarted(kept)
    lines = restore(again, {}).splitlines()
    assert lines == ["restored the conversation other (1 exchange)", "restored the conversation trip (2 exchanges)"]
    assert again.conversations["trip"].messages == kept.conversations["trip"].messages
    assert again.conversations["trip"].system == "Be brief."
    assert again.request("Third?", model="demo", chat="trip").messages[:4] == kept.conversations["trip"].messages


def test_a_restored_reply_and_conversation_hold_what_was_continued(kept: Session) -> None:
    from claude_nb.session.call import Call

    request = kept.request("Tell me a story.", model="demo", seed=1, max_tokens=5, chat="trip")
    kept.complete(request, Call(chat="trip", variable="story"))
    kept.complete(*kept.continued()[:2])
    again, variables = restarted(kept), dict[str, Any]()
    assert kept.last
    assert restore(again, variables) == "restored story\nrestored the conversation trip (1 exchange)"
    assert variables["story"].text == kept.last.text
    assert variables["story"].prompt == "Tell me a story."
    assert again.conversations["trip"].messages == kept.conversations["trip"].messages


def test_restore_leaves_alone_what_is_not_a_reply(kept: Session) -> None:
    from claude_nb.session.call import Call

    for variable in ("df", "story", "print"):
        kept.complete(kept.request("Hi", model="demo"), Call(variable=variable))
    variables = {"df": YOURS["df"]}
    assert restore(restarted(kept), variables) == "restored story\nleft alone: df, which you have set since"
    assert variables["df"] is YOURS["df"]
    assert "print" not in variables
    with pytest.raises(Exception, match="df is a variable of yours"):
        restore(restarted(kept), variables, "df")


def test_a_conversation_that_goes_on_is_not_replaced(kept: Session) -> None:
    kept.ask("One?", model="demo", chat="trip")
    again = restarted(kept)
    again.ask("Two?", model="demo", chat="trip")
    with pytest.raises(Exception, match="the history has no reply"):
        restore(again, {})
    assert [exchange.prompt.text for exchange in again.conversations["trip"].exchanges] == ["Two?"]

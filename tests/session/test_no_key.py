"""Without a key the demo model answers where a person sees that it does, or where it is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from claude_nb.errors import ConfigError
from claude_nb.session import frontend
from claude_nb.session.frontend import is_session  # as it is; a fixture replaces it for all tests
from tests.helpers import sessions
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

USES = [
    "claude_nb.ask('Hi').text",
    "''.join(claude_nb.stream('Hi'))",
    "claude_nb.sweep('Hi', seed=[1, 2], n=1, show=False)",
    "claude_nb.check('Hi', 'x', n=1)",
    "claude_nb.Session().request('Hi')",
    "claude_nb.ask('Hi', temperature=0.5, variables={'a': 1})",
]


def script(code: str, tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """What a scheduled job does that runs this file."""
    file = tmp_path / "job.py"
    file.write_text(f"import claude_nb\nif __name__ == '__main__':\n    print({code})\n")
    env = {**os.environ, "CLAUDE_NB_HISTORY": "off", **environ}
    command = [sys.executable, file]
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("use", USES)
def test_in_a_script_no_key_is_an_error_that_names_both_ways_on(use: str, tmp_path: Path) -> None:
    done = script(use, tmp_path)
    assert done.returncode != 0
    assert done.stdout == ""
    line = done.stderr.strip().splitlines()[-1]
    assert "no key found; set AIMLAPI_API_KEY or ANTHROPIC_API_KEY, or name the demo model: model='demo'" in line


@pytest.mark.parametrize(
    ("use", "environ"),
    [
        ("claude_nb.ask('Hi', model='demo').source", {}),
        ("claude_nb.ask('Hi', provider='demo').source", {}),
        ("claude_nb.configure(model='demo') or claude_nb.ask('Hi').source", {}),
        ("claude_nb.ask('Hi').source", {"CLAUDE_NB_PROVIDER": "demo"}),
        ("claude_nb.ask('Hi').source", {"CLAUDE_NB_MODEL": "demo"}),
        ("claude_nb.sweep('Hi', model='demo', n=1, show=False).replies[0].source", {}),
    ],
)
def test_in_a_script_the_demo_model_answers_where_it_is_named(
    use: str, environ: dict[str, str], tmp_path: Path
) -> None:
    done = script(use, tmp_path, **environ)
    assert (done.returncode, done.stdout) == (0, "demo\n"), done.stderr


def test_a_person_is_told_once_also_by_ask() -> None:
    asked, lines = sessions.session(), list[str]()
    asked.warn = lines.append
    asked.ask("Hi")
    asked.ask("Hi")
    assert lines == ["no key found, so the demo model answers; set AIMLAPI_API_KEY or ANTHROPIC_API_KEY for Claude"]
    named, lines = sessions.session(), list[str]()
    named.warn = lines.append
    named.ask("Hi", model="demo")
    assert lines == []


def test_it_is_decided_by_where_the_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "is_session", lambda: False)
    with pytest.raises(ConfigError, match="no key found; set"):
        sessions.session().request("Hi")
    with pytest.raises(ConfigError, match="no key found; set"):
        sessions.session().request("Hi", model="sonnet")
    assert sessions.session(AIMLAPI_API_KEY="0123456789abcdef").request("Hi").provider == "aimlapi"


@pytest.mark.parametrize(
    ("parent", "prompt", "shell", "expected"),
    [(None, False, None, False), ({}, False, None, True), (None, True, None, True), (None, False, object(), True)],
)
def test_a_notebook_and_a_prompt_are_sessions(
    monkeypatch: pytest.MonkeyPatch, parent: object, prompt: bool, shell: object, expected: bool
) -> None:
    monkeypatch.setattr(frontend, "_parent", lambda: parent)
    monkeypatch.setattr(frontend, "_shell", lambda: shell)
    if prompt:
        sys.ps1 = ">>> "  # a fixture removes it
    assert is_session() is expected


def test_a_quiet_cell_does_not_use_up_the_notice(shell: Shell) -> None:
    assert shell.run("%claude --quiet Hi") == ""
    assert "no key found, so the demo model answers" in shell.run("%claude Hi")

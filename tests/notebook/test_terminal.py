"""%claude in plain terminal IPython: text as it arrives, and nothing that a terminal would obey."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.kernel import clean_env
from tests.helpers.replies import chat
from tests.helpers.server import Server


def ipython(home: Path, *lines: str, **env: str) -> str:
    """What a terminal session prints."""
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--colors=NoColor", "--no-banner", "--no-confirm-exit"],
        input="\n".join(["%load_ext claude_nb", *lines, "exit", ""]),
        env=clean_env(home, PATH=os.environ["PATH"], **env),
        cwd=home,
        capture_output=True,
        encoding=env.get("PYTHONIOENCODING", "utf-8"),
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_line_asks_and_the_reply_is_in_the_variable(tmp_path: Path) -> None:
    shown = ipython(tmp_path, "%claude -p demo --seed 1 Who are you?", "print(len(reply.text) > 20, reply.source)")
    assert "not Claude" in shown
    assert "[Demo model: small local word statistics, not Claude · seed 1" in shown
    assert "True demo" in shown
    assert "Reply(" not in shown


def test_control_characters_of_a_reply_do_not_reach_the_terminal_but_the_variable(tmp_path: Path) -> None:
    hostile = "a\x1b]0;owned\x07b\x1b[2Jc\x9bd\u202ee"
    with Server([chat(list(hostile))]) as server:
        shown = ipython(
            tmp_path,
            f"%claude --base-url {server.url} Hi",
            "print(ascii(reply.text))",
            AIMLAPI_API_KEY="test-key-0123456789",
        )
    before_the_variable = shown.split("In [3]")[0]
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(before_the_variable)
    assert ascii(hostile) in shown


def test_an_error_is_one_line(tmp_path: Path) -> None:
    shown = ipython(tmp_path, "%claude -p demo -t 9 Hi")
    assert "PromptError: temperature goes from 0 to 2" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_what_a_terminal_cannot_show_is_replaced(tmp_path: Path, encoding: str) -> None:
    shown = ipython(
        tmp_path,
        r'x = "Gr\u00fc\u00dfe \u2192 \U0001f642 \u201cx\u201d\u2026"; import claude_nb',
        "%claude -p demo -n 5 {{x}}",
        "%claude --dry-run -p demo -s {{x}} Hi",
        '%claude -p demo -a "{{x}}.txt" Hi',
        "%claude -p demo -t 9 Hi",
        "%claude",
        "%claude /history",
        "%claude /cost",
        "claude_nb.history()",
        "claude_nb.sweep(x, temperature=[0, 1], n=1, provider='demo')",
        "claude_nb.check(x, x, n=1, provider='demo')",
        "reply",
        "raise claude_nb.PromptError(x)",
        "print(ascii(x))",
        PYTHONIOENCODING=encoding,
    )
    assert "UnicodeEncodeError" not in shown
    assert "Traceback" not in shown
    assert "PromptError: Gr" in shown
    assert "? ?" in shown.partition("PromptError: Gr")[2]
    assert r"\u2192 \U0001f642" in shown

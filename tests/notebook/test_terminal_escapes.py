"""What this package prints into a terminal is text: whatever a server or a file wrote, the terminal obeys nothing."""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path

import pytest

import claude_nb
from claude_nb.errors import ClaudeError
from claude_nb.notebook import display
from claude_nb.render.table import Table
from claude_nb.session.session import Session
from claude_nb.types.content import ToolCall
from claude_nb.types.reply import CodeBlock, Reply
from claude_nb.types.request import Message, Request
from tests.helpers.replies import chat
from tests.helpers.server import Server, answer
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]

HOSTILE = "a\x1b]52;c;eA==\x07b\x1b[2Jc\x9b31md\u202ee\u2066f\x08\x7f\U000e0041\r!"
PACKAGE = Path(claude_nb.__file__).parent


def obeyed(text: str) -> set[str]:
    """The characters in a text that a terminal obeys or does not show."""
    wanted = {"\n", "\t"}
    kinds = (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xE0000, 0xE0080))
    return {letter for letter in text if ord(letter) in kinds} - wanted


@pytest.fixture
def hostile(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell whose newest reply is hostile in each of its texts."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "test-key-0123456789")
    request = Request("demo", HOSTILE, (Message("user", HOSTILE),))
    call = ToolCall("1", HOSTILE, json.dumps({HOSTILE: HOSTILE}))
    texts = {"thinking": HOSTILE, "response_model": HOSTILE, "error": HOSTILE, "stop_detail": HOSTILE}
    reply = Reply(request, text=f"{HOSTILE}\n```python\nx = 1 # {HOSTILE}\n```", parts=(call,), **texts)
    shell.vars["hostile"] = shell.session.last = reply
    shell.vars["HOSTILE"] = HOSTILE
    return shell


@pytest.mark.parametrize(
    "line",
    [
        "hostile",
        "[hostile]",
        "(hostile, {1: hostile})",
        "import claude_nb; claude_nb.last",
        "repr(hostile)",
        "hostile.code",
        "hostile.code[0]",
        "hostile.calls",
        "hostile.calls[0]",
        "hostile.request",
        "hostile.message",
        "hostile.to_dict()",
        "display(hostile)",
        "display(hostile.code[0])",
        "%claude /code",
        "%claude /code hostile",
        "from claude_nb.render.table import Table; Table([{HOSTILE: HOSTILE}])",
        "from claude_nb.storage.entries import History, Row; History([Row(1, hostile)])",
        "History([Row(1, hostile)])[0] if 'History' in globals() else 0",
        "raise claude_nb.ClaudeError(HOSTILE) if 'claude_nb' in globals() else 0",
        "%claude -p demo --dry-run {{HOSTILE}}",
        "%claude -p demo -t {{HOSTILE}} Hi",
        "%claude -m {{HOSTILE}} -p demo Hi",
        "%claude -p demo -o {{HOSTILE}} Hi",
        "%claude -p demo -s {{HOSTILE}} --quiet Hi\nreply",
        "%claude -p demo -c {{HOSTILE}} --quiet Hi\nget_ipython().run_line_magic('claude', '/chats')",
        "%claude /set system={{HOSTILE}}",
        "get_ipython().run_line_magic('claude', '/set system=\"' + HOSTILE + '\"')",
        "get_ipython().run_line_magic('claude', '/reset ' + HOSTILE)",
        "get_ipython().run_line_magic('claude', '-a ' + HOSTILE + ' Hi')",
        "get_ipython().run_line_magic('claude', '--' + HOSTILE + ' Hi')",
        "claude_nb.ask('Hi', provider='demo', tools=HOSTILE) if 'claude_nb' in globals() else 0",
    ],
)
def test_no_output_of_a_cell_has_a_control_character(line: str, hostile: Shell) -> None:
    hostile.run("import claude_nb\nfrom claude_nb.storage.entries import History, Row")
    shown = hostile.run(line)
    assert obeyed(shown) == set()


def test_print_shows_the_data_as_it_is(hostile: Shell) -> None:
    assert "\x1b]52;c;eA==\x07" in hostile.run("print(hostile.text)")


def test_the_list_of_models_has_no_control_character(hostile: Shell) -> None:
    with Server([answer(200, {"data": [{"id": HOSTILE}, {"id": "plain"}]})]) as server:
        shown = hostile.run(f"%claude /set provider=openai-compatible base_url={server.url}\n%claude /models")
    assert "plain" in shown
    assert obeyed(shown) == set()


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500])
def test_an_answer_of_a_server_has_no_control_character(status: int, hostile: Shell) -> None:
    body = {"error": {"message": HOSTILE, "type": HOSTILE}} if status != 200 else {"error": HOSTILE}
    with Server([answer(status, body)] * 3) as server:
        shown = hostile.run(f"%claude -p aimlapi --base-url {server.url} -m x Hi")
    assert obeyed(shown) == set()


@pytest.mark.parametrize("mode", ["text", "once", "live"])
def test_no_view_publishes_plain_text_with_control_characters(
    mode: str, hostile: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[str] = []
    monkeypatch.setattr(display, "publish_display_data", lambda bundle, *_, **__: published.append(str(bundle)))
    monkeypatch.setenv("CLAUDE_NB_DISPLAY", mode)
    with Server([chat([*HOSTILE, "\n"])]) as server:
        shown = hostile.run(f"%claude -p aimlapi --base-url {server.url} -m x Hi")
    assert obeyed("".join(published) + shown.replace(repr(HOSTILE), "")) == set()
    assert published or mode == "text"
    assert HOSTILE[:3] in hostile.vars["reply"].text


def test_a_warning_has_no_control_character(hostile: Shell) -> None:
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Session(credentials=hostile.session.credentials)._tell(HOSTILE)
    told += [str(warning.message) for warning in caught]
    assert told
    assert obeyed("".join(told)) == set()
    display.note(HOSTILE, "text")


def test_values_that_show_themselves_have_no_control_character() -> None:
    for value in (CodeBlock(HOSTILE, HOSTILE), Table([{HOSTILE: HOSTILE}]), ClaudeError(HOSTILE)):
        assert obeyed(repr(value)) == set()
    assert obeyed(str(ClaudeError(HOSTILE))) == set()


PIPES = ("providers/local/engine.py", "providers/local/weights.py", "sweeps/evaluation/patterns.py")  # of processes


def test_only_a_few_places_write_to_a_terminal() -> None:
    """A new one makes its text visible first, or writes text of its own."""
    places = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr"):
                places.add(path.relative_to(PACKAGE).as_posix())
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                places.add(f"print in {path.name}")
    assert places == {
        "notebook/display.py",
        "render/chars.py",
        "safe_text/visible.py",
        "session/consent.py",
        "sweeps/views/display.py",
        "sweeps/views/progress.py",
        *PIPES,
    }

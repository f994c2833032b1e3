"""A history or a record file from somebody else: nothing in it runs, acts on the page or on the terminal."""

from __future__ import annotations

import json
import pickle
import sqlite3
from pathlib import Path

import pytest

from claude_nb.storage.entries import Recorded
from claude_nb.storage.recordings import write
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.kernel import Kernel, Result
from tests.helpers.lessons import env, html, kernel, renewed, shared

__all__ = ["env", "kernel", "shared"]  # fixtures

ACTS = (
    "<script>window.hacked = 1</script><img src=x onerror=hacked()><svg onload=hacked()>"
    "[a](javascript:hacked()) ![b](http://127.0.0.1:9/beacon) <style>*{display:none}</style> $\\href{javascript:x}{y}$"
)
TERMINAL = "\x1b]0;hacked\x07\x1b[2J\x9b31m\u202e"
NOTEBOOK = "/home/ada/lesson.ipynb"


def hostile(prompt: str = "Hi") -> Reply:
    text = ACTS + TERMINAL
    messages = (Message("user", prompt),)
    request = Request("aimlapi", "anthropic/claude-sonnet-4.6", messages, base_url="https://a.example/v1")
    return Reply(request, text=text, thinking=text, response_model=text, raw_stop_reason=text, error=text)


def acts(result: Result) -> list[str]:
    """What would act, in anything that a front end received."""
    page = html(result).lower()
    plain = "".join(str(output.get("text", "")) for output in result.outputs)
    wrong = ("<script", "<img", "<svg", "<style", 'href="javascript')
    return [one for one in wrong if one in page] + [one for one in "\x1b\x07\x9b\u202e" if one in page or one in plain]


@pytest.fixture
def hostile_kernel(env: dict[str, str], shared: Kernel) -> Kernel:
    """Its history was written by somebody with bad intentions."""
    store = Store(Path(env["CLAUDE_NB_HISTORY"]), warn=print)
    for variable in ("fine", "__builtins__", "print('x')", "class"):
        reply = hostile(ACTS + TERMINAL)
        store.finish(store.begin(reply.request, notebook=NOTEBOOK, variable=variable, chat=ACTS), reply)
    return renewed(shared, env)


def test_a_hostile_history_is_only_shown(hostile_kernel: Kernel) -> None:
    kernel = hostile_kernel
    listed, shown = kernel.run("%claude /history"), kernel.run("%claude /show 1")
    assert "hacked" in html(listed)
    assert "hacked" in html(shown)
    assert acts(listed) == acts(shown) == []
    assert acts(kernel.run("import claude_nb\nprint(repr(claude_nb.history()))\nclaude_nb.history()")) == []


def test_restore_takes_only_names_that_a_reply_can_have(hostile_kernel: Kernel) -> None:
    kernel = hostile_kernel
    assert kernel.run("%claude /restore").text == "restored fine\n"
    assert kernel.get("type(fine).__name__, type(__builtins__).__name__") == ("Reply", "module")
    assert acts(kernel.run("fine")) == []
    assert "no reply from this notebook" in str(kernel.run("%claude /restore __builtins__").error)


def test_triggers_and_views_of_a_foreign_database_do_nothing(env: dict[str, str], kernel: Kernel) -> None:
    path = Path(env["CLAUDE_NB_HISTORY"])
    Store(path, warn=print).begin(hostile().request)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE loot (stolen TEXT)")
        db.execute("CREATE TRIGGER t AFTER INSERT ON replies BEGIN INSERT INTO loot VALUES (load_extension('x')); END")
        db.execute("UPDATE replies SET request = ?", (pickle.dumps(hostile()),))
    db.close()
    asked = kernel.run("%claude -p demo Hi")
    assert asked.error is None
    assert acts(kernel.run("%claude /history")) == []
    assert kernel.get("reply.source") == "demo"


def test_a_hostile_record_file_is_only_shown(kernel: Kernel, tmp_path: Path) -> None:
    file = tmp_path / "lesson.jsonl"
    write(file, [Recorded(hostile())])
    kernel.run(f"%claude /replay only {file} --speed 0")
    played = kernel.run("%claude -p aimlapi --base-url https://a.example/v1 Hi")
    assert played.error is None
    assert "hacked" in html(played)
    assert acts(played) == []


@pytest.mark.parametrize(
    "line",
    [
        pickle.dumps(hostile()),
        b'{"py/object": "os.system", "py/reduce": ["id"]}',
        b"!!python/object/apply:os.system [id]",
        json.dumps({"reply": "__import__('os').system('id')", "rhythm": []}).encode(),
    ],
    ids=["pickle", "jsonpickle", "yaml", "python"],
)
def test_no_format_that_runs_code_is_read(line: bytes, kernel: Kernel, tmp_path: Path) -> None:
    file = tmp_path / "lesson.jsonl"
    file.write_bytes(b'{"claude_nb":"replay","version":1}\n' + line.replace(b"\n", b" ") + b"\n")
    result = kernel.run(f"%claude /replay only {file}")
    assert "line 2 is damaged" in str(result.error)

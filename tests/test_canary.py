"""A key that no output, error, frame, file, log, widget or request body may show: not one 8-character piece of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest

from tests.helpers.inside import SESSION
from tests.helpers.kernel import Kernel, Result
from tests.helpers.replies import chat, chat_chunk, messages, sse
from tests.helpers.server import Reset, Scenario, Send, Server, answer, head, stream

CANARY = "7Q4zP0xVbN2mLk8Jh+Gf/Ts5Rd3Wc9YqEa1Ui6Op"
PIECES = tuple(CANARY[i : i + 8] for i in range(len(CANARY) - 7))
SPELLINGS = (*PIECES, quote(CANARY, safe=""), base64.b64encode(CANARY.encode()).decode(), CANARY.encode().hex())
ECHO = {"error": {"type": "authentication_error", "message": f"Bad key {CANARY}, {CANARY[:12]}..., Bearer {CANARY}"}}
ODD = {"message": f"key={quote(CANARY, safe='')}&b={base64.b64encode(CANARY.encode()).decode()} ...{CANARY[-9:]}"}
HEADERS = {"x-echo": CANARY, "set-cookie": f"k={CANARY}", "www-authenticate": f"Bearer {CANARY}"}

ANSWERS: dict[str, Scenario] = {
    "a reply": chat(["Hello"]),
    "a reply with the key": stream(sse(chat_chunk(f"your key is {CANARY}"), chat_chunk(finish="stop"), "[DONE]")),
    "a reply of the other dialect": messages(["Hello"]),
    "the key in an error": answer(401, ECHO),
    "the key in other spellings": answer(400, ODD),
    "the key in the headers": answer(401, b"", HEADERS),
    "the key in an id": answer(400, {"message": "no"}, {"x-request-id": CANARY}),
    "the key in a redirect": answer(307, headers={"location": f"https://{CANARY}.example/{CANARY}"}),
    "the key in a web page": answer(403, f"<html><title>{CANARY}</title>".encode(), content_type="text/html"),
    "the key in an error inside": stream(sse(chat_chunk("Hel"), ECHO)),
    "an end in the middle": [Send(head()), Send(sse(chat_chunk("Hel")))],
    "a reset": [Reset()],
}

DEBUGGING = ["p locals()", "u", "p vars(self)", "pp locals()", "u", "p locals()", "w", "q"]
CHILD = """
import os, subprocess
code = "import os; print(sorted(k for k, v in os.environ.items() if v == os.environ['AIMLAPI_API_KEY']))"
print(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout, end="")
"""
SEARCH = '''
def canary_search(canary):
    """Where in this kernel a piece of the key can be seen, followed from errors, frames and our own objects."""
    import gc, pickle, sys, types
    import claude_nb
    pieces = {canary[i:i + 8] for i in range(len(canary) - 7)}
    seen, found = set(), []
    def holds(text):
        return any(piece in text for piece in pieces)
    def look(value, path, depth):
        if id(value) in seen or depth > 9 or isinstance(value, (types.ModuleType, types.FunctionType, type)):
            return
        seen.add(id(value))
        if type(value).__name__ == "_Environ" or value is pieces or value is canary:
            return
        try:
            if holds(value if isinstance(value, str) else repr(value)):
                found.append(path)
        except Exception:
            pass
        if isinstance(value, dict):
            for key, inner in list(value.items()):
                look(inner, f"{path}[{key!r:.30}]", depth + 1)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for inner in list(value):
                look(inner, f"{path}[]", depth + 1)
        elif hasattr(value, "__dict__"):
            for key, inner in list(vars(value).items()):
                look(inner, f"{path}.{key}", depth + 1)
    def look_at_error(error, path):
        while error is not None:
            look(error.args, f"{path}.args", 0)
            look(vars(error), f"{path}.vars", 0)
            at = error.__traceback__
            while at is not None:
                if "claude_nb" in at.tb_frame.f_code.co_filename:
                    look(dict(at.tb_frame.f_locals), f"{path}: {at.tb_frame.f_code.co_name}", 0)
                at = at.tb_next
            error = error.__cause__ or error.__context__
    if getattr(sys, "last_value", None):
        look_at_error(sys.last_value, "error")
        try:
            if any(piece.encode() in pickle.dumps(sys.last_value) for piece in pieces):
                found.append("the pickled error")
        except Exception:
            pass
    session = SESSION
    look(session, "session", 0)
    if session.last and any(piece.encode() in pickle.dumps(session.last) for piece in pieces):
        found.append("the pickled reply")
    return found
'''.replace("SESSION", SESSION)


def shown(results: list[Result]) -> str:
    """Every message that a front end received for these cells, and the notebook that it would save."""
    cells = [nbformat.v4.new_code_cell("x", outputs=result.outputs) for result in results]
    saved = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    return saved + "".join(json.dumps(heard.content, default=repr) for result in results for heard in result.messages)


def found_in(text: str) -> list[str]:
    return [text[max(0, text.index(piece) - 60) :][:140] for piece in SPELLINGS if piece in text][:3]


def files_below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    root = str(Path(__file__).resolve().parent.parent)
    env = {
        "AIMLAPI_API_KEY": CANARY,
        "ANTHROPIC_API_KEY": CANARY,
        "CLAUDE_NB_API_KEY": CANARY,
        "JPY_SESSION_NAME": "/home/ada/lesson.ipynb",
        "PYTHONPATH": root,
        "PYTHON_KEYRING_BACKEND": "tests.helpers.fake_keyring.InMemory",
        "HTTPS_PROXY": "http://127.0.0.1:9",  # nothing is there: the way out of this machine
    }
    with Kernel(env) as started:
        started.run(
            "import logging, sys\n"
            "logging.basicConfig(level=logging.DEBUG, filename='debug.log', force=True)\n"
            "%xmode Verbose\n%load_ext claude_nb"
        )
        started.run(SEARCH)
        yield started


def spy(kernel: Kernel) -> list[str]:
    """The kernel reads its key from its environment, where it may be."""
    return kernel.get("canary_search(__import__('os').environ['AIMLAPI_API_KEY'])")  # type: ignore[no-any-return]


@pytest.mark.parametrize("dialect", ["aimlapi", "anthropic"])
@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_the_server_answers_the_key_is_nowhere(name: str, dialect: str, kernel: Kernel) -> None:
    with Server([ANSWERS[name]]) as server:
        options = f"-p {dialect} --base-url {server.url} --timeout 5"
        results = [
            kernel.run(f"%%claude {options}\nHi"),
            kernel.run("%tb"),
            kernel.run("%debug", answers=DEBUGGING),
            kernel.run("sys.last_value if hasattr(sys, 'last_value') else None"),
        ]
        places = spy(kernel)
    assert places == []
    assert found_in(shown(results)) == []
    sent = [request.headers.pop("authorization") for request in server.requests]
    assert set(sent) == {f"Bearer {CANARY}"}
    assert found_in("".join(f"{r.method}{r.path}{r.headers}{r.body!r}" for r in server.requests)) == []


def test_no_command_no_file_no_log_and_no_child_shows_it(kernel: Kernel) -> None:
    with Server([ANSWERS["the key in the headers"], chat(["Hello"]), chat(["Hello"]), chat(["again"])]) as server:
        ask = f"--base-url {server.url}"
        results = [
            kernel.run(code)
            for code in (
                f"%claude {ask} Hi",
                f"%claude {ask} -c talk Hi",
                f"%claude {ask} --dry-run Hi",
                f"%claude /set base_url={server.url}",
                *(
                    "%claude",
                    "%claude /help",
                    "%claude /models",
                    "%claude /chats",
                    "%claude /usage",
                    "%claude /history",
                ),
                *("%claude /show 1", "%claude /restore", "%claude /record lesson.jsonl", "%claude /set", "%claude?"),
                "import claude_nb, copy, pickle, subprocess",
                f"session = {SESSION}\nsession, vars(session), vars(session.credentials)",
                "session.credentials.known()",
                "repr(session.credentials.known()[0]), str(session.credentials.known()[0]), dir(session.credentials)",
                "claude_nb.ask('Hi').to_dict(), claude_nb.history(), claude_nb.last",
                "pickle.dumps(claude_nb.last), copy.deepcopy(claude_nb.last)",
                "pickle.dumps(session)",
                "from claude_nb.widgets.playground import Playground\npg = Playground(prompt='Hi')",
                "pg.run()\npg.wait()\npg",
                "repr(pg), pg.get_state(), vars(pg)",
                "%claude /unset base_url",
            )
        ]
        child = kernel.run(CHILD).text
    assert found_in(shown(results)) == []
    assert spy(kernel) == []
    assert [one.error for one in results if one.error] == [results[0].error, results[-5].error]
    assert child == "['AIMLAPI_API_KEY', 'ANTHROPIC_API_KEY', 'CLAUDE_NB_API_KEY']\n"
    kernel.run("logging.shutdown()")
    names = {path.name for path, _ in files_below(kernel.home)}
    assert {"history.db", "lesson.jsonl", "debug.log", "history.sqlite"} <= names
    for path, content in files_below(kernel.home):
        assert found_in(content.decode("latin-1")) == [], path
    log = (kernel.home / "debug.log").read_text()
    assert "receive_response_headers" in log  # it was really written
    assert log.count("[key]") >= 3
    assert sum("authorization" in request.headers for request in server.requests) == len(server.requests) == 4


def test_a_key_typed_at_login_is_kept_in_the_keyring_and_shown_nowhere(kernel: Kernel) -> None:
    with Server([chat(["Hello"])]) as server:
        login = kernel.run("%claude /login anthropic", answers=[CANARY])
        results = [login, kernel.run("del __import__('os').environ['ANTHROPIC_API_KEY']\n%claude -p demo --quiet x")]
        asked = kernel.run(f"%claude -p anthropic --base-url {server.url} Hi")
        state = kernel.run("%claude /set provider=anthropic\n%claude\n%claude /unset provider")
        logout = kernel.run("%claude /logout anthropic")
        again = kernel.run("%claude /logout anthropic")
    assert login.text.startswith("the anthropic key is in the keyring; it has not been checked (")
    assert asked.error is None
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert "from keyring" in state.text
    assert logout.text == "the anthropic key is no longer in the keyring\n"
    assert again.text == "the keyring has no anthropic key\n"
    assert found_in(shown([*results, asked, state, logout, again])) == []
    assert spy(kernel) == []


def test_a_keyring_that_takes_nothing_is_one_line_without_the_key() -> None:
    root = str(Path(__file__).resolve().parent.parent)
    with Kernel({"PYTHON_KEYRING_BACKEND": "tests.helpers.fake_keyring.Full", "PYTHONPATH": root}) as kernel:
        kernel.run(f"%xmode Verbose\n%load_ext claude_nb\n{SEARCH}")
        result = kernel.run("%claude /login", answers=[CANARY])
        debugged = kernel.run("%debug", answers=DEBUGGING)
    assert result.error == "ConfigError: the keyring cannot store the key (OSError); set AIMLAPI_API_KEY instead"
    assert found_in(shown([result, debugged])) == []

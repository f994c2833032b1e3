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
from tests.helpers.replies import chat, chat_chunk, chat_end, messages, sse, thought
from tests.helpers.server import Reset, Scenario, Send, Server, answer, head, stream

CANARY = "7Q4zP0xVbN2mLk8Jh+Gf/Ts5Rd3Wc9YqEa1Ui6Op"
OWN = CANARY[::-1]  # in a header of the user's own
PIECES = tuple(key[i : i + 8] for key in (CANARY, OWN) for i in range(len(CANARY) - 7))
SPELLINGS = (*PIECES, quote(CANARY, safe=""), base64.b64encode(CANARY.encode()).decode(), CANARY.encode().hex())
ECHO = {"error": {"type": "authentication_error", "message": f"Bad key {CANARY}, {CANARY[:12]}..., Bearer {CANARY}"}}
ODD = {"message": f"key={quote(CANARY, safe='')}&b={base64.b64encode(CANARY.encode()).decode()} ...{CANARY[-9:]}"}
HEADERS = {"x-echo": CANARY, "set-cookie": f"k={CANARY}", "www-authenticate": f"Bearer {CANARY}"}

ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in CANARY)
CALL = {"index": 0, "id": CANARY, "type": "function", "function": {"name": "f", "arguments": json.dumps({"x": CANARY})}}


def whole(text: str, **more: object) -> dict[str, object]:
    """A reply in one piece, as a server sends it that cannot stream."""
    message = {"role": "assistant", "content": text, "reasoning_content": text, **more}
    return {"id": CANARY, "model": CANARY, "choices": [{"message": message, "finish_reason": "stop"}]}


def with_delta(**delta: object) -> dict[str, object]:
    return {**chat_chunk(), "id": CANARY, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


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
    "the key in a whole body": answer(200, whole(f"it is {CANARY}")),
    "the key in an error with status 200": answer(200, ECHO),
    "the key split over deltas": stream(sse(*(chat_chunk(letter) for letter in CANARY), *chat_end())),
    "the key split over thinking": stream(sse(*(with_delta(reasoning_content=x) for x in CANARY), *chat_end())),
    "the key in escapes": stream(sse(json.dumps(chat_chunk("KEY")).replace("KEY", ESCAPED), *chat_end())),
    "the key in other letters": stream(sse(chat_chunk(f"{CANARY.encode().hex()} {quote(CANARY)}"), *chat_end())),
    "the key in a call of a tool": stream(sse(with_delta(tool_calls=[CALL]), *chat_end(finish="tool_calls"))),
    "the key in a call in a whole body": answer(200, whole("", tool_calls=[CALL])),
    "the key split in the other dialect": messages(CANARY),
    "the key in thinking of the other dialect": thought(CANARY, CANARY, signature=CANARY),
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
        "OWN": OWN,
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


def in_files(kernel: Kernel) -> dict[Path, list[str]]:
    """What is found in the files below the home of a kernel: the history, logs, records."""
    kernel.run("logging.shutdown()")
    found = {path: found_in(content.decode("latin-1")) for path, content in files_below(kernel.home)}
    return {path: places for path, places in found.items() if places}


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
            kernel.run(
                "reply = __import__('claude_nb').last\nreply and (reply, reply.text, reply.thinking, reply.to_dict())"
            ),
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
    names = {path.name for path, _ in files_below(kernel.home)}
    assert {"history.db", "lesson.jsonl", "debug.log", "history.sqlite"} <= names
    assert in_files(kernel) == {}
    log = (kernel.home / "debug.log").read_text()
    assert "receive_response_headers" in log  # it was really written
    assert log.count("[key]") >= 3
    assert sum("authorization" in request.headers for request in server.requests) == len(server.requests) == 4


@pytest.mark.parametrize("name", ["a whole body", "deltas", "an error", "a page"])
def test_the_secret_of_a_header_of_ones_own_is_sent_and_shown_nowhere(name: str, kernel: Kernel) -> None:
    answers: dict[str, Scenario] = {
        "a whole body": answer(200, whole(f"it is {OWN}"), {"x-request-id": OWN}),
        "deltas": stream(sse(*(chat_chunk(letter) for letter in OWN), *chat_end())),
        "an error": answer(400, {"error": {"message": f"api-key {OWN}"}}, {"x-request-id": OWN}),
        "a page": answer(502, f"<html><title>{OWN}</title>".encode(), content_type="text/html"),
    }
    with Server([answers[name]]) as server:
        asked = kernel.run(f"%%claude --base-url {server.url} --header api-key=env:OWN\nHi")
        results = [asked, kernel.run("%tb"), kernel.run("claude_nb.last, vars(claude_nb.last)"), kernel.run("%claude")]
    assert server.requests[0].headers["api-key"] == OWN
    assert found_in(shown(results)) == []
    assert in_files(kernel) == {}


def test_a_key_in_the_header_of_a_gateway_is_in_no_second_one(kernel: Kernel) -> None:
    with Server([ANSWERS["the key in the headers"]]) as server:
        results = [
            kernel.run("%env CLAUDE_NB_KEY_HEADER=api-key"),
            kernel.run(f"%claude --base-url {server.url} Hi"),
            kernel.run("%tb"),
            kernel.run("del __import__('os').environ['CLAUDE_NB_KEY_HEADER']"),
        ]
    [request] = server.requests
    assert request.headers.pop("api-key") == CANARY
    assert found_in(f"{request.headers}{request.body!r}") == []
    assert found_in(shown(results)) == []
    assert in_files(kernel) == {}


@pytest.mark.parametrize("place", ["prompt", "system"])
def test_a_key_typed_into_a_playground_is_saved_with_no_notebook(place: str, kernel: Kernel) -> None:
    typed = f"pg.{place} = __import__('os').environ['AIMLAPI_API_KEY']\npg.run()\npg.wait()"
    results = [
        kernel.run("from claude_nb.widgets.playground import Playground\npg = Playground(prompt='Hi')"),
        kernel.run(typed),
        kernel.run("repr(pg), pg.get_state(), pg.history"),
    ]
    state = kernel.get("__import__('json').dumps(pg.get_state(), default=repr)")
    assert found_in(state) == []
    assert found_in(shown(results[2:])) == []


@pytest.mark.parametrize(
    "line", ["-t KEY Hi", "-n KEY Hi", "-o KEY Hi", "--tools KEY Hi", "--timeout KEY Hi", "-m KEY Hi", "/set model=KEY"]
)
def test_no_error_repeats_a_key_in_an_option(line: str, kernel: Kernel) -> None:
    code = "get_ipython().run_line_magic('claude', LINE.replace('KEY', __import__('os').environ['AIMLAPI_API_KEY']))"
    results = [kernel.run(code.replace("LINE", repr(line))), kernel.run("sys.last_value, vars(sys.last_value)")]
    kernel.run("1 / 0")  # or the frames of this error would hold what was typed
    assert results[0].error is not None
    assert found_in(shown(results)) == []


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

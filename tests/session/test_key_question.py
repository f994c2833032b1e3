"""The key of a gateway goes to the server that it belongs to, whatever server a notebook names."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import ConfigError, Interrupted
from claude_nb.providers import api
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.headers import Headers
from claude_nb.session import frontend, key_question
from claude_nb.session.session import Session
from claude_nb.sweeps.api import sweep
from tests.helpers.kernel import Kernel
from tests.helpers.server import Server, answer, stream

KEY = "sk-gateway-0123456789abcdefghij"
HI = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
MODELS = {"data": [{"id": "m"}]}


def new_session(**environ: str) -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "CLAUDE_NB_API_KEY": KEY} | environ))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(lambda request: answer(200, MODELS) if request.method == "GET" else stream(HI)) as server:
        yield server


def keys(server: Server) -> list[str | None]:
    return [request.headers.get("authorization") for request in server.requests]


def ways(session: Session, server: Server, folder: Path) -> dict[str, Callable[[], object]]:
    """Return the ways in which a notebook can name a server."""
    options: dict[str, Any] = {"provider": "openai-compatible", "model": "m"}
    where = options | {"base_url": server.url}

    def configured() -> object:
        session.configure(**where)
        return session.ask("Hi")

    def replayed() -> object:
        request = session.request("Hi", **where)
        return session.run(type(request).from_dict(json.loads(json.dumps(request.to_dict())))).wait()

    return {
        "option": lambda: session.ask("Hi", **where),
        "stream": lambda: list(session.stream("Hi", **where)),
        "configure": configured,
        "another provider": lambda: session.ask("Hi", provider="anthropic", model="m", base_url=server.url),
        "request of a record file": replayed,
        "header": lambda: session.ask("Hi", headers={"X-Key": "env:CLAUDE_NB_API_KEY"}, **where),
        "sweep": lambda: sweep("Hi", session=session, show=False, n=2, **where),
        "model list": lambda: api.model_ids("openai-compatible", server.url, session.credentials),
    }


WAYS = (
    "option",
    "stream",
    "configure",
    "another provider",
    "request of a record file",
    "header",
    "sweep",
    "model list",
)


@pytest.mark.parametrize("way", WAYS)
def test_where_nobody_can_be_asked_nothing_is_sent(way: str, server: Server, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CLAUDE_NB_API_KEY is bound to no server, so nothing was sent to http://127"):
        ways(new_session(), server, tmp_path)[way]()

    assert server.requests == []


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("another provider", "header")])
@pytest.mark.parametrize(("said", "sent"), [("y", f"Bearer {KEY}"), ("No", None)])
def test_where_a_person_is_there_one_question_decides(
    way: str, said: str, sent: str | None, server: Server, tmp_path: Path, person: Callable[..., list[str]]
) -> None:
    session, questions = new_session(), person("what?", said)
    for _ in range(2):
        ways(session, server, tmp_path)[way]()

    assert set(keys(server)) == {sent}
    assert questions == [f"Send the key in CLAUDE_NB_API_KEY to {server.origin}? [y]es; [n]o, send without it: "] * 2


def test_a_no_keeps_the_key_out_of_headers_too(
    server: Server, person: Callable[..., list[str]], tmp_path: Path
) -> None:
    person("n")
    with pytest.raises(ConfigError, match="is bound to no server"):
        ways(new_session(), server, tmp_path)["header"]()
    assert server.requests == []


def elsewhere(server: Server) -> str:
    """Return an address of the server that is not known to be on this machine."""
    return server.url.replace("127.0.0.1", "gateway.localhost")


def naming(session: Session, server: Server, value: str) -> dict[str, Callable[[], object]]:
    """Return the ways in which a notebook can send a variable in a header."""
    options: dict[str, Any] = {"provider": "openai-compatible", "model": "m"}
    where, own = options | {"base_url": elsewhere(server)}, {"X-Data": value}

    def configured() -> object:
        session.configure(**where, headers=own)
        return session.ask("Hi")

    return {
        "option": lambda: session.ask("Hi", **where, headers=own),
        "other case": lambda: session.ask("Hi", **options, base_url=where["base_url"].upper(), headers=own),
        "stream": lambda: list(session.stream("Hi", **where, headers=own)),
        "configure": configured,
        "sweep": lambda: sweep("Hi", session=session, show=False, n=2, **where, headers=own),
        "model list": lambda: api.model_ids(
            "openai-compatible", where["base_url"], session.credentials, [Headers({"x-data": value})]
        ),
    }


NAMING = ("option", "other case", "stream", "configure", "sweep", "model list")


@pytest.mark.parametrize("way", NAMING)
@pytest.mark.parametrize("value", ["env:AWS_SECRET_ACCESS_KEY", "Bearer env:AWS_SECRET_ACCESS_KEY"])
def test_a_variable_goes_to_no_server_that_only_a_notebook_names(way: str, value: str, server: Server) -> None:
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AWS_SECRET_ACCESS_KEY": KEY}))
    with pytest.raises(
        ConfigError, match="nobody can be asked here whether AWS_SECRET_ACCESS_KEY may go to http://gat"
    ):
        naming(session, server, value)[way]()

    assert server.requests == []


@pytest.mark.parametrize("way", NAMING)
@pytest.mark.parametrize(("said", "sent"), [("y", KEY), ("n", None)])
def test_the_user_is_asked_once_for_each_variable_and_server(
    way: str, said: str, sent: str | None, server: Server, person: Callable[..., list[str]]
) -> None:
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "GATEWAY_TOKEN": KEY}))
    questions = person("what?", said)
    for _ in range(2):
        naming(session, server, "env:GATEWAY_TOKEN")[way]()

    assert {request.headers.get("x-data") for request in server.requests} == {sent}
    origin = elsewhere(server).removesuffix("/v1")
    assert questions == [f"Send the key in GATEWAY_TOKEN to {origin}? [y]es; [n]o, send without it: "] * 2


def test_an_answer_counts_for_one_variable_and_one_server(person: Callable[..., list[str]]) -> None:
    credentials, questions = Credentials({}), person(*"ynyn")
    credentials.ask = key_question.may_send
    pairs = [
        ("A", "https://a.b"),
        ("B", "https://a.b"),
        ("A", "https://a.b:8443"),
        ("CLAUDE_NB_API_KEY", "https://a.b"),
    ]

    assert [credentials.may_send(*pair) for pair in pairs * 2] == [True, False, True, False] * 2
    assert len(questions) == 4
    assert not credentials.is_bound("https://a.b")


@pytest.mark.parametrize("way", [way for way in NAMING if way != "other case"])
@pytest.mark.parametrize("bound", ["CLAUDE_NB_BASE_URL", "CLAUDE_NB_CLASS"])
def test_a_server_that_the_machine_names_gets_the_headers_of_its_user(
    bound: str, way: str, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "class.json"
    path.write_text(json.dumps({"base_url": elsewhere(server)}))
    named = {bound: elsewhere(server) if bound == "CLAUDE_NB_BASE_URL" else str(path)}
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "GATEWAY_TOKEN": KEY} | named))
    naming(session, server, "env:GATEWAY_TOKEN")[way]()

    assert {request.headers.get("x-data") for request in server.requests} == {KEY}


def test_an_interrupt_at_the_question_sends_nothing(server: Server, person: Callable[..., list[str]]) -> None:
    person(KeyboardInterrupt())
    with pytest.raises(Interrupted, match="nothing was sent"):
        new_session().ask("Hi", provider="openai-compatible", model="m", base_url=server.url)
    assert server.requests == []


@pytest.mark.parametrize("failure", [EOFError(), OSError(), RuntimeError("no stdin")])
def test_a_question_that_nobody_answers_sends_nothing(
    failure: BaseException, server: Server, person: Callable[..., list[str]]
) -> None:
    person(failure)
    with pytest.raises(ConfigError, match="is bound to no server"):
        new_session().ask("Hi", provider="openai-compatible", model="m", base_url=server.url)
    assert server.requests == []


def test_a_thread_or_a_widget_asks_no_question(
    monkeypatch: pytest.MonkeyPatch, person: Callable[..., list[str]]
) -> None:
    can_answer = frontend.can_answer
    questions, answers = person("y"), list[bool | None]()
    monkeypatch.setattr(frontend, "can_answer", can_answer)
    monkeypatch.setattr(frontend, "_parent", lambda: {"content": {"allow_stdin": True}})
    assert frontend.can_answer()  # in the main thread
    thread = threading.Thread(target=lambda: answers.append(key_question.may_send("X", "https://a.b")))
    thread.start()
    thread.join()
    monkeypatch.setattr(frontend, "_parent", lambda: {"header": {"msg_type": "comm_msg"}, "content": {}})
    answers.append(key_question.may_send("X", "https://a.b"))

    assert (answers, questions) == ([None, None], [])


@pytest.mark.parametrize("way", WAYS)
def test_what_the_machine_says_about_the_server_needs_no_question(way: str, server: Server, tmp_path: Path) -> None:
    ways(new_session(CLAUDE_NB_BASE_URL=server.url), server, tmp_path)[way]()

    if way == "header":  # a key that is named for a header goes there only
        assert [(request.headers["x-key"], request.headers.get("authorization")) for request in server.requests] == [
            (KEY, None)
        ]
    else:
        assert set(keys(server)) == {f"Bearer {KEY}"}


def test_the_server_of_a_class_file_needs_no_question(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "class.json"
    path.write_text(json.dumps({"provider": "openai-compatible", "base_url": server.url, "models": ["m"]}))
    with Server([stream(HI)]) as other:
        session = new_session(CLAUDE_NB_CLASS=str(path))
        assert session.ask("Hi").text == "Hi"
        with pytest.raises(ConfigError, match="may be used here"):
            session.ask("Hi", base_url=other.url)

    assert (keys(server), other.requests) == ([f"Bearer {KEY}"], [])


def test_in_a_notebook_it_is_one_line_or_one_question(server: Server) -> None:
    cell = f"%claude -p openai-compatible -m m --base-url {server.url} Hi"
    with Kernel({"CLAUDE_NB_API_KEY": KEY}) as kernel:
        kernel.run("%load_ext claude_nb")
        refused = kernel.run(cell, allow_stdin=False)
        assert server.requests == []
        answered = [kernel.run(cell, answers=["y"]), kernel.run(cell)]

    assert "is bound to no server" in str(refused.error)
    assert not any(result.error for result in answered)
    assert keys(server) == [f"Bearer {KEY}"] * 2

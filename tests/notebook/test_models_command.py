"""%claude /models: the table, and what the server of the provider tells of its models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from claude_nb.errors import PromptError
from claude_nb.notebook.commands import run as run_command
from claude_nb.notebook.completion import words_for
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from tests.helpers.server import Recorded, Scenario, Server, answer
from tests.providers.test_model_list import row

KEY = "0123456789abcdef0123456789abcdef"
DATED = row("claude-haiku-4-5-20251001", lifecycle="deprecated", retires_at="2027-01-15T00:00:00Z")
LISTED = {"data": [row("claude-opus-5-5", retires_at=None), row("claude-opus-6"), row("claude-saga-1"), DATED]}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server([answer(200, LISTED)]) as server:
        yield server


def anthropic(base_url: str | None = None, **variables: str) -> Session:
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "ANTHROPIC_API_KEY": KEY, **variables}))
    session.configure(provider="anthropic", **({"base_url": base_url} if base_url else {}))
    return session


def run(session: Session, line: str = "/models") -> str:
    return str(run_command(session, line, {}))


def line_of(shown: str, model: str) -> str:
    (line,) = [line for line in shown.splitlines() if line.startswith(f"{model} ")]
    return line


def test_the_server_is_asked_once_a_day(server: Server) -> None:
    first, second = run(anthropic(server.url)), run(anthropic(server.url))
    assert [request.path for request in server.requests] == ["/v1/models?limit=1000"]
    assert server.requests[0].headers["anthropic-version"] == "2023-06-01"
    assert "4 models on the list of the server" in first
    assert "asked within the last day; %claude /models --refresh asks again" in second
    assert first.splitlines()[:-1] == second.splitlines()[:-1]


def test_refresh_asks_again(server: Server) -> None:
    session = anthropic(server.url)
    run(session)
    run(session, "/models --refresh")
    assert len(server.requests) == 2
    with pytest.raises(PromptError, match="takes --refresh only"):
        run(session, "/models opus")


def test_the_list_is_merged_with_the_table(server: Server) -> None:
    shown = run(anthropic(server.url))
    assert "4 / 20" in line_of(shown, "claude-opus-5-5")
    assert "opus-5.5" in line_of(shown, "claude-opus-5-5")
    assert "unknown" in line_of(shown, "claude-opus-6")
    assert "temperature" in line_of(shown, "claude-sonnet-4-6")
    assert "retires on 2026-11-30; use -m claude-sonnet-5-5" in line_of(shown, "claude-sonnet-4-5")
    assert "claude-haiku-4-5-20251001" not in shown  # it is a row of the table under its short id
    assert line_of(shown, "claude-haiku-4-5")
    assert "claude-saga-1" not in shown  # of no known family, and it may be anything


@pytest.mark.parametrize(
    "scenario", [answer(500, b"no"), answer(404, b"no"), answer(200, b"<html>"), answer(401, b"no")], ids=str
)
def test_without_an_answer_the_table_is_shown_and_why(scenario: Scenario) -> None:
    with Server([scenario]) as server:
        shown = run(anthropic(server.url))
    assert line_of(shown, "claude-sonnet-5-5")
    assert "this is the table of 2026-" in shown
    assert "the server cannot be asked: " in shown
    assert len(server.requests) == 1


def test_offline_and_without_a_key_the_table_is_shown() -> None:
    offline = run(anthropic("http://127.0.0.1:9/v1"))
    assert "the server cannot be asked: nothing answers" in offline
    keyless = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))
    keyless.configure(provider="anthropic")
    assert "with a key, the server is asked for its list" in run(keyless)
    assert line_of(run(keyless), "claude-fable-5-2")


def test_a_fresh_list_outlives_a_failing_server() -> None:
    with Server([answer(200, LISTED), answer(500, b"no")]) as server:
        session = anthropic(server.url)
        run(session)
        assert line_of(run(session, "/models --refresh"), "claude-opus-6")


def test_pages_are_followed_but_not_for_ever() -> None:
    def page(request: Recorded) -> Scenario:
        return answer(200, {"data": [row("claude-opus-6")], "has_more": True, "last_id": "a&b\x1b"})

    with Server(page) as server:
        run(anthropic(server.url))
    assert [request.path for request in server.requests] == [
        "/v1/models?limit=1000",
        "/v1/models?limit=1000&after_id=a%26b%1B",
    ]


@pytest.mark.parametrize(
    "data", [{"data": [{"id": "x" * 100_000}] * 5}, {"data": 5}, {"data": {"id": "claude-opus-6"}}]
)
def test_a_strange_list_changes_nothing(data: dict[str, Any]) -> None:
    with Server([answer(200, data)]) as server:
        assert line_of(run(anthropic(server.url)), "claude-opus-5-5")


def test_a_long_list_of_a_local_server_is_cut_and_escapes_are_visible() -> None:
    rows = [{"id": f"model-{i}\x1b[31m"} for i in range(1_000)]
    with Server([answer(200, {"data": rows})]) as server:
        local = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "CLAUDE_NB_BASE_URL": server.url}))
        shown = run(local)
    assert "\x1b" not in shown
    assert "model-0␛[31m" in shown
    assert shown.splitlines()[-1] == "... and 700 more models"


def test_the_list_of_aimlapi_is_asked_for_only_when_told_to() -> None:
    rows = [{"id": "anthropic/claude-opus-6"}, {"id": "anthropic/claude-sonnet-4.6"}, {"id": "openai/gpt-9"}]
    with Server([answer(200, {"data": rows})]) as server:
        session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": KEY}))
        session.configure(base_url=server.url)
        assert "--refresh asks the server" in run(session)
        assert server.requests == []
        shown = run(session, "/models --refresh")
    assert line_of(shown, "anthropic/claude-opus-6")
    assert "sonnet, sonnet-4.6" in line_of(shown, "anthropic/claude-sonnet-4.6")
    assert "gpt-9" not in shown


def test_tab_offers_both_ids_of_the_default_model_and_every_alias() -> None:
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": KEY}))
    ids = words_for("%claude -m anthropic/claude-sonnet-4", "claude", session)
    assert {"anthropic/claude-sonnet-4.6", "anthropic/claude-sonnet-4-6-20260218"} <= set(ids)
    assert {"sonnet", "sonnet-4.6", "sonnet-5.5"} <= set(words_for("%claude -m so", "claude", session))
    assert "anthropic/claude-opus-latest" in words_for("%claude -m anthropic/claude-opus-l", "claude", session)
    assert words_for("%claude -m myth", "claude", session) == []  # for verified organisations only
    for name in ids:
        assert session.request("Hi", model=name).model == name

"""Models that retire: said once within 60 days, refused with a successor afterwards."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from claude_nb.errors import PromptError
from claude_nb.providers import lifecycle
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.model_list import Served
from claude_nb.providers.models import Models
from claude_nb.providers.registry import SendOptions
from claude_nb.session.session import Session
from claude_nb.types.request import Chunk, Message, Request
from tests.helpers.replies import messages
from tests.helpers.server import Server

KEY = "0123456789abcdef0123456789abcdef"
LAST = date(2026, 11, 30)  # of Sonnet 4.5


@pytest.fixture
def models() -> Models:
    return Models()


def on(day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "today", lambda: day)


def mind(models: Models, model: str, *, provider: str = "anthropic", base_url: str | None = None) -> list[str]:
    told: list[str] = []
    request = Request(provider, models.resolve(model, provider), (Message("user", "Hi"),), base_url=base_url)
    lifecycle.check(request, models, told.append)
    return told


@pytest.mark.parametrize(
    ("days_left", "says"), [(61, 0), (60, 1), (30, 1), (1, 1), (0, 1)], ids=["61", "60", "30", "1", "last day"]
)
def test_a_model_that_retires_within_60_days_says_so_once(
    models: Models, monkeypatch: pytest.MonkeyPatch, days_left: int, says: int
) -> None:
    on(LAST - timedelta(days=days_left), monkeypatch)
    told = mind(models, "sonnet-4.5") + mind(models, "claude-sonnet-4-5-20250929") + mind(models, "sonnet-4.5")
    assert told == ["Claude Sonnet 4.5 retires on 2026-11-30; use -m claude-sonnet-5-5"] * says


def test_a_retired_model_is_refused_with_its_successor(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    on(LAST + timedelta(days=1), monkeypatch)
    for name in ("sonnet-4.5", "claude-sonnet-4-5", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5-20250929"):
        with pytest.raises(
            PromptError, match=r"^Claude Sonnet 4.5 is retired since 2026-11-30; use -m claude-sonnet-5-5$"
        ):
            mind(models, name)


@pytest.mark.parametrize(
    ("model", "successor"),
    [
        ("claude-3-5-sonnet-20241022", "claude-sonnet-5-5"),
        ("claude-3-5-sonnet-latest", "claude-sonnet-5-5"),
        ("claude-3-opus-20240229", "claude-opus-5-5"),
        ("claude-3-haiku-20240307", "claude-haiku-5-5"),
        ("claude-3-7-sonnet-20250219", "claude-sonnet-5-5"),
        ("claude-opus-4-1", "claude-opus-5-5"),
        ("claude-opus-4-20250514", "claude-opus-5-5"),
        ("claude-sonnet-4-0", "claude-sonnet-5-5"),
        ("anthropic/claude-sonnet-4", "claude-sonnet-5-5"),
        ("claude-mythos-preview", "claude-mythos-5-2"),
    ],
)
def test_a_model_that_is_long_gone_is_refused_too(models: Models, model: str, successor: str) -> None:
    with pytest.raises(PromptError, match=rf"is retired; use -m {successor}$"):
        mind(models, model)
    assert models.table[successor].ids["anthropic"] == successor


@pytest.mark.parametrize("model", ["sonnet", "opus", "haiku", "fable", "sonnet-4.6", "claude-opus-6", "claude-saga-1"])
def test_other_models_say_nothing(models: Models, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    on(date(2030, 1, 1), monkeypatch)
    assert mind(models, model) == []


def test_a_gateway_may_serve_a_model_for_longer(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    on(LAST + timedelta(days=100), monkeypatch)
    assert mind(models, "sonnet-4.5", base_url="http://127.0.0.1:4000/v1") == []
    assert mind(models, "claude-3-opus-20240229", base_url="https://gateway.example/v1") == []
    assert mind(models, "sonnet-4.5", provider="aimlapi") == []
    with pytest.raises(PromptError):
        mind(models, "sonnet-4.5", base_url="https://api.anthropic.com/v1")


@pytest.mark.parametrize(
    ("served", "refused", "told"),
    [
        (Served("claude-sonnet-4-5-20250929", lifecycle="deprecated", retires=LAST), False, True),  # overdue
        (Served("claude-sonnet-4-5-20250929", lifecycle="deprecated", retires=date(2027, 6, 1)), False, False),
        (Served("claude-sonnet-4-5-20250929", lifecycle="active"), False, False),
        (Served("claude-sonnet-4-5-20250929", lifecycle="retired", retires=LAST), True, False),
    ],
)
def test_what_the_server_says_counts_more_than_the_date(
    models: Models, monkeypatch: pytest.MonkeyPatch, served: Served, refused: bool, told: bool
) -> None:
    on(LAST + timedelta(days=3), monkeypatch)
    models.lists.keep("https://api.anthropic.com/v1", [served])
    if refused:
        with pytest.raises(PromptError, match="is retired"):
            mind(models, "sonnet-4.5")
    else:
        assert bool(mind(models, "sonnet-4.5")) is told


def test_a_retired_model_is_refused_before_anything_is_sent_but_its_recordings_play(
    monkeypatch: pytest.MonkeyPatch, own_home: object
) -> None:
    live = Session(credentials=Credentials({"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_HISTORY": f"{own_home}/h.db"}))
    sent: list[Request] = []

    def stream(request: Request, options: SendOptions, **_: object) -> object:
        sent.append(request)
        yield Chunk(text="Hi", done=True)

    monkeypatch.setattr("claude_nb.providers.registry.stream", stream)
    told: list[str] = []
    live.warn = told.append
    where = {"provider": "anthropic", "model": "sonnet-4.5"}
    assert live.ask("Hello", **where).text == live.ask("Again", **where).text == "Hi"
    assert told == ["Claude Sonnet 4.5 retires on 2026-11-30; use -m claude-sonnet-5-5"]
    on(LAST + timedelta(days=1), monkeypatch)
    with pytest.raises(PromptError, match="is retired since"):
        live.ask("New", **where)
    assert len(sent) == 2
    live.memory.replay("use")
    assert live.ask("Hello", **where).source == "replay"
    assert live.request("New", **where).model == "claude-sonnet-4-5"  # a dry run shows it


def test_a_retired_model_still_works_through_a_local_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    on(date(2030, 1, 1), monkeypatch)
    live = Session(credentials=Credentials({"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_HISTORY": "off"}))
    with Server([messages(["Hi"])]) as server:
        assert live.ask("Hi", provider="anthropic", model="sonnet-4.5", base_url=server.url).text == "Hi"

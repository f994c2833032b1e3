"""What servers tell of their models: read with care, kept for a day, laid over the table."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.providers import model_list
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.model_list import ModelLists, Served
from claude_nb.providers.models import Models
from claude_nb.session.session import Session
from claude_nb.types.settings import Thinking

HOME = "https://api.anthropic.com/v1"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


def row(model: str, **fields: Any) -> dict[str, Any]:
    """A row as GET /v1/models has it."""
    yes, no = {"supported": True}, {"supported": False}
    abilities = {
        "effort": {**yes, "low": yes, "medium": yes, "high": yes, "xhigh": no, "max": yes},
        "thinking": {**yes, "types": {"adaptive": yes, "between_tools": no, "disabled": yes, "enabled": no}},
        "structured_outputs": yes,
    }
    usual = {"type": "model", "display_name": "Claude", "max_input_tokens": 2_000_000, "max_tokens": 256_000}
    dates = {"lifecycle": "active", "created_at": "2027-01-01T00:00:00Z", "deprecated_at": None, "retires_at": None}
    return {"id": model, **usual, **dates, "capabilities": abilities, **fields}


@pytest.fixture
def lists(tmp_path: Path) -> ModelLists:
    return ModelLists(tmp_path / "cache" / "models.json")


def test_a_row_is_read_in_full() -> None:
    fields = {"lifecycle": "deprecated", "retires_at": "2027-06-01T00:00:00Z"}
    assert model_list.read([row("claude-opus-6", **fields)]) == [
        Served(
            *(
                "claude-opus-6",
                "Claude",
                2_000_000,
                256_000,
                ("adaptive", "disabled"),
                ("low", "medium", "high", "max"),
            ),
            structured=True,
            lifecycle="deprecated",
            retires=date(2027, 6, 1),
        )
    ]


@pytest.mark.parametrize(
    "rows",
    [None, {}, "claude", 5, [], [None], ["claude"], [{}], [{"id": 5}], [{"id": ""}], [{"id": None}], [[{"id": "a"}]]],
)
def test_what_is_no_list_of_models_is_empty(rows: Any) -> None:
    assert model_list.read(rows) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": -1, "max_input_tokens": "many"},
        {"max_tokens": True, "max_input_tokens": 1.5},
        {"max_tokens": 10**30, "max_input_tokens": float("nan")},
        {"capabilities": None},
        {"capabilities": [1]},
        {"capabilities": {"thinking": "all", "effort": {"low": True}, "structured_outputs": {"supported": "yes"}}},
        {"capabilities": {"thinking": {"types": {"adaptive": {"supported": 1}}}}},
        {"lifecycle": "immortal", "retires_at": "soon"},
        {"lifecycle": ["active"], "retires_at": 20270601},
        {"retires_at": "9999-99-99T00:00:00Z"},
    ],
)
def test_a_value_of_another_kind_tells_nothing(fields: dict[str, Any]) -> None:
    (served,) = model_list.read([{"id": "m", **fields}])
    assert served == Served("m")


def test_hostile_texts_are_bounded_and_visible() -> None:
    rows = [{"id": f"m{i}\x1b[2J\n\u202e" + "x" * 10_000, "display_name": "\x1b]0;owned\x07" * 9} for i in range(5_000)]
    served = model_list.read(rows)
    assert len(served) <= model_list.MOST_MODELS
    assert all(len(text) <= model_list.MOST_CHARS for model in served for text in (model.id, model.label))
    shown = "".join(model.id + model.label for model in served)
    assert not set(shown) & {"\x1b", "\n", "\u202e", "\x07"}
    assert "␛" in shown


@given(JSON)
def test_no_answer_breaks_it(data: Any) -> None:
    for served in model_list.read(data) + model_list.read([data]):
        assert served.id


@given(JSON)
def test_no_file_breaks_it(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    path = tmp_path_factory.mktemp("lists") / "models.json"
    now = datetime.now(timezone.utc).isoformat()
    for content in (data, {HOME: data}, {HOME: {"asked": data}}, {HOME: {"asked": now, "models": data}}):
        path.write_text(json.dumps(content))
        assert isinstance(ModelLists(path).at(HOME), list | None)


def test_a_list_is_kept_for_a_day(tmp_path: Path) -> None:
    now = datetime(2027, 1, 1, tzinfo=timezone.utc)
    lists = ModelLists(tmp_path / "models.json", lambda: now)
    served = model_list.read([row("claude-opus-6"), {"id": "bare"}, row("old", retires_at="2027-06-01T00:00:00Z")])
    lists.keep(HOME, served)
    assert lists.at(HOME) == served
    assert lists.at("https://other.example/v1") is None
    now += timedelta(hours=23, minutes=59)
    assert lists.at(HOME) == served
    now += timedelta(minutes=1)
    assert lists.at(HOME) is None
    now -= timedelta(days=2)  # the clock was wrong when it was written
    assert lists.at(HOME) is None


def test_many_addresses_do_not_fill_the_file(lists: ModelLists) -> None:
    for number in range(30):
        lists.keep(f"https://{number}.example/v1", [Served("m")])
    assert lists.at("https://29.example/v1") == [Served("m")]
    assert lists.at("https://0.example/v1") is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b" " * 5_000_000])
def test_a_damaged_file_is_as_good_as_none(lists: ModelLists, content: bytes) -> None:
    lists.keep(HOME, [Served("m")])
    file = next(lists._file().parent.glob("models.json"))
    file.write_bytes(content)
    assert lists.at(HOME) is None
    lists.keep(HOME, [Served("m")])
    assert lists.at(HOME) == [Served("m")]


def test_a_folder_that_cannot_be_written_to_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lists = ModelLists(tmp_path / "file" / "models.json")
    lists.keep(HOME, [Served("m")])
    assert lists.at(HOME) is None


def test_what_anthropic_tells_replaces_what_the_table_says() -> None:
    models = Models()
    before = models.spec("claude-opus-6", "anthropic"), models.spec("opus-5.5", "anthropic")
    models.lists.keep(HOME, model_list.read([row("claude-opus-6-20270101"), row("claude-opus-5-5")]))
    models.refresh()
    after = models.spec("claude-opus-6", "anthropic"), models.spec("opus-5.5", "anthropic")
    for old, new in zip(before, after, strict=True):
        assert (old.max_output, new.max_output, new.context) == (128_000, 256_000, 2_000_000)
        assert old.refusal("thinking", "off")
        assert new.thinking_for("off") == Thinking("disabled")
        assert new.refusal("effort", "xhigh")
        assert (new.accepts, new.prices) == (old.accepts, old.prices)
    assert models.spec("opus-5.5", "aimlapi").max_output == 128_000  # another server
    assert models.spec("opus-4.8", "anthropic").max_output == 128_000  # not on the list


def test_a_session_knows_what_another_kernel_was_told() -> None:
    Models().lists.keep(HOME, model_list.read([row("claude-saga-1")]))
    live = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "ANTHROPIC_API_KEY": "x" * 32}))
    asked = live.request("Hi", provider="anthropic", model="claude-saga-1")
    assert asked.sampling.max_tokens == 32_000
    assert live.models.spec("claude-saga-1", "anthropic").context == 2_000_000

"""map(): a prompt for each row, in the shape of the input, whatever that is; errors stay in their place."""

from __future__ import annotations

import array
import datetime
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import claude_nb
from claude_nb.errors import ConfigError, Interrupted, PromptError
from claude_nb.providers.credentials import Credentials
from claude_nb.render.table import Table
from claude_nb.session.session import Session
from claude_nb.sweeps.api import last_sweep
from claude_nb.sweeps.mapping import map as ask_rows
from claude_nb.sweeps.sweep import Sweep, SweepObserver
from claude_nb.sweeps.views import display
from claude_nb.types.reply import Reply
from tests.helpers import sessions
from tests.helpers.rates import RateServer
from tests.helpers.server import Recorded, Scenario, Server, answer, stream

DEMO: dict[str, Any] = {"provider": "demo", "max_tokens": 3, "seed": 1, "show": False}
FRAME = pd.DataFrame({"text": ["a fox", "the sea"], "label": ["x", "y"]}, index=[7, 7])


def asked(prompt: str, data: Any, **options: Any) -> Any:
    return ask_rows(prompt, data, session=sessions.session(), **DEMO | options)


def prompts(result: Any) -> list[str]:
    return [reply.prompt for reply in result]


def errors(result: Any) -> list[str | None]:
    return [reply.error for reply in result]


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __ne__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = None  # type: ignore[assignment]


INDEXES = {
    "range": pd.RangeIndex(2),
    "double": pd.Index([7, 7]),
    "names": pd.Index(["b", "a"], name="id"),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["x", None]),
    "days": pd.date_range("2026-01-01", periods=2, tz="UTC"),
    "holes": pd.Index([None, float("nan")]),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_a_frame_gives_a_series_with_its_index(index: pd.Index) -> None:
    result = asked("Summarise: {{text}}", FRAME.set_index(index))
    assert result.index.equals(index)
    assert result.index.names == index.names
    assert all(isinstance(reply, Reply) for reply in result)
    assert prompts(result) == ["Summarise: a fox", "Summarise: the sea"]
    assert [str(row["row"]) for row in last_sweep().rows] == [str(label) for label in index.tolist()]


LISTS: dict[str, tuple[Any, list[str]]] = {
    "texts": (["a", "b"], ["a", "b"]),
    "tuple": (("a", "b"), ["a", "b"]),
    "generator": ((letter for letter in "ab"), ["a", "b"]),
    "keys": ({"a": 1, "b": 2}.keys(), ["a", "b"]),
    "set of one": ({"a"}, ["a"]),
    "numpy": (np.array([1.5, 2]), ["1.5", "2.0"]),
    "numpy texts": (np.array(["a", "b"]), ["a", "b"]),
    "array": (array.array("i", [1, 2]), ["1", "2"]),
    "range": (range(2), ["0", "1"]),
    "numbers": ([0, Decimal("1.10"), True], ["0", "1.10", "True"]),
    "dates": ([datetime.date(2026, 1, 31)], ["2026-01-31"]),
    "replies": ([Reply(claude_nb.Request("demo", "demo", (claude_nb.Message("user", "Hi"),)), "Hello.")], ["Hello."]),
    "one dict": ([{"w": "a", "model": "no option"}], ["a"]),
    "uneven dicts": ([{"w": "a"}, {"v": 1, "w": "b"}], ["a", "b"]),
    "own rows": (Table([{"w": "a"}, {"w": "b"}]), ["a", "b"]),
    "columns": ({"w": ["a", "b"], "v": [1, 2]}, ["a", "b"]),
    "arrow": (pa.table({"w": ["a", "b"]}), ["a", "b"]),
    "lists": ([[1, 2], ["a"]], ["[1, 2]", "['a']"]),
    "unicode": (["naïve 🦊\u202e", "{{w}} \\{{x}}"], ["naïve 🦊\u202e", "{{w}} \\{{x}}"]),
}


@pytest.mark.parametrize("name", LISTS)
def test_anything_else_gives_a_list(name: str) -> None:
    data, texts = LISTS[name]
    result = asked("{{w}}", data)
    assert isinstance(result, list)
    assert prompts(result) == texts


def test_the_path_of_a_csv_file_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "letters.csv").write_text('\ufefftext,team\r\n"a, b",x\r\n,y\r\n', encoding="utf-8")
    result = asked("{{text}}", str(tmp_path / "letters.csv"))
    assert prompts(result)[0] == "a, b"
    assert errors(result)[1] == "text is missing in this row, so it was not sent; fill it first"


def test_series_fill_the_only_name_or_their_own() -> None:
    series = pd.Series(["a", "b"], index=[3, 1], name="city")
    assert asked("Say {{word}}", series).index.tolist() == [3, 1]
    assert prompts(asked("{{city}} {{tone}}", series, variables={"tone": "!"})) == ["a !", "b !"]
    assert prompts(asked("{{text}} {{tone}}", pd.Series(["a"]), variables={"tone": "!"})) == ["a !"]
    assert prompts(asked("{{text}} {{tone}}", ["a"], variables={"tone": "!"})) == ["a !"]
    assert asked("{{w}}", pl.Series("w", ["a"])).name == "reply"


def test_polars_gives_a_series_of_polars() -> None:
    frame = pl.DataFrame({"text": ["a", None], "n": [1, 2]})
    for data in (frame, frame.lazy()):
        result = asked("{{text}} {{n}}", data)
        assert isinstance(result, pl.Series)
        assert prompts(result)[0] == "a 1"
        assert errors(result)[1] == "text is missing in this row, so it was not sent; fill it first"
        assert frame.with_columns(result).columns == ["text", "n", "reply"]


def test_an_empty_input_gives_an_empty_result_and_sends_nothing() -> None:
    assert asked("{{text}}", FRAME.iloc[:0]).index.equals(FRAME.index[:0])
    assert asked("{{text}}", []) == []
    assert len(asked("{{text}}", pl.DataFrame({"text": []}))) == 0


MISSING = [None, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), np.nan, Decimal("NaN")]


def test_a_row_with_a_missing_value_is_not_sent_and_says_so() -> None:
    result = asked("{{text}}", ["a", *MISSING, ""])
    assert result[0].error is None
    assert len(last_sweep()) == 1
    assert all("text is missing in this row" in str(error) for error in errors(result)[1:-1])
    assert "the prompt is empty" in str(errors(result)[-1])
    every = asked("{{text}}", pd.DataFrame({"text": [None, None]}))
    assert all("missing" in str(error) for error in errors(every))
    assert prompts(every) == ["{{text}}"] * 2


def test_only_the_row_of_a_value_that_cannot_be_sent_has_its_error() -> None:
    key = "sk-ant-api03-" + "a" * 90
    result = asked("Say {{text}}", ["a", Broken(), key, "b"])
    first, broken, secret, last = errors(result)
    assert (first, last) == (None, None)
    assert "no text" in str(broken)
    assert "looks like a key" in str(secret)
    assert key not in repr(result)


def test_a_column_named_like_an_option_is_a_column() -> None:
    names = ["model", "temperature", "system", "n", "concurrency", "prompt", "data", "session", "row", "json"]
    frame = pd.DataFrame({name: [f"<{name}>"] for name in names})
    template = " ".join(f"{{{{{name}}}}}" for name in names)
    result = asked(template, frame)
    assert prompts(result) == [" ".join(f"<{name}>" for name in names)]
    assert result[0].request.sampling.temperature is None


def test_names_come_from_the_columns_then_variables_then_the_calling_code() -> None:
    tone, label = "politely", "not this"
    assert tone != label
    result = asked("{{text}} {{label}} {{tone}} {{of}}", FRAME, variables={"of": 1, "text": "not this"}, tone="loudly")
    assert prompts(result) == ["a fox x loudly 1", "the sea y loudly 1"]
    assert prompts(ask_rows("{{text[0]}} {{tone}}", FRAME, session=sessions.session(), **DEMO)) == [
        "a politely",
        "t politely",
    ]


def test_a_column_whose_name_is_not_an_identifier_is_filled_through_the_row() -> None:
    frame = pd.DataFrame({"my text": ["a"], 3: ["b"], "plain": ["c"]})
    assert prompts(asked('{{row["my text"]}} {{row["3"]}} {{plain}}', frame)) == ["a b c"]


def test_the_first_use_of_the_demo_model_says_why_it_answers(capsys: pytest.CaptureFixture[str]) -> None:
    ask_rows("{{w}}", ["a"], session=sessions.session(), max_tokens=2)
    assert "no key found, so the demo model answers" in capsys.readouterr().err


def test_the_texts_of_options_are_filled_from_the_row_too() -> None:
    result = asked("{{text}}", FRAME, system="You know {{label}}.")
    assert [reply.request.system for reply in result] == ["You know x.", "You know y."]


MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "no such column": (lambda: asked("{{nope}}", FRAME), r"no column of the rows; write \{\{text\}\}, \{\{label\}\}"),
    "one of two": (lambda: asked("{{text}} {{lable}}", FRAME), "no variable 'lable'"),
    "no name": (lambda: asked("Hi", FRAME), "no column of the rows"),
    "no name for a list": (lambda: asked("{{a}} {{b}}", ["x"]), r"write \{\{text\}\} where"),
    "no prompt": (lambda: asked(3, FRAME), "a prompt is a text, not 3"),  # type: ignore[arg-type]
    "a text": (lambda: asked("{{a}}", "abc"), "'abc' is not the name of a .csv file"),
    "a dict of texts": (lambda: asked("{{a}}", {"a": "x"}), "a dict, but not of columns"),
    "a number": (lambda: asked("{{a}}", 3), "not a table but 3; pass a DataFrame"),
    "a matrix": (lambda: asked("{{a}}", np.zeros((2, 2))), "columns of an array have no names"),
    "a group": (lambda: asked("{{a}}", FRAME.groupby("label")), "columns of an array have no names"),
    "half dicts": (lambda: asked("{{a}}", [{"a": 1}, 2]), "row 2 is not a dict but 2"),
    "double columns": (
        lambda: asked("{{text}}", pd.concat([FRAME, FRAME], axis=1)),
        "several columns are named text; rename all but one",
    ),
    "an option": (lambda: asked("{{text}}", FRAME, temperature="hot"), "temperature must be a number"),
    "a wrong option": (lambda: asked("{{text}}", FRAME, temprature=1), "temprature"),
    "tools": (lambda: asked("{{text}}", FRAME, tools=[print]), "calls no functions"),
    "endless": (lambda: asked("{{text}}", iter(int, 1)), "more than 100,000 rows"),
    "a generator that fails": (lambda: asked("{{a}}", (1 // (1 - i) for i in range(3))), "ZeroDivisionError"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_wrong_for_all_rows_is_one_error_before_anything_is_sent(name: str) -> None:
    call, message = MISTAKES[name]
    with pytest.raises(PromptError, match=message):
        call()


def test_a_table_that_may_cost_too_much_is_not_sent() -> None:
    with pytest.raises(ConfigError, match="1,001 calls are more than 1,000; allow them with max_calls=1001"):
        asked("{{text}}", ["a"] * 1001)


def test_json_gives_the_values_and_leaves_what_is_not_one_in_its_place() -> None:
    texts = iter(['{"answer": 4}', "none", '{"answer": 2}'])

    def scenario(_: Recorded) -> Scenario:
        content = json.dumps({"choices": [{"index": 0, "delta": {"content": next(texts)}, "finish_reason": "stop"}]})
        return stream(f"data: {content}\n\ndata: [DONE]\n\n".encode())

    with Server(scenario) as server:
        where = {"provider": "openai-compatible", "model": "m", "base_url": server.url, "concurrency": 1}
        result = asked("Stars? {{text}}", pd.Series(["a", "b", "c"]), json=int, **where)
    assert (result[0], result[2]) == (4, 2)
    assert result[1].problem
    numbers = asked("{{text}}", FRAME, json=int, max_tokens=60)
    assert numbers.dtype == "int64"
    assert asked("{{text}}", pl.DataFrame({"text": ["a"]}), json=int, max_tokens=60).dtype == pl.Int64


class Stopping(SweepObserver):
    def update(self, sweep: Sweep, _: Mapping[int, str]) -> None:
        if len(sweep) >= 10:
            raise KeyboardInterrupt


def at(server: RateServer, session: Session, **options: Any) -> Any:
    where = {"provider": "openai-compatible", "model": "m", "base_url": server.url}
    frame = pd.DataFrame({"text": [f"row {i}" for i in range(40)]})
    return ask_rows("{{text}}", frame, session=session, show=False, **where, **options)


def test_after_a_stop_the_same_call_asks_only_for_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(tmp_path / "h.db")}))
    with RateServer(latency_s=0.01) as server:
        with monkeypatch.context() as patch:
            patch.setattr("claude_nb.sweeps.mapping.view_for", lambda *_, **__: Stopping())
            with pytest.raises(Interrupted, match=r"of 40 rows, .*run the same map\(\) again"):
                at(server, session)
        kept = {reply.prompt for reply in last_sweep()}
        assert 10 <= len(kept) < 40
        result = at(server, session)
        report = server.report()
    assert [str(reply) for reply in result] == [f"reply to row {i}" for i in range(40)]
    assert {report["prompts"][prompt] for prompt in kept} == {1}  # those that ran at the stop were sent twice


def test_without_a_history_the_stopped_sweep_has_what_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_nb.sweeps.mapping.view_for", lambda *_, **__: Stopping())
    with RateServer(latency_s=0.01) as server, pytest.raises(Interrupted, match=r"last_sweep\(\)"):
        at(server, sessions.session())
    assert len(last_sweep().replies) >= 10


def test_cut_and_refused_rows_stay_in_their_places() -> None:
    with RateServer(latency_s=0.005, full_every=7, cut_every=10) as server:
        result = at(server, sessions.session())
    assert len(result) == 40
    assert prompts(result) == [f"row {i}" for i in range(40)]
    good = [reply for reply in result if reply.error is None]
    assert all(str(reply) == f"reply to {reply.prompt}" for reply in good)
    assert 0 < len(good) < 40


def test_a_refused_key_ends_the_calls_and_every_row_says_why() -> None:
    with Server(lambda _: answer(401, {"error": {"message": "wrong key"}})) as server:
        where = {"provider": "openai-compatible", "model": "m", "base_url": server.url, "concurrency": 1}
        result = asked("{{w}}", ["a", "b", "c"], **where)
        assert len(server.requests) == 1
    assert all("wrong key" in str(error) for error in errors(result))
    assert prompts(result) == ["a", "b", "c"]


def test_a_bare_list_shows_a_line_for_each_row() -> None:
    shown = repr(asked("{{w}}", ["a", None, "\x1b[2J"] + ["b"] * 80))
    assert shown.splitlines()[0].startswith("0  ")
    assert "1  w is missing" in shown
    assert "... and 23 more" in shown
    assert "\x1b" not in shown


def test_progress_and_errors_are_shown_and_no_grid(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked("{{w}}", ["a", None], show=True)
    err = capsys.readouterr().err
    assert "1 row, 1 call" in err
    assert "1 of 1 replies" in err or "1/1" in err
    assert "1 of 2 rows have an error: w is missing" in err
    session = sessions.session(CLAUDE_NB_DISPLAY="live")
    assert type(display.view_for(session, show=True, kind="rows")) is display.Progress
    monkeypatch.setattr(session.credentials, "setting", lambda _: "once")
    assert type(display.view_for(session, show=True, kind="rows")) is display.Notebook


def test_map_is_public_and_hides_no_builtin_of_the_package() -> None:
    assert claude_nb.map is ask_rows
    assert claude_nb.map is not map

"""Values become text whole, or cut with a notice; their own dots are told."""

from __future__ import annotations

import collections
import dataclasses
import re
import reprlib
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from claude_nb.errors import PromptError
from claude_nb.prompting import attachments, values
from claude_nb.prompting.template import fill
from claude_nb.prompting.text import PromptText
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request


def reply(text: str) -> Reply:
    return Reply(Request("demo", "demo", (Message("user", "Hi"),)), text=text)


def test_a_dataframe_becomes_a_markdown_table() -> None:
    frame = pd.DataFrame({"city": ["Oslo", "a|b"], "n": [1, 2]}, index=["x", "y"])
    assert fill("{{df}}", {"df": frame}).text == (
        "|  | city | n |\n| --- | --- | --- |\n| x | Oslo | 1 |\n| y | a\\|b | 2 |"
    )
    assert fill("{{df.shape}}", {"df": frame}).text == "(2, 2)"


def test_a_series_becomes_a_markdown_table() -> None:
    assert fill("{{s}}", {"s": pd.Series([7], name="n")}).text == "|  | n |\n| --- | --- |\n| 0 | 7 |"


def test_a_long_table_is_cut_with_a_notice() -> None:
    filled = fill("{{df}}", {"df": pd.DataFrame({"n": range(5_000)})})
    assert len(filled.text.splitlines()) == values.MAX_ROWS + 2
    assert filled.notices == ("df: 200 of 5,000 rows and 1 of 1 columns are sent",)


def test_a_long_text_is_cut_with_a_notice() -> None:
    filled = fill("{{text}}", {"text": "x" * 300_000})
    assert len(filled.text) == values.MAX_CHARS
    assert filled.notices == ("text: the first 200,000 of 300,000 characters are sent",)


def test_replies_are_filled_with_their_text() -> None:
    filled = fill("{{one}}|{{many}}", {"one": reply("a"), "many": [reply("b"), reply("c")]})
    assert filled.text == "a|b\n\n---\n\nc"


class Interchange:
    """A table that offers only the dataframe interchange protocol."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame

    def __dataframe__(self, *_: Any, **__: Any) -> Any:
        return self.frame.__dataframe__()


class Stream:
    """A table that offers only the Arrow PyCapsule interface."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.frame.__arrow_c_stream__(requested_schema)


FRAME = pd.DataFrame({"n": range(1000), "word": [f"word {n}" for n in range(1000)]})
TABLES = {
    "polars": pl.DataFrame(FRAME.to_dict("list")),
    "polars lazy": pl.DataFrame(FRAME.to_dict("list")).lazy(),
    "arrow table": pa.table(FRAME.to_dict("list")),
    "arrow batch": pa.RecordBatch.from_pydict(FRAME.to_dict("list")),
    "arrow reader": pa.table(FRAME.to_dict("list")).to_reader(10),
    "capsule of polars": Stream(pl.DataFrame(FRAME.to_dict("list"))),
    "capsule of arrow": Stream(pa.table(FRAME.to_dict("list"))),
    "interchange": Interchange(FRAME),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_any_library_becomes_a_markdown_table_cut_with_a_notice(name: str) -> None:
    filled = fill("{{x}}", {"x": TABLES[name]})
    lines = filled.text.splitlines()
    assert lines[:3] == ["| n | word |", "| --- | --- |", "| 0 | word 0 |"]
    assert lines[-1] == "| 199 | word 199 |"
    assert len(filled.notices) == 1
    assert filled.notices[0].startswith(("x: 200 of 1,000 rows and 2 of 2", "x: only the first 200 rows and 2 of 2"))


@pytest.mark.parametrize(
    "column",
    [pl.Series("n", range(300)), pa.chunked_array([range(300)]), Stream(pl.Series("n", range(300)))],
)
def test_a_column_of_any_library_becomes_a_table(column: Any) -> None:
    filled = fill("{{x}}", {"x": column})
    assert filled.text.splitlines()[2:4] == ["| 0 |", "| 1 |"]
    assert len(filled.notices) == 1


def test_a_table_of_a_sweep_is_not_shortened_as_on_the_screen() -> None:
    from claude_nb.render.table import Table

    filled = fill("{{x}}", {"x": Table({"n": n, "text": "x" * 90} for n in range(100))})
    assert filled.text.splitlines()[-1] == f"| 99 | {'x' * 90} |"
    assert filled.notices == ()


@dataclasses.dataclass
class Holder:
    frame: Any


NUMBERS = list(range(2000))
WHOLE: dict[str, Any] = {
    "arange": np.arange(2000),
    "2 dimensions": np.arange(2000).reshape(2, 1000),
    "3 dimensions": np.arange(2000).reshape(2, 10, 100),
    "matrix": np.arange(2000).view(np.matrix),
    "floats": np.arange(1000.0, 2000.0),
    "objects": np.array([*map(str, NUMBERS)], dtype=object),
    "structured": np.array([(n, n) for n in NUMBERS], dtype=[("a", int), ("b", int)]),
    "masked": np.ma.MaskedArray(NUMBERS, [n == 1 for n in NUMBERS]),
    "index": pd.Index([str(n) for n in NUMBERS]),
    "extension array": pd.array(NUMBERS, dtype="Int64"),
    "multi index": pd.MultiIndex.from_arrays([NUMBERS, NUMBERS]),
    "masked in a list": [np.ma.MaskedArray(NUMBERS, [n == 1 for n in NUMBERS])],
    "list of arrays": [np.arange(2000), 1],
    "dict of arrays": {"a": np.arange(2000)},
    "dict of pandas frames": {"a": pd.DataFrame({"n": NUMBERS})},
    "dict of pandas series": {"a": pd.Series(NUMBERS)},
    "dict of polars frames": {"a": pl.DataFrame({"n": NUMBERS})},
    "list of polars series": [pl.Series("n", NUMBERS)],
    "dataclass": Holder(pd.DataFrame({"n": NUMBERS})),
    "cell with an array": pd.DataFrame({"n": [np.arange(2000)]}),
    "cell with a list": pl.DataFrame({"n": [NUMBERS]}),
    "long text in a frame": pd.DataFrame({"n": ["x" * 500 + "1999"]}),
    "long text in polars": [pl.DataFrame({"n": ["x" * 500 + "1999"]})],
    "deque": collections.deque(NUMBERS),
    "memoryview": memoryview(b"1999" * 500),
    "memoryview of rows": memoryview(np.frombuffer(b"1999" * 500, dtype="B").reshape(2, 1000)),
    "keys": dict.fromkeys(NUMBERS).keys(),
    "set": set(NUMBERS),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_value_whose_own_text_is_abbreviated_arrives_whole(name: str) -> None:
    filled = fill("{{x}}", {"x": WHOLE[name]})
    assert "1999" in filled.text
    assert "1000" in filled.text or "text" in name or "memory" in name
    assert "..." not in filled.text
    assert "…" not in filled.text
    assert filled.notices == ()


@dataclasses.dataclass
class Limited:
    items: list[int]

    def __repr__(self) -> str:
        return f"Limited({reprlib.repr(self.items)})"


class Tensor:
    """As those of machine learning libraries: it abbreviates itself, and gives its values as a list."""

    shape = (2000,)

    def __repr__(self) -> str:
        return "tensor([0, 1, ..., 1999])"

    def tolist(self) -> list[int]:
        return NUMBERS


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Limited(NUMBERS), "may be incomplete"),
        ([Limited(NUMBERS)], "may be incomplete"),
        ([np.zeros(200_000)], "may be incomplete"),
        ({"a": pd.DataFrame({"n": range(20_000)})}, "may be incomplete"),
        (pa.array(NUMBERS), "leaves values out"),
        (pd.Categorical([str(n) for n in NUMBERS]), "leaves values out"),
        (Tensor(), "leaves values out"),
        (np.zeros((3, 100_000)), "the first 100,000 of 300,000 values"),
        (np.zeros(10**9, dtype=np.int8), "the first 100,000 of 1,000,000,000 values"),
    ],
)
def test_a_value_that_cannot_arrive_whole_says_so(value: Any, words: str) -> None:
    assert words in fill("{{x}}", {"x": value}).notices[0]


@pytest.mark.parametrize(
    "value",
    ["Wait...", ["Wait..."], {"a": ("One … two", "three...")}, Holder("and so on ..."), {"Wait...": [Holder("...")]}],
)
def test_dots_that_a_text_has_itself_are_not_told(value: Any) -> None:
    assert fill("{{x}}", {"x": value}).notices == ()


@pytest.mark.parametrize(
    "value",
    [(n for n in "ab"), map(str, "ab"), zip("ab", "cd", strict=True), iter(enumerate("ab")), iter([1]), cycle("ab")],
)
def test_what_runs_through_only_once_is_not_sent_as_an_address_in_memory(value: Any) -> None:
    with pytest.raises(PromptError, match="which has no text; put list"):
        fill("{{x}}", {"x": value})


def test_the_settings_of_the_libraries_are_as_before() -> None:
    before = np.get_printoptions()["threshold"], pd.get_option("display.max_rows"), str(pl.DataFrame({"n": NUMBERS}))
    fill("{{x}}", {"x": [np.arange(3)]})
    after = np.get_printoptions()["threshold"], pd.get_option("display.max_rows"), str(pl.DataFrame({"n": NUMBERS}))
    assert after == before


def csv_of(value: Any) -> str:
    return attachments.gather([value]).attachments[0].bytes.decode()


@pytest.mark.parametrize("name", [name for name in TABLES if name != "arrow reader"])  # a reader can be read only once
def test_a_table_of_any_library_is_attached_as_csv(name: str) -> None:
    lines = csv_of(TABLES[name]).splitlines()
    assert lines[:2] == ["n,word", "0,word 0"]
    assert len(lines) == 1001


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (pd.DataFrame({"n": [1, 2]}), "n\n1\n2\n"),
        (pd.Series([1, 2], name="n"), "n\n1\n2\n"),
        (pd.DataFrame({"n": [1, 2]}, index=["x", "y"]), "index,n\nx,1\ny,2\n"),
        (pd.DataFrame({"n": [1, 2]}, index=pd.Index(["x", "y"], name="key")), "key,n\nx,1\ny,2\n"),
        (pd.DataFrame({"n": [1, 2]}, index=pd.RangeIndex(2, name="key")), "key,n\n0,1\n1,2\n"),
        (pd.DataFrame({"n": [1, 2]}, index=range(2020, 2022)), "index,n\n2020,1\n2021,2\n"),
        (
            pd.DataFrame({"n": [1]}, index=pd.MultiIndex.from_tuples([("x", 1)], names=["key", None])),
            "key,level_1,n\nx,1,1\n",
        ),
        (pl.DataFrame({"n": [1, None], "words": [["a", "b"], []]}), "n,words\n1,\"['a', 'b']\"\n,[]\n"),
    ],
)
def test_a_default_index_is_left_out_and_any_other_has_a_heading(frame: Any, text: str) -> None:
    assert csv_of(frame) == text


def test_a_table_without_columns_is_not_an_empty_text() -> None:
    assert "shape" in fill("{{x}}", {"x": pl.DataFrame()}).text
    assert fill("{{x}}", {"x": pa.table({})}).text


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(np.zeros((200_000, 3))),
        pl.DataFrame({"a": np.zeros(500_000)}),
        pl.DataFrame({"a": np.zeros(500_000)}).lazy(),
        pa.table({"a": np.zeros(500_000)}),
    ],
)
def test_a_table_that_is_far_too_long_is_refused_before_it_is_written(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pd.DataFrame, "to_csv", None)
    with pytest.raises(PromptError, match="too long to be attached; attach a part"):
        attachments.gather([table])


class Rounded:
    """A tensor of a library that writes four digits."""

    def __init__(self, *items: Any) -> None:
        self.items = [*items]

    def tolist(self) -> list[Any]:
        return self.items

    def __len__(self) -> int:
        return len(self.items)

    def __str__(self) -> str:
        return f"tensor({', '.join(f'{item:.4f}' for item in self.items)})"


EXACT = [1 / 3, 0.1 + 0.2, 1e-12]


@pytest.mark.parametrize(
    "value",
    [
        np.array(EXACT),
        np.array([EXACT]),
        np.ma.array(EXACT),
        [np.array(EXACT)],
        {"k": pd.Series(EXACT)},
        [pd.DataFrame({"a": EXACT, "b": [[x] for x in EXACT]})],
        pd.DataFrame({"a": EXACT}),
        pd.DataFrame({"a": [np.array(EXACT)]}),
        pd.Index(EXACT),
        pd.array(EXACT),
        pd.Categorical(EXACT),
        pl.DataFrame({"a": EXACT}),
        [pl.DataFrame({"a": EXACT, "b": [[x] for x in EXACT]})],
        (pl.Series(EXACT),),
        pa.array(EXACT),
        Rounded(*EXACT),
        [1.0, *map(np.float64, EXACT)],
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_are_sent_exactly_however_few_digits_are_shown(value: Any) -> None:
    with np.printoptions(precision=2, suppress=True), pd.option_context("display.precision", 2):
        text = fill("{{x}}", {"x": value}).text
    assert {*EXACT} <= {float(number) for number in re.findall(r"\d+\.?\d*(?:e[+-]?\d+)?", text)}


def test_a_tensor_that_rounds_says_so_and_an_exact_one_stays_as_it_is() -> None:
    assert fill("{{x}}", {"x": Rounded(1 / 3)}).notices == (
        "x: Rounded rounds numbers in its text, so they are sent as a list",
    )
    single = Rounded(0.5, -float(np.float32(0.1)), float("nan"), 3)
    assert fill("{{x}}", {"x": single}) == PromptText("tensor(0.5000, -0.1000, nan, 3.0000)")


class Nameless:
    pass


@pytest.mark.parametrize(
    "value",
    [
        Nameless(),
        [Nameless()],
        {"k": Nameless()},
        Exception(Nameless()),
        [lambda: 0],
        pd.DataFrame({"a": [1]}).groupby("a"),
        pd.DataFrame({"a": [1]}).style,
        pd.DataFrame({"a": [Nameless()]}),
        np.array([Nameless()]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_object_without_a_text_of_its_own_says_so(value: Any) -> None:
    (notice,) = fill("{{x}}", {"x": value}).notices
    assert notice.startswith("x: an object without a text of its own is sent as its memory address")


def test_a_text_about_addresses_is_a_text() -> None:
    assert fill("{{x}}", {"x": "<function f at 0x7f00>"}).notices == ()


def test_a_file_is_read_before_it_is_filled_in() -> None:
    with (
        Path(__file__).open(encoding="utf-8") as file,
        pytest.raises(PromptError, match="TextIOWrapper, which has no text"),
    ):
        fill("{{x}}", {"x": file})

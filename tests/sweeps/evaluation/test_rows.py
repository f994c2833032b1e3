"""The rows of an evaluation: tables of any kind, hostile CSV files, and columns with any name."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from claude_nb.errors import PromptError
from claude_nb.sweeps.evaluation import rows
from claude_nb.sweeps.evaluation.api import evaluate
from claude_nb.sweeps.evaluation.evaluation import Evaluation
from tests.helpers import sessions

TWO = [{"text": "a", "n": 1}, {"text": "b", "n": 2}]


@pytest.mark.parametrize(
    "table",
    [
        TWO,
        tuple(TWO),
        iter(TWO),
        {"text": ["a", "b"], "n": [1, 2]},
        {"text": np.array(["a", "b"]), "n": range(1, 3)},
        pd.DataFrame(TWO),
        pd.DataFrame(TWO, index=[7, 7]),
        pd.DataFrame(TWO).set_index([[1, 2], [3, 4]]),
        pl.DataFrame(TWO),
        pl.DataFrame(TWO).lazy(),
        pa.Table.from_pylist(TWO),
    ],
    ids=lambda table: type(table).__name__,
)
def test_every_kind_of_table_gives_the_same_rows(table: Any) -> None:
    assert list(rows.read(table)) == TWO


def test_a_csv_reader_and_a_read_evaluation_table_are_rows_too(tmp_path: Path) -> None:
    found = rows.read(csv.DictReader(["text,n", "a,1", "b,2"]))
    assert list(found) == [{"text": "a", "n": "1"}, {"text": "b", "n": "2"}]
    assert rows.read(found) is found


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT, float("nan")])
def test_a_missing_cell_is_none_whatever_the_library_writes(gap: Any) -> None:
    assert rows.read(pd.DataFrame({"text": ["a", gap]}, dtype=object))[1] == {"text": None}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"text,label\na,b\n", {"text": "a", "label": "b"}),
        ("\ufefftext,label\nä,b\n".encode(), {"text": "ä", "label": "b"}),
        ("text;label\r\nä;b\r\n".encode("cp1252"), {"text": "ä", "label": "b"}),
        ("text\tlabel\nä\tb\n".encode("utf-16"), {"text": "ä", "label": "b"}),
        (b'text,label\n"a, ""b""\nc",d\n', {"text": 'a, "b"\nc', "label": "d"}),
        (b"text,label\n\na\n", {"text": "a", "label": None}),
        (b"text,label\na,\n", {"text": "a", "label": None}),
        (b" text , label \na,b\n", {"text": "a", "label": "b"}),
        (b'"te,xt";label\na;b\n', {"te,xt": "a", "label": "b"}),
        (b"text,label\n" + b"x" * 300_000 + b",b\n", {"text": "x" * 300_000, "label": "b"}),
    ],
    ids=lambda value: "" if isinstance(value, dict) else f"{value[:12]!r}",
)
def test_a_csv_file_of_any_origin_is_read(tmp_path: Path, data: bytes, expected: dict[str, Any]) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(data)
    before = csv.field_size_limit()
    assert list(rows.read(path)) == [expected]
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"text,label\n", "the table has no rows"),
        (b"text,label\na,b,c\n", "row 1 of .* has 3 cells for 2 columns; put quotes"),
        (b"PK\x03\x04\x00\x00", "is not a text file"),
    ],
)
def test_what_is_not_a_table_of_text_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_bytes(data)
    with pytest.raises(PromptError, match=message):
        rows.read(str(path))


class Hostile:
    def __iter__(self) -> Any:
        raise SystemExit("no rows for you")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([], "the table has no rows"),
        (pd.DataFrame({"text": []}), "the table has no rows"),
        (["a", "b"], "row 1 is not a dict but 'a'"),
        (5, "rows is not a table but 5"),
        (b"text", "rows is not a table but b'text'"),
        ("cases.xlsx", "'cases.xlsx' is not the name of a .csv file"),
        ("missing.csv", "missing.csv cannot be read"),
        ("~/.aws/cases.csv", "usually holds secrets"),
        ({"text": "a"}, "rows is a dict, but not of columns"),
        ({"text": ["a"], "n": [1, 2]}, "the columns of rows differ in length"),
        (Hostile(), "the rows cannot be read: SystemExit"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(table: Any, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        rows.read(table)


def test_a_table_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_ROWS", 3)
    with pytest.raises(PromptError, match="the table has more than 3 rows"):
        rows.read({"text": str(i)} for i in iter(int, 1))


def demo(prompts: Any, table: Any, **options: Any) -> Evaluation:
    asking = sessions.session(CLAUDE_NB_HISTORY="off", CLAUDE_NB_PROVIDER="demo")
    return evaluate(prompts, table, **{"graders": "schema", "expect": "x", **options}, session=asking, show=False)


def prompts_of(result: Evaluation) -> list[str]:
    return [cell.prompt for cell in result.cells()]


def test_a_column_may_have_the_name_of_an_option_a_result_or_a_variable() -> None:
    model = "not a model"
    table = [{"model": "m", "temperature": "t", "row": "r", "variant": "v", "reason": "why", "n": "7", "session": "s"}]
    result = demo("{{model}} {{temperature}} {{row}} {{variant}} {{reason}} {{n}} {{session}}", table)
    assert prompts_of(result) == ["m t r v why 7 s"]
    assert model
    shown = result.rows[0]
    assert (shown["row"], shown["variant"], shown["input_row"], shown["input_variant"]) == (0, "the prompt", "r", "v")
    assert result.flips.__doc__


def test_a_column_with_any_name_is_reached_through_the_row_and_a_value_is_not_filled_again() -> None:
    table = [{"customer text": "{{secret}}", "0": 1}]
    secret = "not to be sent"
    assert prompts_of(demo('{{row["customer text"]}} and {{row["0"]}}', table)) == ["{{secret}} and 1"]
    assert secret


def test_variables_of_the_calling_code_come_after_the_columns() -> None:
    tone = "kind"
    asking = sessions.session(CLAUDE_NB_HISTORY="off", CLAUDE_NB_PROVIDER="demo")
    result = evaluate("{{text}} {{tone}}", TWO, expect="n", session=asking, show=False)
    assert prompts_of(result) == ["a kind", "b kind"]
    assert prompts_of(demo("{{text}} {{tone}}", [{"text": "a", "tone": "rude"}])) == ["a rude"]
    assert tone


def test_a_row_without_a_value_that_the_prompt_needs_is_not_sent_and_says_so() -> None:
    result = demo("{{text}}", pd.DataFrame({"text": ["a", None], "other": [None, None]}))
    assert [cell.outcome for cell in result.cells()][1] == "missing"
    assert result.cell(1).reason == "text is missing in this row, so it was not sent; fill it first"
    assert "1 locked and not sent" in str(result.forecast()) or result.left == 0


def test_two_columns_of_one_name_are_refused_only_where_the_name_is_used() -> None:
    table = pd.DataFrame([["a", "b", "c"]], columns=["text", "text", "other"])
    assert prompts_of(demo("{{other}}", table)) == ["c"]
    with pytest.raises(PromptError, match="several columns are named text; rename all but one"):
        demo("{{text}}", table)
    with pytest.raises(PromptError, match="several columns are named text"):
        demo("{{other}}", table, expect="text", graders="exact")


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([], "there is no prompt in"),
        ({}, "there is no prompt in"),
        (["{{text}}", 5], "a prompt is a text, not 5"),
        ("Hello", r"no prompt uses a column of the table \(text, n\); write {{text}} into it"),
        ("{{text}} {{unknown_name}}", "no variable 'unknown_name'"),
    ],
)
def test_prompts_that_make_no_sense_are_refused(prompts: Any, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        demo(prompts, TWO)


def test_what_is_expected_is_a_column_a_function_or_a_constant() -> None:
    asked: dict[str, Any] = {"graders": "contains"}
    assert [c.expected for c in demo("{{text}}", TWO, expect="n", **asked).cells()] == [1, 2]
    assert [c.expected for c in demo("{{text}}", TWO, expect=lambda row: row["text"] * 2, **asked).cells()] == [
        "aa",
        "bb",
    ]
    assert [c.expected for c in demo("{{text}}", TWO, expect="yes", **asked).cells()] == ["yes", "yes"]
    with pytest.raises(PromptError, match="mend the function expect: KeyError: 'nope'"):
        demo("{{text}}", TWO, expect=lambda row: row["nope"], **asked)

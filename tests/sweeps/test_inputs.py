"""What a user varies is never lost: in tables, files, grids and plots, whatever its name, type and look."""

from __future__ import annotations

import csv
import io
import itertools
import json
import keyword
import math
import re
from collections import UserString
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot

from claude_nb.errors import PromptError
from claude_nb.session.session import Session
from claude_nb.sweeps.api import compare, load_sweep, sweep
from claude_nb.sweeps.axes import same
from claude_nb.sweeps.check import check
from claude_nb.sweeps.labels import labels
from claude_nb.sweeps.metrics import registry
from claude_nb.sweeps.plan import grid
from claude_nb.sweeps.sweep import Sweep
from claude_nb.sweeps.tables import input_columns
from claude_nb.sweeps.views import grid_data
from claude_nb.sweeps.views.html import grid_html
from claude_nb.types.reply import Reply
from tests.helpers import sessions

mpl.use("agg")

DEMO: dict[str, Any] = {"provider": "demo", "max_tokens": 4, "seed": 1}
VALUES = ["first one", "second one"]
# Every column of the rows and of the summary, and names that other libraries or files use.
ROW_NAMES = [
    *(
        "run_id",
        "backend",
        "is_demo",
        "source",
        "prompt_hash",
        "stop",
        "replicate",
        "text",
        "stop_reason",
        "input_tokens",
    ),
    *("output_tokens", "latency_s", "ttft_s", "cost_usd", "error", "created"),
]
SUMMARY_NAMES = [
    *registry.METRICS,
    "failed",
    "from_history",
    "stop_reasons",
    "note",
    "pass",
    "pass_low",
    "cost_per_pass",
]
OTHER_NAMES = ["index", "level_0", "record", "column", "input_text", "case", "repeat", "reply", "values", "name", "id"]


class Broken:
    """An object that raises wherever it is touched."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__
    __eq__ = __hash__ = __iter__ = None  # type: ignore[assignment]


def finished(settings: dict[str, Any], prompt: Any = "Hi", n: int = 1, **more: Any) -> Sweep:
    """A sweep in which every reply is "done"."""
    session = sessions.session(CLAUDE_NB_PROVIDER="demo")
    plan = grid(session, prompt, DEMO | settings, n=n)
    result = Sweep(plan, session=session, **more)
    result.put({(i, r.repeat): Reply(r, "done and done") for i, case in enumerate(plan.cases) for r in case.requests})
    return result


@pytest.mark.parametrize("name", [*ROW_NAMES, *SUMMARY_NAMES, *OTHER_NAMES])
def test_a_variable_with_the_name_of_a_column_keeps_its_values_beside_it(name: str, tmp_path: Path) -> None:
    result = finished({name: VALUES}, f"About {{{{{name}}}}}").check(lambda reply: bool(reply.text))
    result.save(tmp_path / "s.jsonl")
    result.save(tmp_path / "s.parquet")
    out = io.StringIO(result.to_pandas().to_csv())
    tables: dict[str, list[dict[str, Any]]] = {
        "rows": result.rows,
        "pandas": result.to_pandas().to_dict("records"),
        "summary": result.summary(),
        "best": [result.best("pass"), result.best(lambda row: -row["n"])],
        "csv": [*csv.DictReader(out)],
        "jsonl": load_sweep(tmp_path / "s.jsonl").rows,
        "parquet": load_sweep(tmp_path / "s.parquet").rows,
        "parquet for others": pd.read_parquet(tmp_path / "s.parquet").to_dict("records"),
    }
    for where, table in tables.items():
        (column, *_) = [column for column in table[0] if table[0][column] == VALUES[0]]
        found = [row[column] for row in table]
        assert found == (VALUES if where != "best" else [VALUES[0]] * 2), where
    assert [row["text"] for row in result.rows] == ["done and done"] * 2
    assert [row["n"] for row in result.summary()] == [1, 1]
    assert result.where(**{name: VALUES[1]}) == [result.replies[1]]
    assert grid_data.axes(result) == [{"name": name, "values": VALUES}]
    assert result.plot("length", x=name).get_xlabel() == name
    pyplot.close("all")


def test_names_that_collide_after_they_were_renamed_stay_apart() -> None:
    settings = {"text": ["a"], "input_text": ["b"], "input_input_text": ["c"], "error": ["d"]}
    (row,) = finished(settings, "{{text}} {{input_text}} {{input_input_text}} {{error}}").rows
    assert {row[name] for name in row if name.endswith(("_text", "_error"))} == {"a", "b", "c", "d"}
    assert (row["input_text"], row["text"], row["error"]) == ("b", "done and done", None)


@given(
    st.lists(st.sampled_from(["a", "b", "input_a", "input_b", "input_input_a"]), unique=True),
    st.sets(st.sampled_from(["a", "b", "input_a", "input_b"])),
)
def test_each_input_has_a_column_that_is_neither_taken_nor_shared(names: list[str], taken: set[str]) -> None:
    columns = input_columns(names, taken)
    assert [*columns] == names
    assert len({*columns.values()} | taken) == len(names) + len(taken)
    assert all(column == name for name, column in columns.items() if name not in taken)


def test_what_was_sent_in_another_form_is_there_as_it_was_given() -> None:
    prompts = ["On {{topic}}", "About {{topic}}"]
    result = finished({"topic": ["bees"], "system": ["Love {{topic}}.", None]}, prompts)
    assert [row["input_prompt"] for row in result.rows] == [prompts[0]] * 2 + [prompts[1]] * 2
    assert [row["prompt"] for row in result.rows] == ["On bees"] * 2 + ["About bees"] * 2
    assert [row["input_system"] for row in result.rows] == ["Love {{topic}}.", None] * 2
    session = sessions.session(AIMLAPI_API_KEY="none")
    plan = grid(session, "Hi", {"provider": "aimlapi", "model": ["sonnet", "haiku"]}, n=1)
    named = Sweep(plan, session=session)
    named.put({(i, 0): Reply(case.requests[0], "x") for i, case in enumerate(plan.cases)})
    assert [row["input_model"] for row in named.rows] == ["sonnet", "haiku"]
    assert all("sonnet" in row["model"] or "haiku" in row["model"] for row in named.rows)


def test_settings_that_were_sent_as_given_have_one_column() -> None:
    settings = {"temperature": [0, 0.5], "system": ["a", None], "seed": [1, None], "max_tokens": [1, 2]}
    result = finished(settings, ["Hi", "Ho"])
    assert not [name for name in result.rows[0] if name.startswith("input_") and name != "input_tokens"]


def test_a_value_that_is_the_same_in_every_case_is_in_the_rows_too(tmp_path: Path) -> None:
    result = finished({"text": "one text", "who": "Ada", "temperature": [0, 1]}, "{{text}} by {{who}}")
    assert [(row["input_text"], row["who"]) for row in result.rows] == [("one text", "Ada")] * 2
    result.save(tmp_path / "s.jsonl")
    assert load_sweep(tmp_path / "s.jsonl").rows == result.rows


def test_the_number_of_replies_cannot_be_meant_by_a_name_in_the_prompt() -> None:
    session = sessions.session(CLAUDE_NB_PROVIDER="demo")
    with pytest.raises(PromptError, match=r"n is the number of replies, so \{\{n\}\} cannot be filled from it; rename"):
        sweep("Count to {{n}}", n=3, session=session, show=False)
    n = 5
    assert sweep("Count to {{n}}", session=session, show=False).replies[0].prompt == f"Count to {n}"
    given = sweep("Count to {{n}}", n=2, variables={"n": 7}, session=session, show=False)
    assert [reply.prompt for reply in given] == ["Count to 7"] * 2


# Values that cannot be hashed, compared or told apart

FRAME = pd.DataFrame({"a": [1, 2]})
BIG = np.arange(5000)
ODD: dict[str, list[Any]] = {
    "arrays": [np.arange(3), np.arange(4)],
    "large arrays that differ in the middle": [BIG, np.where(BIG == 2500, -1, BIG)],
    "rows of an array": [*np.eye(2)],
    "frames": [FRAME, FRAME * 2],
    "polars frames": [pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})],
    "series": [pd.Series([1, 2]), pd.Series([3])],
    "None": [None, "None"],
    "dicts": [{"a": [1]}, {"a": [2]}],
    "sets": [{1, 2}, frozenset({3})],
    "lists": [[1, [2]], [3]],
    "lists and tuples that look alike": [[1, 2], (1, 2)],
    "half a surrogate pair": ["\ud800", "a"],
    "empty texts": ["", ""],
    "equal values": ["a", "a"],
    "numbers that are equal": [1, 1.0, True],
    "numbers that look alike": [0.12345671, 0.12345672],
    "very large numbers": [10**400, 10**400 + 1],
    "not a number": [float("nan"), float("inf")],
    "texts that begin alike": ["x" * 80 + "a", "x" * 80 + "b"],
    "texts that look alike": ["a b", "a  b", "a\nb"],
    "bytes": [b"a", b"b"],
    "dates": [*np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]")],
    "mixed": [1, "x", None, (1, 2), Path("a")],
}


@pytest.mark.parametrize("values", ODD.values(), ids=list(ODD))
def test_values_of_any_kind_keep_their_places(values: list[Any], tmp_path: Path) -> None:
    result = finished({"x": values, "temperature": [0, 1]}, "About {{x}}")
    cells = grid_data.cells(result, grid_data.metrics(result))
    places = [*itertools.product(range(len(values)), range(2))]
    assert [tuple(cell["at"]) for cell in cells] == places
    assert len(set(result.plan.labels["x"])) == len(values)
    assert grid_html(result).count("<details>") == len(places)
    assert len(result.rows) == len(result.summary()) == len(result.to_pandas()) == len(places)
    assert repr(result.rows)
    assert result.summary()._repr_html_()
    assert sum(len(line[0].get_xdata()) for line in result.plot("length", x="x").containers) == len(places)
    assert len(result.plot("length", x="temperature").containers) == len(values)
    pyplot.close("all")
    for name in ("s.jsonl", "s.parquet"):
        result.save(tmp_path / name)
        again = load_sweep(tmp_path / name)
        assert [case.at for case in again.cases] == places
        assert again.plan.labels == result.plan.labels
        assert [reply.text for reply in again] == [reply.text for reply in result]
    assert len(result.where(temperature=0)) == len(values)
    assert result.replies[0] in result.where(x=result.cases[0].values["x"])


@pytest.mark.parametrize("value", [[1, 2], (1, 2), [[1], (2,)], {"a": [1]}, {1}, 1.0, True, None, "1", Path("a")])
def test_a_value_is_sent_as_the_prompt_of_a_single_call_sends_it(value: Any, tmp_path: Path) -> None:
    result = finished({"x": [value]}, "About {{x}}")
    assert result.replies[0].prompt == f"About {value}"
    result.save(tmp_path / "s.jsonl")
    assert load_sweep(tmp_path / "s.jsonl").plan.labels == result.plan.labels


def test_the_dates_of_an_array_are_sent_as_dates() -> None:
    result = finished({"x": np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]")}, "On {{x}}")
    assert result.replies[0].prompt.startswith("On 2026-01-01")


def test_a_value_that_raises_locks_its_cases_and_no_more() -> None:
    result = finished({"x": [Broken(), "fine"]}, "About {{x}}")
    assert result.cases[0].locked == "{{x}}: RuntimeError: no text"
    assert result.plan.labels["x"] == ["<Broken>", "fine"]
    assert [row["x"] for row in result.rows] == ["fine"]
    assert "<Broken>" in repr(result.summary())
    assert "&lt;Broken&gt;" in grid_html(result)


class Endless:
    def __iter__(self) -> Iterator[int]:
        return itertools.count()


class BreaksOff:
    def __iter__(self) -> Iterator[int]:
        yield 1
        raise OSError("disk gone")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Endless(), "x has more than 100,000 values; pass a shorter list"),
        (BreaksOff(), "the values of x cannot be read, pass a list: OSError: disk gone"),
        ((i for i in ()), "an empty list leaves nothing to send"),
    ],
)
def test_what_gives_no_list_is_refused_in_one_line(value: Any, says: str) -> None:
    with pytest.raises(PromptError, match=says):
        finished({"x": value}, "About {{x}}")


def test_tables_and_single_values_are_one_value() -> None:
    for value in (FRAME, pl.DataFrame({"a": [1]}), "text", b"x", (1, 2), {"a": 1}, 5, None, np.array(5), Path("a")):
        assert finished({"x": value}, "About {{x}}").axes == {}
    assert finished({"x": pd.Series(["a", "b"])}, "About {{x}}").axes == {"x": ("a", "b")}


def test_a_name_that_only_looks_used_is_refused() -> None:
    with pytest.raises(PromptError, match=r"no prompt contains \{\{form\}\}; add it"):
        finished({"form": ["a", "b"], "topic": ["x"]}, "In this form: {{topic}}")


def test_a_value_that_was_cut_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    session = sessions.session(CLAUDE_NB_PROVIDER="demo")
    long = "x" * 300_000
    sweep("{{long}}", temperature=[0, 1], session=session, max_tokens=2)
    assert capsys.readouterr().err.count("[long: the first 200,000 of 300,000 characters are sent]") == 1
    assert len(long) == 300_000


def test_equal_columns_of_a_comparison_stay_apart() -> None:
    session = sessions.session()
    result = compare(["demo", "demo", "demo"], "Hi", session=session, show=False, max_tokens=3)
    assert result.axes == {"model": ("demo",), "column": (1, 2, 3)}
    assert [title for title, _ in result.titled()] == [f"model demo, column {i}" for i in (1, 2, 3)]
    assert [row["column"] for row in result.rows] == [1, 2, 3]
    assert grid_html(result).count("<details>") == 3


@pytest.mark.parametrize("value", [{"a": [1]}, np.arange(3), FRAME, {1, 2}], ids=["dict", "array", "frame", "set"])
def test_a_comparison_takes_values_that_cannot_be_hashed(value: Any) -> None:
    columns = [{"x": value, "seed": 1}, {"x": value, "seed": 2}]
    result = compare(columns, "About {{x}}", provider="demo", session=sessions.session(), show=False, max_tokens=3)
    assert result.plan.axes["seed"] == (1, 2)
    assert len(result.plan.axes["x"]) == 1


@pytest.mark.parametrize("columns", [[5], [None], [["demo"]]])
def test_a_column_that_is_none_is_refused(columns: Any) -> None:
    with pytest.raises(PromptError, match="a column is a model or a dict of options"):
        compare(columns, "Hi", session=sessions.session())


@given(
    st.lists(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()), min_size=1, max_size=6
    )
)
def test_no_two_labels_of_an_axis_are_equal(values: list[Any]) -> None:
    assert len(set(labels("x", values))) == len(values)


def test_a_file_of_the_first_version_is_read(tmp_path: Path) -> None:
    result = finished({"temperature": [0, 1], "x": ["a", "b"]}, "About {{x}}")
    result.save(tmp_path / "s.jsonl")
    header, *rest = (tmp_path / "s.jsonl").read_text("utf-8").splitlines()
    old = json.loads(header)
    del old["fixed"]
    for case in old["cases"]:
        del case["at"]
    (tmp_path / "old.jsonl").write_text("\n".join([json.dumps(old), *rest]), "utf-8")
    again = load_sweep(tmp_path / "old.jsonl")
    assert [case.at for case in again.cases] == [case.at for case in result.cases]
    assert again.rows == result.rows


def test_values_are_compared_without_raising() -> None:
    assert same(1, 1.0)
    assert not same(1, True)
    assert not same(np.arange(3), np.arange(3))
    assert not same(Broken(), 1)
    assert keyword.iskeyword("pass")  # a variable of this name comes from --sweep or from a dict


@pytest.fixture
def live() -> Session:
    return sessions.session(CLAUDE_NB_PROVIDER="demo")


class Unshown:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "value", ["2", Unshown(), [1], True, float("nan"), 1 + 2j], ids=lambda value: type(value).__name__
)
def test_a_limit_that_is_no_number_is_one_line(live: Session, value: Any) -> None:
    for name in ("n", "concurrency", "max_calls", "budget_usd"):
        with pytest.raises(PromptError, match=f"^{name} must be a (whole )?number, not "):
            sweep("Hi", session=live, provider="demo", show=False, **{name: value})
    for name in ("n", "at_least", "seconds", "budget_usd"):
        with pytest.raises(PromptError, match=f"^{name} must be a (whole )?number, not "):
            check("Hi", "a", session=live, provider="demo", **{name: value})


def test_limits_may_be_numbers_of_numpy_and_infinite(live: Session) -> None:
    limits: dict[str, Any] = {"n": np.int64(2), "budget_usd": np.float32(0.5)}
    assert check(
        "Hi", re.compile(""), session=live, provider="demo", at_least=np.float64(1), seconds=math.inf, **limits
    )
    limits |= {"concurrency": np.int8(1), "max_calls": math.inf}
    assert len(sweep("Hi", session=live, provider="demo", show=False, **limits).replies) == 2


def test_a_text_of_any_kind_is_one_value(live: Session) -> None:
    for text in ("abc", b"abc", bytearray(b"abc"), memoryview(b"abc"), UserString("abc")):
        assert len(sweep("{{x}}", x=text, session=live, provider="demo", show=False).replies) == 1


@pytest.mark.parametrize("column", [{5: 1}, {None: 1}, {Unshown: 1}, 5, ("demo", 0)], ids=str)
def test_a_column_has_options_by_name(live: Session, column: Any) -> None:
    with pytest.raises(PromptError, match="a column is a model or a dict of options"):
        compare([column], "Hi", session=live, show=False)

"""Tables of dicts: what is shown of many columns, and that nothing is missing from them."""

from __future__ import annotations

from typing import Any

import pytest

from claude_nb.render.table import PAGE_CHARS, Table


class Broken:
    def __str__(self) -> str:
        raise RuntimeError


def wide(count: int = 3, **more: Any) -> Table:
    shared = {f"same_{i}": f"value {i}" for i in range(8)}
    return Table({"number": i, **shared, "none": None, "text": "x" * i, **more} for i in range(count))


def test_a_narrow_table_is_shown_as_it_is() -> None:
    assert repr(Table([{"a": 1, "b": None}, {"a": 1, "c": 0.12345}])) == "a  b  c\n1\n1     0.123"


def test_what_all_rows_of_a_wide_table_share_is_shown_once_below_it() -> None:
    table = wide()
    assert repr(table).splitlines()[:4] == ["number  text", "0", "1       x", "2       xx"]
    below = "in every row: same_0 value 0 · same_1 value 1 · same_2 value 2"
    assert repr(table).splitlines()[4].startswith(below)
    html = table._repr_html_()
    assert html.count("value 7") == 1
    assert html.count("<th ") == 2
    assert "none" not in repr(table)
    assert [*table.to_pandas().columns] == table.columns


def test_a_value_counts_as_shared_only_if_the_rows_that_are_not_shown_have_it_too() -> None:
    table = wide(100, late=1)
    table[-1]["late"] = 2
    assert "late" in repr(table).splitlines()[0]
    assert "... and 40 more rows" in repr(table)
    assert "... and 40 more rows" in table._repr_html_()


def test_one_wide_row_is_shown_from_top_to_bottom() -> None:
    lines = repr(wide(1)).splitlines()
    assert lines[1:3] == ["number  0", "same_0  value 0"]
    assert "<td" in wide(1)._repr_html_()


@pytest.mark.parametrize("columns", [9, 30, 120])
def test_a_text_table_is_never_wider_than_the_page_and_shows_every_cell(columns: int) -> None:
    table = Table({f"column_{i}": f"{i}/{row} " + "word " * (i % 5) for i in range(columns)} for row in range(2))
    lines = repr(table).splitlines()
    assert max(map(len, lines)) <= PAGE_CHARS + 3
    assert all(f"{i}/1" in repr(table) for i in range(columns))


def test_a_long_heading_may_break_and_its_text_stays() -> None:
    table = Table([{"cost_per_pass": "a_b"}])
    assert "cost_<wbr>per_<wbr>pass</th>" in table._repr_html_()
    assert ">a_b</td>" in table._repr_html_()


def test_a_remark_stands_below_the_table() -> None:
    table = Table([{"a": 1}], note="few <b>")
    assert repr(table) == "a\n1\nfew <b>"
    assert table._repr_html_().endswith("few &lt;b&gt;</div>")
    assert Table([{"a": 1}]) == table
    assert repr(Table()) == ""


def test_an_object_that_raises_is_shown_by_its_class() -> None:
    assert repr(Table([{"a": Broken()}])) == "a\n<Broken>"

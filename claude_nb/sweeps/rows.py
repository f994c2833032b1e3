"""The rows of a table or a list, each as values for {{name}}, and a result in the same shape."""

from __future__ import annotations

from collections import UserString
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import guarded, plain
from claude_nb.prompting import tables
from claude_nb.render.chars import one_line, terminal_safe
from claude_nb.render.table import SHOWN_CHARS, SHOWN_ROWS
from claude_nb.sweeps.axes import MAX_VALUES
from claude_nb.sweeps.evaluation.rows import read_table
from claude_nb.sweeps.plan import ROW
from claude_nb.types.reply import Reply

USUAL_NAME = "text"  # of the items of a list
ADVICE = "pass a DataFrame, a Series, a list of texts or a list of dicts"
ONE_VALUE = (str, bytes, bytearray, memoryview, UserString)


class Answers(list[Any]):
    """A list that shows the start of each item, because the whole of a Reply is long."""

    def __repr__(self) -> str:
        lines = [
            f"{i}  {one_line(getattr(item, 'error', None) or str(item), SHOWN_CHARS)}"
            for i, item in enumerate(self[:SHOWN_ROWS])
        ]
        more = [f"... and {len(self) - SHOWN_ROWS:,} more"] if len(self) > SHOWN_ROWS else []
        return terminal_safe("\n".join([*lines, *more]) or "[]")


@dataclass(frozen=True)
class Rows:
    """Rows in their order.

    values  of the columns that are used, by name, for each row
    labels  what identifies each row: the index of pandas, else its number
    shaped  puts one value for each row into the shape of the input: a Series with its index, or a list
    """

    values: Sequence[Mapping[str, Any]]
    labels: Sequence[Any]
    shaped: Callable[[list[Any]], Any]


def read(data: Any, names: Collection[str]) -> Rows:
    """Return the rows of whatever a user passes, with the columns that have one of these names.

    The items of a list or a Series get the only name. If there are several, they get the one of the Series, or "text".

    Raises PromptError for data without rows, and if none of the names is a column.
    """
    rows = guarded("the rows cannot be read, pass a list", _read, data, names)
    if len(rows.values) > MAX_VALUES:
        raise PromptError(f"there are more than {MAX_VALUES:,} rows; pass them in parts")
    return rows


def _read(data: Any, names: Collection[str]) -> Rows:
    if tables.is_of(data, "polars", "LazyFrame"):
        data = data.collect()
    values = _values(data, names)
    if tables.is_of(data, "pandas", "DataFrame", "Series"):
        return Rows(values, data.index.tolist(), partial(_as_pandas, data.index))
    return Rows(
        values, range(len(values)), _as_polars if tables.is_of(data, "polars", "DataFrame", "Series") else Answers
    )


def _values(data: Any, names: Collection[str]) -> Sequence[Mapping[str, Any]]:
    if tables.is_of(data, "pandas", "Series") or tables.is_of(data, "polars", "Series"):
        return _items(_listed(data), names, data.name)
    if isinstance(data, Iterable) and not isinstance(data, (*ONE_VALUE, Mapping)) and tables.head(data, 0) is None:
        if getattr(data, "ndim", 1) != 1:
            raise PromptError(f"the columns of an array have no names; {ADVICE}")
        data = _listed(data) if hasattr(data, "tolist") else list(islice(data, MAX_VALUES + 1))
        if not any(isinstance(item, Mapping) for item in data):
            return _items(data, names)
    table = read_table(data)
    table.check(names)
    used = [name for name in table.columns if name in names]
    whole = ROW in names and ROW not in used  # {{row["any name"]}}, for names that no template can hold
    if len(table) and not (used or whole):
        raise _unused(table.columns)
    return [{name: row[name] for name in used} | ({ROW: row} if whole else {}) for row in table]


def _listed(column: Any) -> list[Any]:
    """Return the cells of a column or an array, as values of Python."""
    cells: list[Any] = column.tolist() if hasattr(column, "tolist") else column.to_list()
    return cells


def _items(items: Sequence[Any], names: Collection[str], own: Any = None) -> list[dict[str, Any]]:
    usual = plain(own) if isinstance(own, str) and own in names else USUAL_NAME
    name = next(iter(names)) if len(names) == 1 else usual
    if name not in names:
        raise _unused([usual])
    return [{name: item} for item in items]


def _unused(columns: Sequence[Any]) -> PromptError:
    names = one_line(", ".join(f"{{{{{name}}}}}" for name in columns if isinstance(name, str)), 200)
    return PromptError(f"the prompt contains no column of the rows; write {names or 'its name'} where a value belongs")


def _as_pandas(index: Any, values: list[Any]) -> Any:
    import pandas

    return pandas.Series(values, index=index, dtype=object).infer_objects()


def _as_polars(values: list[Any]) -> Any:
    import polars

    has_replies = any(isinstance(value, Reply) for value in values)
    kind = polars.Object if has_replies or not values else None
    return polars.Series("reply", values, dtype=kind, strict=False)

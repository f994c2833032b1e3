"""Read tables of any library: pandas, polars, Arrow, the dataframe interchange protocol, and our own rows.

No library is imported for the types, because a frame can only exist if its library was imported.
"""

from __future__ import annotations

import csv
import importlib
import io
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from claude_nb.errors import PromptError
from claude_nb.guard import attempt
from claude_nb.render.table import Table


class Head(NamedTuple):
    """The first rows of a table.

    labels        headings; an index of pandas comes first
    row_count     of the whole table; None: more than there are in `rows`, but unknown
    column_count  of the whole table, without the index
    """

    labels: list[str]
    rows: list[Sequence[Any]]
    row_count: int | None
    column_count: int


def head(value: Any, rows: int = sys.maxsize, columns: int = sys.maxsize) -> Head | None:
    """Return the first rows and columns of a table; None for any other value.

    None also if no installed library can read it. Raises whatever the table raises.
    """
    reader = _reader(value)
    return reader(value, rows, columns) if reader else None


def markdown(table: Head) -> str:
    """Return a table in Markdown."""
    return "\n".join([_row(table.labels), "|" + " --- |" * len(table.labels), *map(_row, table.rows)])


def as_csv(value: Any, most: int) -> str | None:
    """Return a whole table as CSV; None for any other value.

    most  characters; a table that has more rows or cells than that is refused before it is written

    The default index of pandas is left out, because it has no meaning. Any other index has a heading.
    """
    if is_of(value, "pandas", "DataFrame", "Series"):
        _refuse_long(value.size, most)
        pandas = sys.modules["pandas"]
        index = value.index
        if isinstance(index, pandas.RangeIndex) and index.name is None and (index.start, index.step) == (0, 1):
            return str(value.to_csv(index=False))
        names = [name if name is not None else f"level_{n}" for n, name in enumerate(index.names)]
        return str(value.to_csv(index_label=["index"] if names == ["level_0"] else names))
    table = head(value, most)
    if table is None:  # a table of a library that has no protocol but writes CSV
        written = value.to_csv() if callable(getattr(type(value), "to_csv", None)) else None
        return written if isinstance(written, str) else None
    _refuse_long(most + 1 if table.row_count is None else table.row_count * table.column_count, most)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.labels, *table.rows])
    return text.getvalue()


def _refuse_long(cells: int, most: int) -> None:
    if cells > most:
        raise PromptError("the table is too long to be attached; attach a part, such as its first 1000 rows")


_Reader = Callable[[Any, int, int], Head | None]


def _reader(value: Any) -> _Reader | None:
    """Return the function that reads a kind of table; None if the value is not a table."""
    kind = type(value)
    if isinstance(value, Table):
        return _ours
    if is_of(value, "pandas", "DataFrame", "Series"):
        return _pandas
    if is_of(value, "polars", "DataFrame", "Series", "LazyFrame"):
        return _polars
    if hasattr(kind, "__arrow_c_stream__"):
        return _stream
    return _interchange if hasattr(kind, "__dataframe__") else None


def is_of(value: Any, module: str, *names: str) -> bool:
    """Return whether a value is of a class of a library, which is not imported for this."""
    kinds = (getattr(sys.modules.get(module), name, None) for name in names)
    return isinstance(value, tuple(kind for kind in kinds if isinstance(kind, type)))


def _ours(value: Table, rows: int, columns: int) -> Head:
    names = value.columns
    return Head(
        names[:columns], [[row.get(name) for name in names[:columns]] for row in value[:rows]], len(value), len(names)
    )


def _pandas(value: Any, rows: int, columns: int) -> Head:
    frame = value.to_frame() if hasattr(value, "to_frame") else value
    names = [name for name in frame.index.names if name is not None]
    shown = frame.iloc[:rows, :columns]
    labels = [", ".join(map(str, names)), *map(str, shown.columns)]
    return Head(labels, [*islice(shown.itertuples(name=None), rows)], *frame.shape)


def _polars(value: Any, rows: int, columns: int) -> Head:
    polars = sys.modules["polars"]
    if isinstance(value, polars.LazyFrame):  # only as many rows are computed as are sent
        frame = value.head(min(rows, 2**31) + 1).collect()
    else:
        frame = value.to_frame() if isinstance(value, polars.Series) else value
    names = frame.columns[:columns]
    first = frame.head(rows).select(names).rows() if names else []
    unknown = frame is not value and isinstance(value, polars.LazyFrame) and frame.height > rows
    return Head(names, first, None if unknown else frame.height, frame.width)


def _stream(value: Any, rows: int, columns: int) -> Head | None:
    """Read an object with the Arrow PyCapsule interface, batch by batch."""
    if pyarrow := _installed("pyarrow"):
        try:
            reader = pyarrow.RecordBatchReader.from_stream(value)
        except pyarrow.ArrowInvalid:  # not a table but a column
            reader = pyarrow.table({"": pyarrow.chunked_array(value)}).to_reader()
        return _batches(reader, rows, columns, attempt(len, None, value))
    if polars := _installed("polars"):
        return _polars(polars.DataFrame(value), rows, columns)
    return None


def _interchange(value: Any, rows: int, columns: int) -> Head | None:
    """Read an object with the dataframe interchange protocol."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries call the protocol outdated, but it is all that the object has
        if interchange := _installed("pyarrow.interchange"):
            return _stream(interchange.from_dataframe(value), rows, columns)
        if interchange := _installed("pandas.api.interchange"):
            return _without_index(_pandas(interchange.from_dataframe(value), rows, columns))
    return None


def _without_index(table: Head) -> Head:
    return table._replace(labels=table.labels[1:], rows=[row[1:] for row in table.rows])


def _batches(reader: Iterable[Any], rows: int, columns: int, row_count: Any) -> Head:
    found: list[Sequence[Any]] = []
    count = 0
    for batch in reader:
        count += batch.num_rows
        if wanted := max(0, min(rows - len(found), batch.num_rows)):
            cut = batch.slice(0, wanted)
            found += zip(*(column.to_pylist() for column in cut.columns[:columns]), strict=True)
        if count > rows:
            break
    names = list(reader.schema.names)  # type: ignore[attr-defined]  # pyarrow has no types
    known = row_count if isinstance(row_count, int) else None if count > rows else count
    return Head(names[:columns], found, known, len(names))


def _installed(name: str) -> Any:
    with suppress(ImportError):
        return importlib.import_module(name)
    return None


def _row(cells: Iterable[Any]) -> str:
    texts = (str(cell).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(text.replace("\n", " ") for text in texts) + " |"

"""Rows of a table of any kind: pandas, polars, Arrow, a list of dicts, a dict of columns, a CSV file."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import guarded, is_a, plain, shown
from claude_nb.prompting import files, tables
from claude_nb.render.chars import counted
from claude_nb.sweeps.axes import is_missing
from claude_nb.sweeps.axes import plain as plain_value

MAX_ROWS = 100_000
MAX_FILE_BYTES = 200_000_000
DELIMITERS = ",;\t|"
CSV_ENDINGS = (".csv", ".tsv", ".txt")
HOW = "pass a DataFrame, a list of dicts or the path of a .csv file"

Row = dict[str, Any]


class Rows(Sequence[Row]):
    """The rows as dicts of Python's own values. A missing cell is None.

    columns  the names, as text
    doubled  names that several columns have; the rows hold the first of them
    notices  what the user should know about the file
    """

    def __init__(
        self, columns: Iterable[Any], records: Iterable[Sequence[Any]], *, notices: Iterable[str] = ()
    ) -> None:
        names = [_name(column) for column in columns]
        self.columns = list(dict.fromkeys(names))
        self.doubled = frozenset(name for name, count in Counter(names).items() if count > 1)
        self.notices = tuple(notices)
        places = {name: names.index(name) for name in self.columns}
        self._rows = [{name: _value(record[i]) for name, i in places.items()} for record in records]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def check(self, used: Iterable[str]) -> None:
        """Raise PromptError for a column that is used and cannot be told from another one."""
        if unclear := sorted(self.doubled.intersection(used)):
            raise PromptError(f"several columns are named {unclear[0]}; rename all but one of them")


def read(rows: Any) -> Rows:
    """Return the rows of a table. Raises PromptError for anything else, and for a table without rows."""
    found: Rows = guarded("the rows cannot be read", read_table, rows)
    if not len(found):
        raise PromptError("the table has no rows; pass a table with at least one")
    if len(found) > MAX_ROWS:
        raise PromptError(f"the table has more than {MAX_ROWS:,} rows; pass a part of it")
    return found


def read_table(rows: Any) -> Rows:
    """Return the rows of a table, which may have none. Raises PromptError, and whatever the table raises."""
    if isinstance(rows, Rows):
        return rows
    if is_a(rows, (str, os.PathLike)):
        return _of_file(plain(rows) if isinstance(rows, str) else str(rows))
    table = tables.head(rows, MAX_ROWS + 1)
    if table is not None and table.labels:
        has_index = tables.is_of(rows, "pandas", "DataFrame", "Series")
        skip = 1 if has_index else 0
        return Rows(table.labels[skip:], [record[skip:] for record in table.rows])
    if is_a(rows, Mapping):
        return _of_columns(rows)
    if is_a(rows, Iterable) and not is_a(rows, (bytes, bytearray)):
        return _of_records(list(islice(rows, MAX_ROWS + 1)))
    raise PromptError(f"rows is not a table but {shown(rows)}; {HOW}")


def _of_columns(columns: Mapping[Any, Any]) -> Rows:
    if any(is_a(values, str) or not is_a(values, Iterable) for values in columns.values()):
        raise PromptError(f"rows is a dict, but not of columns; {HOW}")
    lists = [[*islice(values, MAX_ROWS + 1)] for values in columns.values()]
    if len({*map(len, lists)}) > 1:
        raise PromptError("the columns of rows differ in length; make them equal")
    return Rows(columns, zip(*lists, strict=True))


def _of_records(records: list[Any]) -> Rows:
    for number, record in enumerate(records, 1):
        if not is_a(record, Mapping):
            raise PromptError(f"row {number} is not a dict but {shown(record)}; {HOW}")
    keys = list(dict.fromkeys(key for record in records for key in record))
    return Rows(keys, [[record.get(key) for key in keys] for record in records])


def _of_file(path: str) -> Rows:
    [found] = files.matching(path, 1)
    if found.suffix.lower() not in CSV_ENDINGS:
        raise PromptError(f"{shown(path)} is not the name of a .csv file; {HOW}")
    text, notices = _decoded(files.read(found, MAX_FILE_BYTES).data, found)
    if "\0" in text:
        raise PromptError(f"{found} is not a text file; save the table as CSV in UTF-8")
    before = csv.field_size_limit(MAX_FILE_BYTES)
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)) if line]
    except csv.Error as error:
        raise PromptError(f"{found} is not a valid CSV file: {error}") from None
    finally:
        csv.field_size_limit(before)
    if not lines:
        raise PromptError(f"{found} is empty; pass a file with a line of column names")
    head, *records = lines
    return Rows(head, _filled(records, len(head), found), notices=notices)


def _filled(records: Iterable[list[str]], width: int, path: Path) -> Iterator[list[str | None]]:
    """Yield each line with a value for every column. Raises PromptError for a line with more cells."""
    for number, record in enumerate(records, 1):
        if len(record) > width:
            raise PromptError(
                f"row {number} of {path} has {len(record)} cells for {counted(width, 'column')}; "
                "put quotes around a text with a comma"
            )
        yield [cell or None for cell in record] + [None] * (width - len(record))


def _decoded(data: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the text of a file in UTF-8, in UTF-16 with its mark, or in the old code of Windows."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), ()
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        note = f"{path.name} is not in UTF-8, so it is read as Windows-1252; save it as UTF-8 if letters look wrong"
        return data.decode("cp1252", errors="replace"), (note,)


def _delimiter(text: str) -> str:
    """Return what separates the columns: the most frequent one in the line of names, outside of quotes."""
    head = next(iter(text.lstrip("\r\n").splitlines()), "")
    bare = "".join(head.split('"')[::2])
    return max(DELIMITERS, key=bare.count)


def _name(column: Any) -> str:
    return plain(column).strip() if is_a(column, str) else str(column)


def _value(value: Any) -> Any:
    """Return a value as Python's own; None for what tables write into an empty cell: NaN, NaT, NA."""
    return None if is_missing(value) else plain_value("", value)

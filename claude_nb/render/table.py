"""Tables as text and as HTML, and rows that show themselves as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from claude_nb.errors import ConfigError
from claude_nb.guard import attempt, kind_of
from claude_nb.render.chars import one_line, terminal_safe
from claude_nb.safe_text.visible import mended

if TYPE_CHECKING:
    import pandas

SHOWN_ROWS = 60
SHOWN_CHARS = 80
MOST_COLUMNS = 8  # that are shown as they are
PAGE_CHARS = 120
BREAKABLE_CHARS = 12  # a cell with more may break inside a word
LEFT = ' style="text-align:left"'


def text_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows below their headings, in columns of equal width."""
    lines = [names, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def html_table(names: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Return an HTML table. The cells are HTML already; the headings are plain text."""
    head = "".join(f'<th scope="col"{LEFT}>{escape(name)}</th>' for name in names)
    body = "".join(f"<tr>{''.join(f'<td{LEFT}>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Table(list[dict[str, Any]]):
    """A list of dicts that a notebook shows as a table.

    Of many columns, those with one value in all rows are shown below the table. to_pandas() has all of them.

    note  a remark below the table
    """

    def __init__(self, rows: Iterable[dict[str, Any]] = (), note: str = "") -> None:
        super().__init__(rows)
        self.note = note

    @property
    def columns(self) -> list[str]:
        """All names, in the order in which they first occur."""
        return list(dict.fromkeys(name for row in self for name in row))

    def to_pandas(self) -> pandas.DataFrame:
        """Return the rows as a DataFrame. Raises ConfigError without pandas."""
        try:
            import pandas
        except ImportError:
            raise ConfigError("to_pandas() needs pandas; install it with %pip install pandas") from None
        try:
            frame: pandas.DataFrame = pandas.DataFrame(list(self), columns=self.columns)
        except UnicodeEncodeError:  # pandas 3 keeps texts in Arrow, which has no half surrogate pairs
            rows = [
                {name: mended(cell) if isinstance(cell, str) else cell for name, cell in row.items()} for row in self
            ]
            frame = pandas.DataFrame(rows, columns=self.columns)
        return frame

    def __repr__(self) -> str:
        names, cells, below = self._shown()
        return terminal_safe("\n".join([*_blocks(names, cells), *below]))

    def _repr_html_(self) -> str:
        names, cells, below = self._shown()
        table = html_table(names, ((_html_cell(cell) for cell in row) for row in cells))
        # A long heading breaks at its underscores, so that its column is no wider than the values.
        head, body = table.split("<tbody>", 1)
        table = f"{head.replace('_', '_<wbr>')}<tbody>{body}"
        if len(names) > MOST_COLUMNS:
            table = table.replace(LEFT, f'{LEFT[:-1]};padding:.3em"')
        return f'<div style="overflow-x:auto">{table}{"<br>".join(map(escape, below))}</div>'

    def _shown(self) -> tuple[list[str], list[list[str]], list[str]]:
        """Return the headings, the cells of the first rows, and the lines below them."""
        names = self.columns
        below = [f"... and {len(self) - SHOWN_ROWS:,} more rows"] if len(self) > SHOWN_ROWS else []
        if len(names) > MOST_COLUMNS and len(self) == 1:  # the columns one below the other
            pairs = [[name, cell] for name in names if (cell := _cell(self[0].get(name)))]
            return ["", ""], pairs, [self.note] if self.note else []
        if len(names) > MOST_COLUMNS:
            shared = {name: text for name in names if (text := self._shared(name)) is not None}
            names = [name for name in names if name not in shared]
            known = " · ".join(f"{name} {text}" for name, text in shared.items() if text)
            below += [f"in every row: {known}"] if known else []
        below += [self.note] if self.note else []
        return names, [[_cell(row.get(name)) for name in names] for row in self[:SHOWN_ROWS]], below

    def _shared(self, name: str) -> str | None:
        """Return the text that all cells of a column have; None if they differ."""
        first = _cell(self[0].get(name))
        return first if all(_cell(row.get(name)) == first for row in self) else None


def _blocks(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table as text, as several ones below each other where it is too wide for the page."""
    widths = [2 + max(len(line[i]) for line in (names, *rows)) for i in range(len(names))]
    starts = [0]
    for i in range(len(widths)):
        if i > starts[-1] and sum(widths[starts[-1] : i + 1]) > PAGE_CHARS:
            starts.append(i)
    if len(starts) == 1:
        yield text_table(names, rows)
        return
    for begin, end in pairwise([*starts, len(names)]):
        numbered = [[str(number), *row[begin:end]] for number, row in enumerate(rows)]
        yield text_table(["", *names[begin:end]], numbered) + ("\n" if end < len(names) else "")


def _html_cell(text: str) -> str:
    """Return a cell as HTML. A long one may break anywhere, so that the table fits the page."""
    shown = escape(text)
    return f'<span style="overflow-wrap:anywhere">{shown}</span>' if len(text) > BREAKABLE_CHARS else shown


def _cell(value: Any) -> str:
    return attempt(_written, f"<{kind_of(value)}>", value)


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return one_line(str(value), SHOWN_CHARS)

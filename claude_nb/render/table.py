"""Tables as text and as HTML, and rows that show themselves as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from claude_nb.errors import ConfigError
from claude_nb.render.chars import one_line

if TYPE_CHECKING:
    import pandas

SHOWN_ROWS = 60
SHOWN_CHARS = 80
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
    """A list of dicts that a notebook shows as a table."""

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
        frame: pandas.DataFrame = pandas.DataFrame(list(self), columns=self.columns)
        return frame

    def __repr__(self) -> str:
        return text_table(self.columns, self._cells()) + self._rest()

    def _repr_html_(self) -> str:
        table = html_table(self.columns, (map(escape, row) for row in self._cells()))
        return f'<div style="overflow-x:auto">{table}{escape(self._rest().strip())}</div>'

    def _cells(self) -> list[list[str]]:
        names = self.columns
        return [[_cell(row.get(name)) for name in names] for row in self[:SHOWN_ROWS]]

    def _rest(self) -> str:
        more = len(self) - SHOWN_ROWS
        return f"\n... and {more:,} more rows" if more > 0 else ""


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return one_line(str(value), SHOWN_CHARS)

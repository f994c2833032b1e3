"""Rows as plain dicts, which show themselves as a table."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from claude_nb.errors import ConfigError

if TYPE_CHECKING:
    import pandas

SHOWN_ROWS = 60
SHOWN_CHARS = 80


class Table(list[dict[str, Any]]):
    """A list of dicts; in a notebook it is drawn as a table."""

    @property
    def columns(self) -> list[str]:
        """All names, in the order in which they first come."""
        return list(dict.fromkeys(name for row in self for name in row))

    def to_pandas(self) -> pandas.DataFrame:
        """As a DataFrame; needs pandas."""
        try:
            import pandas
        except ImportError:
            raise ConfigError("to_pandas() needs pandas: pip install pandas; .rows works without it") from None
        frame: pandas.DataFrame = pandas.DataFrame(list(self), columns=self.columns)
        return frame

    def __repr__(self) -> str:
        names = self.columns
        lines = [names, *([_written(row.get(name)) for name in names] for row in self[:SHOWN_ROWS])]
        widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
        shown = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
        return "\n".join(line.rstrip() for line in shown) + self._rest()

    def _repr_html_(self) -> str:
        names = self.columns
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_written(row.get(name)))}</td>" for name in names) + "</tr>"
            for row in self[:SHOWN_ROWS]
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<div style="overflow-x:auto">{table}{escape(self._rest().strip())}</div>'

    def _rest(self) -> str:
        more = len(self) - SHOWN_ROWS
        return f"\n... and {more:,} more rows" if more > 0 else ""


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    text = " ".join(str(value).split())
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"

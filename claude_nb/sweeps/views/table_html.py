"""An evaluation as static HTML, for saved notebooks and for front ends without widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from claude_nb.sweeps.evaluation.results import EvaluationResults
from claude_nb.sweeps.views import table_data
from claude_nb.sweeps.views.html import CELL, NOTE, line

SHOWN_ROWS = 60
MOST_CHARS = 1_500  # of a text
MARKS = {"passed": "✔", "failed": "✘", "scored": "•"}
COLOURS = {"passed": "rgba(46,125,50,.14)", "failed": "rgba(179,38,30,.16)"}
HEAD = "text-align:left;vertical-align:top;font-weight:bold"
PRE = "white-space:pre-wrap;overflow-wrap:anywhere;margin:2px 0 6px"


def table_html(result: EvaluationResults) -> str:
    """Return a table of rows and variants: rows that differ first, then failures, then the others."""
    names, cells = table_data.rows(result), table_data.cells(result)
    order = sorted(range(len(cells)), key=lambda i: (not differs(cells[i]), not fails(cells[i])))[:SHOWN_ROWS]
    rates = [table_data.rate_line([row[i] for row in cells]) for i in range(len(result.variants))]
    titles = zip(("row", "expected", *result.variants), ("", "", *rates), strict=True)
    head = "".join(f'<th scope="col" style="{HEAD}">{escape(name)}{line(rate)}</th>' for name, rate in titles)
    style = f"{CELL};font-weight:normal;overflow-wrap:anywhere"
    body = "".join(
        f'<tr><th scope="row" style="{style}">{i}: {escape(names[i]["name"])}</th>'
        f'<td style="{style}">{escape(names[i]["expected"])}</td>{"".join(map(_cell, cells[i]))}</tr>'
        for i in order
    )
    hidden = len(result.table.rows) - len(order)
    rest = f"{hidden:,} more rows: those that differ come first, then failures; .rows has all" if hidden else ""
    missing = f"{result.left:,} replies are missing; resume() asks for them" if result.left else ""
    table = f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return (
        f'<div class="cnb-evaluation-{result.id}">{line(getattr(result, "note", ""))}'
        f'<div style="overflow-x:auto;margin-top:8px">{table}</div>{line(rest, missing)}</div>'
    )


def differs(cells: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the variants differ in a row."""
    values = {cell["value"] for cell in cells if cell["value"] is not None}
    return len(values) > 1


def fails(cells: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a reply of a row did not pass."""
    return any(cell["outcome"] not in table_data.GOOD for cell in cells)


def _cell(cell: Mapping[str, Any]) -> str:
    replies = cell["replies"]
    first = replies[0]["text"] or replies[0]["end"]
    share = f" ({cell['value']:.0%})" if len(replies) > 1 and cell["value"] is not None else ""
    colour = COLOURS.get(cell["outcome"], "none")
    mark = f"{MARKS.get(cell['outcome'], '–')} {cell['outcome']}{share}"
    parts = [_part("prompt", cell["prompt"])]
    for reply in replies:
        parts.append(_part("reply", reply["text"] or "(none)"))
        parts += [_part(f"{name}: {verdict}", reason) for name, verdict, reason in reply["grades"]]
        parts += [_part(reply["outcome"], reply["end"])] if reply["end"] else []
    return (
        f'<td style="{CELL};background:{colour}"><b>{escape(mark)}</b>'
        f'<details><summary style="cursor:pointer;overflow-wrap:anywhere">{escape(first[:60])}</summary>'
        f"{''.join(parts)}</details></td>"
    )


def _part(name: str, text: str) -> str:
    shown = text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}…"
    return f'<div style="{NOTE}">{escape(name)}</div><div style="{PRE}">{escape(shown)}</div>'

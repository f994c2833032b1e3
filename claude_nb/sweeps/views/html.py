"""A sweep as static HTML, for saved notebooks and for front ends without widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import product
from typing import Any

from claude_nb import render
from claude_nb.render import reply as footer
from claude_nb.sweeps.metrics import registry, statistics
from claude_nb.sweeps.metrics.registry import FEW, FEW_NOTE, Metric
from claude_nb.sweeps.results import Results
from claude_nb.sweeps.views import grid_data
from claude_nb.types.reply import Reply

STRIP_WORDS = 24
STRIPS = 12
TEXTS = 12
TEXT_CHARS = 400

NOTE = "font-size:.85em;color:var(--jp-ui-font-color2,#757575)"
TAIL_CHARS = 1_500
COLUMN = "flex:1 1 260px;min-width:0;padding:8px 10px;border:1px solid var(--jp-border-color2,#ddd);border-radius:8px"
CELL = "vertical-align:top;text-align:left;padding:6px 8px;border:1px solid var(--jp-border-color2,#ddd);min-width:9em"


def grid_html(sweep: Results, metric: str | None = None) -> str:
    """Return tables with the first axis down and the second across; one table for each combination of the others.

    metric  the one to show; None: the first one that has values
    """
    chosen = registry.find(metric or registry.default_metric(sweep.samples(), sweep.checks), sweep.checks)
    cells = {tuple(cell["at"]): cell for cell in grid_data.cells(sweep, [chosen])}
    axes = grid_data.axes(sweep)
    down, across, others = axes[0], axes[1] if len(axes) > 1 else {"name": "", "values": [""]}, axes[2:]
    numbers = [cell["values"][chosen.name][0] for cell in cells.values() if cell["n"]]
    span = (min(known), max(known)) if (known := [n for n in numbers if n is not None]) else (0.0, 0.0)
    tables = []
    for rest in product(*(range(len(axis["values"])) for axis in others)):
        name = ", ".join(f"{axis['name']} {axis['values'][i]}" for axis, i in zip(others, rest, strict=True))
        rows = [
            [cells.get((i, j, *rest) if len(axes) > 1 else (i,)) for j in range(len(across["values"]))]
            for i in range(len(down["values"]))
        ]
        tables.append(_table(name, down, across, [[_cell(cell, chosen, span) for cell in row] for row in rows]))
    above = line(sweep.history_note, grid_data.check_problem(sweep))
    return f'<div class="cnb-sweep-{sweep.id}">{above}{"".join(tables)}{_legend(sweep, chosen)}</div>'


def columns_html(sweep: Results, running: Mapping[int, str] | None = None) -> str:
    """Return replies side by side. running: the texts of running replies by case; None: all have ended."""
    replies = {i: reply for i, _, reply in sweep.numbered()}
    columns = []
    for i, case in enumerate(sweep.cases):
        if case.locked:
            body = f'<div style="{NOTE}">locked: {escape(case.locked)}</div>'
        elif i in replies:
            reply = replies[i]
            body = footer.body(reply) + f'<div style="{NOTE}">{escape(side_by_side(reply))}</div>'
            body += f'<div style="{NOTE}">{escape(reply.error)}</div>' if reply.error else ""
        else:
            body = _tail((running or {}).get(i, ""), ended=running is None)
        columns.append(f'<div style="{COLUMN}"><b>{escape(sweep.plan.title(case))}</b>{body}</div>')
    row = f'<div style="display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start">{"".join(columns)}</div>'
    return line(sweep.history_note) + row


def side_by_side(reply: Reply) -> str:
    """Return the footer of a reply beside others. The time of a recorded one cannot be compared, and is left out."""
    return footer.line(reply, timed=reply.is_timed)


def _tail(text: str, *, ended: bool) -> str:
    """Return the end of a running reply."""
    hidden = len(text) - TAIL_CHARS
    if hidden <= 0:
        return render.tail_html(text) if text else f'<div style="{NOTE}">{"no reply" if ended else "waiting ..."}</div>'
    note = f'<div style="{NOTE}">… {hidden:,} earlier characters are drawn when the reply ends</div>'
    return note + render.tail_html(text[hidden:])


def _table(name: str, down: Mapping[str, Any], across: Mapping[str, Any], rows: Sequence[Sequence[str]]) -> str:
    corner = " / ".join(name for name in (down["name"], across["name"]) if name)
    head = "".join(f'<th scope="col" style="text-align:left">{escape(value)}</th>' for value in across["values"])
    body = "".join(
        f'<tr><th scope="row" style="text-align:left;vertical-align:top">{escape(value)}</th>{"".join(row)}</tr>'
        for value, row in zip(down["values"], rows, strict=True)
    )
    caption = f"<caption>{escape(name)}</caption>" if name else ""
    start = f'<th scope="col" style="text-align:left;font-weight:normal">{escape(corner)}</th>'
    return (
        f'<div style="overflow-x:auto"><table style="border-collapse:collapse">{caption}'
        f"<thead><tr>{start}{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Mapping[str, Any] | None, metric: Metric, span: tuple[float, float]) -> str:
    if cell is None:
        return f'<td style="{CELL}"></td>'
    if cell["locked"]:
        return f'<td style="{CELL};opacity:.7">locked: {escape(cell["locked"])}</td>'
    number, shown = cell["values"][metric.name]
    strips = "".join(strip_html(reply["text"]) for reply in cell["texts"][:STRIPS] if not reply["error"])
    failed = f", {cell['failed']} failed" if cell["failed"] else ""
    count = f'<span style="{NOTE}"> n = {cell["n"]}{failed}</span>'
    style = f"{CELL};background:rgba(201,100,66,{shade(number, span):.2f})"
    return f'<td style="{style}"><b>{escape(shown)}</b>{count}{strips}{_texts(cell["texts"])}</td>'


def _texts(texts: Sequence[Mapping[str, Any]]) -> str:
    if not texts:
        return ""
    items = []
    for reply in texts[:TEXTS]:
        text = reply["error"] or reply["text"]
        shown = text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]}…"
        failed = "<i>failed:</i> " if reply["error"] else ""
        items.append(f'<li style="white-space:pre-wrap">{failed}{escape(shown)}</li>')
    more = f'<li style="{NOTE}">and {len(texts) - TEXTS} more</li>' if len(texts) > TEXTS else ""
    return f'<details><summary style="{NOTE};cursor:pointer">texts</summary><ol>{"".join(items)}{more}</ol></details>'


def _legend(sweep: Results, metric: Metric) -> str:
    parts = [f"{metric.label}: {metric.help}", "each strip is one reply, the same word in the same colour"]
    if sweep.n < FEW:
        parts.append(FEW_NOTE)
    if sweep.left:
        parts.append(f"{sweep.left} replies are missing")
    return line(*parts)


def line(*parts: str) -> str:
    """Return remarks as a line; "" without any."""
    text = " · ".join(filter(None, parts))
    return f'<div style="{NOTE}">{escape(text)}</div>' if text else ""


def strip_html(text: str) -> str:
    """Return a reply as a strip of coloured words, in one element. Repetition shows as a pattern."""
    words = statistics.words(text)[:STRIP_WORDS]
    if not words:
        return ""
    stops = [
        f"{hue(word)} {100 * i / STRIP_WORDS:.1f}% {100 * (i + 1) / STRIP_WORDS:.1f}%" for i, word in enumerate(words)
    ]
    end = f"transparent {100 * len(words) / STRIP_WORDS:.1f}%"
    colours = ",".join([*stops, end])
    return f'<div style="height:5px;margin:2px 0;background:linear-gradient(90deg,{colours})"></div>'


def hue(word: str) -> str:
    """Return the colour of a word, the same as in the live grid (js/src/cells.js)."""
    number = 0x811C9DC5  # FNV-1a
    for letter in word:
        number = (number ^ ord(letter)) * 0x01000193 & 0xFFFFFFFF
    return f"hsl({number % 360},{45 + number // 360 % 3 * 12}%,{52 + number // 1080 % 3 * 9}%)"


def shade(number: float | None, span: tuple[float, float]) -> float:
    """Return how strongly a cell is tinted, 0 to 0.35, by its place between the lowest and the highest value."""
    low, high = span
    return 0.0 if number is None or high <= low else 0.35 * (number - low) / (high - low)

"""Views of a running sweep: a progress bar and a live grid, streaming columns, or one grid at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from claude_nb import render
from claude_nb.render import reply as footer
from claude_nb.render.chars import write_out
from claude_nb.render.rate import Rate
from claude_nb.session import frontend
from claude_nb.session.session import Session
from claude_nb.sweeps.sweep import Sweep, SweepObserver
from claude_nb.sweeps.views import grid_data
from claude_nb.sweeps.views.html import columns_html, grid_html, side_by_side
from claude_nb.sweeps.views.table_html import table_html

if TYPE_CHECKING:
    from claude_nb.sweeps.views.grid_widget import Sheet, State
    from claude_nb.sweeps.views.progress import Bar

# As in render/live.py: each drawing replaces the one before, so the rate is bounded.
BYTES_PER_S = 12_000
SHORTEST_S, LONGEST_S = 0.15, 1.5

Kind = Literal["grid", "columns", "rows", "table"]


def view_for(session: Session, *, show: bool, kind: Kind) -> SweepObserver:
    """Return the view that fits: a notebook with a person in front, a run without one, or a terminal.

    kind  a grid of the cases, columns that stream, rows that the caller shows, or the table of an evaluation
    """
    mode = frontend.mode_for(session.credentials.setting("DISPLAY"))
    if not show:
        return SweepObserver()
    if mode == "text":
        return TextColumns() if kind == "columns" else Text()
    if kind == "rows":
        return Progress() if mode == "live" else Notebook()
    if mode == "live":
        return (
            LiveColumns()
            if kind == "columns"
            else Live(_table, table_html)
            if kind == "table"
            else Live(_grid, grid_html)
        )
    return Once(columns_html if kind == "columns" else table_html if kind == "table" else grid_html)


class Text(SweepObserver):
    """View for a terminal: the forecast and a progress bar, on stderr."""

    _bar: Bar | None = None

    def announce(self, line: str) -> None:
        sys.stderr.write(render.terminal_safe(f"[{line}]\n"))

    def begin(self, sweep: Sweep) -> None:
        from claude_nb.sweeps.views.progress import bar

        self._bar = bar(sweep.total, len(sweep))

    def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None:  # noqa: ARG002  # a bar shows no texts
        if self._bar:
            self._bar.show(len(sweep), money(sweep))

    def end(self, sweep: Sweep) -> None:
        if self._bar:
            self._bar.show(len(sweep), money(sweep))
            self._bar.close()
        if sweep.hopeless:
            sys.stderr.write(render.terminal_safe(f"[{_hopeless(sweep)}]\n"))


class TextColumns(SweepObserver):
    """View for a terminal: the replies one below the other, at the end."""

    def end(self, sweep: Sweep) -> None:
        if sweep.history_note:
            write_out(f"[{sweep.history_note}]\n\n")
        for title, reply in sweep.titled():
            shown = f"{title}\n{reply.error or reply.text}\n[{side_by_side(reply)}]\n\n"
            write_out(shown)
        sys.stdout.flush()


class Notebook(SweepObserver):
    """Base of the views in a notebook: they write outputs of a cell."""

    def __init__(self) -> None:
        self._count = frontend.run_count()

    def announce(self, line: str) -> None:
        self._say(line)

    def is_above(self) -> bool:
        return self._count is not None and self._count == frontend.run_count()

    def _say(self, line: str) -> None:
        from IPython.display import publish_display_data

        from claude_nb.render.live import note_html

        publish_display_data({"text/html": note_html(line), "text/plain": render.terminal_safe(line)}, {})

    def _publish(self, sweep: Sweep, html: str) -> None:
        from IPython.display import publish_display_data

        publish_display_data({"text/html": html, "text/plain": repr(sweep)}, {})


class Once(Notebook):
    """View for a run of all cells without a person: the final state."""

    def __init__(self, html: Callable[[Any], str]) -> None:
        super().__init__()
        self._html = html

    def end(self, sweep: Sweep) -> None:
        self._count = frontend.run_count()
        self._publish(sweep, self._html(sweep))
        if sweep.hopeless:
            self._say(_hopeless(sweep))


class Progress(Notebook):
    """View for a person: a progress bar."""

    _bar: Bar | None = None

    def begin(self, sweep: Sweep) -> None:
        from claude_nb.sweeps.views.progress import bar

        self._count = frontend.run_count()
        self._bar = bar(sweep.total, len(sweep))

    def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None:  # noqa: ARG002  # a bar shows no texts
        if self._bar:
            self._bar.show(len(sweep), money(sweep))

    def end(self, sweep: Sweep) -> None:
        if self._bar:
            self._bar.show(len(sweep), money(sweep))
            self._bar.close()


class Live(Progress):
    """View for a person: a progress bar and a live grid or table, and a static one below for the saved notebook."""

    _grid: Sheet | None = None

    def __init__(self, widget: Callable[[Any, State], Sheet], html: Callable[[Any], str]) -> None:
        super().__init__()
        self._widget, self._html = widget, html

    def begin(self, sweep: Sweep) -> None:
        from IPython.display import display

        super().begin(sweep)
        self._grid = self._widget(sweep, _state(sweep, live=True))
        display(self._grid)

    def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None:
        super().update(sweep, texts)
        if self._grid:
            self._grid.update(_state(sweep, live=True))

    def end(self, sweep: Sweep) -> None:
        super().end(sweep)
        if self._grid:
            self._grid.finish(_state(sweep, live=False))
        # The widget hides the static grid. A saved notebook shows only the static grid.
        self._publish(sweep, self._html(sweep))
        if sweep.hopeless:
            self._say(_hopeless(sweep))


class LiveColumns(Notebook):
    """View for a person: replies side by side, as they stream."""

    def begin(self, sweep: Sweep) -> None:
        self._count = frontend.run_count()
        self._id = uuid4().hex
        self._rate = Rate(BYTES_PER_S, SHORTEST_S, LONGEST_S)
        self._draw(sweep, {}, update=False)

    def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None:
        if not self._rate.wait_s(time.monotonic()):
            self._draw(sweep, texts)

    def end(self, sweep: Sweep) -> None:
        self._draw(sweep, None)
        if sweep.hopeless:
            self._say(_hopeless(sweep))

    def _draw(self, sweep: Sweep, texts: Mapping[int, str] | None, *, update: bool = True) -> None:
        from IPython.display import publish_display_data

        html = columns_html(sweep, texts)
        plain = "\n\n".join(f"{title}\n{reply.text}" for title, reply in sweep.titled())
        bundle = {"text/html": html, "text/plain": plain}
        publish_display_data(bundle, {}, transient={"display_id": self._id}, update=update)
        self._rate.drawn(time.monotonic(), len(html.encode()))


def money(sweep: Sweep) -> str:
    """Return the cost of a sweep so far: "$0.0123", "free", "cost unknown"."""
    replies = [reply for reply in sweep.replies if reply.source != "replay"]
    if all(reply.provider == "demo" for reply in replies):
        return "free"
    if any(reply.cost_usd is None and not reply.broke_off for reply in replies):
        return "cost unknown"
    return footer.dollars(sweep.cost_usd)


def _grid(sweep: Any, state: State) -> Sheet:
    from claude_nb.sweeps.views.grid_widget import Grid

    return Grid(sweep, state)


def _table(result: Any, state: State) -> Sheet:
    from claude_nb.sweeps.views.table_widget import TableWidget

    return TableWidget(result, state)


def _state(sweep: Sweep, *, live: bool) -> State:
    from claude_nb.sweeps.views.grid_widget import State

    progress = f"{len(sweep):,} of {sweep.total:,} replies" if live or sweep.left else f"{len(sweep):,} replies"
    failed = sum(reply.broke_off for reply in sweep.replies)
    parts = [progress, f"{failed:,} failed" if failed else "", money(sweep) if len(sweep) else "", sweep.history_note]
    parts += [] if live else [grid_data.check_problem(sweep)]
    return State(len(sweep), sweep.total, " · ".join(filter(None, parts)), live)


def _hopeless(sweep: Sweep) -> str:
    return f"{sweep.left:,} calls were not sent: {sweep.hopeless}; continue with .resume()"

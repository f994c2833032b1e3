"""The live table of an evaluation: rows and variants. Its whole state is in traits, so a reloaded page shows it."""

from __future__ import annotations

from typing import Any

import traitlets as t

from claude_nb.render import STATIC
from claude_nb.sweeps.evaluation.results import EvaluationResults
from claude_nb.sweeps.views import table_data
from claude_nb.sweeps.views.grid_widget import Sheet, State


class TableWidget(Sheet):
    """The cells of an evaluation. The front end filters and pages; the whole of a cell is sent when it is opened."""

    _esm = STATIC / "evaluation.js"
    _css = STATIC / "evaluation.css"

    variants: t.List[Any] = t.List().tag(sync=True)
    rows: t.List[Any] = t.List().tag(sync=True)
    rates: t.List[Any] = t.List().tag(sync=True)
    note = t.Unicode().tag(sync=True)
    opened: t.List[Any] = t.List().tag(sync=True)
    detail = t.Dict().tag(sync=True)

    def __init__(self, result: EvaluationResults, state: State, **options: Any) -> None:
        self._result = result
        super().__init__(result, state, variants=[*result.variants], rows=table_data.rows(result), **options)
        self.observe(self._show, "opened")

    def _now(self, state: State) -> dict[str, Any]:
        cells = table_data.cells(self._result)
        rates = [table_data.rate_line([row[i] for row in cells]) for i in range(len(self._result.variants))]
        hidden = len(self._result.table.rows) - len(cells)
        more = [f"the first {len(cells):,} rows are shown; .rows has all"] if hidden > 0 else []
        notes = [] if state.live else [*more, getattr(self._result, "note", "")]
        return {"cells": cells, "rates": rates, "note": " · ".join(filter(None, notes))}

    def _show(self, change: Any) -> None:
        """Send the whole of the cell that was opened."""
        place = change["new"]
        if len(place) == 2 and all(isinstance(i, int) for i in place):
            row, variant = place
            if 0 <= row < len(self._result.table.rows) and 0 <= variant < len(self._result.variants):
                self.detail = table_data.detail(self._result, row, variant)

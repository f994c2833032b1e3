"""The live grid of a sweep. Its whole state is in traits, so a reloaded page shows all of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import anywidget
import traitlets as t

from claude_nb.render import STATIC
from claude_nb.render.rate import Rate
from claude_nb.sweeps.metrics import registry
from claude_nb.sweeps.results import Results
from claude_nb.sweeps.views import grid_data

# Each update sends all cells, so large grids are updated less often.
BYTES_PER_S = 100_000
SHORTEST_S = 0.25


@dataclass(frozen=True)
class State:
    """The progress of a sweep. line: as text."""

    done: int
    total: int
    line: str
    live: bool


class Grid(anywidget.AnyWidget):
    """The cells of a sweep. A slow metric is computed when the user chooses it.

    update() draws at a bounded rate, finish() draws the final state.
    """

    _esm = STATIC / "grid.js"
    _css = STATIC / "grid.css"

    uid = t.Unicode().tag(sync=True)
    axes: t.List[Any] = t.List().tag(sync=True)
    cells: t.List[Any] = t.List().tag(sync=True)
    metrics: t.List[Any] = t.List().tag(sync=True)
    metric = t.Unicode().tag(sync=True)
    state = t.Dict().tag(sync=True)

    def __init__(
        self, sweep: Results, state: State, *, clock: Callable[[], float] = time.monotonic, **options: Any
    ) -> None:
        self._sweep = sweep
        self._clock = clock
        self._computed: tuple[str, ...] = ()
        self._default = ""
        self._rate = Rate(BYTES_PER_S, SHORTEST_S)
        super().__init__(uid=sweep.id, axes=grid_data.axes(sweep), **self._now(state), **options)
        self.observe(self._compute, "metric")

    def update(self, state: State) -> None:
        """Draw new replies, if a drawing is due."""
        if not self._rate.wait_s(self._clock()) and len(self._sweep) != self._drawn:
            self._draw(state)

    def finish(self, state: State) -> None:
        """Draw the final state."""
        self._draw(state)

    def _draw(self, state: State) -> None:
        with self.hold_sync():
            for name, value in self._now(state).items():
                setattr(self, name, value)

    def _now(self, state: State) -> dict[str, Any]:
        """Return the current values of the traits."""
        measured = grid_data.metrics(self._sweep, self._computed)
        slow = [metric for metric in registry.METRICS.values() if metric.slow and metric not in measured]
        choices = [{"name": m.name, "label": m.label, "help": m.help} for m in (*measured, *slow)]
        cells = grid_data.cells(self._sweep, measured)
        chosen = self.metric if self.metric != self._default else ""
        self._default = registry.default_metric(self._sweep.samples(), self._sweep.checks)
        self._drawn = len(self._sweep)
        self._rate.drawn(self._clock(), len(json.dumps(cells)))
        return {"metrics": choices, "cells": cells, "metric": chosen or self._default, "state": asdict(state)}

    def _compute(self, change: Any) -> None:
        """Compute a slow metric that is chosen for the first time."""
        metric = registry.METRICS.get(change["new"])
        if metric and metric.slow and metric.name not in self._computed:
            self._computed = (*self._computed, metric.name)
            state = dict(self.state)
            self.state = state | {"line": f"computing {metric.label} ..."}
            self._draw(State(**state))

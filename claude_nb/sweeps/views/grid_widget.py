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


class Sheet(anywidget.AnyWidget):
    """Base of the views that fill in while calls run: update() draws at a bounded rate, finish() the final state."""

    uid = t.Unicode().tag(sync=True)
    cells: t.List[Any] = t.List().tag(sync=True)
    state = t.Dict().tag(sync=True)

    def __init__(
        self, sweep: Results, state: State, *, clock: Callable[[], float] = time.monotonic, **options: Any
    ) -> None:
        self._sweep = sweep
        self._clock = clock
        self._drawn = -1
        self._rate = Rate(BYTES_PER_S, SHORTEST_S)
        super().__init__(uid=sweep.id, **self._drawing(state), **options)

    def update(self, state: State) -> None:
        """Draw new replies, if a drawing is due."""
        if not self._rate.wait_s(self._clock()) and len(self._sweep) != self._drawn:
            self.finish(state)

    def finish(self, state: State) -> None:
        """Draw the final state."""
        with self.hold_sync():
            for name, value in self._drawing(state).items():
                setattr(self, name, value)

    def _drawing(self, state: State) -> dict[str, Any]:
        values = self._now(state)
        self._drawn = len(self._sweep)
        self._rate.drawn(self._clock(), len(json.dumps(values["cells"])))
        return values | {"state": asdict(state)}

    def _now(self, state: State) -> dict[str, Any]:
        """Return the current values of the traits, `cells` among them."""
        raise NotImplementedError


class Grid(Sheet):
    """The cells of a sweep. A slow metric is computed when the user chooses it."""

    _esm = STATIC / "grid.js"
    _css = STATIC / "grid.css"

    axes: t.List[Any] = t.List().tag(sync=True)
    metrics: t.List[Any] = t.List().tag(sync=True)
    metric = t.Unicode().tag(sync=True)

    def __init__(self, sweep: Results, state: State, **options: Any) -> None:
        self._computed: tuple[str, ...] = ()
        self._default = ""
        super().__init__(sweep, state, axes=grid_data.axes(sweep), **options)
        self.observe(self._compute, "metric")

    def _now(self, _: State) -> dict[str, Any]:
        measured = grid_data.metrics(self._sweep, self._computed)
        slow = [metric for metric in registry.METRICS.values() if metric.slow and metric not in measured]
        choices = [{"name": m.name, "label": m.label, "help": m.help} for m in (*measured, *slow)]
        chosen = self.metric if self.metric != self._default else ""
        self._default = registry.default_metric(self._sweep.samples(), self._sweep.checks)
        cells = grid_data.cells(self._sweep, measured)
        return {"metrics": choices, "cells": cells, "metric": chosen or self._default}

    def _compute(self, change: Any) -> None:
        """Compute a slow metric that is chosen for the first time."""
        metric = registry.METRICS.get(change["new"])
        if metric and metric.slow and metric.name not in self._computed:
            self._computed = (*self._computed, metric.name)
            state = dict(self.state)
            self.state = state | {"line": f"computing {metric.label} ..."}
            self.finish(State(**state))

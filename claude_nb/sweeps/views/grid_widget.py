"""The grid of a sweep, which fills in while it runs. The truth is in traits, so a reloaded page has it all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t

from claude_nb.render.rate import Rate
from claude_nb.sweeps.metrics import registry
from claude_nb.sweeps.results import Results
from claude_nb.sweeps.views import grid_data

STATIC = Path(__file__).parent.parent.parent / "static"

# Each change sends all cells, so the larger they are the rarer it is; bytes a second, and seconds.
BYTES_PER_S = 100_000
SHORTEST_S = 0.25


@dataclass(frozen=True)
class State:
    """How far the sweep is; line says it in words."""

    done: int
    total: int
    line: str
    live: bool


class Grid(anywidget.AnyWidget):
    """The cells of a sweep. metric chooses what is shown; a slow one is computed when it is chosen.

    update() draws at a bounded rate, finish() the final state.
    """

    _esm = STATIC / "grid.js"
    _css = STATIC / "grid.css"

    uid = t.Unicode().tag(sync=True)
    axes: t.List[Any] = t.List().tag(sync=True)
    cells: t.List[Any] = t.List().tag(sync=True)
    metrics: t.List[Any] = t.List().tag(sync=True)
    metric = t.Unicode("distinct_2").tag(sync=True)
    state = t.Dict().tag(sync=True)

    def __init__(
        self, sweep: Results, state: State, *, clock: Callable[[], float] = time.monotonic, **options: Any
    ) -> None:
        self._sweep = sweep
        self._clock = clock
        self._computed: tuple[str, ...] = ()
        self._rate = Rate(BYTES_PER_S, SHORTEST_S)
        super().__init__(uid=sweep.id, axes=grid_data.axes(sweep), **self._now(state), **options)
        self.observe(self._compute, "metric")

    def update(self, state: State) -> None:
        """Draw what is new, if it is time."""
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
        """The traits as they should be now."""
        measured = grid_data.metrics(self._sweep, self._computed)
        slow = [one for one in registry.METRICS.values() if one.slow and one not in measured]
        told = [{"name": one.name, "label": one.label, "help": one.help} for one in (*measured, *slow)]
        cells = grid_data.cells(self._sweep, measured)
        self._drawn = len(self._sweep)
        self._rate.drawn(self._clock(), len(json.dumps(cells)))
        return {"metrics": told, "cells": cells, "state": asdict(state)}

    def _compute(self, change: Any) -> None:
        """A slow metric, chosen for the first time."""
        metric = registry.METRICS.get(change["new"])
        if metric and metric.slow and metric.name not in self._computed:
            self._computed = (*self._computed, metric.name)
            was = dict(self.state)
            self.state = was | {"line": f"computing {metric.label} ..."}
            self._draw(State(**was))

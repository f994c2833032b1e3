"""Plots of a metric against one axis, with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.guard import attempt, is_a
from claude_nb.sweeps.metrics import registry
from claude_nb.sweeps.metrics.registry import FEW, Metric
from claude_nb.sweeps.metrics.statistics import Interval
from claude_nb.sweeps.results import Results

if TYPE_CHECKING:
    import matplotlib.axes

UNITS = {"seconds": "s", "dollars": "US dollars"}


def plot(sweep: Results, metric: str | None, x: str | None = None) -> matplotlib.axes.Axes:
    """Draw a line for each combination of the other axes, with 95 % intervals. Raises PromptError, ConfigError.

    metric  None: the first one that has values
    """
    measure = registry.find(metric or registry.default_metric(sweep.samples(), sweep.checks), sweep.checks)
    x = x or next(iter(sweep.axes), None)
    if x is None or x not in sweep.axes:
        advice = f"use {', '.join(sweep.axes)}" if sweep.axes else "vary a setting first"
        raise PromptError(f"x={x!r} is not an axis of this sweep; {advice}")
    axes = new_axes(4.0)
    place = list(sweep.axes).index(x)
    numbers = [_number(value) for value in sweep.axes[x]]
    # Equal numbers would hide each other.
    numeric = all(map(math.isfinite, numbers)) and len({*numbers}) == len(numbers)
    ticks = numbers if numeric else [float(i) for i in range(len(numbers))]
    for name, cases in _lines(sweep, place):
        _draw(axes, name, _points(sweep, measure, [(ticks[sweep.cases[i].at[place]], i) for i in cases]))
    axes.set_xticks(ticks, labels=sweep.plan.labels[x])
    if not numeric:
        axes.tick_params("x", rotation=20)
    unit = f" ({UNITS[measure.style]})" if measure.style in UNITS else ""
    axes.set(xlabel=x, ylabel=measure.label + unit, title=_title(sweep, measure))
    axes.grid(visible=True, alpha=0.25)
    if len(sweep.axes) > 1:
        axes.legend(frameon=False, fontsize="small")
    return axes


def new_axes(height: float) -> matplotlib.axes.Axes:
    """Return an empty plot, so many inches high. Raises ConfigError without matplotlib."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ConfigError("plot() needs matplotlib; run %pip install 'claude-nb[plots]'") from None
    _, axes = pyplot.subplots(figsize=(6.4, height), layout="constrained")
    return axes


def _points(sweep: Results, measure: Metric, cases: Sequence[tuple[float, int]]) -> list[tuple[float, float, Interval]]:
    """Return the place, value and interval of each case that has a value."""
    points, samples = [], sweep.samples()
    for place, i in sorted(cases):
        sample = samples[i]
        value = measure.of(sample)
        if value is not None:
            interval = measure.interval(sample) if measure.interval else None
            points.append((place, value, interval or Interval(value, value)))
    return points


def _draw(axes: matplotlib.axes.Axes, name: str, points: Sequence[tuple[float, float, Interval]]) -> None:
    at, values = [place for place, _, _ in points], [value for _, value, _ in points]
    below = [max(0.0, value - interval.low) for _, value, interval in points]
    above = [max(0.0, interval.high - value) for _, value, interval in points]
    axes.errorbar(at, values, yerr=[below, above], marker="o", capsize=3, linewidth=1.5, label=name)


def _number(value: Any) -> float:
    return attempt(float, math.nan, value) if is_a(value, Real) else math.nan


def _lines(sweep: Results, place: int) -> list[tuple[str, list[int]]]:
    """Return the name and the cases of each line: those that differ in one axis only."""
    lines: dict[tuple[int, ...], list[int]] = {}
    for i, case in enumerate(sweep.cases):
        lines.setdefault((*case.at[:place], *case.at[place + 1 :]), []).append(i)
    names = [name for at, name in enumerate(sweep.axes) if at != place]
    return [
        (", ".join(f"{name} {sweep.plan.labels[name][i]}" for name, i in zip(names, others, strict=True)), cases)
        for others, cases in lines.items()
    ]


def _title(sweep: Results, measure: Metric) -> str:
    samples = [sample for sample in sweep.samples() if sample.replies]
    counts = sorted(
        {len(sample.timed if measure.style == "seconds" else sample.replies) for sample in samples} or {sweep.n}
    )
    n = f"n = {counts[0]} for each point" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    local = " (local)" if measure.style == "seconds" and all(reply.provider == "demo" for reply in sweep) else ""
    return f"{measure.label}{local}, {n}" + (", too few to trust" if counts[0] < FEW else "")

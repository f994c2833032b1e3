"""Plots of a metric against one axis, with matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.sweeps.metrics import registry
from claude_nb.sweeps.metrics.registry import FEW, Metric
from claude_nb.sweeps.metrics.statistics import Interval
from claude_nb.sweeps.plan import label
from claude_nb.sweeps.results import Results

if TYPE_CHECKING:
    import matplotlib.axes

UNITS = {"seconds": "s", "dollars": "US dollars"}


def plot(sweep: Results, metric: str, x: str | None = None) -> matplotlib.axes.Axes:
    """Draw a line for each combination of the other axes, with 95 % intervals. Raises PromptError, ConfigError."""
    measure = registry.find(metric, sweep.checks)
    x = x or next(iter(sweep.axes), None)
    if x is None or x not in sweep.axes:
        advice = f"use {', '.join(sweep.axes)}" if sweep.axes else "vary a setting first"
        raise PromptError(f"x={x!r} is not an axis of this sweep; {advice}")
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ConfigError("plot() needs matplotlib; run %pip install 'claude-nb[plots]'") from None
    _, axes = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
    places = _places(sweep.axes[x])
    for name, cases in _lines(sweep, x).items():
        _draw(axes, name, _points(sweep, measure, [(places[sweep.cases[i].values[x]], i) for i in cases]))
    numeric = all(isinstance(value, Real) for value in sweep.axes[x])
    axes.set_xticks([*places.values()], labels=[label(x, value) for value in sweep.axes[x]])
    if not numeric:
        axes.tick_params("x", rotation=20)
    unit = f" ({UNITS[measure.style]})" if measure.style in UNITS else ""
    axes.set(xlabel=x, ylabel=measure.label + unit, title=_title(sweep, measure))
    axes.grid(visible=True, alpha=0.25)
    if len(sweep.axes) > 1:
        axes.legend(frameon=False, fontsize="small")
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


def _lines(sweep: Results, x: str) -> dict[str, list[int]]:
    """Return the cases of each line, by the values of the other axes."""
    lines: dict[str, list[int]] = {}
    for i, case in enumerate(sweep.cases):
        others = ", ".join(f"{name} {label(name, value)}" for name, value in case.values.items() if name != x)
        lines.setdefault(others, []).append(i)
    return lines


def _places(values: Sequence[Any]) -> dict[Any, float]:
    """Return the position of each value: numbers to scale, other values side by side."""
    if all(isinstance(value, Real) for value in values):
        return {value: float(value) for value in values}
    return {value: float(i) for i, value in enumerate(values)}


def _title(sweep: Results, measure: Metric) -> str:
    n = f"n = {sweep.n} for each point"
    local = " (local)" if measure.style == "seconds" and all(reply.provider == "demo" for reply in sweep) else ""
    return f"{measure.label}{local}, {n}" + (", too few to trust" if sweep.n < FEW else "")

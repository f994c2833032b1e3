"""A sweep as plain data for the grid, the same for the live widget and the static HTML."""

from __future__ import annotations

from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import attempt
from claude_nb.render.reply import dollars
from claude_nb.sweeps.metrics import registry
from claude_nb.sweeps.metrics.registry import Metric
from claude_nb.sweeps.metrics.sample import Sample, stop_words
from claude_nb.sweeps.results import Results
from claude_nb.types.reply import Reply

TEXT_CHARS = 20_000


def axes(sweep: Results) -> list[dict[str, Any]]:
    """Return the axes as text: [{"name": "temperature", "values": ["0", "0.7", "1"]}]."""
    return [{"name": name, "values": values} for name, values in (sweep.plan.labels or {"": [""]}).items()]


def metrics(sweep: Results, names: tuple[str, ...] = ()) -> list[Metric]:
    """Return the metrics to choose from: checks, the quick metrics, and the slow ones of these names."""
    is_demo = any(reply.provider == "demo" and not reply.broke_off for reply in sweep.replies)
    found = [*registry.check_metrics(sweep.checks).values()]
    for metric in registry.METRICS.values():
        if metric.slow:
            found += [metric] if metric.name in names else []
        elif metric.name != "clean_rate" or is_demo:
            found.append(metric)
    return found


def cells(sweep: Results, measured: list[Metric]) -> list[dict[str, Any]]:
    """Return one dict for each case.

    at      its index on each axis                              locked  why it was not sent, or None
    values  metric -> [number for the shade, text to show]      texts   its replies
    """
    texts: list[list[dict[str, Any]]] = [[] for _ in sweep.cases]
    for i, k, reply in sweep.numbered():
        texts[i].append(text(reply, k))
    return [
        {
            "at": [*case.at] or [0],
            "locked": case.locked,
            "wanted": len(case.requests),
            "n": len(sample.replies),
            "failed": sample.failed,
            "mix": stop_words(sample),
            "values": {metric.name: _value(metric, sample) for metric in measured},
            "texts": texts[i],
        }
        for i, (case, sample) in enumerate(zip(sweep.cases, sweep.samples(), strict=True))
    ]


def text(reply: Reply, repeat: int) -> dict[str, Any]:
    """Return a reply as plain data."""
    shown = reply.text[:TEXT_CHARS]
    return {
        "k": repeat,
        "text": shown,
        "cut": len(reply.text) - len(shown),
        "end": reply.ending,
        "error": reply.error,
        "replay": reply.source == "replay",
    }


def written(value: float | None, style: str) -> str:
    """Return a value as text: written(0.5, "share") -> "0.50", written(None, "share") -> "–"."""
    if value is None:
        return "–"
    if style == "seconds":
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    if style == "dollars":
        return dollars(value)
    return f"{value:.2f}" if style == "share" or value < 10 else f"{value:.0f}"


def check_problem(sweep: Results) -> str:
    """Return why a check cannot judge the replies, as one line; "" if it can."""
    try:
        for sample in sweep.samples() if sweep.checks else ():
            for metric in registry.check_metrics(sweep.checks).values():
                metric.of(sample)
    except PromptError as error:
        return str(error)
    return ""


def _value(metric: Metric, sample: Sample) -> list[Any]:
    value = attempt(metric.of, None, sample)  # a check of the user may raise
    shown = written(value, metric.style)
    is_part = metric.style == "seconds" and 0 < len(sample.timed) < len(sample.replies)
    return [value, f"{shown} (n = {len(sample.timed)})" if is_part else shown]

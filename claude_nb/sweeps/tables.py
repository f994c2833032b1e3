"""The rows and the summary of a sweep. A measurement never hides an input of the same name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from claude_nb.render.table import Table
from claude_nb.sweeps.axes import same
from claude_nb.sweeps.metrics import registry
from claude_nb.sweeps.metrics.checks import Check, check_names, passed
from claude_nb.sweeps.metrics.registry import Metric
from claude_nb.sweeps.metrics.sample import Sample, stop_mix
from claude_nb.sweeps.plan import Plan
from claude_nb.sweeps.requests import is_input
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request


def rows(  # the parts of a sweep
    run_id: str,
    plan: Plan,
    numbered: Sequence[tuple[int, int, Reply]],
    checks: Mapping[str, Check],
    *,
    taken: Collection[str] = (),
    shown: Callable[[str, Any], Any] = lambda _, value: value,
) -> Table:
    """Return one dict for each reply: settings and measurements, inputs, checks.

    numbered  (case, repeat, reply)
    taken     names of further columns
    shown     converts the value of an input: shown("topic", value)
    """
    verdicts = check_names(checks)
    measured = [{"run_id": f"{run_id}-{i}-{k}", **_measured(reply, k)} for i, k, reply in numbered]
    names = [name for name in plan.axes if not _is_shown(plan, name)]
    columns = input_columns([*names, *plan.fixed], {*taken, *verdicts.values(), *(measured[0] if measured else ())})
    table = Table()
    for row, (i, _, reply) in zip(measured, numbered, strict=True):
        values = {**plan.values(plan.cases[i]), **plan.fixed}
        row |= {column: shown(name, values[name]) for name, column in columns.items()}
        judged = checks.items() if not reply.broke_off else ()
        table.append(row | {verdicts[name]: passed(reply, check, name) for name, check in judged})
    return table


def summary(
    plan: Plan, samples: Sequence[Sample], checks: Mapping[str, Check], extra: Sequence[Metric], note: str
) -> Table:
    """Return one dict for each case: inputs, counts, checks, and the metrics that have values."""
    usual = [metric for metric in registry.METRICS.values() if not metric.slow and metric not in extra]
    metrics = [metric for metric in usual if any(metric.of(sample) is not None for sample in samples)] + [*extra]
    has_replays = any(len(sample.live) < len(sample.replies) for sample in samples)
    measured = []
    for case, sample in zip(plan.cases, samples, strict=True):
        row: dict[str, Any] = {"n": len(sample.replies), "failed": sample.failed}
        row |= {"from_history": len(sample.replies) - len(sample.live)} if has_replays else {}
        row |= _judged(sample, checks) | {metric.name: metric.of(sample) for metric in metrics}
        measured.append(row | {"stop_reasons": stop_mix(sample), "note": case.locked or ""})
    columns = input_columns(plan.axes, {*registry.METRICS, *(name for row in measured for name in row)})
    inputs = [{columns[name]: value for name, value in plan.values(case).items()} for case in plan.cases]
    is_small = any(0 < len(sample.replies) < registry.FEW for sample in samples)
    notes = filter(None, (registry.FEW_NOTE if is_small else "", note))
    return Table((first | row for first, row in zip(inputs, measured, strict=True)), note=" · ".join(notes))


def input_columns(names: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Return a column for each input: its own name, or another one where the table has a column of that name.

    input_columns(["topic", "text"], ["text", "error"]) -> {"topic": "topic", "text": "input_text"}
    """
    names = list(names)
    used = {*taken, *names}
    columns = {}
    for name in names:
        column = name
        while name in taken and column in used:
            column = f"input_{column}"
        used.add(column)
        columns[name] = column
    return columns


def _judged(sample: Sample, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Return the pass rate of each check, its interval, and the cost of a reply that passes."""
    columns: dict[str, Any] = {}
    cost = registry.METRICS["cost_usd"].of(sample)
    for metric in registry.check_metrics(checks).values():
        interval, rate = metric.interval(sample) if metric.interval else None, metric.of(sample)
        columns[metric.name] = rate
        columns |= {f"{metric.name}_{end}": value for end, value in interval._asdict().items()} if interval else {}
        passes = (rate or 0) * len(sample.replies)
        columns[f"cost_per_{metric.name}"] = cost / passes if cost is not None and passes else None
    return columns


def _measured(reply: Reply, repeat: int) -> dict[str, Any]:
    """Return the settings and measurements of a reply, without the time of one that has none."""
    request, is_timed = reply.request, reply.is_timed
    return {
        "backend": request.provider,
        "model": request.model,
        "is_demo": request.provider == "demo",
        "source": reply.source,
        "prompt_hash": hashlib.sha256(request.prompt.encode()).hexdigest()[:12],
        **_sent(request),
        "replicate": repeat,
        "text": reply.text,
        "stop_reason": reply.stop_reason,
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
        "latency_s": reply.seconds if is_timed else None,
        "ttft_s": reply.first_token_s if is_timed else None,
        "cost_usd": reply.cost_usd,
        "error": reply.error,
        "created": reply.created_at,
    }


def _sent(request: Request) -> dict[str, Any]:
    """Return what was sent, by the names of the options."""
    sampling = request.sampling
    return {
        "prompt": request.prompt,
        "system": request.system,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop_sequences) if sampling.stop_sequences else None,
        "effort": request.effort,
        "seed": sampling.seed,
    }


def _is_shown(plan: Plan, name: str) -> bool:
    """Return whether what was sent shows every value of an axis as it was given."""
    if is_input(name):
        return False
    sent = [(case, case.requests[0]) for case in plan.cases if case.requests]
    settings = [(case, {"model": request.model, **_sent(request)}) for case, request in sent]
    return all(name in values and same(plan.values(case)[name], values[name]) for case, values in settings)

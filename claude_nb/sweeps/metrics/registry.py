"""Every metric of a sweep, declared once for the summary, best(), the plots and the live grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.sweeps.metrics import statistics
from claude_nb.sweeps.metrics.checks import Check, check_names, passed
from claude_nb.sweeps.metrics.sample import Sample
from claude_nb.sweeps.metrics.statistics import Interval
from claude_nb.types.reply import Reply

FEW = 10
FEW_NOTE = f"fewer than {FEW} replies: neighbours may swap places by chance"
SHOWN_FIRST = ("distinct_2", "unique_rate", "length")


@dataclass(frozen=True)
class Metric:
    """One number about a sample, or None.

    style     how it is shown: share, number, seconds, dollars
    best      "high" or "low"; None: neither is better
    slow      takes seconds on large sweeps, so it is computed on request
    interval  its 95 % interval; None: unknown
    """

    name: str
    label: str
    help: str
    of: Callable[[Sample], float | None]
    style: str = "share"
    best: str | None = None
    slow: bool = False
    interval: Callable[[Sample], Interval | None] | None = None


def _over_texts(statistic: Callable[[Sequence[str]], float | None]) -> dict[str, Any]:
    return {
        "of": lambda sample: statistic(sample.texts),
        "interval": lambda sample: statistics.jackknife(sample.texts, statistic),
    }


def _distinct(n: int) -> dict[str, Any]:
    return {
        "of": lambda sample: statistics.distinct(sample.texts, n, sample.grams.get(n)),
        "interval": lambda sample: statistics.jackknife(
            sample.texts, lambda texts: statistics.distinct(texts, n, sample.grams.get(n))
        ),
    }


def _over_replies(
    value: Callable[[Reply], float | None], share: float | None = None, *, is_time: bool = False
) -> dict[str, Any]:
    """Describe the mean of a value of each reply, or its percentile. is_time: not of replies that were recorded."""

    def statistic(values: Sequence[float]) -> float | None:
        return statistics.mean(values) if share is None else statistics.percentile(values, share)

    def known(sample: Sample) -> list[float]:
        values = (value(reply) for reply in (sample.timed if is_time else sample.replies))
        return [number for number in values if number is not None]

    return {
        "of": lambda sample: statistic(known(sample)),
        "interval": lambda sample: statistics.jackknife(known(sample), statistic),
    }


def _share(holds: Callable[[Reply], bool], *, demo: bool = False) -> dict[str, Any]:
    """Describe a share of the replies, with its Wilson interval."""

    def counted(sample: Sample) -> tuple[int, int]:
        if demo and not sample.is_demo:
            return 0, 0
        return sum(map(holds, sample.replies)), len(sample.replies)

    def rate(sample: Sample) -> float | None:
        yes, n = counted(sample)
        return yes / n if n else None

    return {"of": rate, "interval": lambda sample: statistics.wilson(*counted(sample))}


def _cost(sample: Sample) -> float | None:
    """Return the cost of all replies of the case; None when one of them is unknown."""
    costs = [reply.cost_usd for reply in sample.replies]
    return None if not costs or None in costs else math.fsum(cost or 0.0 for cost in costs)


def _clean(reply: Reply) -> bool:
    from claude_nb import demo

    return demo.model().copied(reply.text, 3) in (None, 1.0)


def _demo_mean(measure: Callable[[Reply], float | None]) -> Callable[[Sample], float | None]:
    def of(sample: Sample) -> float | None:
        if not sample.is_demo:
            return None
        return statistics.mean([value for reply in sample.replies if (value := measure(reply)) is not None])

    return of


def _effective_choices(reply: Reply) -> float | None:
    from claude_nb.sweeps.metrics import demo_metrics

    return demo_metrics.effective_choices(reply)


def _perplexity(reply: Reply) -> float | None:
    from claude_nb.sweeps.metrics import demo_metrics

    return demo_metrics.perplexity(reply)


def _words(reply: Reply) -> float:
    return len(statistics.words(reply.text))


def _seconds(reply: Reply) -> float:
    return reply.seconds


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "unique_rate",
            "unique",
            "share of distinct replies; 1: no two are equal",
            best="high",
            **_over_texts(statistics.unique_rate),
        ),
        Metric("distinct_1", "distinct-1", "share of distinct words, over equal amounts of text", **_distinct(1)),
        Metric("distinct_2", "distinct-2", "share of distinct word pairs, over equal amounts of text", **_distinct(2)),
        Metric("jaccard", "alike", "common words of two replies, on average", **_over_texts(statistics.jaccard)),
        Metric(
            "self_bleu",
            "self-BLEU-4",
            "how well each reply matches pieces of the others",
            slow=True,
            **_over_texts(statistics.self_bleu),
        ),
        Metric("length", "length", "mean length in words", style="number", **_over_replies(_words)),
        Metric(
            "latency_p50",
            "latency",
            "median seconds of live replies",
            style="seconds",
            best="low",
            **_over_replies(_seconds, 0.5, is_time=True),
        ),
        Metric(
            "latency_p95",
            "latency p95",
            "95 of 100 live replies are at least this fast",
            style="seconds",
            best="low",
            **_over_replies(_seconds, 0.95, is_time=True),
        ),
        Metric(
            "ttft_p50",
            "first token",
            "median seconds to the first token of live replies",
            style="seconds",
            best="low",
            **_over_replies(lambda reply: reply.first_token_s, 0.5, is_time=True),
        ),
        Metric("cost_usd", "cost", "US dollars for all replies of the case", _cost, "dollars", "low"),
        Metric(
            "clean_rate",
            "clean",
            "share of replies without a run of three words the demo model never read",
            best="high",
            **_share(_clean, demo=True),
        ),
        Metric(
            "effective_choices",
            "choices",
            "mean number of equally likely words at each step (demo model)",
            _demo_mean(_effective_choices),
            "number",
            slow=True,
        ),
        Metric(
            "perplexity",
            "perplexity",
            "how surprising the text is to the model, before any setting (demo model)",
            _demo_mean(_perplexity),
            "number",
            "low",
            slow=True,
        ),
    )
}


def check_metrics(checks: Mapping[str, Check]) -> dict[str, Metric]:
    """Return a pass rate for each check: {"pass": Metric(...)}, or {"pass_short": ..., "pass_json": ...}."""
    return {
        name: Metric(
            name, name.replace("_", " "), "share of replies that pass", best="high", **_share(_passes(checks[key], key))
        )
        for key, name in check_names(checks).items()
    }


def _passes(check: Check, name: str) -> Callable[[Reply], bool]:
    return lambda reply: passed(reply, check, name)


def find(name: str, checks: Mapping[str, Check]) -> Metric:
    """Return a metric by its name. Raises PromptError with the known names."""
    known = METRICS | check_metrics(checks)
    if name not in known:
        raise PromptError(f"there is no metric {name!r}; use one of {', '.join(known)}")
    return known[name]


def default_metric(samples: Sequence[Sample], checks: Mapping[str, Check]) -> str:
    """Return the metric to show first: a check, or a metric that has a value for most cases."""
    if checks:
        return next(iter(check_metrics(checks)))
    asked = [sample for sample in samples if sample.replies]
    values = {name: sum(METRICS[name].of(sample) is not None for sample in asked) for name in SHOWN_FIRST}
    return max(SHOWN_FIRST, key=lambda name: values[name])

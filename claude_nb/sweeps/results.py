"""The replies of a sweep as rows, a summary and the best case."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from claude_nb.errors import PromptError
from claude_nb.render.table import Table
from claude_nb.sweeps.metrics import registry
from claude_nb.sweeps.metrics.registry import Check, Metric, Sample
from claude_nb.sweeps.plan import Case, Plan, title
from claude_nb.types.reply import Reply

if TYPE_CHECKING:
    import pandas

R = TypeVar("R", bound="Results")


class Results:
    """The replies by case and repeat.

    checks  functions of a Reply that return whether it passes, by name
    id      identifies the sweep in rows and files
    """

    def __init__(self, plan: Plan, checks: Mapping[str, Check] | None = None, name: str | None = None) -> None:
        self.plan = plan
        self.checks: dict[str, Check] = dict(checks or {})
        self.id = name or uuid.uuid4().hex[:8]
        self._replies: dict[tuple[int, int], Reply] = {}

    @property
    def axes(self) -> Mapping[str, tuple[Any, ...]]:
        """What varies: {"temperature": (0, 0.7, 1)}."""
        return self.plan.axes

    @property
    def cases(self) -> tuple[Case, ...]:
        """The combinations of settings, including those that the model rejects."""
        return self.plan.cases

    @property
    def n(self) -> int:
        """Number of replies for each case."""
        return self.plan.n

    @property
    def total(self) -> int:
        """Number of replies when the sweep is complete."""
        return sum(len(case.requests) for case in self.cases)

    @property
    def left(self) -> int:
        """Number of missing replies. resume() sends their requests."""
        return self.total - len(self._replies)

    @property
    def replies(self) -> list[Reply]:
        """The replies so far, case by case."""
        return [reply for _, _, reply in self.numbered()]

    def __len__(self) -> int:
        return len(self._replies)

    def __iter__(self) -> Iterator[Reply]:
        return iter(self.replies)

    def put(self, replies: Mapping[tuple[int, int], Reply]) -> None:
        """Add replies by (case, repeat)."""
        self._replies.update(replies)

    def where(self, **values: Any) -> list[Reply]:
        """Return the replies of the cases with these values.

        Raises:
            PromptError: One of the names is not an axis of this sweep.

        Example:
            >>> result.where(temperature=0.7)  # doctest: +SKIP
        """
        if unknown := values.keys() - self.axes.keys():
            axes = ", ".join(self.axes)
            advice = f"use {axes}" if axes else "this sweep has only one setting"
            raise PromptError(f"{', '.join(unknown)} is not varied in this sweep; {advice}")
        return [reply for i, _, reply in self.numbered() if values.items() <= self.cases[i].values.items()]

    def numbered(self) -> list[tuple[int, int, Reply]]:
        """Return (case, repeat, reply) for each reply so far."""
        return [(i, k, reply) for (i, k), reply in sorted(self._replies.items(), key=lambda item: item[0])]

    def titled(self) -> list[tuple[str, Reply]]:
        """Return each reply with the settings of its case: ("temperature 0.7", Reply(...))."""
        return [(title(self.cases[i].values), reply) for i, _, reply in self.numbered()]

    @property
    def rows(self) -> Table:
        """One dict for each reply, with all its settings and measurements."""
        return Table(self._row(i, k, reply) for i, k, reply in self.numbered())

    def _row(self, i: int, k: int, reply: Reply) -> dict[str, Any]:
        request, sampling = reply.request, reply.request.sampling
        columns: dict[str, Any] = {
            "run_id": f"{self.id}-{i}-{k}",
            "backend": request.provider,
            "model": request.model,
            "is_demo": request.provider == "demo",
            "source": reply.source,
            "prompt_hash": hashlib.sha256(request.prompt.encode()).hexdigest()[:12],
            "prompt": request.prompt,
            "system": request.system,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "max_tokens": sampling.max_tokens,
            "stop": list(sampling.stop_sequences) if sampling.stop_sequences else None,
            "effort": request.effort,
            "seed": sampling.seed,
            "replicate": k,
            "text": reply.text,
            "stop_reason": reply.stop_reason,
            "input_tokens": reply.usage.input_tokens,
            "output_tokens": reply.usage.output_tokens,
            "latency_s": reply.seconds,
            "ttft_s": reply.first_token_s,
            "cost_usd": reply.cost_usd,
            "error": reply.error,
            "created": reply.created_at,
        }
        values = self.cases[i].values.items()
        variables = {name: value for name, value in values if name not in columns and name != "prompt"}
        names = registry.check_names(self.checks)
        checks = self.checks.items() if not reply.broke_off else ()
        return {**columns, **variables, **{names[name]: registry.passed(reply, check) for name, check in checks}}

    def to_pandas(self) -> pandas.DataFrame:
        """Return the rows as a DataFrame. Raises ConfigError without pandas."""
        return self.rows.to_pandas()

    def samples(self) -> list[Sample]:
        """Return the replies of each case, ready to be measured."""
        by_case: list[list[Reply]] = [[] for _ in self.cases]
        for i, _, reply in self.numbered():
            by_case[i].append(reply)
        whole = [[reply for reply in replies if not reply.broke_off] for replies in by_case]
        grams = registry.equal_grams([[reply.text for reply in replies] for replies in whole])
        return [
            Sample(good, len(replies) - len(good), grams, self.checks)
            for good, replies in zip(whole, by_case, strict=True)
        ]

    def summary(self, *names: str) -> Table:
        """Return one dict for each case, with its settings, number of replies and metrics.

        Args:
            *names: Slow metrics to add.

        Raises:
            PromptError: There is no such metric.

        Example:
            >>> result.summary("self_bleu", "perplexity")  # doctest: +SKIP
        """
        extra = [metric for name in names if (metric := registry.find(name, self.checks)).name in registry.METRICS]
        usual = [metric for metric in registry.METRICS.values() if not metric.slow and metric not in extra]
        samples = self.samples()
        measured = [metric for metric in usual if any(metric.of(sample) is not None for sample in samples)] + extra
        return Table(
            self._summary_row(case, sample, measured) for case, sample in zip(self.cases, samples, strict=True)
        )

    def _summary_row(self, case: Case, sample: Sample, measured: list[Metric]) -> dict[str, Any]:
        row: dict[str, Any] = {**case.values, "n": len(sample.replies), "failed": sample.failed}
        for metric in registry.check_metrics(self.checks).values():
            interval = metric.interval(sample) if metric.interval else None
            row |= {metric.name: metric.of(sample)}
            row |= {f"{metric.name}_{end}": value for end, value in interval._asdict().items()} if interval else {}
            cost, passes = registry.METRICS["cost_usd"].of(sample), (metric.of(sample) or 0) * len(sample.replies)
            row[f"cost_per_{metric.name}"] = cost / passes if cost is not None and passes else None
        row |= {metric.name: metric.of(sample) for metric in measured}
        note = case.locked or (registry.FEW_NOTE if len(sample.replies) < registry.FEW else "")
        return {**row, "stop_reasons": registry.stop_mix(sample), "note": note}

    def best(self, key: str | Callable[[dict[str, Any]], float | None] = "unique_rate") -> dict[str, Any]:
        """Return the summary row with the best value.

        Args:
            key: A metric, or a function of a summary row. The highest value is the best, except for metrics where less
                is better, such as latency.

        Raises:
            PromptError: There is no such metric, or no case has a value.

        Example:
            >>> result.best("pass")  # doctest: +SKIP
            >>> result.best(lambda row: row["length"])  # doctest: +SKIP
        """
        lowest = isinstance(key, str) and registry.find(key, self.checks).best == "low"
        value_of = itemgetter(key) if isinstance(key, str) else key
        rows = self.summary(key) if isinstance(key, str) else self.summary()
        known = [(value, row) for row in rows if row["n"] and (value := value_of(row)) is not None]
        if not known:
            raise PromptError(f"no case has a value for {key}" if isinstance(key, str) else "no case has a value")
        return (min if lowest else max)(known, key=lambda pair: pair[0])[1]

    def check(self: R, function: Check, name: str | None = None) -> R:
        """Add a check, and mark every reply with it.

        Args:
            function: Takes a Reply and returns whether it passes. It may also use assert.
            name: Name of the column. None: the name of the function.

        Returns:
            This sweep.

        Example:
            >>> result.check(lambda reply: len(reply.text) < 200).summary()  # doctest: +SKIP
        """
        self.checks[name or str(getattr(function, "__name__", f"check{len(self.checks) + 1}"))] = function
        return self

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}: {len(values)}" for name, values in self.axes.items()) or "one setting"
        left = f", {self.left:,} missing" if self.left else ""
        return f"<Sweep {self.id}: {axes}; {len(self):,} replies{left}>"

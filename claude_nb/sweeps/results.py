"""The replies of a sweep as rows, a summary and the best case."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from claude_nb.errors import PromptError
from claude_nb.guard import guarded
from claude_nb.render.chars import terminal_safe
from claude_nb.render.table import Table
from claude_nb.sweeps import tables
from claude_nb.sweeps.axes import same
from claude_nb.sweeps.metrics import registry
from claude_nb.sweeps.metrics.checks import Check, named
from claude_nb.sweeps.metrics.sample import Sample, equal_grams
from claude_nb.sweeps.plan import Case, Plan
from claude_nb.types.reply import Reply

if TYPE_CHECKING:
    import pandas

R = TypeVar("R", bound="Results")


class Results:
    """The replies by case and repeat.

    checks  functions of a Reply that return whether it passes, by name
    id      identifies the sweep in rows and files
    batch   whether the calls are sent in batches
    """

    batch = False

    def __init__(self, plan: Plan, checks: Mapping[str, Check] | None = None, name: str | None = None) -> None:
        self.plan = plan
        self.checks: dict[str, Check] = dict(checks or {})
        self.id = name or uuid.uuid4().hex[:8]
        self._replies: dict[tuple[int, int], Reply] = {}

    @property
    def axes(self) -> Mapping[str, tuple[Any, ...]]:
        """The values that vary: {"temperature": (0, 0.7, 1)}."""
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
        cases = map(self.plan.values, self.cases)
        found = {i for i, case in enumerate(cases) if all(same(case[name], value) for name, value in values.items())}
        return [reply for i, _, reply in self.numbered() if i in found]

    def reply(self, place: tuple[int, int]) -> Reply | None:
        """Return the reply with this (case, repeat). None if it is missing."""
        return self._replies.get(place)

    def numbered(self) -> list[tuple[int, int, Reply]]:
        """Return (case, repeat, reply) for each reply so far."""
        return [(i, k, reply) for (i, k), reply in sorted(self._replies.items(), key=lambda item: item[0])]

    def titled(self) -> list[tuple[str, Reply]]:
        """Return each reply with the settings of its case: ("temperature 0.7", Reply(...))."""
        return [(self.plan.title(self.cases[i]), reply) for i, _, reply in self.numbered()]

    @property
    def history_note(self) -> str:
        """The number of replies that the history gave, and how to ask again; "" if none."""
        days = [reply.created_at.date() for reply in self._replies.values() if reply.source == "replay"]
        if not days:
            return ""
        when = " to ".join(dict.fromkeys((f"{min(days)}", f"{max(days)}")))
        count = f"{len(days):,} of {len(self):,} replies are" if len(days) < len(self) else "all replies are"
        return (
            f"{count} from the history, recorded {when}, and have no latency; fresh=True (in a cell --fresh) asks again"
        )

    @property
    def rows(self) -> Table:
        """One dict for each reply, with all its settings, inputs and measurements.

        A template variable with the name of a measurement, such as "text", is in the column "input_text". So is a
        setting that was sent in another form, such as the alias of a model. A recorded reply has no latency.
        """
        return tables.rows(self.id, self.plan, self.numbered(), self.checks)

    def to_pandas(self) -> pandas.DataFrame:
        """Return the rows as a DataFrame. Raises ConfigError without pandas."""
        return self.rows.to_pandas()

    def samples(self) -> list[Sample]:
        """Return the replies of each case, ready to be measured."""
        by_case: list[list[Reply]] = [[] for _ in self.cases]
        for i, _, reply in self.numbered():
            by_case[i].append(reply)
        whole = [[reply for reply in replies if not reply.broke_off] for replies in by_case]
        grams = equal_grams([[reply.text for reply in replies] for replies in whole])
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
        return tables.summary(self.plan, self.samples(), self.checks, extra, self.history_note)

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
        rows = [row for row in (self.summary(key) if isinstance(key, str) else self.summary()) if row["n"]]
        lowest = isinstance(key, str) and registry.find(key, self.checks).best == "low"
        value_of = itemgetter(key) if isinstance(key, str) else key
        row = guarded("mend the key of best()", _first, rows, value_of, min if lowest else max)
        if row is None:
            raise PromptError(f"no case has a value for {key}" if isinstance(key, str) else "no case has a value")
        return row

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
        self.checks |= named({name: function} if name else function)
        return self

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}: {len(values)}" for name, values in self.axes.items()) or "one setting"
        left = f", {self.left:,} missing" if self.left else ""
        replayed = sum(reply.source == "replay" for reply in self)
        recorded = f", {replayed:,} of them from the history" if replayed else ""
        return terminal_safe(f"<Sweep {self.id}: {axes}; {len(self):,} replies{recorded}{left}>")


def _first(rows: list[dict[str, Any]], value_of: Callable[[dict[str, Any]], Any], choose: Any) -> dict[str, Any] | None:
    """Return the row with the smallest or the largest value. choose: min or max."""
    known = [(value, row) for row in rows if (value := value_of(row)) is not None]
    row: dict[str, Any] | None = choose(known, key=itemgetter(0))[1] if known else None
    return row

"""What each model accepts and costs: the rules over the dated table in models.json.

Magic, sliders and sweep all ask here. An unknown model is not judged: it is sent as asked, its price is unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.providers import thinking
from claude_nb.types.request import Request, Usage
from claude_nb.types.settings import Way


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. Above *above* prompt tokens, *then* holds for every token."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    above: int | None = None
    then: Price | None = None

    def saved_usd(self, usage: Usage) -> float | None:
        """Dollars that the cache saved, less what filling it cost; None when this price has none for it."""
        read, write = usage.cache_read_tokens, usage.cache_write_tokens
        if self.cache_read is None or usage.input_tokens is None or (read is None and write is None):
            return None
        if self.then and self.above is not None and usage.input_tokens > self.above:
            return self.then.saved_usd(usage)
        write_price = self.input if self.cache_write is None else self.cache_write
        return ((read or 0) * (self.input - self.cache_read) - (write or 0) * (write_price - self.input)) / 1_000_000

    def cost_usd(self, usage: Usage) -> float | None:
        """Dollars for these tokens; None when a count is unknown."""
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        if self.then and self.above is not None and usage.input_tokens > self.above:
            return self.then.cost_usd(usage)
        read, write = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
        plain = max(0, usage.input_tokens - read - write)
        read_price = self.input if self.cache_read is None else self.cache_read
        write_price = self.input if self.cache_write is None else self.cache_write
        total = plain * self.input + read * read_price + write * write_price
        return (total + usage.output_tokens * self.output) / 1_000_000


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One row of the table; see models.json.

    accepts     the sampling fields it takes; None: unknown, nothing is refused here
    ranges      narrower limits than knobs.py has: {"temperature": (0, 1)}
    either      groups of fields of which only one may be set
    max_output  largest max_tokens; None: unknown
    thinking    the ways it can think, see thinking.py; effort: the levels it takes
    quiet_up_to     the highest effort at which thinking can be switched off; None: any
    most_parts      by provider, how many parts a message may have; a provider that is not named sets no limit
    structured      by provider, how it is held to the form of an answer: native, tool or prompt (see shaping.Answer)
    hides_thinking  True: its thoughts come without text unless their summary is asked for
    """

    name: str
    label: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    accepts: frozenset[str] | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    either: tuple[tuple[str, ...], ...] = ()
    context: int | None = None
    max_output: int | None = None
    thinking: tuple[str, ...] = ()
    effort: tuple[str, ...] = ()
    quiet_up_to: str | None = None
    hides_thinking: bool = False
    most_parts: Mapping[str, int] = field(default_factory=dict)
    structured: Mapping[str, Way] = field(default_factory=dict)
    prefill: bool = True
    prices: Mapping[str, Price] = field(default_factory=dict)
    note: str = ""

    @property
    def known(self) -> bool:
        """False for a model that the table does not list."""
        return self.accepts is not None

    def refusal(self, name: str, value: Any = None) -> str | None:
        """Why this model does not take the field (or the value), one line; None: it does."""
        if self.accepts is not None and name not in self.accepts:
            able = "seed works on the demo model" if name == "seed" else "it still works on sonnet-4.6 and demo"
            return f"{self.label} takes no {name}; leave it out ({able})"
        low, high = self.ranges.get(name, (None, None))
        if name == "max_tokens" and self.max_output:
            low, high = 1, self.max_output
        if value is None or low is None or high is None or low <= value <= high:
            return None
        return f"{name} goes from {low:g} to {high:g} on {self.label}, not {value:g}"


def read_table(rows: Iterable[Mapping[str, Any]]) -> dict[str, ModelSpec]:
    """Rows of models.json as specs by name. Raises KeyError, TypeError or ValueError on bad rows."""
    return {row["name"]: _spec(row) for row in rows}


def _spec(row: Mapping[str, Any]) -> ModelSpec:
    accepts = row.get("accepts")
    return ModelSpec(
        name=row["name"],
        label=row.get("label", row["name"]),
        ids=dict(row.get("ids", {})),
        aliases=tuple(row.get("aliases", ())),
        accepts=None if accepts is None else frozenset(accepts),
        ranges={name: (low, high) for name, (low, high) in row.get("ranges", {}).items()},
        either=tuple(tuple(group) for group in row.get("either", ())),
        context=row.get("context"),
        max_output=row.get("max_output"),
        thinking=tuple(row.get("thinking", ())),
        effort=tuple(row.get("effort", ())),
        quiet_up_to=row.get("quiet_up_to"),
        hides_thinking=row.get("hides_thinking", False),
        most_parts=dict(row.get("most_parts", {})),
        structured=dict(row.get("structured", {})),
        prefill=row.get("prefill", True),
        prices={name: _price(data) for name, data in row.get("prices", {}).items()},
        note=row.get("note", ""),
    )


def _price(data: Mapping[str, Any]) -> Price:
    values = dict(data)
    if "then" in values:
        values["then"] = _price(values["then"])
    return Price(**values)


@cache
def shipped() -> dict[str, ModelSpec]:
    """The table that comes with the package."""
    text = Path(__file__).with_name("models.json").read_text(encoding="utf-8")
    return read_table(json.loads(text)["models"])


def plain_name(model: str) -> str:
    """One spelling for all: "anthropic/claude-sonnet-4.6-20260218" -> "claude-sonnet-4-6"."""
    name = model.lower().rsplit("/", 1)[-1].replace(".", "-")
    return re.sub(r"-(\d{8}|latest)$", "", name)


class Models:
    """The table with the user's own rows laid over it."""

    def __init__(self, own_rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.table = shipped() | read_table(own_rows)
        self._found: dict[str, ModelSpec] = {}

    def spec(self, model: str) -> ModelSpec:
        """What is known of a model, by id, alias or any spelling; unknown: a spec that refuses nothing."""
        if model not in self._found:
            typed = model.lower()
            exact = (s for s in self.table.values() if typed in s.aliases or typed in s.ids.values())
            own = next(exact, None) or self.table.get(plain_name(model))
            self._found[model] = own or ModelSpec(name=model, label=model)
        return self._found[model]

    def resolve(self, model: str, provider: str) -> str:
        """The id to send: resolve("sonnet", "aimlapi") -> "anthropic/claude-sonnet-4.6".

        An id with a date (or "-latest") in the provider's own style is sent as typed: it means that version.
        """
        own = self.spec(model).ids.get(provider)
        versioned = re.search(r"-(\d{8}|latest)$", model) and own and ("/" in model) == ("/" in own)
        return model if own is None or versioned else own

    def price(self, model: str, provider: str) -> Price | None:
        """Dollars per million tokens at this provider; None: unknown, which is never 0."""
        return self.spec(model).prices.get(provider)

    def check(self, request: Request) -> None:
        """Refuse what the model would refuse, before anything is sent: PromptError with what to change."""
        spec, sampling = self.spec(request.model), request.sampling
        for name, value in sampling.as_params().items():
            limited = None if isinstance(value, list) else value
            if reason := spec.refusal(name, limited):
                raise PromptError(reason)
        for group in spec.either:
            given = [name for name in group if getattr(sampling, name) is not None]
            if len(given) > 1:
                raise PromptError(f"{spec.label} takes {' or '.join(given)}, not both; leave one out")
        thinking.check(request, spec)

    def default_max_tokens(self, model: str) -> int:
        """For a wire format that must state a limit: 32,000, or less where the model gives less."""
        return min(32_000, self.spec(model).max_output or 8_192)

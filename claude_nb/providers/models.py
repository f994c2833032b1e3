"""What each model accepts and costs: the rules for the dated table in models.json.

Magic, sliders and sweeps all ask here. For an unknown model nothing is refused, and its price is unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.types.request import Request, Usage
from claude_nb.types.settings import EFFORTS, Method, Thinking

DEFAULT_THINKING_TOKENS = 8_000  # for a model that requires a budget
ROOM_FOR_ANSWER = 8_000  # tokens; thinking counts toward max_tokens too


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens.

    For a prompt of more than *above* tokens, *then* is the price of all tokens.
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    above: int | None = None
    then: Price | None = None

    def saved_usd(self, usage: Usage) -> float | None:
        """Return the dollars that the cache saved, less the cost of writing to it.

        Returns None if that is unknown.
        """
        read, write = usage.cache_read_tokens, usage.cache_write_tokens
        if self.cache_read is None or usage.input_tokens is None or (read is None and write is None):
            return None
        if self.then and self.above is not None and usage.input_tokens > self.above:
            return self.then.saved_usd(usage)
        write_price = self.input if self.cache_write is None else self.cache_write
        return ((read or 0) * (self.input - self.cache_read) - (write or 0) * (write_price - self.input)) / 1_000_000

    def cost_usd(self, usage: Usage) -> float | None:
        """Return the price of these tokens in dollars; None if a count is unknown."""
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        if self.then and self.above is not None and usage.input_tokens > self.above:
            return self.then.cost_usd(usage)
        read, write = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
        fresh = max(0, usage.input_tokens - read - write)
        read_price = self.input if self.cache_read is None else self.cache_read
        write_price = self.input if self.cache_write is None else self.cache_write
        total = fresh * self.input + read * read_price + write * write_price
        return (total + usage.output_tokens * self.output) / 1_000_000


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One row of the table in models.json.

    accepts         the sampling options it takes; None: unknown, so nothing is refused
    ranges          narrower limits than those of every option: {"temperature": (0, 1)}
    either          groups of options of which only one may be set
    max_output      the largest max_tokens; None: unknown
    thinking        adaptive (it decides how much), enabled (up to a budget of tokens), disabled
    effort          the levels it takes
    quiet_up_to     the highest effort at which thinking can be switched off; None: any
    hides_thinking  True: its thinking comes without text unless a summary is requested
    most_parts      the most parts that a message may have, by provider; without an entry there is no limit
    structured      how it follows a schema, by provider: native, tool or prompt (see settings.Answer)
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
    structured: Mapping[str, Method] = field(default_factory=dict)
    prefill: bool = True
    prices: Mapping[str, Price] = field(default_factory=dict)
    note: str = ""

    @property
    def known(self) -> bool:
        """Return whether the table lists this model."""
        return self.accepts is not None

    def refusal(self, name: str, value: Any = None) -> str | None:
        """Return why the model does not take an option, or this value of it, in one line.

        Returns None if it does.
        """
        if not self.known:
            return None
        if name in ("thinking", "effort"):
            return self._thinking_refusal(value) if name == "thinking" else self._effort_refusal(value)
        if self.accepts is not None and name not in self.accepts:
            able = "seed works on the demo model" if name == "seed" else "it still works on sonnet-4.6 and demo"
            return f"{self.label} takes no {name}; leave it out ({able})"
        low, high = self.ranges.get(name, (None, None))
        if name == "max_tokens" and self.max_output:
            low, high = 1, self.max_output
        if low is None or high is None or not isinstance(value, int | float) or low <= value <= high:
            return None
        return f"{name} goes from {low:g} to {high:g} on {self.label}, not {value:g}"

    def _effort_refusal(self, value: str | None) -> str | None:
        if not self.effort:
            return f"{self.label} takes no effort; leave it out"
        is_level = value is None or value in self.effort
        return None if is_level else f"{self.label} takes effort {', '.join(self.effort)}; choose one of these"

    def _thinking_refusal(self, value: str | int | None) -> str | None:
        if not self.thinking:
            return f"{self.label} does not think; leave out --thinking, or ask a Claude model"
        if value == "off" and "disabled" not in self.thinking:
            return f"{self.label} always thinks; --effort low keeps it short"
        if isinstance(value, int) and "enabled" not in self.thinking:
            return f"{self.label} sets its own budget; write --thinking without a number, and --effort LEVEL"
        return None

    def thinking_for(self, value: str | int | None) -> Thinking | None:
        """Return what is sent for the option "on", "off" or a budget in tokens.

        Raises PromptError if refused.
        """
        if value is None:
            return None
        if reason := self.refusal("thinking", value):
            raise PromptError(reason)
        if value == "off":
            return Thinking("disabled")
        if isinstance(value, int):
            return Thinking("enabled", value)
        if "adaptive" in self.thinking or not self.known:
            return Thinking("adaptive", display="summarized" if self.hides_thinking else None)
        return Thinking("enabled", DEFAULT_THINKING_TOKENS)


def _price(row: Mapping[str, Any]) -> Price:
    then = row.get("then")
    return Price(**{**row, "then": _price(then) if then else None})


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("aliases", "thinking", "effort"), tuple),
    **dict.fromkeys(("ids", "most_parts", "structured"), dict),
    "accepts": frozenset,
    "ranges": lambda ranges: {name: (low, high) for name, (low, high) in ranges.items()},
    "either": lambda groups: tuple(map(tuple, groups)),
    "prices": lambda rows: {provider: _price(row) for provider, row in rows.items()},
}


def read_table(rows: Iterable[Mapping[str, Any]]) -> dict[str, ModelSpec]:
    """Convert rows of models.json to specs by name.

    Raises KeyError, TypeError or ValueError for a bad row.
    """
    return {row["name"]: _spec({"label": row["name"], **row}) for row in rows}


def _spec(row: Mapping[str, Any]) -> ModelSpec:
    names = (item.name for item in fields(ModelSpec))
    present = {name: row[name] for name in names if row.get(name) is not None}
    return ModelSpec(**{name: _CONVERTERS.get(name, lambda value: value)(value) for name, value in present.items()})


@cache
def shipped() -> dict[str, ModelSpec]:
    """Return the table that comes with the package."""
    text = Path(__file__).with_name("models.json").read_text(encoding="utf-8")
    return read_table(json.loads(text)["models"])


def plain_name(model: str) -> str:
    """Return one spelling for all.

    Example: "anthropic/claude-sonnet-4.6-20260218" -> "claude-sonnet-4-6".
    """
    name = model.lower().rsplit("/", 1)[-1].replace(".", "-")
    return re.sub(r"-(\d{8}|latest)$", "", name)


class Models:
    """The shipped table, with the user's own rows in place of rows of the same name."""

    def __init__(self, own_rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.table = shipped() | read_table(own_rows)
        self._found: dict[str, ModelSpec] = {}

    def spec(self, model: str) -> ModelSpec:
        """Find a model by id, alias or any spelling.

        The spec of an unknown model refuses nothing.
        """
        if model not in self._found:
            typed = model.lower()
            exact = (s for s in self.table.values() if typed in s.aliases or typed in s.ids.values())
            spec = next(exact, None) or self.table.get(plain_name(model))
            self._found[model] = spec or ModelSpec(name=model, label=model)
        return self._found[model]

    def resolve(self, model: str, provider: str) -> str:
        """Return the id to send.

        Example: resolve("sonnet", "aimlapi") -> "anthropic/claude-sonnet-4.6".

        An id with a date (or "-latest") in the provider's own style means that version, so it is sent as typed.
        """
        known_id = self.spec(model).ids.get(provider)
        versioned = re.search(r"-(\d{8}|latest)$", model) and known_id and ("/" in model) == ("/" in known_id)
        return model if known_id is None or versioned else known_id

    def price(self, model: str, provider: str) -> Price | None:
        """Return the price at this provider.

        Returns None if it is unknown, which never means free.
        """
        return self.spec(model).prices.get(provider)

    def check(self, request: Request) -> None:
        """Raise PromptError for what the model would refuse, before anything is sent."""
        spec, sampling = self.spec(request.model), request.sampling
        values = sampling.as_params() | ({"effort": request.effort} if request.effort else {})
        for name, value in values.items():
            if reason := spec.refusal(name, value):
                raise PromptError(reason)
        for group in spec.either:
            both = [name for name in group if getattr(sampling, name) is not None]
            if len(both) > 1:
                raise PromptError(f"{spec.label} takes {' or '.join(both)}, not both; leave one out")
        if request.thinking:
            _check_thinking(request, request.thinking, spec)

    def default_max_tokens(self, model: str, thinking: Thinking | None = None) -> int:
        """Return the max_tokens where one is required: 32,000, or the model's limit."""
        most = self.spec(model).max_output
        limit = min(32_000, most or 8_192)
        if thinking:
            limit = max(limit, (thinking.budget_tokens or 0) + ROOM_FOR_ANSWER)
        return min(limit, most or limit)


def _check_thinking(request: Request, thinking: Thinking, spec: ModelSpec) -> None:
    """Raise PromptError for options that exclude each other while the model thinks."""
    sampling, most_effort = request.sampling, spec.quiet_up_to
    if thinking.kind == "disabled":
        if most_effort and request.effort and EFFORTS.index(request.effort) > EFFORTS.index(most_effort):
            raise PromptError(
                f"{spec.label} can switch thinking off up to effort {most_effort} only; lower --effort, or think"
            )
        return
    budget, limit = thinking.budget_tokens, sampling.max_tokens
    if budget and limit and budget >= limit:
        raise PromptError(
            f"the thinking budget of {budget:,} tokens is part of max_tokens, which is {limit:,}; "
            "raise max_tokens or lower the budget"
        )
    if sampling.temperature not in (None, 1.0):
        raise PromptError(f"with thinking on, {spec.label} takes no temperature but 1; leave out one of the two")
    if sampling.top_k is not None:
        raise PromptError(f"with thinking on, {spec.label} takes no top_k; leave out one of the two")
    if sampling.top_p is not None and sampling.top_p < 0.95:
        raise PromptError(f"with thinking on, {spec.label} takes top_p from 0.95 to 1; leave out one of the two")

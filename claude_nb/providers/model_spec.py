"""One row of models.json: what a model accepts, and the refusals that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.providers.model_names import Version
from claude_nb.providers.prices import Price
from claude_nb.types.settings import Method, Thinking

# Where an option works that most models do not take.
ABLE = {"seed": "seed works on demo and with -p local", "min_p": "min_p works on demo and with -p local"}
DEFAULT_THINKING_TOKENS = 8_000  # for a model that requires a budget
OTHERS_REPORT = "use -p demo, -p local or an OpenAI-compatible server"
OFF = ("disabled", "between_tools")  # the kinds of thinking that switch it off; each model has one of them or none


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One row of the table in models.json.

    accepts         the sampling options it takes; None: unknown, so nothing is refused
    ranges          narrower limits than those of every option: {"temperature": (0, 1)}
    either          groups of options of which only one may be set
    max_output      the largest max_tokens; None: unknown
    thinking        adaptive (it decides how much), enabled (up to a budget of tokens), disabled, between_tools
    thinks          True: it thinks without being told to
    effort          the levels it takes
    quiet_up_to     the highest effort at which thinking can be switched off; None: any
    hides_thinking  True: its thinking comes without text unless a summary is requested
    fast            by provider, how many times the usual price its fast mode costs; without an entry it has none
    restricted      True: only for organisations that the vendor has verified, so no list offers it
    most_parts      the most parts that a message may have, by provider; without an entry there is no limit
    structured      how it follows a schema, by provider: native, tool or prompt (see settings.Answer)
    server_tools    the providers whose own tools it can use, such as web search
    retires         by provider, its last day; successor: the id of the model to use instead
    lifecycle       what the server says of it: active, deprecated or retired; "": nothing
    other_ids       more ids for Tab, by provider: those of a version
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
    thinks: bool = False
    effort: tuple[str, ...] = ()
    quiet_up_to: str | None = None
    hides_thinking: bool = False
    fast: Mapping[str, float] = field(default_factory=dict)
    restricted: bool = False
    most_parts: Mapping[str, int] = field(default_factory=dict)
    structured: Mapping[str, Method] = field(default_factory=dict)
    server_tools: tuple[str, ...] = ()
    prefill: bool = True
    prices: Mapping[str, Price] = field(default_factory=dict)
    retires: Mapping[str, date] = field(default_factory=dict)
    successor: str = ""
    lifecycle: str = ""
    other_ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: str = ""

    @property
    def known(self) -> bool:
        """Return whether the table lists this model or its family."""
        return self.accepts is not None

    @property
    def version(self) -> Version | None:
        """The family and version in its name, if any."""
        return Version.of(self.name)

    def price(self, provider: str, speed: str | None = None) -> Price | None:
        """Return the price at a provider; None if it is unknown, which never means free."""
        price = self.prices.get(provider)
        return price.times(self.fast.get(provider, 1)) if price and speed == "fast" else price

    def refusal(self, name: str, value: Any = None) -> str | None:
        """Return why the model does not take an option, or this value of it, in one line.

        Returns None if it does.
        """
        if name == "logprobs" and self.version:
            return f"{self.label} takes no logprobs; leave them out, or {OTHERS_REPORT}"
        if not self.known or name == "logprobs":
            return None
        if name in ("thinking", "effort"):
            return self._thinking_refusal(value) if name == "thinking" else self._effort_refusal(value)
        if self.accepts is not None and name not in self.accepts:
            able = ABLE.get(name, "it still works on sonnet-4.6 and demo")
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
        if value == "off" and not self._off:
            return f"{self.label} always thinks; --effort low keeps it short"
        if isinstance(value, int) and "enabled" not in self.thinking:
            return f"{self.label} sets its own budget; write --thinking without a number, and --effort LEVEL"
        return None

    @property
    def _off(self) -> Any:
        """The kind of thinking that "off" means; None if it cannot be switched off."""
        return next((kind for kind in OFF if kind in self.thinking), None if self.known else "disabled")

    def thinking_for(self, value: str | int | None, *, tools: bool = False) -> Thinking | None:
        """Return what is sent for the option "on", "off" or a budget in tokens.

        tools  whether the model may call functions; what it writes between two calls then comes as thinking, and
               is requested if the model hides its thinking
        Raises PromptError if refused.
        """
        if value is None:
            shows = tools and self.thinks and self.hides_thinking and "adaptive" in self.thinking
            return Thinking("adaptive", display="summarized") if shows else None
        if reason := self.refusal("thinking", value):
            raise PromptError(reason)
        if value == "off":
            return Thinking(self._off)
        if isinstance(value, int):
            return Thinking("enabled", value)
        if "adaptive" in self.thinking or not self.known:
            return Thinking("adaptive", display="summarized" if self.hides_thinking else None)
        return Thinking("enabled", DEFAULT_THINKING_TOKENS)


def _price(row: Mapping[str, Any]) -> Price:
    then = row.get("then")
    return Price(**{**row, "then": _price(then) if then else None})


def _table(convert: Callable[[Any], Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    return lambda rows: {provider: convert(value) for provider, value in rows.items()}


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("aliases", "thinking", "effort", "server_tools"), tuple),
    **dict.fromkeys(("ids", "most_parts", "structured", "fast"), dict),
    "accepts": frozenset,
    "ranges": lambda ranges: {name: (low, high) for name, (low, high) in ranges.items()},
    "either": lambda groups: tuple(map(tuple, groups)),
    "prices": _table(_price),
    "retires": _table(date.fromisoformat),
    "other_ids": _table(tuple),
}


def read_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, ModelSpec]:
    """Convert rows of models.json to specs by name.

    Raises KeyError, TypeError or ValueError for a bad row.
    """
    return {row["name"]: _spec({"label": row["name"], **row}) for row in rows}


def _spec(row: Mapping[str, Any]) -> ModelSpec:
    names = (item.name for item in fields(ModelSpec))
    present = {name: row[name] for name in names if row.get(name) is not None}
    return ModelSpec(**{name: _CONVERTERS.get(name, lambda value: value)(value) for name, value in present.items()})

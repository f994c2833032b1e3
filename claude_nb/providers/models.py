"""The models: which one a name means, what it accepts and what it costs.

Magic, sliders and sweeps all ask here. A model of a known family is treated as its family. For an unknown model nothing
is refused, and its price is unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from claude_nb.errors import PromptError
from claude_nb.providers import local
from claude_nb.providers.model_names import Version, is_dated, plain_name
from claude_nb.providers.model_spec import OFF, ModelSpec, read_rows
from claude_nb.providers.prices import Price
from claude_nb.render.chars import one_line
from claude_nb.types.request import Request
from claude_nb.types.settings import EFFORTS, Thinking

if TYPE_CHECKING:
    from claude_nb.providers.model_list import ModelLists

__all__ = ["ModelSpec", "Models", "Price", "plain_name", "shipped"]

ROOM_FOR_ANSWER = 8_000  # tokens; thinking counts toward max_tokens too
USUAL_PROVIDER = "aimlapi"  # an alias without a provider means what it means there


class Table(NamedTuple):
    """The content of models.json.

    specs    by name
    words    the family that each alias means: {"smart": "opus"}
    pinned   the models that an alias means at a provider in place of the newest of its family
    retired  models that Anthropic serves no more, each with its successor
    server_tools  the tools that run on the server of a provider, with their versions
    searches      by provider, the US dollars per 1,000 searches of the web, with the source
    checked  the day on which somebody compared all of it with its sources
    """

    specs: Mapping[str, ModelSpec]
    words: Mapping[str, str]
    pinned: Mapping[str, Mapping[str, str]]
    retired: Mapping[str, str]
    server_tools: Mapping[str, tuple[str, ...]]
    searches: Mapping[str, Mapping[str, Any]]
    checked: str


@cache
def shipped() -> Table:
    """Return the table that comes with the package."""
    data = json.loads(Path(__file__).with_name("models.json").read_text(encoding="utf-8"))
    return Table(read_rows(data["models"]), *(data[name] for name in Table._fields[1:]))


def is_model_name(word: str) -> bool:
    """Return whether a word is a model of the table, or has a digit or slash as the names of models do."""
    unknown = ModelSpec(name=word, label=word)
    return bool(re.search(r"[\d/]", word)) or any(
        Models().spec(word, provider) != unknown for provider in (USUAL_PROVIDER, "anthropic")
    )


class Models:
    """The shipped table, with the user's own rows in place of rows of the same name.

    announced  the models whose retirement the user has been told of
    """

    def __init__(self, own_rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.table = {**shipped().specs, **read_rows(own_rows)}
        self.announced: set[str] = set()
        self._found: dict[tuple[str, str], ModelSpec] = {}

    def spec(self, model: str, provider: str = USUAL_PROVIDER) -> ModelSpec:
        """Find a model by id, alias or any spelling.

        The spec of an unknown model refuses nothing.
        """
        key = (model, provider)
        if key not in self._found:
            spec = self._find(model, provider)
            self._found[key] = self.lists.over(spec) if provider == "anthropic" else spec
        return self._found[key]

    @cached_property
    def lists(self) -> ModelLists:
        """The models that servers have listed."""
        from claude_nb.providers.model_list import ModelLists

        return ModelLists()

    def refresh(self) -> None:
        """Forget what was found, because the server has said something new."""
        self._found.clear()

    def aliases(self, provider: str) -> dict[str, ModelSpec]:
        """Return the model that each alias means at a provider."""
        exact = {alias: spec for spec in self.table.values() if provider in spec.ids for alias in spec.aliases}
        words = {word: spec for word in shipped().words if (spec := self._newest(word, provider))}
        return {**words, **exact}

    def resolve(self, model: str, provider: str) -> str:
        """Return the id to send.

        Example: resolve("sonnet", "aimlapi") -> "anthropic/claude-sonnet-4.6".

        An id with a date (or "-latest") in the provider's own style means that version, so it is sent as typed.
        """
        spec = self.spec(model, provider)
        known_id = spec.ids.get(provider)
        if known_id is None:
            return model
        own_style = ("/" in model) == ("/" in known_id)
        # AI/ML API spells its ids in two ways, so the spelling of one that is not listed cannot be known.
        unlisted = spec.name not in self.table and "/" in model
        return model if own_style and (unlisted or is_dated(model)) else known_id

    def price(self, model: str, provider: str, speed: str | None = None) -> Price | None:
        """Return the price at this provider.

        Returns None if it is unknown, which never means free.
        """
        price, searches = self.spec(model, provider).price(provider, speed), shipped().searches.get(provider)
        if price and price.searches is None and searches:
            return replace(price, searches=searches["usd_per_1000"])
        return price

    def check(self, request: Request) -> None:
        """Raise PromptError for what the model would refuse, before anything is sent."""
        spec, sampling = self.spec(request.model, request.provider), request.sampling
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
        if request.speed and request.provider not in spec.fast:
            able = next((other.aliases[0] for other in reversed(self.table.values()) if other.fast), "")
            raise PromptError(
                f"{spec.label} has no fast mode at {request.provider}; leave out --speed, or use -p anthropic -m {able}"
            )

    def default_max_tokens(self, model: str, thinking: Thinking | None = None, provider: str = USUAL_PROVIDER) -> int:
        """Return the max_tokens where one is required: 32,000, or the model's limit."""
        most = self.spec(model, provider).max_output
        limit = min(32_000, most or 8_192)
        if thinking:
            limit = max(limit, (thinking.budget_tokens or 0) + ROOM_FOR_ANSWER)
        return min(limit, most or limit)

    def _find(self, model: str, provider: str) -> ModelSpec:
        typed = model.lower()
        if provider == "local":
            small = self.table[local.MODEL]  # whose row stands for every local model
            if typed in (local.MODEL, *small.aliases):
                return small
            other = replace(small, name=model, label=one_line(Path(model).name, 100), ids={"local": model}, aliases=())
            return replace(other, context=None, max_output=None, note="")
        exact = (s for s in self.table.values() if typed in s.aliases or typed in s.ids.values())
        spec = next(exact, None) or self._newest(typed, provider) or self.table.get(plain_name(model))
        if spec is None and (successor := shipped().retired.get(plain_name(model))):
            # Only the name says so. A gateway may still serve it, so nothing else is known of it.
            lifecycle = "retired" if provider == "anthropic" else ""
            return ModelSpec(name=model, label=model, lifecycle=lifecycle, successor=successor)
        return spec or self._of_family(model, provider) or ModelSpec(name=model, label=model)

    def _newest(self, word: str, provider: str) -> ModelSpec | None:
        """Return the model that an alias of a family means: its newest, unless another is pinned."""
        if pinned := shipped().pinned.get(provider, {}).get(word):
            return self.table[pinned]
        if word.endswith("-latest"):
            word = plain_name(word).removeprefix("claude-")
        family = self._family(shipped().words.get(word, ""), provider)
        return family[-1] if family else None

    def _family(self, family: str, provider: str | None = None) -> list[ModelSpec]:
        """Return the models of a family that a provider serves, the newest last."""
        numbered = [
            (version.number, spec.name)
            for spec in self.table.values()
            if (version := spec.version) and version.family == family and (provider is None or provider in spec.ids)
        ]
        return [self.table[name] for _, name in sorted(numbered)]

    def _of_family(self, model: str, provider: str) -> ModelSpec | None:
        """Return the spec of a model that is not listed, by the next older one of its family."""
        version = Version.of(model)
        family = self._family(version.family) if version else []
        if version is None or not family or not (version.has_vendor or provider in family[-1].ids):
            return None
        older = [spec for spec in family if spec.version and spec.version.number <= version.number]
        name = version.name
        return replace(
            older[-1] if older else family[0],
            name=name,
            label=model,
            ids={"anthropic": name, "aimlapi": f"anthropic/{name}"},
            aliases=(),
            fast={},
            prices={},
            retires={},
            successor="",
            note="not in the table, so it is treated as its family",
        )


def _check_thinking(request: Request, thinking: Thinking, spec: ModelSpec) -> None:
    """Raise PromptError for options that exclude each other while the model thinks."""
    sampling, most_effort = request.sampling, spec.quiet_up_to
    if thinking.kind in OFF:
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

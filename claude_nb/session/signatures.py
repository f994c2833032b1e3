"""The options of ask() and stream() with their types, for editors, help() and Tab. None leaves one unset."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, TypeVar, get_type_hints

_Function = TypeVar("_Function", bound=Callable[..., Any])


class RequestOptions(TypedDict, total=False):
    """Options that describe a request, and can be defaults of a session."""

    model: str | None
    provider: str | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    max_tokens: int | None
    stop_sequences: str | Sequence[str] | None
    seed: int | None
    thinking: bool | int | Literal["on", "off"] | None
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None
    logprobs: int | None
    speed: Literal["fast"] | None
    search: bool | int | Literal["on", "off"] | None
    fetch: bool | None
    code_execution: bool | None
    system: str | None
    base_url: str | None
    headers: Mapping[str, str] | None
    timeout: float | None


class AskOptions(RequestOptions, total=False):
    """Options of ask() and stream()."""

    attach: Any
    json: Any
    tools: Any
    yes: bool | None
    cache: bool | Literal["5m", "1h"] | None
    cite: bool | None
    chat: str | None
    whole: bool | None
    allow_http: bool | None
    variables: Mapping[str, Any] | None


class Settings(RequestOptions, total=False):
    """Settings of configure()."""

    budget: float | None
    api_key: str | None
    models: Sequence[Mapping[str, Any]] | None


def with_options(options: type) -> Callable[[_Function], _Function]:
    """Return a decorator that puts the names of a TypedDict in place of `**options` in a signature."""
    named = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in get_type_hints(options).items()
    ]

    def decorate(function: _Function) -> _Function:
        own = inspect.signature(function)
        kept = [parameter for parameter in own.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
        function.__signature__ = own.replace(parameters=[*kept, *named])  # type: ignore[attr-defined]  # see inspect
        return function

    return decorate

"""Turn lists of settings into cases: every combination, its requests, and why the model rejects it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.prompt import attachments, template
from claude_nb.render.chars import one_line
from claude_nb.session import options as option_table
from claude_nb.session import request_builder
from claude_nb.session.session import Session
from claude_nb.types.request import Request

NO_TOOLS = "a sweep calls no functions; leave tools out, or use ask() or %%claude"
SWEPT = tuple(
    option.name
    for option in option_table.OPTIONS
    if option.name in option_table.REQUEST_NAMES and option.name != "tools"
)


@dataclass(frozen=True)
class Case:
    """One combination of settings.

    values    the values of the axes: {"temperature": 0.7}
    requests  one for each repeat; empty when the case is locked
    locked    why the model rejects it, so that it is not sent; None: it is sent
    """

    values: Mapping[str, Any]
    requests: tuple[Request, ...] = ()
    locked: str | None = None


@dataclass(frozen=True)
class Plan:
    """All cases, and their axes: {"temperature": (0.0, 0.7), "top_p": (0.5, 1.0)}."""

    axes: Mapping[str, tuple[Any, ...]]
    cases: tuple[Case, ...]
    n: int

    @property
    def requests(self) -> list[Request]:
        return [request for case in self.cases for request in case.requests]


def grid(
    session: Session,
    prompt: Any,
    settings: Mapping[str, Any],
    *,
    n: int,
    mode: str = "grid",
    variables: Mapping[str, Any] | None = None,
) -> Plan:
    """Return a case for every combination of the settings that are lists. Mode "zip" combines values at equal places.

    settings   options of a call, and template variables: {"temperature": [0, 1], "topic": ["tides", "bees"]}
    variables  more values for {{name}}, the same in every case

    A tuple is a single value, and so is a list of stop sequences. Raises PromptError, also when every case is locked.
    """
    if mode not in ("grid", "zip"):
        raise PromptError(f"mode is grid or zip, not {mode!r}")
    fixed, axes = {}, {}
    for name, value in {"prompt": prompt, **settings}.items():
        values = _values(name, value)
        if values is None:
            fixed[name] = value
        else:
            axes[name] = values
    if mode == "zip" and len({len(values) for values in axes.values()}) > 1:
        sizes = ", ".join(f"{name} has {len(values)}" for name, values in axes.items())
        raise PromptError(f"mode zip needs lists of equal length, but {sizes}; use mode grid, or make them equal")
    rows = zip(*axes.values(), strict=True) if mode == "zip" and axes else product(*axes.values())
    combinations = [dict(zip(axes, row, strict=True)) for row in rows]
    return _plan(session, fixed, combinations, axes, n=n, variables=variables)


def columns(session: Session, prompt: str, settings: Sequence[Mapping[str, Any]], shared: Mapping[str, Any]) -> Plan:
    """Return a case for each mapping of options: columns(session, "Hi", [{"model": "sonnet"}, {"seed": 1}], {})."""
    if not settings:
        raise PromptError('there is nothing to compare; use compare(["sonnet", "demo"], "Why is the sky blue?")')
    names = dict.fromkeys(name for column in settings for name in column)
    if "json" in names:
        raise PromptError("all columns share one schema; use compare(..., json=...)")
    axes = {name: tuple(dict.fromkeys(_hashable(column.get(name)) for column in settings)) for name in names}
    return _plan(session, {"prompt": prompt, **shared}, [dict(column) for column in settings], axes)


def label(name: str, value: Any) -> str:
    """Return a value as text for people: label("temperature", 0.7) -> "0.7", label("top_p", None) -> "default"."""
    if value is None:
        return "default"
    if isinstance(value, float):
        return f"{value:g}"
    is_list = name == "stop_sequences" and not isinstance(value, str)
    return one_line(" ".join(map(repr, value)) if is_list else str(value), 60)


def title(values: Mapping[str, Any]) -> str:
    """Return the name of a case: title({"temperature": 0.7, "top_p": 1.0}) -> "temperature 0.7, top_p 1"."""
    return ", ".join(f"{name} {label(name, value)}" for name, value in values.items()) or "one setting"


def _plan(
    session: Session,
    fixed: Mapping[str, Any],
    combinations: Iterable[dict[str, Any]],
    axes: Mapping[str, tuple[Any, ...]],
    *,
    n: int = 1,
    variables: Mapping[str, Any] | None = None,
) -> Plan:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise PromptError(f"n is the number of replies for each combination, at least 1, not {n!r}")
    for name in {**fixed, **axes}:
        _check_name(name, [fixed.get("prompt"), *axes.get("prompt", ()), fixed.get("system"), *axes.get("system", ())])
    for name, values in axes.items():
        for value in values if name in option_table.BY_NAME else ():
            option_table.check(name, value)  # what no model accepts is a mistake, and raises here
    if "attach" in fixed:  # read and downloaded once, not for each case
        fixed = {**fixed, "attach": attachments.gather(fixed["attach"]).attachments}
    cases = []
    known: dict[Hashable, Request] = {}
    for combination in combinations:
        try:
            cases.append(Case(combination, _requests(session, {**fixed, **combination}, n, variables or {}, known)))
        except PromptError as error:
            cases.append(Case(combination, (), str(error)))
    if not cases:
        raise PromptError("an empty list leaves nothing to send; give at least one value")
    if all(case.locked for case in cases):
        raise PromptError(str(cases[0].locked))
    return Plan(dict(axes), tuple(cases), n)


def _requests(
    session: Session,
    settings: Mapping[str, Any],
    n: int,
    variables: Mapping[str, Any],
    known: dict[Hashable, Request],
) -> tuple[Request, ...]:
    """Return a request for each repeat. known: a request for each set of options; only the prompt differs."""
    values = {name: value for name, value in settings.items() if name not in SWEPT and name != "prompt"}
    options = {name: value for name, value in settings.items() if name in SWEPT}
    prompt = settings["prompt"]
    if not isinstance(prompt, str):
        raise PromptError(f"a prompt is a text, not {prompt!r:.60}")
    if values or variables:
        names = ChainMap(values, dict(variables))
        prompt = template.fill(prompt, names).text
        if options.get("system"):
            options["system"] = template.fill(options["system"], names).text
    # Tables and pictures are compared by identity, which is safe because the axes keep them alive.
    key = tuple((name, value if isinstance(value, str) else id(value)) for name, value in options.items())
    if key in known:
        request = request_builder.with_prompt(session.config, known[key], prompt)
    else:
        request = known[key] = session.build(prompt, request_builder.checked(options))
    return tuple(replace(request, repeat=repeat) for repeat in range(n))


def _check_name(name: str, texts: Iterable[Any]) -> None:
    """Raise PromptError unless a name is an option of a call, or a variable that some prompt uses."""
    if name == "prompt" or name in SWEPT:
        return
    if name in option_table.BY_NAME:
        raise PromptError(f"{name} cannot be varied in a sweep" if name not in ("tools", "yes") else NO_TOOLS)
    if not any("{{" in text and name in text for text in texts if isinstance(text, str)):
        if any("{{" in text for text in texts if isinstance(text, str)):
            raise PromptError(f"no prompt contains {{{{{name}}}}}; add it, or leave {name} out")
        option_table.find(name)  # raises, with the nearest option


def _values(name: str, value: Any) -> tuple[Any, ...] | None:
    """Return the values of an axis; None for a single value."""
    if name == "json":
        return None  # list[int] and an Enum are iterable, too
    if isinstance(value, (str, bytes, tuple, Mapping)) or not isinstance(value, Iterable) or hasattr(value, "columns"):
        return None
    values = tuple(map(_plain, value))
    if name == "stop_sequences" and values and all(isinstance(text, str) for text in values):
        return None
    return values


def _plain(value: Any) -> Any:
    """Return a number of numpy or pandas as Python's own, and a list (of stop sequences) as a tuple."""
    if isinstance(value, list):
        return tuple(value)
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

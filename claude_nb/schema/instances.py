"""Build instances of Python types from JSON data that matches their schema."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable
from datetime import date, datetime, time
from enum import Enum
from typing import Any, Union

from claude_nb.errors import ClaudeError, NoJson, PromptError
from claude_nb.guard import attempt, is_a, reason
from claude_nb.schema.from_hints import DICTS, LISTS, SETS, fields_of, of, pydantic_of, unwrapped
from claude_nb.schema.validation import FORMATS, path, problem

Steps = tuple[str | int, ...]

READERS: dict[Any, Callable[[Any], Any]] = {
    int: int,
    float: float,
    date: FORMATS["date"],
    datetime: FORMATS["date-time"],
    time: FORMATS["time"],
}


def build(value: Any, kind: Any) -> Any:
    """Build an instance of *kind* from JSON data that matches its schema.

    TypedDicts stay plain data, and so does everything that only a schema describes. Raises NoJson with the path if
    a class rejects its values.

    >>> build(["2026-01-31"], list[date])
    [datetime.date(2026, 1, 31)]
    """
    return _build(value, kind, ())


def _build(value: Any, kind: Any, at: Steps) -> Any:
    if is_a(kind, dict):
        return value
    try:
        return _convert(value, unwrapped(kind), at)
    except (ClaudeError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # a class of the user may raise anything
        why = attempt(_reason, "", error, kind, at) or f"{path(at)}: {reason(error)}"
    raise NoJson(why)


def _convert(value: Any, kind: Any, at: Steps) -> Any:
    if model := pydantic_of(kind):
        return model.validate_json(json.dumps(value))  # a strict model takes a date as text from JSON only
    origin, args = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin is Union or origin is types.UnionType:
        return _build(value, _first_match(value, args), at)
    if not isinstance(origin, type):
        return value  # Any, Literal
    if (fields := fields_of(origin)) is not None:
        hints = {field.name: field.hint for field in fields}
        return origin(**{name: _build(inner, hints.get(name, Any), (*at, name)) for name, inner in value.items()})
    return _plain(value, origin, args, at)


def _plain(value: Any, origin: type, args: tuple[Any, ...], at: Steps) -> Any:
    if origin in LISTS:
        return _list(value, origin, args, at)
    if origin in DICTS:
        return {name: _build(inner, args[1] if args else Any, (*at, name)) for name, inner in value.items()}
    read = origin if issubclass(origin, Enum) else READERS.get(origin)
    return read(value) if read else value


def _list(value: Any, origin: Any, args: tuple[Any, ...], at: Steps) -> Any:
    each = args if origin is tuple and args and args[-1] is not Ellipsis else (args[:1] or (Any,)) * len(value)
    items = [_build(inner, hint, (*at, i)) for i, (inner, hint) in enumerate(zip(value, each, strict=True))]
    if origin is frozenset:
        return frozenset(items)
    return tuple(items) if origin is tuple else set(items) if origin in SETS else items


def _first_match(value: Any, kinds: tuple[Any, ...]) -> Any:
    """Return the first type of a union that the value matches."""
    for kind in kinds:
        try:
            if problem(value, of(kind)) is None:
                return kind
        except PromptError:
            continue
    return Any


def _reason(error: BaseException, kind: Any, at: Steps) -> str:
    """Say why a class rejected its values.

    The errors of pydantic bring a path of their own.
    """
    kind = unwrapped(kind)
    details = getattr(error, "errors", None)
    if pydantic_of(kind) and callable(details) and (first := next(iter(details()), None)):
        return f"{path((*at, *first['loc']))}: {first['msg']}"
    name = getattr(kind, "__name__", kind)
    return f"{path(at)}: {name} rejects the value: {' '.join(str(error).split())}"

"""Whether a value fits a schema, said in one line. Nothing is ever fetched: a schema holds all that it refers to."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import FormatChecker
    from jsonschema.exceptions import SchemaError, ValidationError
    from jsonschema.protocols import Validator

KINDS = {"string": "text", "integer": "whole number", "array": "list"}
MOST_CHARS = 300

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxlevel = 2


def problem(value: Any, schema: dict[str, Any]) -> str | None:
    """Why JSON data does not fit a schema, with the path to it; None when it does.

    >>> problem({"n": "five"}, {"properties": {"n": {"type": "number"}}})
    "$.n: 'five' is no number"
    """
    from jsonschema.exceptions import UnknownType, best_match
    from referencing.exceptions import Unresolvable

    try:
        error = best_match(_validator(schema).iter_errors(value))
    except RecursionError:
        return "$: it is nested too deeply to be checked"
    except (Unresolvable, UnknownType, re.error, TypeError, AttributeError) as trouble:
        return f"$: the schema is none ({type(trouble).__name__})"  # one that was read back may be anything
    return None if error is None else f"{path(error.absolute_path)}: {_said(error)}"[:MOST_CHARS]


def refuse(schema: dict[str, Any]) -> str | None:
    """Why a dict is no JSON schema that can be checked here, in one line; None: it is one."""
    import jsonschema
    from referencing.exceptions import Unresolvable

    try:
        json.dumps(schema)
        validator = _validator(schema)
        validator.check_schema(schema)
    except (TypeError, ValueError, RecursionError) as error:
        return f"{error}"[:MOST_CHARS]
    except jsonschema.SchemaError as error:
        return f"{path(error.absolute_path)}: {_said(error)}"[:MOST_CHARS]
    resolver = validator._resolver  # type: ignore[attr-defined]  # the only door to it
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable:
            return f"it refers to {reference!r:.60}, which is not in it"
    return None


def path(steps: Iterable[str | int]) -> str:
    """$.items[2].price; names that are no identifiers in quotes: $["unit price"]."""
    said = "$"
    for step in steps:
        plain = isinstance(step, str) and step.isidentifier()
        said += f".{step}" if plain else f"[{json.dumps(step)}]"
    return said


def _validator(schema: dict[str, Any]) -> Validator:
    import jsonschema
    from referencing import Registry

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    # With a registry of its own it has no way to the network.
    return kind(schema, registry=Registry(), format_checker=_formats())


def _references(schema: Any) -> Iterator[str]:
    """All "$ref" in it, also of what is only looked at later."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        yield schema["$ref"]
    for value in inner:
        yield from _references(value)


def _said(error: ValidationError | SchemaError) -> str:
    """What is wrong, in words that fit both a person and a model."""
    rule, value = error.validator, _short.repr(error.instance)
    instance: Any = error.instance
    wanted: Any = error.validator_value
    schema: Any = error.schema
    if rule == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return f"{value} is no {' or '.join(KINDS.get(kind, kind) for kind in kinds)}"
    if rule == "required":
        return _some([name for name in wanted if name not in instance], "missing")
    if rule == "additionalProperties" and wanted is False:
        return _some([name for name in instance if name not in schema.get("properties", {})], "not expected")
    plain = {
        "enum": lambda: f"{value} is none of {', '.join(map(_short.repr, wanted))}",
        "format": lambda: f"{value} is no {wanted}",
        "anyOf": lambda: f"{value} has none of the forms that are allowed",
    }
    return " ".join(plain.get(str(rule), lambda: error.message)().split())


def _some(names: list[str], what: str) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(map(_short.repr, names[:3]))}{more} {'is' if len(names) == 1 else 'are'} {what}"


FORMATS: dict[str, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "date-time": lambda text: datetime.fromisoformat(moment(text)),
    "time": lambda text: time.fromisoformat(moment(text)),
}


def moment(text: str) -> str:
    """A point in time as Python 3.10 reads it too, which knows no Z."""
    return f"{text[:-1]}+00:00" if text[-1:] in ("Z", "z") else text


@cache
def _formats() -> FormatChecker:
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    for name, read in FORMATS.items():
        checker.checks(name, raises=ValueError)(
            lambda value, read=read: not isinstance(value, str) or bool(read(value))
        )
    return checker

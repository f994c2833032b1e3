"""Check values against JSON Schema and explain a mismatch in one line.

Nothing is ever fetched.
"""

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

KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "an object",
    "boolean": "a boolean",
}
MOST_CHARS = 300

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxlevel = 2


def problem(value: Any, schema: dict[str, Any]) -> str | None:
    """Return why JSON data does not match a schema, with the path, or None if it does.

    >>> problem({"n": "five"}, {"properties": {"n": {"type": "number"}}})
    "$.n: 'five' is not a number"
    """
    from jsonschema.exceptions import UnknownType, best_match
    from referencing.exceptions import Unresolvable

    try:
        error = best_match(_validator(schema).iter_errors(value))
    except RecursionError:
        return "$: the value is nested too deeply to check"
    except (Unresolvable, UnknownType, re.error, TypeError, AttributeError) as trouble:
        # A schema that was read from a file may contain anything.
        return f"$: this is not a valid JSON Schema ({type(trouble).__name__})"
    return None if error is None else f"{path(error.absolute_path)}: {_message(error)}"[:MOST_CHARS]


def schema_error(schema: dict[str, Any]) -> str | None:
    """Return why a dict is not a valid JSON Schema, or None if it is."""
    import jsonschema
    from referencing.exceptions import Unresolvable

    try:
        json.dumps(schema)
        validator = _validator(schema)
        validator.check_schema(schema)
    except (TypeError, ValueError, RecursionError) as error:
        return f"{error}"[:MOST_CHARS]
    except jsonschema.SchemaError as error:
        return f"{path(error.absolute_path)}: {_message(error)}"[:MOST_CHARS]
    resolver = validator._resolver  # type: ignore[attr-defined]  # there is no public way
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable:
            return f"it refers to {reference!r:.60}, which it does not contain"
    return None


def path(steps: Iterable[str | int]) -> str:
    """Write a path: $.items[2].price, or $["unit price"] for an odd name."""
    text = "$"
    for step in steps:
        plain = isinstance(step, str) and step.isidentifier()
        text += f".{step}" if plain else f"[{json.dumps(step)}]"
    return text


def _validator(schema: dict[str, Any]) -> Validator:
    import jsonschema
    from referencing import Registry

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    # An empty registry of its own keeps it off the network.
    return kind(schema, registry=Registry(), format_checker=_formats())


def _references(schema: Any) -> Iterator[str]:
    """Yield every "$ref" in a schema, at any depth."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        yield schema["$ref"]
    for value in inner:
        yield from _references(value)


def _message(error: ValidationError | SchemaError) -> str:
    """Say what is wrong, for a person and for a model."""
    rule, value = error.validator, _short.repr(error.instance)
    instance: Any = error.instance
    expected: Any = error.validator_value
    schema: Any = error.schema
    if rule == "type":
        kinds = [expected] if isinstance(expected, str) else expected
        return f"{value} is not {' or '.join(KINDS.get(kind, kind) for kind in kinds)}"
    if rule == "required":
        return _names([name for name in expected if name not in instance], "missing")
    if rule == "additionalProperties" and expected is False:
        return _names([name for name in instance if name not in schema.get("properties", {})], "not expected")
    messages = {
        "enum": lambda: f"{value} is not one of {', '.join(map(_short.repr, expected))}",
        "format": lambda: f"{value} is not a valid {expected}",
        "anyOf": lambda: f"{value} matches none of the allowed schemas",
    }
    return " ".join(messages.get(str(rule), lambda: error.message)().split())


def _names(names: list[str], what: str) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(map(_short.repr, names[:3]))}{more} {'is' if len(names) == 1 else 'are'} {what}"


FORMATS: dict[str, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "date-time": lambda text: datetime.fromisoformat(_offset(text)),
    "time": lambda text: time.fromisoformat(_offset(text)),
}


def _offset(text: str) -> str:
    """Replace a final Z by its offset, because Python 3.10 cannot read it."""
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

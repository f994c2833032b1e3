"""The subset of JSON Schema that servers enforce.

Other constraints are put in descriptions for the model, and checked when the answer arrives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Schema = dict[str, Any]

# Anthropic's limits, from https://platform.claude.com/docs/en/build-with-claude/structured-outputs on 2026-11-22
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
KEPT = ("type", "description", "title", "enum", "const", "$ref")
DEFS = ("$defs", "definitions")
SILENT_KEYS = ("$schema", "$id", "default", "examples")
OPEN_KEYS = {"allOf", "not", "if", "patternProperties", "prefixItems", "dependentSchemas", "propertyNames"}
MOST_OPTIONAL = 24
MOST_UNIONS = 16

# The keywords that are safe in OpenAI's strict mode: https://platform.openai.com/docs/guides/structured-outputs
STRICT_KEYS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs"),
    *("description", "title"),
}


class _OpenSchema(Exception):
    """The schema allows any key, any value or recursion, which a grammar cannot."""


def for_claude(schema: Schema) -> Schema | None:
    """Return the copy that Anthropic's API compiles.

    Returns None if the API cannot take the schema.

    Every object is closed. Limits of numbers, texts and lists become part of the description.

    >>> for_claude({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}})["properties"]
    {'n': {'type': 'integer', 'description': '{minimum: 1}'}}
    """
    try:
        closed = _closed(schema)
        _refuse_loops(closed)
    except (_OpenSchema, RecursionError):
        return None
    parts = list(_walk(closed))
    optional = sum(len(part["properties"]) - len(part.get("required", ())) for part in parts if "properties" in part)
    unions = sum("anyOf" in part for part in parts)
    return closed if optional <= MOST_OPTIONAL and unions <= MOST_UNIONS else None


def is_strict(schema: Schema) -> bool:
    """Return whether all objects are closed, and all fields required, as strict mode needs."""
    return all(
        part.keys() <= STRICT_KEYS
        and isinstance(part.get("type", ""), str)
        and ("type" in part or bool(part.keys() & {"enum", "const", "anyOf", "$ref"}))
        and (part.get("type") != "object" or _is_closed(part))
        and (part.get("type") != "array" or isinstance(part.get("items"), dict))
        for part in _walk(schema)
    )


def has_open_object(schema: Schema) -> bool:
    """Return whether a part of the schema is an object with keys that it does not name.

    >>> has_open_object({"type": "array", "items": {"type": "object", "additionalProperties": {"type": "integer"}}})
    True
    """
    return any(
        bool(part.keys() & {"patternProperties", "propertyNames"})
        or part.get("additionalProperties", False) is not False
        or ("object" in _types(part) and not part.get("properties"))
        for part in _walk(schema)
    )


def _types(schema: Schema) -> Sequence[Any]:
    kind = schema.get("type")
    return kind if isinstance(kind, list) else (kind,)


def _is_closed(schema: Schema) -> bool:
    names = schema.get("properties", {})
    return bool(names) and schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(names)


def _walk(schema: Any) -> Iterator[Schema]:
    """Yield the schema and all schemas inside it."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("properties", *DEFS):
        for inner in (schema.get(key) or {}).values():
            yield from _walk(inner)
    several = (inner for key in ("anyOf", "oneOf", "allOf", "prefixItems") for inner in schema.get(key, ()))
    for inner in (schema.get("items"), *several):
        yield from _walk(inner)


def _closed(schema: Any) -> Schema:
    if not isinstance(schema, dict) or schema.keys() & OPEN_KEYS:
        raise _OpenSchema
    rest = {key: value for key, value in schema.items() if key not in SILENT_KEYS}
    if isinstance(rest.get("type"), list):
        kinds = rest.pop("type")
        about = {key: rest.pop(key) for key in ("description", "title", *DEFS) if key in rest}
        rest = about | {"anyOf": [rest | {"type": kind} for kind in kinds]}
    closed: Schema = {key: {name: _closed(part) for name, part in rest.pop(key).items()} for key in DEFS if key in rest}
    closed |= {key: rest.pop(key) for key in KEPT if key in rest}
    for key in ("anyOf", "oneOf"):
        if key in rest:
            closed["anyOf"] = [_closed(part) for part in rest.pop(key)]
    limits_values = closed.keys() & {"type", "enum", "const", "anyOf", "$ref"}
    is_nested = any(isinstance(value, (dict, list)) for value in (*closed.get("enum", ()), closed.get("const")))
    is_local = closed.get("$ref", "#/$defs/").startswith(("#/$defs/", "#/definitions/"))
    if not limits_values or is_nested or not is_local:
        raise _OpenSchema
    closed |= _pop_type_keywords(closed.get("type"), rest)
    if rest:
        constraints = f"{{{', '.join(f'{key}: {value}' for key, value in rest.items())}}}"
        closed["description"] = "\n\n".join(filter(None, (closed.get("description"), constraints)))
    return closed


def _pop_type_keywords(kind: Any, rest: Schema) -> Schema:
    """Move the keywords that belong to one type out of the rest, and return them."""
    closed: Schema = {}
    if kind == "object":
        names = rest.pop("properties", {})
        if not names or rest.pop("additionalProperties", False) is not False:
            raise _OpenSchema
        closed = {"properties": {name: _closed(part) for name, part in names.items()}, "additionalProperties": False}
        if required := rest.pop("required", None):
            closed["required"] = required
    elif kind == "array":
        closed["items"] = _closed(rest.pop("items", None))
        if rest.get("minItems") in (0, 1):
            closed["minItems"] = rest.pop("minItems")
    elif kind == "string" and rest.get("format") in FORMATS:
        closed["format"] = rest.pop("format")
    return closed


def _refuse_loops(root: Schema) -> None:
    """Raise _OpenSchema for a definition that contains itself, even through others."""
    definitions = {name: part for key in DEFS for name, part in root.get(key, {}).items()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise _OpenSchema
        if name not in done:
            for part in _walk(definitions.get(name)):
                if "$ref" in part:
                    visit(part["$ref"].rpartition("/")[2], (*above, name))
            done.add(name)

    for name in definitions:
        visit(name, ())

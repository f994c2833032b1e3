"""What servers take of a schema when they hold a model to it. The rest is told in words, and checked here later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

# Anthropic's limits, https://platform.claude.com/docs/en/build-with-claude/structured-outputs, looked at 2026-11-22
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
KEPT = ("type", "description", "title", "enum", "const", "$ref")
DEFS = ("$defs", "definitions")
SILENT_KEYS = ("$schema", "$id", "default", "examples")
OPEN_KEYS = {"allOf", "not", "if", "patternProperties", "prefixItems", "dependentSchemas", "propertyNames"}
MOST_OPTIONAL = 24
MOST_UNIONS = 16

# OpenAI's, https://platform.openai.com/docs/guides/structured-outputs: the keywords that are safe in strict mode
STRICT_KEYS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs"),
    *("description", "title"),
}


class _OpenForm(Exception):
    """The schema allows what a grammar of fixed fields cannot: any key, any value, or itself inside itself."""


def for_claude(schema: Schema) -> Schema | None:
    """The copy that Anthropic's API compiles; None when it cannot take the schema.

    Every object is closed; limits of numbers, texts and lists become part of the description.

    >>> for_claude({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}})["properties"]
    {'n': {'type': 'integer', 'description': '{minimum: 1}'}}
    """
    try:
        closed = _closed(schema)
        _refuse_loops(closed)
    except (_OpenForm, RecursionError):
        return None
    parts = list(_walk(closed))
    optional = sum(len(one["properties"]) - len(one.get("required", ())) for one in parts if "properties" in one)
    unions = sum("anyOf" in one for one in parts)
    return closed if optional <= MOST_OPTIONAL and unions <= MOST_UNIONS else None


def is_strict(schema: Schema) -> bool:
    """Whether OpenAI's strict mode takes it as it is: each object closed, each of its fields required."""
    return all(
        one.keys() <= STRICT_KEYS
        and isinstance(one.get("type", ""), str)
        and ("type" in one or bool(one.keys() & {"enum", "const", "anyOf", "$ref"}))
        and (one.get("type") != "object" or _is_full(one))
        and (one.get("type") != "array" or isinstance(one.get("items"), dict))
        for one in _walk(schema)
    )


def _is_full(schema: Schema) -> bool:
    names = schema.get("properties", {})
    return bool(names) and schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(names)


def _walk(schema: Any) -> Iterator[Schema]:
    """The schema and all that it is made of."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("properties", *DEFS):
        for inner in (schema.get(key) or {}).values():
            yield from _walk(inner)
    for inner in (schema.get("items"), *schema.get("anyOf", ())):
        yield from _walk(inner)


def _closed(schema: Any) -> Schema:
    if not isinstance(schema, dict) or schema.keys() & OPEN_KEYS:
        raise _OpenForm
    rest = {key: value for key, value in schema.items() if key not in SILENT_KEYS}
    if isinstance(rest.get("type"), list):
        kinds = rest.pop("type")
        about = {key: rest.pop(key) for key in ("description", "title", *DEFS) if key in rest}
        rest = about | {"anyOf": [rest | {"type": kind} for kind in kinds]}
    made: Schema = {key: {name: _closed(one) for name, one in rest.pop(key).items()} for key in DEFS if key in rest}
    made |= {key: rest.pop(key) for key in KEPT if key in rest}
    for key in ("anyOf", "oneOf"):
        if key in rest:
            made["anyOf"] = [_closed(one) for one in rest.pop(key)]
    named = made.keys() & {"type", "enum", "const", "anyOf", "$ref"}
    deep = any(isinstance(value, (dict, list)) for value in (*made.get("enum", ()), made.get("const")))
    if not named or deep or not made.get("$ref", "#/$defs/").startswith(("#/$defs/", "#/definitions/")):
        raise _OpenForm
    made |= _inside(made.get("type"), rest)
    if rest:
        said = f"{{{', '.join(f'{key}: {value}' for key, value in rest.items())}}}"
        made["description"] = "\n\n".join(filter(None, (made.get("description"), said)))
    return made


def _inside(kind: Any, rest: Schema) -> Schema:
    """The fields that only one type has; what is taken over is taken out of the rest."""
    made: Schema = {}
    if kind == "object":
        names = rest.pop("properties", {})
        if not names or rest.pop("additionalProperties", False) is not False:
            raise _OpenForm
        made = {"properties": {name: _closed(one) for name, one in names.items()}, "additionalProperties": False}
        if required := rest.pop("required", None):
            made["required"] = required
    elif kind == "array":
        made["items"] = _closed(rest.pop("items", None))
        if rest.get("minItems") in (0, 1):
            made["minItems"] = rest.pop("minItems")
    elif kind == "string" and rest.get("format") in FORMATS:
        made["format"] = rest.pop("format")
    return made


def _refuse_loops(root: Schema) -> None:
    """Raises _OpenForm for a definition that holds itself, also through others."""
    definitions = {name: one for key in DEFS for name, one in root.get(key, {}).items()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise _OpenForm
        if name not in done:
            for one in _walk(definitions.get(name)):
                if "$ref" in one:
                    visit(one["$ref"].rpartition("/")[2], (*above, name))
            done.add(name)

    for name in definitions:
        visit(name, ())

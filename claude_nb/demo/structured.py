"""Structured answers of the demo model, which match a schema.

The words come from the model, and the numbers are random. The structure is right and the content means nothing, as the
badge below each reply says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

MAX_DEPTH = 4  # of a recursive schema; below it only required fields are filled
EPOCH = date(2026, 1, 1)


def fill(schema: dict[str, Any], words: Iterator[str], chance: Random) -> str:
    """Write JSON that matches a schema.

    Its texts come from *words*, which must not end.
    """
    return json.dumps(_Filler(schema, words, chance).value(schema, 0), indent=2, ensure_ascii=False)


class _Filler:
    def __init__(self, root: dict[str, Any], words: Iterator[str], chance: Random) -> None:
        self._root = root
        self._words = words
        self._chance = chance

    def value(self, schema: Any, depth: int) -> Any:
        """Return a value that matches most schemas. An unknown kind becomes a word."""
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][self._below(len(schema["enum"]))]
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self.value(self._choice(schema[key], depth), depth)
        if schema.get("allOf"):
            return self.value({key: value for part in schema["allOf"] for key, value in part.items()}, depth)
        kind = schema.get("type") or ("object" if "properties" in schema else "string")
        kind = kind[0] if isinstance(kind, list) else kind
        makers = {"object": self._object, "array": self._list, "integer": self._integer, "number": self._number}
        if kind in makers:
            return makers[kind](schema, depth)
        return self._chance.random() < 0.5 if kind == "boolean" else None if kind == "null" else self._text(schema)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        fields, required = schema.get("properties", {}), schema.get("required", ())
        if fields:
            return {k: self.value(v, depth + 1) for k, v in fields.items() if k in required or depth < MAX_DEPTH}
        inner = schema.get("additionalProperties")
        inner = inner if isinstance(inner, dict) else {"type": "string"}
        names = (next(self._words) for _ in range(min(2, schema.get("maxProperties", 2))))
        return {name: self.value(inner, depth + 1) for name in names}

    def _list(self, schema: dict[str, Any], depth: int) -> list[Any]:
        first = [self.value(item, depth + 1) for item in schema.get("prefixItems", ())]
        least, most = schema.get("minItems", 0), schema.get("maxItems", 3)
        count = least if depth >= MAX_DEPTH else max(least, min(most, 3))
        items: list[Any] = list(first)
        for _ in range(100 + count):
            if len(items) >= count:
                break
            item = self.value(schema.get("items", {}), depth + 1)
            if not (schema.get("uniqueItems") and item in items):
                items.append(item)
        return items

    def _integer(self, schema: dict[str, Any], _: int) -> int:
        low, high = _limits(schema, 1, 100)
        step = int(schema.get("multipleOf", 1)) or 1
        first = -(-int(low) // step)
        return step * (first + self._below(max(1, int(high) // step - first + 1)))

    def _number(self, schema: dict[str, Any], _: int) -> float:
        low, high = _limits(schema, 0, 100)
        return round(low + (high - low) * self._chance.random(), 2)

    def _text(self, schema: dict[str, Any]) -> str:
        if text := self._formatted(schema.get("format")):
            return text
        text = " ".join(next(self._words) for _ in range(1 + self._below(3)))
        while len(text) < schema.get("minLength", 0):
            text += f" {next(self._words)}"
        return text[: schema.get("maxLength", len(text))]

    def _formatted(self, name: str | None) -> str:
        day = EPOCH + timedelta(days=self._below(365))
        clock = f"{self._below(24):02}:{self._below(60):02}:00"
        formats = {
            "date": f"{day}",
            "date-time": f"{day}T{clock}Z",
            "time": clock,
            "email": f"{next(self._words)}@example.org",
            "uri": f"https://example.org/{next(self._words)}",
        }
        return formats.get(name or "", "")

    def _choice(self, options: list[Any], depth: int) -> Any:
        """Choose null only at great depth, so that the answer has content."""
        others = [option for option in options if option != {"type": "null"}]
        if depth >= MAX_DEPTH and len(others) < len(options):
            return {"type": "null"}
        return others[self._below(len(others))] if others else options[0]

    def _resolved(self, schema: Any) -> dict[str, Any]:
        for _ in range(100):  # a reference may lead to another one, or to itself
            if not isinstance(schema, dict):
                return {}
            if "$ref" not in schema:
                return schema
            target: Any = self._root
            for step in schema["$ref"].lstrip("#/").split("/"):
                target = target.get(step, {}) if isinstance(target, dict) and step else target
            schema = target
        return {}

    def _below(self, n: int) -> int:
        return int(self._chance.random() * n)


def _limits(schema: dict[str, Any], low: float, high: float) -> tuple[float, float]:
    """Return the lowest and the highest number; 1 inside an exclusive limit."""
    if "minimum" in schema or "exclusiveMinimum" in schema:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        high = max(high, low + 100)
    if "maximum" in schema or "exclusiveMaximum" in schema:
        high = schema.get("maximum", schema.get("exclusiveMaximum", 0) - 1)
        low = min(low, high)
    return low, high

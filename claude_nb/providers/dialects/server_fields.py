"""Collect the fields of a reply that only its server understands.

They arrive whole, or in pieces of a stream. A conversation sends them back unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MOST_CHARS = 5_000_000  # of all fields of a reply; a larger total is a fault of the server

# A stream repeats these in each piece ...
LABELS = frozenset(("type", "id", "index", "format", "name", "role"))
# ... and continues these. A text of any other name is continued too, unless it arrives once more as it is.
TEXTS = frozenset(("text", "thinking", "summary", "content", "reasoning", "reasoning_content"))
EMPTY_THINKING = ("reasoning_content", "")


class _Text(list[str]):
    """The pieces of a text, which are joined once, so that time stays linear."""


class _Items(list[Any]):
    """The items of a list, and the newest one with each index."""

    def __init__(self) -> None:
        super().__init__()
        self.by_index: dict[str, dict[str, Any]] = {}


class FieldReader:
    """The unknown fields of one message or one tool call."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._chars = 0

    def add(self, data: Mapping[str, Any]) -> None:
        """Add the fields of a message, or of a piece of it. Empty ones are left out.

        DeepSeek wants its reasoning_content back even if the model did not think.
        """
        empty: tuple[object, ...] = (None, "", [], {})
        data = {name: value for name, value in data.items() if value not in empty or (name, value) == EMPTY_THINKING}
        if not data or self._chars > MOST_CHARS:
            return
        try:
            self._chars += len(json.dumps(data))
            _merge(self._fields, data)
        except RecursionError:
            self._chars = MOST_CHARS + 1

    def text(self) -> str:
        """Return the fields as a JSON object, or "" if there are none."""
        if not self._fields or self._chars > MOST_CHARS:
            return ""
        return json.dumps(_plain(self._fields))


def read(fields: str) -> dict[str, Any]:
    """Return the fields of a stored part; {} if somebody damaged them."""
    try:
        value = json.loads(fields or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _merge(old: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        old[name] = _merged(old.get(name), value, name)


def _merged(old: Any, new: Any, name: str) -> Any:
    if new is None:  # a later null says nothing
        return old
    if isinstance(new, str):
        if not isinstance(old, _Text) or name in LABELS:
            return _Text((new,))
        if name in TEXTS or old != [new]:
            old.append(new)
        return old
    if isinstance(new, dict):
        old = old if isinstance(old, dict) else {}
        _merge(old, new)
        return old
    if isinstance(new, list):
        old = old if isinstance(old, _Items) else _Items()
        _extend(old, new)
        return old
    return new


def _extend(old: _Items, new: list[Any]) -> None:
    """Add the items of a list. Some continue an item: the one with their index, or a block that is not signed yet."""
    last = old[-1] if old and isinstance(old[-1], dict) else {}
    unsigned = last if "thinking" in last and not _plain(last.get("signature")) else None
    begun: dict[str, dict[str, Any]] = {}
    for item in new:
        earlier = unsigned if isinstance(item, dict) and "thinking" in item else None
        index = repr(item["index"]) if isinstance(item, dict) and "index" in item else ""
        earlier = old.by_index.get(index) if index else earlier
        if earlier is None or item.get("type") not in (None, _plain(earlier.get("type"))):
            earlier = _merged(None, item, "")
            old.append(earlier)
        else:
            _merge(earlier, item)
        if index:
            begun[index] = earlier
    old.by_index |= begun  # items of one list stay apart


def _plain(value: Any) -> Any:
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value

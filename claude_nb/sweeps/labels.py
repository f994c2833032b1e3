"""Values of a sweep as text for people: on the axes of a grid and in files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from claude_nb.guard import attempt, is_a, kind_of
from claude_nb.prompting import values
from claude_nb.render.chars import one_line
from claude_nb.session import options as option_table

MAX_CHARS = 60


def label(name: str, value: Any) -> str:
    """Return a value as a short text: label("temperature", 0.7) -> "0.7", label("top_p", None) -> "default"."""
    if value is None and name in option_table.BY_NAME:
        return "default"
    if is_a(value, float):
        return f"{value:g}"
    is_list = name == "stop_sequences" and not is_a(value, str)
    return one_line(" ".join(map(repr, value)) if is_list else text(name, value), MAX_CHARS)


def labels(name: str, items: Sequence[Any]) -> list[str]:
    """Return the labels of an axis, with a number where two would look the same: ["a", "a"] -> ["a (1)", "a (2)"]."""
    found = [label(name, value) for value in items]
    seen: Counter[str] = Counter()
    total = Counter(found)
    distinct = []
    for each in found:
        seen[each] += 1
        distinct.append(f"{each} ({seen[each]})" if total[each] > 1 else each)
    return distinct


def text(name: str, value: Any) -> str:
    """Return a value as a prompt shows it; the name of its class if it cannot be shown."""
    if is_a(value, str):
        return value
    return attempt(lambda: values.as_text(value, name).text, f"<{kind_of(value)}>")

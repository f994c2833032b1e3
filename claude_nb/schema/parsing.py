"""Find the JSON in the text of a reply and check it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from claude_nb.errors import NoJson
from claude_nb.schema.validation import problem

THINK_TAGS = ("think", "thinking", "thought", "reasoning", "reflection", "scratchpad")
_THINKING = re.compile(rf"\s*<({'|'.join(THINK_TAGS)})>.*?</\1>", re.DOTALL | re.IGNORECASE)
# Some servers put the opening tag into the prompt, so the thinking begins without one.
_UNOPENED = re.compile(r"</think(?:ing)?>(?=\s*[{\[`])")
_FENCED = re.compile(r"^```\w*[ \t]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def read(text: str, schema: dict[str, Any]) -> tuple[Any, str | None]:
    """Return the value in a text that matches a schema, and the problem.

    One of the two is None. The text may be JSON, or contain it in a fenced block or between other words, as models
    often write it.
    """
    why = None
    for candidate in _candidates(text):
        try:
            value = json.loads(candidate, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            why = why or f"$: this is not JSON ({_at(error)})"
            continue
        why = problem(value, schema)
        if why is not None and isinstance(value, str):  # some servers write JSON in a JSON string
            inner, inner_why = read(value, schema)
            value, why = (inner, None) if inner_why is None else (value, why)
        if why is None or candidate == text.strip():
            return (value, None) if why is None else (None, why)
    return None, why or "$: the text is empty"


def without_thinking(text: str) -> str:
    """Return a text without the thinking before it: "<think>Hm.</think>{}" -> "{}"."""
    at = 0
    while thinking := _THINKING.match(text, at):
        at = thinking.end()
    if not at and (end := _UNOPENED.search(text)):
        at = end.end()
    return text[at:]


def dumped(value: Any) -> str:
    """Write JSON for people: indented, and without escaped letters."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _candidates(text: str) -> Iterator[str]:
    whole, text = text.strip(), without_thinking(text)
    yield from filter(None, dict.fromkeys((whole, text.strip())))
    yield from (match[1] for match in _FENCED.finditer(text))
    begin, end = text.find("{"), text.rfind("}")
    if 0 <= begin < end and text[begin : end + 1] not in (whole, text.strip()):
        yield text[begin : end + 1]


def _refuse(name: str) -> None:
    raise NoJson(f"{name} is not a JSON number")


def _at(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)

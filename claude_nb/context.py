"""What the notebook has done so far, as text for a prompt: the last cells, and the last error with its cell.

Only what is named is taken, it is cut to a size, and what looks like a secret is masked.
"""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple

from claude_nb.errors import ClaudeError, PromptError
from claude_nb.keys import Key, redact

MAX_CHARS = 40_000  # of all cells together; the oldest are left out
MAX_OUTPUT_CHARS = 4_000  # of the output of one cell, and of an error

# name = "value" and its like, where the name says that the value is secret
NAMED_SECRET = re.compile(
    r"(?i)((?:api_?key|secret|token|passw(?:or)?d|pwd)\w*[\"']?\s*[\]]?\s*[=:]\s*)([\"'])((?:(?!\2).){6,})\2"
)


class Found(NamedTuple):
    """Text of the notebook, and a line for each thing that was cut or masked."""

    text: str
    notices: tuple[str, ...] = ()


def cells(
    count: int,
    variables: Mapping[str, Any],
    keys: Iterable[Key] = (),
    outputs: Mapping[int, Iterable[Any]] = MappingProxyType({}),
) -> Found:
    """The last *count* cells before the one that is running, each with what it printed and the text of its value.

    variables  those of the notebook, in which IPython keeps In and Out
    outputs    what cells have shown, by number, as the history of newer IPythons keeps it
    """
    sources, values = variables.get("In") or [], variables.get("Out") or {}
    numbers = [n for n in range(1, len(sources) - 1) if str(sources[n]).strip()][-count:]
    written = [_cell(n, str(sources[n]), _printed(outputs.get(n, ())), values) for n in numbers]
    notices = []
    while sum(map(len, written)) > MAX_CHARS:
        del written[0]
        notices = [f"context: {len(written)} of {len(numbers)} cells are sent, the others would be too long"]
    text, masked = _masked("\n\n".join(written), keys)
    return Found(text, (*notices, *masked))


def error(keys: Iterable[Key] = ()) -> Found:
    """The last error of the notebook, with the line it came from: {{Err}}. Raises PromptError when there is none."""
    text, masked = _masked(_short("".join(traceback.format_exception(_last(), limit=-8)).rstrip()), keys)
    return Found(text, masked)


def failed_cell(variables: Mapping[str, Any], keys: Iterable[Key] = ()) -> Found:
    """The cell that the last error came from. Raises PromptError when there is none."""
    last = _last()
    place = last.filename if isinstance(last, SyntaxError) else None
    step: TracebackType | None = last.__traceback__
    while step is not None:
        if step.tb_frame.f_globals is variables:  # a frame of the notebook itself, not of a library
            place = step.tb_frame.f_code.co_filename
        step = step.tb_next
    source = "".join(linecache.getlines(place)) if place else ""
    if not source.strip():
        raise PromptError("the cell of the last error is not known; run it again, or send it with {{In[3]}} {{Err}}")
    text, masked = _masked(source.rstrip(), keys)
    return Found(text, masked)


def _last() -> BaseException:
    last = getattr(sys, "last_value", None)
    if last is None or isinstance(last, ClaudeError):
        raise PromptError("no cell has failed, so there is no error to send; run the cell that fails first")
    return last  # type: ignore[no-any-return]  # getattr of a module


def _cell(number: int, source: str, printed: str, values: Mapping[int, Any]) -> str:
    text = f"In [{number}]:\n{source.strip()}"
    if printed.strip():
        text += f"\n\nPrinted by [{number}]:\n{_short(printed.rstrip())}"
    if number not in values:
        return text
    try:
        shown = _short(str(values[number]))
    except Exception as error:  # noqa: BLE001  # a value of the user's may raise anything when it is written
        shown = f"(cannot be shown: {type(error).__name__})"
    return f"{text}\n\nOut [{number}]:\n{shown}"


def _printed(outputs: Iterable[Any]) -> str:
    streams = (one.bundle.get("stream", "") for one in outputs if one.output_type in ("out_stream", "err_stream"))
    return "".join(stream if isinstance(stream, str) else "".join(stream) for stream in streams)


def _short(text: str) -> str:
    if len(text) <= MAX_OUTPUT_CHARS:
        return text
    half = MAX_OUTPUT_CHARS // 2
    return f"{text[:half]}\n… {len(text) - MAX_OUTPUT_CHARS:,} characters left out …\n{text[-half:]}"


def _masked(text: str, keys: Iterable[Key]) -> tuple[str, tuple[str, ...]]:
    masked = NAMED_SECRET.sub(r"\1\2[masked]\2", redact(text, keys))
    same = masked == text
    return masked, () if same else ("what looks like a key or password was masked; --dry-run shows what is sent",)

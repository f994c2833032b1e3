"""What the notebook has done so far, for a prompt: the last cells, if asked with pictures; the last error, its cell.

Only what is named is taken, it is cut to a size, and what looks like a secret is masked.
"""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple

from claude_nb.errors import ClaudeError, PromptError
from claude_nb.notebook.shown import picture_in
from claude_nb.prompt import attachments
from claude_nb.providers.keys import Key, redact
from claude_nb.types import content
from claude_nb.types.content import Attachment

MAX_CHARS = 40_000  # of all cells together; the oldest are left out
MAX_OUTPUT_CHARS = 4_000  # of the output of one cell, and of an error

# name = "value" and its like, where the name says that the value is secret
NAMED_SECRET = re.compile(
    r"(?i)((?:api_?key|secret|token|passw(?:or)?d|pwd)\w*[\"']?\s*[\]]?\s*[=:]\s*)([\"'])((?:(?!\2).){6,})\2"
)


class Found(NamedTuple):
    """Text of the notebook, and a line for each thing that was cut, masked or attached.

    attached  pictures of the cells; each knows how much of the text comes before it
    """

    text: str
    notices: tuple[str, ...] = ()
    attached: tuple[Attachment, ...] = ()


def cells(
    count: int,
    variables: Mapping[str, Any],
    keys: Iterable[Key] = (),
    outputs: Mapping[int, Iterable[Any]] = MappingProxyType({}),
    shown: Callable[[int], Iterable[bytes]] | None = None,
) -> Found:
    """The last *count* cells before the one that is running, each with what it printed and the text of its value.

    variables  those of the notebook, in which IPython keeps In and Out
    outputs    what cells have given and printed, by number, as the history of newer IPythons keeps it
    shown      the pictures that a cell has drawn, by its number; with it, and only then, pictures are taken along
    """
    sources, values = variables.get("In") or [], variables.get("Out") or {}
    numbers = [n for n in range(1, len(sources) - 1) if str(sources[n]).strip()][-count:]
    written = [_masked(_cell(n, str(sources[n]), _printed(outputs.get(n, ())), values), keys) for n in numbers]
    notices: list[str] = []
    while sum(len(text) for text, _ in written) > MAX_CHARS:
        del written[0]
        notices = [f"context: {len(written)} of {len(numbers)} cells are sent, the others would be too long"]
    text = ""
    attached: list[Attachment] = []
    for number, (cell, masked) in zip(numbers[len(numbers) - len(written) :], written, strict=True):
        text += ("\n\n" if text else "") + cell
        notices += masked
        for found, notice in _pictures(number, outputs, values, shown) if shown else ():
            if found and found.sha256 in [one.sha256 for one in attached]:
                continue
            notices.append(notice)
            if found:
                text += f"\n\nPicture of [{number}]:"
                attached.append(content.placed(found, len(text)))
    return Found(text, tuple(dict.fromkeys(notices)), tuple(attached))


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


def _pictures(
    number: int,
    outputs: Mapping[int, Iterable[Any]],
    values: Mapping[int, Any],
    shown: Callable[[int], Iterable[bytes]],
) -> Iterable[tuple[Attachment | None, str]]:
    """What a cell has drawn and given as pictures, with a line for each; None for one that cannot be sent."""
    given = (one.bundle for one in outputs.get(number, ()) if one.output_type == "execute_result")
    drawn = [*shown(number), *(data for bundle in given if (data := picture_in(bundle)))]
    makers: list[Callable[[], tuple[Attachment, str]]] = [
        partial(attachments.from_bytes, data, f"cell_{number}{f'_{n}' if n else ''}.png")
        for n, data in enumerate(drawn)
    ]
    if not makers and attachments.picture(value := values.get(number)):  # an older IPython keeps the value only
        makers = [partial(attachments.from_value, value, f"cell_{number}")]
    for make in makers:
        try:
            yield make()
        except Exception as error:  # noqa: BLE001  # a figure of the user's may raise anything when it is drawn
            yield None, f"context: a picture of [{number}] is left out: {' '.join(str(error).split())[:200]}"


def _short(text: str) -> str:
    if len(text) <= MAX_OUTPUT_CHARS:
        return text
    half = MAX_OUTPUT_CHARS // 2
    return f"{text[:half]}\n… {len(text) - MAX_OUTPUT_CHARS:,} characters left out …\n{text[-half:]}"


def _masked(text: str, keys: Iterable[Key]) -> tuple[str, tuple[str, ...]]:
    masked = NAMED_SECRET.sub(r"\1\2[masked]\2", redact(text, keys))
    same = masked == text
    return masked, () if same else ("what looks like a key or password was masked; --dry-run shows what is sent",)

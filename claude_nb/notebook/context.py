"""Earlier cells and the last error, as text for a prompt.

Only what the user names is sent. It is cut to a size, and what looks like a secret is masked.
"""

from __future__ import annotations

import base64
import contextlib
import linecache
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple

from claude_nb.errors import ClaudeError, PromptError
from claude_nb.guard import guarded
from claude_nb.prompting import attachments
from claude_nb.prompting.text import PromptText
from claude_nb.render.chars import one_line
from claude_nb.safe_text.redaction import redact

MAX_CHARS = 40_000  # of all cells together; the oldest are left out
MAX_OUTPUT_CHARS = 4_000  # of the output of one cell, and of an error
IMAGE_TYPES = ("image/png", "image/jpeg")
MAX_IMAGES = 20
MAX_IMAGE_BYTES = 20_000_000  # of all images together


def cells(
    count: int,
    variables: Mapping[str, Any],
    outputs: Mapping[int, Iterable[Any]] = MappingProxyType({}),
    images: Callable[[int], Iterable[bytes]] | None = None,
) -> PromptText:
    """Return the last *count* cells before the running one, each with its output.

    variables  of the notebook; IPython keeps In and Out among them
    outputs    values and printed text by cell number, from the history manager of newer IPythons
    images     returns the images that a cell displayed; None: send no pictures
    """
    sources, values = variables.get("In") or [], variables.get("Out") or {}
    numbers = [n for n in range(1, len(sources) - 1) if str(sources[n]).strip()][-count:]
    parts = [(n, _masked(_cell(n, str(sources[n]), _printed(outputs.get(n, ())), values))) for n in numbers]
    found = PromptText()
    while sum(len(part.text) for _, part in parts) > MAX_CHARS:
        del parts[0]
        notice = f"context: {len(parts)} of {len(numbers)} cells are sent; all would exceed {MAX_CHARS:,} characters"
        found = PromptText(notices=(notice,))
    for number, part in parts:
        found += "\n\n" if found.text else ""
        found += part
        for picture in _pictures(number, outputs, values, images) if images else ():
            hashes = [attachment.sha256 for attachment in picture.attachments]
            if hashes and hashes[0] in [earlier.sha256 for earlier in found.attachments]:
                continue
            found += f"\n\nPicture of [{number}]:" if hashes else ""
            found += picture
    return replace(found, notices=tuple(dict.fromkeys(found.notices)))


def error() -> PromptText:
    """Return the traceback of the notebook's last error: {{Err}}.

    Raises PromptError if there is none.
    """
    return _masked(_short("".join(traceback.format_exception(_last_error(), limit=-8)).rstrip()))


def failed_cell(variables: Mapping[str, Any]) -> PromptText:
    """Return the source of the cell that raised the last error.

    Raises PromptError if there is none.
    """
    last = _last_error()
    file = last.filename if isinstance(last, SyntaxError) else None
    step: TracebackType | None = last.__traceback__
    while step is not None:
        if step.tb_frame.f_globals is variables:  # a frame of the notebook, not of a library
            file = step.tb_frame.f_code.co_filename
        step = step.tb_next
    source = "".join(linecache.getlines(file)) if file else ""
    if not source.strip():
        raise PromptError("the cell that failed cannot be found; run it again, or send it with {{In[3]}} {{Err}}")
    return _masked(source.rstrip())


def _last_error() -> BaseException:
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
        value = guarded("cannot be shown", str, values[number])
    except PromptError as error:
        value = f"({error})"
    return f"{text}\n\nOut [{number}]:\n{_short(value)}"


def _printed(outputs: Iterable[Any]) -> str:
    streams = (out.bundle.get("stream", "") for out in outputs if out.output_type in ("out_stream", "err_stream"))
    return "".join(stream if isinstance(stream, str) else "".join(stream) for stream in streams)


def _pictures(
    number: int,
    outputs: Mapping[int, Iterable[Any]],
    values: Mapping[int, Any],
    images: Callable[[int], Iterable[bytes]],
) -> Iterable[PromptText]:
    """Yield each picture of a cell, or only a notice why it cannot be sent."""
    results = (out.bundle for out in outputs.get(number, ()) if out.output_type == "execute_result")
    found = [*images(number), *(data for bundle in results if (data := image_in(bundle)))]
    makers: list[Callable[[], PromptText]] = [
        partial(attachments.from_bytes, data, f"cell_{number}{f'_{n}' if n else ''}.png")
        for n, data in enumerate(found)
    ]
    if not makers and attachments.is_picture(value := values.get(number)):  # an older IPython keeps the value only
        makers = [partial(attachments.from_value, value, f"cell_{number}")]
    for make in makers:
        try:
            yield make()
        except Exception as error:  # noqa: BLE001  # drawing a user's figure may raise anything
            yield PromptText(notices=(f"context: a picture of [{number}] is left out: {one_line(str(error), 200)}",))


def _short(text: str) -> str:
    if len(text) <= MAX_OUTPUT_CHARS:
        return text
    half = MAX_OUTPUT_CHARS // 2
    return f"{text[:half]}\n… {len(text) - MAX_OUTPUT_CHARS:,} characters left out …\n{text[-half:]}"


def _masked(text: str) -> PromptText:
    masked = redact(text, assignments=True)
    notice = "something that looks like a key or password was masked; use --dry-run to see what is sent"
    return PromptText(masked, notices=() if masked == text else (notice,))


def image_in(bundle: Mapping[str, Any]) -> bytes | None:
    """Return the image in a MIME bundle; None if there is none.

    IPython keeps it as bytes or as base64.
    """
    data = next((bundle[media_type] for media_type in IMAGE_TYPES if media_type in bundle), None)
    return base64.b64decode(data) if isinstance(data, str) else data


class _Image(NamedTuple):
    cell: int
    display_id: str | None
    data: bytes


class DisplayedImages:
    """Hook of the kernel's display publisher that keeps the newest images.

    A kernel keeps the value of a cell, but not what the cell displays. Only `--context N --pictures` reads the images.

    current_cell  returns the number of the running cell
    """

    def __init__(self, current_cell: Callable[[], int]) -> None:
        self._current_cell = current_cell
        self._images: list[_Image] = []
        self._clear_next = False

    def __call__(self, message: dict[str, Any]) -> dict[str, Any]:
        """Look at a message and return it unchanged, even if it is malformed."""
        with contextlib.suppress(Exception):
            self._look(message["header"]["msg_type"], message["content"])
        return message

    def of(self, cell: int) -> list[bytes]:
        """Return the images that a cell displayed, in order."""
        return [image.data for image in self._images if image.cell == cell]

    def _look(self, message_type: str, content: dict[str, Any]) -> None:
        if message_type == "clear_output":
            self._clear_next = True
            if not content["wait"]:
                self._clear()
            return
        data = image_in(content["data"]) or b""
        display_id = content.get("transient", {}).get("display_id")
        if message_type == "update_display_data":
            updated = [image._replace(data=data) if image.display_id == display_id else image for image in self._images]
            self._images = [image for image in updated if image.data]
        elif message_type == "display_data":
            self._clear()
            if data:
                self._images.append(_Image(self._current_cell(), display_id, data))
        while len(self._images) > MAX_IMAGES or sum(len(image.data) for image in self._images) > MAX_IMAGE_BYTES:
            del self._images[0]

    def _clear(self) -> None:
        """Drop the images of the running cell if clear_output() was called."""
        if self._clear_next:
            self._images = [image for image in self._images if image.cell != self._current_cell()]
        self._clear_next = False

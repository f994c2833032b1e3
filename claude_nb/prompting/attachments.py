"""Turn files, figures and tables of the notebook into attachments.

They are checked by their bytes and limited in size. Only what the user named is read. A file at an https:// address
is fetched here and not by the provider, so that it is checked before it is sent, and has a fingerprint.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import os
import re
import sys
from collections.abc import Iterable
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import attempt, guarded, is_a, kind_of, plain
from claude_nb.prompting import files, pictures, tables
from claude_nb.prompting.text import PromptText
from claude_nb.render.chars import size_text
from claude_nb.types.content import Attachment

MAX_BYTES = {"image": pictures.MOST_BYTES, "application": 20_000_000, "text": 400_000}
MAX_FILES = 20

MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


def gather(sources: Any) -> PromptText:
    """Attach paths, globs, addresses, figures, pictures, tables, or a list of them.

    Raises PromptError; for an address also NetworkError, and Interrupted on Ctrl-C.
    """
    gathered = PromptText()
    for source in guarded("attach", _each, sources):
        for piece in guarded("attach", _pieces, source):
            gathered += piece
        if (count := len(gathered.attachments)) > MAX_FILES:  # before the next one is fetched
            raise PromptError(f"{count} attachments are too many; send at most {MAX_FILES} with a prompt")
    return gathered


def is_picture(value: Any) -> bool:
    """Return whether a value is a figure or a picture, which cannot be written as text."""
    return attempt(_is_picture, False, value)


def _is_picture(value: Any) -> bool:
    return _figure(value) is not None or _is_pil(value) or _ipython_image(value) is not None or _draws_only(value)


def _draws_only(value: Any) -> bool:
    """Return whether an object draws itself in a notebook, and Python prints its address only."""
    kind = type(value)
    draws = any(callable(getattr(kind, f"_repr_{form}_", None)) for form in ("png", "jpeg"))
    plain: tuple[object, object] = (object.__repr__, object.__str__)
    return draws and (kind.__repr__, kind.__str__) == plain


def from_bytes(data: bytes, name: str, origin: str = "") -> PromptText:
    """Attach a picture, a PDF or a text.

    The origin ends the notice. Raises PromptError.
    """
    name = _short(name)
    media_type = _media_type(data, name)
    change = ""
    if media_type.startswith("image/"):
        data, media_type, change = pictures.from_file(data, media_type, name)
    return _attached(data, name, media_type, change + origin)


def from_value(value: Any, name: str) -> PromptText:
    """Attach a figure, a picture or a table of the notebook. Raises PromptError, also for whatever the value raises."""
    return guarded(f"{name} cannot be attached", _from_value, value, _short(name))


def _from_value(value: Any, name: str) -> PromptText:
    if figure := _figure(value):
        return from_bytes(_drawn(figure), f"{name}.png")
    if _is_pil(value):
        data, media_type, change = pictures.from_image(value, name)
        return _attached(data, f"{name}.{media_type.partition('/')[2]}", media_type, change)
    if shown := _ipython_image(value) or _shows_itself(value):
        return from_bytes(shown, f"{name}.png")
    if (text := tables.as_csv(value, MAX_BYTES["text"])) is not None:
        return from_bytes(text.encode(), f"{name}.csv")
    raise PromptError(f"{kind_of(value)} cannot be attached; use a file name, a figure, a picture or a table")


def _attached(data: bytes, name: str, media_type: str, note: str) -> PromptText:
    most = MAX_BYTES[media_type.partition("/")[0]]
    if len(data) > most:
        raise PromptError(f"{name} has {size_text(len(data))}; send at most {size_text(most)} of this kind")
    sha256 = hashlib.sha256(data).hexdigest()
    attachment = Attachment(name, media_type, sha256, len(data), base64.b64encode(data).decode())
    return PromptText("", (attachment,), (f"attached {name}: {media_type}, {size_text(len(data))}{note}",))


def _short(name: str) -> str:
    return "".join(char for char in name if char.isprintable())[:100]


def _each(sources: Any) -> Iterable[Any]:
    if sources is None:
        return ()
    return [*sources] if is_a(sources, (list, tuple)) else (sources,)


def _pieces(source: Any) -> Iterable[PromptText]:
    if is_a(source, (str, os.PathLike)):
        return _files(source)
    if is_a(source, Attachment):
        return [PromptText("", (source,))]
    if is_a(source, (bytes, bytearray)):
        return [from_bytes(bytes(source), "data")]
    return [from_value(source, kind_of(source).lower())]


def _files(source: Any) -> Iterable[PromptText]:
    typed = plain(os.fsdecode(source))
    if scheme := re.match(r"(?i)([a-z][a-z0-9+.-]*)://", typed):
        if scheme[1].lower() != "https":
            raise PromptError(
                f"{scheme[1]}:// is not fetched; use an https:// address, or download it and attach the file"
            )
        from claude_nb.prompting import download

        fetched = download.fetch(typed, max(MAX_BYTES.values()))
        return [from_bytes(fetched.data, fetched.name, f", fetched from {fetched.host}")]
    found = (files.read(path, max(MAX_BYTES.values())) for path in files.matching(typed, MAX_FILES))
    return [from_bytes(file.data, file.name, file.origin) for file in found]


def _media_type(data: bytes, name: str) -> str:
    """Return the media type by the first bytes, never by the name."""
    for start, media_type in MAGIC:
        if data.startswith(start):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        if data.strip() and b"\0" not in data:
            return "text/plain"
    if not data.strip():
        raise PromptError(f"{name} is empty; attach a file with content")
    raise PromptError(f"{name} is not PNG, JPEG, GIF, WebP, PDF or UTF-8 text; convert it to one of these")


def _figure(value: Any) -> Any:
    """Return a matplotlib figure, or the figure of axes or of a part of a figure; None for any other value."""
    if not tables.is_of(value, "matplotlib.figure", "FigureBase") and not tables.is_of(
        value, "matplotlib.axes", "Axes"
    ):
        return None
    while not hasattr(value, "savefig"):
        value = value.figure
    return value


def _drawn(figure: Any) -> bytes:
    """Return a figure as PNG, with fewer dots per inch if it would be extremely large."""
    setting = sys.modules["matplotlib"].rcParams["savefig.dpi"]
    width, height = figure.get_size_inches()
    dpi = min(figure.dpi if setting == "figure" else setting, math.sqrt(pictures.MOST_PIXELS / (width * height)))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", dpi=dpi)
    return buffer.getvalue()


def _is_pil(value: Any) -> bool:
    return tables.is_of(value, "PIL.Image", "Image")


def _ipython_image(value: Any) -> bytes | None:
    """Return the bytes of an IPython Image; None for any other value."""
    is_image = tables.is_of(value, "IPython.core.display", "Image") or tables.is_of(value, "IPython.display", "Image")
    return value.data if is_image and isinstance(value.data, bytes) else None


def _shows_itself(value: Any) -> bytes | None:
    """Return the picture that an object draws of itself in a notebook; None if it draws none."""
    kind = type(value)
    for media_type in ("image/png", "image/jpeg"):
        method = f"_repr_{media_type[6:]}_"
        shown = getattr(value, method)() if callable(getattr(kind, method, None)) else None
        if shown is None and callable(getattr(kind, "_repr_mimebundle_", None)):
            shown = value._repr_mimebundle_(include={media_type}, exclude=())
            shown = (shown[0] if isinstance(shown, tuple) else shown or {}).get(media_type)
        data = shown[0] if isinstance(shown, tuple) else shown  # with metadata
        if isinstance(data, str):  # IPython takes bytes, and their text for the notebook file
            data = base64.b64decode(data)
        if isinstance(data, bytes):
            return data
    return None

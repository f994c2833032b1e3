"""Read the header of a GGUF file, and check it before any library loads the file.

A file may be anybody's. Each count and each length is compared with the size of the file before it is used.
"""

from __future__ import annotations

import math
import mmap
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claude_nb.errors import ConfigError
from claude_nb.render.chars import one_line

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_ENTRIES = 100_000  # of the header, and of tensors; real files have some hundreds
MOST_ITEMS = 4_000_000  # of a list, such as the vocabulary
MOST_DIMENSIONS = 4
STRING, LIST = 8, 9
FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """Description of a model in its GGUF file.

    license  such as "apache-2.0"; "": the file does not say
    context  the longest text that it was trained on, in tokens; 0: the file does not say
    tools    whether the template of its chats has a place for functions
    """

    path: Path
    bytes: int
    license: str
    context: int
    tools: bool = False


def read(path: Path) -> ModelFile:
    """Return what a GGUF file says of its model. Raises ConfigError for anything that is not a whole GGUF file."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  # before it is opened: a pipe would wait
            raise ConfigError(f"{path} is not a file; name a GGUF file, such as -m models/llama.gguf")
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                raise ConfigError(f"{path} is not a GGUF file; name one that ends in .gguf")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _model_file(path, _Header(data))
    except OSError as error:
        raise ConfigError(f"cannot read {path} ({error.strerror or 'not readable'}); check its name") from None
    except ValueError as error:
        raise ConfigError(f"{path} is damaged or incomplete ({error}); download it again") from None


def _model_file(path: Path, header: _Header) -> ModelFile:
    values = header.values
    license_name = values.get("general.license")
    context = values.get(f"{values.get('general.architecture')}.context_length")
    return ModelFile(
        path=path,
        bytes=len(header.data),
        license=one_line(license_name, 80) if isinstance(license_name, str) else "",
        context=context if isinstance(context, int) and 0 < context < 2**31 else 0,
        tools="tools" in str(values.get("tokenizer.chat_template")),
    )


class _Header:
    """The header of a GGUF file. Raises ValueError for one that cannot be."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self._at = 4
        version = self._number("I")
        if version not in VERSIONS:
            raise ValueError(f"version {version} of the format")
        tensors, entries = self._count(MOST_ENTRIES), self._count(MOST_ENTRIES)
        self.values: dict[str, Any] = {}
        for _ in range(entries):
            key = self._string()
            self.values[key] = self._value(self._number("I"))
        self._check_tensors(list(self._tensors(tensors)))

    def _tensors(self, count: int) -> Iterator[tuple[int, int]]:
        """Yield for each tensor its offset and the fewest bytes that its numbers take."""
        for _ in range(count):
            self._string()
            dimensions = self._number("I")
            if dimensions > MOST_DIMENSIONS:
                raise ValueError(f"a tensor with {dimensions} dimensions")
            numbers = math.prod(self._number("Q") for _ in range(dimensions))
            self._number("I")
            yield self._number("Q"), numbers // 8  # no format takes less than a bit

    def _check_tensors(self, tensors: list[tuple[int, int]]) -> None:
        left = len(self.data) - self._at
        if not tensors or any(offset + least > left for offset, least in tensors):
            raise ValueError("its numbers are missing")

    def _value(self, kind: int, *, inside: bool = False) -> Any:
        if kind == STRING:
            return self._string()
        if kind == LIST and not inside:
            kind, count = self._number("I"), self._count(MOST_ITEMS)
            if kind in FORMATS:  # such as the scores of the vocabulary, which nobody reads here
                self._skip(count * struct.calcsize(f"<{FORMATS[kind]}"))
            else:
                for _ in range(count):
                    self._value(kind, inside=True)
            return None
        if kind not in FORMATS:
            raise ValueError(f"a value of kind {kind}")
        return self._number(FORMATS[kind])

    def _number(self, form: str) -> Any:
        begin = self._at
        self._skip(struct.calcsize(f"<{form}"))
        return struct.unpack_from(f"<{form}", self.data, begin)[0]

    def _count(self, most: int) -> int:
        count: int = self._number("Q")
        if count > most:
            raise ValueError(f"a list of {count} entries")
        return count

    def _string(self) -> str:
        length, begin = self._number("Q"), self._at
        self._skip(length)
        return self.data[begin : self._at].decode("utf-8", "replace")

    def _skip(self, length: int) -> None:
        if length > len(self.data) - self._at:
            raise ValueError("it ends too early")
        self._at += length

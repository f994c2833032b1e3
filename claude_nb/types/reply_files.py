"""Files that code on the provider's server has written. They are downloaded only when somebody asks for them."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from claude_nb.errors import ConfigError
from claude_nb.types.content import Part, ServerBlock
from claude_nb.types.request import Request

MOST_NAME_CHARS = 120
ID = re.compile(r"[\w-]{1,128}", re.ASCII)
BESIDE_NAMES = re.compile(r"[^\w .,()+=@-]")
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # names of devices on Windows


class ReplyFile:
    """A file that code on the provider's server has written.

    The server is asked for its name, type and size when one of them is first used, and for its content by read() and
    save() only.

    Attributes:
        id: Its id at the server.
        request: The request of its reply, which names the server.

    Example:
        >>> reply.files[0].save()  # doctest: +SKIP
    """

    def __init__(self, file_id: str, request: Request) -> None:
        self.id = file_id
        self.request = request
        self._about: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """Its name, as a file here can have it. Raises ClaudeError if the server cannot be asked."""
        return file_name(self.about()["name"])

    @property
    def type(self) -> str:
        """Its media type, as the server says: "text/csv"."""
        return str(self.about()["type"])

    @property
    def size(self) -> int | None:
        """Its size in bytes; None if the server does not say."""
        size = self.about()["size"]
        return size if isinstance(size, int) else None

    def about(self, session: Any = None) -> dict[str, Any]:
        """Ask the server for name, type and size, once. session: as in read()."""
        if self._about is None:
            self._about = dict(_service().about(self, session))
        return self._about

    def read(self, session: Any = None) -> bytes:
        """Download the file, at most 100 MB.

        Args:
            session: The session whose key is used. None: the one of %claude.

        Returns:
            Its content.

        Raises:
            ClaudeError: The server cannot be asked, or no longer has the file.

        Example:
            >>> reply.files[0].read().decode()  # doctest: +SKIP
        """
        return bytes(_service().content(self, session))

    def save(self, path: str | os.PathLike[str] | None = None, session: Any = None) -> Path:
        """Download the file, and write it. A file that exists is not overwritten.

        Args:
            path: A file, or a folder that exists. None: the name of the file, in the current folder.
            session: As in read().

        Returns:
            Where it was written.

        Raises:
            ConfigError: There is such a file already, or it cannot be written.
            ClaudeError: As read() does.

        Example:
            >>> reply.files[0].save("plots/")  # doctest: +SKIP
        """
        given = Path() if path is None else Path(path)
        target = given / file_name(self.about(session)["name"]) if path is None or given.is_dir() else given
        if os.path.lexists(target):
            raise _exists(target)
        content = self.read(session)
        try:
            with target.open("xb") as file:
                file.write(content)
        except FileExistsError:
            raise _exists(target) from None
        except OSError as error:
            raise ConfigError(f"{target} cannot be written: {error.strerror or error}") from None
        return target

    def __repr__(self) -> str:
        known = f" {file_name(self._about['name'])}" if self._about else ""
        return f"<file{known} {self.id}>"


def files(request: Request, parts: Sequence[Part]) -> tuple[ReplyFile, ...]:
    """Return the files that the tools of a reply have written, each once."""
    ids = dict.fromkeys(file_id for part in parts if isinstance(part, ServerBlock) for file_id in file_ids(part.block))
    return tuple(ReplyFile(file_id, request) for file_id in ids)


def file_ids(block: str) -> Iterator[str]:
    """Yield the ids of the files in a result. An id becomes part of an address, so others are left out."""
    if "file_id" not in block:
        return
    try:
        result = json.loads(block)
    except (ValueError, RecursionError):
        return
    content = result.get("content") if isinstance(result, dict) else None
    outputs = content.get("content") if isinstance(content, dict) else None
    for output in outputs if isinstance(outputs, list) else ():
        file_id = output.get("file_id") if isinstance(output, dict) else None
        if isinstance(file_id, str) and ID.fullmatch(file_id):
            yield file_id


def file_name(text: object) -> str:
    """Return a name from a server as a plain name of a file: file_name("../a:b.csv") -> "a_b.csv"."""
    base = unicodedata.normalize("NFC", text if isinstance(text, str) else "").replace("\\", "/").rpartition("/")[2]
    name = BESIDE_NAMES.sub("_", base).strip(" ")
    name = re.sub(r"^\.+", "_", name).rstrip(". ")
    stem, dot, ending = name.rpartition(".")
    if dot and len(ending) <= 20:
        name = f"{stem[: MOST_NAME_CHARS - len(ending)]}.{ending}"
    name = name[: MOST_NAME_CHARS + 1].encode()[:240].decode(errors="ignore")
    return f"_{name}" if RESERVED.fullmatch(name) else name or "file"


def _exists(target: Path) -> ConfigError:
    return ConfigError(f"{target} exists and is not overwritten; give another name, as in .save('other_name')")


def _service() -> Any:
    """Return what asks the servers. It is above this room, so it is imported by name when it is needed."""
    return import_module("claude_nb.session.reply_files")

"""Read the files that a user names: regular files only, and none that usually holds secrets."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from claude_nb.errors import PromptError
from claude_nb.prompting.secret_places import holds_secrets
from claude_nb.render.chars import size_text

SYSTEM = ("/proc", "/sys", "/dev")
MAX_LINKS = 40  # as many as Linux follows
# Without O_NONBLOCK, opening a pipe would wait forever for its other end. A terminal must not become ours.
FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_NOFOLLOW", 0)


class File(NamedTuple):
    """A file that was read: its name, its bytes, and where a link led."""

    name: str
    data: bytes
    origin: str = ""


def matching(typed: str, most_files: int) -> list[Path]:
    """Return the path that was typed, or the files that a pattern matches. Raises PromptError if there are none."""
    path = Path(os.path.expanduser(typed))  # noqa: PTH111  # Path.expanduser raises for an unknown user
    if not glob.has_magic(typed) or _exists(path):
        return [path]
    names = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # Path.glob takes no absolute patterns
    paths = [Path(name) for name in names if Path(name).is_file()]
    if not paths:
        raise PromptError(f"no file matches {typed}; check the folder and the pattern")
    if len(paths) > most_files:
        raise PromptError(f"{typed} matches {len(paths)} files; send at most {most_files} with a prompt")
    return paths


def read(path: Path, most: int) -> File:
    """Read a regular file of at most so many bytes.

    It is opened once. What was opened is checked and read, whatever the path leads to a moment later. Raises
    PromptError.
    """
    try:
        for place in _places(path):
            if holds_secrets(place):
                raise PromptError(f"{path} usually holds secrets and is not sent; copy what you need to another file")
        real = Path(os.path.realpath(path, strict=True))
        if real.as_posix().startswith(tuple(f"{folder}/" for folder in SYSTEM)):
            raise PromptError(_of_the_system(path))
        with open(real, "rb", opener=lambda name, flags: os.open(name, flags | FLAGS)) as file:
            size = _checked(file.fileno(), real, path).st_size
            data = b"" if size > most else file.read(most + 1)  # it may grow
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        hint = f"; for a variable write {{{{{path}}}}}" if str(path).isidentifier() else ""
        raise PromptError(f"{path} cannot be read: {reason}{hint}") from None
    if (size := max(size, len(data))) > most:
        raise PromptError(f"{path} has {size_text(size)}; send at most {size_text(most)} with a prompt")
    # The notice names the target of a symbolic link, because a link may lead anywhere.
    return File(path.name, data, f", from {real}" if path.is_symlink() else "")


def _places(path: Path) -> Iterator[Path]:
    """Yield the path, every path that a link in it leads to, and where it ends."""
    place = Path(os.path.abspath(path))  # noqa: PTH100  # links stay as they are
    for _ in range(MAX_LINKS):
        yield place
        link = next((part for part in reversed((place, *place.parents)) if part.is_symlink()), None)
        if link is None:
            break
        place = Path(os.path.normpath(link.parent / link.readlink() / place.relative_to(link)))
    yield Path(os.path.realpath(path))


def _checked(descriptor: int, real: Path, path: Path) -> os.stat_result:
    """Return the status of an open file: a regular one, and the one that this path without links names."""
    opened = os.fstat(descriptor)
    if not stat.S_ISREG(opened.st_mode):
        raise PromptError(f"{path} is not a regular file; attach a file")
    if opened.st_dev in _system_devices():
        raise PromptError(_of_the_system(path))
    if os.path.realpath(real) != str(real) or not os.path.samestat(opened, os.lstat(real)):
        raise PromptError(f"{path} was exchanged while it was read; attach it again")
    return opened


def _of_the_system(path: Path) -> str:
    return f"{path} is a part of the system and not one of your files; attach a regular file"


def _system_devices() -> set[int]:
    """Return the devices of the files that the system makes up, wherever else they are mounted."""
    found = set[int]()
    for folder in ("/proc", "/sys"):
        with suppress(OSError):
            found.add(Path(folder).stat().st_dev)
    return found - {Path(os.sep).stat().st_dev}


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False

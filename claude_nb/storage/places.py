"""Write in regular files and under free names only.

A device, a pipe or a folder is refused before anything is created or its mode is changed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from claude_nb.errors import ConfigError

# What lies here belongs to the system, even if it looks like a regular file.
SYSTEM_FOLDERS = ("/proc", "/sys", "/dev")
MEMORY = "/dev/shm"  # noqa: S108  # an ordinary file system, below a folder that is not


def fault(path: str | os.PathLike[str]) -> str | None:
    """Return why nothing may be written at a path ("is a folder"); None for a regular file or a free name."""
    try:
        for place in (os.path.abspath(path), os.path.realpath(path)):  # noqa: PTH100  # resolve() raises on a loop
            if _is_below(place, SYSTEM_FOLDERS) and not _is_below(place, (MEMORY,)):
                return "is a device or another part of the system"
        mode = os.stat(path).st_mode  # noqa: PTH116  # any kind of path
    except (OSError, ValueError) as error:
        # Other errors are left to the use of the path, because they are about the folders above it.
        return "is a link to itself" if getattr(error, "errno", 0) == errno.ELOOP else None
    if stat.S_ISDIR(mode):
        return "is a folder"
    return None if stat.S_ISREG(mode) else "is a device or a pipe"


def is_file_or_free(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a regular file, not a link to one, or there is nothing."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return True


def check(path: str | os.PathLike[str]) -> None:
    """Raise ConfigError if nothing may be written at a path."""
    if why := fault(path):
        raise ConfigError(f"cannot write {path} (it {why}); name another file")


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of a new file, which takes the place of `path` when the block ends without an error.

    Raises ConfigError if nothing may be written there. A link stays, and what it points to is replaced.
    """
    check(path)
    target = Path(os.path.realpath(path))  # resolve() raises on a loop of links
    # Nobody can guess this name, so nobody can put a link there first.
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        with contextlib.suppress(OSError, ValueError):
            temporary.unlink(missing_ok=True)


def _is_below(place: str, folders: tuple[str, ...]) -> bool:
    return any(place == folder or place.startswith(f"{folder}/") for folder in folders)

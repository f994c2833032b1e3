"""The folders for a user's own files. A user may have none: a service without HOME, or a HOME that nobody may enter."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from claude_nb.errors import ConfigError

NO_HOME = "this user has no home directory"


def own_folder(kind: Literal["config", "data", "cache"]) -> Path | None:
    """Return the folder for a user's settings, data or copies; None without a home directory."""
    import platformdirs

    find = getattr(platformdirs, f"user_{kind}_path")
    try:
        path: Path = find("claude_nb", appauthor=False)
    except (RuntimeError, KeyError, OSError):
        return None
    return path if path.is_absolute() else None  # older versions return "~/.config" as it stands


def own_file(kind: Literal["config", "data", "cache"], name: str) -> Path:
    """Return the path of a user's own file. Raises FileNotFoundError, an OSError, without a home directory."""
    folder = own_folder(kind)
    if folder is None:
        raise FileNotFoundError(NO_HOME)
    return folder / name


def named(text: str) -> Path:
    """Return the path that a setting names, ~ expanded. Raises ConfigError for a ~ that leads nowhere."""
    path = os.path.expanduser(text)  # noqa: PTH111  # Path.expanduser raises
    if path.startswith("~"):
        raise ConfigError(f"{text} begins with a home directory that does not exist; write the whole path")
    return Path(path)


def is_file(path: Path | None) -> bool:
    """Return whether a file is there; False also in a folder that may not be entered."""
    return path is not None and os.path.isfile(path)  # noqa: PTH113  # Path.is_file raises

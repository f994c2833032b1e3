"""Named sets of sampling settings: three built-in ones and the user's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.providers import folders
from claude_nb.session import options
from claude_nb.storage import places

BUILT_IN: dict[str, dict[str, Any]] = {
    "precise": {"temperature": 0.1},
    "balanced": {"temperature": 0.6},
    "creative": {"temperature": 1.0},
}
MAX_PRESETS = 12
MAX_NAME = 40


def default_path() -> Path | None:
    """Return the path of the file with the user's presets; None without a home directory."""
    folder = folders.own_folder("config")
    return folder and folder / "presets.json"


def load(path: Path | None) -> dict[str, dict[str, Any]]:
    """Read the user's presets. Returns {} if the file is missing or not valid."""
    if path is None or places.fault(path):  # reading a pipe could block
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {name: checked(name, params) for name, params in dict(data).items()}
    except (OSError, ValueError, TypeError, PromptError):
        return {}


def checked(name: object, params: object) -> dict[str, Any]:
    """Return the settings of a preset.

    Raises PromptError if the name or a setting is not valid.
    """
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise PromptError(f"this is not a name for a preset; use 1 to {MAX_NAME} printable characters")
    if not isinstance(params, Mapping) or not set(params) <= set(options.SAMPLING_NAMES):
        raise PromptError(f"a preset can only hold sampling settings; use {', '.join(options.SAMPLING_NAMES)}")
    values = {key: options.check(key, value) for key, value in params.items() if value is not None}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def change(path: Path | None, name: object, params: object) -> dict[str, dict[str, Any]]:
    """Save a preset, or delete it if params is None. Returns all presets of the user."""
    if path is None:
        raise ConfigError(f"presets cannot be saved, because {folders.NO_HOME}; set HOME")
    own = load(path)
    if params is None:
        own.pop(str(name), None)
    elif name in BUILT_IN:
        raise PromptError(f"{name} is a built-in preset; use another name")
    else:
        own[str(name)] = checked(name, params)
    if len(own) > MAX_PRESETS:
        raise PromptError(f"there are already {MAX_PRESETS} presets of your own; delete one first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with places.replacing(path) as new:
            new.write_text(json.dumps(own, indent=1), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot save the preset in {path} ({error.strerror}); check the folder") from None
    return own


def for_front_end(own: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all presets: {"precise": {"params": {...}, "own": False}}."""
    built_in = {name: {"params": params, "own": False} for name, params in BUILT_IN.items()}
    return built_in | {name: {"params": params, "own": True} for name, params in own.items()}

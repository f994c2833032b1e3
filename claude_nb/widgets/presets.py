"""Named sets of sampling settings: three that come with the playground, and the user's own in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.session import options

SHIPPED: dict[str, dict[str, Any]] = {
    "precise": {"temperature": 0.1},
    "balanced": {"temperature": 0.6},
    "creative": {"temperature": 1.0},
}
MAX_OWN = 12
MAX_NAME = 40


def default_path() -> Path:
    """Where the user's own presets are kept."""
    from platformdirs import user_config_path

    return user_config_path("claude_nb", appauthor=False) / "presets.json"


def load(path: Path) -> dict[str, dict[str, Any]]:
    """The user's own presets; what is not readable or not valid is left out."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {name: checked(name, params) for name, params in dict(data).items()}
    except (OSError, ValueError, TypeError, PromptError):
        return {}


def checked(name: object, params: object) -> dict[str, Any]:
    """The settings of a preset, if both can be one; else PromptError."""
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise PromptError(f"a preset needs a name of 1 to {MAX_NAME} characters")
    if not isinstance(params, Mapping) or not set(params) <= set(options.SAMPLING_NAMES):
        raise PromptError(f"a preset holds sampling settings only: {', '.join(options.SAMPLING_NAMES)}")
    values = {key: options.check(key, value) for key, value in params.items() if value is not None}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def change(path: Path, name: object, params: object) -> dict[str, dict[str, Any]]:
    """Keep a preset under a name, or forget it (params None); returns all of the user's own."""
    own = load(path)
    if params is None:
        own.pop(str(name), None)
    elif name in SHIPPED:
        raise PromptError(f"{name} comes with the playground; take another name")
    else:
        own[str(name)] = checked(name, params)
    if len(own) > MAX_OWN:
        raise PromptError(f"there is room for {MAX_OWN} presets of your own; forget one first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(own, indent=1), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the preset could not be saved: {error.strerror} ({path})") from None
    return own


def for_front_end(own: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Both kinds, as the buttons show them: {"precise": {"params": {...}, "own": False}}."""
    shipped = {name: {"params": params, "own": False} for name, params in SHIPPED.items()}
    return shipped | {name: {"params": params, "own": True} for name, params in own.items()}

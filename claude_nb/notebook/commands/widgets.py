"""The widgets, by name: /playground /lens."""

from __future__ import annotations

from typing import Any

import claude_nb  # widgets stand above commands; the package itself is the door to them
from claude_nb.errors import ConfigError
from claude_nb.notebook.commands.command import Call, Command


def _playground(call: Call) -> Any:
    return _widget("Playground", session=call.session, **({"prompt": call.rest} if call.rest else {}))


def _lens(call: Call) -> Any:
    return _widget("Lens", call.rest or "Once upon a time there was a")


def _widget(name: str, *args: Any, **settings: Any) -> Any:
    try:
        return getattr(claude_nb, name)(*args, **settings)
    except ImportError as error:
        missing = error.name or "anywidget"
    raise ConfigError(f"{name} needs {missing}: %pip install {missing}; %%claude works without")


COMMANDS = (
    Command("playground", "/playground [PROMPT]", "the widget with sliders", _playground),
    Command("lens", "/lens [TEXT]", "how the demo model draws its next word, with sliders", _lens),
)

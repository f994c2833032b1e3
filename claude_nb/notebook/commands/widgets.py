"""Commands that open a widget: /playground /lens."""

from __future__ import annotations

from typing import Any

import claude_nb  # it imports a widget only when the widget is used
from claude_nb.errors import ConfigError
from claude_nb.notebook.commands.command import Command, Invocation


def _playground(call: Invocation) -> Any:
    return _widget("Playground", session=call.session, **({"prompt": call.text} if call.text else {}))


def _lens(call: Invocation) -> Any:
    return _widget("Lens", call.text or "Once upon a time there was a")


def _widget(name: str, *args: Any, **settings: Any) -> Any:
    try:
        return getattr(claude_nb, name)(*args, **settings)
    except ImportError as error:
        missing = error.name or "anywidget"
    raise ConfigError(f"{name} needs {missing}: %pip install {missing}; %%claude works without it")


COMMANDS = (
    Command("/playground [PROMPT]", "open the widget with sliders", _playground, "prose"),
    Command("/lens [TEXT]", "show with sliders how the demo model samples its next word", _lens, "prose"),
)

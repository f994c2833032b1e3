"""The state that the lens shares with its front end, checked like any input."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets as t

from claude_nb.errors import ClaudeError
from claude_nb.session import options
from claude_nb.widgets.controls import BadSetting
from claude_nb.widgets.lens_html import SCRIPT, STYLE

SETTINGS = ("temperature", "top_k", "top_p", "order")
ORDERS = ("temperature_first", "temperature_last")


class LensTraits(anywidget.AnyWidget):
    """Base of Lens: its traits and their validation."""

    _esm = SCRIPT
    _css = STYLE

    uid = t.Unicode(read_only=True).tag(sync=True)
    prompt = t.Unicode(read_only=True).tag(sync=True)
    badge = t.Unicode(read_only=True).tag(sync=True)
    vocabulary: t.List[str] = t.List(t.Unicode(), read_only=True).tag(sync=True)
    branches: t.List[Any] = t.List(read_only=True).tag(sync=True)
    live = t.Bool(True, read_only=True).tag(sync=True)
    temperature = t.Any(None).tag(sync=True)
    top_k = t.Any(None).tag(sync=True)
    top_p = t.Any(None).tag(sync=True)
    order: t.Enum[Any] = t.Enum(ORDERS, "temperature_first").tag(sync=True)
    branch = t.Int(1).tag(sync=True)
    step = t.Int(0).tag(sync=True)

    @t.validate("temperature", "top_k", "top_p")
    def _valid_setting(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        try:
            value = options.check(name, value)
        except ClaudeError as error:
            raise BadSetting(str(error)) from None
        if name == "temperature" and value is not None and value > 2:
            raise BadSetting(f"temperature goes from 0 to 2 in the lens, not {value:g}")
        return value

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Set traits from the front end, and send a rejected one back as it was."""
        for name, value in sync_data.items():
            if name in (*SETTINGS, "branch", "step"):
                try:
                    super().set_state({name: value})
                    continue
                except t.TraitError:
                    pass
            if name in self.keys:
                self.send_state(name)

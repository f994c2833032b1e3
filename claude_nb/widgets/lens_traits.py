"""The state that the lens shares with its front end, checked like any input."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets as t

from claude_nb.errors import ClaudeError
from claude_nb.session import options
from claude_nb.widgets.controls import BadSetting
from claude_nb.widgets.lens_branches import BranchTree
from claude_nb.widgets.lens_html import SCRIPT, STYLE
from claude_nb.widgets.lens_models import SETTINGS

MAX_STEPS = 400  # whose probabilities one message may request
ORDERS = ("temperature_first", "temperature_last")


class LensTraits(anywidget.AnyWidget):
    """Base of Lens: its traits and messages, and their validation. Nothing that the front end sends is trusted."""

    _esm = SCRIPT
    _css = STYLE

    _tree: BranchTree
    uid = t.Unicode(read_only=True).tag(sync=True)
    prompt = t.Unicode(read_only=True).tag(sync=True)
    badge = t.Unicode(read_only=True).tag(sync=True)
    provider = t.Unicode("demo", read_only=True).tag(sync=True)
    providers: t.List[Any] = t.List(read_only=True).tag(sync=True)
    size: t.Int[Any, Any] = t.Int(None, allow_none=True, read_only=True).tag(sync=True)
    vocabulary: t.List[str] = t.List(t.Unicode(), read_only=True).tag(sync=True)
    branches: t.List[Any] = t.List(read_only=True).tag(sync=True)
    live = t.Bool(True, read_only=True).tag(sync=True)
    temperature = t.Any(None).tag(sync=True)
    top_k = t.Any(None).tag(sync=True)
    top_p = t.Any(None).tag(sync=True)
    min_p = t.Any(None).tag(sync=True)
    order: t.Enum[Any] = t.Enum(ORDERS, "temperature_first").tag(sync=True)
    branch = t.Int(1).tag(sync=True)
    step = t.Int(0).tag(sync=True)

    @t.validate("temperature", "top_k", "top_p", "min_p")
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

    def _do(self, kind: str, at: int | None, token: int | None, provider: str) -> None:
        """Do what the front end asks for: force, redraw, rerun or use."""
        raise NotImplementedError

    def _receive(self, _widget: object, message: object, _buffers: object) -> None:
        if not isinstance(message, dict):
            return
        kind, number = message.get("t"), message.get("branch")
        if kind == "arrays" and isinstance(message.get("ids"), list):
            self._send_arrays(message["ids"])
            return
        if kind not in ("force", "redraw", "rerun", "use") or not isinstance(number, int):
            return
        if isinstance(settings := message.get("settings"), dict):
            self.set_state({name: value for name, value in settings.items() if name in SETTINGS})
        at, token = (value if isinstance(value := message.get(name), int) else None for name in ("at", "token"))
        try:
            self.branch = self._tree.branch(number).number
            self._do(kind, at, token, str(message.get("provider")))
        except ClaudeError as error:
            self.send({"t": "failed", "why": str(error)})

    def _send_arrays(self, numbers: list[Any]) -> None:
        known = [number for number in numbers if isinstance(number, int) and number in self._tree.by_id][:MAX_STEPS]
        steps, model = [self._tree.by_id[number] for number in known], self._tree.model
        message = {"t": "arrays", "ids": known, "about": [model.about(step) for step in steps]}
        self.send(message, [model.packed(step) for step in steps])

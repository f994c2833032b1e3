"""A button that copies text, for front ends that cannot insert cells."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets as t

from claude_nb.render import STATIC


class CopyButton(anywidget.AnyWidget):
    """Button that copies a text: CopyButton("print(1)").

    A saved notebook shows only an empty line.
    """

    _esm = STATIC / "copy_button.js"
    _css = STATIC / "copy_button.css"

    text = t.Unicode().tag(sync=True)

    def __init__(self, text: str, **options: Any) -> None:
        super().__init__(text=text, **options)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        return bundle | {"text/plain": ""}, metadata

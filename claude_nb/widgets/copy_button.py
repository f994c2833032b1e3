"""A button that copies a text: below the code that /code shows, for front ends that make no new cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets as t

STATIC = Path(__file__).parent.parent / "static"


class CopyButton(anywidget.AnyWidget):
    """Copies its text: CopyButton("print(1)"). In a saved notebook nothing of it is left but an empty line."""

    _esm = STATIC / "copy_button.js"
    _css = STATIC / "copy_button.css"

    text = t.Unicode().tag(sync=True)

    def __init__(self, text: str, **options: Any) -> None:
        super().__init__(text=text, **options)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        return bundle | {"text/plain": ""}, metadata

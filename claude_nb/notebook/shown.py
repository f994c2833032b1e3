"""The pictures that cells have shown. A kernel keeps what a cell gives, but not what it draws.

The newest are held in memory, so that `--context N --pictures` can send them; nothing else is done with them.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

KINDS = ("image/png", "image/jpeg")
MOST = 20
MOST_BYTES = 20_000_000  # of all of them


def picture_in(bundle: Mapping[str, Any]) -> bytes | None:
    """The picture of what IPython shows, which it keeps as bytes or in base64; None: it holds none."""
    data = next((bundle[kind] for kind in KINDS if kind in bundle), None)
    return base64.b64decode(data) if isinstance(data, str) else data


class _Picture(NamedTuple):
    cell: int
    display_id: str | None
    data: bytes


class DisplayedImages:
    """Listens to what a kernel publishes, as a hook of its display publisher.

    cell  gives the number of the cell that is running
    """

    def __init__(self, cell: Callable[[], int]) -> None:
        self._cell = cell
        self._pictures: list[_Picture] = []
        self._clears = False

    def __call__(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take a look at a message, and pass it on as it is, whatever is in it."""
        with contextlib.suppress(Exception):
            self._look(message["header"]["msg_type"], message["content"])
        return message

    def of(self, cell: int) -> list[bytes]:
        """The pictures that a cell has shown and that are still held, in order."""
        return [one.data for one in self._pictures if one.cell == cell]

    def _look(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "clear_output":
            self._clears = True
            if not content["wait"]:
                self._clear()
            return
        data = picture_in(content["data"])
        display_id = content.get("transient", {}).get("display_id")
        if kind == "update_display_data":
            mine = [one for one in self._pictures if one.display_id == display_id]
            for one in mine:
                at = self._pictures.index(one)
                self._pictures[at : at + 1] = [] if data is None else [one._replace(data=data)]
        elif kind == "display_data":
            self._clear()
            if data is not None:
                self._pictures.append(_Picture(self._cell(), display_id, data))
        while len(self._pictures) > MOST or sum(len(one.data) for one in self._pictures) > MOST_BYTES:
            del self._pictures[0]

    def _clear(self) -> None:
        """What the front end does when clear_output was called: at once, or when there is something new to show."""
        if self._clears:
            self._pictures = [one for one in self._pictures if one.cell != self._cell()]
        self._clears = False

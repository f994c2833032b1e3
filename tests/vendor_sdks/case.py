"""The class of a case, and what cases of both dialects send."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from IPython.display import Image
from pydantic import BaseModel

from tests.helpers.server import Scenario


@dataclass(frozen=True)
class Case:
    """The same requests, written twice.

    ours     takes ask(), with provider and address filled in
    theirs   takes the client of the SDK, and ask(), to ask it for one streamed reply
    answers  what the server answers, in turn; the last answer again for all that follow
    """

    name: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    answers: Sequence[Scenario]


class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


class City(BaseModel):
    """A city."""

    name: str
    people: int


class Coloured(BaseModel):
    colour: Colour


def weather(city: str) -> str:
    """The weather of a city."""
    if city == "Rome":
        raise LookupError("no station in Rome")
    return f"18 °C in {city}"


def dot() -> Image:
    """Draw a dot."""
    return Image(data=PNG)


WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
MANY = 'Grüße 🙂 中文 "quotes" \\ <b> &amp; %s {x}'
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n%%EOF\n"
NOTES = "one\ntwo"


def folder_of_files(folder: Path) -> None:
    """Write the files that the cases attach."""
    (folder / "dot.png").write_bytes(PNG)
    (folder / "report.pdf").write_bytes(PDF)
    (folder / "notes.txt").write_text(NOTES, "utf-8")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()

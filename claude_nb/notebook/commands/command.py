"""What a slash command is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from claude_nb.session.session import Session


class Prompt(NamedTuple):
    """A prompt that a command has made, to be sent as it stands: its text, and options as they are typed."""

    text: str
    options: dict[str, Any]
    notices: tuple[str, ...] = ()


class Code(NamedTuple):
    """Python for a new cell below, and as plain text in the output, for a front end that makes no cells."""

    text: str


class Call(NamedTuple):
    """One use of a command: the session, the text after its name, and the notebook's variables."""

    session: Session
    rest: str
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """One slash command. run returns what to show: a text, or an object that shows itself."""

    name: str
    usage: str
    help: str
    run: Callable[[Call], Any]

"""A slash command, and the values that it can return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from claude_nb.session.session import Session


class Prompt(NamedTuple):
    """A prompt that a command has written, ready to send, with options of the magic."""

    text: str
    options: dict[str, Any]
    notices: tuple[str, ...] = ()


class Code(NamedTuple):
    """Python for a new cell below.

    It is also printed, for front ends that create no cells.
    """

    text: str


class Invocation(NamedTuple):
    """One use of a command.

    text       what follows the name of the command
    variables  of the notebook
    """

    session: Session
    text: str
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """One slash command.

    usage  how to write it; a word that begins like an option must occur in it
    run    returns what to show: a text, or an object that displays itself
    reads  words, prose for a model, or "itself" if the command checks what follows it
    """

    usage: str
    help: str
    run: Callable[[Invocation], Any]
    reads: Literal["words", "prose", "itself"] = "words"

    @property
    def name(self) -> str:
        """The name without its slash: "forget" for "/forget ID|--all"."""
        return self.usage[1:].partition(" ")[0]

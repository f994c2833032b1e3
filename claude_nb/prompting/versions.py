"""Named prompts in a text: {{prompts.triage}} becomes the text of its newest version before variables are filled in.

A pinned version is {{prompts.triage[2]}}, by its number, or {{prompts.triage["3f2a9c1b"]}}, by the start of its id.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from claude_nb.errors import PromptError
from claude_nb.guard import shown

if TYPE_CHECKING:
    from claude_nb.storage.prompts import SavedPrompts, Version

SHORTEST_ID = 4
HOW = "write {{prompts.triage}}, or {{prompts.triage[2]}} for its second version; %claude /versions lists them"


class NamedPrompts:
    """The named prompts, as {{prompts}}.

    saved  the prompts of the session's history
    """

    def __init__(self, saved: SavedPrompts) -> None:
        self.saved = saved


def find(saved: SavedPrompts, name: str, pin: int | str | None = None) -> Version:
    """Return a version of a prompt.

    pin  its number, -1 for the last one, or the start of its id; None: the newest version

    Raises PromptError if there is none.
    """
    versions = saved.versions(name)
    latest = max(versions, key=lambda version: version.place, default=None)
    if latest is None:
        near = get_close_matches(name, {version.name for version in saved.versions()}, n=3)
        guess = f"did you mean {', '.join(near)}?" if near else f'save it with claude_nb.prompt("{name}", text)'
        raise PromptError(f"there is no prompt {shown(name)}; {guess}")
    if pin is None:
        return latest
    if isinstance(pin, int):
        found = [versions[pin - 1 if pin > 0 else pin]] if pin and -len(versions) <= pin <= len(versions) else []
    else:
        found = [version for version in versions if len(pin) >= SHORTEST_ID and version.id.startswith(pin.lower())]
    if len(found) != 1:
        ids = ", ".join(f"{version.number} ({version.id[:8]})" for version in versions[-5:])
        raise PromptError(f"{name} has no version {shown(pin)}; there is {ids}, and %claude /versions {name} lists all")
    return found[0]

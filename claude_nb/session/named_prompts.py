"""prompt(): named prompts that are kept with all their versions."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from claude_nb.errors import PromptError
from claude_nb.guard import is_a, plain, shown
from claude_nb.prompting import versions
from claude_nb.render.chars import one_line, terminal_safe
from claude_nb.safe_text.visible import mended
from claude_nb.session.default import default_session
from claude_nb.session.session import Session

if TYPE_CHECKING:
    from claude_nb.storage.prompts import Version

MAX_NAME = 60


class PromptVersion(str):
    """The text of a version. Use it wherever a prompt is expected.

    name      of the prompt
    number    1 for the first version
    id        identifies the text
    saved_at  when the text was first saved
    """

    name: str
    number: int
    id: str
    saved_at: datetime

    @classmethod
    def of(cls, version: Version) -> PromptVersion:
        """Return the text of a stored version."""
        text = cls(version.text)
        text.name, text.number, text.id = version.name, version.number, version.id[:8]
        text.saved_at = datetime.fromtimestamp(version.saved_s, timezone.utc)
        return text

    def __repr__(self) -> str:
        if not hasattr(self, "id"):  # a piece of it
            return super().__repr__()
        return terminal_safe(f"<prompt {self.name}, version {self.number} ({self.id}): {one_line(plain(self), 200)}>")


def prompt(
    name: str, text: str | None = None, *, version: int | str | None = None, session: Session | None = None
) -> PromptVersion:
    """Save a prompt under a name, or return one.

    The versions are kept in the history file. The same text is the same version, however often it is saved. In any
    prompt, `{{prompts.triage}}` stands for the newest version of triage, `{{prompts.triage[2]}}` for the second one.
    The text is a template: its `{{name}}` are filled when it is sent, as if it stood there.

    Args:
        name: A name of letters, digits and `_`.
        text: The text to save as the newest version, at most 200,000 characters. None: nothing is saved.
        version: Which version to return: its number, -1 for the last one, or at least 4 characters of its id. None: the
            newest.
        session: The session whose history has the prompts. None: the one of %claude.

    Returns:
        The text, with `.name`, `.number`, `.id` and `.saved_at`.

    Raises:
        PromptError: The name or the text cannot be saved, or there is no such version.

    Example:
        >>> prompt("triage", "Urgent or not? One word. {{text}}")  # doctest: +SKIP
        >>> ask("{{prompts.triage}}", variables={"text": "My order is late."})  # doctest: +SKIP
        >>> prompt("triage", version=1) == prompt("triage")  # doctest: +SKIP
    """
    session = session or default_session()
    if not is_a(name, str) or not name.isidentifier() or name.startswith("_") or len(name) > MAX_NAME:
        raise PromptError(f"the name of a prompt has letters, digits and _, as in triage_2, not {shown(name)}")
    name, saved = plain(name), session.memory.prompts
    if text is None:
        return PromptVersion.of(versions.find(saved, name, version))
    if version is not None:
        raise PromptError("a text that is saved is the newest version; leave version out")
    if not is_a(text, str) or not text.strip():
        raise PromptError(f"a prompt is a text that is not empty, not {shown(text)}")
    session.config.refuse_keys(text)
    return PromptVersion.of(saved.save(name, mended(plain(text))))

"""The text of a prompt while it is put together, with what is attached to it."""

from __future__ import annotations

from dataclasses import dataclass

from claude_nb.types.content import Attachment, placed


@dataclass(frozen=True, slots=True)
class PromptText:
    """A piece of a prompt. Add pieces to join them: PromptText("Hi ") + "Ada".

    attachments  each knows how many characters of the text come before it
    notices      a line for each thing that was attached, cut or masked
    """

    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    notices: tuple[str, ...] = ()

    def __add__(self, other: PromptText | str) -> PromptText:
        if isinstance(other, str):
            return PromptText(self.text + other, self.attachments, self.notices)
        moved = tuple(placed(attachment, attachment.at + len(self.text)) for attachment in other.attachments)
        return PromptText(self.text + other.text, self.attachments + moved, self.notices + other.notices)

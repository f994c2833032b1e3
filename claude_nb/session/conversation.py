"""A named conversation, and its rewind when a cell runs again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from claude_nb.types.request import Message, Request


class Cell(NamedTuple):
    """The cell that sent a prompt: its id in the notebook, and the id of this run."""

    id: str
    run: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt and its finished answer. cell is None outside notebooks."""

    prompt: Message
    answer: Message
    cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Finished exchanges.

    It is frozen: adding and rewinding return a new conversation.
    """

    name: str
    exchanges: tuple[Exchange, ...] = ()
    system: str | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """Prompts and answers in order, as a request needs them."""
        return tuple(message for exchange in self.exchanges for message in (exchange.prompt, exchange.answer))

    def before(self, cell: Cell | None) -> Conversation:
        """Return the conversation as it was before earlier runs of this cell.

        Several prompts of the same run stay together.
        """
        if cell is None:
            return self
        for i, exchange in enumerate(self.exchanges):
            if exchange.cell and exchange.cell.id == cell.id and exchange.cell.run != cell.run:
                return Conversation(self.name, self.exchanges[:i], self.system)
        return self

    def plus(self, request: Request, answer: Message, cell: Cell | None) -> Conversation:
        """Return the conversation with one more exchange.

        Its system prompt is that of the request.
        """
        prompt = next((m for m in reversed(request.messages) if m.role == "user"), Message("user", ""))
        return Conversation(self.name, (*self.exchanges, Exchange(prompt, answer, cell)), request.system)

    def amended(self, old: Message, new: Message) -> Conversation:
        """Return the conversation with another last answer, if the last one is *old*."""
        last = self.exchanges[-1] if self.exchanges else None
        if last is None or last.answer != old:
            return self
        return replace(self, exchanges=(*self.exchanges[:-1], replace(last, answer=new)))

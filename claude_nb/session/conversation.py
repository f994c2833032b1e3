"""A named conversation: finished exchanges in order, and the rewind when a cell is run again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from claude_nb.types.request import Message, Request


class Cell(NamedTuple):
    """Where a prompt came from: the notebook's id of the cell, and the id of this run of it."""

    id: str
    run: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt and its reply; only whole exchanges are kept. cell is None outside notebooks."""

    asked: Message
    answered: Message
    cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Finished exchanges. Frozen: adding and rewinding give a new one."""

    name: str
    exchanges: tuple[Exchange, ...] = ()
    system: str | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """Both sides in order, as a request takes them."""
        return tuple(side for ex in self.exchanges for side in (ex.asked, ex.answered))

    def before(self, cell: Cell | None) -> Conversation:
        """The conversation as it was before this cell ran for the first time.

        Two prompts of one run of one cell belong together; an earlier run of it is taken back.
        """
        if cell is None:
            return self
        for i, ex in enumerate(self.exchanges):
            if ex.cell and ex.cell.id == cell.id and ex.cell.run != cell.run:
                return Conversation(self.name, self.exchanges[:i], self.system)
        return self

    def plus(self, request: Request, answer: Message, cell: Cell | None) -> Conversation:
        """With one more exchange, and the system prompt it was held under."""
        asked = next((m for m in reversed(request.messages) if m.role == "user"), Message("user", ""))
        exchange = Exchange(asked, answer, cell)
        return Conversation(self.name, (*self.exchanges, exchange), request.system)

    def amended(self, old: Message, new: Message) -> Conversation:
        """With another answer in the last exchange, if that has the old one."""
        last = self.exchanges[-1] if self.exchanges else None
        if last is None or last.answered != old:
            return self
        return replace(self, exchanges=(*self.exchanges[:-1], replace(last, answered=new)))

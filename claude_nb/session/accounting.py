"""What is kept of each reply: price, totals, history, conversation. A Books is the Keeper of one turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from claude_nb.session.continuation import Continuation
from claude_nb.session.conversation import Cell, Conversation
from claude_nb.session.tools import ToolBox
from claude_nb.session.turn import Rhythm, Turn
from claude_nb.storage.entries import Recorded
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

if TYPE_CHECKING:
    from claude_nb.session.session import Session


class HistoryWriter(Protocol):
    """Where a turn is written down: the history, or who writes the rows of many turns together."""

    def begin(
        self, request: Request, *, notebook: str | None, variable: str | None, chat: str | None
    ) -> int | None: ...
    def finish(self, row: int, reply: Reply, rhythm: Rhythm) -> None: ...


@dataclass
class CallRecord:
    """What happens around one turn: its row in the history, and what the session learns when it ends.

    after  what this turn goes on with; None: it begins a reply
    box    the functions that the model may ask for
    ledger where it is written down; None: in the history, if there is one
    again  session.run with the options of this turn, for the next one of the same reply
    """

    session: Session
    chat: str | None
    cell: Cell | None
    variable: str | None
    recorded: Recorded | None = None
    after: Continuation | None = None
    box: ToolBox | None = None
    again: Callable[..., Turn] | None = None
    ledger: HistoryWriter | None = None
    row: int | None = None

    def begin(self, request: Request) -> None:
        self.session.budget.admit(request, self.session.models, call=id(self))
        self.write_down(request)

    def write_down(self, request: Request) -> None:
        """The prompt goes into the history before it is sent."""
        if ledger := self.ledger or self.session.store:
            names = {"notebook": self.session.notebook, "variable": self.variable, "chat": self.chat}
            self.row = ledger.begin(request, **names)

    def progress(self, turn: Turn) -> None:
        """Called by the turn about once a second. Raises ConfigError when the budget is used up."""
        if self.session.store and self.row is not None:
            self.session.store.progress(self.row, turn.text, turn.thinking)
        self.session.budget.watch(turn.request, self.session.models, id(self), turn.tokens)

    def finished(self, turn: Turn, reply: Reply) -> Reply:
        """Called once when the turn has ended: price the reply, keep it, extend its conversation."""
        session = self.session
        if self.recorded is None:
            reply = self.accounted(reply, turn.rhythm)
        elif reply.complete:
            # What was said then, at the price and pace of then; only the source tells that it was not said now.
            from claude_nb.storage.recordings import as_replay

            reply = as_replay(self.recorded)
        if self.after:
            reply = self.after.joined(reply)
        self.keep(reply)
        # Half an exchange would leave two user messages in a row, which some servers refuse; and whoever refused
        # once refuses again when it sees that.
        said = reply.complete and (reply.text or reply.calls) and reply.stop_reason not in ("refusal", "tool_use")
        if self.chat and said:
            session.conversations[self.chat] = self._extended(self.chat, reply)
        return reply

    def keep(self, reply: Reply) -> None:
        """It is the newest one, which /continue goes on with."""
        self.session.last, self.session.last_books = reply, self

    def _extended(self, chat: str, reply: Reply) -> Conversation:
        talk = self.session.conversations.get(chat, Conversation(chat))
        told = self.after.told if self.after else None
        if told and (longer := talk.amended(told, reply.message)) is not talk:
            return longer
        return talk.before(self.cell).plus(reply.request, reply.message, self.cell)

    def accounted(self, reply: Reply, rhythm: Rhythm = ()) -> Reply:
        """Priced, counted and written down."""
        session = self.session
        price = session.models.price(reply.model, reply.provider)
        cost = reply.usage.cost_usd
        if cost is None and price:
            cost = price.cost_usd(reply.usage)
        reply = replace(reply, cost_usd=cost, saved_usd=price.saved_usd(reply.usage) if price else None)
        session.totals.add(reply)
        session.budget.release(id(self), reply)
        if (ledger := self.ledger or session.store) and self.row is not None:
            ledger.finish(self.row, reply, rhythm)
        return reply

"""Take in the replies of a batch like those of any call: masked, priced, counted, and written to their rows."""

from __future__ import annotations

from collections.abc import Iterator

from claude_nb.errors import ClaudeError
from claude_nb.session import accounting
from claude_nb.session.accounting import CallRecord
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.storage.entries import Rhythm
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk, Request

WRITE_DELAY_S = 0.25  # of a reply, so that others are written with it


class _Later:
    """Writes replies to rows that were begun when the batch was sent."""

    def __init__(self, store: Store) -> None:
        self.begin = store.begin
        self._store = store

    def finish(self, row: int, reply: Reply, rhythm: Rhythm) -> None:
        self._store.finish(row, reply, rhythm, delay_s=WRITE_DELAY_S)


def received(session: Session, request: Request, chunks: Iterator[Chunk], row: int | None) -> Reply:
    """Return the reply to one request of a batch. An error is part of it.

    row  of the history, which gets the reply soon; None: the history is off
    """
    writer = _Later(session.store) if session.store and row is not None else None
    record = CallRecord(session.models, session.budget, session.memory, {}, writer=writer, row=row)
    turn = Turn(request, lambda _: chunks, record, source="batch")
    try:
        return accounting.bound(turn.wait(), request)
    except ClaudeError as error:
        reply: Reply = error.reply
        return reply

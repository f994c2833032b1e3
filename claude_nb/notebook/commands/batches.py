"""Fetch the replies of batches that have ended, show the others, or cancel one: /batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_nb.errors import ClaudeError, PromptError
from claude_nb.notebook.commands.command import Command, Invocation
from claude_nb.render.chars import counted

if TYPE_CHECKING:
    from claude_nb.sweeps.engine.batch import Batch
    from claude_nb.sweeps.engine.batch_book import BatchBook


def _batches(call: Invocation) -> str:
    from claude_nb.sweeps.engine.batch_book import BatchBook  # loads the network

    book = BatchBook(call.session)
    _ = call.session.memory.history  # raises where the history is off
    book.look_up_all()
    found = book.waiting
    if call.text:
        found = [_named(call.text, found)]
        book.batches = found
        book.cancel()
        return f"{book.states(ask=False)!r}\n%claude /batches fetches the replies that were there before"
    lines = [_fetched(book, batch) for batch in found]
    book.batches = found
    return "\n".join([repr(book.states(ask=False)), *filter(None, lines)] if found else ["no batch waits"])


def _fetched(book: BatchBook, batch: Batch) -> str:
    """Fetch the replies of one batch, and return a line about it. An error at one server concerns no other batch."""
    from claude_nb.sweeps.engine.batch_runner import BatchRunner

    book.batches, before = [batch], len(batch.waits)
    try:
        for _ in BatchRunner(book, [], wait=False).run():
            pass
    except ClaudeError as error:
        return f"{batch.name}: {error}"
    got = before - len(batch.waits)
    return (
        f"fetched {counted(got, 'reply')} of {batch.name}; a sweep with the same requests gets them from the history"
        if got
        else ""
    )


def _named(text: str, found: list[Batch]) -> Batch:
    word, _, name = text.partition(" ")
    for batch in found:
        if word == "cancel" and batch.name == name.strip():
            return batch
    names = ", ".join(batch.name for batch in found) or "none"
    raise PromptError(f"write %claude /batches cancel ID; the batches that wait: {names}")


COMMANDS = (
    Command("/batches [cancel ID]", "fetch the replies of batches that have ended, and show the others", _batches),
)

"""One reply in several requests: the model asks for functions, they run here, and it goes on with what they gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn, Protocol

from claude_nb.errors import ClaudeError, Interrupted
from claude_nb.session import continuation
from claude_nb.session.accounting import CallRecord
from claude_nb.session.turn import Turn
from claude_nb.types import content
from claude_nb.types.content import Called, Part, ToolCall, ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import StopReason

MAX_ROUNDS = 10


class Screen(Protocol):
    """Where the rounds of a reply are shown.

    read    reads a turn to its end; what goes wrong is shown and raised
    calls   the calls of the turn that was read last, with the results that are there, and lines of ours
    finish  the whole reply is there
    """

    def read(self, turn: Turn) -> Reply: ...
    def calls(self, called: Sequence[Called], notices: Sequence[str]) -> None: ...
    def finish(self, reply: Reply) -> None: ...


class Unseen:
    """Shows nothing."""

    def read(self, turn: Turn) -> Reply:
        return turn.wait()

    def calls(self, called: Sequence[Called], notices: Sequence[str]) -> None: ...
    def finish(self, reply: Reply) -> None: ...


def follow(turn: Turn, screen: Screen | None = None) -> Reply:
    """Read a turn, and those that follow it, to the end: one Reply of them all.

    Functions run in this thread. Each turn has its own row in the history and its own look at the budget. After
    MAX_ROUNDS rounds of functions the reply ends as it is, with stop_reason "tool_use".
    Raises what went wrong, with the Reply so far as error.reply; Interrupted also when a function was interrupted.
    """
    screen = screen or Unseen()
    for left in range(MAX_ROUNDS - 1, -1, -1):
        reply, books = screen.read(turn), turn.keeper
        if not isinstance(books, CallRecord) or not (books.box and _asked(reply)):
            break
        reply = _with_results(books, reply, screen)
        books.keep(reply)
        if left:
            turn = _next_round(books, reply, screen)
    screen.finish(reply)
    return reply


def _asked(reply: Reply) -> list[ToolCall]:
    """The calls that the model waits for: those behind the last result."""
    calls: list[ToolCall] = []
    for part in reply.parts if reply.stop_reason == "tool_use" else ():
        calls = [*calls, part] if isinstance(part, ToolCall) else [] if isinstance(part, ToolResult) else calls
    return calls


def _with_results(books: CallRecord, reply: Reply, screen: Screen) -> Reply:
    """The reply with what its calls gave, each run after the other."""
    assert books.box is not None  # noqa: S101  # follow() has looked
    trouble: ClaudeError | Interrupted | None = None
    reply = replace(reply, parts=_told_apart(reply.parts))
    calls, given, notices = _asked(reply), list[ToolResult](), list[str]()
    keys = books.session.credentials.known()
    at = len(reply.text)
    try:
        for call in calls:
            screen.calls(content.called((*calls, *given)), notices)
            gave = books.box.call(call, keys)
            given.append(content.placed(gave.result, at))
            notices += gave.notices
    except ClaudeError as error:
        trouble = error
    except KeyboardInterrupt:
        trouble = Interrupted(f"interrupted in {call.name}()")
        text = "not run to its end: interrupted by the user"
        given += [ToolResult(one.id, text, failed=True, at=at) for one in calls[len(given) :]]
    screen.calls(content.called((*calls, *given)), notices)
    reply = replace(reply, parts=(*reply.parts, *given))
    return _ended(books, reply, screen, trouble) if trouble else reply


def _next_round(books: CallRecord, reply: Reply, screen: Screen) -> Turn:
    assert books.again is not None  # noqa: S101  # the session has given one to each turn with functions
    after = continuation.answered(reply, books.after.told if books.after else None)
    trouble: ClaudeError | Interrupted
    try:
        return books.again(after.request, after=after)
    except ClaudeError as error:
        trouble = error
    except KeyboardInterrupt:
        trouble = Interrupted("interrupted between two rounds of functions")
    return _ended(books, reply, screen, trouble)


def _ended(books: CallRecord, reply: Reply, screen: Screen, trouble: ClaudeError | Interrupted) -> NoReturn:
    """What has come is kept and shown; then what went wrong is raised."""
    how: StopReason = "interrupted" if isinstance(trouble, Interrupted) else "error"
    reply = replace(reply, stop_reason=how, error=str(trouble))
    books.keep(reply)
    screen.finish(reply)
    trouble.reply = reply
    raise trouble.with_traceback(None)


def _told_apart(held: tuple[Part, ...]) -> tuple[Part, ...]:
    """Each call with an id of its own: some servers give none, or begin anew in every round."""
    seen: set[str] = set()
    apart: list[Part] = []
    for part in held:
        if not isinstance(part, ToolCall):
            apart.append(part)
            continue
        number, name = 1, part.id
        while not name or name in seen:
            number, name = number + 1, f"call_{number}"
        seen.add(name)
        apart.append(replace(part, id=name))
    return tuple(apart)

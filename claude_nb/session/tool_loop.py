"""Run the functions that a model calls, and say what is sent next."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from claude_nb.errors import ClaudeError, Interrupted
from claude_nb.session import continuation
from claude_nb.session.call import Call, Round
from claude_nb.session.consent import QuestionInterrupted
from claude_nb.session.reader import ReplyView
from claude_nb.types import content
from claude_nb.types.content import Part, ToolCall, ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import StopReason

MAX_ROUNDS = 10


def run_tools(call: Call, reply: Reply, view: ReplyView) -> Reply:
    """Run the functions that a reply calls, and return the reply with their results.

    They run one after another. An error is raised with the reply so far as error.reply; Interrupted means that a
    function was interrupted.
    """
    if call.tools is None or not _pending(reply):
        return reply
    reply = replace(reply, parts=_with_ids(reply.parts))
    pending, results, notices = _pending(reply), list[ToolResult](), list[str]()
    failure: ClaudeError | Interrupted | None = None
    at = len(reply.text)
    try:
        for tool_call in pending:
            view.calls(content.calls_with_results((*pending, *results)), notices)
            outcome = call.tools.call(tool_call)
            results.append(content.placed(outcome.result, at))
            notices += outcome.notices
    except ClaudeError as error:
        failure = error
    except KeyboardInterrupt as error:
        if isinstance(error, QuestionInterrupted):
            failure, text = error, "not run: interrupted by the user"
        else:
            failure = Interrupted(f"interrupted in {tool_call.name}()")
            text = "not run to its end: interrupted by the user"
        results += [ToolResult(missing.id, text, failed=True, at=at) for missing in pending[len(results) :]]
    view.calls(content.calls_with_results((*pending, *results)), notices)
    reply = replace(reply, parts=(*reply.parts, *results))
    if failure:
        break_off(reply, failure, view)
    return reply


def next_round(call: Call, reply: Reply) -> Round | None:
    """Return the request that sends the results of run_tools() to the model, or that ends a pause of the server.

    None after MAX_ROUNDS rounds: the reply then ends with stop_reason "tool_use".
    """
    if call.rounds + 1 >= MAX_ROUNDS:
        return None
    after = continuation.with_tool_results(reply, call.after.replaces if call.after else None)
    return Round(after.request, replace(call, after=after, rounds=call.rounds + 1))


def break_off(reply: Reply, error: ClaudeError | KeyboardInterrupt, view: ReplyView) -> NoReturn:
    """Show a reply that ends between two rounds, then raise the error that ended it."""
    if not isinstance(error, ClaudeError | Interrupted):
        error = Interrupted("interrupted between two rounds of tool calls")
    stop_reason: StopReason = "interrupted" if isinstance(error, Interrupted) else "error"
    view.reply = error.reply = replace(reply, stop_reason=stop_reason, error=str(error))
    view.finish(view.reply)
    raise error.with_traceback(None)


def _pending(reply: Reply) -> list[ToolCall]:
    """Return the calls without a result: those after the last result."""
    calls: list[ToolCall] = []
    for part in reply.parts if reply.stop_reason == "tool_use" else ():
        calls = [*calls, part] if isinstance(part, ToolCall) else [] if isinstance(part, ToolResult) else calls
    return calls


def _with_ids(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Give each call a unique id.

    Some servers send no ids or repeat them in each round.
    """
    seen: set[str] = set()
    distinct: list[Part] = []
    for part in parts:
        if not isinstance(part, ToolCall):
            distinct.append(part)
            continue
        number, name = 1, part.id
        while not name or name in seen:
            number, name = number + 1, f"call_{number}"
        seen.add(name)
        distinct.append(replace(part, id=name))
    return tuple(distinct)

"""Send a request and all that follows from it: rounds of tool calls, one more try for a structured answer."""

from __future__ import annotations

from collections.abc import Callable

from claude_nb.errors import BadRequest, ClaudeError
from claude_nb.session import continuation, structured, tool_loop
from claude_nb.session.call import Call, Round
from claude_nb.session.reader import ReplyView
from claude_nb.session.turn import Turn
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request


def complete(first: Round, view: ReplyView, send: Callable[[Request, Call], Turn]) -> Reply:
    """Return the whole reply of one or more rounds, shown in a view.

    tool_loop and structured say what is sent next, if anything.

    send  returns the Turn of a request
    """
    reply: Reply | None = None
    following: Round | None = first
    while following:
        request, call, notice = following
        if notice:
            view.restart(notice)
        try:
            newest = view.read(send(request, call))
        except BadRequest as error:
            following = structured.in_words(request, call, error)
            if following is None:
                raise
            continue
        except (ClaudeError, KeyboardInterrupt) as error:
            if reply and call.rounds and getattr(error, "reply", None) is None:  # this round was not sent
                tool_loop.break_off(reply, error, view)
            raise
        reply = tool_loop.run_tools(call, newest, view)
        goes_on = reply is not newest or continuation.is_paused(reply)
        following = tool_loop.next_round(call, reply) if goes_on else None
        if following is None:
            view.finish(reply)
            following = structured.next_round(call, reply)
    assert reply is not None  # noqa: S101  # the loop ends only after a reply
    return reply

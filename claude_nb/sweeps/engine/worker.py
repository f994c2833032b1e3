"""One call of a sweep in another process: what an executor is given to run. Request in, Answer out; both pickle.

No key travels: the worker looks its own one up, in its environment or keyring.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from claude_nb.errors import AuthError, ClaudeError, ConfigError, Overloaded
from claude_nb.session.session import Session
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request


class Answer(NamedTuple):
    """How a call went.

    reply    always there; its error tells what went wrong
    refused  the server was overloaded: worth another try
    hopeless the calls after it would fail in the same way (no key, no credit, no budget)
    """

    reply: Reply
    refused: bool = False
    hopeless: bool = False


def run_one(request: Request, options: Mapping[str, Any]) -> Answer:
    """Run a request as it stands; never raises what went wrong with the call. options are those of Session.run."""
    try:
        return Answer(_session().run(request, hurry=True, **options).wait())
    except ClaudeError as error:
        return failed(request, error)


def failed(request: Request, error: ClaudeError) -> Answer:
    """The answer of a call that ended in an error."""
    reply = error.reply or Reply(request, stop_reason="error", error=str(error))
    return Answer(reply, isinstance(error, Overloaded), isinstance(error, (AuthError, ConfigError)))


@cache
def _session() -> Session:
    """One for each process; the history is written by the process that runs the sweep."""
    session = Session()
    session.memory.forgo()
    return session

"""One call in another process, for an executor: a Request in, an Answer out. Both can be pickled.

No key is transmitted: the worker looks up its own key, in its environment or keyring.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from claude_nb.errors import ApiError, AuthError, ClaudeError, ConfigError, Overloaded
from claude_nb.session import continuation, tool_loop
from claude_nb.session.call import Call, Round
from claude_nb.session.session import Session
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

TRIES = 3  # of a call that fails before the first byte of its response
TRIES_REFUSED = 8  # of a call that the server rejects because of its load
LONGEST_WAIT_S = 8.0  # before a retry, unless the server sets the time


class Answer(NamedTuple):
    """The outcome of a call.

    reply       the reply; after a failure, what has arrived, with the error
    retry_in_s  seconds after which a retry makes sense; None: it does not
    pause_s     seconds for which the server wants no calls at all
    refused     the server rejected the call because of its load
    hopeless    the next calls would fail in the same way (no key, no credit, no budget)
    """

    reply: Reply
    retry_in_s: float | None = None
    pause_s: float = 0.0
    refused: bool = False
    hopeless: bool = False

    def wait_s(self, attempt: int) -> float | None:
        """Return the seconds to wait before the retry; None: no retry after so many attempts."""
        if self.retry_in_s is None or attempt >= (TRIES_REFUSED if self.refused else TRIES):
            return None
        return self.pause_s or min(self.retry_in_s * 2 ** (attempt - 1), LONGEST_WAIT_S)


def run_one(request: Request, options: Mapping[str, Any]) -> Answer:
    """Run a request. An error becomes part of the Answer. options: fields of Call."""
    session, following = _session(), Round(request, Call(hurry=True, retries=0, **options))
    try:
        while True:
            reply = session.run(*following[:2]).wait()
            more = tool_loop.next_round(following.call, reply) if continuation.is_paused(reply) else None
            if more is None:
                return Answer(reply)
            following = more
    except ClaudeError as error:
        return failed(request, error)


def failed(request: Request, error: ClaudeError) -> Answer:
    """Return the answer of a call that ended in an error."""
    return Answer(
        error.reply or Reply(request, stop_reason="error", error=str(error)),
        retry_in_s=error.retry_in_s,
        pause_s=(isinstance(error, ApiError) and error.retry_after_s) or 0.0,
        refused=isinstance(error, Overloaded),
        hopeless=isinstance(error, (AuthError, ConfigError)),
    )


@cache
def _session() -> Session:
    """One session per process. It keeps no history: the process that runs the sweep does."""
    session = Session()
    session.memory.forgo()
    return session

"""What can go wrong, as a tree. Every message is one line that says what to do next.

ClaudeError                shown as one line in a cell, never as a traceback
├── PromptError            unknown {{name}}, option out of range, a field that this model refuses
├── ConfigError            unknown provider, missing key, a budget or a lock that is in the way
├── NetworkError           no connection, time-out
├── ApiError               the server said no: status, request_id, retry_after_s, param
│   ├── AuthError          401, 402, 403 (AI/ML API: 403 is also "out of credits")
│   ├── BadRequest         400, 404, 413, 422
│   └── Overloaded         408, 409, 429, 5xx, 529: the ones worth another try
├── StreamCut              the reply ended without a stop reason or an end marker
├── NoJson                 reply.json() of a reply that holds none; also a ValueError
└── ReplayMiss             replay only, and nothing stored

Interrupted                a KeyboardInterrupt that shows as one line; "Run All" stops at it
"""

from __future__ import annotations

from typing import Any


class ClaudeError(Exception):
    """The base of everything this package raises on purpose.

    ``reply`` holds what had arrived before it went wrong (None: nothing had).
    """

    reply: Any = None  # a claude_nb.Reply, which this file cannot name: its file needs these errors

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this method: the user reads one line, and the type stays catchable.
        return [f"{type(self).__name__}: {self}"]


class PromptError(ClaudeError):
    """The prompt or an option cannot be sent as it stands; nothing was sent."""


class ConfigError(ClaudeError):
    """The set-up does not allow this call (provider, key, budget, lock); nothing was sent."""


class NetworkError(ClaudeError):
    """The server was not reached, or went silent."""


class ApiError(ClaudeError):
    """The server answered with an error.

    status         the HTTP status; None for an error object inside a stream
    request_id     the server's id of this request, for its support; None if it sent none
    retry_after_s  seconds the server asks to wait; None if it did not say
    param          the request field the server names as the cause ("top_p"); None if it names none
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.param = param

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions pickle by their positional arguments only; sweep workers send these home.
        return (type(self), self.args, self.__dict__)


class AuthError(ApiError):
    """The key was refused, or the account may not do this (401, 402, 403)."""


class BadRequest(ApiError):
    """The server does not take this request as it is (400, 404, 413, 422)."""


class Overloaded(ApiError):
    """The server cannot answer now: rate limit, overload, server fault (408, 409, 429, 5xx)."""


class StreamCut(ClaudeError):
    """The reply broke off: neither a stop reason nor an end marker arrived."""


class NoJson(ClaudeError, ValueError):
    """The reply was to be read as JSON and is none."""


class ReplayMiss(ClaudeError):
    """Replay is set to "only", and this request was never recorded."""


class Interrupted(KeyboardInterrupt):
    """The user stopped a reply; ``reply`` holds what had arrived (None: nothing had).

    A KeyboardInterrupt, so that ``except Exception`` does not swallow it and "Run All" stops.
    """

    reply: Any = None

    def _render_traceback_(self) -> list[str]:
        return [str(self)]

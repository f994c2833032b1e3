"""The exceptions of the package, as a tree.

Each message is one line that says what to do next.

ClaudeError                shown as one line in a cell, never as a traceback
├── PromptError            unknown {{name}}, option out of range, setting that the model rejects
├── ConfigError            unknown provider, missing key, exhausted budget, locked setting
├── NetworkError           no connection, time-out
├── ApiError               the server rejected the request: status, request_id, retry_after_s, param
│   ├── AuthError          401, 402, 403 (AI/ML API: 403 also means "out of credits")
│   ├── BadRequest         400, 404, 413, 422
│   └── Overloaded         408, 409, 429, 5xx, 529: worth another try
├── StreamCut              the reply ended without a stop reason or an end marker
├── NoJson                 reply.json() found no JSON; also a ValueError
└── ReplayMiss             replay is "only" and the request was never recorded

Interrupted                a KeyboardInterrupt that shows as one line; "Run All" stops at it
"""

from __future__ import annotations

from typing import Any

from claude_nb.safe_text.redaction import redact
from claude_nb.safe_text.visible import printable, visible


def _safe(value: object) -> object:
    """Return a text of an error without keys and control characters, because it may quote a user or a server."""
    return visible(redact(value)) if isinstance(value, str) else value


class ClaudeError(Exception):
    """Base of all errors that this package raises on purpose.

    Its text shows no key and no control character, whatever it quotes.

    Attributes:
        reply: The Reply as far as it had arrived, or None if nothing had arrived.
        retry_in_s: Seconds after which another try makes sense, or None if it does not.

    Example:
        try:
            claude_nb.ask("Why is the sky blue?")
        except claude_nb.ClaudeError as error:
            print(error.reply)
    """

    reply: Any = None  # a Reply. It is not named here, because the module of Reply imports this one.
    retry_in_s: float | None = None

    def __init__(self, *args: object) -> None:
        super().__init__(*map(_safe, args))

    def _render_traceback_(self) -> list[str]:
        # IPython calls this method: the cell shows one line, and the error can still be caught by its type.
        return [printable(f"{type(self).__name__}: {self}")]


class PromptError(ClaudeError):
    """The prompt or an option is not valid. Nothing was sent.

    Example:
        claude_nb.ask("Hi", temperature=5)  # raises PromptError
    """


class ConfigError(ClaudeError):
    """The provider, a key, the budget or a lock forbids this call. Nothing was sent.

    Example:
        claude_nb.ask("Hi", provider="no-such-provider")  # raises ConfigError
    """


class NetworkError(ClaudeError):
    """The server could not be reached, or stopped sending.

    Example:
        except claude_nb.NetworkError as error:
            print(error.reply)  # what arrived before the time-out
    """


class ApiError(ClaudeError):
    """The server answered with an error.

    Args:
        message: What is wrong and what to do, in one line.
        status: HTTP status, or None for an error inside a stream.
        request_id: Id of the request at the server, for its support; None if it sent none.
        retry_after_s: Seconds that the server asks to wait; None if it did not say.
        param: Request field that the server rejects, such as "top_p"; None if it names none.

    Attributes:
        words: The server's own words and codes, at most 4,000 characters; "" if it sent none.

    Example:
        except claude_nb.ApiError as error:
            print(error.status, error.request_id)
    """

    words = ""

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
        self.request_id = request_id and redact(request_id)
        self.retry_after_s = retry_after_s
        self.param = param

    def __reduce__(self) -> tuple[object, ...]:
        # By default exceptions pickle their positional arguments only, and workers of a sweep return these errors.
        return (type(self), self.args, self.__dict__)


class AuthError(ApiError):
    """The server rejected the key, or the account may not do this (401, 402, 403).

    Example:
        except claude_nb.AuthError:
            print("Log in with %claude /login")
    """


class BadRequest(ApiError):
    """The server rejected the content of the request (400, 404, 413, 422).

    Example:
        except claude_nb.BadRequest as error:
            print(error.param)  # such as "top_p"
    """


class Overloaded(ApiError):
    """The server cannot answer now: rate limit, overload or server error.

    HTTP status 408, 409, 429, 5xx or 529.

    Example:
        except claude_nb.Overloaded as error:
            time.sleep(error.retry_after_s or 10)
    """

    retry_in_s = 0.5


class StreamCut(ClaudeError):
    """The reply ended early: neither a stop reason nor an end marker arrived.

    Example:
        except claude_nb.StreamCut as error:
            print(error.reply)  # what arrived
    """


class NoJson(ClaudeError, ValueError):
    """The reply contains no JSON, or JSON that does not match the schema.

    Example:
        claude_nb.ask("Say hello", provider="demo").json()  # raises NoJson
    """


class ReplayMiss(ClaudeError):
    """Replay is set to "only", and this request was never recorded.

    Example:
        # after %claude /replay only lesson.jsonl
        claude_nb.ask("A new question")  # raises ReplayMiss
    """


class Interrupted(KeyboardInterrupt):
    """The user stopped a reply.

    It is a KeyboardInterrupt, so that ``except Exception`` does not catch it and "Run All" stops.

    Attributes:
        reply: The Reply as far as it had arrived, or None if nothing had arrived.

    Example:
        except claude_nb.Interrupted as stopped:
            print(stopped.reply)
    """

    reply: Any = None

    def _render_traceback_(self) -> list[str]:
        return [printable(str(self))]

"""The description of a call besides its request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from claude_nb.providers.attempt import SendOptions
from claude_nb.providers.headers import Headers
from claude_nb.session.continuation import Continuation
from claude_nb.session.conversation import Cell
from claude_nb.session.tools import ToolBox
from claude_nb.storage.entries import Rhythm
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

if TYPE_CHECKING:
    from claude_nb.providers.http.keepalive import KeptConnections


class HistoryWriter(Protocol):
    """Writes the row of a reply: the history itself, or a queue that joins the rows of many replies."""

    def begin(
        self, request: Request, *, notebook: str | None, variable: str | None, chat: str | None
    ) -> int | None: ...
    def finish(self, row: int, reply: Reply, rhythm: Rhythm) -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """The way to send a request, and the place of its reply. Nothing of it reaches the server.

    chat         name of the conversation that the reply joins; None: none
    cell         the notebook cell that asks; None: not in a notebook
    variable     name of the notebook variable that gets the reply, for the history; None: none
    tools        functions that the model may call; complete() runs them
    timeout      longest wait without news, in seconds; None: the session's setting
    whole        True asks for the reply in one piece
    headers      of the user's own, for the server of this call
    allow_http   True allows unencrypted requests to another machine
    replay       "off", "use" or "only"; None: the session's mode
    hurry        True when nobody reads along: the demo model and replays make no pauses
    repair       False leaves a structured answer that does not match its schema as it is
    after        the reply that this request continues; None: it begins a new one
    rounds       rounds of tool calls so far; repaired: True in the second try of a structured answer
    retries      tries after the first one, as long as no byte has arrived; None: as many as usual
    connections  of a thread that makes many calls and reads the network itself
    writer       writes the history row; None: the session's history
    """

    chat: str | None = None
    cell: Cell | None = None
    variable: str | None = None
    tools: ToolBox | None = None
    timeout: float | None = None
    whole: bool = False
    headers: tuple[Headers, ...] = ()
    allow_http: bool = False
    replay: str | None = None
    hurry: bool = False
    repair: bool = True
    after: Continuation | None = None
    rounds: int = 0
    repaired: bool = False
    retries: int | None = None
    connections: KeptConnections | None = None
    writer: HistoryWriter | None = None

    def send_options(self, settings: Mapping[str, Any], delay_s: float | None) -> SendOptions:
        """Return how to send the request, with the settings of the session where the call says nothing."""
        return SendOptions(
            whole=self.whole,
            timeout_s=settings.get("timeout") if self.timeout is None else self.timeout,
            delay_s=0 if self.hurry else delay_s,
            allow_http=self.allow_http,
            connections=self.connections,
            retries=self.retries,
            headers=self.all_headers(settings),
        )

    def all_headers(self, settings: Mapping[str, Any]) -> tuple[Headers, ...]:
        """Return the headers of the session and of the call."""
        return (*usual_headers(settings), *self.headers)


def usual_headers(settings: Mapping[str, Any]) -> tuple[Headers, ...]:
    """Return the headers of every call of a session with these settings."""
    usual = settings.get("headers")
    return (usual,) if usual else ()


class Round(NamedTuple):
    """One request of a reply that takes several, and how to send it.

    notice  begins a new drawing with this line; "": the drawing of the round before goes on
    """

    request: Request
    call: Call
    notice: str = ""

"""Send one request and read its reply, without knowing which provider answers."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_nb.errors import ApiError
from claude_nb.providers.keys import Key
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk, Usage

if TYPE_CHECKING:
    from claude_nb.providers.dialects.base import Dialect
    from claude_nb.providers.headers import Headers
    from claude_nb.providers.http.keepalive import KeptConnections

WHOLE_SILENCE_S = 600.0  # a reply in one piece is silent until it is complete, and the longest take minutes


@dataclass(frozen=True, slots=True)
class SendOptions:
    """The form in which a request is sent.

    whole        request the reply in one piece
    timeout_s    longest wait without progress, in seconds; None: the defaults of http.stream.Timeouts
    delay_s      pause between words of the demo model, in seconds; None: its own
    allow_http   whether an unencrypted request may go to another machine
    connections  of a thread that makes many calls; see http/keepalive.py
    retries      how many more tries a refused or lost request gets; None: 2
    headers      of the user's own; sent: what the address of the request gets of them
    """

    whole: bool = False
    timeout_s: float | None = None
    delay_s: float | None = None
    allow_http: bool = False
    connections: KeptConnections | None = None
    retries: int | None = None
    headers: tuple[Headers, ...] = ()
    sent: Mapping[str, str | Key] = field(default_factory=dict)


def attempt(
    address: str,
    body: dict[str, Any],
    dialect: Dialect,
    key: Key | None,
    options: SendOptions,
    stop: Stop,
    *,
    structured: bool = False,
) -> Generator[Chunk, None, ApiError | None]:
    """Send a request and yield its reply: ``refusal = yield from attempt(...)``.

    Returns the error of a server that refused the request before any of the reply arrived. Raises every other error.

    structured  whether the answer is JSON, so that thinking in tags before it is no part of it
    """
    from claude_nb.providers.api_errors import Strays
    from claude_nb.providers.dialects import binding, think_tags
    from claude_nb.providers.http import client
    from claude_nb.providers.redacted import chunks_without_keys

    usual = client.DEFAULT_TIMEOUTS
    timeouts = client.Timeouts(
        silence_s=options.timeout_s or (usual.silence_s if body.get("stream") else WHOLE_SILENCE_S),
        progress_s=options.timeout_s or usual.progress_s,
    )
    outgoing = client.post(
        address,
        body,
        key=key,
        headers={**dialect.headers, **options.sent},
        timeouts=timeouts,
        connections=options.connections,
    )
    retries = client.RETRIES if options.retries is None else options.retries
    arrived, ended, strays = False, False, Strays()
    try:
        response = yield from client.send(outgoing, stop=stop, allow_http=options.allow_http, retries=retries)
        with response:
            if response.request_id:
                yield Chunk(id=response.request_id)
            # A header is written before a stream ends, so only that of a whole reply can know the cost.
            if not response.is_stream and (cost := response.cost_usd) is not None:
                yield Chunk(usage=Usage(cost_usd=cost))
            if response.is_stream:
                chunks = dialect.chunks(strays.watching(response.events()))
            else:
                chunks = dialect.whole(strays.seen(response.json()))
            chunks = think_tags.separated(chunks) if structured else chunks
            for chunk in chunks_without_keys(binding.bound(chunks, body)):
                if chunk.stop_reason and response.is_stream:
                    response.expect_end()
                ended = ended or bool(chunk.stop_reason)
                arrived = arrived or chunk.has_characters or bool(chunk.part)
                yield chunk
            if not ended:
                strays.check(arrived=arrived)
    except ApiError as error:
        if arrived or ended:
            raise
        return error.with_traceback(None)  # its frames hold the network code
    return None

"""An HTTP response while it arrives: decompressed, then read as events or as JSON."""

from __future__ import annotations

import codecs
import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from claude_nb.errors import ApiError, BadRequest, ClaudeError, NetworkError, StreamCut
from claude_nb.providers import api_errors, error_bodies
from claude_nb.providers.http.stream import ByteStream, Head, Timeouts
from claude_nb.providers.keys import Key
from claude_nb.providers.redacted import without_keys
from claude_nb.providers.sse import Decoder, Event, read_object
from claude_nb.safe_text.redaction import redact_known
from claude_nb.stop_signal import Stop

STEP_BYTES = 64 * 1024
ERROR_BYTES = 64 * 1024
JSON_BYTES = 32 * 1024 * 1024
STREAM_STARTS = (b"data:", b"event:", b"id:", b":")
OTHER_STARTS = (b"{", b"[", b"<")  # of JSON and of web pages
MENTIONS_ERROR = re.compile('"(?:error|message|detail)"')
END_S = 3.0  # what a server gets for the rest of a response


class Response:
    """An open response; a context manager that closes its connection.

    is_stream   whether to read events() or json()
    request_id  the server's id of the request; None if it sent none
    """

    def __init__(
        self, stream: ByteStream, stop: Stop, key: Key | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._stop = stop
        self._found = key.found if key else None
        self._clock = clock
        self._ending = False
        head = stream.take()
        self.status, self.headers = head if isinstance(head, Head) else Head(502, {})
        self.request_id = without_keys(api_errors.request_id(self.headers))
        self._pieces = _decompressed(self._raw(), self.headers.get("content-encoding", "").strip().lower())
        # Wait for the first piece here, because a connection that is lost before it can still be retried.
        self._first = next(self._pieces, b"") if self.status < 300 else b""
        self.is_stream = _begins_stream(self._first, self.headers.get("content-type", "").lower())

    def __enter__(self) -> Response:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if self._ending and error is None:
            self._stream.finish()
        else:
            self.close()

    def close(self) -> None:
        """Close the connection, from any thread, any number of times."""
        self._stream.close()

    @property
    def cost_usd(self) -> float | None:
        """The US dollars that a header says the reply cost; None if none does."""
        return api_errors.cost_usd(self.headers)

    def expect_end(self) -> None:
        """Note that the reply is complete.

        The rest (a token count) gets 3 s, and a lost connection is its end.
        """
        self._ending = True
        self._stream.timeouts = self._at_the_end()

    def events(self) -> Iterator[Event]:
        """Yield the events as they arrive.

        Raises StreamCut, or NetworkError, also when stopped.
        """
        decoder, progress_at = Decoder(), self._clock()
        cut: ClaudeError | None = None
        with self._stop.unblocking(self.close):
            try:
                for piece in self._body():
                    progress = False
                    for event in decoder.feed(piece):
                        progress = progress or event.name != "ping"
                        yield _without_keys(event)
                    if progress:
                        progress_at = self._clock()
                    elif self._clock() - progress_at > self._stream.timeouts.progress_s:
                        raise self._no_progress()
            except (StreamCut, NetworkError) as error:
                cut = error
        yield from map(_without_keys, decoder.close())
        if cut is not None and not self._ending:
            raise cut

    def lines(self, most: int) -> Iterator[bytes]:
        """Yield the lines of the body as they arrive.

        Raises StreamCut for a line over *most* bytes, and as events() does.
        """
        held, size = list[bytes](), 0
        with self._stop.unblocking(self.close):
            for piece in self._body():
                for i, begun in enumerate(piece.split(b"\n")):
                    if i:
                        yield b"".join(held)
                        held, size = [], 0
                    held.append(begun)
                    size += len(begun)
                    if size > most:
                        raise StreamCut(f"a line from {self._stream.host} is over {most >> 20} MiB; ask for less")
        if size:
            yield b"".join(held)

    def content(self, most: int) -> bytes:
        """Return the body as it is. Raises StreamCut if it is over *most* bytes."""
        return self._read(most)

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises StreamCut or BadRequest if it is not one.
        """
        data, start, words = self._object()
        if data is not None:
            return data
        host = self._stream.host
        if start in (b"", b"{"):
            raise StreamCut(f"the response of {host} is {'incomplete' if start else 'empty'}; run it again")
        raise BadRequest(
            f"{host} answered with something that is not a model's reply{words}; check the base URL: it ends in /v1",
            status=self.status,
            request_id=self.request_id,
        )

    def _object(self) -> tuple[dict[str, Any] | None, bytes, str]:
        """Return the body as an object, its first character, and its words if it is no object."""
        body = self._read(JSON_BYTES)
        data, words = read_object(body), ""
        if data is None:
            start = body[:ERROR_BYTES]
            words = error_bodies.message(error_bodies.read(start), start, self.headers)
        return data and without_keys(data), body.lstrip()[:1], api_errors.quoted(words)

    def error(self) -> ApiError:
        """Return the error that a response with an error status describes."""
        self._stream.timeouts = self._at_the_end()
        return api_errors.from_response(
            self.status,
            self.headers,
            self._read(ERROR_BYTES, part=True),
            host=self._stream.host,
            found=self._found,
        )

    def _at_the_end(self) -> Timeouts:
        """Return time-outs of 3 s, or less if the user allows less."""
        current = self._stream.timeouts
        return Timeouts(END_S, min(END_S, current.silence_s), min(END_S, current.progress_s))

    def _raw(self) -> Iterator[bytes]:
        while isinstance(piece := self._stream.take(), bytes) and piece:
            yield piece

    def _body(self) -> Iterator[bytes]:
        # It is not kept, because it may hold an echo of the key, and tracebacks refer to this object.
        first, self._first = self._first, b""
        yield first
        del first
        yield from self._pieces

    def _read(self, limit: int, *, part: bool = False) -> bytes:
        """Return the body.

        With *part*, as much of it as arrives in a few seconds, up to the limit.
        """
        body, began = bytearray(), self._clock()
        with self._stop.unblocking(self.close):
            try:
                for piece in self._body():
                    body += piece
                    late = self._clock() - began > self._stream.timeouts.progress_s
                    if part and (late or len(body) >= limit):
                        break
                    if len(body) > limit:
                        raise StreamCut(f"the response of {self._stream.host} is over {limit >> 20} MiB; ask for less")
            except (StreamCut, NetworkError):
                if not part:
                    raise
        return bytes(body[:limit])

    def _no_progress(self) -> NetworkError:
        limit = self._stream.timeouts.progress_s
        return NetworkError(
            f"{self._stream.host} kept the connection open for {limit:g} s without sending text; run it again, "
            "or allow more with --timeout"
        )


def _without_keys(event: Event) -> Event:
    """Mask whole keys, and in an error also pieces of them. Of other texts, providers.redacted joins the pieces."""
    is_error = event.name == "error" or MENTIONS_ERROR.search(event.data) is not None
    return event._replace(data=redact_known(event.data, whole=not is_error))


def _begins_stream(first: bytes, label: str) -> bool:
    """Return whether a body is a stream.

    Its start counts more than its label, because servers mislabel both kinds.
    """
    start = first.removeprefix(codecs.BOM_UTF8).lstrip()
    if label.startswith("text/event-stream"):
        return not start.startswith(OTHER_STARTS)
    return bool(start) and any(word.startswith(start[: len(word)]) for word in STREAM_STARTS)


def _decompressed(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Decompress the pieces in bounded steps, because 1 MB can become 1 GB."""
    if encoding in ("", "identity"):
        yield from pieces
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise NetworkError("the server compressed its reply in an unknown way; check for a proxy in between")
    decompressor = zlib.decompressobj(wbits=47)  # gzip or deflate, by the header
    for piece in pieces:
        rest = piece
        while rest and not decompressor.eof:
            step: bytes | None = None
            with suppress(zlib.error):
                step = decompressor.decompress(rest, STEP_BYTES)
            if step is None:  # raised here, so that the error has no context with frames that hold the data
                raise StreamCut("the compressed reply of the server is damaged; run it again")
            rest = decompressor.unconsumed_tail
            if step:
                yield step

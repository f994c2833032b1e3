"""An answer while it arrives: unpacked, then read as events or as JSON. wire.py opens it."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from claude_nb.errors import ApiError, BadRequest, ClaudeError, NetworkError, StreamCut
from claude_nb.providers import api_errors
from claude_nb.providers.http.stream import ByteStream, Head, Timeouts
from claude_nb.providers.keys import Key, redact
from claude_nb.providers.sse import Decoder, Event, read_object
from claude_nb.stop_signal import Stop

STEP_BYTES = 64 * 1024
ERROR_BYTES = 64 * 1024
JSON_BYTES = 32 * 1024 * 1024
STREAM_STARTS = (b"data:", b"event:", b"id:", b":")
TELLS_AN_ERROR = re.compile('"(?:error|message|detail)"')


AT_THE_END = Timeouts(3.0, 3.0, 3.0)


class Response:
    """An open answer; a context manager that closes its connection.

    is_stream   True: read .events(); False: read .json()
    request_id  the server's id of the request; None if it sent none
    """

    def __init__(
        self, line: ByteStream, stop: Stop, key: Key | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._line = line
        self._stop = stop
        self._keys = [key] if key else []
        self._clock = clock
        self._ending = False
        head = line.take()
        self.status, self.headers = head if isinstance(head, Head) else Head(502, {})
        own_id = api_errors.request_id(self.headers)
        self.request_id = own_id and redact(own_id, self._keys)
        self._pieces = _unpacked(self._raw(), self.headers.get("content-encoding", "").strip().lower())
        # Waiting for the first piece here means that a connection lost before it can still be tried again.
        self._first = next(self._pieces, b"") if self.status < 300 else b""
        self.is_stream = _begins_stream(self._first, self.headers.get("content-type", "").lower())

    def __enter__(self) -> Response:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if self._ending and error is None:
            self._line.finish()
        else:
            self.close()

    def close(self) -> None:
        """Close the connection; may be called from any thread, any number of times."""
        self._line.close()

    def expect_end(self) -> None:
        """The reply is whole: what may follow (a token count) gets 3 s, and a lost connection is its end."""
        self._ending = True
        self._line.timeouts = self._at_the_end()

    def events(self) -> Iterator[Event]:
        """The events as they arrive. Raises StreamCut or NetworkError; NetworkError too when stopped."""
        decoder, progress_at = Decoder(), self._clock()
        broken: ClaudeError | None = None
        with self._stop.unblocking(self.close):
            try:
                for piece in self._body():
                    progress = False
                    for event in decoder.feed(piece):
                        progress = progress or event.name != "ping"
                        yield self._redacted(event)
                    if progress:
                        progress_at = self._clock()
                    elif self._clock() - progress_at > self._line.timeouts.progress_s:
                        raise self._no_progress()
            except (StreamCut, NetworkError) as error:
                broken = error
        yield from map(self._redacted, decoder.close())
        if broken is not None and not self._ending:
            raise broken

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises StreamCut or ApiError when it is none."""
        data, start = self._object()
        if data is not None:
            return data
        host = self._line.host
        if start in (b"", b"{"):
            raise StreamCut(f"the answer of {host} is {'not whole' if start else 'empty'}; run it again")
        raise BadRequest(
            f"{host} answered with something that is no reply of a model; check the base URL: it ends in /v1",
            status=self.status,
            request_id=self.request_id,
        )

    def _object(self) -> tuple[dict[str, Any] | None, bytes]:
        """The body as an object, and its first character."""
        body = self._read(JSON_BYTES)
        return read_object(body), body.lstrip()[:1]

    def error(self) -> ApiError:
        """What an answer with an error status says."""
        self._line.timeouts = self._at_the_end()
        return api_errors.from_response(
            self.status,
            self.headers,
            self._read(ERROR_BYTES, part=True),
            host=self._line.host,
            found=self._keys[0].found if self._keys else None,
            clean=partial(redact, keys=self._keys),
        )

    def _at_the_end(self) -> Timeouts:
        """A few seconds, or less where the user allows less."""
        given = self._line.timeouts
        return Timeouts(
            AT_THE_END.connect_s,
            min(AT_THE_END.silence_s, given.silence_s),
            min(AT_THE_END.progress_s, given.progress_s),
        )

    def _raw(self) -> Iterator[bytes]:
        while isinstance(piece := self._line.take(), bytes) and piece:
            yield piece

    def _body(self) -> Iterator[bytes]:
        # Not kept: what is received may hold an echo of the key, and this object hangs on tracebacks.
        first, self._first = self._first, b""
        yield first
        del first
        yield from self._pieces

    def _read(self, limit: int, *, part: bool = False) -> bytes:
        """The whole body; *part*: as much as arrived of it, in a few seconds and up to the limit."""
        body, began = bytearray(), self._clock()
        with self._stop.unblocking(self.close):
            try:
                for piece in self._body():
                    body += piece
                    late = self._clock() - began > self._line.timeouts.progress_s
                    if part and (late or len(body) >= limit):
                        break
                    if len(body) > limit:
                        raise StreamCut(f"the answer of {self._line.host} is over {limit >> 20} MiB; ask for less")
            except (StreamCut, NetworkError):
                if not part:
                    raise
        return bytes(body[:limit])

    def _no_progress(self) -> NetworkError:
        limit = self._line.timeouts.progress_s
        return NetworkError(
            f"{self._line.host} kept the line open for {limit:g} s without a word; run it again, "
            "or allow more with --timeout"
        )

    def _redacted(self, event: Event) -> Event:
        """Servers echo keys in errors. Other events are searched for the whole key only: a reply may hold
        texts that merely look like one."""
        if event.name == "error" or TELLS_AN_ERROR.search(event.data):
            return event._replace(data=redact(event.data, self._keys))
        if any(key.reveal() in event.data for key in self._keys):
            return event._replace(data=redact(event.data, self._keys))
        return event


def _begins_stream(first: bytes, label: str) -> bool:
    """What the body begins with counts more than its label: servers mislabel both ways."""
    start = first.lstrip()
    if label.startswith("text/event-stream"):
        return not start.startswith(b"{")
    return bool(start) and any(word.startswith(start[: len(word)]) for word in STREAM_STARTS)


def _unpacked(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The pieces without their compression, in bounded steps: 1 MB can unpack to 1 GB."""
    if encoding in ("", "identity"):
        yield from pieces
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise NetworkError("the server packed its reply in a way that was not asked for; is a proxy in between?")
    unpacker = zlib.decompressobj(wbits=47)  # zlib's code for: gzip or deflate, by its header
    bad = False
    for piece in pieces:
        rest = piece
        while rest and not unpacker.eof and not bad:
            try:
                step = unpacker.decompress(rest, STEP_BYTES)
            except zlib.error:
                bad = True
                continue
            rest = unpacker.unconsumed_tail
            if step:
                yield step
        if bad:
            raise StreamCut("the packed reply of the server cannot be unpacked; run it again")

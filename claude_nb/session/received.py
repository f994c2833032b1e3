"""Collect the chunks of a running reply."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from claude_nb.storage.entries import Rhythm
from claude_nb.types import content
from claude_nb.types.content import Part
from claude_nb.types.request import Chunk, Usage
from claude_nb.types.token import Token

# The largest models write about 128,000 tokens, or 0.6 million characters. A longer reply is a fault of the server.
MAX_CHARS = 5_000_000
MAX_TOKENS = 200_000  # whose probabilities are kept


class Received:
    """The part of a reply that has arrived so far.

    One thread adds chunks, and any thread may read.

    chars          characters of text, thinking and tool calls
    end            the first chunk with a stop reason; an empty one before it arrives
    done           whether the end marker of the server arrived
    first_token_s  seconds from sending to the first characters; None before them
    id, model      the request id of the server, and the model that really answers
    tokens         with their probabilities, if the server tells them; also those that are not in the text
    is_cut         whether the reply has reached the largest size
    """

    def __init__(self, origin: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.usage = Usage()
        self.chars = 0
        self.parts: list[Part] = []
        self.tokens: list[Token] = []
        self.is_cut = False
        self.end = Chunk()
        self.done = False
        self.first_token_s: float | None = None
        self.id: str | None = None
        self.model: str | None = None
        self._origin = origin
        self._clock = clock
        self._began_at = clock()
        self._lock = threading.Lock()
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._text_chars = 0
        self._rhythm: list[tuple[float, int]] = []

    def begin(self) -> None:
        """Start to count the seconds."""
        self._began_at = self._clock()

    @property
    def seconds(self) -> float:
        """Seconds since sending."""
        return self._clock() - self._began_at

    @property
    def text(self) -> str:
        """The text so far."""
        return self._joined(self._text)

    @property
    def thinking(self) -> str:
        """The thinking so far."""
        return self._joined(self._thinking)

    def _joined(self, pieces: list[str]) -> str:
        with self._lock:
            pieces[:] = ["".join(pieces)]
            return pieces[0]

    @property
    def rhythm(self) -> Rhythm:
        """Pairs of seconds since sending and characters of text, at most 20 a second."""
        last = (round(self.seconds, 3), self._text_chars)
        behind = bool(self._rhythm) and self._rhythm[-1][1] != self._text_chars
        return (*self._rhythm, last) if behind else tuple(self._rhythm)

    def add(self, chunk: Chunk) -> Chunk:
        """Add a chunk, and return what is kept of it, up to the largest size. The tokens wait for the whole text."""
        if chunk.tokens:
            self.tokens += chunk.tokens[: MAX_TOKENS - len(self.tokens)]
            chunk = replace(chunk, tokens=())
        if chunk.usage:
            self.usage = self.usage.merged(chunk.usage)
        self.id = self.id or chunk.id
        self.model = self.model or chunk.model
        self.done = self.done or chunk.done
        if chunk.stop_reason and not self.end.stop_reason:
            self.end = chunk
        elif chunk.stop_reason == "tool_use" and self.end.stop_reason == "end":  # calls that came after the end
            self.end = replace(self.end, stop_reason="tool_use")
        if chunk.part:
            self.parts.append(content.received(chunk.part, self._text_chars, self._origin))
        if chunk.has_characters:
            chunk = self._add_characters(chunk)
        return chunk

    def _add_characters(self, chunk: Chunk) -> Chunk:
        since = self.seconds
        if self.first_token_s is None:
            self.first_token_s = since
        room = MAX_CHARS - self.chars
        size = len(chunk.text) + len(chunk.thinking) + len(chunk.call)
        if size > room:
            thinking = chunk.thinking[:room]
            text = chunk.text[: room - len(thinking)]
            chunk = replace(chunk, text=text, thinking=thinking, call=chunk.call[: room - len(thinking) - len(text)])
            size, self.is_cut = room, True
        with self._lock:
            self._text.append(chunk.text)
            self._thinking.append(chunk.thinking)
            self._text_chars += len(chunk.text)
            self.chars += size
        if not self._rhythm or since - self._rhythm[-1][0] >= 0.05:
            self._rhythm.append((round(since, 3), self._text_chars))
        return chunk

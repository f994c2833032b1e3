"""The reply that is running. A Turn is read once and always ends in a Reply, whatever happens."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from claude_nb.errors import ClaudeError, Interrupted, StreamCut
from claude_nb.heartbeat import PULSE
from claude_nb.stop_signal import Stop
from claude_nb.storage.entries import Rhythm
from claude_nb.types import content
from claude_nb.types.content import Part
from claude_nb.types.reply import Reply, Source
from claude_nb.types.request import Chunk, Request, StopReason, Usage

# A reply this long is a runaway server, not an answer: the largest models end near 128,000 tokens, about 0.6 million
# characters. There the reply is stopped, and kept.
MAX_CHARS = 5_000_000


class TurnObserver(Protocol):
    """Who is told of a turn's course; the session is one. progress() comes about once a second, from any thread."""

    def progress(self, turn: Turn) -> None: ...
    def finished(self, turn: Turn, reply: Reply) -> Reply: ...


class Turn:
    """A running reply: iterate it for the text, or call wait().

    >>> for text in session.stream("Hi"):          # doctest: +SKIP
    ...     print(text, end="")

    request  what was asked        text, thinking, usage  what has arrived so far
    notice   why nothing arrives   reply                  the Reply once it has ended, else None
    rhythm   (seconds since sending, characters of text so far), at most 20 a second: for replay at the original speed
    """

    def __init__(
        self,
        request: Request,
        open_stream: Callable[[Stop], Iterator[Chunk]],
        observer: TurnObserver,
        *,
        source: Source = "live",
        clock: Callable[[], float] = time.monotonic,
        stop: Stop | None = None,
    ) -> None:
        self.request = request
        self.source: Source = source
        self.usage = Usage()
        self.notice: str | None = None
        self.reply: Reply | None = None
        self._open = open_stream
        self._observer = observer
        self._clock = clock
        self._stop = stop or Stop()
        self._lock = threading.RLock()
        self._begun = False
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._chars = 0
        self._text_chars = 0
        self._parts: list[Part] = []
        self._rhythm: list[tuple[float, int]] = []
        self._began_at = clock()
        self._first_token_s: float | None = None
        self._told_at = clock()
        self._untold = False
        self._stop_reason: StopReason | None = None
        self._raw_stop_reason: str | None = None
        self._detail: str | None = None
        self._done = False
        self._id: str | None = None
        self._model: str | None = None

    @property
    def text(self) -> str:
        with self._lock:
            self._text = ["".join(self._text)]
            return self._text[0]

    @property
    def thinking(self) -> str:
        with self._lock:
            self._thinking = ["".join(self._thinking)]
            return self._thinking[0]

    @property
    def rhythm(self) -> Rhythm:
        last = (round(self._clock() - self._began_at, 3), self._text_chars)
        behind = bool(self._rhythm) and self._rhythm[-1][1] != self._text_chars
        return (*self._rhythm, last) if behind else tuple(self._rhythm)

    @property
    def tokens(self) -> int:
        """Tokens of the reply so far: the server's count, else an estimate of four characters a token."""
        return self.usage.output_tokens or -(-self._chars // 4)

    def __iter__(self) -> Iterator[str]:
        return (chunk.text for chunk in self.chunks() if chunk.text)

    def wait(self) -> Reply:
        """Read to the end: the Reply. Raises what went wrong, with the partial Reply as error.reply."""
        for _ in self.chunks():
            pass
        assert self.reply is not None  # noqa: S101  # chunks() never ends without one
        return self.reply

    def stop(self) -> None:
        """End the reply now; from any thread, at any time. The turn ends as "interrupted", without an error."""
        self._stop.set()

    def abandon(self) -> Reply:
        """Stop, and settle with what has arrived even if the reader thread is still stuck in the network."""
        self._stop.set()
        return self._settle("interrupted", "interrupted")

    def begins(self) -> None:
        """The request goes out now: its time does not count what was waited for a place among others."""
        self._began_at = self._clock()

    def chunks(self) -> Iterator[Chunk]:
        """What arrives, as it arrives. Can be read once."""
        if self._begun:
            raise RuntimeError("a Turn can be read once; what has arrived is in turn.text")
        self._begun = True
        self._began_at = self._told_at = self._clock()
        trouble: BaseException | None = None
        source = iter(()) if self._stop.is_set() else self._open(self._stop)
        try:
            for chunk in source:
                if self._stop.is_set():
                    break
                self._take(chunk)
                yield chunk
        except GeneratorExit:
            self._settle("interrupted", "the reader left before the end")
            raise
        except KeyboardInterrupt:
            self._stop.set()
            trouble = Interrupted(self.interrupted_line())
        except ClaudeError as error:
            trouble = error
        except BaseException as error:
            self._settle("error", f"{type(error).__name__}: {error}")
            raise
        finally:
            getattr(source, "close", lambda: None)()
        # Raised out here, so that no frame of the network code hangs on the error.
        self._conclude(trouble)

    def interrupted_line(self) -> str:
        """ "interrupted after 12 tokens": the server's count, or an estimate that says so."""
        estimated = "" if self.usage.output_tokens or not self._chars else " (estimated)"
        return f"interrupted after {self.tokens} tokens{estimated}"

    def _conclude(self, trouble: BaseException | None) -> None:
        if self._stop.is_set():
            reply = self._settle("interrupted", self.interrupted_line())
            if isinstance(trouble, Interrupted):
                trouble.reply = reply
                raise trouble.with_traceback(None)
            return
        if trouble is None and self._stop_reason is None and not self._done:
            kept = "what arrived is kept" if self._chars else "nothing arrived"
            trouble = StreamCut(f"the reply broke off before its end ({kept}); run the cell again")
        if trouble is None:
            self._settle(self._stop_reason or "unknown", None)
            return
        reply = self._settle("error", str(trouble))
        if isinstance(trouble, ClaudeError):
            trouble.reply = reply
        raise trouble.with_traceback(None)

    def _take(self, chunk: Chunk) -> None:
        now = self._clock()
        self.notice = chunk.notice
        if chunk.usage:
            self.usage = self.usage.merged(chunk.usage)
        self._id = self._id or chunk.id
        self._model = self._model or chunk.model
        self._done = self._done or chunk.done
        if chunk.stop_reason and not self._stop_reason:
            self._stop_reason, self._raw_stop_reason = chunk.stop_reason, chunk.raw_stop_reason
            self._detail = chunk.detail
        if chunk.part:
            self._parts.append(content.placed(chunk.part, self._text_chars))
        if not (chunk.text or chunk.thinking or chunk.call):
            return
        if self._first_token_s is None:
            self._first_token_s = now - self._began_at
        room = MAX_CHARS - self._chars
        thinking = chunk.thinking[:room]
        text = chunk.text[: room - len(thinking)]
        with self._lock:
            self._text.append(text)
            self._thinking.append(thinking)
            self._text_chars += len(text)
            self._chars += len(text) + len(thinking) + len(chunk.call)
        since = now - self._began_at
        if not self._rhythm or since - self._rhythm[-1][0] >= 0.05:
            self._rhythm.append((round(since, 3), self._text_chars))
        if now - self._told_at >= 1:
            self._tell()
        elif not self._untold:
            self._untold = True
            PULSE.join(self)
        if len(chunk.text) + len(chunk.thinking) + len(chunk.call) > room:
            raise StreamCut(f"the reply was stopped at {MAX_CHARS:,} characters, which are kept; ask for less")

    def beat(self) -> None:
        """Called by the pulse: what arrived just before a pause must not wait for its end to be saved."""
        if self._untold and self._clock() - self._told_at >= 1:
            with contextlib.suppress(ClaudeError):  # the reader meets it again at the next piece
                self._tell()

    def _tell(self) -> None:
        with self._lock:  # held, so that nothing is told after the end
            self._told_at = self._clock()
            self._untold = False
            if self.reply is None:
                self._observer.progress(self)

    def _settle(self, stop_reason: StopReason, error: str | None) -> Reply:
        """The Reply, made once; whoever comes later gets the same one."""
        PULSE.leave(self)
        with self._lock:
            if self.reply is None:
                reply = Reply(
                    self.request,
                    text=self.text,
                    thinking=self.thinking,
                    usage=self.usage,
                    stop_reason=stop_reason,
                    raw_stop_reason=self._raw_stop_reason,
                    stop_detail=self._detail,
                    parts=tuple(self._parts),
                    seconds=round(self._clock() - self._began_at, 3),
                    first_token_s=None if self._first_token_s is None else round(self._first_token_s, 3),
                    source=self.source,
                    request_id=self._id,
                    response_model=self._model,
                    error=error,
                )
                self.reply = reply
                self.reply = self._observer.finished(self, reply)
            return self.reply

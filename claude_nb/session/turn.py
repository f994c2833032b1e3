"""A reply that is still running.

A Turn can be read once, and always ends in a Reply.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, Protocol

from claude_nb.errors import ClaudeError, Interrupted, StreamCut
from claude_nb.providers.http.heartbeat import HEARTBEAT
from claude_nb.providers.redacted import text_without_keys, tokens_without_keys
from claude_nb.render.chars import one_line
from claude_nb.safe_text.redaction import redact, redact_known
from claude_nb.session import received as arrived
from claude_nb.session.received import Received
from claude_nb.stop_signal import Stop
from claude_nb.storage.entries import Rhythm
from claude_nb.types import content
from claude_nb.types.reply import Reply, Source
from claude_nb.types.request import Chunk, Request, StopReason, Usage
from claude_nb.types.tokens import fitted


class TurnObserver(Protocol):
    """Observer of a turn.

    Any thread may call progress(), about once a second. finished() is called once.
    """

    def progress(self, turn: Turn) -> None: ...
    def finished(self, turn: Turn, reply: Reply) -> Reply: ...


class Turn:
    """A running reply.

    Iterate it for the text, or call wait(). In a coroutine use `async for` and `await`. It can be read once.

    Example:
        >>> for text in claude_nb.stream("Hi"):  # doctest: +SKIP
        ...     print(text, end="")

    Attributes:
        request: The request that is sent when the reading begins.
        source: "live", "demo" or "replay".
        notice: Why nothing arrives at the moment, for example before a retry. None if there is no reason.
        reply: The Reply once the turn has ended, otherwise None.
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
        self.notice: str | None = None
        self.reply: Reply | None = None
        self._received = Received(request.origin, clock)
        self._open = open_stream
        self._observer = observer
        self._clock = clock
        self._stop = stop or Stop()
        self._lock = threading.RLock()
        self._begun = False
        self._reported_at = clock()
        self._unreported = False

    @property
    def text(self) -> str:
        """The text that has arrived so far."""
        return self._received.text

    @property
    def thinking(self) -> str:
        """The thinking that has arrived so far."""
        return self._received.thinking

    @property
    def usage(self) -> Usage:
        """Tokens that the server has reported so far."""
        return self._received.usage

    @property
    def rhythm(self) -> Rhythm:
        """Pairs of seconds since sending and characters of text so far.

        There are at most 20 a second. A replay uses them.
        """
        return self._received.rhythm

    @property
    def tokens(self) -> int:
        """Tokens so far: the server's count, or an estimate of four characters a token."""
        return self.usage.output_tokens or -(-self._received.chars // 4)

    def __iter__(self) -> Iterator[str]:
        return (chunk.text for chunk in self.chunks() if chunk.text)

    def __aiter__(self) -> AsyncIterator[str]:
        from claude_nb.session.event_loop import items

        return items(self, self.stop)

    def __await__(self) -> Generator[Any, None, Reply]:
        from claude_nb.session.event_loop import in_thread

        return in_thread(self.wait, self.stop).__await__()

    def wait(self) -> Reply:
        """Read to the end.

        Returns:
            The finished reply: `claude_nb.stream("Hi").wait().text`.

        Raises:
            ClaudeError: The reply broke off or could not be requested; error.reply is what has arrived.
            Interrupted: Ctrl-C was pressed; error.reply is what has arrived.
        """
        for _ in self.chunks():
            pass
        assert self.reply is not None  # noqa: S101  # chunks() never ends without one
        return self.reply

    def stop(self) -> None:
        """End the reply now.

        Its stop_reason is "interrupted", and no error is raised. Any thread may call this.
        """
        self._stop.set()

    def abandon(self) -> Reply:
        """Stop, and return a Reply of what has arrived.

        It does not wait for a thread that still reads from the network.
        """
        self._stop.set()
        return self._settle("interrupted", "interrupted")

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks of the reply as they arrive: text, thinking, usage, notices.

        Raises:
            RuntimeError: The turn has been read before.
            ClaudeError: As wait() does.
            Interrupted: As wait() does.
        """
        if self._begun:
            raise RuntimeError("a Turn can be read once; turn.text holds what has arrived")
        self._begun = True
        self._received.begin()
        self._reported_at = self._clock()
        failure: BaseException | None = None
        source = iter(()) if self._stop.is_set() else self._open(self._stop)
        try:
            for chunk in source:
                if self._stop.is_set():
                    break
                yield self._take(chunk)
                self._check()
        except GeneratorExit:
            self._settle("interrupted", "the reader left before the end")
            raise
        except KeyboardInterrupt:
            self._stop.set()
            failure = Interrupted(self.interrupted_line())
        except ClaudeError as error:
            failure = error
        except BaseException as error:
            self._settle("error", f"{type(error).__name__}: {error}")
            raise
        finally:
            getattr(source, "close", lambda: None)()
        # It is raised outside the except blocks, so that the error keeps no frame of the network code alive.
        self._conclude(failure)

    def interrupted_line(self) -> str:
        """Return "interrupted after 12 tokens", and "(estimated)" if the server has not counted them."""
        estimated = "" if self.usage.output_tokens or not self._received.chars else " (estimated)"
        return f"interrupted after {self.tokens} tokens{estimated}"

    def _conclude(self, failure: BaseException | None) -> None:
        if self._stop.is_set():
            reply = self._settle("interrupted", self.interrupted_line())
            if isinstance(failure, Interrupted):
                failure.reply = reply
                raise failure.with_traceback(None)
            return
        kept = "what arrived is kept" if self._received.chars else "nothing arrived"
        end = self._received.end
        if failure is None and end.stop_reason is None and not self._received.done:
            failure = StreamCut(f"the reply broke off before its end ({kept}); run the cell again")
        if failure is None and end.stop_reason == "error":
            word = one_line(end.raw_stop_reason or "", 60)
            failure = StreamCut(f'the server broke off the reply with "{word}" ({kept}); run the cell again')
        if failure is None:
            self._settle(end.stop_reason or "unknown", None)
            return
        reply = self._settle("error", str(failure))
        if isinstance(failure, ClaudeError):
            failure.reply = reply
        raise failure.with_traceback(None)

    def _take(self, chunk: Chunk) -> Chunk:
        self.notice = chunk.notice
        if not self._unreported and chunk.has_characters:
            self._unreported = True
            HEARTBEAT.join(self)
        return self._received.add(chunk)

    def _check(self) -> None:
        """Report, and raise StreamCut for a cut reply: after the yield, so that no text is kept but not yielded."""
        if self._received.is_cut:
            raise StreamCut(f"the reply was stopped at {arrived.MAX_CHARS:,} characters, which are kept; ask for less")
        if self._unreported and self._clock() - self._reported_at >= 1:
            self._report()

    def beat(self) -> None:
        """Report what arrived just before a pause, so that it is saved at once."""
        if self._unreported and self._clock() - self._reported_at >= 1:
            with contextlib.suppress(ClaudeError):  # the reading thread gets the same error at the next chunk
                self._report()

    def _report(self) -> None:
        with self._lock:  # so that no progress is reported after the end
            self._reported_at = self._clock()
            self._unreported = False
            if self.reply is None:
                self._observer.progress(self)

    def _settle(self, stop_reason: StopReason, error: str | None) -> Reply:
        """End the turn and return its Reply; later calls return the same Reply."""
        HEARTBEAT.leave(self)
        with self._lock:
            if self.reply is None:
                received, most = self._received, self.request.logprobs
                text, parts = text_without_keys(received.text, received.parts)
                self.reply = Reply(
                    self.request,
                    text=text,
                    thinking=redact_known(received.thinking),
                    usage=received.usage,
                    stop_reason=stop_reason,
                    raw_stop_reason=received.end.raw_stop_reason,
                    stop_detail=received.end.detail,
                    parts=content.to_keep(parts, [p for m in self.request.messages[-1:] for p in m.parts]),
                    seconds=round(received.seconds, 3),
                    first_token_s=None if received.first_token_s is None else round(received.first_token_s, 3),
                    source=self.source,
                    request_id=received.id,
                    response_model=received.model,
                    error=error and redact(error),
                    tokens=None if most is None else fitted(tokens_without_keys(received.tokens), text, most),
                )
                self.reply = self._observer.finished(self, self.reply)
            return self.reply

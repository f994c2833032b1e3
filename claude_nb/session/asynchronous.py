"""Replies for asyncio: the same calls in a thread, whose results reach the event loop."""

from __future__ import annotations

import threading
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from claude_nb.prompting import scope
from claude_nb.session.default import default_session
from claude_nb.session.event_loop import in_thread
from claude_nb.session.reader import ReplyView
from claude_nb.session.signatures import AskOptions, with_options
from claude_nb.session.turn import Turn
from claude_nb.types.reply import Reply

if TYPE_CHECKING:
    from typing_extensions import Unpack


class AsyncView(ReplyView):
    """View of a reply that is read in the thread of the call, and stopped from another one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._turn: Turn | None = None

    def stop(self) -> None:
        """End the turn that is being read, and those that would follow it."""
        with self._lock:
            self._stopped = True
            turn = self._turn
        if turn:
            turn.stop()

    def _read(self, turn: Turn) -> Reply:
        with self._lock:
            self._turn = turn
            stopped = self._stopped
        if stopped:
            turn.stop()
        return turn.wait()


@with_options(AskOptions)
def aask(prompt: str, **options: Unpack[AskOptions]) -> Coroutine[Any, Any, Reply]:
    """Send a prompt and return the whole reply, in a coroutine.

    A thread does what ask() does, so the event loop goes on. Cancelling the task closes the connection. What has
    arrived by then is `claude_nb.last`, and in the history.

    Args:
        prompt: The text to send, with `{{name}}` filled in as in ask(), when aask() is called.
        **options: As in stream(). Nobody can be asked about tools from here, so they need `yes=True`.

    Returns:
        An awaitable of the reply.

    Raises:
        ClaudeError: As ask() does, when it is awaited.

    Example:
        >>> await asyncio.gather(*(aask(f"Describe {city}.") for city in cities))  # doctest: +SKIP
    """
    options["variables"] = scope.variables(options.get("variables"))
    session, view = default_session(), AsyncView()
    return in_thread(partial(session.ask, prompt, view=view, **options), view.stop)


@with_options(AskOptions)
def astream(prompt: str, **options: Unpack[AskOptions]) -> Turn:
    """Return a running reply for a coroutine, which yields its text as it arrives.

    It is what stream() returns: `async for` reads it in a thread, and `await` waits for its end. Cancelling the task
    stops it. Attachments are read before astream() returns.

    Args:
        prompt: The text to send, with `{{name}}` filled in as in ask().
        **options: As in stream().

    Returns:
        The running reply.

    Raises:
        PromptError: The prompt or an option is wrong.
        ConfigError: A key or setting is missing.

    Example:
        >>> async for text in astream("Tell me a story."):  # doctest: +SKIP
        ...     print(text, end="")
    """
    return default_session().stream(prompt, **options)

"""The session that %claude, the widgets and the functions below share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from claude_nb.session.session import Session
from claude_nb.session.signatures import AskOptions, Settings, with_options
from claude_nb.session.turn import Turn
from claude_nb.storage.entries import History
from claude_nb.types.reply import Reply

if TYPE_CHECKING:
    from typing_extensions import Unpack

_default: Session | None = None
_lock = threading.Lock()


def default_session() -> Session:
    """Return the session that %claude, ask() and the widgets share."""
    global _default  # noqa: PLW0603  # a process has one default session
    with _lock:
        if _default is None:
            _default = Session()
    return _default


@with_options(AskOptions)
def ask(prompt: str, **options: Unpack[AskOptions]) -> Reply:
    """Send a prompt and return the whole reply.

    Functions in `tools` run when the model calls them, until it answers. With `json`, an answer that does not match
    the schema is requested once more.

    Args:
        prompt: The text to send. `{{name}}` is replaced by the value of a variable: of `variables`, else of the calling
            function or module. `\\{{name}}` stays as it is, without the backslash.
        **options: As in stream().

    Returns:
        The reply.

    Raises:
        PromptError: The prompt or an option is wrong; nothing was sent.
        ConfigError: A key or setting is missing, or the budget is used up.
        ApiError: The server rejected the request.
        NetworkError: The server could not be reached.
        StreamCut: The reply broke off; error.reply is what has arrived.
        NoJson: The answer does not match the schema of `json`; error.reply is the answer.

    Example:
        >>> ask("Why is the sky blue?", temperature=0.2).text  # doctest: +SKIP
    """
    return default_session().ask(prompt, **options)


@with_options(AskOptions)
def stream(prompt: str, **options: Unpack[AskOptions]) -> Turn:
    """Return a running reply, which yields its text as it arrives.

    Nothing is sent before it is read.

    Args:
        prompt: The text to send, with `{{name}}` filled in as in ask().
        **options: model, provider, temperature, top_p, top_k, max_tokens, stop_sequences, seed, thinking, effort,
            logprobs, speed, search, fetch, code_execution, system, attach, cite, json, tools, yes, cache, chat,
            base_url, headers, timeout (in seconds), whole, allow_http. They mean the same as the options of %%claude.
            An option that is left out is not sent. `variables` is a dict of values for `{{name}}` in the prompt and
            the options.

    Returns:
        The running reply. It does not run tools and does not request a wrong answer again; ask() does both.

    Raises:
        PromptError: The prompt or an option is wrong.
        ConfigError: A key or setting is missing.

    Example:
        >>> for text in stream("Tell me a story."):  # doctest: +SKIP
        ...     print(text, end="")
    """
    return default_session().stream(prompt, **options)


@with_options(Settings)
def configure(**settings: Unpack[Settings]) -> None:
    """Set defaults for later calls.

    Args:
        **settings: Options of stream() that can be a default, such as model, temperature or system; None removes one.
            Also: budget, in US dollars; api_key, kept in memory only, for the provider and base_url that are set with
            it; models, a list of rows like those in models.json.

    Raises:
        PromptError: A name or value is wrong; nothing was changed.

    Example:
        >>> configure(model="sonnet", temperature=0.2)  # doctest: +SKIP
    """
    default_session().configure(**settings)


def history(
    limit: int | None = 20,
    search: str | None = None,
    *,
    notebook: str | None = None,
    chat: str | None = None,
    variable: str | None = None,
) -> History:
    """Return past replies of all kernels, newest first.

    Args:
        limit: Number of replies at most. None: all.
        search: Only replies that contain all these words, in the prompt or the text.
        notebook: Only replies of the notebook with this name.
        chat: Only replies of the conversation with this name.
        variable: Only replies that were stored in this variable.

    Returns:
        The rows of the history. They display themselves as a table.

    Raises:
        ConfigError: The history is off.

    Example:
        >>> history(search="sky")[0].reply.text  # doctest: +SKIP
    """
    store = default_session().memory.history
    return History(store.recent(limit, search, notebook=notebook, chat=chat, variable=variable))

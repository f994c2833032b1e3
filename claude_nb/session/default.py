"""The session that %claude, the widgets and the functions of the package share, and those functions."""

from __future__ import annotations

import threading
from typing import Any

from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.storage.entries import History
from claude_nb.types.reply import Reply

_default: Session | None = None
_one_default = threading.Lock()


def default_session() -> Session:
    """The session that %claude, ask() and the widgets share."""
    global _default  # noqa: PLW0603  # one session per process is the point
    with _one_default:
        if _default is None:
            _default = Session()
    return _default


def ask(prompt: str, **options: Any) -> Reply:
    """The reply to a prompt: ask("Why is the sky blue?", temperature=0.2).text. See Session.stream for the options."""
    return default_session().ask(prompt, **options)


def stream(prompt: str, **options: Any) -> Turn:
    """Send a prompt and iterate the Turn for its text as it arrives. See Session.stream for the options."""
    return default_session().stream(prompt, **options)


def configure(**settings: Any) -> None:
    """Defaults for later calls: configure(model="sonnet", temperature=0.2). See Session.configure."""
    default_session().configure(**settings)


def history(
    limit: int | None = 20,
    search: str | None = None,
    *,
    notebook: str | None = None,
    chat: str | None = None,
    variable: str | None = None,
) -> History:
    """The newest replies of all kernels, as a table: history(search="sky")[0].reply, history(None).to_pandas().

    limit   at most so many; None: all
    search  only those that hold all these words, in prompt or reply
    Raises ConfigError when the history is off.
    """
    store = default_session().memory.history
    return History(store.recent(limit, search, notebook=notebook, chat=chat, variable=variable))

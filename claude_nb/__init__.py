"""Talk to Claude from notebook cells.

In a notebook:   %load_ext claude_nb, then %%claude at the top of a cell with a prompt.
From Python:     reply = claude_nb.ask("Why is the sky blue?")
Looking back:    claude_nb.last is the newest reply, claude_nb.history() lists all

Everything is imported on first use, so that loading the extension costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from claude_nb.errors import (
        ApiError,
        AuthError,
        BadRequest,
        ClaudeError,
        ConfigError,
        Interrupted,
        NetworkError,
        NoJson,
        Overloaded,
        PromptError,
        ReplayMiss,
        StreamCut,
    )
    from claude_nb.notebook.commands.usage import usage
    from claude_nb.session.default import ask, configure, history, stream
    from claude_nb.session.session import Session
    from claude_nb.session.turn import Turn
    from claude_nb.sweeps.api import compare, last_sweep, load_sweep, sweep
    from claude_nb.sweeps.check import check
    from claude_nb.sweeps.sweep import Sweep
    from claude_nb.types.reply import Reply
    from claude_nb.types.request import Message, Request, Usage
    from claude_nb.types.settings import Sampling
    from claude_nb.widgets.lens import Lens
    from claude_nb.widgets.playground import Playground

    last: Reply | None

__version__ = "0.1.0"

_HOME = {
    "claude_nb.errors": (
        "ApiError",
        "AuthError",
        "BadRequest",
        "ClaudeError",
        "ConfigError",
        "Interrupted",
        "NetworkError",
        "NoJson",
        "Overloaded",
        "PromptError",
        "ReplayMiss",
        "StreamCut",
    ),
    "claude_nb.notebook.commands.usage": ("usage",),
    "claude_nb.sweeps.api": ("compare", "last_sweep", "load_sweep", "sweep"),
    "claude_nb.sweeps.check": ("check",),
    "claude_nb.session.session": ("Session",),
    "claude_nb.types.settings": ("Sampling",),
    "claude_nb.session.default": ("ask", "configure", "history", "stream"),
    "claude_nb.types.reply": ("Reply",),
    "claude_nb.sweeps.sweep": ("Sweep",),
    "claude_nb.session.turn": ("Turn",),
    "claude_nb.types.request": ("Message", "Request", "Usage"),
    "claude_nb.widgets.lens": ("Lens",),
    "claude_nb.widgets.playground": ("Playground",),
}
_PUBLIC = {name: module for module, names in _HOME.items() for name in names}

__all__ = [  # noqa: RUF022  # grouped by what they are for; a test compares it with the table above
    "ask",
    "stream",
    "configure",
    "history",
    "sweep",
    "compare",
    "last_sweep",
    "load_sweep",
    "check",
    "Lens",
    "Playground",
    "usage",
    "Session",
    "Sweep",
    "Turn",
    "Message",
    "Sampling",
    "Request",
    "Reply",
    "Usage",
    "ClaudeError",
    "PromptError",
    "ConfigError",
    "NetworkError",
    "ApiError",
    "AuthError",
    "BadRequest",
    "Overloaded",
    "StreamCut",
    "NoJson",
    "ReplayMiss",
    "Interrupted",
]


def __getattr__(name: str) -> Any:
    if name == "last":  # the newest reply, so another one after each prompt; None before the first
        return import_module("claude_nb.session.default").default_session().last
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "last"])


def load_ipython_extension(ip: InteractiveShell) -> None:
    """%load_ext claude_nb"""
    from claude_nb.notebook.extension import load

    load(ip)


def unload_ipython_extension(ip: InteractiveShell) -> None:
    """%unload_ext claude_nb"""
    from claude_nb.notebook.extension import unload

    unload(ip)

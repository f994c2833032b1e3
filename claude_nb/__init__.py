"""Talk to Claude from notebook cells.

In a notebook:   %load_ext claude_nb, then %%claude at the top of a cell with a prompt.
From Python:     reply = claude_nb.ask("Why is the sky blue?")

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
        Overloaded,
        PromptError,
        ReplayMiss,
        StreamCut,
    )
    from claude_nb.reply import Reply
    from claude_nb.session import Session, ask, configure, stream
    from claude_nb.turn import Turn
    from claude_nb.values import Message, Request, Sampling, Usage

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
        "Overloaded",
        "PromptError",
        "ReplayMiss",
        "StreamCut",
    ),
    "claude_nb.session": ("Session", "ask", "configure", "stream"),
    "claude_nb.reply": ("Reply",),
    "claude_nb.turn": ("Turn",),
    "claude_nb.values": ("Message", "Request", "Sampling", "Usage"),
}
_PUBLIC = {name: module for module, names in _HOME.items() for name in names}

__all__ = [  # noqa: RUF022  # grouped by what they are for; a test compares it with the table above
    "ask",
    "stream",
    "configure",
    "Session",
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
    "ReplayMiss",
    "Interrupted",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(ip: InteractiveShell) -> None:
    """%load_ext claude_nb"""
    from claude_nb.extension import load

    load(ip)


def unload_ipython_extension(ip: InteractiveShell) -> None:
    """%unload_ext claude_nb"""
    from claude_nb.extension import unload

    unload(ip)

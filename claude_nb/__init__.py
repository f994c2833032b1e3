"""Talk to Claude from notebook cells.

In a notebook:   %load_ext claude_nb, then %%claude at the top of a cell with a prompt.
From Python:     reply = claude_nb.ask("Why is the sky blue?")
Looking back:    claude_nb.last is the newest reply, and claude_nb.history() lists all replies.

Each name is imported on first use, so that loading the extension costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names for type checkers, which do not run __getattr__
    from IPython.core.interactiveshell import InteractiveShell

    from claude_nb.errors import ApiError as ApiError
    from claude_nb.errors import AuthError as AuthError
    from claude_nb.errors import BadRequest as BadRequest
    from claude_nb.errors import ClaudeError as ClaudeError
    from claude_nb.errors import ConfigError as ConfigError
    from claude_nb.errors import Interrupted as Interrupted
    from claude_nb.errors import NetworkError as NetworkError
    from claude_nb.errors import NoJson as NoJson
    from claude_nb.errors import Overloaded as Overloaded
    from claude_nb.errors import PromptError as PromptError
    from claude_nb.errors import ReplayMiss as ReplayMiss
    from claude_nb.errors import StreamCut as StreamCut
    from claude_nb.notebook.commands.usage import usage as usage
    from claude_nb.session.asynchronous import aask as aask
    from claude_nb.session.asynchronous import astream as astream
    from claude_nb.session.default import ask as ask
    from claude_nb.session.default import configure as configure
    from claude_nb.session.default import history as history
    from claude_nb.session.default import stream as stream
    from claude_nb.session.named_prompts import prompt as prompt
    from claude_nb.session.session import Session as Session
    from claude_nb.session.turn import Turn as Turn
    from claude_nb.sweeps.api import compare as compare
    from claude_nb.sweeps.api import last_sweep as last_sweep
    from claude_nb.sweeps.api import load_sweep as load_sweep
    from claude_nb.sweeps.api import sweep as sweep
    from claude_nb.sweeps.check import check as check
    from claude_nb.sweeps.evaluation import graders as graders
    from claude_nb.sweeps.evaluation.api import evaluate as evaluate
    from claude_nb.sweeps.evaluation.evaluation import Evaluation as Evaluation
    from claude_nb.sweeps.mapping import map as map  # noqa: A004  # the field's word
    from claude_nb.sweeps.sweep import Sweep as Sweep
    from claude_nb.types.reply import Reply as Reply
    from claude_nb.types.request import Message as Message
    from claude_nb.types.request import Request as Request
    from claude_nb.types.request import Usage as Usage
    from claude_nb.types.settings import Sampling as Sampling
    from claude_nb.types.token import Token as Token
    from claude_nb.widgets.lens import Lens as Lens
    from claude_nb.widgets.playground import Playground as Playground

    last: Reply | None

__version__ = "0.1.0"

_NAMES_BY_MODULE = {
    "session.default": "ask stream configure history",
    "session.asynchronous": "aask astream",
    "session.named_prompts": "prompt",
    "sweeps.api": "sweep compare last_sweep load_sweep",
    "sweeps.check": "check",
    "sweeps.mapping": "map",
    "sweeps.evaluation": "graders",
    "sweeps.evaluation.api": "evaluate",
    "sweeps.evaluation.evaluation": "Evaluation",
    "widgets.lens": "Lens",
    "widgets.playground": "Playground",
    "notebook.commands.usage": "usage",
    "session.session": "Session",
    "sweeps.sweep": "Sweep",
    "session.turn": "Turn",
    "types.request": "Message Request Usage",
    "types.settings": "Sampling",
    "types.token": "Token",
    "types.reply": "Reply",
    "errors": "ClaudeError PromptError ConfigError NetworkError ApiError AuthError BadRequest Overloaded "
    "StreamCut NoJson ReplayMiss Interrupted",
}
_PUBLIC = {name: f"claude_nb.{module}" for module, names in _NAMES_BY_MODULE.items() for name in names.split()}

if not TYPE_CHECKING:  # type checkers read only literal lists, and take the imports above without one
    __all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name == "last":  # a new value after each prompt; None before the first one
        return import_module("claude_nb.session.default").default_session().last
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*_PUBLIC, "last"]  # what Tab offers: neither modules nor the imports of this file


def load_ipython_extension(ip: InteractiveShell) -> None:
    """%load_ext claude_nb"""
    from claude_nb.notebook.extension import load

    load(ip)


def unload_ipython_extension(ip: InteractiveShell) -> None:
    """%unload_ext claude_nb"""
    from claude_nb.notebook.extension import unload

    unload(ip)

"""Find out where code runs: in which notebook cell, and whether a person is watching.

IPython is never imported.
"""

from __future__ import annotations

import sys
import threading
import warnings
from typing import Any, Literal

from claude_nb.safe_text.visible import visible
from claude_nb.session.conversation import Cell

Mode = Literal["live", "once", "text", "quiet"]
MAX_UNCLEAR = 20  # answers, so that a front end that always sends the same text cannot be asked for ever


def mode_for(setting: str | None) -> Mode:
    """Return how to show replies here.

    live  a person watches the notebook: outputs grow
    once  a program runs the notebook (nbclient, nbval, papermill): one finished output
    text  a terminal: plain text as it arrives

    setting  CLAUDE_NB_DISPLAY, which may choose live, once or text; None: find out
    """
    if setting in ("live", "once", "text"):
        return setting  # type: ignore[return-value]  # mypy does not narrow a str by a tuple
    if not in_kernel():
        return "text"
    # A front end allows stdin because somebody is there to answer. Programs that run notebooks do not allow it.
    return "live" if can_answer() else "once"


def current_cell() -> Cell | None:
    """Return the running notebook cell.

    None in a terminal, or if the front end does not identify its cells.
    """
    parent = _parent() or {}
    cell_id = parent.get("metadata", {}).get("cellId")
    run_id = parent.get("header", {}).get("msg_id", "")
    return Cell(cell_id, run_id) if cell_id else None


def _parent() -> dict[str, Any] | None:
    """Return the message that the kernel is handling; None without a kernel."""
    kernel = getattr(_shell(), "kernel", None)
    return kernel.get_parent() if kernel else None


def in_kernel() -> bool:
    """Return True if a front end has sent the running code."""
    return _parent() is not None


def is_terminal() -> bool:
    """Return True at a prompt of Python or IPython, False in a script or notebook."""
    return _parent() is None and (hasattr(sys, "ps1") or _shell() is not None)


def is_session() -> bool:
    """Return True in a notebook or at a prompt, where a notice is seen; False in a script or a scheduled job."""
    marimo = sys.modules.get("marimo")  # a notebook without IPython
    return in_kernel() or is_terminal() or bool(marimo and marimo.running_in_notebook())


def can_answer() -> bool:
    """Return True if input() reaches a person.

    It does in a terminal, and in a front end that allows it, but neither from a thread nor from a widget.
    """
    if threading.current_thread() is not threading.main_thread() or in_widget():
        return False
    parent = _parent()
    if parent is not None:
        return bool(parent.get("content", {}).get("allow_stdin", True))
    return sys.stdin is not None and sys.stdin.isatty()


def typed(question: str) -> str | None:
    """Return the user's answer in small letters; "" if it cannot be read, None if no user can answer.

    Raises KeyboardInterrupt, and EOFError at the end of the input.
    """
    try:
        return input(question).strip().casefold()
    except UnicodeError:
        return ""
    except (OSError, NotImplementedError, RuntimeError, ValueError):  # no stdin, or a closed one
        return None


def in_widget() -> bool:
    """Return True if a widget of the page has sent the running code, so that no cell can show a question."""
    return bool((_parent() or {}).get("header", {}).get("msg_type") == "comm_msg")


def run_count() -> int | None:
    """Return the number of the running cell or input; None in a script."""
    count = getattr(_shell(), "execution_count", None)
    return count if isinstance(count, int) else None


def warn(line: str) -> None:
    """Show a line as a warning, with control characters made visible."""
    warnings.warn(visible(line), stacklevel=3)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None

"""Where the code is running: which notebook cell, in front of a person or not. Knows IPython only if it is there."""

from __future__ import annotations

import sys
from typing import Any, Literal

from claude_nb.session.conversation import Cell

Mode = Literal["live", "once", "text", "quiet"]


def mode_for(setting: str | None) -> Mode:
    """How to show replies here. setting is CLAUDE_NB_DISPLAY (live, once or text; None: find out).

    live  a front end with a person in front: outputs that grow
    once  a run without one (nbclient, nbval, papermill): one finished output
    text  a terminal: plain text as it arrives
    """
    if setting in ("live", "once", "text"):
        return setting  # type: ignore[return-value]  # mypy does not narrow a str by a tuple
    parent = _parent()
    if parent is None:
        return "text"
    # A front end allows stdin because somebody is there to answer; programs that run notebooks do not.
    return "live" if parent.get("content", {}).get("allow_stdin", True) else "once"


def current_cell() -> Cell | None:
    """The running notebook cell; None in a terminal, or when the front end does not name its cells."""
    parent = _parent() or {}
    cell_id = parent.get("metadata", {}).get("cellId")
    run_id = parent.get("header", {}).get("msg_id", "")
    return Cell(cell_id, run_id) if cell_id else None


def _parent() -> dict[str, Any] | None:
    """The message that the kernel is working on; None without a kernel."""
    kernel = getattr(_shell(), "kernel", None)
    return kernel.get_parent() if kernel else None


def in_kernel() -> bool:
    """Whether a cell runs that a front end has sent."""
    return _parent() is not None


def is_terminal() -> bool:
    """True where a person types at a prompt of Python or IPython; false in a script."""
    return _parent() is None and (hasattr(sys, "ps1") or _shell() is not None)


def can_answer() -> bool:
    """Whether input() reaches somebody: a front end that allows it, or a terminal."""
    parent = _parent()
    if parent is not None:
        return bool(parent.get("content", {}).get("allow_stdin", True))
    return sys.stdin is not None and sys.stdin.isatty()


def run_count() -> int | None:
    """The number of the cell or input that is running; None in a script."""
    count = getattr(_shell(), "execution_count", None)
    return count if isinstance(count, int) else None


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None

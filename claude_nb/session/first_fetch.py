"""Ask the user, once, whether to fetch the weights of the small local model."""

from __future__ import annotations

import threading

from claude_nb.errors import Interrupted
from claude_nb.providers.local import MODEL, engine, weights
from claude_nb.render.chars import write_out
from claude_nb.session import frontend
from claude_nb.types.request import Request

YES, NO = ("y", "yes"), ("n", "no", "")


def settle(request: Request) -> None:
    """Fetch the weights that a request needs, if the user agrees. Called in the main thread, before it is sent.

    Raises ConfigError if the engine or the weights are missing.
    """
    if request.provider != "local":
        return
    engine.check_installed()
    if request.model != MODEL or weights.are_here():
        return
    if not _agrees():
        raise weights.missing()
    weights.fetch(lambda line: write_out(f"{line}\n"))


def _agrees() -> bool:
    """Return whether the user wants the weights; False also where nobody can answer. Raises Interrupted."""
    is_main = threading.current_thread() is threading.main_thread()
    if not (is_main and frontend.is_session() and frontend.can_answer()) or frontend.in_widget():
        return False
    try:
        for _ in range(frontend.MAX_UNCLEAR):
            answer = frontend.typed(f"Fetch {weights.SOURCE}? [y]es; [n]o: ")
            if answer is None or answer in NO:
                return False
            if answer in YES:
                return True
    except KeyboardInterrupt:
        raise Interrupted("interrupted at the question; nothing was fetched") from None
    except EOFError:
        pass
    return False

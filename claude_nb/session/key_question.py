"""Ask the user whether a key may go to a server that nothing binds it to."""

from __future__ import annotations

from claude_nb.errors import Interrupted
from claude_nb.providers.credentials import Credentials
from claude_nb.session import frontend

ANSWERS = {"y": True, "yes": True, "n": False, "no": False}


def asking(credentials: Credentials) -> Credentials:
    """Return credentials that ask the user of this session."""
    credentials.ask = may_send
    return credentials


def may_send(variable: str, origin: str) -> bool | None:
    """Return whether the key of a variable may go to a server; None if nobody answers here. Raises Interrupted."""
    if not frontend.can_answer():
        return None
    try:
        for _ in range(frontend.MAX_UNCLEAR):
            answer = frontend.typed(f"Send the key in {variable} to {origin}? [y]es; [n]o, send without it: ")
            if answer is None:
                break
            if answer in ANSWERS:
                return ANSWERS[answer]
    except KeyboardInterrupt:
        raise Interrupted("interrupted at the question; nothing was sent") from None
    except EOFError:
        pass
    return None

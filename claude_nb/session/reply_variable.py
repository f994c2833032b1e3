"""The notebook variable that gets a reply: a new one, or one that holds a reply or a plain value."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

_IPYTHON = re.compile(r"_+|_i*\d*|_[iod]h|In|Out|exit|quit|open|get_ipython")
_PLAIN = (str, int, float, bool, type(None))  # often made of a reply: text = reply.text


def is_variable(name: str) -> bool:
    """Return True if a reply may be stored under this name.

    Keywords and names like __builtins__ are refused.
    """
    return name.isidentifier() and not iskeyword(name) and not name.startswith("__")


def refusal(name: str, variables: Mapping[str, Any]) -> str | None:
    """Return why a reply may not take this variable, in words that follow its name; None if it may.

    A variable that holds a reply may always be replaced.
    """
    if not is_variable(name):
        return "is not a variable name; use letters, digits, _ and no Python keyword"
    if _is_ours(variables.get(name)):
        return None
    if hasattr(builtins, name) or _IPYTHON.fullmatch(name):
        return "is a name of Python or IPython; choose another one"
    if isinstance(variables.get(name), _PLAIN):
        return None
    kind = type(variables[name]).__name__
    return (
        f"is a variable of yours ({kind}), which the reply would replace; choose another name, or use del {name} first"
    )


def replaced(name: str, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a notice if a reply replaces a plain value of the user."""
    value = variables.get(name)
    if value is None or _is_ours(value):
        return ()
    return (f"the reply replaces your variable {name} ({type(value).__name__})",)


def _is_ours(value: object) -> bool:
    """Return whether a value is a reply, a sweep or something else of this package."""
    return type(value).__module__.partition(".")[0] == "claude_nb"

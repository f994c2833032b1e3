"""Ask the user whether a model may call a function.

The question shows everything that the model wrote: control characters and invisible characters as escapes, and long
values folded until the user asks for them.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Literal

from claude_nb.errors import ConfigError, Interrupted
from claude_nb.session import frontend
from claude_nb.types.content import Called

Permission = Literal["call", "function", "all", "none"]

MAX_VALUE_CHARS = 200  # of an argument, until the user asks to see all of it
MAX_LINE_CHARS = 2_000
LETTERS: dict[str, Permission] = {"y": "call", "e": "function", "a": "all", "n": "none"}
WORDS: dict[str, Permission] = {"yes": "call", "every": "function", "all": "all", "no": "none"}
SHOW = ("s", "show")
# Characters that Python calls printable, but that take no space on the screen.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


class QuestionInterrupted(Interrupted):
    """The user interrupted the question, so the function was not called."""


def ask(called: Called) -> Permission:
    """Ask about a tool call, and return what the user allows: this call, the function, all functions, or nothing.

    Any other answer is asked for again. Raises ConfigError if nobody answers, and QuestionInterrupted.
    """
    line = _line(called)
    show = "" if line == _whole(called) else ", [s]how it in full"
    answers = f"[y]es, only this call; [e]very call of {called.name}; [a]ll functions; [n]o{show}"
    for _ in range(frontend.MAX_UNCLEAR):
        answer = _answer(_printable(f"Let the model call {line}? {answers}: ", sys.stdout), called.name)
        if permission := (LETTERS | WORDS).get(answer):
            return permission
        if answer in SHOW:
            sys.stdout.write(_printable(f"{in_full(called)}\n", sys.stdout))
            sys.stdout.flush()
    return "none"


def nobody_to_ask() -> ConfigError:
    """Return the error for a place where no user can answer input()."""
    return ConfigError(
        "a model may call functions only with the consent of the user, and nobody can be asked here; "
        "add --yes (in Python yes=True) if the functions are harmless"
    )


def in_full(called: Called) -> str:
    r"""Return a tool call with one line for each argument, and for each line of a text.

    in_full(Called("run", {"code": "a = 1\nb"})) -> "run(\n  code =\n    'a = 1\\n'\n    'b'\n)"
    """
    if not isinstance(called.arguments, dict):
        return _whole(called)
    lines = []
    for name, value in called.arguments.items():
        pieces = [_repr(piece) for piece in value.splitlines(keepends=True)] if isinstance(value, str) else []
        shown = "".join(f"\n    {piece}" for piece in pieces) if len(pieces) > 1 else f" {_repr(value)}"
        lines.append(f"  {_name(name)} ={shown}\n")
    return f"{called.name}(\n{''.join(lines)})"


def _answer(question: str, name: str) -> str:
    """Return what the user typed. Raises ConfigError if nobody answers, and QuestionInterrupted."""
    try:
        answer = frontend.typed(question)
    except KeyboardInterrupt:
        raise QuestionInterrupted(f"interrupted at the question; {name}() was not called") from None
    except EOFError:
        raise ConfigError(
            f"nobody answered whether the model may call {name}(), so it was not called; run this again and answer, "
            "or add --yes (in Python yes=True) if the functions are harmless"
        ) from None
    if answer is None:
        raise nobody_to_ask()
    return answer


def _whole(called: Called) -> str:
    return _call(called, most=None)


def _line(called: Called) -> str:
    return _folded(_call(called, most=MAX_VALUE_CHARS), MAX_LINE_CHARS)


def _call(called: Called, most: int | None) -> str:
    """Return a tool call in Python syntax, on one line. most: characters of each value; None: all."""
    if not isinstance(called.arguments, dict):
        return f"{called.name}({_folded(_repr(called.arguments), most)})"
    pairs = (f"{_name(name)}={_folded(_repr(value), most)}" for name, value in called.arguments.items())
    return f"{called.name}({', '.join(pairs)})"


def _name(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else _repr(name)


def _repr(value: Any) -> str:
    """Return a value as Python writes it, with the characters that nobody sees as escapes."""
    return _INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode(), repr(value))


def _folded(text: str, most: int | None) -> str:
    """Return the beginning and the end of a long text, and how much is between them."""
    if most is None or len(text) <= most:
        return text
    head, tail = text[: most * 2 // 3], text[-most // 4 :]
    return f"{head} … {len(text) - len(head) - len(tail):,} more characters … {tail}"


def _printable(text: str, out: Any) -> str:
    """Return a text with escapes for what the encoding of a stream does not have."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)

"""The line of a magic: options first, the rest is the prompt, taken as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from keyword import iskeyword
from typing import Any, NamedTuple

from claude_nb.errors import PromptError
from claude_nb.session import options as knobs
from claude_nb.session.options import OPTIONS, Option

_FLAG = re.compile(r"--?[A-Za-z][\w-]*")
_WORD = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\{\{.*?\}\}|\S)+""", re.DOTALL)
_ITEM = re.compile(r"""\{\{.*?\}\}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s,"']+""")
_LIST = re.compile(rf"\s*([A-Za-z_][\w-]*)\s*=\s*((?:{_ITEM.pattern})(?:\s*,\s*(?:{_ITEM.pattern}))*)(?=\s|$)")
_VALUE_OF_BARE = re.compile(r"=|\s+(\d+|off)(?!\S)")  # else it is the prompt that goes on: --thinking Why?
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_BY_FLAG: dict[str, Option] = {flag: knob for knob in OPTIONS for flag in knob.flags}


class Parsed(NamedTuple):
    """Options as they were typed, by name, and the text after them. A repeatable option holds a list."""

    options: dict[str, Any]
    rest: str


def parse(line: str, *, below: bool = False, is_schema: Callable[[str], bool] = lambda _: False) -> Parsed:
    """Split a magic line: parse("-t 0.2 Why?") -> Parsed({"temperature": "0.2"}, "Why?").

    Values are still text (templates in them are filled first); a switch is True. "--" ends the options, so that a
    prompt may begin with a dash. Raises PromptError for an unknown option or a missing value.

    below    the prompt stands below the line, so a word after --json is no prompt
    is_schema  whether a word after --json names a form in this notebook
    """
    options: dict[str, Any] = {}
    at = 0
    while True:
        at += len(line[at:]) - len(line[at:].lstrip())
        if line.startswith("--", at) and (at + 2 == len(line) or line[at + 2].isspace()):
            return Parsed(options, line[at + 2 :].strip())
        flag = _FLAG.match(line, at)
        if not flag:
            return Parsed(options, line[at:].strip())
        knob, value, at = _option(line, flag, is_schema=(lambda _: True) if below else is_schema)
        if knob.repeatable:
            options.setdefault(knob.name, []).append(value)
        else:
            options[knob.name] = value


def typed(knob: Option, text: Any) -> Any:
    """The value of an option from its text, or from the texts of a repeatable one."""
    if knob.kind is None:
        return True
    return knobs.check(knob.name, tuple(text)) if knob.repeatable else knobs.read(knob, text)


def is_variable(name: str) -> bool:
    """True for a name that a reply may be kept under: no keyword, and nothing like __builtins__."""
    return name.isidentifier() and not iskeyword(name) and not name.startswith("__")


def pairs(text: str) -> list[tuple[str, str]]:
    """name=value pairs: pairs('temperature=0.2 system="Be brief."') -> [("temperature", "0.2"), ...]."""
    found = []
    at = 0
    while text[at:].strip():
        name = re.compile(r"\s*([\w-]+)\s*=\s*").match(text, at)
        word = _WORD.match(text, name.end()) if name else None
        if not name or not word:
            raise PromptError(f"write name=value, with quotes around text: {text[at:].strip()!r}")
        found.append((name.group(1), _unquoted(word.group())))
        at = word.end()
    return found


def items(text: str) -> list[tuple[str, list[str]]]:
    """name=value,value pairs: items('t=0,.7 s="Be brief.","Hi, you."') -> [("t", ["0", ".7"]), ("s", [...])]."""
    found = []
    at = 0
    while text[at:].strip():
        pair = _LIST.match(text, at)
        if not pair:
            raise PromptError(f"write name=value,value with quotes around text: {text[at:].strip()!r}")
        found.append((pair[1].replace("-", "_"), [_unquoted(value) for value in _ITEM.findall(pair[2])]))
        at = pair.end()
    return found


def help_text(name: str) -> str:
    """All options, one a line."""
    rows = [
        (", ".join(knob.flags) + (f" {knob.metavar}" if knob.metavar else ""), knob.help)
        for knob in OPTIONS
        if knob.flags
    ]
    width = max(len(left) for left, _ in rows)
    lines = [f"  {left:<{width}}  {right}" for left, right in rows]
    return "\n".join([f"%%{name} [options] with the prompt below it, or %{name} [options] PROMPT", "", *lines])


def _option(line: str, flag: re.Match[str], *, is_schema: Callable[[str], bool]) -> tuple[Option, Any, int]:
    """The option at *flag*: its knob, its value and where the line goes on."""
    name, at = flag.group(), flag.end()
    knob = _BY_FLAG.get(name)
    short = _BY_FLAG.get(name[:2]) if knob is None and not name.startswith("--") else None
    if short and short.kind is not None:  # -t0.2
        knob, at = short, flag.start() + 2
    if knob is None:
        knob = knobs.find(name) if name.startswith("--") else _unknown(name)
    if knob.kind is None:
        return knob, True, at
    if knob.bare and not (_has_schema(line, at, is_schema) if knob.name == "json" else _VALUE_OF_BARE.match(line, at)):
        return knob, knob.bare, at
    if at < len(line) and line[at] == "=":
        at += 1
    elif at < len(line) and line[at].isspace():
        at += len(line[at:]) - len(line[at:].lstrip())
    if knob.name == "json" and (end := _end_of_json(line, at)):
        return knob, line[at:end], end
    word = _WORD.match(line, at)
    if not word:
        raise PromptError(f"{name} needs a value: {name} {knob.metavar}")
    return knob, _unquoted(word.group()), word.end()


def _has_schema(line: str, at: int, is_schema: Callable[[str], bool]) -> bool:
    """Whether what follows --json is its value: anything behind =, a schema, a file, {{name}} or a known name."""
    word = _WORD.match(line, at + len(line[at:]) - len(line[at:].lstrip()))
    text = word.group() if word else ""
    if line.startswith("=", at):
        return True
    if not text or text.startswith("-"):
        return False
    return text.lstrip("\"'").startswith("{") or text.endswith(".json") or is_schema(text)


def _end_of_json(line: str, at: int) -> int | None:
    """Where an object that is written out ends, spaces and all; None: there is none."""
    if not line.startswith("{", at) or line.startswith("{{", at):
        return None
    try:
        return json.JSONDecoder().raw_decode(line, at)[1]
    except (ValueError, RecursionError):
        return None


def _unknown(name: str) -> Option:
    raise PromptError(f"there is no option {name}; see %claude -h, or put -- before a prompt that begins with a dash")


def _unquoted(word: str) -> str:
    r"""Text in quotes may hold spaces and \n: '"a\nb"' -> 'a', newline, 'b'."""
    if len(word) < 2 or word[0] not in "\"'" or word[-1] != word[0]:
        return word
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group(1)), word[1:-1], flags=re.DOTALL)

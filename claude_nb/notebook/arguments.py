"""Parse the line of a magic: options first; the rest is the prompt, unchanged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from keyword import iskeyword
from typing import Any, NamedTuple

from claude_nb.errors import PromptError
from claude_nb.session.options import OPTIONS, Option, find

_FLAG = re.compile(r"--?[A-Za-z][\w-]*")
_WORD = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\{\{.*?\}\}|\S)+""", re.DOTALL)
_ITEM = re.compile(r"""\{\{.*?\}\}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s,"']+""")
_PAIR = re.compile(rf"\s*([\w-]+)\s*=\s*({_WORD.pattern})", re.DOTALL)
_LIST = re.compile(rf"\s*([A-Za-z_][\w-]*)\s*=\s*((?:{_ITEM.pattern})(?:\s*,\s*(?:{_ITEM.pattern}))*)(?=\s|$)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_BY_FLAG: dict[str, Option] = {flag: option for option in OPTIONS for flag in option.flags}


class Parsed(NamedTuple):
    """Options as text, by name, and the text after them.

    A repeatable option has a list of texts.
    """

    options: dict[str, Any]
    rest: str


def parse(line: str, *, below: bool = False, is_schema: Callable[[str], bool] = lambda _: False) -> Parsed:
    """Split a magic line into options and prompt.

    parse("-t 0.2 Why?") -> Parsed({"temperature": "0.2"}, "Why?"). A switch is True. Other values stay text, because
    {{name}} in them is filled in first. "--" ends the options, so that a prompt may begin with a dash.

    below      True: the prompt is below the line, so a word after --json belongs to --json
    is_schema  returns True if a word after --json names a schema in the notebook
    Raises PromptError for an unknown option or a missing value.
    """
    options: dict[str, Any] = {}
    at = 0
    while True:
        at = len(line) - len(line[at:].lstrip())
        if line.startswith("--", at) and (at + 2 == len(line) or line[at + 2].isspace()):
            return Parsed(options, line[at + 2 :].strip())
        flag = _FLAG.match(line, at)
        if not flag:
            return Parsed(options, line[at:].strip())
        option, value, at = _option(line, flag, is_schema=(lambda _: True) if below else is_schema)
        if option.repeatable:
            options.setdefault(option.name, []).append(value)
        else:
            options[option.name] = value


def is_variable(name: str) -> bool:
    """Return True if a reply may be stored under this name.

    Keywords and names like __builtins__ are refused.
    """
    return name.isidentifier() and not iskeyword(name) and not name.startswith("__")


def pairs(text: str) -> list[tuple[str, str]]:
    """Split name=value pairs.

    pairs('temperature=0.2 system="Be brief."') -> [("temperature", "0.2"), ("system", "Be brief.")]
    """
    return [(pair[1], _unquoted(pair[2])) for pair in _all(_PAIR, text, "name=value")]


def items(text: str) -> list[tuple[str, list[str]]]:
    """Split pairs of a name and a list of values.

    items('t=0,.7 s="Be brief.","Hi, you."') -> [("t", ["0", ".7"]), ("s", ["Be brief.", "Hi, you."])]
    """
    return [
        (pair[1].replace("-", "_"), [_unquoted(value) for value in _ITEM.findall(pair[2])])
        for pair in _all(_LIST, text, "name=value,value")
    ]


def _all(pattern: re.Pattern[str], text: str, example: str) -> Iterator[re.Match[str]]:
    """Match the whole text by one pattern, repeatedly.

    Raises PromptError where the pattern does not match.
    """
    at = 0
    while text[at:].strip():
        match = pattern.match(text, at)
        if not match:
            raise PromptError(f"write {example}, with quotes around text: {text[at:].strip()!r}")
        yield match
        at = match.end()


def help_text(name: str) -> str:
    """Return the list of options, one on each line."""
    rows = [
        (", ".join(option.flags) + (f" {option.metavar}" if option.metavar else ""), option.help)
        for option in OPTIONS
        if option.flags
    ]
    width = max(len(left) for left, _ in rows)
    lines = [f"  {left:<{width}}  {right}" for left, right in rows]
    return "\n".join([f"%%{name} [options] with the prompt below it, or %{name} [options] PROMPT", "", *lines])


def _option(line: str, flag: re.Match[str], *, is_schema: Callable[[str], bool]) -> tuple[Option, Any, int]:
    """Return the option at *flag*, its value, and the position after both."""
    name, at = flag.group(), flag.end()
    option = _BY_FLAG.get(name)
    short = _BY_FLAG.get(name[:2]) if option is None and not name.startswith("--") else None
    if short and short.kind is not None:  # -t0.2
        option, at = short, flag.start() + 2
    if option is None:
        option = find(name) if name.startswith("--") else _unknown(name)
    if option.kind is None:
        return option, True, at
    if option.bare and not (
        _has_schema(line, at, is_schema)
        if option.name == "json"
        else re.compile(rf"=|\s+({option.words})(?!\S)").match(line, at)
    ):
        return option, option.bare, at
    at = at + 1 if line.startswith("=", at) else len(line) - len(line[at:].lstrip())
    if option.name == "json" and (end := _end_of_json(line, at)):
        return option, line[at:end], end
    word = _WORD.match(line, at)
    if not word:
        raise PromptError(f"{name} needs a value: {name} {option.metavar}")
    return option, _unquoted(word.group()), word.end()


def _has_schema(line: str, at: int, is_schema: Callable[[str], bool]) -> bool:
    """Return True if --json has a value here.

    It is anything after "=", a schema, a file, {{name}} or a known name.
    """
    word = _WORD.match(line, len(line) - len(line[at:].lstrip()))
    text = word.group() if word else ""
    if line.startswith("=", at) or not text or text.startswith("-"):
        return line.startswith("=", at)
    return text.lstrip("\"'").startswith("{") or text.endswith(".json") or is_schema(text)


def _end_of_json(line: str, at: int) -> int | None:
    """Return the end of a JSON object that may contain spaces; None without one."""
    if not line.startswith("{", at) or line.startswith("{{", at):
        return None
    try:
        return json.JSONDecoder().raw_decode(line, at)[1]
    except (ValueError, RecursionError):
        return None


def _unknown(name: str) -> Option:
    raise PromptError(f"unknown option {name}; see %claude -h, or put -- before a prompt that begins with a dash")


def _unquoted(word: str) -> str:
    r"""Remove quotes and resolve escapes inside them: '"a\nb"' -> 'a', newline, 'b'."""
    if len(word) < 2 or word[0] not in "\"'" or word[-1] != word[0]:
        return word
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group(1)), word[1:-1], flags=re.DOTALL)

"""Parse the line of a magic: options first; the rest is the prompt, unchanged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from string import whitespace
from typing import Any, NamedTuple

from claude_nb.errors import PromptError
from claude_nb.notebook.quoting import FLAG, ITEM, WORD, hyphenated, is_open, unquoted
from claude_nb.providers import models, registry
from claude_nb.render.chars import one_line
from claude_nb.session import options as option_table
from claude_nb.session.options import OPTIONS, Option

_PAIR = re.compile(rf"\s*([\w-]+)\s*=\s*({WORD})", re.DOTALL)
_LIST = re.compile(rf"\s*([A-Za-z_][\w-]*)\s*=\s*({ITEM}(?:\s*,\s*{ITEM})*)(?=\s|$)", re.DOTALL)
_WORD, _ITEM = re.compile(WORD, re.DOTALL), re.compile(ITEM, re.DOTALL)
_BY_FLAG: dict[str, Option] = {flag: option for option in OPTIONS for flag in option.flags}
AS_TEXT = "put -- before the prompt to send it as text"


class Parsed(NamedTuple):
    """Options as text, by name, and the text after them.

    A repeatable option has a list of texts.
    """

    options: dict[str, Any]
    rest: str


class _Flag(NamedTuple):
    """An option as it stands in a line: "—dry-run" is named "--dry-run".

    glued  its value follows at once, as in -t0.2
    """

    name: str
    start: int
    end: int
    option: Option | None
    glued: bool = False


def parse(line: str, *, below: bool = False, is_schema: Callable[[str], bool] = lambda _: False) -> Parsed:
    """Split a magic line into options and prompt.

    parse("-t 0.2 Why?") -> Parsed({"temperature": "0.2"}, "Why?"). A switch is True. Other values stay text, because
    {{name}} in them is filled in first. "--" ends the options, so that a prompt may begin with a dash.

    below      True: the prompt is below the line, so a word after --json belongs to --json
    is_schema  returns True if a word after --json names a schema in the notebook
    Raises PromptError for an unknown option, a missing or a second value, or an option behind the first word of the
    prompt.
    """
    options: dict[str, Any] = {}
    at = 0
    while flag := _flag(line, at):
        option, value, at = _option(line, flag, is_schema=(lambda _: True) if below else is_schema)
        if option.repeatable:
            options.setdefault(option.name, []).append(value)
        elif options.setdefault(option.name, value) != value:
            raise PromptError(f"{flag.name} has two values, {options[option.name]} and {value}; leave one out")
    at = _after_space(line, at)
    if line.startswith("--", at) and not line[at + 2 : at + 3].strip():
        return Parsed(options, line[at + 2 :].strip())
    if not below:
        _refuse_late(line, at)
    return Parsed(options, line[at:].strip())


def late_option(text: str, starts: Iterable[int]) -> _Flag | None:
    """Return the first option at one of these places of a prompt; None if there is none.

    A long option counts anywhere outside quotes, also with a slip in its name. A short one counts if nothing but
    options follows: "what does ls -a do?" is a prompt.
    """
    for start in starts:
        flag = _flag(text, start)
        if not flag or flag.start < start or any(text.count(quote, 0, start) % 2 for quote in '"`'):
            continue
        is_long = flag.name.startswith("--") and text[flag.end : flag.end + 1] in ("", "=", *whitespace)
        if (is_long and (flag.option or option_table.near(flag.name, 0.92))) or _only_options(text[start:]):
            return flag
    return None


def _refuse_late(line: str, at: int) -> None:
    """Raise PromptError for an option behind the first word of the prompt, which begins at *at*."""
    flag = late_option(line, (at + space.end() for space in re.finditer(r"\s(?=\S)", line[at:])))
    if not flag:
        return
    end = _option(line, flag, is_schema=lambda _: False)[2]  # raises for a slip in the name
    parts = (line[:at], line[flag.start : end], line[at : flag.start], line[end:])
    right = one_line(" ".join(filter(None, map(str.strip, parts))), 200)
    typed = line[flag.start : flag.end]
    raise PromptError(f"{typed} is behind the first word of the prompt; write %claude {right}, or {AS_TEXT}")


def pairs(text: str) -> list[tuple[str, str]]:
    """Split name=value pairs.

    pairs('temperature=0.2 system="Be brief."') -> [("temperature", "0.2"), ("system", "Be brief.")]
    """
    return [(pair[1], _value(pair[1], pair[2])) for pair in _all(_PAIR, text, "name=value")]


def items(text: str) -> list[tuple[str, list[str]]]:
    """Split pairs of a name and a list of values.

    items('t=0,.7 s="Be brief.","Hi, you."') -> [("t", ["0", ".7"]), ("s", ["Be brief.", "Hi, you."])]
    """
    return [
        (pair[1].replace("-", "_"), [_value(pair[1], value) for value in _ITEM.findall(pair[2])])
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


def _flag(line: str, at: int) -> _Flag | None:
    """Return the option that begins at *at* or after white space; None if the prompt begins there.

    Typographic dashes count only before the name of an option: "—Hola" begins a prompt.
    """
    found = FLAG.match(line, at)
    if not found:
        return None
    dashes, word, start, end = found[1], hyphenated(found[2]), found.start(1), found.end()
    option = option_table.named(word)
    short = _BY_FLAG.get(f"-{word[0]}")
    if dashes in ("-", "--") and found[2] == word:
        name = dashes + word
        option = _BY_FLAG.get(name) or (option if dashes == "--" and len(word) > 1 else None)
    elif dashes.isascii() and found[2] == word:  # three dashes
        if not option or len(word) == 1:
            return None
        name, option = dashes + word, None
    elif option and len(word) > 1:
        name = f"--{word}"
    elif len(word) == 1 and short:
        name, option = f"-{word}", short
    elif short and word[1:].isdigit():
        name = f"-{word}"
    elif option_table.near(word, 0.85) or dashes.isascii():
        name = f"--{word}"
    else:
        return None
    if option is None and not name.startswith("--") and short and short.kind and not option_table.near(word, 0.85):
        return _Flag(name[:2], start, start + len(dashes) + 1, short, glued=True)  # -t0.2
    return _Flag(name, start, end, option)


def _option(line: str, flag: _Flag, *, is_schema: Callable[[str], bool]) -> tuple[Option, Any, int]:
    """Return an option, its value, and the position after both."""
    option, at = flag.option, flag.end
    if option is None:
        near = option_table.near(flag.name, 0.6)
        hint = f"did you mean {near.name}? Write {(near.flags or ('/set',))[-1]}" if near else "see %claude -h"
        typed = line[flag.start : flag.end]
        typed = repr(typed) if flag.name.startswith("--") else typed
        raise PromptError(f"unknown option {typed}; {hint}, or put -- before a prompt that begins with a dash")
    if option.kind is None:
        return option, True, _end_of_word(line, flag)
    if option.bare and not (
        _has_schema(line, at, is_schema)
        if option.name == "json"
        else re.compile(rf"=|\s+({option.words})(?!\S)").match(line, at)  # else the prompt: --thinking Why?
    ):
        return option, option.bare, _end_of_word(line, flag)
    at = at + 1 if line.startswith("=", at) else at if flag.glued else _after_space(line, at)
    if option.name == "json" and (end := _end_of_json(line, at)):
        return option, line[at:end], end
    word = _WORD.match(line, at)
    if not word and is_open(line, at):
        raise PromptError(f"the quote after {flag.name} is not closed; end the value with the same quote and a space")
    if not word:
        raise PromptError(f"{flag.name} needs a value: {flag.name} {option.metavar}")
    return option, unquoted(word.group(), escapes=option.escapes), word.end()


def _only_options(text: str) -> bool:
    """Return whether a text consists of options with values that they take."""
    at, known = 0, False
    while flag := _flag(text, at):
        try:
            option, value, at = _option(text, flag, is_schema=lambda _: False)
            if not _is_likely(option, value):
                return False
        except PromptError:
            return False
        known = True
    return known and not text[at:].strip()


def _is_likely(option: Option, value: Any) -> bool:
    """Return whether a prompt that ends in this option and value rather means the option. Raises PromptError."""
    if "{{" in str(value) or option.kind is None or option.name in ("json", "tools"):
        return True
    if option.name == "attach":
        return bool(re.search(r"[.:/\\\[]", value))
    if option.name in ("provider", "model"):
        return value in registry.PROVIDERS or (option.name == "model" and models.is_model_name(value))
    option_table.read(option, value)
    return True


def _end_of_word(line: str, flag: _Flag) -> int:
    """Return the end of an option without a value, which nothing may follow at once."""
    if line[flag.end : flag.end + 1].strip():
        raise PromptError(f"{flag.name} takes no value here; put a space after it, or {AS_TEXT}")
    return flag.end


def _value(name: str, word: str) -> str:
    """Return the value of name=value without its quotes."""
    option = option_table.named(name)
    return unquoted(word, escapes=bool(option and option.escapes))


def _after_space(line: str, at: int) -> int:
    return len(line) - len(line[at:].lstrip())


def _has_schema(line: str, at: int, is_schema: Callable[[str], bool]) -> bool:
    """Return True if --json has a value here.

    It is anything after "=", a schema, a file, {{name}} or a known name.
    """
    word = _WORD.match(line, _after_space(line, at))
    text = unquoted(word.group()) if word else ""
    if line.startswith("=", at) or not text or text.startswith("-"):
        return line.startswith("=", at)
    found = text.startswith("{") or text.endswith(".json") or is_schema(text)
    if word and found and line.startswith("|", _after_space(line, word.end())):
        raise PromptError(f"--json takes one name, not {text} | ...; put the type in a variable, and name that")
    return found


def _end_of_json(line: str, at: int) -> int | None:
    """Return the end of a JSON object that may contain spaces; None without one."""
    if not line.startswith("{", at) or line.startswith("{{", at):
        return None
    try:
        return json.JSONDecoder().raw_decode(line, at)[1]
    except (ValueError, RecursionError):
        return None

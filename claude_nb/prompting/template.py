r"""Fill {{name}} from notebook variables, in one pass.

{{name}}, {{df.shape}}, {{rows[0]}} and {{config["host"]}} are filled. Everything else (single braces, JSON, f-strings,
LaTeX, $x) stays unchanged, and filled-in text is not filled again. \{{name}} stays literal. The text of a named prompt,
{{prompts.triage}}, is put in first, so its own {{name}} are filled as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import attempt, guarded, is_a, plain
from claude_nb.prompting import attachments, versions
from claude_nb.prompting.text import PromptText
from claude_nb.prompting.values import as_text

NOT_FILLED = ("attach", "tools", "json")  # options that name an object

_STEP = r"""\.[^\W\d]\w*|\[\s*-?\d+\s*\]|\[\s*"[^"\n]*"\s*\]|\[\s*'[^'\n]*'\s*\]"""
_FIELD = re.compile(rf"(\\?)\{{\{{\s*([^\W\d]\w*)((?:{_STEP})*)\s*(\([^{{}}]*\)\s*)?\}}\}}")
_STEPS = re.compile(_STEP)


def fill(
    text: str, variables: Mapping[str, Any], *, pictures: bool = False, python: bool = False, escapes: bool = True
) -> PromptText:
    """Replace {{name}} by its value.

    Example: fill("Hi {{who}}", {"who": "Ada"}).text -> "Hi Ada".

    Raises PromptError for an unknown name, a missing attribute or index, a call, or a name like __class__.

    pictures  whether figures and pictures may be attached; False: they raise PromptError
    python    whether a Python function got the text, so that an error may advise its argument variables={...}
    escapes   whether a backslash keeps {{name}} as it is; False: it is part of a path, C:\\{{folder}}
    """
    filled, end, text = PromptText(), 0, expanded(text, variables)
    for match in _FIELD.finditer(text):
        filled += text[end : match.start()]
        end = match.end()
        if match[1] and escapes:
            filled += match.group()[1:]
            continue
        filled += match[1]
        value = _value_of(match, variables, python=python)
        if not attachments.is_picture(value):
            filled += as_text(value, match[2] + match[3])
        elif pictures:
            filled += attachments.from_value(value, match[2])
        else:
            raise PromptError(f"{match.group()} is a picture; put it into the prompt of a cell, or use attach=")
    return filled + text[end:]


def expanded(text: str, variables: Mapping[str, Any], within: tuple[str, ...] = ()) -> str:
    """Replace {{prompts.triage}} by the text of that prompt, and again within it. Raises PromptError.

    within  the prompts that this text is part of
    """
    text = plain(text)
    prompts = variables.get("prompts") if "{{" in text else None
    if not isinstance(prompts, versions.NamedPrompts):
        return text

    def replaced(match: re.Match[str]) -> str:
        if match[1] or match[2] != "prompts":
            return match[0]
        steps = _STEPS.findall(match[3])
        if [step[0] for step in steps] not in ([".", "["], ["."]) or match[4]:
            raise PromptError(f"{match[0]} is not the name of a prompt; {versions.HOW}")
        version = versions.find(prompts.saved, steps[0][1:], *map(_index, steps[1:]))
        if version.id in within:
            raise PromptError(
                f"the prompt {version.name} contains itself; take {{{{prompts.{version.name}}}}} out of it"
            )
        return expanded(version.text, variables, (*within, version.id))

    return _FIELD.sub(replaced, text)


def names(text: str) -> set[str]:
    """Return the variables that a text uses: names("{{a.b}} {{c}}") -> {"a", "c"}."""
    return {match[2] for match in _FIELD.finditer(text) if not match[1]}


def fill_options(
    options: Mapping[str, Any], variables: Mapping[str, Any], *, python: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Fill {{name}} in options of a call, and in each text of a list.

    Returns the options, and a notice for each value that was cut. Files, tools and schemas stay as they are.
    """
    notices: list[str] = []

    def filled(value: Any) -> Any:
        if is_a(value, (list, tuple)):
            return [filled(item) for item in value]
        if not is_a(value, str):
            return value
        text = fill(value, variables, python=python)
        notices.extend(text.notices)
        return text.text

    return {name: value if name in NOT_FILLED else filled(value) for name, value in options.items()}, notices


def named(text: str, variables: Mapping[str, Any]) -> Any:
    """Return the object that {{name}} or Out[3] names.

    Any other text is filled and returned as text.
    """
    is_output = re.fullmatch(r"(In|Out)\[.*\]|_i?\d+", text)
    whole = _FIELD.fullmatch(f"{{{{{text}}}}}" if is_output else text.strip())
    return _value_of(whole, variables) if whole and not whole[1] else fill(text, variables, escapes=False).text


def _value_of(match: re.Match[str], variables: Mapping[str, Any], *, python: bool = False) -> Any:
    """Return the value of a field. Raises PromptError."""
    _, name, steps, call = match.groups()
    if call:
        raise PromptError(
            f"{{{{{name}{steps}(...)}}}}: a template calls no functions; put the result in a variable first"
        )
    if name not in variables:
        if cell := re.fullmatch(r"_(i?)(\d+)", name):
            cells = "In" if cell[1] else "Out"
            _check_cell(cells, int(cell[2]), variables.get(cells) or {})
        raise PromptError(f"no variable {name!r} for {{{{{name}{steps}}}}}; {_ways_on(name, variables, python=python)}")
    return _look_up(name, _STEPS.findall(steps), name + steps, variables)


def _ways_on(name: str, variables: Mapping[str, Any], *, python: bool) -> str:
    """Return what to do about a name that is not a variable."""
    near = get_close_matches(name, [key for key in variables if not key.startswith("_")], n=3)
    guess = f"did you mean {', '.join(near)}?" if near else ""
    if python:
        start = f"{guess} If not, pass" if near else "pass"
        return f'{start} variables={{"{name}": ...}}, or write \\\\{{{{{name}}}}} to send it as it is'
    return guess or f"define it first, or write \\{{{{{name}}}}} to send it"


def _check_cell(name: str, index: int | str, cells: Any) -> None:
    """Raise PromptError for In[99] or Out[99], which no cell has made."""
    is_list = isinstance(cells, list)
    if (is_list and isinstance(index, int) and -len(cells) <= index < len(cells)) or (not is_list and index in cells):
        return
    known = [f"{name}[{n}]" for n in (range(1, len(cells)) if is_list else cells)][-5:]
    hint = f"there is {', '.join(known)}" if known else "no cell has returned a value yet"
    raise PromptError(f"there is no {name}[{index!r}]; {hint}")


def _look_up(name: str, steps: list[str], path: str, variables: Mapping[str, Any]) -> Any:
    if any(part.startswith("__") for part in (name, *(step[1:] for step in steps if step[0] == "."))):
        raise PromptError(f"{{{{{path}}}}}: names that start with two underscores are not filled in; use another name")
    value = variables[name]
    if name in ("In", "Out") and isinstance(value, (list, dict)) and steps and steps[0][0] == "[":
        _check_cell(name, _index(steps[0]), value)
    for step in steps:
        value = guarded(f"{{{{{path}}}}}", _step, value, step)
    if attempt(_is_function, False, value):
        raise PromptError(f"{{{{{path}}}}} is a function, which a template does not call; put its result in a variable")
    return value


def _step(value: Any, step: str) -> Any:
    return getattr(value, step[1:]) if step[0] == "." else value[_index(step)]


def _is_function(value: Any) -> bool:
    # such as list[int], and a NewType
    is_type = isinstance(value, type) or hasattr(value, "__origin__") or hasattr(value, "__supertype__")
    return callable(value) and not is_type and hasattr(value, "__name__")


def _index(step: str) -> int | str:
    inner = step[1:-1].strip()
    return inner[1:-1] if inner[0] in "\"'" else int(inner)

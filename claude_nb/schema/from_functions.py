"""From the parameters of a function to a JSON schema."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.schema.from_hints import Field, Schema, Writer, hints_of


def of_function(function: Callable[..., Any]) -> Schema:
    """The JSON schema of the parameters: those without a default are required, and their lines of the docstring
    (Google's, numpy's or Sphinx's style) describe them. Raises PromptError for parameters without a name to call
    them by (*args, **kwargs, positional-only) and for hints that have no form in JSON.
    """
    name = getattr(function, "__name__", repr(function))
    hints = hints_of(function, name)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise PromptError(f"the parameters of {name} are not known; write a Python function around it") from None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if odd := [str(p) for p in parameters if p.kind not in named]:
        raise PromptError(f"{name} takes {odd[0]}, which a model cannot name; give each parameter a name")
    described = _described(inspect.getdoc(function) or "")

    def write(writer: Writer) -> Schema:
        fields = (Field(p.name, hints.get(p.name, Any), p.default is p.empty) for p in parameters)
        form = writer.object(fields, name)
        for parameter, text in described.items():
            if parameter in form["properties"]:
                form["properties"][parameter] = {"description": text, **form["properties"][parameter]}
        return form

    return Writer().whole(write)


# "city: The city." and "city (str): The city."; ":param city: The city."; "city : str" with the rest below it
_STYLES = (
    re.compile(r"^ +\*{0,2}(?P<name>\w+)(?: \([^)\n]*\))?: +(?P<text>\S.*)$", re.MULTILINE),
    re.compile(r"^ *:param (?:[^:\n]* )?(?P<name>\w+): +(?P<text>\S.*)$", re.MULTILINE),
    re.compile(r"^(?P<name>\w+) *:[^\n]*\n +(?P<text>\S.*)$", re.MULTILINE),
)


def _described(doc: str) -> dict[str, str]:
    """The first line about each parameter in a docstring."""
    found: dict[str, str] = {}
    for style in _STYLES:
        for match in style.finditer(doc):
            found.setdefault(match["name"], match["text"].strip())
    return found

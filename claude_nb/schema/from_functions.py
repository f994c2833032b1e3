"""Convert the parameters of a function to JSON Schema."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.schema.from_hints import Field, Schema, SchemaWriter, hints_of


def of_function(function: Callable[..., Any]) -> Schema:
    """Return the JSON Schema of a function's parameters.

    Those without a default are required.

    Descriptions come from the docstring (Google, numpy or Sphinx style). Raises PromptError for parameters that
    cannot be passed by name (*args, **kwargs, positional-only) and for types that JSON cannot hold.
    """
    name = getattr(function, "__name__", repr(function))
    hints = hints_of(function, name)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise PromptError(
            f"Python cannot list the parameters of {name}; wrap it in a function with type hints"
        ) from None
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if odd := [str(p) for p in parameters if p.kind not in by_name]:
        raise PromptError(f"{name} takes {odd[0]}, which a model cannot pass by name; use named parameters only")
    fields = [Field(p.name, hints.get(p.name, Any), p.default is p.empty) for p in parameters]
    schema = SchemaWriter().write(lambda writer: writer.object(fields, name))
    properties = schema["properties"]
    for parameter, text in _descriptions(inspect.getdoc(function) or "").items():
        if parameter in properties:
            properties[parameter] = {"description": text, **properties[parameter]}
    return schema


# Google: "city: The city." or "city (str): The city."; Sphinx: ":param city: The city."; numpy: "city : str",
# with the text on the next line.
_STYLES = (
    re.compile(r"^ +\*{0,2}(?P<name>\w+)(?: \([^)\n]*\))?: +(?P<text>\S.*)$", re.MULTILINE),
    re.compile(r"^ *:param (?:[^:\n]* )?(?P<name>\w+): +(?P<text>\S.*)$", re.MULTILINE),
    re.compile(r"^(?P<name>\w+) *:[^\n]*\n +(?P<text>\S.*)$", re.MULTILINE),
)


def _descriptions(doc: str) -> dict[str, str]:
    """Return the first line about each parameter in a docstring."""
    texts: dict[str, str] = {}
    for match in (match for style in _STYLES for match in style.finditer(doc)):
        texts.setdefault(match["name"], match["text"].strip())
    return texts

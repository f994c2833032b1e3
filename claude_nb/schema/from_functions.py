"""Convert the parameters of a function to JSON Schema."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import shown
from claude_nb.schema.from_hints import Field, Schema, SchemaWriter, hints_of

Function = Callable[..., Any]
MAX_LAYERS = 50  # of decorators; more are a circle


def of_function(function: Function) -> Schema:
    """Return the JSON Schema of a function's parameters.

    Those without a default are required, and those that a partial() holds by name are left out.

    Descriptions come from the docstring (Google, numpy or Sphinx style). Raises PromptError for parameters that
    cannot be passed by name (*args, **kwargs, positional-only) and for types that JSON cannot hold.
    """
    name = name_of(function) or shown(function)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise PromptError(
            f"Python cannot list the parameters of {name}; wrap it in a function with type hints"
        ) from None
    held = function.keywords if isinstance(function, functools.partial) else {}
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if odd := [str(p) for p in parameters if p.kind not in by_name]:
        raise PromptError(f"{name} takes {odd[0]}, which a model cannot pass by name; use named parameters only")
    hints = function_hints(function)
    fields = [Field(p.name, hints.get(p.name, Any), p.default is p.empty) for p in parameters if p.name not in held]
    schema = SchemaWriter().write(lambda writer: writer.object(fields, name))
    properties = schema["properties"]
    for parameter, text in _descriptions(doc_of(function)).items():
        if parameter in properties:
            properties[parameter] = {"description": text, **properties[parameter]}
    return schema


def name_of(function: Function) -> str | None:
    """Return the name of a function, also inside a partial(); for an object with __call__ the name of its class."""
    for layer in _layers(function):
        if isinstance(name := getattr(layer, "__name__", None), str):
            return name
        if _has_call(layer):
            return type(layer).__name__
    return None


def doc_of(function: Function) -> str:
    """Return the docstring of a function, or "". For an object, that of __call__ comes before that of its class."""
    layers = [layer for layer in _layers(function) if not isinstance(layer, functools.partial)]
    layers.sort(key=_has_call)
    # Only a method takes the docstring of its parent class; for __call__ that would be Python's own.
    own = (layer for layer in layers if inspect.ismethod(layer) or layer.__doc__)
    return next((doc for layer in own if (doc := inspect.getdoc(layer))), "")


def function_hints(function: Function) -> dict[str, Any]:
    """Return the type hints of a function, also inside a partial() or an object with __call__."""
    name = name_of(function) or shown(function)
    return next((hints for layer in _layers(function) if (hints := hints_of(layer, name))), {})


def why_no_value(function: Function) -> str | None:
    """Return why a call gives no value: "is a class; use ...". None: it may give one.

    Decorators that name the function they wrap are looked through.
    """
    if isinstance(function, type) or type(function).__module__ in ("types", "typing"):
        return "is a class; use a function, or the method of an instance"
    layers = [*_layers(function)]
    if any(map(inspect.isgeneratorfunction, layers)) or any(map(inspect.isasyncgenfunction, layers)):
        return "is a generator; use a function (def) that returns a list"
    if _lacks_instance(function, layers[-1]):
        return "is a method without its instance; use it like Weather().forecast"
    return None


def _layers(function: Function) -> Iterator[Function]:
    """Yield a function, and what is inside a partial(), a decorator or an object with __call__."""
    for _ in range(MAX_LAYERS):
        yield function
        if isinstance(function, functools.partial):
            function = function.func
        elif _has_call(function):
            function = type(function).__call__
        elif callable(wrapped := getattr(function, "__wrapped__", None)):
            function = wrapped
        else:
            return


def _has_call(function: Any) -> bool:
    """Return whether this is an object whose class has a __call__ written in Python."""
    is_plain = inspect.isroutine(function) or isinstance(function, (type, functools.partial))
    return not is_plain and inspect.isfunction(inspect.getattr_static(type(function), "__call__", None))


def _lacks_instance(function: Function, inner: Function) -> bool:
    """Return whether a function still takes the instance of its class as the first parameter."""
    try:
        firsts = [next(iter(inspect.signature(layer).parameters), None) for layer in (function, inner)]
    except (TypeError, ValueError):  # a builtin without a signature, which of_function() refuses
        return False
    return (
        firsts[0] == firsts[1] and not inspect.ismethod(inner) and (firsts[0] in ("self", "cls") or _is_method(inner))
    )


def _is_method(function: Function) -> bool:
    """Return whether a function is a plain method of a class, as its module names them."""
    *owners, name = getattr(function, "__qualname__", "").split(".")
    place: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    for owner in owners:
        place = getattr(place, owner, None)
    return isinstance(place, type) and bool(owners) and inspect.isfunction(place.__dict__.get(name))


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

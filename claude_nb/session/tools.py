"""Functions of the notebook that a model may ask for: how it is told of them, and one call of one of them.

They run here, in this process and with its rights, so the user is asked before the first call of each.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

from claude_nb import schema
from claude_nb.errors import ConfigError, NoJson, PromptError
from claude_nb.prompt import template
from claude_nb.prompt.text import PromptText
from claude_nb.providers.dialects.base import mended
from claude_nb.providers.dialects.tool_calls import ANSWER
from claude_nb.providers.keys import Key, redact
from claude_nb.render import reply
from claude_nb.schema.from_hints import hints_of
from claude_nb.types import content
from claude_nb.types.content import Called, ToolCall, ToolResult
from claude_nb.types.settings import Tool

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # what servers take as the name of a function
MAX_CHARS = 20_000  # of a result
MAX_ERROR_CHARS = 1_000
MAX_ASKED_CHARS = 400  # of a call, in the question about it

Function = Callable[..., Any]


class ToolOutcome(NamedTuple):
    """What a call gave, and a line for each thing that was cut or masked."""

    result: ToolResult
    notices: tuple[str, ...] = ()


@dataclass
class ToolBox:
    """The functions for one reply, by name, as a model is told of them.

    yes      True: none is asked about
    allowed  those that the user has said yes to
    """

    functions: Mapping[str, Function]
    tools: tuple[Tool, ...]
    yes: bool = False
    allowed: set[str] = field(default_factory=set)

    def call(self, call: ToolCall, keys: Iterable[Key] = ()) -> ToolOutcome:
        """Run a function as the model asks. Whatever goes wrong in it is told to the model, for it to mend.

        Raises KeyboardInterrupt, and ConfigError where nobody can be asked.
        """
        function, arguments = self.functions.get(call.name), content.arguments(call)
        if function is None:
            return _failed(call, f"there is no function {call.name}; there are {', '.join(self.functions)}")
        if isinstance(arguments, str):
            return _failed(call, "the arguments are no JSON object; write them anew")
        if problem := schema.problem(arguments, self._schema(call.name)):
            return _failed(call, f"the arguments do not fit: {problem}")
        if not self._may(Called(call.name, arguments)):
            return _failed(call, "the user does not allow this call; go on without it")
        return _run(function, arguments, call, keys)

    def _schema(self, name: str) -> dict[str, Any]:
        form: dict[str, Any] = json.loads(next(tool.schema for tool in self.tools if tool.name == name))
        return form

    def _may(self, called: Called) -> bool:
        if self.yes or called.name in self.allowed:
            return True
        shown = reply.call_line(called, MAX_ASKED_CHARS)
        try:
            answer = input(f"Let the model call {shown}? [y]es, [n]o, [a]ll of them: ").strip().lower()
        except (EOFError, OSError, NotImplementedError):
            raise nobody_to_ask() from None
        self.yes = answer in ("a", "all")
        if answer in ("y", "yes"):
            self.allowed.add(called.name)
        return self.yes or called.name in self.allowed


def box(functions: ToolBox | Function | Iterable[Function] | None, *, yes: bool = False) -> ToolBox | None:
    """The functions for a reply: box([weather, add]). None for none.

    Raises PromptError, in one line, for what a model cannot be told of.
    """
    if functions is None or isinstance(functions, ToolBox):
        return functions
    given = [functions] if callable(functions) else functions
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise PromptError(f"tools takes functions, like tools=[weather], not {functions!r:.60}")
    listed = list(given)
    tools = tuple(map(_tool, listed))
    names = [tool.name for tool in tools]
    if twice := [name for name in names if names.count(name) > 1]:
        raise PromptError(f"two functions are named {twice[0]}; a model could not tell them apart")
    return ToolBox(dict(zip(names, listed, strict=True)), tools, yes) if tools else None


def named(text: str, variables: Mapping[str, Any]) -> list[Function]:
    """The functions of a notebook by their names: named("weather,add", variables). Raises PromptError."""
    names = [name for name in re.split(r"[,\s]+", text) if name]
    for name in names:
        if name not in variables:
            near = get_close_matches(name, [key for key in variables if not key.startswith("_")], n=1)
            hint = f"did you mean {near[0]}?" if near else "run the cell that defines it"
            raise PromptError(f"--tools: there is no function {name!r} in this notebook; {hint}")
    if not names:
        raise PromptError("--tools needs the names of functions: --tools weather,add")
    return [variables[name] for name in names]


def nobody_to_ask() -> ConfigError:
    """The error of a place where input() reaches nobody."""
    return ConfigError(
        "a model may call functions only when somebody says yes, and nobody can be asked here; "
        "add --yes (in Python yes=True) if they do no harm"
    )


def _tool(function: Any) -> Tool:
    """A function as a model is told of it: its name, the first paragraph of its docstring, its parameters."""
    if not callable(function):
        raise PromptError(f"{function!r:.60} is no function; tools takes functions with type hints")
    name = getattr(function, "__name__", None)
    if name is None or name == "<lambda>":
        raise PromptError("a model can only ask for a function that has a name; write it with def")
    if not NAME.fullmatch(name):
        raise PromptError(f"{name} cannot be the name of a tool; use up to 64 English letters, digits, _ and -")
    if name == ANSWER:
        raise PromptError(f"{name} is the name of a tool of ours; give the function another one")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise PromptError(f"{name} is async; write a plain function (def) that gives the value")
    form = schema.of_function(function)
    about = (inspect.getdoc(function) or "").strip().partition("\n\n")[0]
    return Tool(name, about or f"{name}{inspect.signature(function)}", json.dumps(form, ensure_ascii=False))


def _run(function: Function, arguments: dict[str, Any], call: ToolCall, keys: Iterable[Key]) -> ToolOutcome:
    try:
        text = _as_text(function(**_built(function, arguments)), call.name)
    except NoJson as error:
        return _failed(call, f"the arguments do not fit: {error}")
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a function of the user's may raise anything
        failed = " ".join(f"{type(error).__name__}: {error}".split())[:MAX_ERROR_CHARS]
        return _told(call, PromptText(failed), keys, failed=True)
    return _told(call, text, keys)


def _built(function: Function, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as the type hints want them: dataclasses, Enums, dates."""
    hints = hints_of(function, function.__name__)
    return {name: schema.build(value, hints.get(name, Any)) for name, value in arguments.items()}


def _as_text(value: Any, name: str) -> PromptText:
    """Convert a value to text for the model: as it is, as JSON, as a table, or as Python prints it."""
    if isinstance(value, str):
        return PromptText(value)
    if value is None or isinstance(value, bool | int | float | list | tuple | dict):
        try:
            return PromptText(json.dumps(value, ensure_ascii=False))
        except (TypeError, ValueError, RecursionError):
            pass
    return template.as_text(value, f"{name}()")


def _failed(call: ToolCall, text: str) -> ToolOutcome:
    return ToolOutcome(ToolResult(call.id, text, failed=True))


def _told(call: ToolCall, result: PromptText, keys: Iterable[Key], *, failed: bool = False) -> ToolOutcome:
    """The result as it is sent: of a bounded length, and without what looks like a key or a password."""
    text = mended(result.text)
    safe = redact(text, keys, assignments=True)
    notices = list(result.notices)
    if safe != text:
        notices.append(f"{call.name}() gave what looks like a key or password; it was masked")
    if len(safe) > MAX_CHARS:
        notices.append(f"{call.name}() gave {len(safe):,} characters; the model was told the first {MAX_CHARS:,}")
        safe = f"{safe[:MAX_CHARS]}\n… {len(safe) - MAX_CHARS:,} characters left out"
    return ToolOutcome(ToolResult(call.id, safe, failed), tuple(notices))

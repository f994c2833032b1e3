"""Functions of the notebook that a model may call.

They run in this process with its rights, so the user is asked before each call.
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
from claude_nb.errors import NoJson, PromptError
from claude_nb.guard import attempt, guarded, is_a, reason, shown
from claude_nb.prompting import attachments, values
from claude_nb.prompting.text import PromptText
from claude_nb.providers.dialects.tool_calls import ANSWER
from claude_nb.safe_text.redaction import redact
from claude_nb.safe_text.visible import mended
from claude_nb.schema import from_functions
from claude_nb.session import consent
from claude_nb.session.awaiting import awaited
from claude_nb.types import content
from claude_nb.types.content import Called, ToolCall, ToolResult
from claude_nb.types.settings import Tool

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # what servers take as the name of a function
MAX_CHARS = 20_000  # of a result
MAX_ERROR_CHARS = 1_000
MAX_PICTURES = 10  # of a result; a longer list is sent as text

Function = Callable[..., Any]


class ToolOutcome(NamedTuple):
    """The result of a call, and a notice for each thing that was cut or masked."""

    result: ToolResult
    notices: tuple[str, ...] = ()


@dataclass
class ToolBox:
    """The functions that a model may call in one reply.

    yes      True: call all of them without asking the user
    allowed  functions that the user has allowed for the rest of the reply
    """

    functions: Mapping[str, Function]
    tools: tuple[Tool, ...]
    yes: bool = False
    allowed: set[str] = field(default_factory=set)

    def call(self, call: ToolCall) -> ToolOutcome:
        """Run a tool call.

        An error becomes the result, so that the model can correct its call. Raises KeyboardInterrupt, and ConfigError
        if nobody answers the question.
        """
        function, arguments = self.functions.get(call.name), content.arguments(call)
        if function is None:
            return _failed(call, f"unknown function {call.name}; use one of {', '.join(self.functions)}")
        if isinstance(arguments, str):
            return _failed(call, "the arguments are not a JSON object; write them again")
        if problem := schema.problem(arguments, self._schema(call.name)):
            return _failed(call, f"the arguments do not match the schema: {problem}")
        if not self._allows(Called(call.name, arguments)):
            return _failed(call, "the user does not allow this call; continue without it")
        return _run(function, arguments, call)

    def _schema(self, name: str) -> dict[str, Any]:
        parameters: dict[str, Any] = json.loads(next(tool.schema for tool in self.tools if tool.name == name))
        return parameters

    def _allows(self, called: Called) -> bool:
        if self.yes or called.name in self.allowed:
            return True
        permission = consent.ask(called)
        self.allowed |= {"function": {called.name}, "all": set(self.functions)}.get(permission, set())
        return permission != "none"


def toolbox(functions: ToolBox | Function | Iterable[Function] | None, *, yes: bool = False) -> ToolBox | None:
    """Return the tools for a reply: toolbox([weather, add]).

    None if there are no functions. Raises PromptError for a function that a model cannot call.
    """
    if functions is None or is_a(functions, ToolBox):
        return functions
    return guarded("tools", _toolbox, functions, yes)


def _toolbox(functions: Any, yes: bool) -> ToolBox | None:
    if isinstance(functions, str) or not (callable(functions) or isinstance(functions, Iterable)):
        raise PromptError(f"tools takes functions, like tools=[weather], not {shown(functions)}")
    functions = [functions] if callable(functions) else list(functions)
    tools = tuple(map(_tool, functions))
    names = [tool.name for tool in tools]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise PromptError(f"two functions are named {repeated[0]}; rename one of them")
    return ToolBox(dict(zip(names, functions, strict=True)), tools, yes) if tools else None


def by_name(text: str, variables: Mapping[str, Any]) -> list[Function]:
    """Return functions of the notebook: by_name("weather,add", variables).

    Raises PromptError for an unknown name.
    """
    names = [name for name in re.split(r"[,\s]+", text) if name]
    for name in names:
        if name not in variables:
            near = get_close_matches(name, [key for key in variables if not key.startswith("_")], n=1)
            hint = f"did you mean {near[0]}?" if near else "run the cell that defines it"
            raise PromptError(f"--tools: this notebook has no function {name!r}; {hint}")
    if not names:
        raise PromptError("--tools needs the names of functions: --tools weather,add")
    return [variables[name] for name in names]


def _tool(function: Any) -> Tool:
    """Describe a function to a model.

    The description is the first paragraph of the docstring.
    """
    if not callable(function):
        raise PromptError(f"{shown(function)} is not a function; tools takes functions with type hints")
    name = from_functions.name_of(function)
    if name is None or name == "<lambda>":
        raise PromptError("a model can only call a function that has a name; define it with def")
    if why := from_functions.why_no_value(function):
        raise PromptError(f"{name} {why}")
    if not NAME.fullmatch(name):
        raise PromptError(f"{name} cannot be the name of a tool; use up to 64 English letters, digits, _ and -")
    if name == ANSWER:
        raise PromptError(f"{name} is a reserved name; rename the function")
    parameters = json.dumps(schema.of_function(function), ensure_ascii=False)
    description = from_functions.doc_of(function).strip().partition("\n\n")[0]
    signature = attempt(str, "()", inspect.signature(function))  # it shows the defaults
    return Tool(name, description or f"{name}{signature}", parameters)


def _run(function: Function, arguments: dict[str, Any], call: ToolCall) -> ToolOutcome:
    try:
        text = _as_result(awaited(function(**_converted(function, arguments))), call.name)
    except NoJson as error:
        return _failed(call, f"the arguments do not match the schema: {error}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a user's function may raise anything
        return _outcome(call, PromptText(reason(error, MAX_ERROR_CHARS)), failed=True)
    return _outcome(call, text)


def _converted(function: Function, arguments: dict[str, Any]) -> dict[str, Any]:
    """Convert the arguments to the types of the hints: dataclasses, Enums, dates."""
    hints = from_functions.function_hints(function)
    return {name: schema.build(value, hints.get(name, Any)) for name, value in arguments.items()}


def _as_result(value: Any, name: str) -> PromptText:
    """Convert a value to text and pictures for the model. A list or tuple may hold both.

    Raises what the value raises.
    """
    items = list(value) if type(value) in (list, tuple) and len(value) <= MAX_PICTURES else [value]
    if not any(map(attachments.is_picture, items)):
        return _as_text(value, name)
    result = PromptText()
    for number, item in enumerate(items, start=1):
        numbered = name if len(items) == 1 else f"{name} {number}"
        piece = _picture(item, numbered) if attachments.is_picture(item) else _as_text(item, name)
        result = result + ("\n" if result.text else "") + piece
    return result


def _picture(value: Any, name: str) -> PromptText:
    picture = attachments.from_value(value, name)
    return PromptText(f"picture {picture.attachments[0].name}", picture.attachments)


def _as_text(value: Any, name: str) -> PromptText:
    """Convert a value to text for the model.

    A text stays as it is; other values become JSON, a table, or what Python prints. Raises what the value raises.
    """
    if isinstance(value, str):
        return PromptText(value)
    if value is None or isinstance(value, bool | int | float | list | tuple | dict):
        try:
            return PromptText(json.dumps(value, ensure_ascii=False))
        except (TypeError, ValueError, RecursionError):
            pass
    return values.unguarded(value, f"{name}()")


def _failed(call: ToolCall, text: str) -> ToolOutcome:
    return ToolOutcome(ToolResult(call.id, text, failed=True))


def _outcome(call: ToolCall, result: PromptText, *, failed: bool = False) -> ToolOutcome:
    """Cut the result to a bounded length, and mask what looks like a key or password."""
    text = mended(result.text)
    safe = redact(text, assignments=True)
    notices = list(result.notices)
    if safe != text:
        notices.append(f"{call.name}() returned what looks like a key or password; it was masked")
    if len(safe) > MAX_CHARS:
        notices.append(f"{call.name}() returned {len(safe):,} characters; the model gets the first {MAX_CHARS:,}")
        safe = f"{safe[:MAX_CHARS]}\n… {len(safe) - MAX_CHARS:,} characters left out"
    return ToolOutcome(ToolResult(call.id, safe, failed, pictures=result.attachments), tuple(notices))

"""Structured output: what --json accepts, and how each provider enforces it."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from claude_nb import schema
from claude_nb.errors import BadRequest, NoJson, PromptError
from claude_nb.guard import attempt, guarded, is_a, shown
from claude_nb.prompting import files, template
from claude_nb.providers.dialects.strict_schema import for_claude, has_open_object
from claude_nb.providers.model_spec import ModelSpec
from claude_nb.schema.from_hints import pydantic_of
from claude_nb.session.call import Call, Round
from claude_nb.session.continuation import Continuation
from claude_nb.types.content import ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import STOP_WORDS, Message, Request
from claude_nb.types.settings import Answer, Method

ANY = "any"  # what --json alone means
LIST = re.compile(r"list\[(.+)\]")
# int|Item, dict[str, and names that are hardly words: BlogPost, my_schema
LIKE_A_TYPE = re.compile(r"\[|\w\||\|\w|\w<\w|^[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+$|^\w[^\W_]*_\w+$")
PLAIN = {"str": str, "int": int, "float": float, "bool": bool}
MAX_SCHEMA_BYTES = 1_000_000  # of a file with a schema
REJECTED = re.compile(r"(?i)response_format|json_schema|output_config|structured|grammar|schema|tool_choice")


def by_name(text: str, variables: Mapping[str, Any]) -> Any:
    """Return what --json names: a variable, {{name}} or list[name].

    A .json path or a schema stays text. Raises PromptError for an unknown name.
    """
    text = text.strip()
    if items := LIST.fullmatch(text):
        return list[by_name(items[1], variables)]  # type: ignore[misc]  # the type is made at run time
    if text in PLAIN and text not in variables:
        return PLAIN[text]
    if text == ANY or text.endswith(".json") or (text.startswith("{") and not text.startswith("{{")):
        return text
    return template.named(text if text.startswith("{{") else f"{{{{{text}}}}}", variables)


def names_schema(text: str, variables: Mapping[str, Any]) -> bool:
    """Return True if a word after --json names a schema of the notebook, such as Item, models.Item or list[Item].

    Raises PromptError for a word that is nearly one or written like one, because it would be sent in the prompt.
    """
    if items := LIST.fullmatch(text):
        if items[1] in PLAIN or names_schema(items[1], variables):
            return True
        by_name(items[1], variables)  # raises for an unknown name
        return False
    if text in PLAIN and text not in variables:
        raise PromptError(
            f"--json {text} may be a type or a prompt; write --json={text}, or --json -- before the prompt"
        )
    found = _value(text, variables)
    if attempt(_is_schema, False, found):
        return True
    if is_a(found, dict):
        return False
    schemas = [name for name, value in variables.items() if is_a(value, type) and not name.startswith("_")]
    near = get_close_matches(text, schemas, n=1, cutoff=0.75)
    if near or LIKE_A_TYPE.search(text) or _first_name(text) in variables:
        hint = f"did you mean {near[0]}?" if near else "define it first, or use Item or list[Item]."
        raise PromptError(f"--json {text} is not a schema here; {hint} Write --json -- before a prompt with that word")
    return False


def _value(path: str, variables: Mapping[str, Any]) -> Any:
    """Return what a name or dotted name means in the notebook; None if it means nothing."""
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", path):
        return None
    try:
        return template.named(f"{{{{{path}}}}}", variables)
    except PromptError:
        return None


def _first_name(path: str) -> str:
    """Return the module or object of a dotted name: _first_name("models.Item") -> "models"; else ""."""
    return path.split(".", maxsplit=1)[0] if re.fullmatch(r"\w+(\.\w+)+", path) else ""


def _is_schema(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value.keys() & {"type", "properties", "anyOf", "$ref", "enum"})
    is_hint = typing.get_origin(value) is not None or hasattr(value, "__supertype__")
    return isinstance(value, type) or is_hint or pydantic_of(value) is not None


def with_schema(request: Request, option: Any, spec: ModelSpec) -> Request:
    """Return the request with the schema that its answer must match.

    option  None or False: no schema; True or "any": any object; a type, a JSON Schema, its path or its text
    Raises PromptError for an invalid schema.
    """
    if option is None or option is False:
        return request
    answer = guarded("json", _schema, option)
    wrapped = answer.get("type") != "object" and not (answer.get("properties") and "type" not in answer)
    answer = _wrapped(answer) if wrapped else answer
    text = json.dumps(answer, ensure_ascii=False)
    return replace(request, answer=Answer(text, _method(request, answer, spec), wrapped))


def in_words(request: Request, call: Call, error: BadRequest) -> Round | None:
    """Return the request with its schema in the prompt.

    None unless the server rejected the schema.
    """
    answer = request.answer
    if answer is None or not call.repair or answer.method == "prompt" or not REJECTED.search(str(error)):
        return None
    request = replace(request, answer=replace(answer, method="prompt"))
    return Round(request, call, "the server rejected the schema; trying again with the schema in the prompt")


def next_round(call: Call, reply: Reply) -> Round | None:
    """Return the request that asks once more for a structured answer.

    None if the answer matches its schema. Raises NoJson if the second answer does not match either, or if asking again
    cannot help; error.reply is the reply.
    """
    if reply.request.answer is None or not call.repair or (problem := reply.problem) is None:
        return None
    if call.repaired:
        raise _no_json(reply, f"the second answer does not match the schema either ({problem}); reply.text holds it")
    if reply.stop_reason not in ("end", "unknown") or not reply.text.strip():
        raise _no_json(reply, _why_final(reply))
    after = _repair(reply)
    call = replace(call, after=after, rounds=0, repaired=True)
    return Round(after.request, call, f"the answer does not match the schema ({problem}); asking once more")


def _schema(option: Any) -> schema.Schema:
    """Return the JSON Schema of the option.

    Raises PromptError if it has none.
    """
    if option is True or (isinstance(option, str) and option == ANY):
        return {"type": "object"}
    if not isinstance(option, str):
        return schema.of(option)
    text = _read(option) if option.strip().endswith(".json") else option
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise PromptError(f"json takes a type, a JSON schema or the path of a .json file with one, not {shown(option)}")
    return schema.of(value)


def _read(path: str) -> str:
    [found] = files.matching(path.strip(), 1)
    if not found.is_file():
        raise PromptError(f"{path} is not a file; name a .json file that holds a JSON schema")
    try:
        return files.read(found, MAX_SCHEMA_BYTES).data.decode()
    except UnicodeDecodeError:
        raise PromptError(f"{path} is not UTF-8 text; name a .json file that holds a JSON schema") from None


def _wrapped(inner: schema.Schema) -> schema.Schema:
    """Wrap the schema in an object with one field.

    Servers accept only an object as the whole answer.
    """
    answer = {key: value for key, value in inner.items() if key not in ("$defs", "definitions", "$schema")}
    shared = {key: inner[key] for key in ("$defs", "definitions") if key in inner}
    outer = {"type": "object", "properties": {"answer": answer}, "required": ["answer"], "additionalProperties": False}
    return {**_moved(outer), **_moved(shared)}


def _moved(value: Any) -> Any:
    """Make references to the root point to the field that holds it now."""
    if isinstance(value, list):
        return [_moved(item) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {key: _moved(item) for key, item in value.items()}
    target = value.get("$ref")
    if isinstance(target, str) and target.startswith("#") and not target.startswith(("#/$defs/", "#/definitions/")):
        moved["$ref"] = f"#/properties/answer{target[1:]}"
    return moved


def _method(request: Request, answer: schema.Schema, spec: ModelSpec) -> Method:
    """Return how the provider enforces a schema.

    models.json lists the method. "native" is tried for a model that it does not list.
    """
    method = spec.structured.get(request.provider, "prompt" if request.provider == "aimlapi" else "native")
    # A model that takes "between_tools" can never be made to call a tool.
    thinks = request.thinking is not None and request.thinking.kind != "disabled"
    if method == "tool" and (thinks or request.tools or request.server_tools):
        return "prompt"  # a model that must call this tool can neither think first nor call another tool
    # Gateways close every object for Claude, and only {} matches a closed object without fields.
    closable = for_claude(answer) is not None if request.provider == "anthropic" else not has_open_object(answer)
    return method if method != "native" or closable else "prompt"


def _repair(reply: Reply) -> Continuation:
    """Return the request that asks for the answer once more.

    It keeps the tool results and replaces the answer.
    """
    request = reply.request
    assert request.answer is not None  # noqa: S101  # other replies have no problem
    kept = max((part.at for part in reply.parts if isinstance(part, ToolResult)), default=0)
    problem = schema.read(reply.text[kept:], json.loads(request.answer.schema))[1]  # of the schema that was sent
    line = f"This does not fit: {problem}. Give the whole answer again, as one JSON object that fits this JSON schema, "
    more = Message("user", f"{line}and nothing else:\n{request.answer.schema}")
    request = replace(request, messages=(*request.messages, reply.message, more))
    parts = tuple(part for part in reply.parts if part.at <= kept) if kept else ()
    return Continuation(request, reply, reply.text[:kept], parts, reply.message)


def _why_final(reply: Reply) -> str:
    """Return why asking again cannot help."""
    if reply.stop_reason == "max_tokens":
        return "the answer was cut at max_tokens, so its JSON is incomplete; raise max_tokens"
    if reply.stop_reason == "refusal":
        return "the model refused to answer, so there is no JSON; change the prompt"
    ending = reply.ending if reply.is_empty else f"the reply is {STOP_WORDS[reply.stop_reason]}"
    return f"{ending}, and contains no JSON that matches the schema"


def _no_json(reply: Reply, line: str) -> NoJson:
    error = NoJson(line)
    error.reply = reply
    return error

"""Answers in a form: what --json takes, how a model is held to it, and one more try when it did not keep to it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from claude_nb import schema
from claude_nb.errors import BadRequest, NoJson, PromptError
from claude_nb.prompt import template
from claude_nb.providers.dialects.strict_schema import for_claude
from claude_nb.providers.models import ModelSpec
from claude_nb.session.call import Call, Round
from claude_nb.session.continuation import Continuation
from claude_nb.types.content import ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import STOP_WORDS, Message, Request
from claude_nb.types.settings import Answer, Way

ANY = "any"  # what --json alone means
LISTED = re.compile(r"list\[(.+)\]")
PLAIN = {"str": str, "int": int, "float": float, "bool": bool}
MOST_BYTES = 1_000_000  # of a file that holds a schema
REJECTED = re.compile(r"(?i)response_format|json_schema|output_config|structured|grammar|schema|tool_choice")


def named(text: str, variables: Mapping[str, Any]) -> Any:
    """What --json names in a notebook: a variable, {{name}}, list[name], a .json file, or a schema written out.

    Raises PromptError for a name that is not there.
    """
    text = text.strip()
    if several := LISTED.fullmatch(text):
        return list[named(several[1], variables)]  # type: ignore[misc]  # a type that is made here
    if text in PLAIN and text not in variables:
        return PLAIN[text]
    if text == ANY or text.endswith(".json") or (text.startswith("{") and not text.startswith("{{")):
        return text
    return template.named(text if text.startswith("{{") else f"{{{{{text}}}}}", variables)


def is_form(text: str, variables: Mapping[str, Any]) -> bool:
    """Whether a word names something that an answer can have the form of: a class, list[...], a schema."""
    if several := LISTED.fullmatch(text):
        return several[1] in PLAIN or is_form(several[1], variables)
    value = variables.get(text)
    if isinstance(value, dict):
        return bool(value.keys() & {"type", "properties", "anyOf", "$ref", "enum"})
    return isinstance(value, type) or hasattr(value, "__origin__")


def with_schema(request: Request, wanted: Any, spec: ModelSpec) -> Request:
    """The request, its answer in the form that was asked for; None: as it is. Raises PromptError for no form.

    wanted  True or "any": any object; a type, a schema, a path to one, or the JSON of one
    """
    if wanted is None or wanted is False:
        return request
    form = _form(wanted)
    wrapped = form.get("type") != "object" and not (form.get("properties") and "type" not in form)
    form = _wrapped(form) if wrapped else form
    text = json.dumps(form, ensure_ascii=False)
    return replace(request, answer=Answer(text, _way(request, form, spec), wrapped))


def in_words(request: Request, call: Call, error: BadRequest) -> Round | None:
    """Return the request with its schema in the prompt, when that is what the server rejected; None: it was not."""
    if request.answer is None or request.answer.how == "prompt" or not REJECTED.search(str(error)):
        return None
    request = replace(request, answer=replace(request.answer, how="prompt"))
    return Round(request, call, "the server does not take the form of the answer; asking for it in words")


def next_round(call: Call, reply: Reply) -> Round | None:
    """Return the request that asks once more for a structured answer; None: it matches its schema.

    Raises NoJson, with the reply as error.reply, when the second answer does not match either, or the first one
    cannot be repaired.
    """
    if reply.request.answer is None or not call.repair or (problem := reply.problem) is None:
        return None
    if call.repaired:
        raise _no_json(reply, f"the answer does not fit, also at the second try ({problem}); reply.text holds it")
    if reply.stop_reason not in ("end", "unknown") or not reply.text.strip():
        raise _no_json(reply, _not_repairable(reply))
    after = _repair(reply)
    call = replace(call, after=after, rounds=0, repaired=True)
    return Round(after.request, call, f"the answer does not fit ({problem}); asking once more")


def _form(wanted: Any) -> schema.Schema:
    """The JSON schema of what was asked for."""
    if wanted is True or (isinstance(wanted, str) and wanted == ANY):
        return {"type": "object"}
    if not isinstance(wanted, str):
        return schema.of(wanted)
    text = _read(wanted) if wanted.strip().endswith(".json") else wanted
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise PromptError(f"json takes a type, a JSON schema or the path of a .json file with one, not {wanted!r:.60}")
    return schema.of(value)


def _read(path: str) -> str:
    file = Path(path.strip()).expanduser()
    try:
        if not file.is_file():
            raise PromptError(f"there is no file {path}; name a .json file that holds a JSON schema")
        if file.stat().st_size > MOST_BYTES:
            raise PromptError(f"{path} is larger than {MOST_BYTES // 1000:,} kB, which no schema is")
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise PromptError(f"cannot read {path} ({type(error).__name__}); check the path") from None


def _wrapped(form: schema.Schema) -> schema.Schema:
    """An object with the form as its one field: servers take no list, number or choice as the whole answer."""
    inner = {key: value for key, value in form.items() if key not in ("$defs", "definitions", "$schema")}
    shared = {key: form[key] for key in ("$defs", "definitions") if key in form}
    wrapped = {"type": "object", "properties": {"answer": inner}, "required": ["answer"], "additionalProperties": False}
    return {**_moved(wrapped), **_moved(shared)}


def _moved(form: Any) -> Any:
    """References to the root follow it into the field."""
    if isinstance(form, list):
        return [_moved(one) for one in form]
    if not isinstance(form, dict):
        return form
    moved = {key: _moved(value) for key, value in form.items()}
    target = form.get("$ref")
    if isinstance(target, str) and target.startswith("#") and not target.startswith(("#/$defs/", "#/definitions/")):
        moved["$ref"] = f"#/properties/answer{target[1:]}"
    return moved


def _way(request: Request, form: schema.Schema, spec: ModelSpec) -> Way:
    """How this model is held to a form at this provider, as models.json says; one that it does not list is tried."""
    way = spec.structured.get(request.provider, "prompt" if request.provider == "aimlapi" else "native")
    thinks = request.thinking is not None and request.thinking.kind != "disabled"
    if way == "tool" and (thinks or request.tools):
        return "prompt"  # a model that must call this tool can neither think before nor call another one
    if request.provider == "anthropic" and way == "native" and for_claude(form) is None:
        return "prompt"
    return way


def _repair(reply: Reply) -> Continuation:
    """The request that asks for the answer once more. What functions gave stays, the answer is replaced."""
    asked = reply.request
    assert asked.answer is not None  # noqa: S101  # only such replies have a problem
    kept = max((part.at for part in reply.parts if isinstance(part, ToolResult)), default=0)
    problem = schema.read(reply.text[kept:], json.loads(asked.answer.schema))[1]  # in the form that the model was told
    line = f"This does not fit: {problem}. Give the whole answer again, as one JSON object that fits this JSON schema, "
    more = Message("user", f"{line}and nothing else:\n{asked.answer.schema}")
    request = replace(asked, messages=(*asked.messages, reply.message, more))
    parts = tuple(part for part in reply.parts if part.at <= kept) if kept else ()
    return Continuation(request, reply, reply.text[:kept], parts, reply.message)


def _not_repairable(reply: Reply) -> str:
    if reply.stop_reason == "max_tokens":
        return "the answer was cut at max_tokens, so its JSON is not whole; raise max_tokens"
    if reply.stop_reason == "refusal":
        return "the model refused, so there is no answer in the form that was asked for"
    return f"the reply is {STOP_WORDS[reply.stop_reason]}, and holds no answer in the form that was asked for"


def _no_json(reply: Reply, line: str) -> NoJson:
    error = NoJson(line)
    error.reply = reply
    return error

"""The Chat Completions format, for AI/ML API and OpenAI-compatible servers.

On AI/ML API the id is on the first chunk only, and the last chunk has no delta. Its later zeros and nulls say nothing
about the real counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from claude_nb.providers import api_errors
from claude_nb.providers.dialects import tool_calls
from claude_nb.providers.dialects.base import (
    Dialect,
    child,
    children,
    cost_usd,
    count,
    dollars,
    is_damaged,
    joined,
    known,
    label,
    piece_missing,
    stop_fields,
    string,
)
from claude_nb.providers.dialects.content import (
    alternating,
    anthropic_block,
    body_start,
    content,
    openai_block,
    openai_tool_call,
    system_prompt,
)
from claude_nb.providers.dialects.strict_schema import is_strict
from claude_nb.providers.dialects.tool_calls import ToolCalls
from claude_nb.providers.sse import Event
from claude_nb.types.content import ToolCall, ToolResult
from claude_nb.types.request import Chunk, Message, Request, Usage


def _aimlapi_body(request: Request, *, stream: bool) -> dict[str, Any]:
    # Its Claude models take the system prompt beside the messages, as Anthropic does. Any null is answered with 400.
    return body_start(request, anthropic_block, stream=stream) | _params(request)


def _openai_body(request: Request, *, stream: bool) -> dict[str, Any]:
    system = system_prompt(request)
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for message in alternating(request):
        messages += _openai_messages(message)
    body: dict[str, Any] = {"model": request.model, "messages": messages}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    params = _params(request)
    if "stop_sequences" in params:
        params["stop"] = params.pop("stop_sequences")
    return body | _openai_tools(request) | params


def _openai_messages(message: Message) -> list[dict[str, Any]]:
    """Convert a message. Each tool result becomes a message of its own."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    if results:
        return [{"role": "tool", "tool_call_id": part.id, "content": part.text} for part in results]
    calls = [openai_tool_call(part) for part in message.parts if isinstance(part, ToolCall)]
    converted = {"role": message.role, "content": content(message, openai_block)}
    return [converted | {"tool_calls": calls}] if calls else [converted]


def _openai_tools(request: Request) -> dict[str, Any]:
    """Return the fields for the tools and for the schema of the answer."""
    fields: dict[str, Any] = {}
    if tools := tool_calls.schemas(request):
        functions = ({"name": name, "description": about, "parameters": schema} for name, about, schema in tools)
        fields["tools"] = [{"type": "function", "function": function} for function in functions]
    answer = request.answer
    if answer and answer.method == "tool":
        fields["tool_choice"] = {"type": "function", "function": {"name": tool_calls.ANSWER}}
    if answer and answer.method == "native":
        schema = json.loads(answer.schema)
        # Strict mode rejects many schemas. Without it the server does what it can, and the answer is checked here.
        strict = {"strict": True} if is_strict(schema) else {}
        json_schema = {"name": "answer", "schema": schema, **strict}
        fields["response_format"] = {"type": "json_schema", "json_schema": json_schema}
    return fields


def _params(request: Request) -> dict[str, Any]:
    effort = {"reasoning_effort": request.effort} if request.effort else {}
    return request.sampling.as_params() | effort


# An object with only these fields, whose choice and delta have only those below, brings text and nothing else.
PLAIN = frozenset(("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"))
PLAIN_CHOICE = frozenset(("index", "delta", "finish_reason", "logprobs"))
PLAIN_DELTA = frozenset(("role", "content"))


class _Reader:
    """Convert the JSON objects of one reply to chunks.

    `stopped` is set once the stop reason has arrived.
    """

    def __init__(self) -> None:
        self._calls = ToolCalls()
        self._index = 0
        self.stopped = False
        self._has_content = False
        self._names: tuple[object, object] = (None, None)  # the newest id and model

    def chunks(self, data: dict[str, Any]) -> Iterator[Chunk]:
        """Convert one object. Raises the error that it reports, if any."""
        text = self._plain_text(data)
        return iter((Chunk(text=text),)) if text else self._read(data)

    def _plain_text(self, data: dict[str, Any]) -> str:
        """Return the text of an object that brings nothing else, as most do.

        Returns "" if it must be read in full.
        """
        choices = data.get("choices")
        if not (self._has_content and data.keys() <= PLAIN and isinstance(choices, list) and len(choices) == 1):
            return ""
        if data.get("usage") or data.get("object") == "error" or (data.get("id"), data.get("model")) != self._names:
            return ""
        choice = choices[0]
        if not (isinstance(choice, dict) and choice.keys() <= PLAIN_CHOICE) or choice.get("finish_reason"):
            return ""
        delta = choice.get("delta")
        return string(delta.get("content")) if isinstance(delta, dict) and delta.keys() <= PLAIN_DELTA else ""

    def _read(self, data: dict[str, Any]) -> Iterator[Chunk]:
        self._names = (data.get("id"), data.get("model"))
        choice = next(iter(children(data, "choices")), {})
        if api_errors.is_error(data) or api_errors.is_error(choice) or choice.get("finish_reason") == "error":
            raise api_errors.from_event(choice if choice.get("error") and not data.get("error") else data)
        delta = child(choice, "delta")
        if not delta and not self._has_content:
            delta = child(choice, "message")  # a whole reply, which some servers send in a stream too
        text, thinking = _text(delta.get("content")), _thinking(delta)
        refusal = string(delta.get("refusal"))
        calls = children(delta, "tool_calls")
        self._has_content = self._has_content or bool(text or thinking or calls)
        stop = self._stop("refusal" if refusal else None, choice.get("finish_reason"))
        chunk = Chunk(
            text=text or refusal,
            thinking=thinking,
            usage=_usage(data, choice),
            id=label(data.get("id")),
            model=label(data.get("model")),
            **stop,
        )
        if not (calls or stop):
            yield chunk
            return
        yield replace(chunk, stop_reason=None, raw_stop_reason=None)
        for call in calls:
            yield from self._call(call)
        if stop:
            # Some servers say "stop" although the model requests a tool call.
            ended = self._calls.end_all()
            yield from ended
            is_request = any(end.part for end in ended) and chunk.stop_reason == "end"
            yield self._calls.finished(Chunk(**(stop | {"stop_reason": "tool_use"} if is_request else stop)))

    def _call(self, piece: dict[str, Any]) -> Iterator[Chunk]:
        """Convert a piece of a tool call.

        Its index names the call; without one, a new id begins a new call.
        """
        function, call_id, index = child(piece, "function"), string(piece.get("id")), count(piece.get("index"))
        if index is None:
            self._index += bool(call_id)
        else:
            self._index = index
        if not self._calls.is_open(self._index):
            yield self._calls.begin(self._index, call_id, string(function.get("name")))
        arguments = function.get("arguments")
        text = json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else string(arguments)
        yield self._calls.add(self._index, text)

    def _stop(self, *words: object) -> dict[str, Any]:
        """Return the stop reason as fields of a chunk.

        It may arrive twice, and only the first one counts.
        """
        fields = {} if self.stopped else next(filter(None, map(stop_fields, words)), {})
        self.stopped = self.stopped or bool(fields)
        return fields


def _streamed(events: Iterable[Event]) -> Iterator[Chunk]:
    reader, damaged = _Reader(), False
    for event in events:
        if event.data.strip().startswith("[DONE]"):
            yield Chunk(done=True)
            break
        data = event.object()
        if event.name == "error":
            raise api_errors.from_event(data or {"error": event.data})
        if data is not None:
            yield from reader.chunks(data)
        elif is_damaged(event) and not reader.stopped:
            damaged = True
    if damaged:
        raise piece_missing()


def _unstreamed(data: dict[str, Any]) -> Iterator[Chunk]:
    yield from _Reader().chunks(data)
    if children(data, "choices"):
        yield Chunk(done=True)


def _chunks(events: Iterable[Event]) -> Iterator[Chunk]:
    return joined(_streamed(events))


def _whole(data: dict[str, Any]) -> Iterator[Chunk]:
    return joined(_unstreamed(data))


def _text(content: object) -> str:
    """Return the text of a content field, which is a string or a list of parts."""
    if isinstance(content, list):
        return "".join(string(part.get("text")) for part in content if isinstance(part, dict))
    return string(content)


def _thinking(delta: dict[str, Any]) -> str:
    """Return the thinking, which servers send under four names."""
    if delta.keys() <= PLAIN_DELTA:
        return ""
    plain = string(delta.get("reasoning_content")) or string(delta.get("reasoning"))
    listed = (("reasoning_details", "text"), ("thinking_blocks", "thinking"))
    lists = ("".join(string(part.get(key)) for part in children(delta, name)) for name, key in listed)
    return plain or next(filter(None, lists), "")


def _usage(data: dict[str, Any], choice: dict[str, Any]) -> Usage | None:
    """Return the token counts and the cost; None for most objects, which have neither."""
    if not (data.get("usage") or data.get("meta") or choice.get("usage")):
        return None
    raw = child(data, "usage") or child(choice, "usage")
    details = child(raw, "prompt_tokens_details")
    cost = cost_usd(data)
    usage = Usage(
        input_tokens=count(raw.get("prompt_tokens")),
        output_tokens=count(raw.get("completion_tokens")),
        cache_read_tokens=count(details.get("cached_tokens")),
        cache_write_tokens=count(details.get("cache_write_tokens")),
        cost_usd=dollars(raw.get("cost")) if cost is None else cost,
    )
    return known(usage)


AIMLAPI = Dialect("aimlapi", "/chat/completions", _aimlapi_body, _chunks, _whole)
OPENAI = Dialect("openai", "/chat/completions", _openai_body, _chunks, _whole)

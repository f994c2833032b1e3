"""The Chat Completions format, for AI/ML API and OpenAI-compatible servers.

On AI/ML API the id is on the first chunk only, and the last chunk has no delta. Its later zeros and nulls say nothing
about the real counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
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
    position,
    stop_fields,
    string,
)
from claude_nb.providers.dialects.call_deltas import CallDeltas
from claude_nb.providers.dialects.chat_content import PLAIN_DELTA, TEXT_DELTA, THINKING, text_and_thinking
from claude_nb.providers.dialects.content import (
    alternating,
    anthropic_block,
    body_start,
    is_blank,
    openai_content,
    openai_tool_call,
    server_fields,
    system_prompt,
)
from claude_nb.providers.dialects.logprobs import LogprobReader
from claude_nb.providers.dialects.server_fields import FieldReader
from claude_nb.providers.dialects.strict_schema import is_strict
from claude_nb.providers.error_bodies import unwrapped
from claude_nb.providers.sse import Event
from claude_nb.types.content import ServerFields, ToolCall, ToolResult
from claude_nb.types.request import Chunk, Message, Request, Usage


def _aimlapi_body(request: Request, *, stream: bool) -> dict[str, Any]:
    # Its Claude models take the system prompt beside the messages, as Anthropic does. Any null is answered with 400.
    return body_start(request, anthropic_block, stream=stream) | _params(request)


def _openai_body(request: Request, *, stream: bool) -> dict[str, Any]:
    system = system_prompt(request)
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for message in alternating(request):
        messages += _openai_messages(message, request.origin)
    body: dict[str, Any] = {"model": request.model, "messages": messages}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    params = _params(request)
    if "stop_sequences" in params:
        params["stop"] = params.pop("stop_sequences")
    return body | _openai_tools(request) | params


def _openai_messages(message: Message, origin: str) -> list[dict[str, Any]]:
    """Convert a message. Each tool result becomes a message of its own."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    if results:
        return [{"role": "tool", "tool_call_id": part.id, "content": _result(part)} for part in results]
    calls = [openai_tool_call(part, origin) for part in message.parts if isinstance(part, ToolCall)]
    converted = {"role": message.role, "content": openai_content(message)}
    if not calls and is_blank(message.role, converted["content"]):
        return []
    return [server_fields(message.parts, origin) | converted | ({"tool_calls": calls} if calls else {})]


def _result(part: ToolResult) -> str:
    """Return the text of a result. This format has no place for its pictures, so the model is told."""
    return f"{part.text}\n(a function cannot show you pictures here)" if part.pictures else part.text


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
    params = request.sampling.as_params()
    if request.effort:
        params["reasoning_effort"] = request.effort
    if request.logprobs is not None:
        # 0 alternatives is what servers tell without a number. With it, llama.cpp would tell no probabilities.
        params |= {"logprobs": True} | ({"top_logprobs": request.logprobs} if request.logprobs else {})
    return params


# An object with only these fields, whose choice and delta have only those below, brings text and nothing else.
PLAIN = frozenset(("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"))
PLAIN_CHOICE = frozenset(("index", "delta", "finish_reason", "logprobs"))
GROQ = "x_groq"  # where Groq reports usage and errors in a stream
# The fields of a message that are read here, or that servers send but do not take.
KNOWN = TEXT_DELTA | {"tool_calls", "function_call", "annotations", "audio", *THINKING}


class _Reader:
    """Convert the JSON objects of one reply to chunks.

    `stopped` is set once the stop reason has arrived.
    """

    def __init__(self) -> None:
        self._deltas = CallDeltas()
        self._thinking, self._others = FieldReader(), FieldReader()
        self._logprobs = LogprobReader()
        self.stopped = False
        self._has_content = False
        self._messages: str | None = None  # the text so far, if it arrives in messages instead of deltas
        self._names: tuple[object, object] = (None, None)  # the newest id and model

    def chunks(self, data: dict[str, Any]) -> Iterator[Chunk]:
        """Convert one object. Raises the error that it reports, if any."""
        data = unwrapped(data)
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
        if not (isinstance(choice, dict) and choice.keys() <= PLAIN_CHOICE):
            return ""
        if choice.get("finish_reason") or choice.get("index") or choice.get("logprobs"):
            return ""
        delta = choice.get("delta")
        return string(delta.get("content")) if isinstance(delta, dict) and delta.keys() <= PLAIN_DELTA else ""

    def _read(self, data: dict[str, Any]) -> Iterator[Chunk]:
        self._names = (data.get("id"), data.get("model"))
        choice = _first_choice(data)
        for part in filter(None, (data, choice, child(data, GROQ))):
            if api_errors.is_error(part):
                raise api_errors.from_event(part)
        delta = self._delta(choice)
        text, thinking = text_and_thinking(delta)
        refusal = string(delta.get("refusal"))
        calls = [] if delta.keys() <= TEXT_DELTA else list(self._deltas.read(delta))
        self._keep_fields(delta)
        self._has_content = self._has_content or bool(text or thinking or calls)
        stop = stop_fields("refusal" if refusal else None) or stop_fields(choice.get("finish_reason"))
        tokens = self._logprobs.read(choice) if choice.get("logprobs") else ()
        yield Chunk(
            text=text or refusal,
            thinking=thinking,
            usage=_usage(data, choice),
            id=label(data.get("id")),
            model=label(data.get("model")),
            tokens=() if (thinking or calls) and not text else tokens,  # those of the thinking or of a call
        )
        yield from calls
        if stop and not self.stopped:
            self.stopped = True
            yield self._deltas.calls.finished(Chunk(**stop))

    def _delta(self, choice: dict[str, Any]) -> dict[str, Any]:
        """Return what a choice adds: its delta, or what is new in its message.

        Some servers send a whole reply in a stream too. Others stream messages: the next piece, or all text so far.
        """
        delta = child(choice, "delta")
        if delta or (self._has_content and self._messages is None):
            return delta
        message = child(choice, "message") or {"content": string(choice.get("text"))}
        if not (text := string(message.get("content"))):
            return message
        so_far = self._messages or ""
        new = text.removeprefix(so_far)
        self._messages = so_far + new
        return message | {"content": new}

    def _keep_fields(self, delta: dict[str, Any]) -> None:
        if delta.keys() <= TEXT_DELTA:
            return
        self._thinking.add({name: delta[name] for name in THINKING if name in delta})
        self._others.add({name: value for name, value in delta.items() if name not in KNOWN})

    def end(self) -> Iterator[Chunk]:
        """Yield the parts of the reply, and its stop reason if none has arrived.

        Some servers send a stop reason with each piece, so that tool calls may follow it.
        """
        for reader, is_thinking in ((self._thinking, True), (self._others, False)):
            if fields := reader.text():
                yield Chunk(part=ServerFields(fields, is_thinking=is_thinking))
        yield from self._deltas.calls.end_all()
        yield self._deltas.calls.finished(Chunk(), late=self.stopped)


def _first_choice(data: dict[str, Any]) -> dict[str, Any]:
    """Return the choice with the lowest number, or {}: choice 0 of a stream, where each choice has its own objects."""
    choices = children(data, "choices")
    if len(choices) == 1 and not choices[0].get("index"):
        return choices[0]
    numbers = [position(choice.get("index")) or 0 for choice in choices]
    first = min(zip(numbers, choices, strict=True), key=lambda pair: pair[0], default=(0, {}))
    return first[1] if not first[0] or "message" in first[1] else {}


def _streamed(events: Iterable[Event]) -> Iterator[Chunk]:
    reader, damaged, is_done = _Reader(), False, False
    for event in events:
        if event.data.strip().startswith("[DONE]"):
            is_done = True
            break
        data = event.object()
        if event.name == "error":
            raise api_errors.from_event(data or {"error": event.data})
        if data is not None:
            yield from reader.chunks(data)
        elif is_damaged(event) and not reader.stopped:
            damaged = True
    if is_done or reader.stopped:
        yield from reader.end()
    if is_done:
        yield Chunk(done=True)
    if damaged:
        raise piece_missing()


def _unstreamed(data: dict[str, Any]) -> Iterator[Chunk]:
    reader = _Reader()
    yield from reader.chunks(data)
    if children(unwrapped(data), "choices"):
        yield from reader.end()
        yield Chunk(done=True)


def _chunks(events: Iterable[Event]) -> Iterator[Chunk]:
    return joined(_streamed(events))


def _whole(data: dict[str, Any]) -> Iterator[Chunk]:
    return joined(_unstreamed(data))


def _usage(data: dict[str, Any], choice: dict[str, Any]) -> Usage | None:
    """Return the token counts and the cost; None for most objects, which have neither."""
    groq = child(data, GROQ)
    if not (data.get("usage") or data.get("meta") or choice.get("usage") or groq):
        return None
    raw = child(data, "usage") or child(choice, "usage") or child(groq, "usage")
    details = child(raw, "prompt_tokens_details")
    cost = cost_usd(data)
    usage = Usage(
        input_tokens=count(raw.get("prompt_tokens")),
        output_tokens=count(raw.get("completion_tokens")),
        cache_read_tokens=count(details.get("cached_tokens")),
        cache_write_tokens=count(details.get("cache_write_tokens")),
        cost_usd=dollars(raw.get("cost")) if cost is None else cost,
        thinking_tokens=count(child(raw, "completion_tokens_details").get("reasoning_tokens")),
    )
    return known(usage)


AIMLAPI = Dialect("aimlapi", "/chat/completions", _aimlapi_body, _chunks, _whole)
OPENAI = Dialect("openai", "/chat/completions", _openai_body, _chunks, _whole)

"""Chat completions: AI/ML API, and the OpenAI-compatible servers, each with habits of its own.

AI/ML API sends bare chunks since 2026-02-13; before that each was wrapped as {"event": chunk, "state": {...}},
with Anthropic's counts and stop word in the state. Both are read. In both the id is on the first chunk only,
the last chunk has no delta, and later zeros and nulls say nothing about the real counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from claude_nb import schema
from claude_nb.providers import api_errors
from claude_nb.providers.dialects import blocks, tool_calls
from claude_nb.providers.dialects.base import (
    Dialect,
    PromptParts,
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
from claude_nb.providers.dialects.content import content, opening, sides, system_of
from claude_nb.providers.dialects.tool_calls import Calls
from claude_nb.providers.sse import Event
from claude_nb.types.content import ToolCall, ToolResult
from claude_nb.types.request import Chunk, Message, Request, Usage


def _aimlapi_body(request: Request, *, stream: bool) -> dict[str, Any]:
    # Its Claude models take the system prompt as Anthropic does, beside the messages; null anywhere is a 400.
    return opening(request, blocks.anthropic, stream=stream) | _params(request)


def _openai_body(request: Request, *, stream: bool) -> dict[str, Any]:
    system = system_of(request)
    turns = [{"role": "system", "content": system}] if system else []
    for side in sides(request):
        turns += _openai_turns(side)
    body: dict[str, Any] = {"model": request.model, "messages": turns}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    params = _params(request)
    if "stop_sequences" in params:
        params["stop"] = params.pop("stop_sequences")
    return body | _openai_tools(request) | params


def _openai_turns(side: Message) -> list[dict[str, Any]]:
    """One side of the conversation; each result of a tool is a message of its own."""
    results = [part for part in side.parts if isinstance(part, ToolResult)]
    if results:
        return [{"role": "tool", "tool_call_id": part.id, "content": part.text} for part in results]
    called = [blocks.openai_call(part) for part in side.parts if isinstance(part, ToolCall)]
    turn = {"role": side.role, "content": content(side, blocks.openai)}
    return [turn | {"tool_calls": called}] if called else [turn]


def _openai_tools(request: Request) -> dict[str, Any]:
    """What may be called, and the form of the answer."""
    fields: dict[str, Any] = {}
    if tools := tool_calls.schemas(request):
        functions = ({"name": name, "description": about, "parameters": form} for name, about, form in tools)
        fields["tools"] = [{"type": "function", "function": function} for function in functions]
    answer = request.answer
    if answer and answer.how == "tool":
        fields["tool_choice"] = {"type": "function", "function": {"name": tool_calls.ANSWER}}
    if answer and answer.how == "native":
        form = json.loads(answer.schema)
        # Strict mode refuses many schemas; without it the server does what it can, and the answer is checked here.
        strict = {"strict": True} if schema.is_strict(form) else {}
        fields["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": form, **strict}}
    return fields


def _params(request: Request) -> dict[str, Any]:
    effort = {"reasoning_effort": request.effort} if request.effort else {}
    return request.sampling.as_params() | effort


# An object that has these fields only, a choice that has those, and so on, brings a piece of text and nothing else.
PLAIN = frozenset(("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"))
PLAIN_CHOICE = frozenset(("index", "delta", "finish_reason", "logprobs"))
PLAIN_DELTA = frozenset(("role", "content"))


class _Reader:
    """Reads the objects of one reply, in either format. stopped: its stop word has been seen."""

    def __init__(self) -> None:
        self._parts = PromptParts()
        self._calls = Calls()
        self._index = 0
        self.stopped = False
        self._spoken = False
        self._names: tuple[object, object] = (None, None)  # id and model, as they were told last

    def chunks(self, data: dict[str, Any]) -> Iterator[Chunk]:
        """What one object says. Raises the error that it holds."""
        text = self._plain_text(data)
        return iter((Chunk(text=text),)) if text else self._closely(data)

    def _plain_text(self, data: dict[str, Any]) -> str:
        """The text of an object that brings nothing else, as most do; "": it has to be looked at closely."""
        choices = data.get("choices")
        if not (self._spoken and data.keys() <= PLAIN and isinstance(choices, list) and len(choices) == 1):
            return ""
        if data.get("usage") or data.get("object") == "error" or (data.get("id"), data.get("model")) != self._names:
            return ""
        choice = choices[0]
        if not (isinstance(choice, dict) and choice.keys() <= PLAIN_CHOICE) or choice.get("finish_reason"):
            return ""
        delta = choice.get("delta")
        return string(delta.get("content")) if isinstance(delta, dict) and delta.keys() <= PLAIN_DELTA else ""

    def _closely(self, data: dict[str, Any]) -> Iterator[Chunk]:
        state = child(data, "state")
        inner = child(data, "event") or data
        self._names = (inner.get("id"), inner.get("model"))
        choice = next(iter(children(inner, "choices")), {})
        if api_errors.is_error(inner) or api_errors.is_error(choice) or choice.get("finish_reason") == "error":
            raise api_errors.from_event(inner if inner.get("error") else choice if choice.get("error") else inner)
        delta = child(choice, "delta")
        if not delta and not self._spoken:
            delta = child(choice, "message")  # a reply in one piece, also when a stream was asked for
        text, thinking = _text(delta.get("content")), _thinking(delta)
        refusal = string(delta.get("refusal"))
        called = children(delta, "tool_calls")
        self._spoken = self._spoken or bool(text or thinking or called)
        stop = self._stop("refusal" if refusal else None, choice.get("finish_reason"), state.get("finishReason"))
        chunk = Chunk(
            text=text or refusal,
            thinking=thinking,
            usage=self._usage(inner, choice, state),
            id=label(inner.get("id")),
            model=label(inner.get("model")),
            **stop,
        )
        if not (called or stop):
            yield chunk
            return
        yield replace(chunk, stop_reason=None, raw_stop_reason=None)
        for piece in called:
            yield from self._call(piece)
        if stop:
            # Some servers say "stop" although they ask for a call.
            asked = self._calls.end_all()
            yield from asked
            wants = any(end.part for end in asked) and chunk.stop_reason == "end"
            yield self._calls.finished(Chunk(**(stop | {"stop_reason": "tool_use"} if wants else stop)))

    def _call(self, piece: dict[str, Any]) -> Iterator[Chunk]:
        """A piece of a tool call. Its index tells several apart; where there is none, a new id begins a new one."""
        function, call_id, index = child(piece, "function"), string(piece.get("id")), count(piece.get("index"))
        if index is None:
            self._index += bool(call_id)
        else:
            self._index = index
        if not self._calls.has(self._index):
            yield self._calls.begin(self._index, call_id, string(function.get("name")))
        arguments = function.get("arguments")
        text = json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else string(arguments)
        yield self._calls.add(self._index, text)

    def _usage(self, inner: dict[str, Any], choice: dict[str, Any], state: dict[str, Any]) -> Usage | None:
        """What the server has counted; most objects say nothing of it, and are passed over quickly."""
        if not (inner.get("usage") or inner.get("meta") or choice.get("usage") or state.get("usage")):
            return None
        return known(_usage(inner, choice).merged(self._parts.usage(child(state, "usage"))))

    def _stop(self, *words: object) -> dict[str, Any]:
        """The stop word comes up to three times, and only the first one counts."""
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
    """The text of a content field: a string, or a list of parts."""
    if isinstance(content, list):
        return "".join(string(part.get("text")) for part in content if isinstance(part, dict))
    return string(content)


def _thinking(delta: dict[str, Any]) -> str:
    """The thinking under the first of its known names that holds any."""
    if delta.keys() <= PLAIN_DELTA:
        return ""
    plain = string(delta.get("reasoning_content")) or string(delta.get("reasoning"))
    listed = (("reasoning_details", "text"), ("thinking_blocks", "thinking"))
    lists = ("".join(string(part.get(key)) for part in children(delta, name)) for name, key in listed)
    return plain or next(filter(None, lists), "")


def _usage(data: dict[str, Any], choice: dict[str, Any]) -> Usage:
    raw = child(data, "usage") or child(choice, "usage")
    details = child(raw, "prompt_tokens_details")
    cost = cost_usd(data)
    return Usage(
        input_tokens=count(raw.get("prompt_tokens")),
        output_tokens=count(raw.get("completion_tokens")),
        cache_read_tokens=count(details.get("cached_tokens")),
        cache_write_tokens=count(details.get("cache_write_tokens")),
        cost_usd=dollars(raw.get("cost")) if cost is None else cost,
    )


AIMLAPI = Dialect("aimlapi", "/chat/completions", _aimlapi_body, _chunks, _whole)
OPENAI = Dialect("openai", "/chat/completions", _openai_body, _chunks, _whole)

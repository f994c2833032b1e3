"""The interface of a wire format, and safe reading of values that a server wrote.

A dialect converts a request to a JSON body, and events to chunks. It does no I/O. Whatever a server sends, the result
is a chunk or a ClaudeError.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from claude_nb.errors import StreamCut
from claude_nb.providers.sse import Event
from claude_nb.safe_text.visible import mended
from claude_nb.types.request import Chunk, StopReason, Usage

CREDITS_PER_USD = 2_000_000  # AI/ML API counts in credits

# The words of servers for the end of a reply, for both dialects: Anthropic, Bedrock, OpenAI, Azure, Gemini, Mistral,
# Cohere, DeepSeek, Qwen, GLM, Moonshot, xAI, watsonx, vLLM, SGLang, TGI, llama.cpp, Ollama, Together, LiteLLM.
WORDS: dict[StopReason, str] = {
    "end": """stop end_turn end eos eos_token eos_found stop_token end_of_text end_of_turn complete completed finish
        finished done normal success""",
    "max_tokens": """length max_length max_len max_tokens max_output_tokens max_completion_tokens max_new_tokens
        model_length token_limit output_limit limit error_limit context_length context_length_exceeded
        context_window_exceeded model_context_window_exceeded context_overflow max_context_length num_predict
        truncated truncation""",
    "stop_sequence": "stop_sequence stop_string stop_word word",
    # The last one is a pause between two tools that run on the server.
    "tool_use": "tool_use tool_call tool_calls function_call function_calls pause_turn",
    "refusal": """refusal refused content_filter content_filtered content_policy guardrail guardrails
        guardrail_intervened guardrail_blocked safety image_safety sensitive blocklist blocked prohibited_content
        image_prohibited_content spii recitation image_recitation language moderation model_armor error_toxic""",
    "error": """error failed failure abort aborted cancel canceled cancelled user_cancel interrupted incomplete timeout
        time_limit error_timeout unavailable overloaded network_error server_error internal_error
        insufficient_system_resource out_of_memory preempted killed shutdown connection_lost rate_limit
        deadline_exceeded malformed_function_call unexpected_tool_call too_many_tool_calls malformed_response""",
}
NOT_YET = ("null", "none", "unspecified", "not_finished")  # some servers send these while the reply goes on


def _letters(word: str) -> str:
    """Return the letters of a word: "FinishReason.MAX_TOKENS" and "maxTokens" -> "maxtokens"."""
    return _PREFIX.sub("", _OTHERS.sub("", word.lower()))


_OTHERS, _PREFIX = re.compile("[^a-z]"), re.compile("^(finish|stop)?reason")
_NO_REASONS = frozenset(map(_letters, NOT_YET))
STOP_REASONS = {_letters(word): reason for reason, words in WORDS.items() for word in words.split()}


@dataclass(frozen=True)
class Dialect:
    """One wire format.

    path     appended to the base URL: "/chat/completions"
    headers  sent in addition to the key
    body     body(request, stream=True) returns the JSON body; unset fields are absent, never null
    chunks   converts the events of a stream; stops at its end marker and raises an error that the server reports
    whole    converts the JSON object of a reply that was not streamed
    """

    name: str
    path: str
    body: Callable[..., dict[str, Any]]
    chunks: Callable[[Iterable[Event]], Iterator[Chunk]]
    whole: Callable[[dict[str, Any]], Iterator[Chunk]]
    headers: Mapping[str, str] = field(default_factory=dict)


def is_damaged(event: Event) -> bool:
    """Return whether an event without a JSON object began as one.

    Other data is noise that some proxies send.
    """
    return event.data.lstrip().startswith("{")


def piece_missing() -> StreamCut:
    """Return the error for a reply in which one event arrived damaged."""
    return StreamCut("a piece of the reply arrived damaged and is missing; run the cell again (the rest is kept)")


def stop_fields(raw: object) -> dict[str, Any]:
    """Return the stop reason as fields of a chunk.

    Returns {} for null, and for "", 0 and the like, which some servers send in every chunk.
    """
    word = raw.strip() if isinstance(raw, str) else str(raw or "")
    if not word or _letters(word) in _NO_REASONS:
        return {}
    # Gemini says "function_call_filter: MALFORMED_FUNCTION_CALL".
    found = (STOP_REASONS.get(_letters(text)) for text in (word, *word.split(":")))
    return {"stop_reason": next(filter(None, found), "unknown"), "raw_stop_reason": label(word)}


def child(value: object, key: str) -> dict[str, Any]:
    """Return the object under a key, or {}: child({"a": {"b": 1}}, "a") -> {"b": 1}."""
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def children(value: object, key: str) -> list[dict[str, Any]]:
    """Return the objects in the list under a key, or []."""
    inner = value.get(key) if isinstance(value, dict) else None
    return [item for item in inner if isinstance(item, dict)] if isinstance(inner, list) else []


def string(value: object) -> str:
    """Return the value if it is a string, else ""."""
    return value if isinstance(value, str) else ""


def label(value: object) -> str | None:
    """Return a short text such as an id or a name.

    Returns None if it is empty or not a string.
    """
    return mended(value)[:200] if isinstance(value, str) and value else None


def count(value: object) -> int | None:
    """Return a number of tokens.

    Returns None for anything but a finite whole number of at least 0.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # The upper limit keeps a nonsense count out of sums and out of a database column.
    return int(value) if 0 <= value < 2**53 and value == int(value) else None


def position(value: object) -> int | None:
    """Return an index, which some servers send as text: position("1") -> 1. None if there is none."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value, re.ASCII) else count(value)


def dollars(value: object) -> float | None:
    """Return an amount of money; None for anything but a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        return None
    return float(value) if math.isfinite(value) else None


def cost_usd(data: dict[str, Any]) -> float | None:
    """Return what AI/ML API charged.

    Example: {"meta": {"usage": {"credits_used": 2480}}} -> 0.00124.
    """
    spent = child(child(data, "meta"), "usage")
    credit = dollars(spent.get("credits_used"))
    usd = dollars(spent.get("usd_spent"))
    return usd if usd is not None or credit is None else credit / CREDITS_PER_USD


def known(usage: Usage) -> Usage | None:
    """Return the usage, or None if all of its counts are unknown."""
    return None if usage == Usage() else usage


def joined(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Mend the texts of chunks, even if a surrogate pair is split between two."""
    text = thinking = ""
    for chunk in chunks:
        if chunk.text.isascii() and chunk.thinking.isascii() and not (text or thinking):
            yield chunk  # most chunks
            continue
        whole_text, text = _hold_half(text + chunk.text)
        whole_thinking, thinking = _hold_half(thinking + chunk.thinking)
        changed = whole_text is not chunk.text or whole_thinking is not chunk.thinking
        yield replace(chunk, text=whole_text, thinking=whole_thinking) if changed else chunk
    if text or thinking:
        yield Chunk(text=mended(text), thinking=mended(thinking))


def _hold_half(text: str) -> tuple[str, str]:
    """Split off half a surrogate pair at the end, whose other half may follow."""
    cut = len(text) - ("\ud800" <= text[-1:] <= "\udbff")
    return mended(text[:cut]), text[cut:]

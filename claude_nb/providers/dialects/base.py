"""Wire formats: a request becomes a JSON body, events become chunks. Pure functions, no I/O.

chat.py      chat completions: AI/ML API, and every OpenAI-compatible server
messages.py  Anthropic messages
sides.py     the messages of a request, as both want them; blocks.py: their parts
calls.py     tool calls as they arrive; thoughts.py: signed thoughts

This file holds what both use to read values that a server wrote: whatever is in them, the result is a chunk
or a ClaudeError.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from claude_nb.errors import StreamCut
from claude_nb.providers.sse import Event
from claude_nb.types.request import Chunk, StopReason, Usage

HALF = re.compile("[\ud800-\udfff]")
CREDITS_PER_USD = 2_000_000  # AI/ML API counts in credits

STOP_REASONS: dict[str, StopReason] = {
    "stop": "end",
    "end_turn": "end",
    "eos": "end",
    "length": "max_tokens",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_use",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "pause_turn": "tool_use",  # a turn with tools that run on the server, paused between two of them
    "refusal": "refusal",
    "content_filter": "refusal",
}


@dataclass(frozen=True)
class Dialect:
    """One wire format.

    path     appended to the base URL: "/chat/completions"
    headers  sent beside the key
    body     body(request, stream=True) -> the JSON body; what is unset is absent, never null
    chunks   events of a streamed reply -> chunks; stops at the end marker, raises a typed error it finds
    whole    the JSON object of a reply that was not streamed -> chunks
    """

    name: str
    path: str
    body: Callable[..., dict[str, Any]]
    chunks: Callable[[Iterable[Event]], Iterator[Chunk]]
    whole: Callable[[dict[str, Any]], Iterator[Chunk]]
    headers: Mapping[str, str] = field(default_factory=dict)


def is_damaged(event: Event) -> bool:
    """Of an event without an object: whether it began as one; other data is noise that some proxies send."""
    return event.data.lstrip().startswith("{")


def piece_missing() -> StreamCut:
    """The error of a reply that is whole but for an event that arrived damaged."""
    return StreamCut("a piece of the reply arrived damaged and is missing; the rest is kept, run the cell again")


def stop_fields(raw: object) -> dict[str, Any]:
    """Fields of a chunk for the server's stop word; null and "" are none: some servers send "" all along."""
    if not isinstance(raw, str) or not raw:
        return {}
    return {"stop_reason": STOP_REASONS.get(raw, "unknown"), "raw_stop_reason": label(raw)}


def child(value: object, key: str) -> dict[str, Any]:
    """The object under a key; {} when there is none: child({"a": {"b": 1}}, "a") -> {"b": 1}."""
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def children(value: object, key: str) -> list[dict[str, Any]]:
    """The objects in the list under a key; [] when there is none."""
    inner = value.get(key) if isinstance(value, dict) else None
    return [item for item in inner if isinstance(item, dict)] if isinstance(inner, list) else []


def string(value: object) -> str:
    """The value if it is text, else ""."""
    return value if isinstance(value, str) else ""


def label(value: object) -> str | None:
    """A short text of the server (an id, a name); None when it is empty or no text."""
    return mended(value)[:200] if isinstance(value, str) and value else None


def count(value: object) -> int | None:
    """A number of tokens; None for anything that is not a finite whole number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # The upper end keeps a nonsense count out of sums and out of a database column.
    return int(value) if 0 <= value < 2**53 and value == int(value) else None


def dollars(value: object) -> float | None:
    """An amount of money; None for anything that is not a finite number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        return None
    return float(value) if math.isfinite(value) else None


def cost_usd(data: dict[str, Any]) -> float | None:
    """What AI/ML API says it charged: {"meta": {"usage": {"credits_used": 2480}}} -> 0.00124."""
    spent = child(child(data, "meta"), "usage")
    credit = dollars(spent.get("credits_used"))
    usd = dollars(spent.get("usd_spent"))
    return usd if usd is not None or credit is None else credit / CREDITS_PER_USD


def known(usage: Usage) -> Usage | None:
    """None in place of a usage that says nothing."""
    return None if usage == Usage() else usage


class PromptParts:
    """Anthropic's three counts of a prompt, which arrive in several places, added up to one.

    A later object may repeat only some of them, so the newest real count of each is kept, and the sum is
    made from those.
    """

    NAMES = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def usage(self, raw: dict[str, Any]) -> Usage:
        for name in self.NAMES:
            number = count(raw.get(name))
            if number or (number == 0 and name not in self._counts):
                self._counts[name] = number
        plain, read, write = (self._counts.get(name) for name in self.NAMES)
        return Usage(
            input_tokens=None if plain is None else plain + (read or 0) + (write or 0),
            output_tokens=count(raw.get("output_tokens")),
            cache_read_tokens=read,
            cache_write_tokens=write,
        )


def mended(text: str) -> str:
    """Text that any encoder takes: halves of a surrogate pair are joined, a lone half becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if HALF.search(text) else text


def joined(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """The same chunks with mended text, also where a pair was cut by the border of two chunks."""
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
    """What can be shown, and the first half of a pair whose second half may follow."""
    cut = len(text) - ("\ud800" <= text[-1:] <= "\udbff")
    return mended(text[:cut]), text[cut:]

"""The nouns: Message -> Request -> Chunk -> Reply. All frozen, all plain data, none does I/O.

Message   one side of a conversation          Chunk   one piece of a running reply
Request   all that decides what comes back    Usage   tokens counted by the server
shaping   its settings: shaping.py            Reply   a finished (or broken-off) answer: reply.py
parts     what a message holds beside its text: parts.py
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from claude_nb.types.content import Part
from claude_nb.types.plain import Plain, names_of
from claude_nb.types.settings import Answer, Sampling, Thinking, Tool

Role = Literal["user", "assistant"]
StopReason = Literal["end", "max_tokens", "stop_sequence", "tool_use", "refusal", "interrupted", "error", "unknown"]

STOP_WORDS: dict[str, str] = {
    "end": "finished",
    "max_tokens": "cut at max_tokens",
    "stop_sequence": "stopped at a stop sequence",
    "tool_use": "asks for a tool",
    "refusal": "refused by the model",
    "interrupted": "interrupted",
    "error": "broke off",
    "unknown": "finished, no reason given",
}


@dataclass(frozen=True, slots=True)
class Message(Plain):
    """One side of an exchange: Message("user", "Why is the sky blue?")."""

    role: Role
    text: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Request(Plain):
    """All that decides a reply, and nothing secret: no key and no header is ever part of it.

    thinking  None: as the model does by itself
    effort    how much the model puts into a reply, one of EFFORTS; None: its own measure
    cache     ask the server to keep the prompt, so that one that begins in the same way costs less
    tools     functions that the model may ask to be called
    answer    the form of the reply; None: any
    base_url  None: the provider's own address
    repeat    tells repeated samples of the same request apart (0, 1, 2 ...); never sent
    """

    _ignores_unknown = True
    provider: str
    model: str
    messages: tuple[Message, ...]
    system: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    base_url: str | None = None
    repeat: int = 0
    thinking: Thinking | None = None
    effort: str | None = None
    cache: bool = False
    tools: tuple[Tool, ...] = ()
    answer: Answer | None = None
    _key: str | None = field(default=None, init=False, repr=False, compare=False)  # made once, when it is wanted

    @property
    def prompt(self) -> str:
        """The newest text of the user."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def params(self) -> dict[str, Any]:
        """The settings that are really sent: {"temperature": 0.2}."""
        own = {
            "thinking": str(self.thinking) if self.thinking else None,
            "effort": self.effort,
            "cache": "on" if self.cache else None,
            "tools": [tool.name for tool in self.tools] or None,
            "answer": self.answer and "json",
        }
        return self.sampling.as_params() | {name: value for name, value in own.items() if value is not None}

    @property
    def key(self) -> str:
        """SHA-256 of the canonical JSON: equal requests, and only they, share it."""
        key = self._key
        if key is None:
            text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
            key = hashlib.sha256(text.encode()).hexdigest()
            object.__setattr__(self, "_key", key)
        return key


@dataclass(frozen=True, slots=True)
class Usage(Plain):
    """Tokens as the server counted them; None is "not told", which is not 0.

    input_tokens counts the whole prompt, cached parts included; the two cache counts are parts of it.
    cost_usd is what the server says it charged, in US dollars.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None

    def merged(self, newer: Usage) -> Usage:
        """The newer count wins, but null and 0 never overwrite a real count (servers send both late)."""
        return Usage(*(getattr(newer, name) or getattr(self, name) for name in names_of(Usage)))

    def __add__(self, other: Usage) -> Usage:
        """Sum, for totals: an unknown count adds nothing."""

        def plus(a: Any, b: Any) -> Any:
            return b if a is None else a if b is None else a + b

        return Usage(*(plus(getattr(self, name), getattr(other, name)) for name in names_of(Usage)))


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a running reply; the only thing a model yields. Most chunks are just text.

    stop_reason      in our words; raw_stop_reason is the server's own word beside it
    part             a whole part of the reply beside its text: a signed thought, a tool call
    call             a piece of a tool call while it is written: its name first, then its arguments
    detail           the server's reason for its stop word, one line ("cyber")
    id, model        the server's request id, and the model that really answered
    done             the server's end marker arrived ([DONE], message_stop)
    notice           a line for the user while nothing arrives ("overloaded, trying again in 2 s (1 of 2)"); "": gone
    """

    text: str = ""
    thinking: str = ""
    call: str = ""
    usage: Usage | None = None
    stop_reason: StopReason | None = None
    raw_stop_reason: str | None = None
    detail: str | None = None
    part: Part | None = None
    id: str | None = None
    model: str | None = None
    done: bool = False
    notice: str | None = None

"""The values on the way to a reply. All are frozen, plain data.

Message  one message of a conversation      Chunk  one piece of a running reply
Request  everything that decides a reply    Usage  tokens counted by the server
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from claude_nb.types.content import Part
from claude_nb.types.plain import Plain
from claude_nb.types.settings import Answer, Sampling, ServerTool, Thinking, Tool
from claude_nb.types.token import Token

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
    """One message of a conversation.

    Args:
        role: "user" or "assistant".
        text: The text of the message.
        parts: Attachments, thoughts, tool calls and tool results.

    Example:
        >>> Message("user", "Why is the sky blue?").to_dict()
        {'role': 'user', 'text': 'Why is the sky blue?'}
    """

    role: Role
    text: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Request(Plain):
    """Everything that decides a reply.

    Nothing secret is part of it, neither a key nor a header.

    Args:
        provider: Name of the provider, such as "anthropic" or "demo".
        model: Id of the model at the provider.
        messages: The conversation; the last message is usually the prompt.
        system: The system prompt, or None.
        sampling: How the next token is drawn.
        base_url: Address of the server, or None for the provider's own.
        repeat: Number of a repeated sample of the same request, from 0. It is never sent.
        thinking: How much the model thinks, or None for its default.
        effort: low, medium, high, xhigh or max, or None for the model's default.
        cache: Whether the server should cache the prompt, so that a prompt with the same beginning costs less.
        tools: The functions that the model may call.
        answer: The schema of the reply, or None for free text.
        cache_ttl: How long the cache lasts: "1h", or None for the usual five minutes.
        speed: "fast" for faster and dearer tokens, or None for the usual speed.
        server_tools: The tools that run on the server of the provider: web search, web fetch.
        cite: Whether the reply should quote the attached documents.
        logprobs: How many alternatives to tell for each token of the reply, 0 to 20; None tells no probabilities.

    Example:
        >>> Request("demo", "demo", (Message("user", "Hi"),)).prompt
        'Hi'
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
    cache_ttl: Literal["1h"] | None = None
    speed: Literal["fast"] | None = None
    server_tools: tuple[ServerTool, ...] = ()
    cite: bool = False
    logprobs: int | None = None
    _key: str | None = field(default=None, init=False, repr=False, compare=False)  # computed at first use

    @property
    def prompt(self) -> str:
        """The newest text of the user, or "" if there is none."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def params(self) -> dict[str, Any]:
        """The settings that are sent: {"temperature": 0.2}."""
        others = {
            "thinking": str(self.thinking) if self.thinking else None,
            "effort": self.effort,
            "cache": (self.cache_ttl or "on") if self.cache else None,
            "speed": self.speed,
            "logprobs": self.logprobs,
            "tools": [tool.name for tool in self.tools] or None,
            "answer": self.answer and "json",
            **{tool.name: tool.max_uses or "on" for tool in self.server_tools},
            "cite": "on" if self.cite else None,
        }
        return self.sampling.as_params() | {name: value for name, value in others.items() if value is not None}

    @property
    def origin(self) -> str:
        """Provider and address: "openai-compatible http://localhost:11434/v1"."""
        return f"{self.provider} {(self.base_url or '').rstrip('/')}".rstrip()

    @property
    def key(self) -> str:
        """SHA-256 of the canonical JSON.

        Two requests have the same key only if they are equal.
        """
        key = self._key
        if key is None:
            text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
            key = hashlib.sha256(text.encode()).hexdigest()
            object.__setattr__(self, "_key", key)
        return key


@dataclass(frozen=True, slots=True)
class Usage(Plain):
    """Tokens as the server counted them. None means that it did not report a count.

    Args:
        input_tokens: Tokens of the whole prompt, including the cached ones.
        output_tokens: Tokens of the reply, including thinking.
        cache_read_tokens: The part of input_tokens that came from the cache.
        cache_write_tokens: The part of input_tokens that was written to the cache.
        cost_usd: US dollars that the server says it charged.
        cache_write_1h_tokens: The part of cache_write_tokens that the cache keeps for an hour.
        thinking_tokens: The part of output_tokens that is thinking.
        web_searches: Searches of the web that the provider made for the reply. Each has a price.

    Example:
        >>> Usage(10, 5) + Usage(1)
        Usage(input_tokens=11, output_tokens=5, ...)
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None
    cache_write_1h_tokens: int | None = None
    thinking_tokens: int | None = None
    web_searches: int | None = None

    def merged(self, newer: Usage) -> Usage:
        """Return these counts, replaced by newer ones.

        Args:
            newer: Later counts of the same reply. None and 0 replace no count, because servers also send both late.

        Returns:
            The merged counts: `Usage(3, 1).merged(Usage(0, 9))` is `Usage(3, 9)`.
        """
        pairs = zip(self._counts(), newer._counts(), strict=True)
        return Usage(*(new if new or old is None else old for old, new in pairs))

    def __add__(self, other: Usage) -> Usage:
        """Add two counts. An unknown count adds nothing."""
        pairs = zip(self._counts(), other._counts(), strict=True)
        return Usage(*(b if a is None else a if b is None else a + b for a, b in pairs))

    def _counts(self) -> tuple[Any, ...]:
        # Not dataclasses.astuple(), which copies each of them deeply.
        counts = (self.input_tokens, self.output_tokens, self.cache_read_tokens, self.cache_write_tokens)
        return (*counts, self.cost_usd, self.cache_write_1h_tokens, self.thinking_tokens, self.web_searches)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a running reply, and the only thing that a model yields.

    Most chunks are just text.

    call             a piece of a tool call that is being written: first its name, then its arguments
    stop_reason      one of StopReason; raw_stop_reason is the server's own word
    detail           why the server stopped, in one line ("cyber")
    part             a complete part of the reply: a signed thought or a tool call
    id, model        the server's request id, and the model that really answered
    done             the server's end marker arrived ([DONE], message_stop)
    notice           a line for the user while nothing arrives ("overloaded, trying again in 2 s"); "" clears it
    remark           a line for the user that stays with the reply
    tokens           the tokens of a text, if they were asked for; the text may be in another chunk
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
    remark: str = ""
    tokens: tuple[Token, ...] = ()

    @property
    def has_characters(self) -> bool:
        """Return whether it holds characters of the reply itself."""
        return bool(self.text or self.thinking or self.call)

"""The settings inside a request. Frozen, plain data.

Sampling  how the next token is drawn    Tool    a function that the model may call
Thinking  how much the model thinks      Answer  the schema that the reply must match
ServerTool  a tool that runs on the server of the provider
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from claude_nb.types.plain import SIGNED, Plain

Method = Literal["native", "tool", "prompt"]


@dataclass(frozen=True, slots=True)
class Sampling(Plain):
    """Settings of how a model draws the next token.

    A setting that is None is not sent.

    Args:
        temperature: From 0 (the most likely tokens) to 1 (varied); up to 2 on the demo model.
        top_p: Keep the most likely tokens that together have this probability; above 0, at most 1.
        top_k: Keep this many of the most likely tokens; at least 1.
        max_tokens: Length of the reply in tokens, at which it is cut; at least 1.
        stop_sequences: Texts that end the reply. The text itself is not part of it.
        seed: The same seed gives the same reply, if the model supports it, as the demo model does.
        min_p: Keep the tokens that are at least this share as likely as the most likely one; from 0 to 1.
        is_default_limit: Whether max_tokens was filled in because the server requires it. It is not stored.

    Example:
        >>> Sampling(temperature=0.2, top_k=5).as_params()
        {'temperature': 0.2, 'top_k': 5}
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop_sequences: tuple[str, ...] | None = None
    seed: Annotated[int, SIGNED] | None = None
    min_p: float | None = None
    is_default_limit: bool = field(default=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Equal values (1 and 1.0, -0.0 and 0.0) get one spelling, because Request.key is a hash of it.
        for name in ("temperature", "top_p", "min_p"):
            if isinstance(getattr(self, name), (int, float)):
                object.__setattr__(self, name, getattr(self, name) + 0.0)
        if isinstance(self.stop_sequences, list):
            object.__setattr__(self, "stop_sequences", tuple(self.stop_sequences))

    def as_params(self) -> dict[str, Any]:
        """Return the settings that are not None.

        Sampling(top_k=5).as_params() -> {"top_k": 5}
        """
        return self.to_dict()


@dataclass(frozen=True, slots=True)
class Thinking(Plain):
    """Amount of thinking before a model answers.

    kind           adaptive (the model decides), enabled (up to budget_tokens), disabled, or between_tools (off; the
                   model still writes notes between two tool calls)
    budget_tokens  at least 1,024 and below max_tokens, which includes it
    display        "summarized" asks for the text of the thoughts, which some models hide by default
    """

    kind: Literal["adaptive", "enabled", "disabled", "between_tools"] = field(metadata={"key": "type"})
    budget_tokens: int | None = None
    display: str | None = None

    def __str__(self) -> str:
        return self.kind.replace("_", " ") if self.budget_tokens is None else f"{self.budget_tokens:,} tokens"


@dataclass(frozen=True, slots=True)
class Tool(Plain):
    """The description of a function that a model may call.

    The function itself is not part of a request.

    schema  JSON Schema of its parameters, as JSON text
    """

    name: str
    description: str
    schema: str


@dataclass(frozen=True, slots=True)
class ServerTool(Plain):
    """A tool that runs on the server of the provider, such as its web search.

    type      its name and version, as the provider spells them: "web_search_20260318"
    max_uses  how often the model may use it in one request, at least 1; None: as often as it wants
    """

    type: str
    max_uses: int | None = None

    @property
    def name(self) -> str:
        """Its name without the version: "web_search"."""
        return self.type.rpartition("_")[0]


@dataclass(frozen=True, slots=True)
class Answer(Plain):
    """The schema that a reply must match.

    schema   JSON Schema of an object, as JSON text
    method   native (the server enforces it), tool (the arguments of a tool call that the model must make) or
             prompt (the prompt asks for it)
    wrapped  True if the user's schema is not an object; it then stands in an object, as the field "answer"
    """

    _always = ("wrapped",)
    schema: str
    method: Method = field(default="native", metadata={"key": "how"})
    wrapped: bool = False


EFFORTS = ("low", "medium", "high", "xhigh", "max")

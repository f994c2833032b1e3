"""What shapes a reply: the settings of a request. Frozen, plain data.

Sampling  how its words are drawn       Tool    a function that the model may ask for
Thinking  how the model is to think     Answer  the form that the reply must have
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from claude_nb.types.plain import SIGNED, Plain

Way = Literal["native", "tool", "prompt"]


@dataclass(frozen=True, slots=True)
class Sampling(Plain):
    """The settings that shape a reply. None means: not sent, the model's own default holds.

    temperature     0 (most likely words) to 1 (varied); to 2 on the demo model
    top_p           keep the most likely words that share this probability; above 0, at most 1
    top_k           keep this many of the most likely words; at least 1
    max_tokens      the reply ends after this many tokens; at least 1
    stop_sequences  the reply ends before the first of these texts
    seed            same seed, same reply, where the model supports one (the demo model does)
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop_sequences: tuple[str, ...] | None = None
    seed: Annotated[int, SIGNED] | None = None

    def __post_init__(self) -> None:
        # One spelling for equal values (1 and 1.0, -0.0 and 0.0), because Request.key is made from it.
        for name in ("temperature", "top_p"):
            if isinstance(getattr(self, name), (int, float)):
                object.__setattr__(self, name, getattr(self, name) + 0.0)
        if isinstance(self.stop_sequences, list):
            object.__setattr__(self, "stop_sequences", tuple(self.stop_sequences))

    def as_params(self) -> dict[str, Any]:
        """Only what is set: Sampling(top_k=5).as_params() -> {"top_k": 5}."""
        return self.to_dict()


@dataclass(frozen=True, slots=True)
class Thinking(Plain):
    """How a model is to think.

    kind           adaptive (it decides how much), enabled (up to budget_tokens) or disabled
    budget_tokens  at least 1,024, and below max_tokens, of which it is a part
    display        "summarized" asks for the text of the thoughts where a model keeps it back
    """

    kind: Literal["adaptive", "enabled", "disabled"] = field(metadata={"key": "type"})
    budget_tokens: int | None = None
    display: str | None = None

    def __str__(self) -> str:
        return self.kind if self.budget_tokens is None else f"{self.budget_tokens:,} tokens"

    def as_params(self) -> dict[str, Any]:
        """As Anthropic's format has it: {"type": "enabled", "budget_tokens": 4000}."""
        return self.to_dict()


@dataclass(frozen=True, slots=True)
class Tool(Plain):
    """A function as a model is told of it; the function itself is no part of a request.

    schema  JSON schema of its arguments, as JSON text
    """

    name: str
    description: str
    schema: str


@dataclass(frozen=True, slots=True)
class Answer(Plain):
    """The form a reply must have.

    schema   JSON schema of an object, as JSON text
    how      native (the server holds the model to it), tool (as the arguments of a call that the model must make),
             or prompt (it is asked to)
    wrapped  True: what was asked for is no object, so it is the one field, "answer", of one
    """

    _always = ("wrapped",)
    schema: str
    how: Way = "native"
    wrapped: bool = False


EFFORTS = ("low", "medium", "high", "xhigh", "max")

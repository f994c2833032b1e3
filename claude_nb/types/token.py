"""One token of a reply, with its probability and what else the model might have written there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from claude_nb.types.plain import Plain

MOST_ALTERNATIVES = 20  # more than any server tells


@dataclass(frozen=True, slots=True)
class Alternative(Plain):
    """A token that the model might have written at one place.

    Args:
        text: Its text.
        probability: From 0 to 1; None if the server did not say.

    Example:
        >>> Alternative(" a", 0.25).probability
        0.25
    """

    _ignores_unknown = True
    text: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Token(Plain):
    """One token of a reply: reply.tokens[0].

    The probability is the model's own, before temperature, top_k and top_p. The demo model and the usual servers
    (OpenAI, vLLM, llama.cpp, Ollama) agree in this.

    Args:
        text: Its text in the reply. It is "" for a token that holds only the beginning of a character.
        probability: From 0 to 1; None if the server did not say.
        alternatives: The most likely tokens at this place, the most likely first. This one is usually among them.

    Example:
        >>> Token(" the", 0.5).surprise
        1.0
    """

    _ignores_unknown = True
    text: str
    probability: float | None = None
    alternatives: tuple[Alternative, ...] = ()

    @property
    def surprise(self) -> float | None:
        """Surprise in bits: 0 if the token was certain, 1 for 50%, 2 for 25%. None if unknown."""
        return None if not self.probability else abs(math.log2(min(1.0, self.probability)))


def probability(logprob: object) -> float | None:
    """Return the probability for a natural logarithm; None if that is not a number up to 0.

    Servers write -9999 or the lowest number for what they do not know, and JSON has no infinity.
    """
    if isinstance(logprob, bool) or not isinstance(logprob, (int, float)) or not -1000 < logprob < 0.01:
        return None
    return rounded(math.exp(min(0.0, logprob)))


def rounded(p: float) -> float:
    """Return a probability with nine digits, because they are stored for each token."""
    return float(f"{p:.9g}")

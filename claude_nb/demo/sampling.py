"""From probabilities to one drawn token: temperature, top_k, top_p, draw. js/src/sampling.js does the same.

Temperature first, then top_k, then top_p is what Hugging Face does; llama.cpp's default cuts first and applies
the temperature last. Both are here, because the same numbers keep different words in the two orders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Order = Literal["temperature_first", "temperature_last"]
CutBy = Literal["top_k", "top_p"]

# A draw compares whole numbers of this size, so that a last-bit difference between two machines' exp() moves no word.
UNITS = 10**12
# .1 added up eight times stays just below .8: a sum this near to top_p has reached it.
NEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the settings make of one distribution.

    stages  ("model", p), then ("temperature", ...), ("top_k", ...), ("top_p", ...) in the order applied;
            what is off leaves its stage unchanged. Each sums to 1 over the whole vocabulary
    cut     for every token what removed it: "top_k", "top_p", or None for one that was not removed
    """

    stages: tuple[tuple[str, list[float]], ...]
    cut: list[CutBy | None]

    @property
    def final(self) -> list[float]:
        """The distribution the token is drawn from."""
        return self.stages[-1][1]


def shape(
    p: Sequence[float],
    *,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    order: Order = "temperature_first",
) -> Sampled:
    """Apply the settings to the model's probabilities *p*; None leaves a setting off.

    Temperature 0 takes the most likely token (the first of equals) and leaves nothing to cut.

    >>> shape([0.5, 0.3, 0.2], top_p=0.8).final
    [0.625, 0.375, 0.0]
    """
    model = list(p)
    cut: list[CutBy | None] = [None] * len(model)
    if temperature == 0:
        top = with_temperature(model, 0)
        return Sampled((("model", model), *((name, top) for name in ("temperature", "top_k", "top_p"))), cut)
    stages = [("model", model)]
    now = model
    ranked = _ranked(model) if (top_k is not None and top_k < len(model)) or (top_p is not None and top_p < 1) else []
    names = ("temperature", "top_k", "top_p") if order == "temperature_first" else ("top_k", "top_p", "temperature")
    for name in names:
        if name == "temperature" and temperature is not None:
            now = with_temperature(now, temperature)
        elif name == "top_k" and top_k is not None and top_k < len(model):
            now, ranked = _keep(now, ranked, top_k, cut, "top_k")
        elif name == "top_p" and top_p is not None and top_p < 1:
            now, ranked = _keep(now, ranked, _prefix(now, ranked, top_p), cut, "top_p")
        stages.append((name, now))
    return Sampled(tuple(stages), cut)


def with_temperature(p: Sequence[float], temperature: float) -> list[float]:
    """p_i^(1/T), scaled to sum 1. Below 1 sharper, above 1 flatter, 0: all on the most likely token."""
    most = max(p)
    power = 1 / temperature if temperature else math.inf
    if power == math.inf:
        first = list(p).index(most)
        return [float(i == first) for i in range(len(p))]
    if power == 1:
        return list(p)
    # Divided by the largest first: the largest power is then 1, so no T overflows, and none leaves only zeros.
    return _scaled([(x / most) ** power for x in p])


def draw(p: Sequence[float], u: float) -> int:
    """The first token at which the running sum of *p* exceeds *u* (0 <= u < 1): draw([0.5, 0.5], 0.5) -> 1."""
    goal = u * UNITS
    total = last = 0
    for token, x in enumerate(p):
        if x:
            total += math.floor(x * UNITS + 0.5)
            last = token
            if total > goal:
                return token
    return last  # u lies above a sum that rounding left just below 1


def entropy_bits(p: Sequence[float]) -> float:
    """How undecided the distribution is: 0 for a certain token, 1 for a fair coin."""
    return abs(math.fsum(x * math.log2(x) for x in p if x))


def effective_choices(p: Sequence[float]) -> float:
    """2^entropy: among how many equally likely tokens this draw would be as open."""
    return math.pow(2, entropy_bits(p))


def survivors(p: Sequence[float]) -> int:
    """How many tokens can still be drawn."""
    return sum(1 for x in p if x)


def surprisal_bits(p: float) -> float:
    """How unexpected a token of this probability is: 1 bit for 0.5; infinite for 0."""
    return math.inf if p == 0 else abs(math.log2(p))


def _ranked(p: Sequence[float]) -> list[int]:
    """Token ids, most likely first; of equals the lowest id."""
    return sorted(range(len(p)), key=p.__getitem__, reverse=True)


def _prefix(p: Sequence[float], ranked: Sequence[int], top_p: float) -> int:
    """How many of the ranked tokens it takes to reach top_p; the one that crosses is in."""
    total = 0.0
    for count, token in enumerate(ranked, start=1):
        total += p[token]
        if total >= top_p - NEAR:
            return count
    return len(ranked)


def _keep(
    p: Sequence[float], ranked: list[int], count: int, cut: list[CutBy | None], reason: CutBy
) -> tuple[list[float], list[int]]:
    """Only the first *count* of the ranked tokens, scaled to sum 1; notes the reason beside the others."""
    kept, dropped = ranked[:count], ranked[count:]
    for token in dropped:
        cut[token] = reason
    left = [0.0] * len(p)
    whole = math.fsum(p[token] for token in kept)
    for token in kept:
        left[token] = p[token] / whole
    return left, kept


def _scaled(weights: list[float]) -> list[float]:
    whole = math.fsum(weights)
    return [x / whole for x in weights]

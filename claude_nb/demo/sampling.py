"""Draw a token from probabilities: temperature, top_k, top_p, min_p, draw.

js/src/sampling.js does the same. Hugging Face applies the temperature first, then top_k, top_p and min_p. llama.cpp
cuts first by default and applies the temperature last. Both orders are here, because they keep different words for
the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Order = Literal["temperature_first", "temperature_last"]
CutBy = Literal["top_k", "top_p", "min_p"]

# A draw compares whole numbers of this size, so that rounding differences between machines change no word.
UNITS = 10**12
# 0.1 added eight times is just below 0.8, so a sum this close to top_p counts as equal.
NEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Sampled:
    """Effect of the settings on a distribution.

    stages  ("model", p), then ("temperature", ...), ("top_k", ...), ("top_p", ...), ("min_p", ...) in the order of use.
            A setting that is off changes nothing. Each stage sums to 1 over the whole vocabulary
    cut     for each token what removed it: "top_k", "top_p", "min_p", or None if it was not removed
    """

    stages: tuple[tuple[str, list[float]], ...]
    cut: list[CutBy | None]

    @property
    def final(self) -> list[float]:
        """The distribution from which the token is drawn."""
        return self.stages[-1][1]


def shape(
    p: Sequence[float],
    *,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    order: Order = "temperature_first",
) -> Sampled:
    """Apply the settings to the model's probabilities *p*. None turns a setting off.

    Temperature 0 takes the most likely token (the first of equals), so that nothing is left to cut.

    >>> shape([0.5, 0.3, 0.2], top_p=0.8).final
    [0.625, 0.375, 0.0]
    """
    model = list(p)
    cut: list[CutBy | None] = [None] * len(model)
    cuts = ("top_k", "top_p", "min_p")
    names = ("temperature", *cuts) if order == "temperature_first" else (*cuts, "temperature")
    if temperature == 0:
        top = with_temperature(model, 0)
        return Sampled((("model", model), *((name, top) for name in names)), cut)
    stages = [("model", model)]
    now = model
    cutting = min_p or (top_k is not None and top_k < len(model)) or (top_p is not None and top_p < 1)
    ranked = _ranked(model) if cutting else []
    for name in names:
        if name == "temperature" and temperature is not None:
            now = with_temperature(now, temperature)
        elif name == "top_k" and top_k is not None and top_k < len(model):
            now, ranked = _keep(now, ranked, top_k, cut, "top_k")
        elif name == "top_p" and top_p is not None and top_p < 1:
            now, ranked = _keep(now, ranked, _prefix(now, ranked, top_p), cut, "top_p")
        elif name == "min_p" and min_p:
            now, ranked = _keep(now, ranked, _likely(now, ranked, min_p), cut, "min_p")
        stages.append((name, now))
    return Sampled(tuple(stages), cut)


def with_temperature(p: Sequence[float], temperature: float) -> list[float]:
    """Return p_i^(1/T), scaled to sum 1.

    T below 1 is sharper, above 1 flatter; 0 takes the most likely token.
    """
    most = max(p)
    power = 1 / temperature if temperature else math.inf
    if power == math.inf:
        first = list(p).index(most)
        return [float(i == first) for i in range(len(p))]
    if power == 1:
        return list(p)
    # Division by the largest makes the largest power 1, so that no T overflows or leaves only zeros.
    return _scaled([(x / most) ** power for x in p])


def draw(p: Sequence[float], u: float) -> int:
    """Return the first token at which the sum of *p* exceeds *u*, 0 to below 1.

    draw([0.5, 0.5], 0.5) -> 1
    """
    goal = u * UNITS
    total = last = 0
    for token, x in enumerate(p):
        if x:
            total += math.floor(x * UNITS + 0.5)
            last = token
            if total > goal:
                return token
    return last  # rounding can leave the sum just below 1, and u above it


def entropy_bits(p: Sequence[float]) -> float:
    """Return the entropy of a distribution: 0 for a certain token, 1 for a fair coin."""
    return abs(math.fsum(x * math.log2(x) for x in p if x))


def effective_choices(p: Sequence[float]) -> float:
    """Return 2^entropy, the number of equally likely tokens with the same entropy."""
    return math.pow(2, entropy_bits(p))


def survivors(p: Sequence[float]) -> int:
    """Return how many tokens can be drawn."""
    return sum(1 for x in p if x)


def surprisal_bits(p: float) -> float:
    """Return how unlikely a token is: 1 bit for 0.5, infinite for 0."""
    return math.inf if p == 0 else abs(math.log2(p))


def _ranked(p: Sequence[float]) -> list[int]:
    """Return token ids, the most likely first; of equals the lowest id."""
    return sorted(range(len(p)), key=p.__getitem__, reverse=True)


def _prefix(p: Sequence[float], ranked: Sequence[int], top_p: float) -> int:
    """Return how many ranked tokens it takes to reach top_p."""
    total = 0.0
    for count, token in enumerate(ranked, start=1):
        total += p[token]
        if total >= top_p - NEAR:
            return count
    return len(ranked)


def _likely(p: Sequence[float], ranked: Sequence[int], min_p: float) -> int:
    """Return how many ranked tokens are at least min_p times as likely as the first one."""
    least = min_p * p[ranked[0]] * (1 - NEAR)
    return next((count for count, token in enumerate(ranked) if p[token] < least), len(ranked))


def _keep(
    p: Sequence[float], ranked: list[int], count: int, cut: list[CutBy | None], reason: CutBy
) -> tuple[list[float], list[int]]:
    """Keep the first *count* ranked tokens, scaled to sum 1.

    For the others, note the reason in *cut*.
    """
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

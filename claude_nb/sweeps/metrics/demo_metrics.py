"""Probabilities of the demo model at each word of a reply. No other model reveals them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from claude_nb import demo
from claude_nb.demo import sampling
from claude_nb.demo.corpus import tokens
from claude_nb.sweeps.metrics.statistics import mean
from claude_nb.types.reply import Reply


class _Path(NamedTuple):
    """Means over the tokens of a reply: choices after the settings, and bits of surprise before them."""

    choices: float | None
    bits: float | None


def effective_choices(reply: Reply) -> float | None:
    """Return the mean number of equally likely words at each step; None for an empty reply."""
    return _path(reply).choices


def perplexity(reply: Reply) -> float | None:
    """Return 2 to the mean surprisal of the text, before any setting; None for an empty reply."""
    bits = _path(reply).bits
    return None if bits is None else 2.0**bits


@lru_cache(maxsize=4096)
def _path(reply: Reply) -> _Path:
    """Lead the model along the words of the reply, and look at its probabilities before each word."""
    number = {word: token for token, word in enumerate(demo.vocabulary(reply.request))}
    written = tokens(reply.text)
    path = [number.get(word, number.get(f" {word}")) for word in written]
    known = path[: path.index(None)] if None in path else path
    forced = [token for token in known if token is not None]
    choices, bits = [], []
    for step, token in zip(demo.steps(reply.request, force=forced), forced, strict=False):
        choices.append(sampling.effective_choices(step.final))
        bits.append(sampling.surprisal_bits(step.p[token]))
    return _Path(mean(choices), mean(bits))

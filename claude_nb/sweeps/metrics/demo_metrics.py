"""What the demo model thought while it wrote a reply; no other model can be asked that."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from claude_nb import demo
from claude_nb.demo import sampling
from claude_nb.demo.corpus import tokens
from claude_nb.sweeps.metrics.statistics import mean
from claude_nb.types.reply import Reply


class _Path(NamedTuple):
    """Means over the tokens of a reply: open choices after the settings, and bits of surprise before them."""

    choices: float | None
    bits: float | None


def effective_choices(reply: Reply) -> float | None:
    """Among how many equally likely words each word was drawn, on average; None for an empty reply."""
    return _path(reply).choices


def perplexity(reply: Reply) -> float | None:
    """How surprising the untempered model finds the text: 2 to the mean surprisal; None for an empty reply."""
    bits = _path(reply).bits
    return None if bits is None else 2.0**bits


@lru_cache(maxsize=4096)
def _path(reply: Reply) -> _Path:
    """The model is led along the words of the reply once more, and looked at before each."""
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

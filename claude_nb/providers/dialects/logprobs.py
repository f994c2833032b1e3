"""Read the token probabilities of the Chat Completions format, and of the older format of completions."""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from claude_nb.providers.dialects.base import child, children, string
from claude_nb.safe_text.visible import mended
from claude_nb.types.token import MOST_ALTERNATIVES, Alternative, Token, probability, rounded

MOST_CHARS = 200  # of a token; longer ones are a fault of the server


class LogprobReader:
    """The tokens of one reply. A character may be split between two of them."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self, choice: dict[str, Any]) -> tuple[Token, ...]:
        """Return the tokens of a choice or of a piece of it."""
        logprobs = child(choice, "logprobs")
        items = children(logprobs, "content") + children(logprobs, "refusal") or list(_old_items(logprobs))
        return tuple(map(self._token, items))

    def _token(self, item: dict[str, Any]) -> Token:
        text = mended(self._decoder.decode(_bytes(item)))
        others = islice(children(item, "top_logprobs") or children(item, "top_probs"), MOST_ALTERNATIVES)
        return Token(text, _probability(item), tuple(map(_alternative, others)))


def _alternative(item: dict[str, Any]) -> Alternative:
    return Alternative(mended(_bytes(item).decode("utf-8", "replace")), _probability(item))


def _bytes(item: dict[str, Any]) -> bytes:
    """Return the bytes of a token. Its text shows only whole characters."""
    numbers = item.get("bytes")
    if isinstance(numbers, list) and all(type(number) is int and 0 <= number < 256 for number in numbers):
        data = bytes(numbers[: 4 * MOST_CHARS])
    else:
        data = b""
    return data or string(item.get("token"))[:MOST_CHARS].encode("utf-8", "surrogatepass")


def _probability(item: dict[str, Any]) -> float | None:
    p = item.get("prob")  # llama.cpp, if it tells the probabilities after sampling
    if isinstance(p, float) and "logprob" not in item:
        return rounded(p) if math.isfinite(p) and 0 < p <= 1 else None
    return probability(item.get("logprob"))


def _old_items(logprobs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield tokens that arrive as columns: {"tokens": [...], "token_logprobs": [...], "top_logprobs": [{...}, ...]}."""
    columns = (logprobs.get(name) for name in ("tokens", "token_logprobs", "top_logprobs"))
    tokens, known, others = (column if isinstance(column, list) else [] for column in columns)
    for i, token in enumerate(tokens):
        top = others[i] if i < len(others) and isinstance(others[i], dict) else {}
        yield {
            "token": token,
            "logprob": known[i] if i < len(known) else None,
            "top_logprobs": [{"token": text, "logprob": logprob} for text, logprob in top.items()],
        }

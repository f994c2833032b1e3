"""The tokens of a text. Their texts together are the text, whatever else the server sent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from claude_nb.types.token import Token

# Some servers write a token as its tokenizer stores it: with a sign in place of a space or a line end.
SPELLINGS = str.maketrans({"\u2581": " ", "\u0120": " ", "\u010a": "\n"})
BROKEN = "\ufffd"  # what some servers write for a token that holds only a part of a character
MOST_PLACES = 1000  # that are looked at
LOOK_AHEAD = 16  # tokens that are tried ...
LOOK_CHARS = 200  # ... and characters of the text, to find where both agree again


class Tokens(tuple[Token, ...]):
    """The tokens of a reply. Their texts together are its text, and a notebook shows them shaded by surprise."""

    __slots__ = ()

    @property
    def surprise(self) -> float | None:
        """The mean surprise of the tokens with a known probability, in bits; None if there are none."""
        known = [token.surprise for token in self if token.surprise is not None]
        return math.fsum(known) / len(known) if known else None

    def to_pandas(self) -> Any:
        """Convert to a pandas DataFrame with one row per token: text, probability, surprise, alternatives."""
        from claude_nb.render.table import Table

        return Table(
            {
                "text": token.text,
                "probability": token.probability,
                "surprise": token.surprise,
                "alternatives": {other.text: other.probability for other in token.alternatives},
            }
            for token in self
        ).to_pandas()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from claude_nb.render import sureness

        return {"text/html": sureness.shaded(self), "text/plain": sureness.lines(self)}


def fitted(tokens: Sequence[Token], text: str, most: int) -> Tokens | None:
    """Return the tokens of a text, with at most so many alternatives each; None if nothing is known of them.

    Servers also send tokens that are not in the text: of the thinking, of tool calls, of a stop sequence, the end. A
    piece of the text that no token covers becomes a token of unknown probability.
    """
    if not text or not tokens:
        return None
    begin = _place(tokens, text)
    if begin < 0 and any(token.text.translate(SPELLINGS) != token.text for token in tokens):
        tokens = _respelled(tokens)
        begin = _place(tokens, text)
    kept = _between(tokens, begin, begin + len(text)) if begin >= 0 else list(_pieces(tokens, text))
    if all(token.probability is None and not token.alternatives for token in kept):
        return None
    return Tokens(replace(token, alternatives=token.alternatives[:most]) for token in kept)


def joined(*pieces: tuple[str, Tokens | None]) -> Tokens | None:
    """Return the tokens of several texts together. Of a text, only the beginning may be left, or nothing known."""
    if not any(tokens for _, tokens in pieces):
        return None
    return Tokens(token for text, tokens in pieces for token in _beginning(tokens or (), text))


def _beginning(tokens: Sequence[Token], text: str) -> Iterator[Token]:
    known = _between(tokens, 0, len(text))
    yield from known
    if rest := text[sum(len(token.text) for token in known) :]:
        yield Token(rest)


def _place(tokens: Sequence[Token], text: str) -> int:
    """Return where the text begins in all tokens together; -1 if it does not occur.

    It may occur several times: in the thinking, and by chance in the sign for the end. The last place where a token
    begins counts, with or without the space before its word, or else the last one.
    """
    whole = "".join(token.text for token in tokens)
    starts, size = set[int](), 0
    for token in tokens:
        starts |= {size, size + len(token.text) - len(token.text.lstrip())}
        size += len(token.text)
    last = at = whole.rfind(text)
    for _ in range(MOST_PLACES):
        if at < 0 or at in starts:
            break
        at = whole.rfind(text, 0, at + len(text) - 1)
    return at if at in starts else last


def _respelled(tokens: Sequence[Token]) -> list[Token]:
    return [
        replace(
            token,
            text=token.text.translate(SPELLINGS),
            alternatives=tuple(replace(other, text=other.text.translate(SPELLINGS)) for other in token.alternatives),
        )
        for token in tokens
    ]


def _between(tokens: Sequence[Token], begin: int, end: int) -> list[Token]:
    """Return the tokens of these characters. A stop sequence may have cut the last one."""
    kept: list[Token] = []
    at = 0
    for token in tokens:
        cut = token.text[max(0, begin - at) : max(0, end - at)]
        if cut or (not token.text and begin <= at < end):
            kept.append(token if cut == token.text else replace(token, text=cut))
        at += len(token.text)
    return kept


def _pieces(tokens: Sequence[Token], text: str) -> Iterator[Token]:
    """Yield the tokens that are in the text, one after the other, and what lies between them."""
    at = i = 0
    while i < len(tokens) and at < len(text):
        if tokens[i].text and text.startswith(tokens[i].text, at):
            yield tokens[i]
            at, i = at + len(tokens[i].text), i + 1
            continue
        following, place = _agreement(tokens, i, text, at)
        lost, gap = tokens[i:following], text[at:place]
        if gap and lost and all(BROKEN in token.text for token in lost):  # together they are this piece
            yield from (replace(token, text="") for token in lost[:-1])
            yield replace(lost[-1], text=gap)
        elif gap:
            yield Token(gap)
        i, at = following, place
    if at < len(text):
        yield Token(text[at:])


def _agreement(tokens: Sequence[Token], start: int, text: str, at: int) -> tuple[int, int]:
    """Return from which token and which place on both agree again: two tokens in a row; the ends if nowhere."""
    for i in range(start, min(start + LOOK_AHEAD, len(tokens))):
        first, second = tokens[i].text, tokens[i + 1].text if i + 1 < len(tokens) else ""
        place = text.find(first, at, at + LOOK_CHARS) if first.strip() and BROKEN not in first else -1
        if place >= 0 and text.startswith(second, place + len(first)):
            return i, place
    return len(tokens), len(text)

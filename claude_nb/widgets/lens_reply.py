"""A reply in the lens: what its server told of the probabilities, and nothing else."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.render.chars import counted
from claude_nb.safe_text.visible import visible
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request
from claude_nb.types.token import Token
from claude_nb.widgets.lens_local import SPACES
from claude_nb.widgets.lens_models import CONTEXT_CHARS, Settings

CLOSED = "this reply was written elsewhere; ask its model again, or use Lens(prompt, provider='local')"


@dataclass(frozen=True, slots=True)
class ReplyStep:
    """One token of a reply; see LensStep.

    p      the probabilities that the server told, the most likely first, and then what is left: all it did not tell
    names  the texts of those that it told
    token  the place of this one, or that of what is left if its own probability is not known
    """

    before: str
    p: array[float]
    names: tuple[str, ...]
    token: int
    word: str
    u: float = 0.0
    forced: bool = True

    @property
    def final(self) -> array[float]:
        return self.p


class ReplyLens:
    """A reply in the lens. Nothing can be written anew, and no setting applies to what is not known."""

    provider = "reply"
    words: Sequence[str] = ()
    size: int | None = None
    end: int | None = None
    usual = most = known = 400

    def __init__(self, reply: Reply) -> None:
        if reply.tokens is None:
            raise PromptError("the server told no probabilities of this reply; ask again with logprobs=5")
        self._tokens = reply.tokens
        self._is_open = False
        self.badge = f"A reply of {visible(reply.model)}, as its server told it"

    def write(
        self, request: Request, _settings: Settings, kept: Sequence[ReplyStep], forced: Sequence[int]
    ) -> Iterator[ReplyStep]:
        """Yield a step for each token of the reply."""
        if kept or forced or self._is_open:
            raise PromptError(CLOSED)
        self._is_open = True
        before = request.prompt[-CONTEXT_CHARS:]
        for token in self._tokens:
            yield _step(token, before)
            before = (before + token.text)[-CONTEXT_CHARS:]

    def spelled(self, _text: str) -> list[int]:
        """Return no tokens, because only the server knows them."""
        return []

    def number(self, _step: ReplyStep, _place: int) -> int:
        """Raise PromptError: no token can be forced."""
        raise PromptError(CLOSED)

    def place(self, _step: ReplyStep, _word: str) -> int:
        """Raise PromptError: no token can be forced."""
        raise PromptError(CLOSED)

    def name(self, step: ReplyStep, place: int) -> str:
        """Return the text of a token, with its white space visible."""
        return step.names[place] if place < len(step.names) else "not told"

    def shown(self, step: ReplyStep) -> str:
        """Return the text of a step as the page shows it."""
        return _visible(step.word)

    def ends(self, _step: ReplyStep) -> bool:
        """Return False: the end of a reply is not among its tokens."""
        return False

    def chance(self, step: ReplyStep) -> float | None:
        """Return the probability of the token of a step; None if the server did not tell it."""
        return step.p[step.token] if step.token < len(step.names) else None

    def text(self, steps: Sequence[ReplyStep]) -> str:
        """Return the text of steps."""
        return "".join(step.word for step in steps)

    def about(self, step: ReplyStep) -> dict[str, Any]:
        """Name the tokens that the server told."""
        told = len(step.names)
        return {
            "context": step.before,
            "words": [*step.names],
            "told": told,
            "why": f"The server told the probabilities of {counted(told, 'token')} here, before any setting. "
            "What it did not tell is one bar: nobody knows what is in it, so the settings cannot be applied to it.",
        }

    def packed(self, step: ReplyStep) -> bytes:
        """Pack the probabilities as float32."""
        return step.p.tobytes()


def _step(token: Token, before: str) -> ReplyStep:
    told = {other.text: other.probability for other in token.alternatives if other.probability is not None}
    if token.probability is not None:
        told.setdefault(token.text, token.probability)
    ranked = sorted(told.items(), key=lambda pair: -pair[1])
    p = [chance for _, chance in ranked]
    place = next((at for at, (text, _) in enumerate(ranked) if text == token.text), len(ranked))
    names = tuple(_visible(text) for text, _ in ranked)
    return ReplyStep(before, array("f", [*p, max(0.0, 1 - sum(p))]), names, place, token.text)


def _visible(text: str) -> str:
    return visible(text).translate(SPACES) or "(part)"  # of a character, whose text comes with its last token

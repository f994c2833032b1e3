r"""A model of this machine in the lens: the true distribution over all its tokens.

The places of a step are ranks, the most likely token first. Its tokens are pieces of bytes, so that one may hold only a
part of a character.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, pairwise
from random import Random
from typing import Any

from claude_nb.demo.sampling import draw, shape
from claude_nb.errors import PromptError
from claude_nb.providers.local import loaded
from claude_nb.providers.local.engine import Engine, check_installed
from claude_nb.safe_text.visible import mended, visible
from claude_nb.types.request import Request
from claude_nb.widgets.lens_models import CONTEXT_CHARS, Settings

TOP = 200  # tokens that the page can name and draw; it gets of the others their probabilities only
# The logarithms of those are rounded to this, so that they fit in a byte each: a probability is off by at most
# exp(GRAIN / 2) - 1, which is 0.013 %, and by 1 / T times as much after a temperature.
GRAIN = 2.0**-12
LEAST = 1e-45  # the smallest float32
MOST_BYTE = 255  # adds 255 and says that the next byte goes on
MEMORY = 64  # distributions that are kept, so that forcing a word asks for nothing again
HALF = re.compile("[\udc80-\udcff]+")  # the bytes of a token that are only a part of a character
SPACES = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥"})


@dataclass(frozen=True, slots=True)
class Look:
    """Distribution of the next token: the ids of all tokens and their probabilities, the most likely first."""

    ids: array[int]
    p: array[float]


@dataclass(frozen=True, slots=True)
class LocalStep:
    """One token of a text; see LensStep.

    before  the end of the text that this one follows
    raw     the bytes of the token
    """

    before: str
    look: Look
    settings: Settings
    token: int
    raw: bytes
    u: float
    forced: bool

    @property
    def p(self) -> array[float]:
        return self.look.p

    @property
    def final(self) -> list[float]:
        return shaped(self.look.p, self.settings)

    @property
    def word(self) -> str:
        return _readable(self.raw)


def shaped(p: Sequence[float], settings: Settings) -> list[float]:
    """Return what the settings make of probabilities."""
    one = settings
    return shape(
        p, temperature=one.temperature, top_k=one.top_k, top_p=one.top_p, min_p=one.min_p, order=one.order
    ).final


class LocalLens:
    """A model of this machine in the lens, loaded at first use."""

    provider = "local"
    words: Sequence[str] = ()
    end: int | None = None
    usual, most, known = 8, 40, 40

    def __init__(self, model: str, *, is_chat: bool) -> None:
        self._model, self._is_chat = model, is_chat
        engine = self._engine()
        self.badge = f"{engine.label}: a real model on this machine, not Claude"
        self.size: int | None = engine.vocabulary_size()
        self._raw: dict[int, bytes] = {}
        self._look = lru_cache(maxsize=MEMORY)(self._ask)

    def _engine(self) -> Engine:
        check_installed()  # before the weights, which are of no use without it
        return loaded.get(self._model)

    def _ask(self, ids: tuple[int, ...]) -> Look:
        found = self._engine().next_token(ids)
        self._raw = self._raw or {candidate.id: candidate.raw for candidate in found}
        return Look(array("i", [candidate.id for candidate in found]), array("f", [one.probability for one in found]))

    def write(
        self, request: Request, settings: Settings, kept: Sequence[LocalStep], forced: Sequence[int]
    ) -> Iterator[LocalStep]:
        """Yield the steps after the kept ones; see LensModel."""
        seed = request.sampling.seed or 0
        chance = Random(seed + 1_000_003 * request.repeat)  # noqa: S311  # no secrets
        for _ in kept:
            chance.random()
        ids = [*self._start(request), *(step.look.ids[step.token] for step in kept)]
        before = mended(request.prompt).encode() + b"".join(step.raw for step in kept)
        for at in count():
            look, u = self._look(tuple(ids)), chance.random()
            is_forced = at < len(forced)
            token = look.ids.index(forced[at]) if is_forced else draw(shaped(look.p, settings), u)
            raw = self._raw[look.ids[token]]
            yield LocalStep(_readable(before)[-CONTEXT_CHARS:], look, settings, token, raw, u, is_forced)
            ids.append(look.ids[token])
            before += raw

    def _start(self, request: Request) -> list[int]:
        """Return the tokens that the text continues."""
        engine = self._engine()
        if not self._is_chat:
            return engine.tokenize(mended(request.prompt))
        system = [{"role": "system", "content": request.system}] if request.system else []
        messages = [{"role": message.role, "content": mended(message.text)} for message in request.messages]
        return engine.tokenize(engine.chat_text([*system, *messages]))

    def spelled(self, text: str) -> list[int]:
        """Return the ids of the tokens of a text."""
        return self._engine().tokenize(text) if text else []

    def number(self, step: LocalStep, place: int) -> int:
        """Return the id of the token at a rank."""
        if not 0 <= place < len(step.look.ids):
            raise PromptError(f"there is no token {place}; choose a rank below {len(step.look.ids)}")
        return step.look.ids[place]

    def place(self, step: LocalStep, word: str) -> int:
        """Return the rank of a token: of the more likely one with and without a leading space."""
        spelled = [self.spelled(one) for one in (word, f" {word}") if one.strip(" ") or one == word]
        single = [ids[0] for ids in spelled if len(ids) == 1]
        if not single:
            tokens = len(spelled[0]) if spelled else 0
            raise PromptError(f"{word!r} is {tokens} tokens in this model, not one; force its first one")
        return min(step.look.ids.index(number) for number in single)

    def name(self, step: LocalStep, place: int) -> str:
        r"""Return a token with visible white space: " Paris" -> "␣Paris", a half character -> "<0xF0>"."""
        return visible(_readable(self._raw[step.look.ids[place]])).translate(SPACES) or "(end)"

    def shown(self, step: LocalStep) -> str:
        """Return the text of a step as the page shows it."""
        return self.name(step, step.token)

    def ends(self, step: LocalStep) -> bool:
        """Return whether the model ends the text here, with a special token."""
        return not step.raw

    def chance(self, step: LocalStep) -> float:
        """Return the probability of the token of a step."""
        return step.p[step.token]

    def text(self, steps: Sequence[LocalStep]) -> str:
        """Return the text of steps, whose pieces together are whole characters."""
        return b"".join(step.raw for step in steps).decode("utf-8", "replace")

    def about(self, step: LocalStep) -> dict[str, Any]:
        """Name the most likely tokens, and say where their probabilities come from."""
        return {
            "context": step.before,
            "words": [self.name(step, place) for place in range(min(TOP, len(step.p)))],
            "why": f"A neural network read the text before and computed these {len(step.p):,} probabilities from it. "
            "There are no places to show: what it has learned is spread over all its weights.",
        }

    def packed(self, step: LocalStep) -> bytes:
        """Pack the probabilities: the first as float32, then the distances of the logarithms, a byte each."""
        return packed(step.p)


def packed(p: Sequence[float]) -> bytes:
    """Pack probabilities, the most likely first. js/src/unpack.js unpacks them."""
    steps = [round(math.log(p[0] / max(x, LEAST)) / GRAIN) for x in p[TOP - 1 :]]
    tail = bytearray()
    for last, now in pairwise(steps):
        far, rest = divmod(max(0, now - last), MOST_BYTE)
        tail += bytes([MOST_BYTE]) * far
        tail.append(rest)
    return array("f", p[:TOP]).tobytes() + tail


def _readable(raw: bytes) -> str:
    """Return the text of a token. Bytes that are a part of a character are spelled: "<0xF0><0x9F>"."""
    text = raw.decode("utf-8", "surrogateescape")
    return HALF.sub(lambda found: "".join(f"<0x{ord(char) - 0xDC00:02X}>" for char in found[0]), text)

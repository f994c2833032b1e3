"""The models that the lens can look into, and how one is chosen."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from claude_nb import demo
from claude_nb.demo import MAX_TOKENS, DemoModel
from claude_nb.demo.corpus import tokens
from claude_nb.demo.counts import END
from claude_nb.demo.sampling import Order
from claude_nb.errors import PromptError
from claude_nb.render.reply import DEMO_BADGE
from claude_nb.types.request import Request

CONTEXT_CHARS = (
    200  # of the text before a step go to the page, so that its bytes do not grow with the square of the text
)
SETTINGS = ("temperature", "top_k", "top_p", "min_p", "order")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a draw. None turns a setting off."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    order: Order = "temperature_first"


class LensStep(Protocol):
    """One token of a text, and the probabilities from which it was drawn.

    p      the model's own probabilities; what is at which place is the model's affair
    token  the place of this token in p
    word   its text; "" for the end
    """

    @property
    def p(self) -> Sequence[float]: ...
    @property
    def final(self) -> Sequence[float]: ...
    @property
    def token(self) -> int: ...
    @property
    def word(self) -> str: ...
    @property
    def u(self) -> float: ...
    @property
    def forced(self) -> bool: ...


class LensModel(Protocol):
    """A model that tells the distribution of the next token of a text, and the text of each token.

    provider  demo, local or reply
    words     the text of each place, if it is the same at every step; else ()
    size      number of its tokens; None if that is not known
    end       number of the token that ends a text; None if that is not known
    usual     length of a text in tokens, if the caller names none
    most      the longest text that it writes
    known     the longest text that it reads, such as a reply
    """

    provider: str
    badge: str
    words: Sequence[str]
    size: int | None
    end: int | None
    usual: int
    most: int
    known: int

    def write(
        self, request: Request, settings: Settings, kept: Sequence[Any], forced: Sequence[int], /
    ) -> Iterator[LensStep]:
        """Yield the steps after the kept ones, first those of the forced tokens."""

    def spelled(self, text: str, /) -> list[int]:
        """Return the numbers of the tokens of a text; [] if it has none."""

    def number(self, step: Any, place: int, /) -> int:
        """Return the number of the token at a place of a step. Raises PromptError if nothing is there."""

    def place(self, step: Any, word: str, /) -> int:
        """Return the place of a word, with or without its leading space. Raises PromptError."""

    def name(self, step: Any, place: int, /) -> str:
        """Return the text of the token at a place, with its white space visible."""

    def shown(self, step: Any, /) -> str:
        """Return the text of a step as the page shows it."""

    def ends(self, step: Any, /) -> bool:
        """Return whether the model ends the text here."""

    def chance(self, step: Any, /) -> float | None:
        """Return the probability of the token of a step; None if it is not known."""

    def text(self, steps: Sequence[Any], /) -> str:
        """Return the text of steps."""

    def about(self, step: Any, /) -> dict[str, Any]:
        """Explain a step for the page."""

    def packed(self, step: Any, /) -> bytes:
        """Return the probabilities of a step for the page."""


class DemoLens:
    """The demo model in the lens. The numbers of its tokens are their places."""

    provider = "demo"
    end: int | None = END
    usual, most, known = 60, 200, MAX_TOKENS

    def __init__(self, request: Request, model: DemoModel | None = None) -> None:
        self._model = model or demo.model()
        self.words: Sequence[str] = self._model.vocabulary(request)
        self.size: int | None = len(self.words)
        self.badge = "A model trained on your own text, not Claude" if model else DEMO_BADGE

    def write(
        self, request: Request, settings: Settings, kept: Sequence[demo.Step], forced: Sequence[int]
    ) -> Iterator[demo.Step]:
        """Yield the steps after the kept ones; see LensModel."""
        values = {name: getattr(settings, name) for name in ("top_k", "top_p", "min_p")}
        temperature = 1.0 if settings.temperature is None else settings.temperature
        request = replace(request, sampling=replace(request.sampling, temperature=temperature, **values))
        first = [*(step.token for step in kept), *forced]
        return islice(self._model.steps(request, order=settings.order, force=first), len(kept), None)

    def spelled(self, text: str) -> list[int]:
        """Split a text into the fewest tokens of the vocabulary; [] if that is not possible."""
        number = {word: token for token, word in enumerate(self.words) if token != END}
        longest = max(map(len, number), default=0)
        best: list[list[int] | None] = [[]]
        for end in range(1, len(text) + 1):
            ways = (
                [*before, number[text[start:end]]]
                for start in range(max(0, end - longest), end)
                if (before := best[start]) is not None and text[start:end] in number
            )
            best.append(min(ways, key=len, default=None))
        return best[-1] or []

    def number(self, _step: demo.Step, place: int) -> int:
        """Return the number of the token at a place, which is the same."""
        if not 0 <= place < len(self.words):
            raise PromptError(f"there is no word {place}; choose a number below {len(self.words)}")
        return place

    def place(self, _step: demo.Step, word: str) -> int:
        """Return the place of a word in the vocabulary."""
        for spelled in (word, f" {word}"):
            if spelled in self.words:
                return self.words.index(spelled)
        raise PromptError(f"the demo model does not know {word!r}; choose one of the {self.size} in lens.vocabulary")

    def name(self, _step: demo.Step, place: int) -> str:
        r"""Return a word with visible white space: "\n" -> "⏎". The end of the text is "(end)"."""
        word = self.words[place]
        return "(end)" if place == END else word.strip(" ").replace("\n", "⏎") or "␣"

    def shown(self, step: demo.Step) -> str:
        """Return the text of a step. The page makes its white space visible."""
        return step.word

    def ends(self, step: demo.Step) -> bool:
        """Return whether the model ends the text here."""
        return step.token == END

    def chance(self, step: demo.Step) -> float:
        """Return the probability of the token of a step."""
        return step.p[step.token]

    def text(self, steps: Sequence[demo.Step]) -> str:
        """Return the text of steps."""
        return "".join(step.word for step in steps)

    def about(self, step: demo.Step) -> dict[str, Any]:
        """Explain a word: its context, and where that occurs in the training text."""
        return {
            "context": step.context,
            "length": len(tokens(step.context)),
            "places": step.places,
            "passed": step.passed,
            "sources": [list(source) for source in step.sources],
        }

    def packed(self, step: demo.Step) -> bytes:
        """Pack the probabilities as float32, one for each word of the vocabulary."""
        return array("f", step.p).tobytes()

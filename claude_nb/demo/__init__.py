"""The embedded demo model: a small language model that counts words, needs no key and no network, and is not Claude.

It learns from text that this project wrote, in a tenth of a second, at first use. Everything about it can be looked
at: its text, its vocabulary, and for every token the probabilities and the places in the text they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from claude_nb.demo.corpus import paragraphs
from claude_nb.demo.generate import TEMPERATURE, Source, Step
from claude_nb.demo.model import DELAY_S, MAX_TOKENS, DemoModel, split
from claude_nb.demo.sampling import Order
from claude_nb.stop_signal import Stop
from claude_nb.types.content import Attachment
from claude_nb.types.request import Chunk, Request

__all__ = [
    "DELAY_S",
    "MAX_TOKENS",
    "TEMPERATURE",
    "DemoModel",
    "Source",
    "Step",
    "model",
    "steps",
    "stream",
    "text",
    "train",
    "vocabulary",
]


@cache
def model() -> DemoModel:
    """The demo model, trained at the first call."""
    return DemoModel(paragraphs())


def stream(request: Request, *, stop: Stop | None = None, delay_s: float | None = None) -> Iterator[Chunk]:
    """The reply to a request, like any provider's; delay_s between tokens, None: a readable pace."""
    names = [part.name for part in request.messages[-1].parts if isinstance(part, Attachment)]
    if names and not request.answer:  # an answer in JSON has no place for it
        yield Chunk(text=f"(The demo model reads words only: it has not seen {', '.join(names)}.)\n\n")
    yield from model().stream(request, stop=stop, delay_s=delay_s)


def steps(request: Request, *, order: Order = "temperature_first", force: Sequence[int] = ()) -> Iterator[Step]:
    """The same reply token by token, with all that led to each; see DemoModel.steps."""
    return model().steps(request, order=order, force=force)


def vocabulary(request: Request | None = None) -> list[str]:
    """Every word the model can write, by token number; 0 is the end."""
    return model().vocabulary(request)


def text() -> str:
    """The text that the demo model learned from."""
    return model().text


def train(text: str, *, order: int = 6, seen_twice: bool = True) -> DemoModel:
    """A model of your own text, cut into paragraphs at blank lines.

    order       5 words of context and the next one make 6; 2 looks back one word
    seen_twice  False lets it trust a context that it saw only once: it then recites

    >>> train("The cat sat.\\n\\nThe cat sat.").complete("The cat", temperature=0, max_tokens=2)
    ' sat.'
    """
    return DemoModel(split(text), order=order, seen_twice=seen_twice)

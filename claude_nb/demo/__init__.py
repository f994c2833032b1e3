"""The built-in demo model: a small language model that counts words.

It needs no key and no network.

It is not Claude. It learns from text that this project wrote, in a tenth of a second, at first use. You can look at
everything: its text, its vocabulary, and for each token the probabilities and the places that they come from.
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
    """Return the demo model. The first call trains it."""
    return DemoModel(paragraphs())


def stream(request: Request, *, stop: Stop | None = None, delay_s: float | None = None) -> Iterator[Chunk]:
    """Yield the reply to a request, like any provider.

    Args:
        request: The request.
        stop: Ends the reply early when it is set.
        delay_s: Seconds between two tokens, or None for a readable speed.

    Yields:
        The chunks of the reply.
    """
    names = [part.name for part in request.messages[-1].parts if isinstance(part, Attachment)]
    if names and not request.answer:  # JSON has no place for it
        yield Chunk(text=f"(The demo model reads words only: it has not seen {', '.join(names)}.)\n\n")
    yield from model().stream(request, stop=stop, delay_s=delay_s)


def steps(request: Request, *, order: Order = "temperature_first", force: Sequence[int] = ()) -> Iterator[Step]:
    """Yield the same reply as steps with probabilities; see DemoModel.steps()."""
    return model().steps(request, order=order, force=force)


def vocabulary(request: Request | None = None) -> list[str]:
    """Return every word that the model can write, by token number. Token 0 is the end."""
    return model().vocabulary(request)


def text() -> str:
    """Return the text that the demo model learned from."""
    return model().text


def train(text: str, *, order: int = 6, seen_twice: bool = True) -> DemoModel:
    """Train a model on your own text.

    Args:
        text: The text. Blank lines separate its paragraphs.
        order: Length of the word sequences that are counted: 6 looks back 5 words, and 2 looks back one.
        seen_twice: False also uses a context that occurs only once, so that the model recites the text.

    Returns:
        The model, for Lens(model=...) or model.complete().

    >>> train("The cat sat.\\n\\nThe cat sat.").complete("The cat", temperature=0, max_tokens=2)
    ' sat.'
    """
    return DemoModel(split(text), order=order, seen_twice=seen_twice)

"""Generate a reply token by token, with the probabilities behind each token."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import NamedTuple

from claude_nb.demo.corpus import tokens
from claude_nb.demo.counts import END, END_WORD, Distribution, Model, Reading, key
from claude_nb.demo.recall import Recall
from claude_nb.demo.sampling import Order, Sampled, draw, shape
from claude_nb.types.request import Request

TEMPERATURE = 0.7  # the default: the highest at which mistakes are still rare
PATTERN_ENDS = ("->", "=>", "=")
MIN_TOKENS = 3  # of each reply, so that it is not empty


class Source(NamedTuple):
    """A training paragraph with the last words of the text at text[start:end]."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Step:
    """One token and how it was chosen.

    before   the text so far, including the prompt if the model continues it
    p        the model's probability for each word of the vocabulary, before any setting
    sampled  what temperature, top_k and top_p do to p, stage by stage
    token    index of the chosen word in the vocabulary; 0 is the end
    word     its text
    u        random number of this draw, from 0 to below 1, even if temperature 0 or force does not use it
    forced   True if the caller chose the token
    context  the last words that the model could use together ("" at the beginning)
    places   how often they occur in the paragraphs that match the prompt
    passed   share of the probability that comes from shorter contexts
    """

    before: str
    p: list[float]
    sampled: Sampled
    token: int
    word: str
    u: float
    forced: bool
    context: str
    places: int
    passed: float
    _reading: Reading = field(repr=False)
    _look: Distribution = field(repr=False)

    @property
    def final(self) -> list[float]:
        """The probabilities after the settings, from which the token was drawn."""
        return self.sampled.final

    def likeliest(self, count: int) -> list[tuple[str, float]]:
        """Return the most likely words with the model's probabilities, before any setting."""
        best = nlargest(count, range(len(self.p)), key=self.p.__getitem__)
        return [(self._reading.words[token], self.p[token]) for token in best if self.p[token]]

    @property
    def sources(self) -> list[Source]:
        """Up to three training paragraphs that contain the context, the best match first."""
        reading, look = self._reading, self._look
        found: dict[str, Source] = {}
        for place in sorted(look.places, key=lambda place: -reading.weights[reading.numbers[place]]):
            source = Source(*reading.span(place, look.length))
            found.setdefault(source.text, source)
            if len(found) == 3:
                break
        return list(found.values())


class Opening(NamedTuple):
    """Beginning of a reply.

    text    the text that is continued; "" for an answer, which begins a new paragraph
    spaced  True if the prompt ends with a space, so that the first word must not begin with one
    """

    reading: Reading
    text: str
    spaced: bool


def opening(model: Model, recall: Recall, request: Request) -> Opening:
    """Decide how to reply: continue, answer or copy a pattern, and from what."""
    *earlier, last = request.messages
    prefill = last.text if last.role == "assistant" else ""
    full = prefill or request.prompt
    text = full.rstrip(" ")
    pattern = text.endswith(PATTERN_ENDS) or (text.endswith(":") and "\n" in text)
    known = _known(model, text)
    answer = not prefill and not pattern and (not known or recall.is_topic(text))
    texts = [(request.prompt, 1.0), (prefill, 0.5), (request.system or "", 0.8)]
    texts += [(message.text, 0.1) for message in earlier if message.text != request.prompt]
    known_in = {model.numbers[place] for place in known}
    weights = recall.weights(texts, known=() if answer else sorted(known_in), answer=answer)
    if not pattern:
        return Opening(Reading(model, weights), "" if answer else text, full != text)
    whole = f"{request.prompt}\n{text}" if prefill else text
    return Opening(Reading(model, weights, tokens(whole)), text, full != text)


def _known(model: Model, text: str) -> list[int]:
    """Find the last four words of a text in the training text.

    A shorter text must stand at the start of a paragraph.
    """
    context = [key(word) for word in tokens(text)]
    if len(context) < 2 or text.endswith((".", "!", "?", ":")):
        return []
    return model.find(context[-4:] if len(context) >= 4 else [END_WORD, *context])


def steps(model: Model, recall: Recall, request: Request, *, order: Order, force: Sequence[int]) -> Iterator[Step]:
    """Yield each token of the reply, including the end."""
    settings = request.sampling
    # Without a seed the global generator decides, so that graders who seed it get the same reply.
    seed = settings.seed if settings.seed is not None else int(random.random() * 2**31)  # noqa: S311
    chance = random.Random(seed + 1_000_003 * request.repeat)  # noqa: S311  # no secrets
    reading, before, spaced = opening(model, recall, request)
    seen = [END_WORD, *tokens(before)]
    context = [key(word) for word in seen]
    drawn = 0
    token = -1
    while token != END:
        look = reading.look(context, may_end=drawn >= MIN_TOKENS)
        sampled = shape(
            look.p,
            temperature=TEMPERATURE if settings.temperature is None else settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
            min_p=settings.min_p,
            order=order,
        )
        u = chance.random()
        forced = drawn < len(force)
        token = force[drawn] if forced else draw(sampled.final, u)
        word = "" if token == END else reading.words[token]
        if spaced and not drawn:
            word = word.lstrip(" ")
        used = "".join(word for word in seen[len(seen) - look.length :] if word != END_WORD)
        yield Step(before, look.p, sampled, token, word, u, forced, used, len(look.places), look.passed, reading, look)
        before += word
        seen.append(reading.words[token])
        context.append(reading.keys[token])
        drawn += 1

"""The demo model: ask it, watch its steps, measure it."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import count
from typing import Any

from claude_nb.demo import sampling
from claude_nb.demo.corpus import Paragraph, tokens
from claude_nb.demo.counts import END_WORD, Model, Reading, key
from claude_nb.demo.generate import Step, opening, steps
from claude_nb.demo.recall import FILLER_WORDS, Recall
from claude_nb.demo.structured import fill
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk, Message, Request, StopReason, Usage
from claude_nb.types.settings import Sampling
from claude_nb.types.token import Alternative, Token, rounded

DELAY_S = 0.018  # between two tokens: fast, and still readable
MAX_TOKENS = 256  # the default
MAX_ANSWER_TOKENS = 2048  # of a structured answer, which is useless if it is cut
RAW_STOP: dict[StopReason, str] = {"end": "end_turn", "max_tokens": "max_tokens", "stop_sequence": "stop_sequence"}


class DemoModel(Model):
    """A trained model.

    stream() yields Chunks like any provider, and steps() shows how each token was chosen.

    Example:
        >>> model = demo.train("The cat sat.\\n\\nThe cat sat.")
        >>> model.complete("The cat", temperature=0, max_tokens=2)
        ' sat.'
    """

    @cached_property
    def _recall(self) -> Recall:
        return Recall(self.paragraphs)

    def steps(
        self, request: Request | str, *, order: sampling.Order = "temperature_first", force: Sequence[int] = ()
    ) -> Iterator[Step]:
        """Yield one Step for each token, including the end.

        The caller applies max_tokens and stop sequences.

        Args:
            request: A prompt or a request.
            order: "temperature_first" (Hugging Face) or "temperature_last" (llama.cpp).
            force: Numbers of the first tokens, instead of drawn ones. The later draws stay the same.

        Yields:
            The steps: `next(model.steps("Once upon a time")).word`.
        """
        return steps(self, self._recall, _request(request), order=order, force=force)

    def vocabulary(self, request: Request | str | None = None) -> list[str]:
        """Return every word by token number.

        A prompt whose pattern is copied adds its own words at the end.
        """
        words = self.words if request is None else opening(self, self._recall, _request(request)).reading.words
        return list(words)

    def stream(
        self, request: Request | str, *, stop: Stop | None = None, delay_s: float | None = None
    ) -> Iterator[Chunk]:
        """Yield the reply about a token at a time, then usage and stop reason.

        After a stop there is no stop reason.
        """
        request = _request(request)
        stop = stop or Stop()
        wait_s = DELAY_S if delay_s is None else delay_s
        limit = request.sampling.max_tokens or (MAX_ANSWER_TOKENS if request.answer else MAX_TOKENS)
        ends = request.sampling.stop_sequences or ()
        prompts = [message.text for message in request.messages] + [request.system or ""]
        input_tokens = sum(len(tokens(text)) for text in prompts)
        yield Chunk(id=f"demo-{request.key[:12]}", model="demo")
        reason: StopReason | None = None
        waiting, drawn = "", 0
        for word, known in self._structured(request) if request.answer else self._drawn(request):
            if stop.wait(wait_s):
                break
            drawn += 1
            waiting, found = _until(waiting + word, ends)
            ready = len(waiting) if found else len(waiting) - _partial_end(waiting, ends)
            if ready or known:
                yield Chunk(text=waiting[:ready], tokens=known)
                waiting = waiting[ready:]
            if found or drawn == limit:
                reason = "stop_sequence" if found else "max_tokens"
                break
        else:
            reason = "end"
        if waiting:
            yield Chunk(text=waiting)
        usage = Usage(input_tokens=input_tokens, output_tokens=drawn)
        yield Chunk(
            usage=usage, stop_reason=reason, raw_stop_reason=RAW_STOP.get(reason) if reason else None, done=bool(reason)
        )

    def _drawn(self, request: Request) -> Iterator[tuple[str, tuple[Token, ...]]]:
        """Yield the text of each token, and the token with its probabilities if they are requested."""
        for step in self.steps(request):
            if step.token:
                yield step.word, () if request.logprobs is None else (_token(step, request.logprobs),)

    def _structured(self, request: Request) -> Iterator[tuple[str, tuple[Token, ...]]]:
        """Yield the words of an answer that matches the schema. The schema decides, so no probabilities are known."""
        assert request.answer is not None  # noqa: S101  # stream() has checked it
        seed = request.sampling.seed
        chance = random.Random(seed if seed is not None else random.random())  # noqa: S311  # no secrets
        for word in tokens(fill(json.loads(request.answer.schema), self._topic_words(request), chance)):
            yield word, ()

    def _topic_words(self, request: Request) -> Iterator[str]:
        """Yield meaningful words from one reply after the other, without end."""
        for repeat in count(request.repeat, 1_000):
            drawn = self._drawn(replace(request, answer=None, logprobs=None, repeat=repeat))
            found = False
            for word, _ in drawn:
                if word.strip().isalpha() and word.strip().lower() not in FILLER_WORDS:
                    found = True
                    yield word.strip()
            if not found:
                yield "word"

    def complete(self, prompt: str, **settings: Any) -> str:
        """Return the whole text of a reply at once.

        Args:
            prompt: The text to continue or to answer.
            **settings: temperature, top_p, top_k, min_p, max_tokens, stop_sequences, seed.

        Returns:
            The text: `model.complete("Once upon a time", max_tokens=20, seed=1)`.
        """
        return "".join(chunk.text for chunk in self.stream(_request(prompt, **settings), delay_s=0))

    @property
    def text(self) -> str:
        """The training text: each paragraph once, with a blank line between."""
        return "\n\n".join(dict.fromkeys(paragraph.text for paragraph in self.paragraphs))

    def copied(self, text: str, n: int = 8) -> float | None:
        """Return how much of a text is copied from the training text.

        Args:
            text: The text.
            n: Length of the compared pieces in tokens.

        Returns:
            Share of the pieces that occur in the training text, 0 to 1; None if the text is shorter than one piece.
        """
        words = tokens(text)
        pieces = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        if not pieces:
            return None
        return sum(self._contains(piece) for piece in pieces) / len(pieces)

    def _contains(self, piece: Sequence[str]) -> bool:
        ids = [self.id_of.get(word, -1) for word in piece]
        places = self.everywhere.get(key(piece[0]), ()) if ids[0] >= 0 else ()
        return any(self.ids[place : place + len(ids)] == ids for place in places)

    def perplexity(self, text: str) -> float:
        """Return the perplexity of a text.

        That is the number of words between which the model hesitates, on average.

        Args:
            text: A text that the model has not been trained on.

        Returns:
            At least 1, and NaN for an empty text. Lower means more predictable.
        """
        reading = Reading(self, dict.fromkeys(range(len(self.paragraphs)), 1))
        unseen = 1 / (len(self.ids) + len(self.words) + 1)
        bits = []
        for paragraph in split(text):
            context = [END_WORD]
            for word in tokens(paragraph.text):
                token = self.id_of.get(word)
                bits.append(sampling.surprisal_bits(unseen if token is None else reading.look(context).p[token]))
                context.append(key(word))
        return 2.0 ** (math.fsum(bits) / len(bits)) if bits else math.nan


def split(text: str) -> list[Paragraph]:
    """Split a text into paragraphs at blank lines."""
    no_topics: dict[str, float] = {}
    return [Paragraph(part.strip(), no_topics) for part in text.split("\n\n") if part.strip()]


def _token(step: Step, most: int) -> Token:
    others = tuple(Alternative(word, rounded(p)) for word, p in step.likeliest(most))
    return Token(step.word, rounded(step.p[step.token]), others)


def _until(text: str, ends: Sequence[str]) -> tuple[str, bool]:
    """Return the text before the first of these ends, and whether there is one."""
    first = min((at for at in (text.find(end) for end in ends) if at >= 0), default=-1)
    return (text, False) if first < 0 else (text[:first], True)


def _partial_end(text: str, ends: Sequence[str]) -> int:
    """Return how many last characters of a text may be the start of one of these ends."""
    return max((size for end in ends for size in range(1, len(end)) if text.endswith(end[:size])), default=0)


def _request(prompt: Request | str, **settings: Any) -> Request:
    if isinstance(prompt, Request):
        return prompt
    return Request("demo", "demo", (Message("user", prompt),), sampling=Sampling(**settings))

"""The model with its ways in: ask it, watch its steps, measure it."""

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
from claude_nb.demo.recall import ASKING, Recall
from claude_nb.demo.structured import filled
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk, Message, Request, StopReason, Usage
from claude_nb.types.settings import Sampling

DELAY_S = 0.018  # between two tokens: quick, and still readable
MAX_TOKENS = 256  # where the request sets none
MAX_FORM_TOKENS = 2048  # of an answer in JSON, which is worth nothing when it is cut
RAW_STOP: dict[StopReason, str] = {"end": "end_turn", "max_tokens": "max_tokens", "stop_sequence": "stop_sequence"}


class DemoModel(Model):
    """A trained model. Its replies are Chunks like any provider's; its steps show how they came about."""

    @cached_property
    def _recall(self) -> Recall:
        return Recall(self.paragraphs)

    def steps(
        self, request: Request | str, *, order: sampling.Order = "temperature_first", force: Sequence[int] = ()
    ) -> Iterator[Step]:
        """One Step per token, the end included; max_tokens and stop sequences are the caller's.

        force  the first tokens, given instead of drawn; the draws after them are the same as without
        """
        return steps(self, self._recall, _asked(request), order=order, force=force)

    def vocabulary(self, request: Request | str | None = None) -> list[str]:
        """Every word, by token number; a prompt whose pattern is copied adds its own at the end."""
        words = self.words if request is None else opening(self, self._recall, _asked(request)).reading.words
        return list(words)

    def stream(
        self, request: Request | str, *, stop: Stop | None = None, delay_s: float | None = None
    ) -> Iterator[Chunk]:
        """The reply, about a token at a time, then usage and stop reason. Stopped: usage only, no stop reason."""
        request = _asked(request)
        stop = stop or Stop()
        wait_s = DELAY_S if delay_s is None else delay_s
        limit = request.sampling.max_tokens or (MAX_FORM_TOKENS if request.answer else MAX_TOKENS)
        ends = request.sampling.stop_sequences or ()
        heard = [message.text for message in request.messages] + [request.system or ""]
        asked = sum(len(tokens(text)) for text in heard)
        yield Chunk(id=f"demo-{request.key[:12]}", model="demo")
        reason: StopReason | None = None
        waiting, drawn = "", 0
        for word in self._in_form(request) if request.answer else self._words(request):
            if stop.wait(wait_s):
                break
            drawn += 1
            waiting, found = _until(waiting + word, ends)
            shown = len(waiting) if found else len(waiting) - _held(waiting, ends)
            if shown:
                yield Chunk(text=waiting[:shown])
                waiting = waiting[shown:]
            if found or drawn == limit:
                reason = "stop_sequence" if found else "max_tokens"
                break
        else:
            reason = "end"
        if waiting:
            yield Chunk(text=waiting)
        usage = Usage(input_tokens=asked, output_tokens=drawn)
        yield Chunk(
            usage=usage, stop_reason=reason, raw_stop_reason=RAW_STOP.get(reason) if reason else None, done=bool(reason)
        )

    def _words(self, request: Request) -> Iterator[str]:
        """The text of each token, to the end."""
        return (step.word for step in self.steps(request) if step.token)

    def _in_form(self, request: Request) -> list[str]:
        """The tokens of an answer that has the form which the request asks for."""
        assert request.answer is not None  # noqa: S101  # stream() has looked
        seed = request.sampling.seed
        chance = random.Random(seed if seed is not None else random.random())  # noqa: S311  # no secrets
        return tokens(filled(json.loads(request.answer.schema), self._endless(request), chance))

    def _endless(self, request: Request) -> Iterator[str]:
        """Words that name something, of one reply after the other."""
        for repeat in count(request.repeat, 1_000):
            drawn = self._words(replace(request, answer=None, repeat=repeat))
            found = False
            for word in drawn:
                if word.strip().isalpha() and word.strip().lower() not in ASKING:
                    found = True
                    yield word.strip()
            if not found:
                yield "word"

    def complete(self, prompt: str, **settings: Any) -> str:
        """The text of a reply, at once: complete("Once upon a time", temperature=0.7, max_tokens=20, seed=1)."""
        return "".join(chunk.text for chunk in self.stream(_asked(prompt, **settings), delay_s=0))

    @property
    def text(self) -> str:
        """What it learned from: each paragraph once, a blank line between."""
        return "\n\n".join(dict.fromkeys(paragraph.text for paragraph in self.paragraphs))

    def copied(self, text: str, n: int = 8) -> float | None:
        """The share of the n-token pieces of *text* that stand in the training text; None for a shorter text."""
        words = tokens(text)
        pieces = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        if not pieces:
            return None
        return sum(self._holds(piece) for piece in pieces) / len(pieces)

    def _holds(self, piece: Sequence[str]) -> bool:
        ids = [self.id_of.get(word, -1) for word in piece]
        places = self.everywhere.get(key(piece[0]), ()) if ids[0] >= 0 else ()
        return any(self.ids[place : place + len(ids)] == ids for place in places)

    def perplexity(self, text: str) -> float:
        """Among how many words the model is torn, on average, at each token of a text it has not seen."""
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
    """A text of the user's own as paragraphs, cut at blank lines."""
    no_topics: dict[str, float] = {}
    return [Paragraph(part.strip(), no_topics) for part in text.split("\n\n") if part.strip()]


def _until(text: str, ends: Sequence[str]) -> tuple[str, bool]:
    """The text before the first of these ends, and whether there was one."""
    first = min((at for at in (text.find(end) for end in ends) if at >= 0), default=-1)
    return (text, False) if first < 0 else (text[:first], True)


def _held(text: str, ends: Sequence[str]) -> int:
    """How much of the end of *text* may be the beginning of one of these ends."""
    return max((size for end in ends for size in range(1, len(end)) if text.endswith(end[:size])), default=0)


def _asked(prompt: Request | str, **settings: Any) -> Request:
    if isinstance(prompt, Request):
        return prompt
    return Request("demo", "demo", (Message("user", prompt),), sampling=Sampling(**settings))

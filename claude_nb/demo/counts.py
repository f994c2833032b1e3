"""A language model that counts: where did these last words stand in the text, and what came next?

Training makes a list of places per word, nothing more. One distribution blends what followed the last one, two, ...
five words, each place weighed by how well its paragraph fits the prompt (recall.py), and adds a thin tail of unlikely
words: without it, temperature would have nothing to raise, and top_k and top_p nothing to cut.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from claude_nb.demo.corpus import Paragraph, tokens

END = 0  # the token between two paragraphs; drawn, it ends the reply
END_WORD = "<end>"
PASS_DOWN = 0.25  # of one count, for each different follower, goes from a longer context to the shorter one
PAIR_TAIL, WORD_TAIL = 0.01, 0.003  # so much of every distribution is plain frequency, of word pairs and of words
PROMPT_TIMES = 50  # a place in the prompt itself counts as so many, so that its patterns are copied


def key(word: str) -> str:
    """Under what a token is looked up: "The", " the" and "the" are one context."""
    return word.strip(" ").lower() or word


@dataclass(frozen=True, slots=True)
class Look:
    """One distribution, and what the model saw when it made it.

    length  how many of the last tokens it could use together (0: it knows none of them)
    places  the positions of the last of these in the text
    passed  the share of probability handed down to shorter contexts
    """

    p: list[float]
    length: int
    places: Sequence[int]
    passed: float


class Model:
    """Counts over paragraphs. order 6 looks back 5 tokens; seen_twice=False also trusts what it saw only once."""

    def __init__(self, paragraphs: Sequence[Paragraph], *, order: int = 6, seen_twice: bool = True) -> None:
        self.paragraphs = paragraphs
        self.order = order
        self.least = 2 if seen_twice else 1
        id_of = {END_WORD: END}
        self.ids = [END]
        self.numbers = [0]  # which paragraph each place is in
        for number, paragraph in enumerate(paragraphs):
            words = tokens(paragraph.text)
            self.ids += [id_of.setdefault(word, len(id_of)) for word in words]
            self.ids.append(END)
            self.numbers[-1] = number  # the end of the one before is the start of this one
            self.numbers += [number] * (len(words) + 1)
        self.id_of: Mapping[str, int] = id_of
        self.words = list(id_of)
        self.keys = [key(word) for word in self.words]
        self._after: dict[str, dict[int, float]] = {}

    @cached_property
    def everywhere(self) -> dict[str, list[int]]:
        """Every place of every word."""
        return self.index(range(len(self.ids) - 1))

    @cached_property
    def starts(self) -> list[int]:
        """Where each paragraph begins: the place of the end token before it. One more closes the last."""
        return [place for place, token in enumerate(self.ids) if token == END]

    @cached_property
    def shares(self) -> list[float]:
        """How frequent each word is in the text; one count more for each, and one for words it never saw."""
        counts = Counter(self.ids)
        whole = len(self.ids) + len(self.words) + 1
        return [(counts[token] + 1) / whole for token in range(len(self.words))]

    def index(self, places: Iterable[int]) -> dict[str, list[int]]:
        """These places, by the word that stands there."""
        found: dict[str, list[int]] = defaultdict(list)
        keys, ids = self.keys, self.ids
        for place in places:
            found[keys[ids[place]]].append(place)
        return found

    def find(self, context: Sequence[str]) -> list[int]:
        """The places where these keys stand one after another; the place is that of the last."""
        back = len(context) - 1
        ends = (place for place in self.everywhere.get(context[-1], ()) if place >= back)
        return [e for e in ends if all(self.keys[self.ids[e - back + n]] == word for n, word in enumerate(context))]

    def after(self, word: str) -> dict[int, float]:
        """What follows a word anywhere in the text, with its share; empty for a word it never saw."""
        if word not in self._after:
            followers = Counter(self.ids[place + 1] for place in self.everywhere.get(word, ()))
            whole = followers.total()
            self._after[word] = {token: count / whole for token, count in followers.items()}
        return self._after[word]


class Reading:
    """The model with one prompt in mind.

    weights  paragraph number -> how much its places count, whole numbers: their sums are the same on every machine
    pattern  tokens of a prompt whose pattern is to be copied; they join the text for this reading
    """

    def __init__(self, model: Model, weights: Mapping[int, int], pattern: Sequence[str] = ()) -> None:
        self.model = model
        self.words, self.keys, self.ids, self.numbers = model.words, model.keys, model.ids, model.numbers
        self.weights = dict(weights)
        starts = model.starts
        self.places = model.index(place for n in weights for place in range(starts[n], starts[n + 1]))
        self.shares = model.shares
        self.pattern = "".join(pattern)
        if pattern:
            self._join(pattern)
        self._tail = [WORD_TAIL * share for share in self.shares]

    def _join(self, pattern: Sequence[str]) -> None:
        """The prompt as one more paragraph, and its new words at the end of the vocabulary."""
        id_of = dict(self.model.id_of)
        new = [id_of.setdefault(word, len(id_of)) for word in pattern]
        self.words = list(id_of)
        self.keys = [key(word) for word in self.words]
        self.shares = self.shares + [self.shares[END]] * (len(self.words) - len(self.shares))
        number = len(self.model.paragraphs)
        self.weights[number] = PROMPT_TIMES * max(self.weights.values(), default=1)
        first = len(self.ids)
        self.ids, self.numbers = self.ids + new, self.numbers + [number] * len(new)
        for place in range(first, len(self.ids) - 1):  # nothing follows the last one yet
            self.places.setdefault(self.keys[self.ids[place]], []).append(place)

    def look(self, context: Sequence[str], *, may_end: bool = True) -> Look:
        """The distribution after these context keys, over all words."""
        pair = self.model.after(context[-1])
        blend, length, passed, found = pair, 0, 1.0, list[int]()
        places = self.places.get(context[-1], [])
        for size in range(1, min(self.model.order, len(context) + 1)):
            if size > 1:
                wanted, back = context[-size], size - 1
                places = [place for place in places if self.keys[self.ids[place - back]] == wanted]
            in_prompt = sum(place >= len(self.model.ids) for place in places) if self.pattern else 0
            times = len(places) + (PROMPT_TIMES - 1) * in_prompt
            if times < (self.model.least if size > 1 else 1):
                break
            blend, passed = self._blended(blend, places, times)
            length, found = size, places
        p = self._tail.copy() if blend else self.shares.copy()
        for token, share in blend.items():
            p[token] += (1 - PAIR_TAIL - WORD_TAIL) * share
        for token, share in pair.items():
            p[token] += PAIR_TAIL * share
        if not may_end:
            p[END] = 0.0
        whole = math.fsum(p)
        return Look([x / whole for x in p], length, found, passed)

    def _blended(self, shorter: Mapping[int, float], places: list[int], times: int) -> tuple[dict[int, float], float]:
        """What followed at these places, with a part of what the shorter context says."""
        counts: dict[int, int] = defaultdict(int)
        for place in places:
            counts[self.ids[place + 1]] += self.weights[self.numbers[place]]
        passed = PASS_DOWN * len(counts) / times if shorter else 0.0
        blend = {token: passed * share for token, share in shorter.items()}
        whole = sum(counts.values())
        for token, count in counts.items():
            blend[token] = blend.get(token, 0.0) + (1 - passed) * count / whole
        return blend, passed

    def span(self, place: int, length: int) -> tuple[str, int, int]:
        """The text around a place, and from where to where the last *length* tokens up to it stand there."""
        number = self.numbers[place]
        inside = number < len(self.model.paragraphs)
        first = self.model.starts[number] + 1 if inside else len(self.model.ids)
        text = self.model.paragraphs[number].text if inside else self.pattern
        start, end = (
            sum(len(self.words[token]) for token in self.ids[first:stop])
            for stop in (max(place + 1 - length, first), place + 1)
        )
        return text, start, end

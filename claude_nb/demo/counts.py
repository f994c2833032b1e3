"""A language model that counts which word follows the last ones in its text.

Training only lists the places of each word. A distribution blends what follows the last one, two, ... five words. Each
place counts by how well its paragraph matches the prompt (recall.py). A thin tail of unlikely words is added, because
otherwise temperature would have nothing to raise, and top_k and top_p nothing to cut.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from claude_nb.demo.corpus import Paragraph, tokens

END = 0  # the token between two paragraphs; drawing it ends the reply
END_WORD = "<end>"
PASS_DOWN = 0.25  # so much of one count, for each different next word, goes to the shorter context
PAIR_TAIL, WORD_TAIL = 0.01, 0.003  # shares of word pairs and of single words in every distribution
PROMPT_TIMES = 50  # the weight of a place in the prompt itself, so that the model copies its patterns


def key(word: str) -> str:
    """Return the key of a token in contexts.

    "The", " the" and "the" are the same. A sign keeps its space, which tells an opening quote from a closing one.
    """
    return word.strip(" ").lower() if word[-1:].isalnum() else word


def glued(word: str) -> bool:
    """Return whether a token is a word, or a part of one, without a space before it."""
    return word.lstrip(".")[:1].isalnum()


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution and where it comes from.

    length  number of last tokens that occur together in the text; 0 if the last one does not
    places  positions of the last token in the text
    passed  share of the probability that comes from shorter contexts
    """

    p: list[float]
    length: int
    places: Sequence[int]
    passed: float


class Model:
    """Counts of the words in paragraphs.

    order=6 looks back 5 tokens. seen_twice=False also uses contexts that occur once.
    """

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
            self.numbers[-1] = number  # the end of the last paragraph is the start of this one
            self.numbers += [number] * (len(words) + 1)
        self.id_of: Mapping[str, int] = id_of
        self.words = list(id_of)
        self.keys = [key(word) for word in self.words]
        self._after: dict[str, dict[int, float]] = {}

    @cached_property
    def everywhere(self) -> dict[str, list[int]]:
        """The places of each word."""
        return self.index(range(len(self.ids) - 1))

    @cached_property
    def starts(self) -> list[int]:
        """The place of the end token before each paragraph, and of the one after the last."""
        return [place for place, token in enumerate(self.ids) if token == END]

    @cached_property
    def shares(self) -> list[float]:
        """The frequency of each word.

        One is added to each count, and one for unknown words.
        """
        counts = Counter(self.ids)
        whole = len(self.ids) + len(self.words) + 1
        return [(counts[token] + 1) / whole for token in range(len(self.words))]

    def index(self, places: Iterable[int]) -> dict[str, list[int]]:
        """Group places by their word."""
        found: dict[str, list[int]] = defaultdict(list)
        keys, ids = self.keys, self.ids
        for place in places:
            found[keys[ids[place]]].append(place)
        return found

    def find(self, context: Sequence[str]) -> list[int]:
        """Return the places of the last word where these words follow each other."""
        back = len(context) - 1
        ends = (place for place in self.everywhere.get(context[-1], ()) if place >= back)
        return [e for e in ends if all(self.keys[self.ids[e - back + n]] == word for n, word in enumerate(context))]

    def after(self, word: str) -> dict[int, float]:
        """Return the words after a word, with their shares; {} for an unknown word."""
        if word not in self._after:
            followers = Counter(self.ids[place + 1] for place in self.everywhere.get(word, ()))
            whole = followers.total()
            self._after[word] = {token: count / whole for token, count in followers.items()}
        return self._after[word]


class Reading:
    """The model for one prompt.

    weights  weight of each paragraph by its number; whole numbers, whose sums are the same on every machine
    pattern  tokens of a prompt whose pattern is copied; they count as one more paragraph
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
        # In the middle of a line, a word without its space would run together with the word before.
        self._tail_in_line = [0.0 if glued(word) else x for word, x in zip(self.words, self._tail, strict=True)]

    def _join(self, pattern: Sequence[str]) -> None:
        """Add the prompt as a paragraph, and its new words to the end of the vocabulary."""
        id_of = dict(self.model.id_of)
        new = [id_of.setdefault(word, len(id_of)) for word in pattern]
        self.words = list(id_of)
        self.keys = [key(word) for word in self.words]
        self.shares = self.shares + [self.shares[END]] * (len(self.words) - len(self.shares))
        number = len(self.model.paragraphs)
        self.weights[number] = PROMPT_TIMES * max(self.weights.values(), default=1)
        first = len(self.ids)
        self.ids, self.numbers = self.ids + new, self.numbers + [number] * len(new)
        for place in range(first, len(self.ids) - 1):  # no word follows the last one yet
            self.places.setdefault(self.keys[self.ids[place]], []).append(place)

    def look(self, context: Sequence[str], *, may_end: bool = True) -> Distribution:
        """Return the distribution over all words after a context."""
        pair = self.model.after(context[-1])
        blend, length, passed, found = pair, 0, 1.0, list[int]()
        places = self.places.get(context[-1], [])
        for size in range(1, min(self.model.order, len(context) + 1)):
            if size > 1:
                earlier, back = context[-size], size - 1
                places = [place for place in places if self.keys[self.ids[place - back]] == earlier]
            in_prompt = sum(place >= len(self.model.ids) for place in places) if self.pattern else 0
            times = len(places) + (PROMPT_TIMES - 1) * in_prompt
            if times < (self.model.least if size > 1 else 1):
                break
            blend, passed = self._blended(blend, places, times)
            length, found = size, places
        p = (self._tail if context[-1] == END_WORD or context[-1].isspace() else self._tail_in_line).copy()
        for token, share in blend.items():
            p[token] += (1 - PAIR_TAIL - WORD_TAIL) * share
        for token, share in pair.items():
            p[token] += PAIR_TAIL * share
        if not may_end and any(p[END + 1 :]):
            p[END] = 0.0
        whole = math.fsum(p)
        return Distribution([x / whole for x in p], length, found, passed)

    def _blended(self, shorter: Mapping[int, float], places: list[int], times: int) -> tuple[dict[int, float], float]:
        """Blend the words after these places with those of the shorter context."""
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
        """Return the paragraph of a place, and where its last *length* tokens are."""
        number = self.numbers[place]
        inside = number < len(self.model.paragraphs)
        first = self.model.starts[number] + 1 if inside else len(self.model.ids)
        text = self.model.paragraphs[number].text if inside else self.pattern
        start, end = (
            sum(len(self.words[token]) for token in self.ids[first:stop])
            for stop in (max(place + 1 - length, first), place + 1)
        )
        return text, start, end

"""Find the paragraphs that match a prompt: by topic first, then by shared words.

Rare words count more.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from claude_nb.demo.corpus import WORD, Paragraph, phrase

SHARPNESS = 12.0  # a paragraph that is one topic behind the best weighs e^-12 as much
HIGHEST = 1000  # weight of the best paragraph; below 1 a paragraph is left out
WORDS_SHARE = 0.3  # all words shared, compared with a topic
NO_MATCH = " no_match "  # the topic of paragraphs that say "I do not know this"

# Words that say nothing about the topic of a question.
FILLER_WORDS = frozenset(
    WORD.findall(
        "a about again an and another are as at be by can could do does else explain for from give go have how i in is "
        "it let like m make me more my no not of on once one or please re s say should show so some something t talk "
        "tell that the there they this to us want was we what when where which who why will with would write you your"
    )
)


class Recall:
    """Index of paragraphs by word and by topic."""

    def __init__(self, paragraphs: Sequence[Paragraph]) -> None:
        self.paragraphs = paragraphs
        self.holding: dict[str, list[int]] = defaultdict(list)
        self.groups: dict[int, tuple[Mapping[str, float], list[int]]] = {}
        self.plain: list[int] = []
        for number, paragraph in enumerate(paragraphs):
            for word in set(WORD.findall(paragraph.text.lower())) - FILLER_WORDS:
                self.holding[word].append(number)
            self.groups.setdefault(id(paragraph.topics), (paragraph.topics, []))[1].append(number)
            if not paragraph.voices:
                self.plain.append(number)

    def weights(
        self, prompts: Sequence[tuple[str, float]], *, known: Sequence[int] = (), answer: bool = True
    ) -> dict[int, int]:
        """Return the weight of each matching paragraph by its number.

        prompts  texts with their importance; the prompt of the user comes first
        known    paragraphs that contain the exact words to continue
        answer   False if the prompt is continued; without a match it then needs no "I do not know"
        """
        texts = [(phrase(text), part) for text, part in prompts]
        vague = not _topic_words(texts[0][0]) and any(text.strip() for text, _ in texts[1:])  # "Another one, please"
        if answer and not vague and not self.matches(texts[0][0]):
            texts[0] = NO_MATCH, 1.0
        scores: dict[int, float] = defaultdict(float)
        for number in known:
            scores[number] += 1.0
        for text, part in texts:
            for topics, numbers in self.groups.values():
                worth = max((value for topic, value in topics.items() if topic in text), default=0.0)
                for number in numbers if worth else ():
                    scores[number] += part * worth
            for number, share in self._overlap(text).items():
                scores[number] += part * WORDS_SHARE * share
        words = " ".join(text for text, part in texts)
        fit = {number: score for number, score in scores.items() if self._allowed(number, words)}
        if not fit:
            return dict.fromkeys(self.plain, 1)
        best = max(fit.values())
        weights = {number: int(HIGHEST * math.exp(SHARPNESS * (score - best))) for number, score in sorted(fit.items())}
        return {number: weight for number, weight in weights.items() if weight}

    def is_topic(self, text: str) -> bool:
        """Return whether the text is only the name of a topic: "good morning"."""
        return any(phrase(text) in topics for topics, _ in self.groups.values())

    def on_topic(self, text: str) -> bool:
        """Return whether the text, as a phrase, contains a topic."""
        return any(topic in text for topics, _ in self.groups.values() for topic in topics)

    def matches(self, text: str) -> bool:
        """Return whether the text has a topic, or a paragraph shares most of its words."""
        return self.on_topic(text) or max(self._overlap(text, by_count=True).values(), default=0.0) > 0.5

    def _allowed(self, number: int, words: str) -> bool:
        voices = self.paragraphs[number].voices
        return not voices or any(voice in words for voice in voices)

    def _overlap(self, text: str, *, by_count: bool = False) -> dict[int, float]:
        """Return the share of the text's words in each paragraph. Rare words count more."""
        found: dict[int, float] = defaultdict(float)
        whole = 0.0
        for word in _topic_words(text):
            holding = self.holding.get(word, ())
            rare = 1.0 if by_count else math.log(1 + len(self.paragraphs) / (1 + len(holding)))
            whole += rare
            for number in holding:
                found[number] += rare
        return {number: score / whole for number, score in found.items()}


def _topic_words(text: str) -> list[str]:
    """Return the words that tell what a prompt is about, each once."""
    return [word for word in dict.fromkeys(text.split()) if word not in FILLER_WORDS and not word.isdigit()]

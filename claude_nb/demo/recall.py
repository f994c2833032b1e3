"""Which paragraphs fit a prompt: topics first, then the words they share, rare words counting more."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from claude_nb.demo.corpus import WORD, Paragraph, phrase

SHARPNESS = 12.0  # a paragraph one topic behind the best counts e^-12 as much
FINEST = 1000  # the best weighs so much; below 1 a paragraph is left out
WORDS_WORTH = 0.3  # shared words alone are worth less than a topic
NO_MATCH = " no_match "  # the topic of paragraphs that say: this I do not know

# Words of asking, not of the thing asked about.
ASKING = frozenset(
    WORD.findall(
        "a about again an and another are as at be by can could do does else explain for from give go have how i in is "
        "it let like m make me more my no not of on once one or please re s say should show so some something t talk "
        "tell that the there they this to us want was we what when where which who why will with would write you your"
    )
)


class Recall:
    """An index of paragraphs by word and by topic."""

    def __init__(self, paragraphs: Sequence[Paragraph]) -> None:
        self.paragraphs = paragraphs
        self.holding: dict[str, list[int]] = defaultdict(list)
        self.groups: dict[int, tuple[Mapping[str, float], list[int]]] = {}
        self.plain: list[int] = []
        for number, paragraph in enumerate(paragraphs):
            for word in set(WORD.findall(paragraph.text.lower())) - ASKING:
                self.holding[word].append(number)
            self.groups.setdefault(id(paragraph.topics), (paragraph.topics, []))[1].append(number)
            if not paragraph.voices:
                self.plain.append(number)

    def weights(
        self, heard: Sequence[tuple[str, float]], *, known: Sequence[int] = (), answer: bool = True
    ) -> dict[int, int]:
        """Paragraph number -> weight, for texts and how much each of them matters (the user's first).

        known   paragraphs that hold the very words to go on from
        answer  False: a text is continued, so a prompt without a match needs no "I do not know"
        """
        texts = [(phrase(text), part) for text, part in heard]
        vague = not _asked(texts[0][0]) and any(text.strip() for text, _ in texts[1:])  # "Another one, please"
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
                scores[number] += part * WORDS_WORTH * share
        said = " ".join(text for text, part in texts)
        fit = {number: score for number, score in scores.items() if self._may_speak(number, said)}
        if not fit:
            return dict.fromkeys(self.plain, 1)
        best = max(fit.values())
        weights = {number: int(FINEST * math.exp(SHARPNESS * (score - best))) for number, score in sorted(fit.items())}
        return {number: weight for number, weight in weights.items() if weight}

    def is_topic(self, text: str) -> bool:
        """Whether the text is nothing but the name of a topic: "good morning"."""
        return any(phrase(text) in topics for topics, _ in self.groups.values())

    def on_topic(self, text: str) -> bool:
        """Whether the text, as a phrase, names a topic."""
        return any(topic in text for topics, _ in self.groups.values() for topic in topics)

    def matches(self, text: str) -> bool:
        """Whether there is anything to say: a topic, or a paragraph with most of the words asked about."""
        return self.on_topic(text) or max(self._overlap(text, by_count=True).values(), default=0.0) > 0.5

    def _may_speak(self, number: int, said: str) -> bool:
        voices = self.paragraphs[number].voices
        return not voices or any(voice in said for voice in voices)

    def _overlap(self, text: str, *, by_count: bool = False) -> dict[int, float]:
        """For each paragraph, the share of the text's words that it holds, the rare ones counting more."""
        found: dict[int, float] = defaultdict(float)
        whole = 0.0
        for word in _asked(text):
            holding = self.holding.get(word, ())
            rare = 1.0 if by_count else math.log(1 + len(self.paragraphs) / (1 + len(holding)))
            whole += rare
            for number in holding:
                found[number] += rare
        return {number: score / whole for number, score in found.items()}


def _asked(text: str) -> list[str]:
    """The words that say what a prompt is about, each once."""
    return [word for word in dict.fromkeys(text.split()) if word not in ASKING and not word.isdigit()]

"""Statistics of several replies to one prompt: variety, length, shares. Pure arithmetic.

Most functions take the texts of one case, and return None where there is too little to count.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, zip_longest
from typing import NamedTuple, TypeVar

T = TypeVar("T")

# Chinese, Japanese and Korean are written without spaces, so each character counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:['’][^\W_]+)*|[^\w\s]")
Z95 = 1.959963984540054  # of a normal distribution, 95 % lie within so many standard deviations


class Interval(NamedTuple):
    """Interval that holds the true value with 95 % confidence."""

    low: float
    high: float


def words(text: str) -> list[str]:
    """Return words and punctuation, case folded: words("It's red, Red!") -> ["it's", "red", ",", "red", "!"]."""
    return _WORD.findall(text.casefold())


def unique_rate(texts: Sequence[str]) -> float | None:
    """Return the share of distinct texts: 1 when no two are equal."""
    return len({text.strip() for text in texts}) / len(texts) if texts else None


def grams(text: str, n: int) -> list[tuple[str, ...]]:
    """Return the runs of n words: grams("a b c", 2) -> [("a", "b"), ("b", "c")]."""
    found = words(text)
    return [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]


def distinct(texts: Sequence[str], n: int, most: int | None = None) -> float | None:
    """Return distinct-n: the share of distinct runs of n words in all texts together.

    most  count only so many runs: the first of each text, then the second of each, and so on. The share falls with the
          amount of text, so only equal amounts can be compared.
    """
    by_place = zip_longest(*(grams(text, n) for text in texts))
    found = [gram for places in by_place for gram in places if gram is not None][:most]
    return len(set(found)) / len(found) if found else None


def jaccard(texts: Sequence[str]) -> float | None:
    """Return the mean similarity of two texts: their common words among all their words; 1 for equal words."""
    if len(texts) < 2:
        return None
    bags = [frozenset(words(text)) for text in texts]
    likeness = [len(a & b) / len(a | b) if a | b else 1.0 for a, b in combinations(bags, 2)]
    return math.fsum(likeness) / len(likeness)


def self_bleu(texts: Sequence[str], n: int = 4) -> float | None:
    """Return the mean BLEU of each text against all others: 1 when they repeat each other."""
    if len(texts) < 2:
        return None
    split = [words(text) for text in texts]
    scores = [bleu(text, split[:i] + split[i + 1 :], n) for i, text in enumerate(split)]
    return math.fsum(scores) / len(scores)


def bleu(text: Sequence[str], references: Sequence[Sequence[str]], n: int = 4) -> float:
    """Return BLEU-n of one text, in words, with 0.1 in place of a count of 0 (Chen and Cherry 2014, method 1)."""
    logs = []
    for size in range(1, n + 1):
        counts = _counts(text, size)
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= _counts(reference, size)
        matched = sum(min(count, most[gram]) for gram, count in counts.items())
        if size == 1 and not matched:
            return 0.0
        logs.append(math.log((matched or 0.1) / max(1, sum(counts.values()))))
    nearest = min((len(reference) for reference in references), key=lambda length: (abs(length - len(text)), length))
    brevity = 1.0 if len(text) > nearest else math.exp(1 - nearest / len(text))
    return brevity * math.exp(math.fsum(logs) / n)


def _counts(text: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(text[i : i + size]) for i in range(len(text) - size + 1))


def mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which this share of the values lies, interpolated: percentile([1, 2], 0.5) -> 1.5."""
    if not values:
        return None
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def wilson(passed: float, n: float) -> Interval | None:
    """Return the 95 % interval of a share (Wilson 1927), also for few trials: wilson(3, 3).low -> 0.44."""
    if not n:
        return None
    share = passed / n
    middle = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return Interval(middle - half if passed else 0.0, middle + half if passed < n else 1.0)


def jackknife(items: Sequence[T], statistic: Callable[[Sequence[T]], float | None]) -> Interval | None:
    """Return the 95 % interval of any statistic, from its values without each one of the items.

    A bootstrap would draw items twice, and find too little variety.
    """
    whole = statistic(items)
    without = [statistic([*items[:i], *items[i + 1 :]]) for i in range(len(items))]
    known = [value for value in without if value is not None]
    middle = mean(known)
    if whole is None or middle is None or len(known) < 2:
        return None
    spread = math.sqrt((len(known) - 1) / len(known) * math.fsum((value - middle) ** 2 for value in known))
    return Interval(whole - Z95 * spread, whole + Z95 * spread)

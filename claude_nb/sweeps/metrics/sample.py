"""The replies of one case, ready to be measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from claude_nb.sweeps.metrics import statistics
from claude_nb.sweeps.metrics.checks import Check
from claude_nb.types.reply import Reply


@dataclass(frozen=True)
class Sample:
    """The replies of one case.

    replies  the complete ones; failed counts the others
    grams    how many runs of 1 and 2 words every case has at least, so that distinct-n compares equal amounts
    """

    replies: Sequence[Reply]
    failed: int = 0
    grams: Mapping[int, int] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        return [reply.text for reply in self.replies]

    @property
    def live(self) -> list[Reply]:
        """The replies that were not recorded earlier."""
        return [reply for reply in self.replies if reply.source != "replay"]

    @property
    def timed(self) -> list[Reply]:
        """The replies whose time can be compared."""
        return [reply for reply in self.replies if reply.is_timed]

    @property
    def is_demo(self) -> bool:
        return bool(self.replies) and all(reply.provider == "demo" for reply in self.replies)


def stop_mix(sample: Sample) -> str:
    """Return how the replies ended: "end 8, max_tokens 2"."""
    counts = Counter(reply.stop_reason for reply in sample.replies)
    return ", ".join(f"{reason} {count}" for reason, count in counts.most_common())


def stop_words(sample: Sample) -> str:
    """Return how the replies ended, in words: "8 finished, 2 cut at max_tokens"."""
    counts = Counter(reply.ending for reply in sample.replies)
    return ", ".join(f"{count} {ending}" for ending, count in counts.most_common())


def equal_grams(samples: Sequence[Sequence[str]]) -> dict[int, int]:
    """Return, for 1 and 2 words, how many runs each group of texts has at least. Empty groups do not count."""
    sizes = {}
    for n in (1, 2):
        totals = [sum(len(statistics.grams(text, n)) for text in texts) for texts in samples]
        sizes[n] = min((total for total in totals if total), default=0)
    return sizes

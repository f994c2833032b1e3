"""The texts of the lens: one request to the demo model and its branches.

Pure Python without a widget.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from claude_nb.demo import MAX_TOKENS, DemoModel, Step
from claude_nb.demo.corpus import tokens
from claude_nb.demo.counts import END
from claude_nb.demo.sampling import Order, surprisal_bits
from claude_nb.errors import PromptError
from claude_nb.types.request import Request

MAX_BRANCHES = 12  # the first and the newest are kept


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a draw. None turns a setting off."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    order: Order = "temperature_first"


@dataclass(frozen=True, slots=True)
class Branch:
    """One version of the text.

    name   label of its tab: "1", or "3: door" if the word "door" was forced
    kept   number of first steps that it shares with the branch it started from
    ids    a number for each step; shared steps have the same one
    ended  why it ended: end, max_tokens or stop_sequence
    """

    number: int
    name: str
    seed: int
    settings: Settings
    kept: int
    steps: tuple[Step, ...]
    ids: tuple[int, ...]
    ended: str

    @property
    def text(self) -> str:
        return "".join(step.word for step in self.steps)

    @property
    def tokens(self) -> list[int]:
        return [step.token for step in self.steps]


class BranchTree:
    """A request to the demo model and its branches."""

    def __init__(self, model: DemoModel, request: Request, *, max_tokens: int, seed: int) -> None:
        self.model = model
        self.request = request
        self.words = model.vocabulary(request)
        self.max_tokens = max_tokens
        self.seed = seed
        self.branches: list[Branch] = []
        self.by_id: dict[int, Step] = {}
        self._numbers = count(1)
        self._ids = count(1)
        self._seeds = count(seed + 1)

    def branch(self, number: int) -> Branch:
        """Return the branch with a number. Raises PromptError."""
        found = next((branch for branch in self.branches if branch.number == number), None)
        if found is None:
            numbers = ", ".join(str(branch.number) for branch in self.branches)
            raise PromptError(f"there is no branch {number}; choose one of {numbers}")
        return found

    def write(self, settings: Settings, *, seed: int | None = None) -> Branch:
        """Write the whole text, with the first seed or another one."""
        return self._grow(settings, self.seed if seed is None else seed, (), (), "")

    def write_text(self, text: str, settings: Settings, *, ended: bool) -> Branch:
        """Write a known text, to see the probabilities of a reply without a seed."""
        forced = self._tokens(text)
        if not forced:
            return self.write(settings)
        forced = [*forced, *([END] if ended else [])][:MAX_TOKENS]
        return self._grow(settings, self.seed, (), forced, "", most=len(forced))

    def _tokens(self, text: str) -> list[int]:
        """Split a text into the fewest tokens of the vocabulary.

        Returns [] if that is not possible.
        """
        number = {word: token for token, word in enumerate(self.words) if token != END}
        longest = max(map(len, number), default=0)
        best: list[list[int] | None] = [[]]
        for end in range(1, len(text) + 1):
            ways = (
                [*before, number[text[start:end]]]
                for start in range(max(0, end - longest), end)
                if (before := best[start]) is not None and text[start:end] in number
            )
            best.append(min(ways, key=len, default=None))
        return best[-1] or []

    def force(self, branch: Branch, at: int, token: int, settings: Settings) -> Branch:
        """Put another word at step *at*.

        The later words are drawn with the same random numbers.
        """
        self._check(branch, at)
        if not 0 <= token < len(self.words):
            raise PromptError(f"there is no word {token}; choose a number below {len(self.words)}")
        return self._grow(settings, branch.seed, branch.ids[:at], (token,), visible(self.words[token]))

    def redraw(self, branch: Branch, at: int, settings: Settings) -> Branch:
        """Continue from step *at* with new random numbers."""
        self._check(branch, at)
        return self._grow(settings, next(self._seeds), branch.ids[:at], (), f"again from {at + 1}" if at else "again")

    def token(self, word: str) -> int:
        """Return the number of a word, with or without its leading space.

        Raises PromptError.
        """
        for spelled in (word, f" {word}"):
            if spelled in self.words:
                return self.words.index(spelled)
        raise PromptError(
            f"the demo model does not know {word!r}; choose one of the {len(self.words)} in lens.vocabulary"
        )

    def _check(self, branch: Branch, at: int) -> None:
        if not 0 <= at < len(branch.steps):
            raise PromptError(f"there is no step {at}; choose one from 0 to {len(branch.steps) - 1}")

    def _grow(
        self,
        settings: Settings,
        seed: int,
        kept: Sequence[int],
        forced: Sequence[int],
        label: str,
        *,
        most: int | None = None,
    ) -> Branch:
        temperature = 1.0 if settings.temperature is None else settings.temperature
        sampling = replace(
            self.request.sampling, temperature=temperature, top_k=settings.top_k, top_p=settings.top_p, seed=seed
        )
        first = [self.by_id[number].token for number in kept]
        steps = [self.by_id[number] for number in kept]
        stops, text, ended = sampling.stop_sequences or (), "", "max_tokens"
        request = replace(self.request, sampling=sampling)
        for at, step in enumerate(self.model.steps(request, order=settings.order, force=[*first, *forced])):
            if at >= len(kept):
                steps.append(step)
            text += step.word
            if at >= len(kept) and (not step.token or any(stop in text for stop in stops)):
                ended = "stop_sequence" if step.token else "end"
                break
            if at + 1 >= (most or self.max_tokens):
                break
        ids = (*kept, *(next(self._ids) for _ in steps[len(kept) :]))
        self.by_id |= dict(zip(ids, steps, strict=True))
        number = next(self._numbers)
        name = f"{number}: {label}" if label else str(number)
        branch = Branch(number, name, seed, settings, len(kept), tuple(steps), ids, ended)
        self._keep(branch)
        return branch

    def _keep(self, branch: Branch) -> None:
        self.branches.append(branch)
        if len(self.branches) > MAX_BRANCHES:
            del self.branches[1]
        needed = {number for branch in self.branches for number in branch.ids}
        self.by_id = {number: step for number, step in self.by_id.items() if number in needed}


def visible(word: str) -> str:
    """Return a word with visible white space: visible("\\n") -> "⏎".

    The end of the text is "(end)".
    """
    if word in ("", "<end>"):
        return "(end)"
    return word.strip(" ").replace("\n", "⏎") or "␣"


def outline(branch: Branch) -> dict[str, Any]:
    """Return a branch for the front end, without its probabilities."""
    settings = branch.settings
    return {
        "number": branch.number,
        "name": branch.name,
        "seed": branch.seed,
        "settings": {name: getattr(settings, name) for name in ("temperature", "top_k", "top_p", "order")},
        "kept": branch.kept,
        "ended": branch.ended,
        "steps": [
            {
                "id": number,
                "token": step.token,
                "word": step.word,
                "u": step.u,
                "forced": step.forced,
                "bits": round(surprisal_bits(step.p[step.token]), 4) if step.p[step.token] else None,
            }
            for number, step in zip(branch.ids, branch.steps, strict=True)
        ],
    }


def details(step: Step) -> dict[str, Any]:
    """Explain a word: its context, and where that occurs in the training text."""
    return {
        "context": step.context,
        "length": len(tokens(step.context)),
        "places": step.places,
        "passed": step.passed,
        "sources": [list(source) for source in step.sources],
    }


def packed(step: Step) -> bytes:
    """Pack the model's probabilities as float32, one for each word of the vocabulary."""
    return array("f", step.p).tobytes()

"""What the lens looks into: one text of the demo model and the branches that leave it. Pure, knows no widget."""

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

MAX_BRANCHES = 12  # older ones are forgotten, the first and the newest stay


@dataclass(frozen=True, slots=True)
class Settings:
    """What shapes a draw; None: off, the stage changes nothing."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    order: Order = "temperature_first"


@dataclass(frozen=True, slots=True)
class Branch:
    """One way the text went.

    name     what the tab says: "1", or "3: door" where the word "door" was forced
    kept     so many first steps are those of the branch it left
    ids      a number for each step; shared steps share it
    ended    why it stops: end, max_tokens or stop_sequence
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
    """A request to the demo model, and every branch that was written for it."""

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
        """The branch of that number. Raises PromptError."""
        found = next((branch for branch in self.branches if branch.number == number), None)
        if found is None:
            raise PromptError(f"there is no branch {number}; there are {[branch.number for branch in self.branches]}")
        return found

    def write(self, settings: Settings, *, seed: int | None = None) -> Branch:
        """The whole text with these settings; the same seed unless another is given."""
        return self._grow(settings, self.seed if seed is None else seed, (), (), "")

    def retell(self, text: str, settings: Settings, *, ended: bool) -> Branch:
        """A text that was drawn without a known seed: its words are given, the probabilities are the model's."""
        spoken = self._spelled(text)
        if not spoken:
            return self.write(settings)
        spoken = [*spoken, *([END] if ended else [])][:MAX_TOKENS]
        return self._grow(settings, self.seed, (), spoken, "", most=len(spoken))

    def _spelled(self, text: str) -> list[int]:
        """The fewest words of the vocabulary that make up the text; empty when it has others."""
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
        """Another word at step *at*; what follows is drawn with the same random numbers."""
        self._check(branch, at)
        if not 0 <= token < len(self.words):
            raise PromptError(f"there is no word {token}; the vocabulary has {len(self.words)}")
        return self._grow(settings, branch.seed, branch.ids[:at], (token,), shown(self.words[token]))

    def redraw(self, branch: Branch, at: int, settings: Settings) -> Branch:
        """Rewind to step *at* and go on from there with new random numbers."""
        self._check(branch, at)
        return self._grow(settings, next(self._seeds), branch.ids[:at], (), f"again from {at + 1}" if at else "again")

    def token(self, word: str) -> int:
        """The number of a word, with or without the space that it brings. Raises PromptError."""
        for spelled in (word, f" {word}"):
            if spelled in self.words:
                return self.words.index(spelled)
        raise PromptError(f"{word!r} is not one of the {len(self.words)} words of the demo model")

    def _check(self, branch: Branch, at: int) -> None:
        if not 0 <= at < len(branch.steps):
            raise PromptError(f"there is no step {at}; this text has {len(branch.steps)}, counted from 0")

    def _grow(
        self,
        settings: Settings,
        seed: int,
        kept: Sequence[int],
        forced: Sequence[int],
        why: str,
        *,
        most: int | None = None,
    ) -> Branch:
        temperature = 1.0 if settings.temperature is None else settings.temperature
        sampling = replace(
            self.request.sampling, temperature=temperature, top_k=settings.top_k, top_p=settings.top_p, seed=seed
        )
        begun = [self.by_id[number].token for number in kept]
        steps = [self.by_id[number] for number in kept]
        stops, text, ended = sampling.stop_sequences or (), "", "max_tokens"
        request = replace(self.request, sampling=sampling)
        for at, step in enumerate(self.model.steps(request, order=settings.order, force=[*begun, *forced])):
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
        name = f"{number}: {why}" if why else str(number)
        branch = Branch(number, name, seed, settings, len(kept), tuple(steps), ids, ended)
        self._keep(branch)
        return branch

    def _keep(self, branch: Branch) -> None:
        self.branches.append(branch)
        if len(self.branches) > MAX_BRANCHES:
            del self.branches[1]
        needed = {number for branch in self.branches for number in branch.ids}
        self.by_id = {number: step for number, step in self.by_id.items() if number in needed}


def shown(word: str) -> str:
    """A word as people can see it: shown("\\n") -> "⏎"; the end of the text -> "(end)"."""
    if word in ("", "<end>"):
        return "(end)"
    return word.strip(" ").replace("\n", "⏎") or "␣"


def outline(branch: Branch) -> dict[str, Any]:
    """A branch as the front end keeps it: without the probabilities, which it asks for."""
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
    """Why this word: what the model could use of the text before it, and where it saw that."""
    return {
        "context": step.context,
        "length": len(tokens(step.context)),
        "places": step.places,
        "passed": step.passed,
        "sources": [list(source) for source in step.sources],
    }


def packed(step: Step) -> bytes:
    """The model's probabilities as float32, one for each word of the vocabulary."""
    return array("f", step.p).tobytes()

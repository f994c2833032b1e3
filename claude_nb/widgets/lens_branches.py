"""The texts of the lens: one request to a model and its branches.

Pure Python without a widget.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from claude_nb.demo.sampling import surprisal_bits
from claude_nb.errors import PromptError
from claude_nb.types.request import Request
from claude_nb.widgets.lens_models import SETTINGS, LensModel, LensStep, Settings

MAX_BRANCHES = 12  # the first and the newest are kept


@dataclass(frozen=True, slots=True)
class Branch:
    """One version of the text.

    name   label of its tab: "1", or "3: door" if the word "door" was forced
    kept   number of first steps that it shares with the branch it started from
    ids    a number for each step; shared steps have the same one
    ended  why it ended: end, max_tokens or stop_sequence
    text   the texts of its steps together
    """

    number: int
    name: str
    seed: int
    settings: Settings
    kept: int
    steps: tuple[Any, ...]
    ids: tuple[int, ...]
    ended: str
    text: str


class BranchTree:
    """A request to a model and its branches.

    before  the tree that this one replaces: the page must not take a step for one of its steps
    """

    def __init__(
        self, model: LensModel, request: Request, *, max_tokens: int, seed: int, before: BranchTree | None = None
    ) -> None:
        self.model = model
        self.request = request
        self.max_tokens = max_tokens
        self.seed = seed
        self.branches: list[Branch] = []
        self.by_id: dict[int, LensStep] = {}
        self._numbers = count(1)
        self._ids: Iterator[int] = before._ids if before else count(1)
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
        forced = self.model.spelled(text)
        if not forced:
            return self.write(settings)
        end = [self.model.end] if ended and self.model.end is not None else []
        forced = [*forced, *end][: self.model.known]
        return self._grow(settings, self.seed, (), forced, "", most=len(forced))

    def force(self, branch: Branch, at: int, place: int, settings: Settings) -> Branch:
        """Put the word of another place at step *at*.

        The later words are drawn with the same random numbers.
        """
        step = self.step(branch, at)
        forced = (self.model.number(step, place),)
        return self._grow(settings, branch.seed, branch.ids[:at], forced, self.model.name(step, place))

    def redraw(self, branch: Branch, at: int, settings: Settings) -> Branch:
        """Continue from step *at* with new random numbers."""
        self.step(branch, at)
        return self._grow(settings, next(self._seeds), branch.ids[:at], (), f"again from {at + 1}" if at else "again")

    def step(self, branch: Branch, at: int) -> LensStep:
        """Return a step of a branch. Raises PromptError."""
        if not 0 <= at < len(branch.steps):
            raise PromptError(f"there is no step {at}; choose one from 0 to {len(branch.steps) - 1}")
        step: LensStep = branch.steps[at]
        return step

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
        model, request = self.model, self.request
        request = replace(request, sampling=replace(request.sampling, seed=seed))
        steps = [self.by_id[number] for number in kept]
        stops, ended = request.sampling.stop_sequences or (), "end"
        for step in model.write(request, settings, tuple(steps), forced):
            steps.append(step)
            if model.ends(step) or (stops and any(stop in model.text(steps) for stop in stops)):
                ended = "end" if model.ends(step) else "stop_sequence"
                break
            if len(steps) >= (most or self.max_tokens):
                ended = "max_tokens"
                break
        ids = (*kept, *(next(self._ids) for _ in steps[len(kept) :]))
        self.by_id |= dict(zip(ids, steps, strict=True))
        number = next(self._numbers)
        name = f"{number}: {label}" if label else str(number)
        branch = Branch(number, name, seed, settings, len(kept), tuple(steps), ids, ended, model.text(steps))
        self._keep(branch)
        return branch

    def _keep(self, branch: Branch) -> None:
        self.branches.append(branch)
        if len(self.branches) > MAX_BRANCHES:
            del self.branches[1]
        needed = {number for branch in self.branches for number in branch.ids}
        self.by_id = {number: step for number, step in self.by_id.items() if number in needed}


def outline(branch: Branch, model: LensModel) -> dict[str, Any]:
    """Return a branch for the front end, without its probabilities."""
    settings = branch.settings
    return {
        "number": branch.number,
        "name": branch.name,
        "seed": branch.seed,
        "settings": {name: getattr(settings, name) for name in SETTINGS},
        "kept": branch.kept,
        "ended": branch.ended,
        "steps": [
            {
                "id": number,
                "token": step.token,
                "word": model.shown(step),
                "u": step.u,
                "forced": step.forced,
                "bits": round(surprisal_bits(chance), 4) if (chance := model.chance(step)) else None,
            }
            for number, step in zip(branch.ids, branch.steps, strict=True)
        ],
    }

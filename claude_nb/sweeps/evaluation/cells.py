"""One cell of an evaluation: a row of the table, filled into one variant of the prompt, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from claude_nb.sweeps.metrics.grades import Grade
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

Outcome = Literal["passed", "failed", "scored", "ungraded", "refused", "cut", "error", "missing"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
NOT_GRADED: tuple[Outcome, ...] = ("refused", "cut", "error", "missing", "ungraded")


@dataclass(frozen=True)
class Cell:
    """One reply of an evaluation, or the place of one that is missing.

    Attributes:
        row: Index of the row, from 0.
        variant: Index of the variant, from 0.
        repeat: Number of the repeat, from 0.
        values: The values of the row by column.
        request: The request that is sent. None if it cannot be.
        expected: What the graders compare with. None if nothing is expected.
        reply: The reply. None if it is missing.
        grades: A grade for each grader by name. Empty for a reply that is not graded.
        locked: Why the prompt cannot be sent; None if it can.
    """

    row: int
    variant: int
    repeat: int
    values: Mapping[str, Any]
    request: Request | None
    expected: Any
    reply: Reply | None
    grades: Mapping[str, Grade]
    locked: str | None = None

    @property
    def prompt(self) -> str:
        """The prompt with the values of the row; "" if it cannot be sent."""
        return self.request.prompt if self.request else ""

    @property
    def outcome(self) -> Outcome:
        """Passed, failed or scored; or not graded, because it is refused, cut, error, missing or ungraded.

        A reply passes if every grader that gives a verdict passes it. It is ungraded if a grader failed to judge it.
        """
        if (why := not_graded(self.reply)) is not None:
            return why
        verdicts = [grade.passed for grade in self.grades.values() if grade.passed is not None]
        if not all(verdicts):
            return "failed"
        if not self.grades or any(grade.error for grade in self.grades.values()):
            return "ungraded"
        return "passed" if verdicts else "scored"

    @property
    def passed(self) -> bool | None:
        """True if the reply passes; None if it is not graded, or has only scores."""
        return {"passed": True, "failed": False}.get(self.outcome)

    @property
    def cost_usd(self) -> float | None:
        """US dollars that the reply cost. None if unknown."""
        return self.reply.cost_usd if self.reply else None

    @property
    def reason(self) -> str:
        """Why it did not pass, in one line: the reasons of the graders, or how the reply ended."""
        if self.outcome in ("refused", "cut", "error", "missing"):
            return self.locked or (self.reply and (self.reply.error or self.reply.ending)) or "no reply yet"
        against = {name: grade for name, grade in self.grades.items() if grade.error or grade.passed is False}
        said = {name: grade.error or grade.reason for name, grade in against.items()}
        return "; ".join(f"{name}: {text}" if text else name for name, text in said.items())


def not_graded(reply: Reply | None) -> Outcome | None:
    """Return why a reply is not graded: it is missing, broke off, was refused or cut. None: it is graded."""
    if reply is None:
        return "missing"
    if reply.broke_off:
        return "error"
    return {"refusal": "refused", "max_tokens": "cut"}.get(reply.stop_reason)  # type: ignore[return-value]  # both are outcomes

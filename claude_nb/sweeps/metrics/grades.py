"""Grades: what a check or a grader says of a reply, whatever a function of the user returns."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

from claude_nb.guard import is_a, kind_of
from claude_nb.render.chars import one_line

# A check may raise these to say no, as reply.json() and reply.code[0] do.
NO = (ValueError, LookupError, AssertionError)
MAX_REASON = 300


@dataclass(frozen=True)
class Grade:
    """Verdict of a grader. It is true when the reply passes.

    Attributes:
        passed: Whether the reply passes. None if there is only a score, or no verdict.
        score: A number, where more is better. None if the grader only says yes or no.
        reason: Why, in one line; "" if the grader gives no reason.
        error: Why there is no verdict, in one line; "" if there is one.
        note: How well a judge agrees with people; "" for other graders.

    Example:
        >>> Grade(False, reason="expected 'billing'").passed
        False
    """

    passed: bool | None = None
    score: float | None = None
    reason: str = ""
    error: str = ""
    note: str = ""

    def __bool__(self) -> bool:
        """Return whether the reply passes. A score alone passes unless it is 0."""
        return bool(self.score if self.passed is None else self.passed)


def grade(function: Callable[..., Any], *values: Any) -> Grade:
    """Call a check or a grader, and return what it says. It raises whatever the function raises, except for NO.

    It may return a Grade, whether the reply passes, a number as a score, or one of these with a reason: (False, "why").
    A function that uses assert returns nothing.
    """
    try:
        result = function(*values)
    except NO as error:
        return Grade(passed=False, reason=_line(error) or kind_of(error))
    if inspect.isawaitable(result) or inspect.isgenerator(result):
        if close := getattr(result, "close", None):
            close()
        raise TypeError(f"it returns a {kind_of(result)}, not whether the reply passes")
    reason = ""
    if is_a(result, tuple) and len(result) == 2 and is_a(result[1], str):
        result, reason = result[0], _line(result[1])
    if is_a(result, Grade):
        return result
    is_score = is_a(result, Real) and not is_a(result, bool)
    if is_score and math.isfinite(score := float(result)):
        return Grade(score=score, reason=reason)
    if is_score:
        return Grade(reason=reason, error=f"the score is {result}, which is not a finite number")
    return Grade(passed=result is None or bool(result), reason=reason)


def _line(text: object) -> str:
    return one_line(str(text), MAX_REASON)

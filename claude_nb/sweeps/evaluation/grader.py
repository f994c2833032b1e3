"""A grader: a function that says whether a reply is right, with a name, also for the functions of a user."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from claude_nb.errors import ClaudeError
from claude_nb.guard import attempt, reason
from claude_nb.sweeps.metrics.grades import Grade, grade
from claude_nb.types.reply import Reply

NOTHING_EXPECTED = "nothing is expected in this row"


@dataclass(frozen=True)
class Grader:
    """A grader by name. It is a check as well: it may be called with a reply alone.

    function  takes the reply, what is expected (None: nothing) and the values of the row
    needs     True if it cannot judge without something that is expected
    """

    name: str
    function: Callable[[Reply, Any, Mapping[str, Any]], Any]
    needs: bool = False

    @property
    def __name__(self) -> str:  # a check is named by it
        return self.name

    def __call__(self, reply: Reply, expected: Any = None, row: Mapping[str, Any] | None = None) -> Grade:
        """Return the grade of a reply. A mistake in the function raises what it raises."""
        if self.needs and expected is None:
            return Grade(error=NOTHING_EXPECTED)
        return grade(self.function, reply, expected, dict(row or {}))

    def grade(self, reply: Reply, expected: Any, row: Mapping[str, Any]) -> Grade:
        """Return the grade of a reply. A mistake in the function is the error of the grade."""
        try:
            return self(reply, expected, row)
        except KeyboardInterrupt:
            raise
        except ClaudeError as error:
            return Grade(error=str(error))
        except BaseException as error:  # noqa: BLE001  # a function of the user may raise anything
            return Grade(error=reason(error))


def stored(name: str) -> Grader:
    """Return the place of a grader whose grades were read from a file, which does not hold the function."""

    def unknown(*_: Any) -> Grade:
        return Grade(error=f"the file holds the grades of {name}, not the grader; run evaluate() again")

    return Grader(name, unknown)


def distinct(name: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken: distinct("exact", ["exact"]) -> "exact 2"."""
    taken, number = set(taken), 1
    while (numbered := name if number == 1 else f"{name} {number}") in taken:
        number += 1
    return numbered


def adapted(function: Callable[..., Any]) -> Callable[[Reply, Any, Mapping[str, Any]], Any]:
    """Return a function of reply, expected and row that passes on what a function of the user takes.

    It takes the reply, then what is expected and the row if it has more required parameters, or parameters of these
    names.
    """
    none: list[inspect.Parameter] = []
    parameters = attempt(lambda: list(inspect.signature(function).parameters.values()), none)
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = sum(p.default is p.empty for p in places)
    count = min(3, max(1, required))
    by_name = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    by_name -= {p.name for p in places[:count]}

    def call(reply: Reply, expected: Any, row: Mapping[str, Any]) -> Any:
        values = {"reply": reply, "expected": expected, "row": row}
        # Parameters of these names get what they name, in any order.
        first = [values.get(p.name, values[default]) for p, default in zip(places[:count], values, strict=False)]
        return function(*(first or [reply]), **{name: values[name] for name in ("expected", "row") if name in by_name})

    return call

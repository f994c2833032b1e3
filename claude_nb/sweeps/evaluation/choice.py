"""The graders of an evaluation, from whatever a user passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import attempt, is_a, shown
from claude_nb.sweeps.evaluation import graders as own
from claude_nb.sweeps.evaluation.grader import Grader, adapted, distinct
from claude_nb.sweeps.evaluation.judge import judge
from claude_nb.sweeps.metrics.checks import named


def chosen(given: Any, *, has_expected: bool) -> dict[str, Grader]:
    """Return graders by name, from one or several: graders, functions, their names, or a dict of them.

    has_expected  whether the evaluation expects anything; if so, None means `exact`

    Raises PromptError.
    """
    if given is None and not has_expected:
        raise PromptError('nothing says which reply is right; add expect="column", or graders=[...]')
    entries: Iterable[tuple[str | None, Any]]
    if is_a(given, Mapping):
        entries = [(str(name), each) for name, each in given.items()]
    else:
        several = given if is_a(given, (list, tuple)) else ["exact" if given is None else given]
        entries = [(None, each) for each in several]
    found: dict[str, Grader] = {}
    for name, each in entries:
        made = _grader(each)
        called = distinct(name or made.name, found)
        if made.needs and not has_expected:
            raise PromptError(f'{called} compares with what is expected; add expect="column"')
        found[called] = made
    if not found:
        raise PromptError("graders is empty; leave it out, or name at least one")
    return found


def _grader(each: Any) -> Grader:
    if (is_a(each, str) and each == "judge") or each is judge:
        raise PromptError('a judge needs a question; use graders.judge("Is it polite?")')
    if is_a(each, str) or attempt(lambda: each in own.ALL.values(), False):
        factory = own.ALL.get(each) if is_a(each, str) else each
        if factory is None:
            raise PromptError(f"there is no grader {shown(each)}; use one of {', '.join(own.ALL)}, or a function")
        each = factory()
    if is_a(each, Grader):
        return each
    ((name, function),) = named(each).items()
    return Grader(name if name != "<lambda>" else "check", adapted(function))

"""Checks: functions of the user that say whether a reply passes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import attempt, guarded, shown
from claude_nb.sweeps.metrics.grades import grade
from claude_nb.types.reply import Reply

Check = Callable[[Reply], Any]
_NO_VERDICT = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)


def named(check: Check | Mapping[Any, Check] | None) -> dict[str, Check]:
    """Return checks by name: named(polite) -> {"polite": polite}. Raises PromptError for what cannot judge a reply."""
    return guarded("mend the check", _named, check) if check is not None else {}


def _named(check: Check | Mapping[Any, Check]) -> dict[str, Check]:
    by_name = check if isinstance(check, Mapping) else {attempt(lambda: check.__name__, "check"): check}
    for name, function in by_name.items():
        if not callable(function):
            advice = "use check=lambda reply: 'fox' in reply.text"
            raise PromptError(f"a check is a function of the reply, not {shown(function)}; {advice}")
        if any(attempt(kind, False, function) for kind in _NO_VERDICT):
            raise PromptError(f"the check {shown(name)} is async or yields; use a plain function (def) that returns")
    return {str(name): function for name, function in by_name.items()}


def passed(reply: Reply, check: Check, name: str) -> bool:
    """Return whether a reply passes a check.

    A check may also fail it by raising ValueError, LookupError or AssertionError. Any other error is a mistake in the
    check, and raises PromptError.
    """
    verdict = guarded(f"mend the check {name}", grade, check, reply)
    if verdict.error:
        raise PromptError(f"the check {name} gives no verdict: {verdict.error}")
    return bool(verdict)


def check_names(checks: Mapping[str, Check]) -> dict[str, str]:
    """Return the column of each check: "pass" for a single one, otherwise "pass_" and its name."""
    return {key: "pass" if len(checks) == 1 else f"pass_{key}" for key in checks}

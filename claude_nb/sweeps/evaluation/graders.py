"""Graders for evaluate(): exact, one_of, contains, regex, number, json_equal, schema and judge.

    claude_nb.evaluate(prompt, rows=df, expect="label", graders=[graders.exact, graders.judge("Is it polite?")])

A grader without arguments compares with what `expect` names. Any function of the reply is a grader too.
"""

from __future__ import annotations

import json as json_module
import math
import re
from collections.abc import Callable
from numbers import Number
from typing import Any

from claude_nb import schema as schemas
from claude_nb.errors import PromptError
from claude_nb.guard import guarded, is_a, plain, shown
from claude_nb.render.chars import one_line
from claude_nb.session.options import number as checked_number
from claude_nb.sweeps.evaluation import patterns
from claude_nb.sweeps.evaluation.grader import Grader
from claude_nb.sweeps.evaluation.judge import judge
from claude_nb.sweeps.metrics.grades import Grade
from claude_nb.types.reply import Reply

__all__ = ["contains", "exact", "json_equal", "judge", "number", "one_of", "regex", "schema"]

NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
SHOWN = 60


def exact(*, ignore_case: bool = False) -> Grader:
    """Pass a reply that is exactly what is expected, apart from space around it.

    Args:
        ignore_case: True takes "Billing" for "billing".

    Returns:
        The grader.

    Example:
        >>> exact()(reply, "billing").passed  # doctest: +SKIP
        True
    """

    def judge(reply: Reply, expected: Any, _: Any) -> Grade:
        said, right = _said(reply), as_text(expected)
        if ignore_case:
            return _equal(said.casefold() == right.casefold(), said, right)
        return _equal(said == right, said, right)

    return Grader("exact", judge, needs=True)


def one_of(*values: Any, ignore_case: bool = False) -> Grader:
    """Pass a reply that is one of several texts, apart from space around it.

    Args:
        *values: The texts. None: `expect` gives a list of texts for each row.
        ignore_case: True takes "Billing" for "billing".

    Returns:
        The grader.

    Example:
        >>> one_of("yes", "no")(reply).passed  # doctest: +SKIP
        True
    """

    def judge(reply: Reply, expected: Any, _: Any) -> Grade:
        allowed = values or (expected if is_a(expected, (list, tuple, set, frozenset)) else (expected,))
        texts, said = [as_text(value) for value in allowed], _said(reply)
        found = said.casefold() in map(str.casefold, texts) if ignore_case else said in texts
        return _equal(found, said, f"one of {', '.join(texts)}", quote=False)

    return Grader("one_of", judge, needs=not values)


def contains(text: str | None = None, *, ignore_case: bool = True) -> Grader:
    """Pass a reply in which a text occurs.

    Args:
        text: The text. None: what is expected in the row.
        ignore_case: False tells upper and lower case apart.

    Returns:
        The grader.

    Raises:
        PromptError: The text is empty.

    Example:
        >>> contains("Paris")(reply).passed  # doctest: +SKIP
        True
    """
    if text is not None and not (is_a(text, str) and text):
        raise PromptError(f"contains() takes a text that must occur in the reply, not {shown(text)}")

    def judge(reply: Reply, expected: Any, _: Any) -> Grade:
        wanted = as_text(expected) if text is None else plain(text)
        found = wanted.casefold() in reply.text.casefold() if ignore_case else wanted in reply.text
        return Grade(found, reason="" if found else f"{_short(wanted)} does not occur")

    return Grader("contains", judge, needs=text is None)


def regex(pattern: str | re.Pattern[str] | None = None) -> Grader:
    """Pass a reply in which a regular expression matches somewhere.

    A pattern that takes longer than two seconds on a reply gives no verdict.

    Args:
        pattern: The pattern, as text or compiled. None: what is expected in the row is the pattern.

    Returns:
        The grader.

    Raises:
        PromptError: The pattern is not valid.

    Example:
        >>> regex(r"^(yes|no)\\b")(reply).passed  # doctest: +SKIP
        True
    """
    matcher = patterns.Matcher()
    given = None if pattern is None else patterns.compiled(pattern)

    def judge(reply: Reply, expected: Any, _: Any) -> Grade:
        wanted = given or patterns.compiled(expected)
        found = matcher.search(wanted, reply.text)
        return Grade(found, reason="" if found else f"{_short(wanted.pattern)} does not match")

    return Grader("regex", judge, needs=pattern is None)


def number(tolerance: float = 0.0, *, relative: float = 0.0) -> Grader:
    """Pass a reply whose last number is the expected one.

    Args:
        tolerance: Largest difference that passes, 0 or more.
        relative: Largest difference that passes, as a share of the expected number: 0.01 is one percent.

    Returns:
        The grader.

    Raises:
        PromptError: A tolerance is negative.

    Example:
        >>> number(0.5)(reply, 42).passed  # doctest: +SKIP
        True
    """
    tolerance, relative = checked_number("tolerance", tolerance), checked_number("relative", relative)
    if tolerance < 0 or relative < 0:
        raise PromptError("a tolerance is 0 or more; leave it out for the exact number")

    def judge(reply: Reply, expected: Any, _: Any) -> Grade:
        right, said = _number(as_text(expected)), _number(_said(reply))
        if right is None:
            return Grade(error=f"{_short(as_text(expected))} is not a number")
        if said is None:
            return Grade(passed=False, reason="the reply contains no number")
        allowed = max(tolerance, relative * abs(right))
        near = abs(said - right) <= allowed or math.isclose(abs(said - right), allowed, rel_tol=1e-9, abs_tol=1e-12)
        return Grade(near, reason="" if near else f"{said:g} instead of {right:g}")

    return Grader("number", judge, needs=True)


def json_equal() -> Grader:
    """Pass a reply whose JSON is equal to what is expected.

    Keys may be in any order, and 1 is equal to 1.0. What is expected is a value, or its JSON as text.

    Returns:
        The grader.

    Example:
        >>> json_equal()(reply, {"city": "Oslo"}).passed  # doctest: +SKIP
        True
    """

    def judge(reply: Reply, expected: Any, _: Any) -> Grade:
        right = _read(expected)
        said = reply.data if reply.request.answer else reply.json()
        same = _same_json(said, right)
        return Grade(same, reason="" if same else f"{_short(_json(said))} instead of {_short(_json(right))}")

    return Grader("json_equal", judge, needs=True)


def schema(kind: Any = None) -> Grader:
    """Pass a reply whose JSON matches a schema.

    Args:
        kind: A class, a type hint or a JSON Schema. None: what is expected in the row is the schema.

    Returns:
        The grader.

    Raises:
        PromptError: The schema is not valid.

    Example:
        >>> schema({"type": "object", "required": ["city"]})(reply).passed  # doctest: +SKIP
        True
    """
    given = None if kind is None else guarded("schema", schemas.of, kind)

    def judge(reply: Reply, expected: Any, _: Any) -> Grade:
        wanted = given or schemas.of(_read(expected))
        why = schemas.problem(reply.data if reply.request.answer and reply.problem is None else reply.json(), wanted)
        return Grade(why is None, reason=why or "")

    return Grader("schema", judge, needs=kind is None)


ALL: dict[str, Callable[..., Grader]] = {
    "exact": exact,
    "one_of": one_of,
    "contains": contains,
    "regex": regex,
    "number": number,
    "json_equal": json_equal,
    "schema": schema,
}


def as_text(value: Any) -> str:
    """Return what is expected as text: as_text(5.0) -> "5", because a table with gaps holds whole numbers as floats."""
    if is_a(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return (plain(value) if is_a(value, str) else str(value)).strip()


def _read(expected: Any) -> Any:
    """Return what is expected, or the JSON that it is as text. Raises PromptError, which leaves no verdict."""
    if not is_a(expected, str):
        return expected
    try:
        return json_module.loads(expected)
    except (ValueError, RecursionError):
        raise PromptError(f"{_short(expected)} is not JSON") from None


def _said(reply: Reply) -> str:
    """Return the answer of a reply: its text, or the value of a structured answer that is a text or a number."""
    if reply.request.answer and is_a(data := reply.data, (str, int, float)):
        return as_text(data)
    return reply.text.strip()


def _number(text: str) -> float | None:
    """Return the last number in a text: _number("about 1,200.5 euros") -> 1200.5; None without one."""
    found = NUMBER.findall(text)
    return float(found[-1].replace(",", "").replace("\N{MINUS SIGN}", "-")) if found else None


def _same_json(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Number) and isinstance(other, Number):
        return one == other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_json(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same_json, one, other))
    return bool(type(one) is type(other) and one == other)


def _json(value: Any) -> str:
    return json_module.dumps(value, ensure_ascii=False, default=str)


def _equal(passed: bool, said: str, right: str, *, quote: bool = True) -> Grade:
    return Grade(
        passed, reason="" if passed else f"{_short(said)} instead of {_short(right) if quote else right[:200]}"
    )


def _short(text: str) -> str:
    return repr(one_line(text, SHOWN))

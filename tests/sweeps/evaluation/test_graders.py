"""Graders: what each of them passes, and what any function of a user may return or raise."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest

import claude_nb
from claude_nb.errors import PromptError
from claude_nb.sweeps.check import check
from claude_nb.sweeps.evaluation import graders, patterns
from claude_nb.sweeps.evaluation.choice import chosen
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Answer


def reply(text: str, **changes: Any) -> Reply:
    return Reply(Request("demo", "demo", (Message("user", "?"),)), text=text, **changes)


def graded(function: Any, text: str, expected: Any = None, row: dict[str, Any] | None = None) -> Any:
    (grader,) = chosen([function], has_expected=True).values()
    return grader.grade(reply(text), expected, row or {})


EXACT = graders.exact()
CASES: list[tuple[Any, str, Any, bool]] = [
    (EXACT, " billing\n", "billing", True),
    (EXACT, "Billing", "billing", False),
    (graders.exact(ignore_case=True), "BILLING", "billing", True),
    (EXACT, "5", 5, True),
    (EXACT, "5", 5.0, True),
    (EXACT, "5.5", 5.5, True),
    (EXACT, "Straße", "strasse", False),
    (graders.exact(ignore_case=True), "Straße", "STRASSE", True),
    (EXACT, "", "x", False),
    (graders.one_of("yes", "no"), "no", None, True),
    (graders.one_of("yes", "no"), "No", None, False),
    (graders.one_of("yes", "no", ignore_case=True), "No", None, True),
    (graders.one_of(), "a", ["a", "b"], True),
    (graders.one_of(), "a", "a", True),
    (graders.one_of(1, 2), "2", None, True),
    (graders.contains("paris"), "It is Paris.", None, True),
    (graders.contains("paris", ignore_case=False), "It is Paris.", None, False),
    (graders.contains(), "It is Paris.", "paris", True),
    (graders.contains(), "no", 42, False),
    (graders.contains(" a"), "banana", None, False),
    (graders.regex(r"^\d+$"), "123", None, True),
    (graders.regex(re.compile("PARIS", re.IGNORECASE)), "in Paris", None, True),
    (graders.regex(), "in Paris", "P.r", True),
    (graders.regex("😀+"), "so 😀😀", None, True),
    (graders.number(), "The total is 1,200.", 1200, True),
    (graders.number(), "from 3 to 4", 4, True),
    (graders.number(), "−5 degrees", -5, True),
    (graders.number(0.5), "41.5", 42, True),
    (graders.number(0.5), "41.4", 42, False),
    (graders.number(0.1), "0.3", 0.2, True),
    (graders.number(relative=0.01), "1009", "1,000", True),
    (graders.number(), "many", 1, False),
    (graders.json_equal(), '{"b": [1, 2.0], "a": null}', {"a": None, "b": [1.0, 2]}, True),
    (graders.json_equal(), '```json\n{"a": 1}\n```', '{"a": 1}', True),
    (graders.json_equal(), '{"a": true}', {"a": 1}, False),
    (graders.json_equal(), "no JSON", {"a": 1}, False),
    (graders.json_equal(), "[1, 2]", [2, 1], False),
    (graders.schema({"type": "object", "required": ["city"]}), '{"city": "Oslo"}', None, True),
    (graders.schema(list[int]), '[1, "two"]', None, False),
    (graders.schema(), "[1]", {"type": "array"}, True),
    (graders.schema(Literal["a", "b"]), '"c"', None, False),
]


@pytest.mark.parametrize(("grader", "text", "expected", "passes"), CASES)
def test_a_grader_passes_what_is_right(grader: Any, text: str, expected: Any, passes: bool) -> None:
    found = graded(grader, text, expected)
    assert (found.passed, found.error) == (passes, "")
    assert bool(found.reason) is not passes


@pytest.mark.parametrize(
    ("grader", "expected", "error"),
    [
        (graders.exact, None, "nothing is expected in this row"),
        (graders.number, "many", "'many' is not a number"),
        (graders.json_equal, "{", "'{' is not JSON"),
        (graders.regex, "(", "is not a valid regular expression"),
        (graders.schema, "{", "'{' is not JSON"),
    ],
)
def test_what_cannot_be_compared_gives_no_verdict_instead_of_a_failure(grader: Any, expected: Any, error: str) -> None:
    found = graded(grader, "5", expected)
    assert found.passed is None
    assert error in found.error


def test_a_structured_answer_is_compared_by_its_value() -> None:
    schema = '{"type": "object", "properties": {"answer": {"enum": ["billing", "sales"]}}}'
    request = Request("demo", "demo", (Message("user", "?"),), answer=Answer(schema, "prompt", wrapped=True))
    assert graders.exact()(Reply(request, text='{"answer": "billing"}'), "billing").passed


def test_a_catastrophic_pattern_ends_and_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "LIMIT_S", 0.2)
    (grader,) = chosen(graders.regex(r"(a+)+b"), has_expected=False).values()
    found = [grader.grade(reply("a" * 60), None, {}) for _ in range(patterns.MAX_SLOW)]
    assert all("takes more than 0.2 s; simplify repeats inside of repeats" in grade.error for grade in found)
    monkeypatch.setattr(patterns._WORKER, "search", None)  # it would raise
    assert "takes more than" in grader.grade(reply("aab"), None, {}).error


def test_after_a_pattern_that_took_too_long_another_one_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "LIMIT_S", 0.2)
    assert graded(graders.regex(r"(a+)+b"), "a" * 60).error
    monkeypatch.setattr(patterns, "LIMIT_S", 60.0)
    assert graded(graders.regex(r"a+$"), "a" * 60).passed


def test_a_function_of_the_reply_may_take_what_is_expected_and_the_row() -> None:
    row = {"text": "long", "team": "a"}
    assert graded(lambda one: one.text == "a", "a").passed
    assert graded(lambda one, right: one.text == right, "a", "a").passed
    assert graded(lambda one, right, values: values["team"] == right, "x", "a", row).passed
    assert graded(lambda one, *, row: row["text"] == "long", "x", "a", row).passed
    assert graded(lambda row, reply: row["team"] == reply.text, "a", None, row).passed
    assert graded(lambda one, at_most=3: len(one.text) <= at_most, "abc").passed


class Callme:
    def __call__(self, one: Reply) -> bool:
        return True


@pytest.mark.parametrize(
    ("returned", "passed", "score"),
    [
        (True, True, None),
        (0, None, 0.0),
        (0.5, None, 0.5),
        (None, True, None),
        ("", False, None),
        ((False, "too long"), False, None),
        ((0.5, "half"), None, 0.5),
        (re.search("a", "a"), True, None),
    ],
)
def test_a_function_returns_a_verdict_or_a_score_or_one_with_a_reason(returned: Any, passed: Any, score: Any) -> None:
    found = graded(lambda _: returned, "x")
    assert (found.passed, found.score) == (passed, score)
    assert found.reason == (returned[1] if isinstance(returned, tuple) else "")


def raising(error: BaseException) -> Any:
    def function(_: Reply) -> None:
        raise error

    return function


def test_what_a_function_raises_is_a_failure_or_no_verdict() -> None:
    assert graded(raising(ValueError("no city")), "x").reason == "no city"
    assert graded(raising(AssertionError()), "x").passed is False
    found = graded(raising(ZeroDivisionError("oh")), "x")
    assert (found.passed, found.error) == (None, "ZeroDivisionError: oh")
    assert graded(raising(SystemExit(1)), "x").error == "SystemExit: 1"
    assert graded(lambda _: float("nan"), "x").error == "the score is nan, which is not a finite number"
    with pytest.raises(KeyboardInterrupt):
        graded(raising(KeyboardInterrupt()), "x")


def test_graders_are_named_by_function_or_dict_and_each_name_is_its_own() -> None:
    def polite(one: Reply) -> bool:
        return True

    assert [*chosen(["contains", graders.contains("x"), polite, polite], has_expected=True)] == [
        "contains",
        "contains 2",
        "polite",
        "polite 2",
    ]
    assert [*chosen({"kind": polite}, has_expected=False)] == ["kind"]
    assert [*chosen(graders.exact, has_expected=True)] == ["exact"]
    assert [*chosen(None, has_expected=True)] == ["exact"]
    assert [*chosen(Callme(), has_expected=False)] == ["check"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("exactly", "there is no grader 'exactly'; use one of exact, one_of"),
        ([], "graders is empty"),
        (5, "a check is a function of the reply, not 5"),
        ("exact", r'exact compares with what is expected; add expect="column"'),
        (None, "nothing says which reply is right"),
    ],
)
def test_what_is_no_grader_is_refused(given: Any, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        chosen(given, has_expected=False)


@pytest.mark.parametrize(
    "make",
    [lambda: graders.contains(""), lambda: graders.regex("("), lambda: graders.number(-1), lambda: graders.schema(5)],
)
def test_a_grader_with_a_wrong_argument_is_refused(make: Any) -> None:
    with pytest.raises(PromptError):
        make()


def test_check_takes_graders_and_grades_by_the_same_mechanism() -> None:
    replies = [reply("yes"), reply("No"), reply("perhaps")]
    assert check(replies, claude_nb.graders.one_of("yes", "no", ignore_case=True)).passed == 2
    with pytest.raises(PromptError, match="the check exact gives no verdict: nothing is expected in this row"):
        check(replies, graders.exact())
    with pytest.raises(PromptError, match="a judge needs a model, so it works in evaluate"):
        check(replies, graders.judge("Is it polite?"))

"""Checks of the user: what is refused before it costs anything, and what happens when one of them fails."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from claude_nb.errors import ClaudeError, PromptError
from claude_nb.session.session import Session
from claude_nb.sweeps.api import last_sweep, sweep
from claude_nb.sweeps.check import check
from claude_nb.sweeps.metrics.checks import named, passed
from claude_nb.sweeps.sweep import Sweep
from claude_nb.sweeps.views import grid_data
from claude_nb.sweeps.views.display import _state
from claude_nb.sweeps.views.grid_widget import Grid
from claude_nb.sweeps.views.html import grid_html
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers import sessions
from tests.helpers.kernel import Kernel

REPLY = Reply(Request("p", "m", (Message("user", "Hi"),)), "a fox", stop_reason="end")


class Unsaid(BaseException):
    """An error whose text raises."""

    def __str__(self) -> str:
        raise RuntimeError


class Odd:
    """A verdict that raises when it is used."""

    def __bool__(self) -> bool:
        raise TypeError("no truth here")

    __len__ = __bool__


async def later(reply: Reply) -> bool:
    return True


async def much_later(reply: Reply) -> Any:
    yield True


def yields(reply: Reply) -> Iterator[bool]:
    yield True


def fails(error: BaseException) -> Any:
    def judge(reply: Reply) -> bool:
        raise error

    return judge


MISTAKES: dict[str, Any] = {
    "an attribute that is none": lambda reply: reply.txt,
    "another number of arguments": lambda: True,
    "a type": lambda reply: reply.text + 1,
    "a division": lambda reply: 1 / 0,
    "an exit": fails(SystemExit(3)),
    "an error whose text raises": fails(Unsaid()),
    "a generator exit": fails(GeneratorExit()),
    "recursion": lambda reply: bool(MISTAKES["recursion"](reply)),
    "an array": lambda reply: np.array([True, False]),
    "a column": lambda reply: pd.Series([True, False]),
    "missing": lambda reply: pd.NA,
    "a verdict that raises": lambda reply: Odd(),
    "a coroutine": functools.partial(lambda function, reply: function(reply), later),
    "a generator": lambda reply: (True for _ in reply.text),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_in_a_check_is_one_line_and_the_replies_are_kept(mistake: Any) -> None:
    session = sessions.session(CLAUDE_NB_PROVIDER="demo")
    result = sweep("Hi", temperature=[0, 1], check={"odd": mistake}, session=session, show=False, max_tokens=3)
    assert len(result) == 2
    problem = grid_data.check_problem(result)
    assert problem.startswith("mend the check odd: ")
    assert "\n" not in problem
    assert problem.split(":")[1].strip() in grid_html(result)
    assert grid_html(result).count("–") == 2
    assert problem in _state(result, live=False).line
    assert Grid(result, _state(result, live=True)).cells[0]["values"]["pass"] == [None, "–"]
    for use in (lambda: result.rows, result.summary, lambda: result.best("pass"), lambda: result.plot("pass")):
        with pytest.raises(PromptError, match="mend the check odd"):
            use()
    result.check(lambda reply: True, "odd")
    assert [row["pass"] for row in result.rows] == [True, True]
    with pytest.raises(PromptError, match="mend the check"):
        check([REPLY], mistake)


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("x"), IndexError(), AssertionError()])
def test_what_a_check_may_raise_to_say_no_is_a_no(error: Exception) -> None:
    assert passed(REPLY, fails(error), "x") is False
    assert check([REPLY], fails(error)).passed == 0


def test_an_interrupt_in_a_check_is_no_mistake() -> None:
    with pytest.raises(KeyboardInterrupt):
        passed(REPLY, fails(KeyboardInterrupt()), "x")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("fox", "a check is a function of the reply, not 'fox'; use check=lambda"),
        ([bool], "a check is a function of the reply, not "),
        ({"a": bool, "b": None}, "a check is a function of the reply, not None"),
        (later, "the check 'later' is async or yields"),
        (much_later, "the check 'much_later' is async or yields"),
        (yields, "the check 'yields' is async or yields"),
    ],
)
def test_what_judges_no_reply_is_refused_before_anything_is_sent(given: Any, says: str) -> None:
    session = sessions.session(CLAUDE_NB_PROVIDER="demo")
    with pytest.raises(PromptError, match=says):
        sweep("Hi", check=given, session=session, show=False)
    assert session.last is None
    with pytest.raises(ClaudeError):
        Sweep(sweep("Hi", session=session, show=False, max_tokens=2).plan).check(given)


def test_any_callable_is_a_check_with_a_name() -> None:
    class Judge:
        def __call__(self, reply: Reply) -> bool:
            return "fox" in reply.text

        @property
        def __name__(self) -> str:
            raise RuntimeError

    judge, part = Judge(), functools.partial(lambda word, reply: word in reply.text, "fox")
    assert named(judge) == {"check": judge}
    assert named(part) == {"check": part}
    assert named({1: judge}) == {"1": judge}
    assert named(None) == {}
    assert passed(REPLY, judge, "check")
    assert passed(REPLY, part, "check")


@pytest.mark.parametrize("what", [5, None, ["a prompt", "another"], [REPLY, "x"], {"a": 1}])
def test_what_is_no_reply_is_refused(what: Any) -> None:
    with pytest.raises(PromptError, match=r"check\(\) takes a prompt, a Reply or several replies, not "):
        check(what, "fox")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (lambda row: row["nope"], "mend the key of best.*KeyError: 'nope'"),
        (lambda row: [1, "a"][row["temperature"]], "mend the key of best.*TypeError"),
        (lambda row: np.arange(2), "mend the key of best.*ValueError"),
        (lambda row: None, "no case has a value"),
        ("nope", "there is no metric 'nope'"),
    ],
)
def test_a_mistake_in_the_key_of_best_is_one_line(key: Any, says: str) -> None:
    session = sessions.session(CLAUDE_NB_PROVIDER="demo")
    result = sweep("Hi", temperature=[0, 1], session=session, show=False, max_tokens=3)
    with pytest.raises(PromptError, match=says):
        result.best(key)


def test_a_mistake_in_a_check_does_not_end_a_sweep_in_a_notebook() -> None:
    with Kernel() as kernel:
        kernel.run("%load_ext claude_nb\nimport claude_nb")
        call = "claude_nb.sweep('Hi', n=3, check=lambda reply: reply.txt, provider='demo', max_tokens=3)"
        result = kernel.run(f"found = {call}")
        assert result.error is None
        assert "mend the check &lt;lambda&gt;: AttributeError" in result.outputs[-1]["data"]["text/html"]
        assert kernel.get("len(found)") == 3
        assert kernel.run("found.summary()").error.startswith("PromptError: mend the check <lambda>")  # type: ignore[union-attr]


def test_the_newest_sweep_is_at_hand_after_a_mistake() -> None:
    session: Session = sessions.session(CLAUDE_NB_PROVIDER="demo")
    result = sweep("Hi", check=MISTAKES["a type"], session=session, show=False, max_tokens=3)
    assert last_sweep() is result

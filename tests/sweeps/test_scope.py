"""`{{name}}` in sweep(), compare() and check(): filled from the code that calls them, or refused with the way on."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from claude_nb.errors import PromptError
from claude_nb.session.session import Session
from claude_nb.sweeps.api import compare, sweep
from claude_nb.sweeps.check import check
from tests.helpers import sessions

HOW: dict[str, Any] = {"provider": "demo", "max_tokens": 2}


@pytest.fixture
def session() -> Session:
    return sessions.session()


def run(session: Session, code: str) -> list[str]:
    """The prompts that a module of the user sends."""
    sent: list[str] = []

    def swept(prompt: Any, **options: Any) -> None:
        sent.extend(reply.prompt for reply in sweep(prompt, session=session, show=False, **HOW, **options))

    def compared(columns: Any, prompt: str, **options: Any) -> None:
        sent.extend(reply.prompt for reply in compare(columns, prompt, session=session, show=False, **HOW, **options))

    def checked(prompt: str, **options: Any) -> None:
        sent.extend(reply.prompt for reply in check(prompt, bool, n=1, session=session, **HOW, **options).replies)

    # These functions stand between the caller and the package, so they pass for a part of the package.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "__name__", "claude_nb.sweeps.tests")
        exec(textwrap.dedent(code), {"__name__": "__main__", "sweep": swept, "compare": compared, "check": checked})
    return sent


@pytest.mark.parametrize(
    ("code", "prompts"),
    [
        ("city = 'Oslo'\nsweep('On {{city}}')", ["On Oslo"]),
        ("city = 'Oslo'\nsweep(['On {{city}}', 'In {{city}}'])", ["On Oslo", "In Oslo"]),
        ("city = 'Oslo'\nsweep('{{city}} {{day}}', day=['Mon', 'Tue'])", ["Oslo Mon", "Oslo Tue"]),
        ("city = 'Oslo'\nsweep('On {{city}}', city=['Rome', 'Bern'])", ["On Rome", "On Bern"]),
        ("city = 'Oslo'\nsweep('On {{city}}', variables={'city': 'Rome'})", ["On Rome"]),
        ("city = 'Oslo'\nsweep('{{city}} {{b}}', variables={'city': 'X'}, b=[1])", ["X 1"]),
        ("city = 'Oslo'\ndef f(city): sweep('On {{city}}')\nf('Rome')", ["On Rome"]),
        ("def f():\n    city = 'Rome'\n    return [sweep('{{city}}{{i}}') for i in (1, 2)]\nf()", ["Rome1", "Rome2"]),
        ("(lambda city: sweep('On {{city}}'))('Rome')", ["On Rome"]),
        (r"sweep(r'\{{city}} { city } {city}')", ["{{city}} { city } {city}"]),
        ("city = 'Oslo'\ncompare([{'seed': 1}, {'seed': 2}], 'On {{city}}')", ["On Oslo"] * 2),
        ("compare([{'city': 'A'}, {'city': 'B'}], 'On {{city}}')", ["On A", "On B"]),
        ("def f(city): compare([{'seed': 1}], 'On {{city}}')\nf('Rome')", ["On Rome"]),
        ("compare([{'seed': 1}], 'On {{city}}', variables={'city': 'X'})", ["On X"]),
        ("city = 'Oslo'\ncheck('On {{city}}')", ["On Oslo"]),
        ("def f(city): check('On {{city}}')\nf('Rome')", ["On Rome"]),
        ("check('On {{city}}', city='Bern')", ["On Bern"]),
        ("check('On {{city}}', variables={'city': 'X'})", ["On X"]),
        ("page = 'with {{city}} inside'\nsweep('{{page}}')", ["with {{city}} inside"]),
    ],
)
def test_a_name_means_what_it_means_in_the_calling_code(session: Session, code: str, prompts: list[str]) -> None:
    assert run(session, code) == prompts


@pytest.mark.parametrize(
    "code",
    [
        "sweep('On {{city}}')",
        "sweep('On {{city}}', day=['Mon'])",
        "sweep('Hi', system='{{city}}')",
        "sweep('Hi', stop_sequences=['{{city}}'])",
        "sweep('Hi', stop_sequences=[['{{city}}']])",
        "sweep(['{{city}}', '{{town}}'])",
        "compare([{'seed': 1}], 'On {{city}}')",
        "check('On {{city}}')",
        "def f(city): g()\ndef g(): sweep('On {{city}}')\nf('Rome')",
    ],
)
def test_a_name_that_nobody_knows_is_refused_with_the_ways_on(session: Session, code: str) -> None:
    with pytest.raises(PromptError):
        run(session, code)
    assert session.last is None


def test_the_refusal_says_how_to_pass_the_value_and_how_to_send_the_braces(session: Session) -> None:
    with pytest.raises(PromptError, match=r"variables=\{\"nobody\": \.\.\.\}, or write .*\\\{\{nobody\}\} to send it"):
        sweep("On {{nobody}}", session=session, **HOW)


def test_of_several_prompts_only_those_with_an_unknown_name_are_locked(session: Session) -> None:
    result = sweep(["Hi", "On {{nobody}}"], session=session, show=False, **HOW)
    assert [reply.prompt for reply in result] == ["Hi"]
    assert "no variable 'nobody'" in str(result.cases[1].locked)
    assert "1 locked and not sent" in str(result.forecast())


def test_names_in_options_are_filled_for_each_case(session: Session) -> None:
    role = "poet"
    result = sweep(
        "Hi",
        system=["A {{role}}.", "A {{mood}} {{role}}."],
        mood=["sad", "glad"],
        stop_sequences=[["{{mood}}", "END"]],
        session=session,
        show=False,
        **HOW,
    )
    assert role == "poet"
    requests = [reply.request for reply in result]
    assert [request.system for request in requests] == ["A poet.", "A poet.", "A sad poet.", "A glad poet."]
    assert [request.sampling.stop_sequences for request in requests] == [("sad", "END"), ("glad", "END")] * 2

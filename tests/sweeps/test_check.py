"""check(): prompts and replies judged over several tries, with an honest interval."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

import claude_nb
from claude_nb.errors import ConfigError, PromptError
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.sweeps.check import Verdict, check
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers import sessions
from tests.helpers.replies import chat
from tests.helpers.server import Server, Wait, answer

DEMO: dict[str, Any] = {"provider": "demo", "seed": 1, "max_tokens": 30}


def reply(text: str, **changes: Any) -> Reply:
    return Reply(Request("demo", "demo", (Message("user", "?"),)), text=text, **changes)


def test_it_is_at_hand_as_claude_nb_check() -> None:
    assert claude_nb.check is check
    assert claude_nb.check is check, "also after its module was imported"


def test_a_prompt_is_tried_n_times_and_every_reply_judged() -> None:
    verdict = check("Tell me a short story.", lambda one: len(one.text) > 10, n=6, **DEMO)
    assert verdict
    assert (verdict.n, verdict.passed, verdict.rate) == (6, 6, 1.0)
    assert len({one.text for one in verdict.replies}) > 1


@pytest.mark.parametrize(
    ("rule", "passed"),
    [
        ("paris", 2),
        (re.compile(r"^Paris"), 1),
        (lambda one: one.text.startswith("Paris"), 1),
        (lambda one: one.json()["x"], 0),
    ],
)
def test_a_rule_is_a_text_a_pattern_or_a_function(rule: Any, passed: int) -> None:
    replies = [reply("Paris."), reply("It is Paris"), reply("Rome")]
    assert check(replies, rule).passed == passed


def test_a_rule_may_be_made_of_asserts() -> None:
    def short(one: Reply) -> None:
        assert len(one.text) < 5

    assert check([reply("abc"), reply("abcdefg")], short).passed == 1


def test_a_slip_in_a_rule_is_not_taken_for_a_no() -> None:
    with pytest.raises(PromptError, match="mend the check <lambda>: AttributeError: 'Reply' object has no attribute"):
        check([reply("x")], lambda one: one.txt)


def test_at_least_decides_and_the_interval_says_how_sure_that_is() -> None:
    replies = [reply("yes")] * 9 + [reply("no")]
    assert check(replies, "yes", at_least=0.8)
    assert not check(replies, "yes", at_least=0.95)
    assert not check(replies, "yes")
    assert not check(replies, "yes", at_least=0.8).sure
    assert check([reply("yes")] * 60, "yes", at_least=0.8).sure


def test_three_tries_say_next_to_nothing_and_twenty_say_more() -> None:
    three, twenty = check([reply("yes")] * 3, "yes").interval, check([reply("yes")] * 20, "yes").interval
    assert three.high - three.low > 0.5
    assert twenty.high - twenty.low < 0.2


def test_the_report_has_numbers_and_examples_and_escapes_them() -> None:
    verdict = check([reply("yes"), reply("<script>no</script>")], "yes", at_least=0.5)
    assert str(verdict).startswith("passed: 1 of 2 (50%; 95 % interval 9% to 91%), wanted at least 50%")
    assert "too few calls" in str(verdict)
    shown = verdict._repr_mimebundle_()
    assert "<script>" not in shown["text/html"]
    assert "did not pass" in shown["text/plain"]


def test_a_verdict_without_replies_does_not_pass() -> None:
    assert not check([], "x")
    assert Verdict((), (), 0.0).interval == (0.0, 1.0)


def test_broken_replies_count_as_not_passed() -> None:
    verdict = check([reply("yes"), reply("yes", stop_reason="interrupted")], "yes", at_least=0.9)
    assert (verdict.n, verdict.passed, verdict.missing) == (2, 1, 1)
    assert "(incomplete)" in str(verdict)


@pytest.mark.parametrize(
    ("what", "rule", "options"),
    [
        ("Hi", "", {}),
        ("Hi", 5, {}),
        ("Hi", "x", {"at_least": 80}),
        ("Hi", "x", {"n": 0}),
        ("Hi", "x", {"temperature": [0, 1]}),
    ],
)
def test_what_cannot_be_meant_is_refused(what: str, rule: Any, options: dict[str, Any]) -> None:
    with pytest.raises(PromptError):
        check(what, rule, provider="demo", **options)


def test_a_grader_that_reseeds_random_gets_the_same_verdict_each_time() -> None:
    texts = []
    for _ in range(2):
        random.seed(42)
        verdict = check("Tell me a story.", "fox", n=5, provider="demo", max_tokens=12, session=Session())
        texts.append([one.text for one in verdict.replies])
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 1


def test_when_the_time_is_up_what_is_missing_counts_as_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    monkeypatch.setattr("claude_nb.sweeps.check.monotonic", lambda: 60.0 * session.totals.calls)
    with Server([chat(["yes"]), [Wait()]]) as server:
        verdict = check(
            "Hi",
            "yes",
            n=2,
            at_least=0.9,
            seconds=59,
            provider="openai-compatible",
            base_url=server.url,
            model="some",
            session=session,
        )
        assert server.gone.wait()  # it does not wait for the server
    assert (verdict.passed, verdict.missing) == (1, 1)
    assert "not complete after 59 s" in str(verdict)
    assert not verdict


def test_refused_keys_are_an_error_and_not_a_failed_check() -> None:
    with Server([answer(401, {"error": {"message": "no such virtual key"}})]) as server:
        options = {"provider": "openai-compatible", "base_url": server.url, "model": "some"}
        with pytest.raises(ConfigError, match="no such virtual key"):
            check("Hi", "yes", n=3, **options)


def test_it_works_from_the_history_without_asking_again() -> None:
    with Server([chat(["yes"])]) as server:
        options = {"provider": "openai-compatible", "base_url": server.url, "model": "some"}
        session = default_session()
        first = check("Hi", "yes", n=4, session=session, **options)
        count = len(server.requests)
        again = check("Hi", "yes", n=4, session=session, **options)
        assert len(server.requests) == count == 4
    assert first.rate == again.rate == 1.0
    assert {one.source for one in again.replies} == {"replay"}


def test_replies_that_max_tokens_cut_are_judged_like_others() -> None:
    asking = sessions.session(CLAUDE_NB_PROVIDER="demo")
    verdict = check("Tell me a story.", lambda reply: not reply.complete, n=3, max_tokens=2, session=asking)
    assert (verdict.passed, verdict.n) == (3, 3)

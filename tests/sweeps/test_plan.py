"""From lists of settings to cases, and what a sweep will take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from claude_nb.errors import PromptError
from claude_nb.notebook.sweep_cell import read_spec
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.sweeps.forecast import duration, forecast
from claude_nb.sweeps.labels import label
from claude_nb.sweeps.plan import Plan, columns, grid
from claude_nb.types.reply import Reply
from claude_nb.types.request import Usage


@pytest.fixture
def session() -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": "not-a-real-one"}))


def plan(session: Session, prompt: object = "Hi", n: int = 2, mode: str = "grid", **settings: object) -> Plan:
    return grid(session, prompt, {"provider": "demo", **settings}, n=n, mode=mode)


def values(made: Plan) -> list[dict[str, object]]:
    return [dict(case.values) for case in made.cases]


def test_every_combination_becomes_a_case_with_n_requests(session: Session) -> None:
    made = plan(session, temperature=[0, 0.7], top_p=[0.5, 1], max_tokens=20)
    assert values(made) == [
        {"temperature": 0, "top_p": 0.5},
        {"temperature": 0, "top_p": 1},
        {"temperature": 0.7, "top_p": 0.5},
        {"temperature": 0.7, "top_p": 1},
    ]
    first, second = made.cases[3].requests
    assert first.params == {"temperature": 0.7, "top_p": 1, "max_tokens": 20}
    assert (first.repeat, second.repeat) == (0, 1)
    assert len({request.key for request in made.requests}) == 8


def test_zip_takes_the_first_of_each_list_then_the_second(session: Session) -> None:
    made = plan(session, mode="zip", temperature=[0, 1], top_k=[1, 5])
    assert values(made) == [{"temperature": 0, "top_k": 1}, {"temperature": 1, "top_k": 5}]
    with pytest.raises(PromptError, match="equal length, but temperature has 1, top_k has 2"):
        plan(session, mode="zip", temperature=[0], top_k=[1, 5])


def test_prompt_system_and_model_may_be_lists_too(session: Session) -> None:
    made = plan(session, ["Hi", "Ho"], system=[None, "Be brief."], provider=["demo", "aimlapi"], n=1)
    assert [request.prompt for request in made.requests] == ["Hi"] * 4 + ["Ho"] * 4
    assert {request.system for request in made.requests} == {None, "Be brief."}
    assert {request.provider for request in made.requests} == {"demo", "aimlapi"}


def test_many_prompts_are_made_and_checked_as_one_by_one(session: Session) -> None:
    prompts = ["one", "half \ud83d a sign", "  ", f"my key is {'sk-ant-api03-' + 'x' * 40}", "{{not}} filled", "two"]
    system = "Be a {{who}}."
    found = plan(session, prompts, temperature=[0, 1], system=system, who=["cat", "dog"], seed=3)
    for case in found.cases:
        own = dict(case.values)
        prompt, who = own.pop("prompt"), own.pop("who")
        if "{{" in prompt:
            assert "not" in str(case.locked)
            continue
        options = {**own, "system": f"Be a {who}.", "seed": 3, "provider": "demo"}
        alone, why = None, None
        try:
            alone = session.request(prompt, **options)
        except PromptError as error:
            why = str(error)
        assert case.locked == why
        assert case.requests == ((alone, replace(alone, repeat=1)) if alone else ())
    assert [case.locked is None for case in found.cases].count(True) == 3 * 4


def test_names_in_the_prompt_are_filled_from_lists(session: Session) -> None:
    made = plan(
        session, "Write a {{form}} about {{topic}}", form=["haiku", "limerick"], topic="bees", system="Love {{topic}}."
    )
    assert [case.requests[0].prompt for case in made.cases] == [
        "Write a haiku about bees",
        "Write a limerick about bees",
    ]
    assert made.cases[0].requests[0].system == "Love bees."


def test_a_name_without_a_value_is_refused_with_the_ways_to_go_on(session: Session) -> None:
    with pytest.raises(PromptError, match=r"no variable .nobody. for .*; pass variables=.*, or write"):
        plan(session, "{{nobody}}")
    assert plan(session, r"\{{nobody}}").requests[0].prompt == "{{nobody}}"


def test_a_combination_that_the_model_refuses_is_locked_with_the_reason(session: Session) -> None:
    made = plan(session, provider="aimlapi", model="sonnet", temperature=[None, 0.5], top_p=[None, 0.9])
    assert [case.locked for case in made.cases[:3]] == [None, None, None]
    assert made.cases[3].locked == "Claude Sonnet 4.6 takes temperature or top_p, not both; leave one out"
    assert made.cases[3].requests == ()


def test_when_every_combination_is_refused_the_reason_is_raised(session: Session) -> None:
    with pytest.raises(PromptError, match="takes no temperature"):
        plan(session, provider="anthropic", model="opus-4.7", temperature=[0, 0.5])


def test_numpy_values_are_plain_numbers(session: Session) -> None:
    made = plan(session, temperature=np.linspace(0, 1, 3), top_k=np.array([1, 5]))
    assert made.axes == {"temperature": (0.0, 0.5, 1.0), "top_k": (1, 5)}
    assert all(type(value) in (int, float) for axis in made.axes.values() for value in axis)


def test_a_list_of_stop_sequences_is_one_value_and_lists_of_them_are_several(session: Session) -> None:
    assert plan(session, stop_sequences=["a", "b"]).axes == {}
    made = plan(session, stop_sequences=[["a"], ["a", "b"], None])
    assert [case.requests[0].sampling.stop_sequences for case in made.cases] == [("a",), ("a", "b"), None]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temprature": [0, 1]}, "did you mean temperature"),
        ({"temperature": [0, "hot"]}, "temperature must be a number, not 'hot'"),
        ({"out": ["a"]}, "out cannot be varied"),
        ({"temperature": []}, "an empty list leaves nothing to send"),
        ({"n": 0}, "n is the number of replies for each combination, at least 1, not 0"),
        ({"mode": "all"}, "mode is grid or zip"),
        ({"prompt": ["", " "]}, "the prompt is empty"),
        ({"prompt": "About {{topc}}", "topic": ["bees"]}, r"no prompt contains \{\{topic\}\}"),
    ],
)
def test_slips_are_told_before_anything_is_sent(session: Session, settings: dict[str, object], message: str) -> None:
    with pytest.raises(PromptError, match=message):
        plan(session, **settings)  # type: ignore[arg-type]


def test_columns_have_one_case_each(session: Session) -> None:
    made = columns(session, "Hi", [{"model": "demo"}, {"model": "demo", "temperature": 0.5}], {"seed": 1})
    assert made.axes == {"model": ("demo",), "temperature": (None, 0.5)}
    assert [request.params for request in made.requests] == [{"seed": 1}, {"temperature": 0.5, "seed": 1}]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "default"),
        (0.7, "0.7"),
        (1.0, "1"),
        ("a\n b", "a b"),
        ("x" * 80, "x" * 59 + "…"),
        (("a", "\n"), "'a' '\\n'"),
    ],
)
def test_labels(value: object, text: str) -> None:
    assert label("stop_sequences", value) == text


def test_the_magic_option_reads_lists_numbers_and_text() -> None:
    assert read_spec("temperature=0,.3,1 n=5 top_k=5 system=\"Be brief.\",'Rhyme, please.' budget_usd=.5") == {
        "temperature": [0.0, 0.3, 1.0],
        "n": 5,
        "top_k": 5,
        "system": ["Be brief.", "Rhyme, please."],
        "budget_usd": 0.5,
    }
    assert read_spec('topic=bees, tides stop_sequences="\\n",END mode=zip') == {
        "topic": ["bees", "tides"],
        "stop_sequences": [("\n",), ("END",)],
        "mode": "zip",
    }


@pytest.mark.parametrize("text", ["temperature", "temperature=", "=1", "temperature=0 1", "n=1,2", "n=x", "top_k=x"])
def test_an_unreadable_spec_is_told(text: str) -> None:
    with pytest.raises(PromptError):
        read_spec(text)


def test_a_forecast_counts_calls_tokens_and_the_most_it_can_cost(session: Session) -> None:
    made = plan(
        session,
        "Why is the sky blue?",
        n=10,
        provider="anthropic",
        model="sonnet-4.6",
        temperature=[0, 1],
        max_tokens=100,
    )
    found = forecast(made, session)
    assert (found.calls, found.cases, found.locked) == (20, 2, 0)
    assert found.tokens_in == 20 * 5
    assert found.tokens_out_most == 2000
    assert found.usd_most == pytest.approx((20 * 20 * 3 + 2000 * 15) / 1e6)  # 20 bytes of prompt, at most 20 tokens
    assert str(found) == (
        "2 settings, 20 calls · about 100 tokens in, at most 2,000 out · at most $0.031 · time not known yet"
    )


def test_an_unknown_price_is_said_and_never_free(session: Session) -> None:
    made = plan(
        session, provider="openai-compatible", model="llama", base_url="http://127.0.0.1:1/v1", temperature=[0, 1]
    )
    found = forecast(made, session)
    assert found.unpriced == ("llama",)
    assert "price of llama unknown" in str(found)
    assert found.over(None, None) is None
    assert "cannot be guaranteed" in (found.over(5.0, None) or "")


def test_locked_and_recorded_requests_are_not_among_the_calls(session: Session) -> None:
    made = plan(session, n=3, provider="aimlapi", model="sonnet", temperature=[None, 0.5], top_p=[None, 0.9])
    found = forecast(made, session, recorded=[made.requests[0].key])
    assert (found.calls, found.recorded, found.locked) == (8, 1, 1)
    assert "1 answered from the history · 1 locked" in str(found)


def test_the_demo_model_is_free_and_its_replies_have_an_end(session: Session) -> None:
    found = forecast(plan(session, n=1), session)
    assert (found.usd_most, found.tokens_out_most) == (0, 256)
    assert "free" in str(found)


def test_limits_are_kept_with_what_to_do_about_it(session: Session) -> None:
    made = plan(session, n=3, provider="anthropic", model="sonnet-4.6", max_tokens=10_000)
    found = forecast(made, session)
    assert found.over(0.5, 3) is None
    assert found.over(None, 2) == "3 calls are more than 2; allow them with max_calls=3"
    assert found.over(0.1, None) == (
        "up to $0.45 is more than $0.10; allow it with budget_usd=0.46, or lower max_tokens"
    )


def test_time_is_told_at_the_pace_that_was_measured(session: Session) -> None:
    made = plan(session, n=16)
    for seconds in (1.0, 3.0):
        session.totals.add(Reply(made.requests[0], "Hi", seconds=seconds, usage=Usage(1, 1)))
    assert forecast(made, session, concurrency=8).seconds == pytest.approx(4.0)
    assert str(forecast(made, session, concurrency=8)).endswith("about 4 s")


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (40, "40 s"), (200, "3 min"), (9000, "2.5 h")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text

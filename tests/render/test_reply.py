from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.render import reply as footer
from claude_nb.types.reply import Reply
from claude_nb.types.request import STOP_WORDS, Message, Request, StopReason, Usage
from claude_nb.types.settings import Sampling


def reply(provider: str = "aimlapi", sampling: Sampling | None = None, **other: Any) -> Reply:
    asked = Request(provider, f"{provider}/model", (Message("user", "Hi"),), sampling=sampling or Sampling())
    return Reply(asked, text="Hello.", **other)


def test_the_whole_line() -> None:
    shown = reply(
        sampling=Sampling(temperature=0.2, max_tokens=100, stop_sequences=("\n", "a b")),
        usage=Usage(1_234, 56, cache_read_tokens=1_000),
        cost_usd=0.00123,
        seconds=1.25,
        stop_reason="max_tokens",
    )
    assert footer.line(shown) == (
        "aimlapi/model · temperature 0.2 · max tokens 100 · stop sequences '\\n' 'a b'"
        " · 1,234 tokens in (1,000 cached), 56 out · about $0.0012 · 1.2 s · cut at max_tokens"
    )


def test_a_demo_reply_says_that_it_is_not_claude_and_names_no_cost_or_pace() -> None:
    line = footer.line(reply("demo", source="demo", seconds=3.0, cost_usd=0.0))
    assert line.startswith("Demo model: small local word statistics, not Claude")
    assert "local, free" in line
    assert "$" not in line
    assert "3.0 s" not in line


def test_a_replayed_reply_says_when_it_was_recorded() -> None:
    then = datetime(2026, 11, 22, 23, tzinfo=timezone.utc)
    assert footer.badge(reply(source="replay", created_at=then)) == "recorded 2026-11-22, aimlapi/model"
    assert "not Claude" in footer.badge(reply("demo", source="replay", created_at=then))


@pytest.mark.parametrize("reason", sorted(STOP_WORDS))
def test_every_end_is_told(reason: StopReason) -> None:
    assert footer.line(reply(stop_reason=reason)).endswith(STOP_WORDS[reason])


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        (Usage(), "tokens unknown"),
        (Usage(12, 34), "12 tokens in, 34 out"),
        (Usage(12), "12 tokens in, ? out"),
        (Usage(output_tokens=5), "? tokens in, 5 out"),
    ],
)
def test_unknown_tokens_are_not_zero(usage: Usage, text: str) -> None:
    assert footer.tokens(usage) == text


def test_the_servers_cost_is_told_apart_from_an_estimate_and_from_none() -> None:
    assert footer.money(reply(cost_usd=0.5, usage=Usage(cost_usd=0.5))) == "$0.50"
    assert footer.money(reply(cost_usd=0.5)) == "about $0.50"
    assert footer.money(reply()) == "cost unknown"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "$0.00"), (0.00123, "$0.0012"), (0.1, "$0.10"), (0.000004, "$0.0000040"), (0.999, "$1.00"), (12.3, "$12.30")],
)
def test_small_sums_keep_two_digits_that_matter(amount: float, text: str) -> None:
    assert footer.dollars(amount) == text


@given(st.floats(1e-9, 1e6))
def test_no_sum_is_shown_far_from_what_it_is(amount: float) -> None:
    assert float(footer.dollars(amount)[1:]) == pytest.approx(amount, rel=0.06)


def test_the_output_of_a_cell_is_safe_and_has_its_text() -> None:
    shown = reply(sampling=Sampling(stop_sequences=("<script>alert(1)</script>",)))
    bundle = footer.bundle(shown)
    assert "<script" not in bundle["text/html"]
    assert bundle["text/plain"] == footer.line(shown)


def test_only_what_is_not_a_live_model_stands_out() -> None:
    assert "<b>" not in footer.bundle(reply())["text/html"]
    assert "<b>Demo model" in footer.bundle(reply("demo"))["text/html"]
    assert "<b>recorded" in footer.bundle(reply(source="replay"))["text/html"]


def test_another_model_than_the_one_asked_is_named() -> None:
    assert "answered by" not in footer.badge(reply(response_model="model-20260218"))
    assert footer.badge(reply(response_model="other-2")) == "aimlapi/model (answered by other-2)"

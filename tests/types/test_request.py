from __future__ import annotations

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from datetime import datetime, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.types.reply import CodeBlock, Reply
from claude_nb.types.request import STOP_WORDS, Message, Request, StopReason, Usage
from claude_nb.types.settings import Sampling

TEXTS = st.text(max_size=20)
COUNTS = st.none() | st.integers(0, 10**9)
DOLLARS = st.none() | st.floats(0, 1000)


def maybe(kind: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | kind


SAMPLINGS = st.builds(
    Sampling,
    temperature=maybe(st.floats(0, 2) | st.integers(0, 2)),
    top_p=maybe(st.floats(0.01, 1)),
    top_k=maybe(st.integers(1, 500)),
    max_tokens=maybe(st.integers(1, 10**6)),
    stop_sequences=maybe(st.lists(TEXTS.filter(bool), min_size=1, max_size=3).map(tuple)),
    seed=maybe(st.integers(-(2**31), 2**31)),
)
REQUESTS = st.builds(
    Request,
    provider=st.sampled_from(["demo", "aimlapi"]),
    model=TEXTS,
    messages=st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), TEXTS), max_size=3).map(tuple),
    system=maybe(TEXTS),
    sampling=SAMPLINGS,
    base_url=maybe(TEXTS),
    repeat=st.integers(0, 5),
)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, DOLLARS)
REPLIES = st.builds(
    Reply,
    request=REQUESTS,
    text=TEXTS,
    thinking=TEXTS,
    usage=USAGES,
    stop_reason=st.sampled_from(sorted(STOP_WORDS)),
    raw_stop_reason=maybe(TEXTS),
    seconds=st.floats(0, 1000),
    first_token_s=DOLLARS,
    cost_usd=DOLLARS,
    source=st.sampled_from(["live", "replay", "demo"]),
    request_id=maybe(TEXTS),
    response_model=maybe(TEXTS),
    created_at=st.datetimes(timezones=st.just(timezone.utc)),
    error=maybe(TEXTS),
)


def request(**other: Any) -> Request:
    return Request("demo", "demo", (Message("user", "Hi"),), **other)


def reply(text: str = "Hello.", **other: Any) -> Reply:
    return Reply(request(), text=text, **other)


@given(REQUESTS)
def test_a_request_comes_back_from_its_data(asked: Request) -> None:
    again = Request.from_dict(json.loads(json.dumps(asked.to_dict())))
    assert again == asked
    assert (hash(again), again.key) == (hash(asked), asked.key)
    assert pickle.loads(pickle.dumps(asked)) == asked == copy.deepcopy(asked)


@given(REPLIES)
def test_a_reply_comes_back_from_its_data(answered: Reply) -> None:
    again = Reply.from_dict(json.loads(json.dumps(answered.to_dict())))
    assert again == answered == pickle.loads(pickle.dumps(answered))
    assert hash(again) == hash(answered)


@given(REQUESTS, REQUESTS)
def test_requests_share_a_key_exactly_when_they_are_equal(one: Request, other: Request) -> None:
    assert (one.key == other.key) == (one == other)


@pytest.mark.parametrize(
    "changed",
    [
        {"provider": "aimlapi"},
        {"model": "other"},
        {"messages": (Message("user", "Ho"),)},
        {"messages": (Message("assistant", "Hi"),)},
        {"system": ""},
        {"base_url": "http://localhost"},
        {"repeat": 1},
        {"sampling": Sampling(temperature=0)},
    ],
)
def test_every_part_of_a_request_changes_its_key(changed: dict[str, Any]) -> None:
    assert replace(request(), **changed).key != request().key


def test_the_key_of_a_request_stays_the_same_in_later_versions() -> None:
    asked = Request("demo", "demo", (Message("user", "Hi 🙂"),), "Be brief.", Sampling(temperature=0.2, top_k=5))
    assert asked.key == "cc948441f497308762290d87ef9eab0166f6c280cc5e9c2ea4ba3a0640e456d5"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"temperature": 1}, {"temperature": 1.0}),
        ({"temperature": 0.0}, {"temperature": -0.0}),
        ({"stop_sequences": ["a"]}, {"stop_sequences": ("a",)}),
    ],
)
def test_two_spellings_of_a_setting_are_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = request(sampling=Sampling(**one)), request(sampling=Sampling(**other))
    assert (first, first.key, hash(first)) == (second, second.key, hash(second))


def test_unset_means_absent() -> None:
    assert request().to_dict() == {
        "provider": "demo",
        "model": "demo",
        "messages": [{"role": "user", "text": "Hi"}],
    }
    assert request().params == {}
    assert Sampling(top_k=5, stop_sequences=("a",)).as_params() == {"top_k": 5, "stop_sequences": ["a"]}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"provider": "p", "model": "m", "messages": [{}]},
        {"provider": "p", "model": "m", "messages": 3},
        {"provider": "p", "model": "m", "messages": [], "sampling": {"heat": 1}},
        {"provider": "p", "model": "m", "messages": [], "repeat": "x"},
    ],
)
def test_data_of_another_shape_is_no_request(data: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Request.from_dict(data)


def test_the_prompt_is_the_newest_text_of_the_user() -> None:
    talk = (Message("user", "one"), Message("assistant", "two"), Message("user", "three"), Message("assistant", "a"))
    assert replace(request(), messages=talk).prompt == "three"
    assert replace(request(), messages=()).prompt == ""


@pytest.mark.parametrize("value", [request(), reply(), Message("user", "Hi"), Sampling(), Usage()])
def test_finished_things_cannot_be_changed(value: Any) -> None:
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        setattr(value, fields(value)[0].name, None)


# Usage


@given(USAGES, USAGES)
def test_a_real_count_is_never_lost_to_null_or_zero(old: Usage, new: Usage) -> None:
    merged = old.merged(new)
    for field in fields(Usage):
        before, after, now = (getattr(usage, field.name) for usage in (old, new, merged))
        assert now == (after if after or before is None else before)


@given(USAGES, USAGES)
def test_a_sum_of_usages_leaves_out_what_is_unknown(one: Usage, other: Usage) -> None:
    total = one + other
    for field in fields(Usage):
        known = [c for c in (getattr(one, field.name), getattr(other, field.name)) if c is not None]
        assert getattr(total, field.name) == (sum(known) if known else None)


# Reply


def test_a_reply_reads_like_its_text() -> None:
    assert str(reply("Hello 🙂")) == "Hello 🙂"
    assert f"{reply('x')}" == "x"


def test_a_reply_tells_what_was_asked_and_what_was_really_sent() -> None:
    answered = Reply(request(sampling=Sampling(temperature=0.2)), text="x")
    assert (answered.provider, answered.model, answered.prompt) == ("demo", "demo", "Hi")
    assert answered.params == {"temperature": 0.2}


@pytest.mark.parametrize("reason", sorted(STOP_WORDS))
def test_only_broken_off_replies_are_incomplete(reason: StopReason) -> None:
    assert reply(stop_reason=reason).complete == (reason not in ("interrupted", "error", "max_tokens"))
    assert reply(stop_reason=reason).broke_off == (reason in ("interrupted", "error"))


def test_a_reply_knows_when_it_was_written_in_universal_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr("claude_nb.types.reply.datetime", Clock)
    assert reply().created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert reply().created_at.tzinfo is timezone.utc


def test_code_lists_the_fenced_blocks_in_order_with_their_language() -> None:
    text = (
        "Text\n```python title=x\nprint(1)\n```\n- item\n  ~~~\n  in a list\n  ~~~\n\n    indented\n\n```js\nunclosed"
    )
    assert reply(text).code == [("python", "print(1)\n"), ("", "in a list\n"), ("js", "unclosed")]
    assert str(reply(text).code[0]) == "print(1)\n"
    assert isinstance(reply(text).code[0], CodeBlock)
    assert reply("no code").code == []


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        (" 3 \n", 3),
        ('Here:\n```json\n{"a": 1}\n```\nDone.', {"a": 1}),
        ("```python\nprint()\n```\n```\n[1]\n```", [1]),
    ],
)
def test_json_reads_the_whole_text_or_its_first_block_that_is_json(text: str, data: Any) -> None:
    assert reply(text).json() == data


@pytest.mark.parametrize("text", ["", "Hello", "{'a': 1}", "```json\n{\n```", "[" * 100_000])
def test_json_says_so_when_there_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="contains no JSON"):
        reply(text).json()


def test_the_data_of_a_reply_is_plain_and_leaves_out_unknown_counts() -> None:
    data = reply(usage=Usage(input_tokens=3)).to_dict()
    assert data["usage"] == {"input_tokens": 3}
    assert data["request"] == request().to_dict()
    assert json.loads(json.dumps(data)) == data


def test_a_reply_from_a_later_version_is_read_without_what_is_new() -> None:
    answered = reply()
    assert Reply.from_dict({**answered.to_dict(), "mood": "good"}) == answered


def test_a_reply_renders_itself_and_keeps_its_text_beside_it() -> None:
    bundle = reply("**bold** <script>alert(1)</script>")._repr_mimebundle_()
    assert bundle["text/plain"] == "**bold** <script>alert(1)</script>"
    assert "<strong>bold</strong>" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]

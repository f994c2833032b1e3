"""Tool calls in the deltas of servers that number, name and cut them in their own ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.providers.dialects import chat_completions, messages
from claude_nb.providers.dialects.tool_calls import plain_arguments
from claude_nb.providers.sse import Event
from claude_nb.types.content import ToolCall
from tests.providers.dialects.test_dialects import Gathered, gather

W = "weather"
OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'
Deltas = list[list[dict[str, Any]]]
Calls = list[tuple[str, str, str]]  # id, name, arguments


def p(index: object = None, call_id: object = None, name: str | None = None, text: object = None) -> dict[str, Any]:
    """An entry of "tool_calls"; what is None is absent."""
    function = {key: value for key, value in (("name", name), ("arguments", text)) if value is not None}
    entry = {"index": index, "id": call_id, "function": function or None}
    return {key: value for key, value in entry.items() if value is not None}


def read(deltas: Deltas, finish: str | None = "tool_calls") -> Gathered:
    objects = [{"choices": [{"index": 0, "delta": {"tool_calls": entries}}]} for entries in deltas]
    ends = [{"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}] if finish else []
    lines = [Event("message", json.dumps(data)) for data in (*objects, *ends)]
    return gather(chat_completions.OPENAI.chunks([*lines, Event("message", "[DONE]")]))


def calls(deltas: Deltas) -> Calls:
    return [(part.id, part.name, part.arguments) for part in read(deltas).parts if isinstance(part, ToolCall)]


BOTH = [("a", W, OSLO), ("b", W, ROME)]
NO_IDS = [("", W, OSLO), ("", W, ROME)]
TWO: dict[str, tuple[Deltas, Calls]] = {
    "both with index 0": ([[p(0, "a", W, OSLO)], [p(0, "b", W, ROME)]], BOTH),
    "both with index 0, in one delta": ([[p(0, "a", W, OSLO), p(0, "b", W, ROME)]], BOTH),
    "both with index 0, cut": (
        [
            *([p(0, "a", W, OSLO[:5])], [p(0, text=OSLO[5:])]),
            *([p(0, "b", W, "")], [p(0, text=ROME[:3])], [p(0, text=ROME[3:])]),
        ],
        BOTH,
    ),
    "without an index": ([[p(None, "a", W, OSLO)], [p(None, "b", W, ROME)]], BOTH),
    "without an index, cut": (
        [
            *([p(None, "a", W)], [p(text=OSLO[:5])], [p(text=OSLO[5:])]),
            *([p(None, "b", W)], [p(text=ROME[:5])], [p(text=ROME[5:])]),
        ],
        BOTH,
    ),
    "empty ids in one delta": ([[p(None, "", W, OSLO), p(None, "", W, ROME)]], NO_IDS),
    "empty ids and index 0 in one delta": ([[p(0, "", W, OSLO), p(0, "", W, ROME)]], NO_IDS),
    "no arguments, in one delta": (
        [[p(0, "", "now", ""), p(0, "", "here", "")]],
        [("", "now", "{}"), ("", "here", "{}")],
    ),
    "empty ids in two deltas": ([[p(0, "", W, OSLO)], [p(0, "", W, ROME)]], NO_IDS),
    "the same call twice without ids": (
        [[p(0, "", "roll", "{}")], [p(0, "", "roll", "{}")]],
        [("", "roll", "{}"), ("", "roll", "{}")],
    ),
    "the index as text": (
        [
            [p("0", "a", W, "{"), p("1", "b", W, "{")],
            [p("1", text=ROME[1:])],
            [p("0", text=OSLO[1:])],
        ],
        BOTH,
    ),
    "interleaved by index": (
        [
            [p(0, "a", W, "{")],
            [p(1, "b", W, "{")],
            [p(0, text=OSLO[1:]), p(1, text=ROME[1:])],
        ],
        BOTH,
    ),
    "interleaved by id": (
        [
            [p(None, "a", W, "{")],
            [p(None, "b", W, "{")],
            [p(None, "a", text=OSLO[1:])],
            [p(None, "b", text=ROME[1:])],
        ],
        BOTH,
    ),
    "interleaved by id, all with index 0": (
        [
            [p(0, "a", W, "{")],
            [p(0, "b", W, "{")],
            [p(0, "a", text=OSLO[1:])],
            [p(0, "b", text=ROME[1:])],
        ],
        BOTH,
    ),
    "one id for all calls": (
        [[p(None, "x", W, OSLO)], [p(None, "x", W, ROME)]],
        [("x", W, OSLO), ("x", W, ROME)],
    ),
    "one id and two indexes": (
        [[p(0, "x", "now", "")], [p(1, "x", "here", "")]],
        [("x", "now", "{}"), ("x", "here", "{}")],
    ),
    "the id only in the second": (
        [[p(None, "", W, OSLO)], [p(None, "b", "add", "{}")]],
        [("", W, OSLO), ("b", "add", "{}")],
    ),
}
A = [("a", W, OSLO)]
ONE: dict[str, tuple[Deltas, Calls]] = {
    "the same id in two pieces": ([[p(None, "a", W, OSLO[:4])], [p(None, "a", None, OSLO[4:])]], A),
    "the same id in one delta": ([[p(None, "a", W, OSLO[:4]), p(None, "a", None, OSLO[4:])]], A),
    "the same id and other indexes": ([[p(0, "a", W, OSLO[:4])], [p(1, "a", W, OSLO[4:])]], A),
    "the whole call twice": ([[p(0, "a", W, OSLO)], [p(0, "a", W, OSLO)]], A),
    "the arguments again at the end": ([[p(0, "a", W, OSLO)], [p(0, None, None, OSLO)]], A),
    "an empty object before the arguments": ([[p(0, "a", W, "{}")], [p(0, text=OSLO[:4])], [p(0, text=OSLO[4:])]], A),
    "arguments, name, id": ([[p(0, text=OSLO)], [p(0, None, W)], [p(0, "a")]], A),
    "id, arguments, name": ([[p(0, "a")], [p(0, text=OSLO)], [p(0, None, W)]], A),
    "without an index: arguments, name, id": ([[p(text=OSLO)], [p(name=W)], [p(call_id="a")]], A),
    "the name in each delta": ([[p(0, "a", W, t)] for t in OSLO], A),
    "the name in each delta, no id": ([[p(0, "", W, t)] for t in OSLO], [("", W, OSLO)]),
    "an id of its own for each piece": ([[p(0, "a", W, OSLO[:4])], [p(0, "z", None, OSLO[4:])]], A),
    "the name in two pieces": ([[p(0, "a", "wea")], [p(0, None, "ther")], [p(0, text=OSLO)]], A),
    "null id later": ([[p(0, "a", W, OSLO[:4])], [{"index": 0, "id": None, "function": {"arguments": OSLO[4:]}}]], A),
    "an object": ([[p(0, "a", W, json.loads(OSLO))]], A),
    "JSON in a JSON string": ([[p(0, "a", W, json.dumps(OSLO))]], A),
    "null": ([[{"index": 0, "id": "a", "function": {"name": "now", "arguments": None}}]], [("a", "now", "{}")]),
    "the word null": ([[p(0, "a", "now", "null")]], [("a", "now", "{}")]),
    "an empty string in JSON": ([[p(0, "a", "now", '""')]], [("a", "now", "{}")]),
    "a number as id": ([[p(0, 7, W, OSLO)]], [("7", W, OSLO)]),
    "no function around name and arguments": ([[{"id": "a", "name": W, "arguments": OSLO}]], A),
    "an index that comes late": ([[p(None, "a", W)], [p(0, text=OSLO)]], A),
}  # fmt: skip


@pytest.mark.parametrize("case", {**TWO, **ONE})
def test_the_calls_of_less_strict_servers_are_told_apart(case: str) -> None:
    deltas, expected = {**TWO, **ONE}[case]

    assert calls(deltas) == expected


@pytest.mark.parametrize("case", {**TWO, **ONE})
def test_whole_calls_run_even_if_done_comes_without_a_finish_reason(case: str) -> None:
    got = read({**TWO, **ONE}[case][0], finish=None)

    assert (got.stop, got.done) == ("tool_use", True)


@pytest.mark.parametrize("cut", [1, 8, -1])
def test_a_call_that_breaks_off_without_a_finish_reason_is_no_whole_reply(cut: int) -> None:
    whole, half = p(0, "a", W, OSLO), p(1, "b", W, ROME[:cut])
    event = [start(0, "a", {}), delta(0, OSLO), start(1, "b", {}), delta(1, ROME[:cut])]

    got = [read([[whole], [half]], finish=None), blocks(*event, STOP), blocks(*event, {"type": "message_delta"}, STOP)]

    assert [(one.stop, "broke off in a tool call" in str(one.error)) for one in got] == [(None, True)] * 3
    assert read([[whole], [half]], finish="length").stop == "max_tokens"


def test_a_call_that_is_sent_in_the_old_form_too_is_one_call() -> None:
    both = {"tool_calls": [p(0, "a", W, OSLO)], "function_call": {"name": W, "arguments": OSLO}}
    choice = {"index": 0, "delta": both, "finish_reason": "tool_calls"}

    got = gather(chat_completions.OPENAI.chunks([Event("message", json.dumps({"choices": [choice]}))]))

    assert got.parts == (ToolCall("a", W, OSLO),)


def test_a_call_that_is_an_object_and_a_legacy_function_call_are_calls() -> None:
    def chunk(**delta: Any) -> Event:
        return Event("message", json.dumps({"choices": [{"index": 0, "delta": delta}]}))

    legacy = [chunk(function_call={"name": W, "arguments": ""}), chunk(function_call={"arguments": OSLO})]
    single = [chunk(tool_calls=p(0, "a", W, OSLO))]
    end = Event("message", json.dumps({"choices": [{"delta": {}, "finish_reason": "function_call"}]}))

    assert gather(chat_completions.OPENAI.chunks([*legacy, end])).parts == (ToolCall("", W, OSLO),)
    assert gather(chat_completions.OPENAI.chunks([*single, end])).parts == (ToolCall("a", W, OSLO),)


def test_the_calls_of_a_whole_reply_are_read_by_the_same_rules() -> None:
    message = {
        "content": None,
        "tool_calls": [p(0, "", W, OSLO), p(0, "", W, json.loads(ROME))],
    }

    got = gather(chat_completions.OPENAI.whole({"choices": [{"message": message, "finish_reason": None}]}))

    assert got.parts == (ToolCall("", W, OSLO), ToolCall("", W, ROME))
    assert got.stop == "tool_use"


SURE = '{"n": {"a": "}\\"{"}}'
NAMES = st.sampled_from([W, "add", "now"])
ARGUMENTS = st.sampled_from(["{}", OSLO, ROME, SURE, '{"text": "a\\\\"}', '{"list": [{}, {}]}'])


@st.composite
def split_calls(draw: st.DrawFn, *, fields: str, mixed: bool) -> tuple[Calls, Deltas]:
    """Calls, and their fields in any pieces and order.

    fields  what each piece brings to name its call: "index", "id", or "first" for an id in the first piece only
    mixed   whether the pieces of several calls alternate
    """
    expected, queues = [], []
    for number in range(draw(st.integers(1, 4))):
        name, text = draw(NAMES), draw(ARGUMENTS)
        expected.append((f"id{number}", name, text))
        cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=4)))
        texts = [text[i:j] for i, j in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        parts: list[dict[str, Any]] = [{"text": part} for part in texts]
        for field, value in (("name", name), ("call_id", f"id{number}")):
            if field == "call_id" and fields == "first":
                continue
            if draw(st.booleans()):
                parts.insert(draw(st.integers(0, len(parts))), {field: value})
            else:
                parts[draw(st.integers(0, len(parts) - 1))][field] = value
        key: dict[str, Any] = {"index": number} if fields == "index" else {"call_id": f"id{number}"}
        if fields == "first":
            parts[0] |= key | draw(st.sampled_from([{}, {"index": 0}]))
            parts[0]["name"] = name
            parts = [parts[0], *({k: v for k, v in part.items() if k != "name"} for part in parts[1:])]
        else:
            parts = [part | key for part in parts]
        queues.append(parts)
    if mixed:
        order = draw(st.permutations([i for i, parts in enumerate(queues) for _ in parts]))
        pieces = [queues[i].pop(0) for i in order]
        begun = list(dict.fromkeys(order))
        expected = [expected[i] for i in begun]
    else:
        pieces = [part for parts in queues for part in parts]
    entries, deltas = [p(**part) for part in pieces], []
    while entries:
        size = draw(st.integers(1, len(entries)))
        deltas.append(entries[:size])
        entries = entries[size:]
    return expected, deltas


@settings(max_examples=400, derandomize=True, deadline=None)
@given(
    case=st.one_of(
        split_calls(fields="index", mixed=True),
        split_calls(fields="id", mixed=True),
        split_calls(fields="first", mixed=False),
    )
)
def test_any_split_and_order_of_deltas_gives_the_same_calls(case: tuple[Calls, Deltas]) -> None:
    expected, deltas = case

    assert calls(deltas) == expected


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner),
    )
)
def test_arguments_stay_as_they_are_if_they_are_an_object(value: Any) -> None:
    text = json.dumps({"x": value})

    assert plain_arguments(text) == plain_arguments(json.dumps(text)) == plain_arguments(f"{{}}{text}") == text


def blocks(*events: dict[str, Any]) -> Gathered:
    return gather(messages.MESSAGES.chunks(Event("message", json.dumps(event)) for event in events))


def start(index: object, call_id: str, given: object) -> dict[str, Any]:
    block = {"type": "tool_use", "id": call_id, "name": W, "input": given}
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: object, text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": text}}


STOP = {"type": "message_stop"}
BLOCKS = {
    "input in the first event": [start(0, "a", json.loads(OSLO)), {"type": "content_block_stop", "index": 0}],
    "input in both": [start(0, "a", json.loads(OSLO)), delta(0, OSLO), {"type": "content_block_stop", "index": 0}],
    "input as text": [start(0, "a", OSLO), {"type": "content_block_stop", "index": 0}],
    "no end of the block": [start(0, "a", {}), delta(0, OSLO)],
    "no index": [start(None, "a", {}), delta(None, OSLO), {"type": "content_block_stop"}],
    "the index as text": [start("0", "a", {}), delta("0", OSLO), {"type": "content_block_stop", "index": "0"}],
    "null input": [start(0, "a", None), delta(0, OSLO), {"type": "content_block_stop", "index": 0}],
    "no type": [start(0, "a", {}), {"type": "content_block_delta", "index": 0, "delta": {"partial_json": OSLO}}],
    "JSON in a JSON string": [start(0, "a", {}), delta(0, json.dumps(OSLO))],
}  # fmt: skip


@pytest.mark.parametrize("case", BLOCKS)
@pytest.mark.parametrize("reason", ["tool_use", "end_turn", None])
def test_blocks_of_less_strict_servers_are_calls(case: str, reason: str | None) -> None:
    end = [{"type": "message_delta", "delta": {"stop_reason": reason}}, STOP]

    got = blocks(*BLOCKS[case], *end)

    assert (got.parts, got.stop) == ((ToolCall("a", W, OSLO),), "tool_use")


def test_two_blocks_with_one_index_are_two_calls() -> None:
    got = blocks(start(0, "a", {}), delta(0, OSLO), start(0, "b", {}), delta(0, ROME), STOP)

    assert got.parts == (ToolCall("a", W, OSLO), ToolCall("b", W, ROME))

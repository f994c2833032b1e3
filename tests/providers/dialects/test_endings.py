"""How replies end on all kinds of servers, and which of several answers counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_nb.providers.dialects import chat_completions, messages
from claude_nb.providers.dialects.base import NOT_YET, WORDS
from claude_nb.providers.sse import Event
from claude_nb.types.request import StopReason
from tests.providers.dialects.test_dialects import Gathered, gather

SPELLINGS = {
    "max_tokens": """MAX_TOKENS LENGTH length model_length max_output_tokens FinishReason.MAX_TOKENS maxTokens
        max-tokens FINISH_REASON_MAX_TOKENS ERROR_LIMIT token_limit model_context_window_exceeded REASON_MAX_LEN
        limit num_predict TRUNCATED""",
    "error": """insufficient_system_resource abort aborted network_error error ERROR timeout TIMEOUT cancelled
        user_cancel INSUFFICIENT_SYSTEM_RESOURCE malformed_function_call rate_limit OUT_OF_MEMORY
        function_call_filter:MALFORMED_FUNCTION_CALL""",
    "end": "stop STOP end_turn eos eos_token COMPLETE Stop FINISH_REASON_STOP STOP_REASON_END_TURN",
    "stop_sequence": "stop_sequence STOP_SEQUENCE stopSequence word",
    "tool_use": "tool_calls TOOL_CALL tool_use function_call toolUse",
    "refusal": """content_filter SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII sensitive guardrail_intervened
        content_filtered ERROR_TOXIC refusal CONTENT_FILTER IMAGE_SAFETY content_filter:OTHER""",
    "unknown": "OTHER novel_word load 停止 5",
}
SPELLED = [(reason, word) for reason, row in SPELLINGS.items() for word in row.split()]


def chat(*choices: dict[str, Any], done: bool = True) -> Gathered:
    events = [Event("message", json.dumps({"choices": [choice]})) for choice in choices]
    return gather(chat_completions.OPENAI.chunks([*events, *([Event("message", "[DONE]")] if done else [])]))


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"index": 0, "delta": {"content": text}, **more}


@pytest.mark.parametrize(("reason", "word"), SPELLED)
def test_the_finish_words_of_all_servers_are_known_in_both_dialects(reason: str, word: str) -> None:
    whole = {"choices": [{"message": {"content": "Hel"}, "finish_reason": word}]}
    delta = {"type": "message_delta", "delta": {"stop_reason": word}}
    got = [
        chat(said("Hel"), said("", finish_reason=word)),
        gather(chat_completions.AIMLAPI.whole(whole)),
        gather(messages.MESSAGES.chunks([Event("message", json.dumps(delta))])),
        gather(messages.MESSAGES.whole({"content": [{"type": "text", "text": "Hel"}], "stop_reason": word})),
    ]

    assert [(one.stop, one.raw) for one in got] == [(reason, word)] * 4


@pytest.mark.parametrize(
    ("value", "end"),
    [(5, ("unknown", "5")), (["length"], ("max_tokens", "['length']")), (True, ("unknown", "True"))],
)
def test_a_finish_reason_that_is_no_text_says_so(value: object, end: tuple[str, str]) -> None:
    got = chat(said("Hel"), said("", finish_reason=value))

    assert (got.stop, got.raw) == end


@pytest.mark.parametrize("word", ["", " ", *NOT_YET, "NULL", "FINISH_REASON_UNSPECIFIED", 0, False, {}])
def test_a_word_that_says_nothing_is_not_an_end(word: object) -> None:
    got = chat(said("Hel", finish_reason=word), said("lo", finish_reason="stop"))

    assert (got.text, got.stop, got.raw) == ("Hello", "end", "stop")


def test_no_word_has_two_meanings() -> None:
    words = [word for row in WORDS.values() for word in row.split()]

    assert len(words) == len(set(words))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "the second first"])
def test_of_several_choices_the_first_by_number_counts(order: tuple[int, int]) -> None:
    texts, reasons = ("Hello", "Other"), ("stop", "length")
    pieces = [
        {"index": i, "delta": {"content": texts[i][n : n + 2]}, "finish_reason": reasons[i] if n == 4 else None}
        for n in (0, 2, 4)
        for i in order
    ]
    whole = [{"index": i, "message": {"content": texts[i]}, "finish_reason": reasons[i]} for i in order]
    together = [[{"index": i, "delta": {"content": texts[i]}} for i in order], [{"index": 0, "finish_reason": "stop"}]]

    for got in (
        chat(*pieces),
        gather(chat_completions.OPENAI.whole({"choices": whole})),
        gather(chat_completions.OPENAI.chunks(Event("message", json.dumps({"choices": c})) for c in together)),
    ):
        assert (got.text, got.stop) == ("Hello", "end")


def test_calls_of_another_choice_are_not_made() -> None:
    call = {"index": 0, "id": "b", "function": {"name": "f", "arguments": "{}"}}

    got = chat(
        said("Hi"),
        {"index": 1, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"},
        said("!", finish_reason="stop"),
    )

    assert (got.text, got.parts, got.stop) == ("Hi!", (), "end")


@pytest.mark.parametrize("choices", [None, [], [None], "x", {}])
def test_a_stream_with_empty_choices_goes_on(choices: object) -> None:
    events = [
        {"choices": choices},
        {"choices": [said("Hi")]},
        {"choices": choices},
        {"choices": [said("", finish_reason="stop")]},
    ]

    got = gather(chat_completions.OPENAI.chunks(Event("message", json.dumps(event)) for event in events))

    assert (got.text, got.stop) == ("Hi", "end")


HI = {"type": "text", "text": "Hi"}
HM = {"type": "text", "text": "Hm."}
REFERENCE = {"type": "reference", "reference_ids": [1]}
THOUGHT: list[tuple[object, str, str]] = [
    ([{"type": "thinking", "thinking": [HM]}, HI], "Hi", "Hm."),
    ([{"type": "thinking", "thinking": "Hm."}, HI], "Hi", "Hm."),
    ([{"type": "thinking", "thinking": [REFERENCE, HM]}, REFERENCE], "", "Hm."),
    ([{"type": "thinking", "thinking": None}, HI], "Hi", ""),
    ([{"type": "reasoning", "reasoning": "Hm."}, "Hi"], "Hi", "Hm."),
    ([{"type": "reasoning", "text": "Hm."}, {"type": "output_text", "text": "Hi"}], "Hi", "Hm."),
    ([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}, HI], "Hi", "Hm."),
    (HI, "Hi", ""),
]


@pytest.mark.parametrize(("content", "text", "thinking"), THOUGHT)
def test_thinking_in_the_content_list_is_thinking(content: object, text: str, thinking: str) -> None:
    streamed = chat({"index": 0, "delta": {"content": content}}, said("", finish_reason="stop"))
    whole = gather(
        chat_completions.OPENAI.whole({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})
    )

    assert [(got.text, got.thinking) for got in (streamed, whole)] == [(text, thinking)] * 2


def test_the_stop_sequence_that_matched_is_kept() -> None:
    event = {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"}}

    chunks = list(messages.MESSAGES.chunks([Event("message", json.dumps(event))]))

    assert [chunk.detail for chunk in chunks if chunk.stop_reason] == ["END"]


UNKNOWN: list[dict[str, Any]] = [
    {"type": "future_event", "usage": {"input_tokens": 99, "output_tokens": 99}},
    {"type": "ping", "usage": {"output_tokens": 99}},
]


@pytest.mark.parametrize("event", UNKNOWN)
def test_an_event_of_an_unknown_kind_never_counts_as_usage(event: dict[str, Any]) -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 11}}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 6}}

    got = gather(messages.MESSAGES.chunks(Event("message", json.dumps(data)) for data in (start, event, end, event)))

    assert (got.usage.input_tokens, got.usage.output_tokens) == (11, 6)


def test_a_count_of_zero_is_a_count() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 20}}}
    end = {"type": "message_delta", "delta": {"stop_reason": "refusal"}, "usage": {"output_tokens": 0}}

    got = gather(messages.MESSAGES.chunks(Event("message", json.dumps(data)) for data in (start, end)))

    assert (got.usage.input_tokens, got.usage.output_tokens) == (20, 0)


def test_every_reason_of_the_table_is_one_of_ours() -> None:
    assert set(WORDS) < set(StopReason.__args__)  # type: ignore[attr-defined]  # it is a Literal

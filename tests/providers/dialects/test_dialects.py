"""Both dialects as pure functions: the exact body of a request, and the chunks of every recorded stream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.errors import ApiError, BadRequest, ClaudeError, Overloaded, PromptError
from claude_nb.providers.dialects import chat_completions, messages
from claude_nb.providers.dialects.base import Dialect
from claude_nb.providers.sse import Event, events
from claude_nb.types.content import Part, Quotes, ServerBlock, ServerFields, Thought, ToolCall
from claude_nb.types.request import Chunk, Message, Request, Usage
from claude_nb.types.settings import Sampling
from tests.helpers import STREAMS, searched
from tests.helpers.cuts import CUTS, Cut

DIALECTS = {"aimlapi": chat_completions.AIMLAPI, "openai": chat_completions.OPENAI, "messages": messages.MESSAGES}
ASK = Request("p", "m-1", (Message("user", "Hi"),))


@dataclass
class Gathered:
    """All chunks of a reply, added up."""

    text: str = ""
    thinking: str = ""
    usage: Usage = field(default_factory=Usage)
    stop: str | None = None
    raw: str | None = None
    id: str | None = None
    model: str | None = None
    done: bool = False
    error: ClaudeError | None = None
    parts: tuple[Part, ...] = ()
    called: str = ""


def gather(chunks: Iterable[Chunk]) -> Gathered:
    got = Gathered()
    try:
        for chunk in chunks:
            got.text += chunk.text
            got.thinking += chunk.thinking
            got.called += chunk.call
            got.parts += (chunk.part,) if chunk.part else ()
            got.usage = got.usage.merged(chunk.usage or Usage())
            got.stop, got.raw = (got.stop or chunk.stop_reason), (got.raw or chunk.raw_stop_reason)
            got.id, got.model = (got.id or chunk.id), (got.model or chunk.model)
            got.done = got.done or chunk.done
    except ClaudeError as error:
        got.error = error
    return got


def thinks(fields: str) -> tuple[Part, ...]:
    """The thinking as its server sent it, which goes back around tool calls."""
    return (ServerFields(fields, is_thinking=True),)


NINE_AND_TWO = Usage(9, 2)
FIVE = "claude-sonnet-4-5-20250929"
FOUR_SIX = "claude-sonnet-4-6"

REPLIES: dict[str, Gathered] = {
    "aimlapi-new": Gathered("Blue light scatters. 🙂", "", Usage(16, 137), "end", "stop", "msg_01New", FIVE),
    "aimlapi-cost": Gathered("Hi", "", Usage(16, 2, cost_usd=0.00124), "end", "end_turn", "msg_01Cost", FIVE, True),
    "openai": Gathered(
        *("Hello", "", Usage(9, 2, 4), "tool_use", "stop", "chatcmpl-1", "m-1", True),
        parts=(ToolCall("call_1", "f", "{}"),),
        called="f ",
    ),
    "openai-tools": Gathered(
        *("Let me look.", "", NINE_AND_TWO, "tool_use", "tool_calls", "chatcmpl-1", "m-1", True),
        parts=(ToolCall("call_1", "weather", '{"city": "Oslo"}'), ToolCall("call_2", "add", '{"a": 1}')),
        called='weather {"city": "Oslo"}add {"a": 1}',
    ),
    "ollama-tools": Gathered(
        *("", "", NINE_AND_TWO, "tool_use", "stop", "chatcmpl-1", "m-1", True),
        parts=(ToolCall("call_1", "weather", '{"city":"Oslo"}'), ToolCall("call_2", "weather", '{"city": "Rome"}')),
        called='weather {"city":"Oslo"}weather {"city": "Rome"}',
    ),
    "openai-answer": Gathered('{"age": 7}', "", NINE_AND_TWO, "end", "tool_calls", "chatcmpl-1", "m-1", True),
    "openrouter": Gathered(
        *("Hello", "Hmm. ", Usage(9, 2, cost_usd=0.0005), "end", "stop", "chatcmpl-1", "m-1", True),
        parts=thinks(
            '{"reasoning": "Hmm. ", "reasoning_details": [{"type": "reasoning.text", "text": "Hmm. ", "index": 0}]}'
        ),
    ),
    "vllm": Gathered(
        *("Hello", "Hmm.", NINE_AND_TWO, "max_tokens", "length", "chatcmpl-1", "m-1", True),
        parts=thinks('{"reasoning": "Hmm."}'),
    ),
    "llamacpp": Gathered(
        *("Hello", "Hmm.", NINE_AND_TWO, "end", "stop", "chatcmpl-1", "m-1", True),
        parts=thinks('{"reasoning_content": "Hmm."}'),
    ),
    "litellm": Gathered(
        *("Hello", "Hmm.", Usage(), "end", "stop", "chatcmpl-1", "m-1", True),
        parts=thinks('{"thinking_blocks": [{"type": "thinking", "thinking": "Hmm.", "signature": ""}]}'),
    ),
    "gateway": Gathered("Hello", "", NINE_AND_TWO, "end", "stop", "chatcmpl-1", "m-1", True),
    "done-only": Gathered("Hello", "", Usage(), None, None, "chatcmpl-1", "m-1", True),
    "whole-in-stream": Gathered("Hello", "", NINE_AND_TWO, "end", "stop", "chatcmpl-1", "m-1", True),
    "chat-cut": Gathered("Hel", "", Usage(), None, None, "chatcmpl-1", "m-1"),
    "chat-surrogates": Gathered("a🙂b\ufffd c", "", Usage(), "end", "stop", None, None, True),
    "mistral": Gathered("Hello", "Hmm.", NINE_AND_TWO, "max_tokens", "model_length", "chatcmpl-1", "m-1", True),
    "deepseek-tools": Gathered(
        *("", "Hmm.", NINE_AND_TWO, "tool_use", "tool_calls", "chatcmpl-1", "m-1", True),
        parts=(*thinks('{"reasoning_content": "Hmm."}'), ToolCall("call_1", "weather", '{"city": "Oslo"}')),
        called='weather {"city": "Oslo"}',
    ),
    "gemini-tools": Gathered(
        *("", "", NINE_AND_TWO, "tool_use", "STOP", "chatcmpl-1", "m-1", True),
        parts=tuple(
            ToolCall("", "weather", f'{{"city": "{city}"}}', fields=f'{{"extra_content": {{"google": {sign}}}}}')
            for city, sign in (("Oslo", '{"thought_signature": "c2ln1"}'), ("Rome", '{"thought_signature": "c2ln2"}'))
        ),
        called='weather {"city": "Oslo"}weather {"city": "Rome"}',
    ),
    "two-choices": Gathered("Hello", "", NINE_AND_TWO, "end", "stop", "chatcmpl-1", "m-1", True),
    "calls-done": Gathered(
        *("", "", Usage(), "tool_use", None, "chatcmpl-1", "m-1", True),
        parts=(ToolCall("call_1", "weather", '{"city": "Oslo"}'), ToolCall("call_2", "now", "{}")),
        called='weather {"city": "Oslo"}now ',
    ),
    "messages": Gathered("Hello 🙂", "", Usage(25, 15), "end", "end_turn", "msg_1", FOUR_SIX, True),
    "messages-thinking": Gathered(
        *(
            "Hello",
            "Let me see.",
            Usage(1210, 15, 1000, 200, thinking_tokens=9),
            "max_tokens",
            "max_tokens",
            "msg_1",
            FOUR_SIX,
            True,
        ),
        parts=(Thought("Let me see.", "EqQB"), Thought(sealed="xyz"), Quotes('[{"type": "char_location"}]', 5)),
    ),
    "messages-tools": Gathered(
        *("Hello", "", Usage(25, 15, web_searches=1), "tool_use", "tool_use", "msg_1", FOUR_SIX, True),
        parts=(
            *(ToolCall("toolu_1", "f", '{"a":1}'), ToolCall("toolu_2", "g")),
            ServerBlock('{"type": "web_search_tool_result", "content": [{"text": "no"}]}'),
        ),
        called='f {"a":1}g ',
    ),
    "messages-search": Gathered(
        "I will look it up.\n\nPython's first release came out in 1991 🎉, and Guido began it in 1989.",
        *("", Usage(10682, 510, 0, 0, web_searches=1), "end", "end_turn", "msg_1", "claude-sonnet-5-5", True),
        parts=searched.parts("messages-search"),
    ),
    "messages-fetch-pause": Gathered(
        *("Snow is white.", "", Usage(100, 60, web_searches=0), "tool_use", "pause_turn"),
        *("msg_1", "claude-sonnet-5-5", True),
        parts=searched.parts("messages-fetch-pause"),
    ),
    "messages-citations": Gathered(
        "According to the report, sales rose by 12 %.\n\nGrün ist 🙂 grass",
        *("", Usage(610, 40), "end", "end_turn", "msg_1", "claude-sonnet-5-5", True),
        parts=searched.parts("messages-citations"),
    ),
    "messages-code": Gathered(
        "I will compute it.\n\nThe sum is 5050 🙂.",
        *("", Usage(2600, 210, 0, 0, web_searches=0), "end", "end_turn", "msg_1", "claude-sonnet-5-5", True),
        parts=searched.parts("messages-code"),
    ),
    "messages-answer": Gathered('{"age": 7}', "", Usage(25, 15), "end", "tool_use", "msg_1", FOUR_SIX, True),
    "messages-refusal": Gathered("Hello", "", Usage(25, 2), "refusal", "refusal", "msg_1", FOUR_SIX, True),
    "messages-no-stop": Gathered("Hello", "", Usage(25, 15), "stop_sequence", "stop_sequence", "msg_1", FOUR_SIX),
    "messages-cost": Gathered(
        "Hello",
        "",
        Usage(25, 15, cost_usd=1.0),
        "max_tokens",
        "model_context_window_exceeded",
        "msg_1",
        FOUR_SIX,
        True,
    ),
    "messages-cut": Gathered("Hel", "", Usage(25), None, None, "msg_1", FOUR_SIX),
}

ERRORS: dict[str, tuple[type[ApiError], str]] = {
    "openrouter-error": (Overloaded, "Provider disconnected"),
    "vllm-error": (Overloaded, "Engine died"),
    "vllm-old-error": (BadRequest, "Engine died"),
    "llamacpp-error": (Overloaded, "slot unavailable"),
    "ollama-error": (ApiError, "GPU lost"),
    "messages-error": (Overloaded, "Overloaded"),
}


DAMAGED = ("gateway-damaged", "messages-damaged")


def dialect_for(name: str) -> Dialect:
    return messages.MESSAGES if name.startswith("messages") else chat_completions.OPENAI


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("name", REPLIES)
def test_a_recorded_stream_becomes_its_reply_whatever_the_cut(name: str, cut: Cut) -> None:
    body = (STREAMS / f"{name}.sse").read_bytes()

    assert gather(dialect_for(name).chunks(events(cut(body)))) == REPLIES[name]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_in_a_stream_is_typed_and_comes_after_the_text_before_it(name: str, cut: Cut) -> None:
    body = (STREAMS / f"{name}.sse").read_bytes()
    kind, words = ERRORS[name]

    got = gather(dialect_for(name).chunks(events(cut(body))))

    assert got.text == "Hel"
    assert type(got.error) is kind
    assert words in str(got.error)
    assert not got.done


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("name", DAMAGED)
def test_an_event_of_broken_json_takes_no_other_text_with_it(name: str, cut: Cut) -> None:
    got = gather(dialect_for(name).chunks(events(cut((STREAMS / f"{name}.sse").read_bytes()))))

    assert (got.text, got.done) == ("Hello", True)


def test_every_recorded_stream_is_tested_and_names_its_source() -> None:
    files = {path.stem: path.read_text("utf-8") for path in STREAMS.glob("*.sse")}

    assert set(files) == {*REPLIES, *ERRORS, *DAMAGED}
    assert all(text.startswith(": ") for text in files.values())


@pytest.mark.parametrize("name", ["openai", "messages"])
def test_reading_ends_at_the_end_marker_not_when_the_connection_closes(name: str) -> None:
    def never_ending() -> Iterable[Event]:
        yield from events([(STREAMS / f"{name}.sse").read_bytes()])
        raise AssertionError("the reader went on after the end")

    assert gather(dialect_for(name).chunks(never_ending())).done


FULL = Request(
    "p",
    "m-1",
    (Message("user", "Hi"), Message("assistant", "Well,")),
    system="Be short.",
    sampling=Sampling(0.2, 0.9, 5, 100, ("END", "\n\n"), 7),
)
TWO_TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well,"}]
SETTINGS = {"temperature": 0.2, "top_p": 0.9, "top_k": 5, "max_tokens": 100, "seed": 7}
PLAIN = {"model": "m-1", "messages": [{"role": "user", "content": "Hi"}]}


def test_aimlapi_gets_the_system_prompt_beside_the_messages() -> None:
    assert chat_completions.AIMLAPI.body(FULL, stream=True) == {
        "model": "m-1",
        "messages": TWO_TURNS,
        "system": "Be short.",
        "stream": True,
        "stop_sequences": ["END", "\n\n"],
        **SETTINGS,
    }


def test_openai_servers_get_the_system_prompt_as_first_message() -> None:
    assert chat_completions.OPENAI.body(FULL, stream=True) == {
        "model": "m-1",
        "messages": [{"role": "system", "content": "Be short."}, *TWO_TURNS],
        "stream": True,
        "stream_options": {"include_usage": True},
        "stop": ["END", "\n\n"],
        **SETTINGS,
    }


def test_anthropic_gets_its_own_format_and_version() -> None:
    assert messages.MESSAGES.headers == {"anthropic-version": "2023-06-01"}
    assert messages.MESSAGES.body(FULL, stream=True) == {
        "model": "m-1",
        "messages": TWO_TURNS,
        "system": "Be short.",
        "stream": True,
        "stop_sequences": ["END", "\n\n"],
        **SETTINGS,
    }


@pytest.mark.parametrize("name", ["aimlapi", "openai"])
def test_what_is_unset_is_absent(name: str) -> None:
    assert DIALECTS[name].body(ASK, stream=False) == PLAIN


def test_anthropic_requires_max_tokens() -> None:
    limited = Request("p", "m-1", (Message("user", "Hi"),), sampling=Sampling(max_tokens=8))

    assert messages.MESSAGES.body(limited, stream=False) == PLAIN | {"max_tokens": 8}
    with pytest.raises(PromptError, match="max_tokens"):
        messages.MESSAGES.body(ASK, stream=False)


def test_a_body_does_not_change_the_request() -> None:
    before = FULL.to_dict()

    for dialect in DIALECTS.values():
        dialect.body(FULL, stream=True)["messages"].clear()

    assert FULL.to_dict() == before


def test_a_whole_chat_reply_is_read_with_anthropic_words_and_credits() -> None:
    data = {
        "id": "msg_1",
        "object": "chat.completion",
        "model": FOUR_SIX,
        "choices": [
            {
                "message": {"reasoning_content": "Hmm.", "content": "Hi", "role": "assistant"},
                "finish_reason": "end_turn",
            }
        ],
        "usage": {"prompt_tokens": 16, "completion_tokens": 264, "total_tokens": 280},
        "meta": {"usage": {"credits_used": 10421}},
    }

    assert gather(chat_completions.AIMLAPI.whole(data)) == Gathered(
        *("Hi", "Hmm.", Usage(16, 264, cost_usd=0.0052105), "end", "end_turn", "msg_1", FOUR_SIX, True),
        parts=thinks('{"reasoning_content": "Hmm."}'),
    )


def test_a_whole_messages_reply_is_read_block_by_block() -> None:
    data = {
        "id": "msg_1",
        "model": FOUR_SIX,
        "content": [
            {"type": "thinking", "thinking": "Hmm."},
            {"type": "text", "text": "Hel"},
            {"type": "text", "text": "lo"},
        ],
        "stop_reason": "pause_turn",
        "usage": {
            "input_tokens": 1,
            "cache_read_input_tokens": 2,
            "cache_creation_input_tokens": 3,
            "output_tokens": 4,
        },
    }

    assert gather(messages.MESSAGES.whole(data)) == Gathered(
        "Hello", "Hmm.", Usage(6, 4, 2, 3), "tool_use", "pause_turn", "msg_1", FOUR_SIX, True
    )


@pytest.mark.parametrize("name", DIALECTS)
def test_an_error_in_place_of_a_whole_reply_is_raised(name: str) -> None:
    with pytest.raises(Overloaded, match="Overloaded"):
        list(DIALECTS[name].whole({"error": {"type": "overloaded_error", "message": "Overloaded"}}))


@pytest.mark.parametrize("name", DIALECTS)
def test_an_unrelated_object_is_not_a_reply(name: str) -> None:
    got = gather(DIALECTS[name].whole({"unrelated": 1}))

    assert (got.stop, got.done, got.text) == (None, False, "")


def test_a_message_that_is_null_keeps_its_stop_word() -> None:
    got = gather(
        chat_completions.OPENAI.whole({"choices": [{"message": None, "finish_reason": "malformed_function_call"}]})
    )

    assert (got.text, got.stop, got.raw) == ("", "error", "malformed_function_call")


def test_an_openai_refusal_becomes_text_and_a_stop_reason() -> None:
    choice = {"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}

    got = gather(chat_completions.OPENAI.whole({"choices": [choice]}))

    assert (got.text, got.stop) == ("No.", "refusal")


def test_zeros_and_nulls_never_overwrite_a_count() -> None:
    lines = [
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}},
        {"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": None}},
        {"choices": [], "usage": None},
    ]

    assert (
        gather(chat_completions.OPENAI.chunks(Event("message", json.dumps(line)) for line in lines)).usage
        == NINE_AND_TWO
    )


@pytest.mark.parametrize("number", ["9", -1, 1.5, True, [9], {"a": 9}, 1e400, float("nan"), 10**30, None])
def test_an_invalid_count_is_unknown(number: object) -> None:
    data = {"usage": {"prompt_tokens": number, "completion_tokens": 2, "cost": number if number != 1.5 else "1"}}

    assert gather(chat_completions.OPENAI.whole(data)).usage == Usage(None, 2)


KEY_NAMES = """
event state choices delta message content text type role id model usage meta error code status statusCode param
finish_reason finishReason stop_reason reasoning reasoning_content reasoning_details thinking thinking_blocks
content_block prompt_tokens completion_tokens input_tokens output_tokens cache_read_input_tokens cost details
prompt_tokens_details credits_used usd_spent object path reason request_id title refusal index
tool_calls function arguments name function_call partial_json input signature extra_content
"""
VALUES = """
error message_start message_delta message_stop content_block_start content_block_delta text text_delta ping
thinking thinking_delta stop length end_turn overloaded_error 429 500 [DONE] tool_use input_json_delta {} null {"a":1}
"""
KEYS = st.sampled_from(KEY_NAMES.split())
WORDS = st.sampled_from([*VALUES.split(), "\ud83d", "\ude42"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | WORDS
    | st.text(max_size=8)
    | st.text(st.characters(categories=["Cs"]), max_size=3)
)
json_values = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)
json_objects = st.dictionaries(KEYS, json_values, max_size=8)


def read_anything(dialect: Dialect, objects: list[dict[str, Any]], name: str = "message") -> list[Chunk]:
    """Any JSON becomes chunks or a ClaudeError, and text that can be encoded. Fuzzing calls this too."""
    chunks: list[Chunk] = []
    for read in (
        lambda: dialect.chunks(Event(name, json.dumps(data)) for data in objects),
        lambda: (chunk for data in objects for chunk in dialect.whole(data)),
    ):
        try:
            chunks.extend(read())
        except ClaudeError as error:
            str(error).encode()
    for chunk in chunks:
        f"{chunk.text}{chunk.thinking}{chunk.id}{chunk.model}{chunk.raw_stop_reason}".encode()
    return chunks


@settings(max_examples=200, derandomize=True, deadline=None)
@given(objects=st.lists(json_objects, max_size=3), event=st.sampled_from(["message", "error", "content_block_delta"]))
def test_any_json_becomes_chunks_or_one_of_our_errors(objects: list[dict[str, Any]], event: str) -> None:
    for dialect in DIALECTS.values():
        read_anything(dialect, objects, event)


def usually(usual: dict[str, Any], **others: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object as servers send it, with one or two odd fields."""
    fields = st.sampled_from([(name, value) for name, values in others.items() for value in values])
    return st.lists(fields, max_size=2).map(lambda changes: usual | dict(changes))


DELTA = {"role": "assistant", "content": "a"}
ODD_DELTAS = [{}, None, {"content": [{"text": "b"}]}, {"content": None, "reasoning": "c"}, DELTA | {"refusal": "d"}]
CHOICE = {"index": 0, "delta": DELTA, "finish_reason": None}
ODD_CHOICES = [
    *({**CHOICE, "finish_reason": word} for word in ("", "stop", "error")),
    *({**CHOICE, "delta": delta} for delta in ODD_DELTAS),
    {**CHOICE, "error": {"message": "no"}},
    {**CHOICE, "delta": {}, "message": {"content": "g"}},
    "e",
]
usual_objects = usually(
    {"object": "chat.completion.chunk", "choices": [CHOICE]},
    id=["1", "2", None],
    model=["m", "n"],
    object=["error", None],
    usage=[None, {}, {"completion_tokens": 3}],
    message=["no", None],
    choices=[None, [], "f", *([choice] for choice in ODD_CHOICES), *([choice, CHOICE] for choice in ODD_CHOICES)],
)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(objects=st.lists(usual_objects, min_size=1, max_size=4))
def test_an_object_that_only_brings_text_is_read_as_closely_as_any(objects: list[dict[str, Any]]) -> None:
    """An unknown field makes the reader read an object in full, with the same result."""
    plain, close = (
        gather(chat_completions.OPENAI.chunks(Event("message", json.dumps(data | more)) for data in objects))
        for more in ({}, {"unknown": True})
    )
    plain.error, close.error = str(plain.error), str(close.error)  # type: ignore[assignment]
    assert plain == close


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=100, derandomize=True, deadline=None)
@given(texts=st.lists(st.text(st.sampled_from("aé🙂\ud83d\ude42\ud800"), max_size=4), max_size=8))
def test_text_split_inside_a_pair_is_joined_and_a_lone_half_replaced(name: str, texts: list[str]) -> None:
    if name == "messages":
        pieces = [{"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}} for text in texts]
    else:
        pieces = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    expected = "".join(texts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    assert gather(DIALECTS[name].chunks(Event("message", json.dumps(piece)) for piece in pieces)).text == expected

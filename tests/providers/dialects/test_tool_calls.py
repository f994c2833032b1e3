"""Tools and the schema of an answer in the exact bodies of both dialects."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from claude_nb.providers import registry
from claude_nb.providers.dialects import chat_completions, messages
from claude_nb.types.content import Thought, ToolCall, ToolResult
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Answer, Sampling, Tool

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = Tool("weather", "The weather of a city.", json.dumps(CITY))
OSLO, ROME = ToolCall("c1", "weather", '{"city": "Oslo"}', at=5), ToolCall("c2", "weather", "{not json", at=5)
LOOKED = Message(
    "assistant",
    "Wait.It is cold.",
    (Thought("Hm.", "S1"), OSLO, ROME, ToolResult("c1", "-3 °C", at=5), ToolResult("c2", "bad", failed=True, at=5)),
)
HI = Message("user", "Weather?")
LIMIT = Sampling(max_tokens=100)
ASKED = Request("p", "m-1", (HI, LOOKED, Message("user", "And now?")), sampling=LIMIT, tools=(TOOL,))


def body(dialect: Any, request: Request) -> dict[str, Any]:
    made: dict[str, Any] = dialect.body(request, stream=False)
    return made


def test_calls_and_results_alternate_as_the_messages_api_wants_them() -> None:
    assert body(messages.MESSAGES, ASKED) == {
        "model": "m-1",
        "max_tokens": 100,
        "tools": [{"name": "weather", "description": "The weather of a city.", "input_schema": CITY}],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "S1"},
                    {"type": "text", "text": "Wait."},
                    {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}},
                    {"type": "tool_use", "id": "c2", "name": "weather", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "-3 °C"},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "bad", "is_error": True},
                ],
            },
            {"role": "assistant", "content": "It is cold."},
            {"role": "user", "content": "And now?"},
        ],
    }


def test_calls_and_results_alternate_as_chat_completions_want_them() -> None:
    def call(part: ToolCall) -> dict[str, Any]:
        return {"id": part.id, "type": "function", "function": {"name": "weather", "arguments": part.arguments}}

    about = {"name": "weather", "description": "The weather of a city.", "parameters": CITY}
    assert body(chat_completions.OPENAI, ASKED) == {
        "model": "m-1",
        "max_tokens": 100,
        "tools": [{"type": "function", "function": about}],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": "Wait.", "tool_calls": [call(OSLO), call(ROME)]},
            {"role": "tool", "tool_call_id": "c1", "content": "-3 °C"},
            {"role": "tool", "tool_call_id": "c2", "content": "bad"},
            {"role": "assistant", "content": "It is cold."},
            {"role": "user", "content": "And now?"},
        ],
    }


@pytest.mark.parametrize("dialect", [chat_completions.OPENAI, messages.MESSAGES], ids=["chat", "messages"])
def test_a_reply_that_waits_for_results_ends_with_them(dialect: Any) -> None:
    waiting = Message("assistant", "Wait.", (OSLO, ToolResult("c1", "-3 °C", at=5)))
    sent = body(dialect, replace(ASKED, messages=(HI, waiting)))["messages"]

    assert [turn["role"] for turn in sent] in (["user", "assistant", "tool"], ["user", "assistant", "user"])
    assert "-3 °C" in json.dumps(sent[-1], ensure_ascii=False)


@pytest.mark.parametrize(
    "dialect",
    [chat_completions.AIMLAPI, chat_completions.OPENAI, messages.MESSAGES],
    ids=["aimlapi", "chat", "messages"],
)
def test_without_tools_a_past_call_becomes_text(dialect: Any) -> None:
    sent = body(dialect, replace(ASKED, tools=()))

    said = sent["messages"][1]["content"]
    text = said if isinstance(said, str) else " ".join(block.get("text", "") for block in said)
    assert '[weather {"city": "Oslo"} gave: -3 °C]' in text
    assert "tools" not in sent
    assert "tool_use" not in json.dumps(sent)


def with_answer(how: Any) -> Request:
    return Request("p", "m-1", (HI,), system="Be short.", sampling=LIMIT, answer=Answer(json.dumps(CITY), how))


def test_the_schema_of_an_answer_is_sent_natively() -> None:
    closed = {**CITY, "additionalProperties": False}
    assert body(messages.MESSAGES, with_answer("native"))["output_config"] == {
        "format": {"type": "json_schema", "schema": closed}
    }
    assert body(chat_completions.OPENAI, with_answer("native"))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": CITY},
    }


def test_strict_mode_is_requested_for_a_closed_schema() -> None:
    closed = {**CITY, "additionalProperties": False}
    asked = replace(with_answer("native"), answer=Answer(json.dumps(closed)))

    assert body(chat_completions.OPENAI, asked)["response_format"]["json_schema"] == {
        "name": "answer",
        "schema": closed,
        "strict": True,
    }


def test_the_schema_of_an_answer_is_sent_as_a_forced_tool() -> None:
    ours, theirs = body(messages.MESSAGES, with_answer("tool")), body(chat_completions.OPENAI, with_answer("tool"))

    assert [tool["input_schema"] for tool in ours["tools"]] == [CITY]
    assert ours["tool_choice"] == {"type": "tool", "name": "structured_answer"}
    assert [tool["function"]["parameters"] for tool in theirs["tools"]] == [CITY]
    assert theirs["tool_choice"] == {"type": "function", "function": {"name": "structured_answer"}}


@pytest.mark.parametrize(
    "dialect",
    [chat_completions.AIMLAPI, chat_completions.OPENAI, messages.MESSAGES],
    ids=["aimlapi", "chat", "messages"],
)
def test_the_schema_of_an_answer_is_sent_in_the_system_prompt(dialect: Any) -> None:
    sent = body(dialect, with_answer("prompt"))

    system = sent.get("system") or sent["messages"][0]["content"]
    assert system.startswith("Be short.\n\n")
    assert json.dumps(CITY) in system
    assert not {"tools", "tool_choice", "output_config", "response_format"} & sent.keys()


def test_tools_go_to_aimlapi_in_anthropics_format() -> None:
    asked = replace(ASKED, provider="aimlapi", model="anthropic/claude-sonnet-4.6")

    assert registry.dialect_name(asked) == "messages"
    assert registry.dialect_name(replace(asked, tools=(), answer=Answer("{}", "prompt"))) == "aimlapi-chat"


def test_tools_and_answers_are_part_of_a_request_and_come_back_from_its_data() -> None:
    asked = replace(ASKED, answer=Answer(json.dumps(CITY)))

    assert Request.from_dict(json.loads(json.dumps(asked.to_dict()))) == asked
    assert len({asked.key, ASKED.key, replace(ASKED, tools=()).key}) == 3
    assert asked.params == {"max_tokens": 100, "tools": ["weather"], "answer": "json"}

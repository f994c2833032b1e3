"""What a server wants back is sent back to it, and to no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_nb.providers.credentials import Credentials
from claude_nb.providers.dialects.server_fields import FieldReader
from claude_nb.session.session import Session
from claude_nb.storage import recordings
from claude_nb.storage.entries import Recorded
from claude_nb.types.content import ServerFields, ToolCall
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.replies import sse
from tests.helpers.server import Scenario, Server, answer, stream
from tests.helpers.sessions import session

KEY = "0123456789abcdef0123456789abcdef"
SIGNED = {"google": {"thought_signature": "c2ln"}}
CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


def weather(city: str) -> str:
    """The weather of a city."""
    return f"18 °C in {city}"


def streamed(*deltas: dict[str, Any], finish: str = "stop") -> Scenario:
    objects = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    return stream(sse(*objects, end, "[DONE]"), headers={"content-type": "text/event-stream"})


def whole(*deltas: dict[str, Any], finish: str = "stop") -> Scenario:
    message: dict[str, Any] = {}
    for delta in deltas:
        message |= {
            name: message.get(name, "") + value if isinstance(value, str) else value for name, value in delta.items()
        }
    return answer(200, {"choices": [{"index": 0, "message": message, "finish_reason": finish}]})


WAYS = {"streamed": streamed, "whole": whole}


@pytest.fixture
def live() -> Session:
    return session(ANTHROPIC_API_KEY=KEY)


def options(server: Server, **more: Any) -> dict[str, Any]:
    return {
        "provider": "openai-compatible",
        "model": "m",
        "base_url": server.url,
        "tools": [weather],
        "yes": True,
        **more,
    }


def assistants(server: Server, number: int = -1) -> list[dict[str, Any]]:
    return [message for message in server.requests[number].json["messages"] if message["role"] == "assistant"]


ROUND: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "reasoning_content": (
        [{"reasoning_content": "Let me "}, {"reasoning_content": "see."}],
        {"reasoning_content": "Let me see."},
    ),
    "empty reasoning_content": ([{"reasoning_content": ""}], {"reasoning_content": ""}),
    "reasoning": ([{"reasoning": "Hm."}], {"reasoning": "Hm."}),
    "both": ([{"reasoning_content": "Hm.", "reasoning": "Hm."}], {"reasoning_content": "Hm.", "reasoning": "Hm."}),
    "signed blocks": (
        [{"thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "S1"}]}],
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "S1"}]},
    ),
    "an unknown text": ([{"reasoning_opaque": "abc"}], {"reasoning_opaque": "abc"}),
    "an unknown object": ([{"extra_content": SIGNED}], {"extra_content": SIGNED}),
    "nothing": ([{"refusal": None, "annotations": [], "audio": None, "custom": None}], {}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", ROUND)
def test_the_fields_of_a_tool_round_go_back_with_its_calls(live: Session, way: str, case: str) -> None:
    deltas, expected = ROUND[case]
    first = WAYS[way]({"role": "assistant", "content": ""}, *deltas, {"tool_calls": [CALL]}, finish="tool_calls")
    with Server([first, WAYS[way]({"content": "18 °C."})]) as server:
        reply = live.ask("Weather?", whole=way == "whole", **options(server))
        sent = assistants(server)

    assert reply.text == "18 °C."
    assert [call.result for call in reply.calls] == ["18 °C in Oslo"]
    call = {key: value for key, value in CALL.items() if key != "index"}
    assert sent == [{"role": "assistant", "content": "", "tool_calls": [call], **expected}]


def test_the_pieces_of_streamed_details_become_one_list_again(live: Session) -> None:
    pieces = [
        {"reasoning_details": [{"type": "reasoning.text", "text": "Let ", "index": 0, "format": "f"}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "me", "index": 0, "format": "f"}]},
        {"reasoning_details": [{"type": "reasoning.text", "signature": "S", "index": 0, "format": "f"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "xyz", "index": 0}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Let ", "signature": ""}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "me", "signature": ""}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "S"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Next", "signature": ""}]},
    ]
    with Server([streamed(*pieces, {"tool_calls": [CALL]}), streamed({"content": "Done."})]) as server:
        live.ask("Weather?", **options(server))
        (sent,) = assistants(server)

    assert sent["reasoning_details"] == [
        {"type": "reasoning.text", "text": "Let me", "index": 0, "format": "f", "signature": "S"},
        {"type": "reasoning.encrypted", "data": "xyz", "index": 0},
    ]
    assert sent["thinking_blocks"] == [
        {"type": "thinking", "thinking": "Let me", "signature": "S"},
        {"type": "thinking", "thinking": "Next", "signature": ""},
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "fields",
    [
        {"extra_content": SIGNED},
        {"provider_specific_fields": {"thought_signature": "abc"}},
        {"custom": [1, {"a": None}]},
    ],
)
def test_the_unknown_fields_of_a_call_go_back_with_it(live: Session, way: str, fields: dict[str, Any]) -> None:
    inside = {**CALL["function"], "strict_id": 7}  # type: ignore[dict-item]  # it is an object
    first = WAYS[way]({"content": "", "tool_calls": [{**CALL, **fields, "function": inside}]}, finish="tool_calls")
    with Server([first, WAYS[way]({"content": "18 °C."}), WAYS[way]({"content": "Bye."})]) as server:
        live.ask("Weather?", chat="talk", whole=way == "whole", **options(server))
        live.ask("And now?", chat="talk", whole=way == "whole", **options(server))
        calls = [assistants(server, number)[0]["tool_calls"] for number in (1, 2)]

    expected = {"id": "c1", "type": "function", "function": inside, **fields}
    assert calls == [[expected]] * 2


def test_thinking_goes_back_in_all_rounds_of_a_reply_with_tools_and_in_no_other(live: Session) -> None:
    scenarios = [
        streamed({"reasoning_content": "No tool."}, {"content": "Hello."}),
        streamed({"reasoning_content": "A tool."}, {"tool_calls": [CALL]}),
        streamed({"reasoning_content": "Now I know."}, {"content": "18 °C."}),
        streamed({"content": "Bye."}),
    ]
    with Server(scenarios) as server:
        for prompt in ("Hi", "Weather?", "Thanks"):
            live.ask(prompt, chat="talk", **options(server))
        sent = assistants(server)

    assert [message.get("reasoning_content") for message in sent] == [None, "A tool.", "Now I know."]
    assert [message["content"] for message in sent] == ["Hello.", "", "18 °C."]


def test_fields_go_to_their_origin_only(live: Session) -> None:
    first = streamed({"reasoning_content": "Hm.", "custom": 1}, {"tool_calls": [{**CALL, "extra_content": SIGNED}]})
    with Server([first, streamed({"content": "18 °C."})]) as server:
        live.ask("Weather?", chat="talk", **options(server))
    with Server([streamed({"content": "Bye."})]) as other:
        live.ask("Thanks", chat="talk", **options(other))
        live.ask("Thanks", chat="talk", **options(other, provider="anthropic", model="claude-sonnet-4-6"))
        bodies = [request.body.decode() for request in other.requests]

    assert all("weather" in body for body in bodies)
    assert not any(word in body for body in bodies for word in ("reasoning_content", "custom", "extra_content"))


def test_calls_that_become_text_take_their_fields_with_them(live: Session) -> None:
    first = streamed({"reasoning_content": "Hm."}, {"tool_calls": [{**CALL, "extra_content": SIGNED}]})
    with Server([first, streamed({"content": "18 °C."}), streamed({"content": "Bye."})]) as server:
        live.ask("Weather?", chat="talk", **options(server))
        live.ask("Thanks", chat="talk", **options(server, tools=None, yes=False))
        (sent,) = assistants(server)

    assert sent.keys() == {"role", "content"}


def test_unknown_fields_of_a_block_go_back_to_a_messages_server(live: Session) -> None:
    block = {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}, "caller": {"type": "direct"}}
    first = answer(200, {"content": [block], "stop_reason": "tool_use"})
    second = answer(200, {"content": [{"type": "text", "text": "18 °C."}], "stop_reason": "end_turn"})
    with Server([first, second]) as server:
        live.ask("Weather?", whole=True, **options(server, provider="anthropic", model="claude-sonnet-4-6"))
        (sent,) = assistants(server)

    assert sent["content"] == [block]


def test_fields_survive_the_history_and_a_record_file(tmp_path: Path) -> None:
    keeping = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(tmp_path / "h.db")}))
    first = streamed({"reasoning_content": "Hm."}, {"tool_calls": [{**CALL, "extra_content": SIGNED}]})
    with Server([first, streamed({"content": "18 °C."})]) as server:
        reply = keeping.ask("Weather?", **options(server))
    assert keeping.store is not None
    stored = keeping.store.recent(5)[0].reply

    assert stored.request.messages[-1].parts[:2] == reply.parts[:2]
    assert isinstance(reply.parts[0], ServerFields)
    assert Reply.from_dict(json.loads(json.dumps(reply.to_dict()))).parts == reply.parts
    recordings.write(tmp_path / "r.jsonl", [Recorded(reply)])
    assert next(iter(recordings.read(tmp_path / "r.jsonl"))).reply.parts == reply.parts


def test_a_request_without_such_fields_keeps_its_key() -> None:
    old = Message("assistant", "Hi", (ToolCall("c1", "weather", "{}"),))

    assert old.to_dict()["parts"] == [{"kind": "tool_call", "id": "c1", "name": "weather", "arguments": "{}"}]
    assert Request("demo", "demo", (old,)).origin == "demo"


def test_the_fields_of_a_hostile_server_are_bounded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    large, nested = FieldReader(), FieldReader()
    for _ in range(60):
        large.add({"x": "y" * 100_000})
        large.add({"z": "y" * 100_000 + "!"})
    nested.add({"a": 1})
    nested.add({"deep": deep})

    assert large.text() == nested.text() == ""


def test_text_files_and_a_prompt_are_one_text_for_chat_completions(live: Session, tmp_path: Path) -> None:
    for name in ("a.txt", "b.py"):
        (tmp_path / name).write_text(f"words of {name}")
    paths = [str(tmp_path / "a.txt"), str(tmp_path / "b.py")]
    with Server([streamed({"content": "Read."}), streamed({"content": "Bye."})]) as server:
        live.ask("Read them.", chat="talk", attach=paths, **options(server))
        live.ask("Thanks.", chat="talk", **options(server))
        sent = server.requests[-1].json["messages"]

    assert all(isinstance(message["content"], str) for message in sent)
    assert sent[0]["content"] == (
        "<file name='a.txt'>\nwords of a.txt\n</file>\n\n<file name='b.py'>\nwords of b.py\n</file>\n\nRead them."
    )


def test_a_picture_needs_a_list_of_parts(live: Session, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    (tmp_path / "a.txt").write_text("words")
    with Server([streamed({"content": "Seen."})]) as server:
        live.ask("Look.", attach=[str(tmp_path / "p.png"), str(tmp_path / "a.txt")], **options(server))
        content = server.requests[-1].json["messages"][-1]["content"]

    assert [part["type"] for part in content] == ["image_url", "text", "text"]

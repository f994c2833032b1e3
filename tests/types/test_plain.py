"""Values as JSON data: what is written, and that nothing impossible is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_nb.types.content import Attachment, Thought, ToolCall, ToolResult
from claude_nb.types.plain import is_valid
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Answer, Sampling, Thinking, Tool

PARTS = (
    Thought("Hm.", "S"),
    Thought(sealed="x", at=2),
    Attachment("a.png", "image/png", "ab12", 3, "AAAA", 1),
    ToolCall("c1", "f", at=4),
    ToolCall("c2", "g", '{"a": 1}'),
    ToolResult("c1", "", at=4),
    ToolResult("c2", "bad", failed=True),
)
REQUEST = Request(
    "anthropic",
    "m",
    (Message("user", "Hi", PARTS), Message("assistant", "")),
    system="",
    sampling=Sampling(0, 1, 3, 9, ("a",), -1),
    base_url="http://localhost",
    repeat=2,
    thinking=Thinking("enabled", 2000, "summarized"),
    effort="low",
    cache=True,
    tools=(Tool("f", "does", "{}"),),
    answer=Answer("{}", "tool"),
)


def test_the_key_of_a_request_that_uses_everything_stays_the_same_in_later_versions() -> None:
    assert REQUEST.key == "60dbc0e9f96b8191c2927c3bdfa933cc1f98451e3667feab0c5107959d412abb"


def test_every_part_of_a_request_comes_back_but_the_bytes_of_files() -> None:
    again = Request.from_dict(json.loads(json.dumps(REQUEST.to_dict())))
    assert again == REQUEST
    assert again.messages[0].parts[2] == Attachment("a.png", "image/png", "ab12", 3, "", 1)


def test_a_tool_result_without_text_comes_back() -> None:
    reply = Reply(REQUEST, parts=(ToolCall("", "f"), ToolResult("", "")))
    assert Reply.from_dict(reply.to_dict()) == reply


def changed(path: str, value: Any) -> dict[str, Any]:
    """The data of a request with another value at a path such as "messages.0.text"."""
    data = json.loads(json.dumps(REQUEST.to_dict()))
    place: Any = data
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step) if step.isdecimal() else step]
    place[int(last) if last.isdecimal() else last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("provider", 5),
        ("messages", {}),
        ("messages.0", None),
        ("messages.0.role", "system"),
        ("messages.0.parts", "x"),
        ("messages.0.parts.0", []),
        ("messages.0.parts.0.kind", ""),
        ("messages.0.parts.0.kind", None),
        ("messages.0.parts.0.kind", ["thought"]),
        ("messages.0.parts.0.at", -1),
        ("messages.0.parts.2.size", 2**63),
        ("messages.0.parts.2.data", "AAAA"),
        ("messages.0.parts.3.other", ""),
        ("messages.0.parts.6.failed", 1),
        ("sampling.temperature", float("nan")),
        ("sampling.top_k", True),
        ("sampling.top_k", 1.5),
        ("sampling.seed", -(2**63) - 1),
        ("sampling.stop_sequences", "a"),
        ("thinking.type", {"kind": ""}),
        ("thinking.budget_tokens", "2000"),
        ("tools.0.schema", None),
        ("answer.how", {"kind": ""}),
        ("cache", "yes"),
    ],
)
def test_an_impossible_value_is_refused_with_its_path(path: str, value: Any) -> None:
    with pytest.raises(ValueError, match=path.partition(".")[0]) as caught:
        Request.from_dict(changed(path, value))
    assert type(caught.value) is ValueError


def test_the_error_names_every_step_to_the_fault() -> None:
    with pytest.raises(ValueError, match=r"^request: messages: role: not a valid value$"):
        Reply.from_dict({**Reply(REQUEST).to_dict(), "request": changed("messages.1.role", "judge")})
    with pytest.raises(ValueError, match=r"^request: missing$"):
        Reply.from_dict({})


def test_a_request_of_a_later_version_is_read_without_what_is_new() -> None:
    assert Request.from_dict(changed("mood", "good")) == REQUEST


@pytest.mark.parametrize(
    ("data", "hint", "valid"),
    [
        ("a", str, True),
        (None, str, False),
        (0, int, True),
        (-1, int, False),
        (1.0, int, False),
        (True, int, False),
        (1, float, True),
        (float("inf"), float, False),
        (2**63, float, False),
        (True, bool, True),
        (1, bool, False),
    ],
)
def test_numbers_have_a_range_and_a_kind(data: Any, hint: type, valid: bool) -> None:
    assert is_valid(data, hint) is valid

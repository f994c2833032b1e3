"""Signed thoughts are bound to what was sent before them. A conversation never sends one where it does not belong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.errors import BadRequest
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.types.content import Thought, ToolCall
from claude_nb.types.request import Message
from claude_nb.types.settings import Answer
from tests.helpers import binding
from tests.helpers.server import Server, answer

KEY = "0123456789abcdef0123456789abcdef"


def weather(city: str = "Oslo") -> str:
    """The weather in a city."""
    return f"18 degrees in {city}"


def time_in(city: str = "Oslo") -> str:
    """The time in a city."""
    return "12:00"


NATIVE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NATIVE |= {"additionalProperties": False}
CELLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "brief": {"system": "Be brief."},
    "long": {"system": "Be long."},
    "weather": {"tools": [weather], "yes": True},
    "time": {"tools": [time_in], "yes": True},
    "both": {"tools": [weather, time_in], "yes": True},
    "any json": {"json": True},
    "native json": {"json": NATIVE},
    "cache": {"cache": True},
    "cache and system": {"cache": True, "system": "Be brief."},
    "thinking": {"thinking": "on"},
    "effort": {"effort": "low"},
    "file": {"attach": b"some text"},
    "whole": {"whole": True},
    "sonnet": {"model": "sonnet-5.5", "thinking": "off"},
}


def session() -> Session:
    keys = {"AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", **keys}))


def thoughts(body: dict[str, Any]) -> int:
    blocks = [block for message in body["messages"] for block in message["content"] if isinstance(block, dict)]
    return sum(block["type"] == "thinking" for block in blocks)


def converse(live: Session, server: Server, *cells: str, provider: str = "anthropic") -> list[int]:
    """Ask once for each cell, and return how many thoughts each request carried."""
    first = len(server.requests)
    for cell in cells:
        options = {"model": "opus-5.5", **CELLS[cell]}
        live.ask("Why?", provider=provider, base_url=server.url, chat="trip", **options)
    return [thoughts(request.json) for request in server.requests[first:]]


@pytest.mark.parametrize(
    ("cells", "carried"),
    [
        (("plain", "plain", "plain"), [0, 1, 2]),
        (("brief", "long"), [0, 0]),
        (("brief", "long", "long", "brief"), [0, 0, 1, 1]),
        (("weather", "plain"), [0, 1, 0]),
        (("plain", "weather"), [0, 0, 1]),
        (("weather", "time"), [0, 1, 0, 1]),
        (("weather", "weather"), [0, 1, 2, 3]),
        (("plain", "any json", "plain"), [0, 0, 1]),
        (("any json", "plain"), [0, 0]),
        (("plain", "native json", "plain"), [0, 1, 2]),
        (("plain", "cache", "effort", "thinking", "file", "whole", "sonnet"), [0, 1, 2, 3, 4, 5, 6]),
        (("cache and system", "cache and system", "plain"), [0, 1, 2]),
    ],
)
def test_thoughts_are_sent_back_only_behind_what_they_were_signed_after(
    cells: tuple[str, ...], carried: list[int]
) -> None:
    with Server(binding.strict) as server:
        assert converse(session(), server, *cells) == carried


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(CELLS)), min_size=2, max_size=5), st.sampled_from(["anthropic", "aimlapi"]))
def test_no_order_of_cells_makes_a_request_that_the_server_rejects(cells: list[str], provider: str) -> None:
    with Server(binding.strict) as server:
        converse(session(), server, *cells, provider=provider)


def change_the_system(live: Session) -> None:
    live.configure(system="Be long.")


def change_a_message(live: Session) -> None:
    talk = live.conversations["trip"]
    first = talk.exchanges[0]
    live.conversations["trip"] = talk.amended(first.answer, Message("assistant", "No.", first.answer.parts))


@pytest.mark.parametrize("change", [change_the_system, change_a_message])
def test_a_change_between_two_cells_leaves_the_thoughts_behind_it_out(change: Callable[[Session], None]) -> None:
    live = session()
    with Server(binding.strict) as server:
        converse(live, server, "plain")
        change(live)
        converse(live, server, "plain", "plain")


def test_a_schema_that_moves_into_the_prompt_takes_the_thoughts_along() -> None:
    live = session()
    with Server(binding.strict) as server:
        converse(live, server, "plain", "native json")
        asked = live.request(
            "And?", model="opus-5.5", provider="anthropic", base_url=server.url, chat="trip", json=NATIVE
        )
        assert isinstance(asked.answer, Answer)
        from dataclasses import replace

        in_words = replace(asked, answer=replace(asked.answer, method="prompt"))
        live.run(in_words).wait()
    assert thoughts(server.requests[-1].json) == 0


def test_a_request_written_by_hand_keeps_its_thoughts() -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    said = Message("assistant", "Hello.", (Thought("Hm.", binding.signature(body, 1)),))
    live = session()
    with Server(binding.strict) as server:
        asked = live.request("Hi", model="opus-5.5", provider="anthropic", base_url=server.url)
        live.run(replace(asked, messages=(*asked.messages, said, *asked.messages))).wait()
    assert thoughts(server.requests[0].json) == 1


def test_a_thought_of_unknown_origin_that_the_server_rejects_is_left_out_in_a_second_try() -> None:
    said = Message("assistant", "Hello.", (Thought("Hm.", "signed elsewhere"),))
    live = session()
    with Server(binding.strict) as server:
        asked = live.request("Hi", model="opus-5.5", provider="anthropic", base_url=server.url)
        turn = live.run(replace(asked, messages=(*asked.messages, said, *asked.messages)))
        notices = [chunk.notice for chunk in turn.chunks() if chunk.notice]
    assert [thoughts(request.json) for request in server.requests] == [1, 0]
    assert notices == ["the server rejects earlier thinking; asking once more without it"]
    assert turn.reply
    assert turn.reply.complete


def test_a_server_that_goes_on_rejecting_is_asked_twice_only() -> None:
    said = Message("assistant", "Hello.", (Thought("Hm.", "signed elsewhere"),))
    refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": binding.WRONG.format(1, 0)}}
    live = session()
    with Server([answer(400, refusal)]) as server:
        asked = live.request("Hi", model="opus-5.5", provider="anthropic", base_url=server.url)
        with pytest.raises(BadRequest, match="Invalid `signature`"):
            live.run(replace(asked, messages=(*asked.messages, said, *asked.messages))).wait()
    assert len(server.requests) == 2


def test_what_thoughts_are_bound_to_is_neither_stored_nor_part_of_the_key() -> None:
    live = session()
    with Server(binding.strict) as server:
        reply = live.ask("Hi", model="opus-5.5", provider="anthropic", base_url=server.url)
    (thought,) = reply.parts
    assert isinstance(thought, Thought)
    assert thought.after
    assert thought == Thought(thought.text, thought.signature)
    assert "after" not in reply.to_dict()["parts"][0]
    assert not isinstance(thought, ToolCall)


def test_a_replayed_reply_is_bound_as_a_live_one(tmp_path: Any) -> None:
    keys = {"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}
    first, second = (Session(credentials=Credentials(keys)) for _ in range(2))
    where: dict[str, Any] = {"model": "opus-5.5", "provider": "anthropic", "chat": "trip"}
    with Server(binding.strict) as server:
        first.ask("Why?", base_url=server.url, **where)
        second.memory.replay("use")
        replayed = second.ask("Why?", base_url=server.url, **where)
        second.ask("And?", base_url=server.url, system="Be long.", **where)
        second.ask("And?", base_url=server.url, **{**where, "chat": None})
    assert replayed.source == "replay"
    assert [thoughts(request.json) for request in server.requests] == [0, 0, 0]

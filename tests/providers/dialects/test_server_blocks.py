"""Blocks of tools that run on the server, in streams of any shape."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from claude_nb.providers.dialects import messages
from claude_nb.providers.sse import Event
from claude_nb.types.content import Quotes, ServerBlock
from claude_nb.types.request import Chunk
from tests.helpers import searched

CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "a"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
CITATION = {"type": "web_search_result_location", "url": "https://a.org/", "title": "A", "cited_text": "So."}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
PING = {"type": "ping"}


def read(events: Iterable[dict[str, Any]]) -> list[Chunk]:
    return list(messages.MESSAGES.chunks(Event(event["type"], json.dumps(event)) for event in events))


def begin(block: dict[str, Any], **index: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "content_block": block, **index}


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "delta": fields}


def parts(chunks: Iterable[Chunk]) -> list[Any]:
    return [json.loads(chunk.part.block) for chunk in chunks if isinstance(chunk.part, ServerBlock)]


def quotes(chunks: Iterable[Chunk]) -> list[tuple[int, int]]:
    """Return the number of citations and characters of each piece that quotes something."""
    found = [chunk.part for chunk in chunks if isinstance(chunk.part, Quotes)]
    return [(len(json.loads(part.citations)), part.chars) for part in found]


@pytest.mark.parametrize("name", searched.NAMES)
def test_a_reply_in_one_piece_has_the_parts_of_its_stream(name: str) -> None:
    found = [chunk.part for chunk in messages.MESSAGES.whole(searched.message(name)) if chunk.part]
    assert tuple(found) == searched.parts(name)


def test_a_stream_may_leave_out_indexes_and_ends_of_blocks() -> None:
    text = begin({"type": "text", "text": "So "})
    cited = delta(type="citations_delta", citation=CITATION)
    chunks = read([begin(CALL), begin(FOUND), text, delta(type="text_delta", text="🙂"), cited, begin(CALL), END])
    assert parts(chunks) == [CALL, FOUND, CALL]
    assert quotes(chunks) == [(1, 4)]
    kinds = [type(chunk.part).__name__ if chunk.part else chunk.text for chunk in chunks if chunk.part or chunk.text]
    assert kinds == ["ServerBlock", "ServerBlock", "So ", "🙂", "Quotes", "ServerBlock"]


def test_citations_may_stand_in_the_beginning_of_a_block() -> None:
    block = {"type": "text", "text": "So", "citations": [CITATION, CITATION]}
    assert quotes(read([begin(block, index="0"), {"type": "content_block_stop", "index": 0}, END])) == [(2, 2)]


@pytest.mark.parametrize(
    ("pieces", "given", "sent"),
    [
        (['{"query": ', '"b"}'], {}, {"query": "b"}),
        ([""], {"query": "a"}, {"query": "a"}),
        (['{"query": '], {}, {}),
        (["[1]"], {"query": "a"}, {"query": "a"}),
        (["[" * 9000], {}, {}),
    ],
)
def test_the_input_of_a_call_comes_at_once_or_in_pieces(pieces: list[str], given: Any, sent: Any) -> None:
    deltas = [delta(type="input_json_delta", partial_json=piece) for piece in pieces]
    assert parts(read([begin(CALL | {"input": given}), *deltas, END])) == [CALL | {"input": sent}]


def test_tools_that_nobody_knows_yet_are_kept_too() -> None:
    call = {"type": "server_tool_use", "id": "s", "name": "bash_code_execution", "input": {"command": "ls"}}
    result = {"type": "bash_code_execution_tool_result", "tool_use_id": "s", "content": {"stdout": "x"}}
    assert parts(read([begin(call), begin(result), END])) == [call, result]


@pytest.mark.parametrize(
    ("block", "notice"),
    [
        (CALL, 'searching the web: "a"'),
        (CALL | {"name": "web_fetch", "input": {"url": "https://a.org/\x1b[2J\n"}}, 'reading: "https://a.org/␛[2J"'),
        (CALL | {"input": {"query": "x" * 500}}, f'searching the web: "{"x" * 139}…'),
        (CALL | {"input": {"query": 5}}, "searching the web"),
        (FOUND | {"content": [{}, {}]}, "2 results"),
        (FOUND | {"content": {"error_code": "max_uses_exceeded"}}, "web search: max uses exceeded"),
    ],
)
def test_what_the_server_does_is_shown_until_the_model_writes(block: dict[str, Any], notice: str) -> None:
    stop = {"type": "content_block_stop"}
    chunks = read([begin(block), stop, PING, PING, begin({"type": "text", "text": "So"}), END])
    told = [chunk.notice for chunk in chunks]
    shown = told[told.index(notice) : -2]
    assert shown == [notice] * len(shown)
    assert len(shown) >= 3  # the pings do not clear it
    assert told[-2:] == [None, None]


def test_a_search_counts_as_soon_as_it_has_an_answer() -> None:
    failed = FOUND | {"content": {"type": "web_search_tool_result_error", "error_code": "unavailable"}}
    chunks = read([begin(CALL), begin(FOUND), begin(CALL), begin(failed), begin(CALL), begin(FOUND)])
    assert [chunk.usage.web_searches for chunk in chunks if chunk.usage] == [1, 2]


def test_a_block_that_is_nested_without_end_is_left_out() -> None:
    deep: Any = json.loads('{"a":' * 800 + "1" + "}" * 800)
    text = begin({"type": "text", "text": "So"})
    cited = delta(type="citations_delta", citation={**CITATION, "a": deep})
    chunks = read([begin({**CALL, "input": deep}), begin({**FOUND, "content": [deep]}), text, cited, END])
    assert parts(chunks) == []
    assert quotes(chunks) == [(0, 2)]

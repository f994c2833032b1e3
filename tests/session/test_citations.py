"""Attached documents that a reply may quote: what is sent, what goes back, and where it may not be."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from claude_nb.errors import PromptError
from claude_nb.providers import registry
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.types.request import Request
from tests.helpers import STREAMS, asking, searched
from tests.helpers.server import Server, answer, stream

KEY = "0123456789abcdef0123456789abcdef"
PDF = b"%PDF-1.4 x"
ON = {"enabled": True}
ELSEWHERE = {"provider": "openai-compatible", "model": "m", "base_url": "http://localhost:1/v1"}
ITEM = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def session() -> Session:
    keys = {"AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", **keys}))


def body(**options: Any) -> dict[str, Any]:
    request = session().request("Why?", **{"provider": "anthropic", "model": "sonnet-5.5", **options})
    return registry.preview(request, stream=True)[1]


def test_documents_are_sent_whole_with_their_names_and_may_be_quoted() -> None:
    text = "Grün ist das Gras.  \n\n"
    content = body(attach=[PDF, text.encode()], cite=True)["messages"][0]["content"]
    pdf, note, prompt = content
    assert pdf == {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(PDF).decode()},
        "title": "data",
        "citations": ON,
    }
    assert note == {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": text},  # each character counts
        "title": "data",
        "citations": ON,
    }
    assert prompt == {"type": "text", "text": "Why?"}


def test_without_cite_the_body_is_what_it_was() -> None:
    content = body(attach=[PDF, b"text"])["messages"][0]["content"]
    assert [block["type"] for block in content] == ["document", "text", "text"]
    assert not any("citations" in block or "title" in block for block in content)
    assert "cite" not in session().request("Why?", provider="anthropic", attach=b"text").to_dict()


def test_a_table_is_a_document_too() -> None:
    import pandas

    [table, _] = body(attach=[pandas.DataFrame({"name": ["Ada"]})], cite=True)["messages"][0]["content"]
    assert (table["type"], table["citations"]) == ("document", ON)


def test_all_documents_of_a_conversation_may_be_quoted_or_none() -> None:
    live = session()
    with Server([asking.messages("Yes.", stop="end_turn")]) as server:
        options = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "chat": "trip"}
        live.ask("Read this.", attach=PDF, **options)
        live.ask("And that.", attach=b"text", cite=True, **options)
        live.ask("Sum it up.", **options)
    contents = [[message["content"] for message in request.json["messages"]] for request in server.requests]
    documents = [
        [block.get("citations") for content in found for block in content if "source" in block] for found in contents
    ]
    assert documents == [[None], [ON, ON], [None]]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("by", [None, 1])
def test_quotes_go_back_as_they_came_while_documents_may_be_quoted(whole: bool, by: int | None) -> None:
    live, message = session(), searched.message("messages-citations")
    first = stream(
        (STREAMS / "messages-citations.sse").read_bytes(), by=by, headers={"content-type": "text/event-stream"}
    )
    scenario = [answer(200, message) if whole else first, asking.messages("Yes.", stop="end_turn")]
    with Server(scenario) as server:
        options = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "chat": "trip"}
        reply = live.ask("What is in them?", attach=[PDF, b"Das Gras ist gruen."], cite=True, whole=whole, **options)
        live.ask("Sure?", cite=True, **options)
        live.ask("And without?", **options)
    for block in message["content"]:
        for citation in block.get("citations", ()):
            citation.pop("file_id")
    assert server.requests[1].json["messages"][1]["content"] == message["content"]
    assert server.requests[2].json["messages"][1]["content"] == searched.text("messages-citations")
    assert [quote.number for quote in reply.citations] == [1, 2, 3]
    assert reply.citations[0].pages == (5, 5)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "--cite needs a document to quote; attach a PDF or a text with -a, or leave out --cite"),
        ({"attach": PDF, "json": ITEM}, "the API takes no --json together with --cite; leave out one of the two"),
        ({"attach": PDF, "provider": "aimlapi"}, "aimlapi has no field for --cite; use -p anthropic, or leave out"),
        ({"attach": PDF, "provider": "demo", "model": "demo"}, "demo has no field for --cite"),
        (ELSEWHERE | {"attach": PDF}, "openai-compatible has no field for --cite"),
    ],
)
def test_quotes_that_cannot_be_are_refused_in_one_line(options: dict[str, Any], line: str) -> None:
    with pytest.raises(PromptError, match=line) as refusal:
        session().request("Why?", **{"provider": "anthropic", "model": "sonnet-5.5", "cite": True, **options})
    assert "\n" not in str(refusal.value)


def test_a_schema_that_is_asked_for_in_words_goes_with_quotes() -> None:
    assert body(attach=PDF, json=True, cite=True)["messages"][0]["content"][0]["citations"] == ON


def test_a_request_with_quotes_can_be_stored() -> None:
    request = session().request("Why?", provider="anthropic", model="sonnet-5.5", attach=PDF, cite=True)
    assert Request.from_dict(request.to_dict()) == request
    assert request.params["cite"] == "on"

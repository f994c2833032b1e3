"""Replies of the Messages API with blocks of server tools: the recorded streams, and what they mean."""

from __future__ import annotations

import json
from typing import Any

from claude_nb.types.content import Container, Part, Quotes, ServerBlock
from tests.helpers import STREAMS

NAMES = ("messages-search", "messages-fetch-pause", "messages-citations", "messages-code")


def message(name: str) -> dict[str, Any]:
    """Return a recorded stream as the body of a reply in one piece."""
    body: dict[str, Any] = {}
    pieces: dict[int, str] = {}
    for line in (STREAMS / f"{name}.sse").read_text(encoding="utf-8").splitlines():
        event = json.loads(line[6:]) if line.startswith("data: ") else {"type": ""}
        if event["type"] == "message_start":
            body = event["message"] | {"content": []}
        elif event["type"] == "content_block_start":
            body["content"].append(event["content_block"])
        elif event["type"] == "content_block_delta":
            block, delta = body["content"][event["index"]], event["delta"]
            if delta["type"] == "text_delta":
                block["text"] += delta["text"]
            elif delta["type"] == "citations_delta":
                block["citations"] = [*block.get("citations", ()), delta["citation"]]
            else:
                pieces[event["index"]] = pieces.get(event["index"], "") + delta["partial_json"]
        elif event["type"] == "message_delta":
            body |= event["delta"]
            body["usage"] |= event["usage"]
    for index, text in pieces.items():
        body["content"][index]["input"] = json.loads(text)
    return body


def parts(name: str) -> tuple[Part, ...]:
    """Return the parts of a recorded stream."""
    found: list[Part] = []
    for block in message(name)["content"]:
        if block["type"] != "text":
            found.append(ServerBlock(json.dumps(block)))
        elif block.get("citations"):
            found.append(Quotes(json.dumps(block["citations"]), len(block["text"])))
    if container := message(name).get("container"):
        found.append(Container(container["id"]))
    return tuple(found)


def text(name: str) -> str:
    return "".join(block.get("text", "") for block in message(name)["content"])

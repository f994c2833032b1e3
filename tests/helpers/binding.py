"""A strict server of the Messages API: it signs its thoughts, and checks each one that comes back.

A signature covers the system prompt, the tools and all messages before the thought, as the current models have it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.helpers import asking, replies
from tests.helpers.server import Recorded, Scenario, answer

WRONG = (
    "messages.{}.content.{}: Invalid `signature` in `thinking` block. The block is bound to a different conversation."
)


def strict(request: Recorded) -> Scenario:
    """Answer with a signed thought, or with 400. A model that may call weather() does so once in each turn."""
    body = request.json
    if request.path.endswith("/chat/completions"):  # which has no thoughts
        return replies.chat(['{"city": "Oslo"}'])
    if wrong := fault(body):
        return answer(400, {"type": "error", "error": {"type": "invalid_request_error", "message": wrong}})
    last = body["messages"][-1]
    is_result = isinstance(last["content"], list) and last["content"][0]["type"] == "tool_result"
    names = [tool["name"] for tool in body.get("tools", ())]
    call = [asking.Ask(f"toolu_{len(body['messages'])}", names[0])] if names and not is_result else []
    text = '{"city": "Oslo"}' if '"format"' in json.dumps(body) or "JSON" in json.dumps(body) else "Well. "
    signed = asking.Thinks("Hm.", signature(body, len(body["messages"])))
    stop = "tool_use" if call else "end_turn"
    return asking.messages("Let me look. \n" if call else text, *call, stop=stop, thinks=signed)


def fault(body: dict[str, Any]) -> str | None:
    """Return what the server says of the first thought that is bound to something else."""
    for place, message in enumerate(body["messages"]):
        for index, block in enumerate(message["content"] if isinstance(message["content"], list) else ()):
            if block["type"] == "thinking" and block["signature"] != signature(body, place):
                return WRONG.format(place, index)
            if block["type"] == "thinking" and block.keys() != {"type", "thinking", "signature"}:
                return "Extra inputs are not permitted"
    return None


def signature(body: dict[str, Any], before: int) -> str:
    """Return the signature of a thought in the message of this number."""
    plain = {"system": body.get("system"), "tools": body.get("tools"), "messages": body["messages"][:before]}
    text = json.dumps(_unmarked(plain), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _unmarked(value: Any, name: str = "") -> Any:
    """Write texts as blocks, and leave out marks for the cache: neither is part of a conversation."""
    if isinstance(value, str) and name in ("system", "content"):
        return [{"type": "text", "text": value}]
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    if isinstance(value, dict):
        return {key: _unmarked(item, key) for key, item in value.items() if key != "cache_control"}
    return value

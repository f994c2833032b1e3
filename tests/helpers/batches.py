"""The Batches API on loopback, as Anthropic and AI/ML API have it. A test says when a batch ends, and how.

    api = BatchApi()
    with Server(api) as server:
        ... send a batch to server.url ...
        api.end(fates={"b": "expired"})

api.batches holds the batches by id, api.polls counts the questions for a state, api.faults are answered first.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.helpers.server import Recorded, Reset, Scenario, Send, answer, head

HOUR = {"created_at": "2026-11-29T12:00:00.123456+00:00", "expires_at": "2026-11-30T12:00:00.123456+00:00"}


def message(text: str, **fields: Any) -> dict[str, Any]:
    """A message as the result of a request: 100 tokens in, 10 out."""
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "model": "claude-sonnet-4-6",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 100, "output_tokens": 10, "service_tier": "batch"},
        **fields,
    }


def refusal(words: str) -> dict[str, Any]:
    """The result of a request that the server found wrong."""
    error = {"type": "invalid_request_error", "message": words}
    return {"type": "errored", "error": {"type": "error", "error": error, "request_id": "req_1"}}


@dataclass
class Kept:
    """A batch at the server."""

    id: str
    requests: list[dict[str, Any]]
    status: str = "in_progress"
    fates: dict[str, Any] = field(default_factory=dict)
    results_url: str | None = None
    created: dict[str, Any] = field(default_factory=lambda: dict(HOUR))

    def prompts(self) -> list[str]:
        return [prompt(request) for request in self.requests]


def prompt(request: dict[str, Any]) -> str:
    content = request["params"]["messages"][-1]["content"]
    return str(content if isinstance(content, str) else content[-1]["text"])


@dataclass
class BatchApi:
    """Answers requests of the Batches API.

    aimlapi    one address for the state and the results, and no list
    ends       batches end at this question for the state; None: when the test says so
    faults     answers to the next requests of a kind: {"POST": [...], "state": [...], "results": [...]}
    lost       create the next batches, and break the connection instead of answering
    reply      the text of a reply to a prompt
    """

    aimlapi: bool = False
    ends: int | None = None
    faults: dict[str, list[Scenario]] = field(default_factory=dict)
    lost: int = 0
    reply: Callable[[str], str] = lambda text: f"reply to {text}"
    batches: dict[str, Kept] = field(default_factory=dict)
    polls: int = 0
    polled: threading.Event = field(default_factory=threading.Event)
    created: dict[str, Any] = field(default_factory=lambda: dict(HOUR))
    order: Callable[[list[str]], list[str]] = lambda lines: lines[::-1]

    def __call__(self, request: Recorded) -> Scenario:
        path, _, query = request.path.partition("?")
        parts = path.removeprefix("/v1").removeprefix("/messages").removeprefix("/batches").strip("/").split("/")
        words = [part for part in parts if part not in ("", "cancel", "results", "r")]
        batch_id = query.removeprefix("batch_id=") if "batch_id" in query else "".join(words)
        kind = self._kind(request.method, parts, batch_id)
        if self.faults.get(kind):
            return self.faults[kind].pop(0)
        if kind == "POST":
            return self._create(request.json["requests"])
        if kind == "list":
            return answer(200, {"data": [self._state(batch) for batch in reversed(self.batches.values())]})
        batch = self.batches.get(batch_id)
        if batch is None:
            return answer(404, {"type": "error", "error": {"type": "not_found_error", "message": "no such batch"}})
        return {"cancel": self._cancel, "state": self._polled, "results": self._results}[kind](batch)

    def _kind(self, method: str, parts: list[str], batch_id: str) -> str:
        if method == "POST":
            return "cancel" if "cancel" in parts else "POST"
        if parts[-1] == "results" or parts[0] == "r":
            return "results"
        return "state" if batch_id else "list"

    def _cancel(self, batch: Kept) -> Scenario:
        if batch.status == "ended":
            return answer(400, {"type": "error", "error": {"type": "invalid_request_error", "message": "it ended"}})
        batch.status = "canceling"
        return answer(200, self._state(batch))

    def _polled(self, batch: Kept) -> Scenario:
        self.polls += 1
        if self.ends == self.polls:
            self.end()
        self.polled.set()
        has_ended = self.aimlapi and batch.status == "ended"
        return self._results(batch) if has_ended else answer(200, self._state(batch))

    def _results(self, batch: Kept) -> Scenario:
        lines = self.order([json.dumps(self._result(batch, each)) for each in batch.requests])
        body = "".join(f"{line}\n" for line in lines if line != "null").encode()
        return answer(200, body, content_type="application/x-jsonl")

    def end(self, batch_id: str | None = None, fates: Mapping[str, Any] | None = None, **changes: Any) -> None:
        """End a batch, or all. fates: by prompt "expired", "canceled", None (no line), or a whole result."""
        for batch in [self.batches[batch_id]] if batch_id else self.batches.values():
            canceled = dict.fromkeys(batch.prompts(), "canceled") if batch.status == "canceling" else {}
            batch.fates |= {**canceled, **(fates or {})}
            batch.status = "ended"
            for name, value in changes.items():
                setattr(batch, name, value)

    def _create(self, requests: list[dict[str, Any]]) -> Scenario:
        batch = Kept(f"msgbatch_{len(self.batches) + 1:02}", requests, created=dict(self.created))
        self.batches[batch.id] = batch
        if self.lost:
            self.lost -= 1
            return [Reset()]
        return answer(200, self._state(batch))

    def _state(self, batch: Kept) -> dict[str, Any]:
        counts = {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        for each in batch.requests:
            fate = batch.fates.get(prompt(each), "succeeded")
            fate = fate if isinstance(fate, str) and fate in counts else "errored"
            counts["processing" if batch.status != "ended" else fate] += 1
        own = f"/v1/messages/batches/{batch.id}/results" if batch.status == "ended" else None
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": batch.status,
            "request_counts": counts,
            "results_url": batch.results_url or own,
            "ended_at": None,
            "archived_at": None,
            "cancel_initiated_at": None,
            **batch.created,
        }

    def _result(self, batch: Kept, each: dict[str, Any]) -> dict[str, Any] | None:
        fate = batch.fates.get(prompt(each), "succeeded")
        if fate is None:
            return None
        result = fate if isinstance(fate, dict) else {"type": fate}
        if fate == "succeeded":
            result["message"] = message(self.reply(prompt(each)))
        return {"custom_id": each["custom_id"], "result": result}


def cut(body: bytes, length: int) -> Scenario:
    """Results that break off: more bytes are announced than come."""
    return [Send(head(200, {"content-length": str(length)}, "application/x-jsonl") + body), Reset()]

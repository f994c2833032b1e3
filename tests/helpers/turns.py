"""Requests, recorded replies and whole turns for tests of the history and of replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from claude_nb.storage.entries import Recorded
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request, Usage
from claude_nb.types.settings import Sampling

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def ask(prompt: str = "Why is the sky blue?", **fields: object) -> Request:
    return Request("demo", "demo", (Message("user", prompt),), **fields)  # type: ignore[arg-type]  # from the test


def kept(store: Store, request: Request, text: str = "Because of Rayleigh.", **names: str) -> int:
    """A whole turn; the id of its row."""
    row_id = store.begin(request, **names)
    assert row_id is not None
    store.finish(row_id, Reply(request, text=text))
    return row_id


def recorded(prompt: str = "Hi", text: str = "Hello there.", *, repeat: int = 0, **fields: object) -> Recorded:
    sampling = Sampling(temperature=0.5, stop_sequences=("END",), seed=-3)
    request = Request("demo", "demo", (Message("user", prompt),), "Be kind.", sampling, repeat=repeat)
    reply = Reply(request, text, "hm", Usage(3, 4), seconds=2.0, first_token_s=0.5, created_at=WHEN)
    return Recorded(replace(reply, **fields), ((0.5, 5), (1.0, 8)))  # type: ignore[arg-type]  # from the test

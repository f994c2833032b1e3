"""Requests and whole turns for tests of the history."""

from __future__ import annotations

from claude_nb.store import Store
from claude_nb.values import Message, Reply, Request


def ask(prompt: str = "Why is the sky blue?", **fields: object) -> Request:
    return Request("demo", "demo", (Message("user", prompt),), **fields)  # type: ignore[arg-type]  # from the test


def kept(store: Store, request: Request, text: str = "Because of Rayleigh.", **names: str) -> int:
    """A whole turn; the id of its row."""
    row_id = store.begin(request, **names)
    assert row_id is not None
    store.finish(row_id, Reply(request, text=text))
    return row_id

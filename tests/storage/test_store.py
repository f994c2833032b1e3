"""The history: what is written is there, nobody else can read it, and no trouble with the disk reaches the user."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.storage import database
from claude_nb.storage.entries import Row
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Usage
from claude_nb.types.settings import Sampling
from tests.helpers.turns import ask, kept


def test_a_reply_comes_back_as_it_was(store: Store) -> None:
    request = ask(system="Be brief.", sampling=Sampling(temperature=0.2, stop_sequences=("a", "b"), seed=-1), repeat=2)
    reply = Reply(
        request, "text", "thoughts", Usage(3, 4, cost_usd=0.1), "max_tokens", "length", 1.5, 0.5, request_id="r"
    )
    row_id = store.begin(request, notebook="n.ipynb", variable="reply", chat="c")
    store.finish(row_id, reply, ((0.25, 2), (1.5, 4)))
    assert store.get(row_id or 0) == Row(row_id or 0, reply, ((0.25, 2), (1.5, 4)), "n.ipynb", "reply", "c")


def test_the_prompt_is_kept_before_anything_comes_back(store: Store) -> None:
    row_id = store.begin(ask())
    row = Store(store.path, warn=print).get(row_id or 0)
    assert row is not None
    assert (row.reply.prompt, row.reply.text, row.reply.stop_reason) == ("Why is the sky blue?", "", "interrupted")
    assert row.running


def test_the_text_so_far_is_kept_while_it_streams(store: Store) -> None:
    row_id = store.begin(ask())
    for text in ("Be", "Becau", "Because"):
        store.progress(row_id, text, "hm" + text)
    row = Store(store.path, warn=print).get(row_id or 0)
    assert row is not None
    assert (row.reply.text, row.reply.thinking) == ("Because", "hmBecause")


def test_many_replies_in_one_write_end_in_their_own_rows(store: Store, path: Path) -> None:
    asked = [ask(f"prompt {number}") for number in range(250)]
    ids = store.rows_of(store.begin_all(asked, notebook="n.ipynb"))
    store.progress(ids[3], "half a reply")
    store.forget(ids[7])
    replies = [Reply(request, f"reply to {request.prompt}") for request in asked]
    for row_id, reply in zip(ids, replies, strict=True):
        store.finish(row_id, reply, ((0.5, 8),), delay_s=60)
    store.flush(10)
    found = {row.id: (row.reply, row.rhythm, row.notebook) for row in store.recent(None)}
    assert found == {
        row_id: (reply, ((0.5, 8),), "n.ipynb") for row_id, reply in zip(ids, replies, strict=True) if row_id != ids[7]
    }
    assert [row.id for row in store.recent(search="prompt 249")] == [ids[249]]
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM pieces").fetchone() == (0,)
    assert store.known([request.key for request in asked] + ["none"]) == {request.key for request in asked} - {
        asked[7].key
    }


def test_more_keys_are_looked_up_than_fit_in_a_statement(store: Store) -> None:
    asked = [ask(f"prompt {number}") for number in range(1200)]
    store.rows_of(store.begin_all(asked))
    assert store.known(request.key for request in asked) == {request.key for request in asked}


def test_progress_writes_only_what_is_new(store: Store, path: Path) -> None:
    row_id = store.begin(ask())
    for length in range(0, 100_000, 1000):
        store.progress(row_id, "x" * length)
    assert path.stat().st_size < 250_000


def test_nothing_is_made_before_the_first_prompt(store: Store, path: Path) -> None:
    assert (store.recent(), store.get(1), store.find(ask()), store.latest("n"), store.forget(1)) == (
        [],
        None,
        None,
        {},
        0,
    )
    assert not path.parent.exists()


def test_a_turn_that_could_not_begin_needs_no_special_care(store: Store, path: Path) -> None:
    store.progress(None, "text")
    store.finish(None, Reply(ask()))
    assert not path.exists()


# Find


def test_the_newest_equal_request_is_found(store: Store) -> None:
    kept(store, ask(), "old")
    kept(store, ask(), "new")
    kept(store, ask("other"), "other")
    found = store.find(ask())
    assert found is not None
    assert found.reply.text == "new"


def test_repeats_are_told_apart(store: Store) -> None:
    for repeat in range(10):
        kept(store, ask(repeat=repeat), str(repeat))
    found = [store.find(ask(repeat=repeat)) for repeat in range(10)]
    assert [one and one.reply.text for one in found] == [str(repeat) for repeat in range(10)]


@pytest.mark.parametrize("unfit", [{"stop_reason": "interrupted"}, {"stop_reason": "error"}, {"source": "replay"}])
def test_a_broken_or_replayed_reply_is_never_replayed(store: Store, unfit: dict[str, str]) -> None:
    row_id = store.begin(ask())
    assert store.find(ask()) is None
    store.finish(row_id, replace(Reply(ask(), "text"), **unfit))  # type: ignore[arg-type]  # one of the fields above
    assert store.find(ask()) is None


def test_a_row_that_claims_another_request_is_not_believed(store: Store, path: Path) -> None:
    row_id = kept(store, ask("harmless"))
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE replies SET key = ? WHERE id = ?", (ask("mine").key, row_id))
    assert store.find(ask("mine")) is None


# Any text


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=40), st.integers(0, 40))
def test_any_text_survives(prompt: str, text: str, cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        said: list[str] = []
        store = Store(Path(folder) / "h.db", warn=said.append)
        row_id = store.begin(ask(prompt), notebook=prompt, variable=text) or 0
        store.progress(row_id, text[:cut], prompt)
        store.progress(row_id, text, prompt)
        row = store.get(row_id)
        assert row is not None
        assert row.reply.text == whole(text)
        assert row.reply.thinking == whole(prompt)
        store.finish(row_id, Reply(ask(prompt), text))
        found = store.find(ask(prompt))
        assert found is not None
        assert (found.reply.text, found.reply.prompt) == (whole(text), whole(prompt))
        store.recent(search=prompt)
        assert said == []


def whole(text: str) -> str:
    """Two halves of a character that stand side by side are that character, as in any JSON."""
    return re.sub(
        "[\ud800-\udbff][\udc00-\udfff]", lambda two: two[0].encode("utf-16", "surrogatepass").decode("utf-16"), text
    )


def test_flush_writes_at_once_what_was_to_wait(store: Store) -> None:
    row_id = store.begin(ask())
    store.finish(row_id, Reply(ask(), "Because."), delay_s=3600)
    store.flush(60)
    row = store.get(row_id or 0)
    assert row is not None
    assert (row.running, row.reply.text) == (False, "Because.")


def test_an_interrupt_while_the_prompt_is_written_leaves_no_row(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("claude_nb.storage.store.result_of", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.begin(ask())
    store.begin(ask("the next"))  # in order, so that the interrupted one is written by now
    store.flush(60)
    assert [row.reply.prompt for row in store.recent()] == ["the next"]


def test_a_warning_comes_from_the_thread_that_waits_for_the_write(tmp_path: Path) -> None:
    """In a notebook the thread decides below which cell the warning is shown."""
    threads: list[threading.Thread] = []
    store = Store(tmp_path, warn=lambda _: threads.append(threading.current_thread()))
    assert store.begin(ask()) is None
    assert threads == [threading.current_thread()]


# Damaged files


def test_set_aside_files_are_named_and_deleted_with_their_journals(store: Store, path: Path) -> None:
    assert (store.set_aside(), store.erase_set_aside()) == ([], 0)
    kept(store, ask())
    damaged = "history-damaged-20260102-030405-123456.db"
    others = [
        "history-damaged-notes.db",
        "other-damaged-20260102-030405-123456.db",
        f"{damaged}.txt",
        "history.db-lock",
    ]
    for name in (damaged, f"{damaged}-journal", f"{damaged}-wal", *others):
        path.with_name(name).touch()
    path.with_name("history-damaged-20260102-030405-999999.db").symlink_to("history.db")
    assert store.set_aside() == [damaged]
    assert store.erase_set_aside() == 1
    left = {file.name for file in path.parent.iterdir()}
    assert not [name for name in left if name.startswith(damaged) and not name.endswith(".txt")]
    assert left >= {"history.db", "history-damaged-20260102-030405-999999.db", *others}
    assert len(store.recent()) == 1


def test_many_calls_cost_few_statements(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a sweep makes them: prompts in portions, and replies with the next prompts. Opening the file costs most."""
    statements: list[str] = []
    connect = database.connect

    def listening(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.set_trace_callback(statements.append)
        return connection

    kept(store, ask())
    monkeypatch.setattr(database, "connect", listening)
    for portion in range(50):
        asked = [ask(f"prompt {portion} {number}") for number in range(20)]
        for row_id, request in zip(store.rows_of(store.begin_all(asked)), asked, strict=True):
            store.finish(row_id, Reply(request, "a reply"), delay_s=60)
    store.flush(60)
    assert statements.count("BEGIN IMMEDIATE") == 51
    own = [line for line in statements if not line.startswith("--")]  # those of the full-text table have a mark
    assert len(own) <= 51 * 21
    assert len(store.recent(None)) == 1001

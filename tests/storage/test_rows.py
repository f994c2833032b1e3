"""Looking back at the history: searched, recorded, forgotten, and healed after a kernel died."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import datetime, timezone
from pathlib import Path

import pytest

from claude_nb.storage import rows
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from tests.helpers.turns import ask, kept

# Look back


def test_recent_is_newest_first_and_can_be_narrowed(store: Store) -> None:
    ids = [kept(store, ask(), notebook=f"n{n % 2}", chat="c", variable="a") for n in range(6)]
    assert [row.id for row in store.recent(2)] == ids[:-3:-1]
    assert [row.id for row in store.recent(None, notebook="n0", chat="c")] == [ids[4], ids[2], ids[0]]
    assert store.recent(0) == []


@pytest.mark.parametrize(
    "words", ["rayleigh", "sky RAYL", "because blue", "ayleig", "Rayleigh.", '"sky', "sky*", "blue?"]
)
def test_search_finds_all_the_words_in_prompt_and_reply(store: Store, words: str) -> None:
    kept(store, ask("What is a cat?"), "An animal.")
    row_id = kept(store, ask())
    assert [row.id for row in store.recent(search=words)] == [row_id]


@pytest.mark.parametrize("words", ["cat AND sky", "NOT sky", "prompt:sky", "sky NEAR blue", "missing", '" OR "" OR "'])
def test_a_search_word_is_never_an_operator(store: Store, words: str) -> None:
    kept(store, ask())
    assert store.recent(search=words) == []


def test_search_finds_words_that_no_space_sets_apart(store: Store) -> None:
    row_id = kept(store, ask("空はなぜ青いのですか"))
    assert [row.id for row in store.recent(search="青い")] == [row_id]


def test_a_damaged_index_loses_no_reply(store: Store, path: Path, warnings: list[str]) -> None:
    kept(store, ask())
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE word_index_data SET block = x'ffffffffffff'")
    row_id = kept(store, ask("second"))
    assert [row.id for row in store.recent(search="second")] == [row_id]
    assert not warnings


def test_the_newest_reply_of_each_variable_can_be_restored(store: Store) -> None:
    for variable, text in (("a", "1"), ("b", "2"), ("a", "3")):
        kept(store, ask(), text, notebook="n", variable=variable)
    kept(store, ask(), "elsewhere", notebook="m", variable="a")
    assert {name: row.reply.text for name, row in store.latest("n").items()} == {"a": "3", "b": "2"}


def test_what_is_recorded_is_complete_and_in_the_order_of_the_notebook(store: Store) -> None:
    kept(store, ask("1"), notebook="n")
    store.finish(store.begin(ask("cut"), notebook="n"), Reply(ask("cut"), stop_reason="interrupted"))
    kept(store, ask("2"), notebook="n")
    store.begin(ask("running"), notebook="n")
    assert [one.reply.prompt for one in store.recorded("n")] == ["1", "2"]


def test_without_a_notebook_only_this_kernel_is_recorded(store: Store, path: Path) -> None:
    left = kept(store, ask("private"), notebook="another")
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE replies SET owner = 'host/1/other kernel' WHERE id = ?", (left,))
    kept(store, ask("mine"))
    assert [one.reply.prompt for one in store.recorded()] == ["mine"]


def test_an_id_that_cannot_be_is_just_not_there(store: Store, warnings: list[str]) -> None:
    kept(store, ask())
    assert [(store.get(row_id), store.forget(row_id)) for row_id in (0, -1, 10**30, -(10**30))] == [(None, 0)] * 4
    assert not warnings


def test_a_replayed_reply_is_recorded_as_it_was_first_given(store: Store) -> None:
    kept(store, ask(), notebook="old name")
    store.finish(store.begin(ask(), notebook="n"), Reply(ask(), "played", source="replay"))
    assert [(one.reply.source, one.reply.text) for one in store.recorded("n")] == [("live", "Because of Rayleigh.")]


# Forget


def test_forgotten_words_are_gone_from_the_file(store: Store, path: Path) -> None:
    keep = kept(store, ask("keep me"))
    gone = kept(store, ask("zanzibar"), "mulberry " * 3000)
    assert store.forget(gone) == 1
    assert [row.id for row in store.recent(None)] == [keep]
    for file in path.parent.iterdir():
        assert b"zanzibar" not in file.read_bytes()
        assert b"mulberry" not in file.read_bytes()


def test_forgetting_before_a_date_keeps_what_came_after(path: Path) -> None:
    now = [1_000_000.0]
    store = Store(path, warn=print, clock=lambda: now[0])
    kept(store, ask())
    now[0] += 100
    newer = kept(store, ask())
    assert store.forget(before=datetime.fromtimestamp(1_000_050, timezone.utc)) == 1
    assert [row.id for row in store.recent()] == [newer]
    assert store.forget(everything=True) == 1
    assert kept(store, ask()) > newer, "an id is never used twice"


def test_a_row_forgotten_while_it_runs_stays_forgotten(store: Store) -> None:
    row_id = store.begin(ask())
    store.forget(everything=True)
    store.progress(row_id, "text")
    store.finish(row_id, Reply(ask(), "text"))
    assert store.recent() == []
    assert store.forget() == 0


# Rows of the dead


def left_running(path: Path, owner: str, at_s: float = 1_000_000.0) -> int:
    """A row as another process would have left it."""
    writer = Store(path, warn=print, clock=lambda: at_s)
    row_id = writer.begin(ask("left"))
    writer.progress(row_id, "so far")
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE replies SET owner = ? WHERE id = ?", (owner, row_id))
    return row_id or 0


HOST = rows.owner().rsplit("/", 2)[0]


@pytest.mark.parametrize(
    ("owner", "silent_s", "running"),
    [
        (f"{HOST}/{2**22 + 1}/abc", 10, False),  # above the largest process number of Linux
        (f"{HOST}/{os.getpid()}/earlier", 10, False),
        (f"{HOST}/1/abc", 10, True),
        (f"{HOST}/1/abc", 4000, False),
        ("elsewhere/5/abc", 10, True),
        ("elsewhere/5/abc", 4000, False),
        ("", 10, True),
        (rows.owner(), 10, True),
        (rows.owner(), 4000, False),
    ],
    ids=["gone", "earlier", "first", "first-silent", "elsewhere", "elsewhere-silent", "nobody", "this", "this-silent"],
)
def test_a_row_left_by_the_dead_is_closed_at_the_next_start(
    path: Path, owner: str, silent_s: float, running: bool
) -> None:
    row_id = left_running(path, owner)
    later = Store(path, warn=print, clock=lambda: 1_000_000 + silent_s)
    later.begin(ask("new"))
    row = later.get(row_id)
    assert row is not None
    assert (row.running, row.reply.stop_reason, row.reply.text) == (running, "interrupted", "so far")
    assert [found.id for found in later.recent(search="left so far")] == [row_id]


def test_a_living_turn_that_was_taken_for_dead_goes_on(path: Path) -> None:
    now = [1_000_000.0]
    store = Store(path, warn=print, clock=lambda: now[0])
    row_id = store.begin(ask()) or 0
    store.progress(row_id, "one ")
    now[0] += 5000
    Store(path, warn=print, clock=lambda: now[0]).begin(ask("healer"))
    store.progress(row_id, "one two ")
    row = store.get(row_id)
    assert row is not None
    assert (row.running, row.reply.text) == (True, "one two ")
    store.finish(row_id, Reply(ask(), "one two three"))
    row = store.get(row_id)
    assert row is not None
    assert (row.running, row.reply.text, row.reply.stop_reason) == (False, "one two three", "end")

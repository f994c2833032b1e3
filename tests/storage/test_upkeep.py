"""A history of version 1 is brought up to date in small steps, each of which may be the last before a crash."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from claude_nb.storage import database, migrations, upkeep
from claude_nb.storage.entries import to_json
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from tests.helpers.turns import ask, kept

COUNT = 70


@pytest.fixture(scope="module")
def version_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history as version 1 left it: indexed rows, a row that runs, and rows of a dead kernel."""
    path = tmp_path_factory.mktemp("version1") / "history.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in (*migrations.MIGRATIONS[0], migrations.SEARCH):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        for number in range(1, COUNT + 1):
            request, text = ask(f"prompt {number}"), f"unique{number}word answer"
            sql = (
                """INSERT INTO replies (key, created_s, owner, notebook, variable, request) VALUES (?, ?, ?, ?, ?, ?)"""
            )
            values = (request.key, 1e9 + number, "host/1/gone", "n.ipynb", f"v{number % 3}", to_json(request.to_dict()))
            db.execute(sql, values)
            if number % 10:
                reply = Reply(request, text)
                sql = "UPDATE replies SET stop_reason = ?, source = ?, reply = ? WHERE id = ?"
                db.execute(sql, ("end", "live", to_json(reply.to_dict(request=False)), number))
                db.execute("INSERT INTO search (rowid, prompt, text) VALUES (?, ?, ?)", (number, request.prompt, text))
    return path


@pytest.fixture
def old(version_1: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that counts as large, so that nothing is done at once."""
    path.parent.mkdir()
    shutil.copy(version_1, path)
    monkeypatch.setattr(migrations, "SMALL_BYTES", 0)
    return path


def looks(store: Store) -> None:
    """Whatever upkeep has done so far, the same is found."""
    assert [row.reply.prompt for row in store.recent(search="unique33word")] == ["prompt 33"]
    assert [row.reply.prompt for row in store.recent(search="nique33wor")] == ["prompt 33"]
    assert [row.id for row in store.recent(3, "answer")] == [69, 68, 67]
    assert store.recent(search="xylophone") == []
    found = store.find(ask("prompt 5"))
    assert found is not None
    assert found.reply.text == "unique5word answer"
    assert {name: row.id for name, row in store.latest("n.ipynb").items()} == {"v0": 69, "v1": 70, "v2": 68}


def test_an_old_history_is_read_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    looks(Store(old, warn=pytest.fail))
    assert old.read_bytes() == before


def test_the_first_prompt_touches_no_old_row(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[str] = []
    connect = database.connect

    def listening(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(database, "connect", listening)
    store = Store(old, warn=pytest.fail)
    monkeypatch.setattr(store._writer, "tidy_soon", lambda: None)
    assert kept(store, ask("new")) == COUNT + 1
    written = [line for line in statements if line.startswith(("CREATE INDEX replies", "UPDATE", "DELETE", "DROP"))]
    assert not [line for line in written if "replies" in line and "WHERE id" not in line]
    assert "CREATE INDEX replies_running" not in " ".join(statements)


def test_whatever_step_was_the_last_the_same_is_found(old: Path) -> None:
    store = Store(old, warn=pytest.fail)
    store._file.transact(lambda _: None)
    steps = 0
    while True:
        again = Store(old, warn=pytest.fail)  # another kernel, after a crash
        looks(again)
        steps += 1
        if not again.tidy():
            break
    assert steps > 8
    looks(store)
    with contextlib.closing(sqlite3.connect(old)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        assert names >= migrations.INDEXES.keys() | {"word_index"}
        assert not [name for name in names if str(name).startswith("search")]
        assert db.execute("SELECT count(*) FROM unindexed").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM replies WHERE stop_reason IS NULL").fetchone() == (0,)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_two_kernels_take_turns(old: Path) -> None:
    stores = [Store(old, warn=pytest.fail, wait_s=60) for _ in range(2)]
    stores[0]._file.transact(lambda _: None)

    def tidy(store: Store) -> None:
        while store._file.transact(lambda db: upkeep.step(db, 2e9), wait_s=60):
            pass

    threads = [threading.Thread(target=tidy, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    new = kept(stores[1], ask("in between"), "unique33word once more")
    for thread in threads:
        thread.join()
    assert [row.id for row in stores[0].recent(search="ique33wo")] == [new, 33]
    assert len(stores[0].recent(None)) == COUNT + 1


def test_a_row_forgotten_on_the_way_leaves_nothing_when_upkeep_is_done(old: Path) -> None:
    store = Store(old, warn=pytest.fail)
    store._file.transact(lambda _: None)
    for _ in range(6):
        store.tidy()
    assert store.forget(33) == 1
    assert store.forget(69) == 1
    while store.tidy():
        pass
    assert store.recent(search="unique33word") == store.recent(search="nique69") == []
    assert b"unique33word" not in old.read_bytes()
    assert b"unique69word" not in old.read_bytes()
    assert [row.id for row in store.recent(1, "answer")] == [68]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE word_index_data SET block = x'ffffffffffff'",
        "DELETE FROM word_index_data",
        "DROP TABLE word_index",
    ],
)
@pytest.mark.parametrize("forgotten", [True, False])
def test_a_damaged_or_missing_index_is_built_again(store: Store, path: Path, damage: str, forgotten: bool) -> None:
    first = kept(store, ask("zanzibar"))
    kept(store, ask("second"))
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(damage)
    if forgotten:
        assert store.forget(first) == 1
    assert kept(store, ask("third"))
    while store.tidy():
        pass
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM unindexed").fetchone() == (0,)
    assert [row.reply.prompt for row in store.recent(search="econ")] == ["second"]
    assert [row.reply.prompt for row in store.recent(search="hird")] == ["third"]
    assert len(store.recent(search="anziba")) == (not forgotten)


def test_a_claude_nb_of_version_1_says_one_line_and_still_reads(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    kept(store, ask("Why is the sky blue?"))
    monkeypatch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
    before = path.read_bytes()
    old = Store(path, warn=warnings.append)
    assert (old.begin(ask()), old.begin(ask())) == (None, None)
    assert [row.reply.prompt for row in old.recent()] == ["Why is the sky blue?"]
    assert path.read_bytes() == before
    assert warnings == ["history: history.db was written by a newer claude_nb and is only read; upgrade this one"]


# Size


def test_the_size_of_a_large_history_is_told_once_and_again_when_it_has_doubled(
    path: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    monkeypatch.setattr(database, "LARGE_BYTES", 150_000)
    for length in (10, 150_000, 10, 10, 300_000, 10, 10):
        kept(Store(path, warn=warnings.append), ask(), "x" * length)
    assert len(warnings) == 2
    assert warnings[0].startswith("history: history.db has grown to ")
    assert "%claude /history --size says how to make it smaller" in warnings[0]
    size = Store(path, warn=pytest.fail).size()
    assert (size.rows, size.bytes, size.set_aside_bytes) == (7, path.stat().st_size, 0)


def test_a_history_that_is_not_there_has_no_size(path: Path) -> None:
    size = Store(path, warn=pytest.fail).size()
    assert (size.rows, size.bytes, size.first_s) == (0, 0, None)
    assert not path.parent.exists()

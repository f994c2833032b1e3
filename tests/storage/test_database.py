"""The file of the history: private, migrated, and never trusted."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from claude_nb.storage import migrations
from claude_nb.storage.database import File
from claude_nb.storage.store import Store
from tests.helpers import TESTS
from tests.helpers.turns import ask, kept

# The file


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_nobody_else_may_read_the_history(store: Store, path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        if umask == 0o777:
            path.parent.mkdir()
            path.parent.chmod(0o700)
        kept(store, ask())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_an_empty_file_that_others_may_read_is_closed_to_them(store: Store, path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o644)
    kept(store, ask())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_in_wal_mode_is_switched_back(store: Store, path: Path) -> None:
    kept(store, ask())
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    kept(store, ask())
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() != ("wal",)
    assert len(store.recent()) == 2


def test_names_with_odd_characters_are_just_files(tmp_path: Path) -> None:
    for name in ("a b?mode=memory", "c#d", "e%41", "ü"):
        store = Store(tmp_path / name, warn=print)
        kept(store, ask())
        assert len(Store(tmp_path / name, warn=print).recent()) == 1
        assert (tmp_path / name).is_file()


def test_threads_share_a_store(store: Store, warnings: list[str]) -> None:
    patient = Store(store.path, warn=warnings.append)
    threads = [threading.Thread(target=lambda n=n: [kept(patient, ask(f"{n}")) for _ in range(10)]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(patient.recent(None)), warnings) == (80, [])


# The schema


def test_a_history_of_the_first_version_is_migrated(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript((TESTS / "data" / "history_1.sql").read_text("utf-8"))
    monkeypatch.setattr(
        migrations, "MIGRATIONS", (*migrations.MIGRATIONS, ("ALTER TABLE replies ADD COLUMN mood TEXT",))
    )
    migrations._objects_of.cache_clear()
    try:
        assert [row.reply.text for row in store.recent()] == ["Hello.", "Because of Rayleigh."]
        kept(store, ask("new"))
        assert [row.reply.prompt for row in store.recent(search="sky")] == ["Why is the sky blue?"]
        with contextlib.closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (len(migrations.MIGRATIONS),)
            assert db.execute("SELECT mood FROM replies").fetchall() == [(None,)] * 3
    finally:
        migrations._objects_of.cache_clear()


def test_the_first_version_is_never_edited(store: Store, path: Path, tmp_path: Path) -> None:
    kept(store, ask())
    old = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(old)) as db:
        db.executescript((TESTS / "data" / "history_1.sql").read_text("utf-8"))
        found = set(db.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL"))
    assert found <= {(one[1], one[3]) for one in migrations._objects_of(1)} | {("search", migrations.SEARCH)} | {
        one for one in found if one[0].startswith(("search_", "sqlite_"))
    }


def test_a_history_of_a_newer_version_is_read_and_not_written(store: Store, path: Path, warnings: list[str]) -> None:
    kept(store, ask())
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("ALTER TABLE replies ADD COLUMN mood; PRAGMA user_version = 99;")
    before = path.read_bytes()
    assert store.begin(ask()) is None
    assert len(store.recent()) == 1
    assert path.read_bytes() == before
    assert len(warnings) == 1
    assert "newer claude_nb" in warnings[0]


HOSTILE = [
    "CREATE TRIGGER t AFTER INSERT ON replies BEGIN DELETE FROM replies; END",
    "CREATE TRIGGER search_t AFTER INSERT ON replies BEGIN DELETE FROM replies; END",
    "CREATE TRIGGER sqlite AFTER UPDATE ON replies BEGIN DELETE FROM replies; END",
    "CREATE INDEX search_i ON replies (upper(key))",
    "CREATE VIEW search_v AS SELECT 1",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_a_file_with_foreign_parts_is_only_read(store: Store, path: Path, warnings: list[str], sql: str) -> None:
    kept(store, ask())
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(sql)
    before = path.read_bytes()
    assert store.begin(ask()) is None
    assert store.forget(everything=True) == 0
    assert path.read_bytes() == before
    assert len(warnings) == 1


def test_a_file_whose_tables_were_changed_is_set_aside(store: Store, path: Path, warnings: list[str]) -> None:
    kept(store, ask())
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("ALTER TABLE replies ADD COLUMN more AS (hex(zeroblob(100000000)))")
    kept(store, ask())
    assert len(store.recent()) == 1
    assert len(warnings) == 1
    assert "it is kept as history-damaged-" in warnings[0]


def test_the_database_of_another_program_is_left_alone(store: Store, path: Path, warnings: list[str]) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA journal_mode = WAL; CREATE TABLE bookmarks (url); INSERT INTO bookmarks VALUES ('x')")
    before = path.read_bytes()
    assert store.begin(ask()) is None
    assert store.recent() == []
    assert path.read_bytes() == before
    assert len(warnings) == 1
    assert "another program" in warnings[0]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("request", "[]"),
        ("request", '{"provider": 5}'),
        ("request", "[" * 100_000),
        ("request", b"\xff\xfe"),
        ("reply", None),
        ("reply", '{"text": 5, "created_at": "2026-01-01T00:00:00+00:00"}'),
        ("reply", '{"stop_reason": ["end"], "created_at": "2026-01-01T00:00:00+00:00"}'),
        ("reply", '{"stop_reason": "<img src=x>", "created_at": "2026-01-01T00:00:00+00:00"}'),
        ("reply", '{"seconds": 1e999, "created_at": "2026-01-01T00:00:00+00:00"}'),
        ("reply", '{"created_at": "2026-01-01"}'),
        ("reply", '{"created_at": 7}'),
        ("reply", "cos\nsystem\n(S'true'\ntR."),
        ("rhythm", "[[1, 2], [0, 1]]"),
        ("rhythm", "7"),
        ("created_s", "never"),
        ("notebook", 5),
    ],
)
def test_a_row_that_makes_no_sense_is_left_out(
    store: Store, path: Path, warnings: list[str], column: str, value: object
) -> None:
    good = kept(store, ask())
    bad = kept(store, ask("bad"))
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE replies SET {column} = ? WHERE id = ?", (value, bad))
        if column == "created_s":
            db.execute("UPDATE replies SET stop_reason = NULL WHERE id = ?", (bad,))
    again = Store(path, warn=warnings.append)
    assert [row.id for row in again.recent(search="blue")] == [good]
    assert again.get(bad) is None or column == "notebook"
    assert again.begin(ask()) is not None
    assert not warnings


def test_a_file_that_is_being_made_by_another_thread_is_not_taken_for_a_foreign_one(tmp_path: Path) -> None:
    reader, maker = (sqlite3.connect(tmp_path / "h.db", isolation_level=None, timeout=0) for _ in range(2))
    with contextlib.closing(reader), contextlib.closing(maker):

        def make(statement: str) -> None:
            """The other thread, between two steps of the look: it has to wait for the look to end."""
            if "sqlite_master" in statement or "user_version" in statement:
                with contextlib.suppress(sqlite3.OperationalError):
                    maker.execute("BEGIN IMMEDIATE")
                    migrations.migrate(maker)
                    maker.execute("COMMIT")

        reader.set_trace_callback(make)
        migrations.glance(reader)


def test_what_was_written_is_on_the_disk_and_nothing_in_the_file_is_trusted(path: Path) -> None:
    """Full syncing outlives a loss of power, what was forgotten is wiped, and a foreign file can call no function."""
    names = ("synchronous", "secure_delete", "trusted_schema", "cell_size_check")
    found = File(path, warn=print, wait_s=1).transact(
        lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    )
    assert found == [2, 1, 0, 1]

"""The history when the disk is in the way: what is damaged is set aside, what cannot be is told in one line."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_nb.storage import database, migrations
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from tests.helpers.turns import ask, kept

# Trouble


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a history with some pages."""
    maker = Store(tmp_path_factory.mktemp("sound") / "history.db", warn=pytest.fail)
    for number in range(12):
        kept(maker, ask(f"question {number} " * 40), "answer " * 300)
    return maker.path.read_bytes()


DAMAGE = [
    *(("cut", number) for number in range(20)),
    *(("flip", number) for number in range(30)),
    *(("hole", number) for number in range(10)),
    ("text", 0),
    ("tiny", 0),
    ("header only", 0),
    ("zeros", 0),
]


def damaged(kind: str, number: int, content: bytes) -> bytes:
    dice = random.Random(number)
    if kind == "cut":
        return content[: 1 + len(content) * number // 20]
    if kind == "flip":
        spoiled = bytearray(content)
        for place in dice.sample(range(len(content)), 100):
            spoiled[place] ^= dice.randrange(1, 256)
        return bytes(spoiled)
    if kind == "hole":
        start = dice.randrange(0, len(content), 4096)
        return content[:start] + dice.randbytes(4096) + content[start + 4096 :]
    return {"text": b"my notes\n" * 500, "tiny": b"x", "header only": content[:100], "zeros": bytes(9000)}[kind]


@pytest.mark.parametrize(("kind", "number"), DAMAGE)
def test_a_damaged_file_is_set_aside_and_the_turn_is_kept(
    sound: bytes, path: Path, warnings: list[str], kind: str, number: int
) -> None:
    content = damaged(kind, number, sound)
    path.parent.mkdir()
    path.write_bytes(content)
    store = Store(path, warn=warnings.append, wait_s=0.05)
    row_id = store.begin(ask("a new one"))
    store.progress(row_id, "so")
    store.finish(row_id, Reply(ask("a new one"), "so far"))
    found = store.find(ask("a new one"))
    assert found is not None
    assert found.reply.text == "so far"
    store.recent(None, search="question answer")
    store.latest("n")
    aside = [file for file in path.parent.iterdir() if "damaged" in file.name]
    assert len(warnings) == len(aside) <= 1
    if aside:
        assert aside[0].read_bytes() == content
        assert aside[0].name in warnings[0]
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("name", ["hostname", "notes.txt", ".bashrc", "data.csv", "analysis.ipynb", "history"])
@pytest.mark.parametrize("content", [b"vm\n", b"my notes\n" * 500, bytes(9000)])
def test_a_file_that_never_was_a_history_is_left_alone(
    tmp_path: Path, warnings: list[str], name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    path.chmod(0o644)
    store = Store(path, warn=warnings.append, wait_s=0.05)
    row_id = store.begin(ask())
    store.finish(row_id, Reply(ask(), "done"))
    store.find(ask())
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == [name]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o644
    assert len(warnings) == 1
    assert "is no database and was left alone" in warnings[0]


def test_a_damaged_history_of_any_name_is_set_aside(sound: bytes, tmp_path: Path, warnings: list[str]) -> None:
    path = tmp_path / "replies"
    path.write_bytes(sound[:4096] + bytes(4096) + sound[8192:-5000])
    store = Store(path, warn=warnings.append, wait_s=0.05)
    assert kept(store, ask())
    assert "was damaged; it is kept as replies-damaged-" in warnings[0]


def test_damage_found_while_reading_is_set_aside_too(store: Store, path: Path, warnings: list[str]) -> None:
    path.parent.mkdir()
    path.write_text("not a database at all, but long enough to look at", "utf-8")
    assert store.recent() == []
    assert len(warnings) == 1
    assert kept(store, ask())


def test_a_file_that_breaks_during_a_turn_costs_only_what_was_in_it(
    store: Store, path: Path, warnings: list[str]
) -> None:
    row_id = store.begin(ask(), notebook="n", variable="reply")
    path.write_bytes(b"overwritten by a careless program" * 400)
    store.progress(row_id, "so far")
    assert [row.reply.text for row in store.recent()] == ["so far"]
    store.finish(row_id, Reply(ask(), "done"))
    assert {name: row.reply.text for name, row in store.latest("n").items()} == {"reply": "done"}
    assert len(warnings) == 1


def test_a_file_deleted_during_a_turn_is_begun_again(store: Store, path: Path, warnings: list[str]) -> None:
    row_id = store.begin(ask())
    store.progress(row_id, "one ")
    path.unlink()
    store.progress(row_id, "one two ")
    store.finish(row_id, Reply(ask(), "one two three"))
    assert ([row.reply.text for row in store.recent()], warnings) == (["one two three"], [])


def test_a_folder_in_the_place_of_the_file_is_told_once(store: Store, path: Path, warnings: list[str]) -> None:
    path.mkdir(parents=True)
    store.finish(store.begin(ask()), Reply(ask()))
    assert store.begin(ask()) is None
    assert (store.recent(), store.find(ask()), store.forget(everything=True)) == ([], None, 0)
    assert warnings == [
        "history: history.db is a folder, so replies are shown but not kept; name a file (CLAUDE_NB_HISTORY)"
    ]


@pytest.mark.parametrize("place", ["file/history.db", "\0", "x" * 300, "/dev/null/x/history.db", "\ud800"])
def test_a_place_where_no_file_can_be_is_told_once(tmp_path: Path, warnings: list[str], place: str) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / place, warn=warnings.append, wait_s=0.05)
    assert (store.begin(ask()), store.begin(ask()), store.recent()) == (None, None, [])
    assert len(warnings) == 1
    assert "\n" not in warnings[0]


def test_a_full_disk_keeps_what_was_there(
    store: Store, path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store, ask())
    row_id = store.begin(ask("next"))
    connect = database.connect

    def full(place: Path) -> sqlite3.Connection:
        connection = connect(place)
        connection.execute("PRAGMA max_page_count = 1")  # SQLite then answers as for a full disk
        return connection

    monkeypatch.setattr(database, "connect", full)
    store.progress(row_id, "x" * 100_000)
    store.finish(row_id, Reply(ask("next"), "x" * 100_000))
    assert store.begin(ask("z" * 100_000)) is None
    monkeypatch.undo()
    assert warnings == [
        "history: history.db cannot grow: the disk is full, so replies are shown but not kept; free some space"
    ]
    assert len(store.recent()) == 2
    assert kept(store, ask())


def test_a_disk_that_fails_for_a_while_is_no_reason_to_give_up_the_file(
    store: Store, path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store, ask())

    def failing(_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(migrations, "glance", failing)
    assert (store.begin(ask()), store.recent()) == (None, [])
    monkeypatch.undo()
    assert len(store.recent()) == 1
    assert warnings == [
        "history: history.db cannot be read or written (the disk reports an error), "
        "so replies are shown but not kept; check the disk"
    ]
    assert not [file for file in path.parent.iterdir() if "damaged" in file.name]


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of a user whom file permissions can stop, also where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid():
            yield folder
            return
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_a_read_only_folder_is_told_once_and_can_still_be_read(ordinary_user: Path, warnings: list[str]) -> None:
    store = Store(ordinary_user / "history.db", warn=warnings.append, wait_s=0.05)
    kept(store, ask())
    store.path.chmod(0o400)
    ordinary_user.chmod(0o500)
    try:
        assert (store.begin(ask()), store.begin(ask())) == (None, None)
        assert len(store.recent()) == 1
        hidden = Store(ordinary_user / "more" / "history.db", warn=warnings.append)
        assert (hidden.begin(ask()), hidden.recent()) == (None, [])
        ordinary_user.chmod(0o000)
        assert (store.begin(ask()), store.recent(), store.get(1)) == (None, [], None)
    finally:
        ordinary_user.chmod(0o700)
    assert len(warnings) == 2
    assert all("cannot be written" in line for line in warnings)


def test_a_warning_does_not_name_the_user(own_home: Path, warnings: list[str]) -> None:
    (own_home / "claude" / "history.db").mkdir(parents=True)
    Store(own_home / "claude" / "history.db", warn=warnings.append).begin(ask())
    assert warnings[0].startswith("history: ~/claude/history.db is a folder")

"""What is forgotten leaves no trace in the file: not in its rows, nor in its index, nor in free pages."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest

from claude_nb.storage import files, migrations, rows
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from tests.helpers.turns import ask, kept


def tidied(store: Store) -> int:
    """Do all upkeep; the number of steps."""
    return next(number for number in range(10_000) if not store.tidy())


def own_words(number: int) -> list[str]:
    """Words that only one row has; none contains another."""
    dice = random.Random(number)
    return ["".join(dice.choices("bcdfghjklmnpqrstvwxz", k=12)) for _ in range(40)]


def fill(store: Store, count: int) -> list[int]:
    dice = random.Random(1)
    ids = []
    for number in range(count):
        *prompt, last = own_words(number)
        text = " ".join(dice.choices(prompt, k=dice.choice([20, 400, 1200])))
        ids.append(
            kept(
                store, ask(f"common {' '.join(prompt)}"), f"shared {text} {last}", notebook=own_words(number + 1000)[0]
            )
        )
    return ids


def fill_as_a_sweep(store: Store, count: int) -> list[int]:
    """All prompts first, then all replies: rows grow in the middle of the table."""
    asked = [
        ask(f"common {' '.join(own_words(number)[:20])}", system="s" * (number * 37 % 900)) for number in range(count)
    ]
    ids = store.rows_of(store.begin_all(asked, notebook="n.ipynb"))
    for number, (row_id, request) in enumerate(zip(ids, asked, strict=True)):
        store.finish(row_id, Reply(request, " ".join(own_words(number)[20:]) * (number % 5)), delay_s=60)
        if number % 7 == 0:
            store.flush(60)
    store.flush(60)
    return ids


def traces(path: Path, numbers: list[int]) -> list[str]:
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    searched = [word for number in numbers for word in (*own_words(number), own_words(number + 1000)[0])]
    return [word for word in searched if word.encode() in content]


@pytest.mark.parametrize("one_by_one", [True, False])
def test_no_word_of_a_forgotten_row_stays(tmp_path: Path, one_by_one: bool) -> None:
    now = [1_000_000.0]
    store = Store(tmp_path / "history.db", warn=pytest.fail, clock=lambda: now[0])
    ids = fill(store, 60)
    gone = [*range(60)] if not one_by_one else random.Random(2).sample(range(60), 35)
    assert len(traces(store.path, gone)) > 1000
    if one_by_one:
        assert [store.forget(ids[number]) for number in gone] == [1] * len(gone)
    else:
        now[0] += 100
        kept(store, ask("stays"))
        assert store.forget(before=datetime.fromtimestamp(now[0], timezone.utc)) == 60
    assert traces(store.path, gone) == []
    tidied(store)
    assert traces(store.path, gone) == []
    left = set(range(60)) - set(gone)
    for number in left:
        assert [row.id for row in store.recent(search=own_words(number)[3][2:9])] == [ids[number]]
    for number in gone:
        assert store.recent(search=own_words(number)[3]) == []


def test_no_word_of_a_row_of_a_sweep_stays(store: Store) -> None:
    ids = fill_as_a_sweep(store, 120)
    gone = random.Random(3).sample(range(120), 50)
    assert [store.forget(ids[number]) for number in gone] == [1] * 50
    tidied(store)
    assert traces(store.path, gone) == []


def test_forgetting_very_many_rows_begins_the_index_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    store = Store(store.path, warn=pytest.fail, clock=lambda: now[0])
    fill(store, 8)
    now[0] += 100
    last = kept(store, ask("stays here"))
    monkeypatch.setattr(rows, "MOST_TAKEN_OUT", 5)
    assert store.forget(before=datetime.fromtimestamp(now[0], timezone.utc)) == 8
    assert [row.id for row in store.recent(search="tays")] == [last]
    assert traces(store.path, [*range(8)]) == []
    assert tidied(store) > 0
    assert [row.id for row in store.recent(search="tays")] == [last]
    with contextlib.closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT count(*) FROM unindexed").fetchone() == (0,)


def test_the_file_becomes_smaller_when_much_was_forgotten(path: Path) -> None:
    now = [1_000_000.0]
    store = Store(path, warn=pytest.fail, clock=lambda: now[0])
    for number in range(20):
        kept(store, ask(f"{number}"), "word " * 40_000)
    before = path.stat().st_size
    now[0] += 100
    kept(store, ask("stays"))
    store.forget(before=datetime.fromtimestamp(now[0], timezone.utc))
    tidied(store)
    assert path.stat().st_size < before / 4
    assert len(store.recent(None)) == 1


# All


def test_forgetting_all_puts_an_empty_file_in_place(store: Store, path: Path) -> None:
    ids = fill(store, 10)
    before = path.stat()
    assert store.forget(everything=True) == 10
    assert path.stat().st_ino != before.st_ino
    assert path.stat().st_mode == before.st_mode
    assert path.stat().st_size < 100_000
    assert traces(path, [*range(10)]) == []
    assert store.recent() == []
    assert kept(store, ask()) > ids[-1], "an id is never used twice"
    assert sorted(file.name for file in path.parent.iterdir() if file.stat().st_size) == ["history.db"]


def test_a_running_row_stays_forgotten_in_the_new_file(store: Store) -> None:
    row_id = store.begin(ask())
    store.progress(row_id, "some text")
    assert store.forget(everything=True) == 1
    store.progress(row_id, "some text and more")
    store.finish(row_id, Reply(ask(), "all of it"))
    assert store.recent(None) == []


def test_a_kernel_that_had_the_old_file_open_writes_to_the_new_one(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection was made before the file was replaced, and it waits for the lock."""
    other = Store(path, warn=pytest.fail)
    kept(store, ask("old"))
    glance, calls = migrations.glance, []

    def replaced_meanwhile(db: sqlite3.Connection) -> None:
        glance(db)
        if not calls:
            calls.append(1)
            assert other.forget(everything=True) == 1

    monkeypatch.setattr(migrations, "glance", replaced_meanwhile)
    row_id = store.begin(ask("new"))
    assert calls
    assert row_id is not None
    assert [row.reply.prompt for row in other.recent()] == ["new"]


def test_a_reader_of_the_old_file_is_not_disturbed(store: Store, path: Path) -> None:
    kept(store, ask("old"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM replies").fetchone() == (1,)
        assert store.forget(everything=True) == 1
        assert reader.execute("SELECT count(*) FROM replies").fetchone() == (1,)
        assert kept(store, ask("new"))


@pytest.mark.parametrize("moment", ["connect", "identity", "replace"])
def test_a_crash_while_all_is_forgotten_keeps_the_old_file(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    kept(store, ask("old"))
    real = files.connect
    if moment == "connect":
        monkeypatch.setattr(files, "connect", crash)
    elif moment == "identity":
        monkeypatch.setattr(migrations, "mark", crash)
    else:
        monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(Crash):
        store.forget(everything=True)
    monkeypatch.undo()
    assert files.connect is real
    assert [row.reply.prompt for row in store.recent()] == ["old"]
    assert not [file for file in path.parent.iterdir() if file.name.startswith(".")]
    assert store.forget(everything=True) == 1


def test_where_an_open_file_cannot_be_replaced_its_rows_are_deleted(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    ids = fill(store, 10)
    monkeypatch.setattr(Path, "replace", refused)
    before = path.stat().st_ino
    assert store.forget(everything=True) == 10
    assert path.stat().st_ino == before
    assert traces(path, [*range(10)]) == []
    assert kept(store, ask()) > ids[-1]


def test_a_link_to_the_history_stays_when_all_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    real = tmp_path / "disk" / "h.db"
    real.touch()
    (tmp_path / "history.db").symlink_to(real)
    store = Store(tmp_path / "history.db", warn=pytest.fail)
    kept(store, ask())
    assert store.forget(everything=True) == 1
    assert (tmp_path / "history.db").is_symlink()
    assert not real.is_symlink()
    assert kept(store, ask("again"))


def test_writers_lose_nothing_while_another_forgets_all(path: Path) -> None:
    writers = [Store(path, warn=pytest.fail, wait_s=60) for _ in range(4)]
    eraser = Store(path, warn=pytest.fail, wait_s=60)
    lost: list[str] = []

    def write(store: Store, name: str) -> None:
        for number in range(25):
            row_id = store.begin(ask(f"{name} {number}"))
            if row_id is None:
                lost.append(name)
            store.finish(row_id, Reply(ask(f"{name} {number}"), "done"))

    threads = [threading.Thread(target=write, args=(store, f"w{n}")) for n, store in enumerate(writers)]
    for thread in threads:
        thread.start()
    erased = sum(eraser.forget(everything=True) for _ in range(10))
    for thread in threads:
        thread.join()
    found = eraser.recent(None)
    assert lost == []
    assert erased + len(found) == 100
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not [file for file in path.parent.iterdir() if "damaged" in file.name]

"""Named prompts in the history file: migrated, erased without a trace, and never in the way of anything else."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from claude_nb.storage import files, migrations
from claude_nb.storage.prompts import Score, in_memory
from claude_nb.storage.store import Store
from tests.helpers.turns import ask, kept

TESTS = Path(__file__).resolve().parents[1]


def test_a_history_of_an_earlier_version_is_read_and_gets_the_table_with_the_first_prompt(
    store: Store, path: Path, warnings: list[str]
) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript((TESTS / "data" / "history_1.sql").read_text("utf-8"))
    assert store.prompts.versions() == []
    assert store.prompts.save("a", "text").number == 1
    assert [version.text for version in store.prompts.versions("a")] == ["text"]
    assert [row.reply.text for row in store.recent()] == ["Hello.", "Because of Rayleigh."]
    assert warnings == []


def test_a_history_of_the_second_version_is_read_before_it_is_written(store: Store, path: Path) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        for statements in migrations.MIGRATIONS[:2]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 2")
        db.commit()
    assert store.prompts.versions("a") == []
    kept(store, ask("Hi"))
    assert store.prompts.save("a", "text").number == 1
    assert len(store.recent()) == 1


def test_saving_the_newest_again_writes_nothing(store: Store, path: Path) -> None:
    store.prompts.save("a", "text")
    before = path.stat().st_mtime_ns
    assert store.prompts.save("a", "text").number == 1
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("can_replace", [True, False])
def test_forget_all_reaches_prompts_and_scores(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, can_replace: bool
) -> None:
    if not can_replace:
        monkeypatch.setattr(files, "empty", lambda *_: False)  # as on Windows
    store.prompts.save("secretname", "xylophone quartz")
    store.prompts.score("xylophone quartz", [Score("c", "gradername", 1, 2)])
    kept(store, ask("Hi"))
    assert store.forget(everything=True) == 1
    assert store.prompts.versions() == []
    content = path.read_bytes()
    assert not [word for word in (b"secretname", b"xylophone", b"gradername") if word in content]


def test_no_trace_of_a_forgotten_prompt_stays(store: Store, path: Path) -> None:
    for number in range(40):
        store.prompts.save("stays" if number % 2 else "gone", f"words{number}x " * (number * 7 % 50 + 1))
        store.prompts.save("stays", "again")  # moves rows
    store.prompts.score("words0x ", [Score("c", "exactly", 1, 2)])
    assert store.prompts.forget("gone") == 20
    content = path.read_bytes()
    assert [number for number in range(0, 40, 2) if f"words{number}x".encode() in content] == []
    assert b"exactly" not in content
    assert len(store.prompts.versions()) == 21
    assert store.prompts.forget("gone") == 0


def test_the_newest_score_for_the_same_rows_and_grader_counts(store: Store) -> None:
    version = store.prompts.save("a", "text")
    store.prompts.score("text", [Score("rows", "exact", 1, 4), Score("rows", "polite", 4, 4)])
    store.prompts.score("text", [Score("rows", "exact", 3, 4)])
    assert store.prompts.scores(version) == [Score("rows", "exact", 3, 4), Score("rows", "polite", 4, 4)]


def test_rows_that_another_program_has_spoiled_are_left_out(store: Store, path: Path) -> None:
    store.prompts.save("a", "good")
    with contextlib.closing(sqlite3.connect(path)) as db:
        for text in ("not json", "3", '{"a": 1}', "[" * 3000):
            db.execute(
                "INSERT INTO prompts (name, digest, saved_s, place, text) VALUES ('a', ?, 1.0, 9, ?)", (text, text)
            )
        db.execute("INSERT INTO prompts (name, digest, saved_s, place, text) VALUES ('a', 'x', 'never', 9, '\"x\"')")
        db.commit()
    assert [version.text for version in store.prompts.versions("a")] == ["good"]


def test_a_disk_in_the_way_is_a_warning_and_the_text_comes_back(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / "history.db", warn=warnings.append, wait_s=0.05)
    assert store.prompts.save("a", "text").text == "text"
    assert store.prompts.versions() == []
    assert len(warnings) == 1


def test_prompts_in_memory_behave_alike() -> None:
    saved = in_memory()
    assert [saved.save("a", text).number for text in ("x", "y", "x")] == [1, 2, 1]
    assert saved.forget("a") == 2
    assert saved.versions() == []

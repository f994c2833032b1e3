"""The commands about what the history holds: /forget and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from claude_nb.notebook import commands
from claude_nb.session.session import Session
from tests.helpers.sessions import session
from tests.helpers.turns import ask, kept


@pytest.fixture
def kept_session(tmp_path: Path) -> Session:
    """A session with two replies in its history."""
    made = session(CLAUDE_NB_HISTORY=str(tmp_path / "history.db"))
    for prompt in ("first", "second"):
        kept(made.memory.history, ask(prompt))
    return made


def run(session: Session, line: str) -> Any:
    return commands.run(session, line, {})


@pytest.mark.parametrize(("line", "forgot"), [("--all", "2 replies"), ("--before 2001-01-01", "0 replies")])
def test_forget_names_the_damaged_files_that_still_hold_replies(
    kept_session: Session, tmp_path: Path, line: str, forgot: str
) -> None:
    one = "history-damaged-20260102-030405-123456.db"
    (tmp_path / one).touch()
    assert run(kept_session, f"/forget {line}") == (
        f"forgot {forgot}; {one} still holds replies, and %claude /forget --damaged deletes them"
    )
    two = "history-damaged-20260203-030405-123456.db"
    (tmp_path / two).touch()
    assert f"{one}, {two} still hold replies" in run(kept_session, f"/forget {line}")
    assert run(kept_session, "/forget --damaged") == "deleted 2 damaged files"
    assert run(kept_session, "/forget --all").startswith("forgot ")
    assert "damaged" not in run(kept_session, "/forget --all")


def test_forgetting_one_reply_does_not_speak_of_other_files(kept_session: Session, tmp_path: Path) -> None:
    (tmp_path / "history-damaged-20260102-030405-123456.db").touch()
    assert run(kept_session, "/forget 1") == "forgot 1 reply"
    assert len(kept_session.memory.history.set_aside()) == 1


# Size


def test_the_size_says_what_there_is_and_how_to_make_it_smaller(kept_session: Session, tmp_path: Path) -> None:
    lines = run(kept_session, "/history --size").splitlines()
    assert lines[0].startswith("history.db: ")
    assert " kB, 2 replies since 20" in lines[0]
    assert lines[1:] == ["%claude /forget --before DATE erases old replies, and /forget --all all of them"]
    (tmp_path / "history-damaged-20260102-030405-123456.db").write_bytes(b"x" * 2_500_000)
    assert "damaged files beside it: 2.5 MB; %claude /forget --damaged deletes them" in run(
        kept_session, "/history --size"
    )
    run(kept_session, "/forget --all")
    assert "0 replies" in run(kept_session, "/history --size")
    assert "--before" not in run(kept_session, "/history --size")

"""A file is opened once, and what was opened is checked: links, exchanges, pipes and files of the system."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import PromptError
from claude_nb.prompting import attachments, files

MOST = 1000
needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="only Linux has /proc")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with notes, and with keys that a dotfile manager keeps elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dotfiles" / "ssh").mkdir(parents=True)
    (tmp_path / "dotfiles" / "ssh" / "config").write_text("secret")
    (tmp_path / ".ssh").symlink_to("dotfiles/ssh")
    (tmp_path / "notes.txt").write_text("notes")
    return tmp_path


def test_a_link_to_an_ordinary_file_is_followed_and_named(home: Path) -> None:
    (home / "link.txt").symlink_to("notes.txt")
    assert files.read(home / "link.txt", MOST) == ("link.txt", b"notes", f", from {home / 'notes.txt'}")


@needs_proc
@pytest.mark.parametrize("target", [".ssh/config", "second.txt", "folder/config", "/proc/self/cwd/.ssh/config"])
def test_no_link_on_the_way_may_lead_through_a_secret_place(home: Path, target: str) -> None:
    (home / "second.txt").symlink_to("./.ssh/../.ssh/config")
    (home / "folder").symlink_to(home / ".ssh")
    (home / "link.txt").symlink_to(target)
    with pytest.raises(PromptError, match="usually holds secrets"):
        files.read(home / "link.txt", MOST)


@needs_proc
@pytest.mark.parametrize(
    "spelling", ["{0}/.ssh/config", "/proc/self/root{0}/.ssh/config", "{0}/./x/../.ssh/config", ".ssh/config"]
)
def test_every_spelling_of_a_secret_place_is_refused(home: Path, spelling: str) -> None:
    with pytest.raises(PromptError, match="usually holds secrets"):
        attachments.gather(spelling.format(home))


@needs_proc
def test_an_ordinary_file_is_read_in_every_spelling(home: Path) -> None:
    for spelling in ("notes.txt", f"/proc/self/root{home}/notes.txt", "/proc/self/cwd/notes.txt", "./notes.txt"):
        assert attachments.gather(spelling).attachments[0].bytes == b"notes"


def test_a_pattern_does_not_reach_a_secret_place(home: Path) -> None:
    with pytest.raises(PromptError, match="no file matches"):
        attachments.gather("*/config")
    with pytest.raises(PromptError, match="usually holds secrets"):
        attachments.gather(".s?h/*")


def exchanged(monkeypatch: pytest.MonkeyPatch, when: str, change: Any) -> None:
    """Change the disk between the check of the path and the opening, or right after it."""
    opened = os.open

    def open_later(name: Any, flags: int, *rest: Any, **named: Any) -> int:
        monkeypatch.setattr(os, "open", opened)
        if when == "before":
            change()
        descriptor = opened(name, flags, *rest, **named)
        if when == "after":
            change()
        return descriptor

    monkeypatch.setattr(os, "open", open_later)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_becomes_a_link_is_not_sent(home: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def change() -> None:
        (home / "notes.txt").unlink()
        (home / "notes.txt").symlink_to(".ssh/config")

    exchanged(monkeypatch, when, change)
    with pytest.raises(PromptError, match=r"exchanged|symbolic links"):
        files.read(home / "notes.txt", MOST)


def test_a_folder_that_becomes_a_link_is_not_followed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "work").mkdir()
    (home / "work" / "config").write_text("mine")

    def change() -> None:
        (home / "work").rename(home / "old")
        (home / "work").symlink_to(".ssh")

    exchanged(monkeypatch, "before", change)
    with pytest.raises(PromptError, match="was exchanged while it was read"):
        files.read(home / "work" / "config", MOST)


def test_a_file_that_becomes_another_is_not_sent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change() -> None:
        (home / "notes.txt").rename(home / "old.txt")
        (home / "notes.txt").write_text("other")

    exchanged(monkeypatch, "after", change)
    with pytest.raises(PromptError, match="was exchanged while it was read"):
        files.read(home / "notes.txt", MOST)


def test_a_file_that_becomes_a_pipe_does_not_wait(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change() -> None:
        (home / "notes.txt").unlink()
        os.mkfifo(home / "notes.txt")

    exchanged(monkeypatch, "before", change)
    with pytest.raises(PromptError, match="is not a regular file"):
        files.read(home / "notes.txt", MOST)


def test_a_file_that_grows_is_not_read_further(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exchanged(monkeypatch, "after", lambda: None)
    status = os.fstat

    def then_grow(descriptor: int) -> os.stat_result:
        found = status(descriptor)
        with (home / "notes.txt").open("a") as file:
            file.write("x" * 5 * MOST)
        return found

    monkeypatch.setattr(os, "fstat", then_grow)
    with pytest.raises(PromptError, match="send at most 1,000 bytes"):
        files.read(home / "notes.txt", MOST)


@needs_proc
@pytest.mark.parametrize(
    "name",
    [
        "/proc/self/environ",
        "/proc/1/environ",
        "/proc/self/fd/0",
        "/proc/cpuinfo",
        "/sys/kernel/uevent_seqnum",
        "/dev/null",
    ],
)
def test_what_the_system_makes_up_is_not_a_file(home: Path, name: str) -> None:
    (home / "link").symlink_to(name)
    for spelling in (name, f"/proc/self/root{name}", "link"):
        with pytest.raises(
            PromptError, match=r"part of the system|cannot be read|usually holds secrets|not a regular file"
        ):
            attachments.gather(spelling)


@needs_proc
def test_the_system_is_known_by_its_device_wherever_it_is_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SYSTEM", ("/nowhere",))
    with pytest.raises(PromptError, match="part of the system"):
        files.read(Path("/proc/cpuinfo"), MOST)


def test_a_schema_of_a_secret_place_is_not_read(home: Path) -> None:
    from claude_nb.session.session import Session

    (home / ".aws").mkdir()
    (home / ".aws" / "cache.json").write_text('{"type": "object"}')
    with pytest.raises(PromptError, match="usually holds secrets"):
        Session().request("Hi", provider="demo", json=str(home / ".aws" / "cache.json"))

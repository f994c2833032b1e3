"""Only regular files are written: a device, a pipe, a folder or a link to nothing stays as it is."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from claude_nb.errors import ConfigError
from claude_nb.storage import places
from claude_nb.storage.recordings import write
from claude_nb.storage.store import Store
from claude_nb.widgets import presets
from tests.helpers.turns import ask, kept, recorded

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="devices and links of POSIX")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


SPECIAL: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a pipe": fifo,
    "a socket": bound_socket,
    "a link to nothing": lambda path: path.symlink_to("missing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to a folder": lambda path: path.symlink_to("."),
    "a link to a device": lambda path: path.symlink_to("/dev/null"),
    "a link to a link to a device": lambda path: (
        path.with_name("between").symlink_to("/dev/full"),
        path.symlink_to("between"),
    ),
    "a link to a file of the system": lambda path: path.symlink_to("/proc/self/comm"),
    "a link to a new name in the system": lambda path: path.symlink_to("/dev/claude_nb_new"),
}
SYSTEM = ["/dev/null", "/dev/full", "/dev/zero", "/dev/stdout", "/dev/fd/1", "/dev/../dev/null", "/proc/self/fd/1"]
SYSTEM += ["/proc/self/comm", "/dev/claude_nb_new", "/sys/claude_nb_new", "//dev/null"]


def looks(path: Path) -> object:
    """Return what a path is, to compare it with later."""
    found = []
    for look in (path.lstat, path.stat):
        try:
            one = look()
        except OSError:
            continue
        found.append((one.st_mode, one.st_ino, one.st_size))
    return found


@pytest.fixture(params=[*SPECIAL, *SYSTEM])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if make := SPECIAL.get(request.param):
        make(tmp_path / "s")
        return tmp_path / "s"
    return Path(request.param)


def test_no_history_is_written_to_what_is_not_a_file(special: Path, warnings: list[str]) -> None:
    before = looks(special)
    store = Store(special, warn=warnings.append, wait_s=0.05)
    assert (store.begin(ask()), store.begin(ask())) == (None, None)
    assert (store.recent(), store.find(ask()), store.forget(everything=True)) == ([], None, 0)
    assert looks(special) == before
    assert len(warnings) == 1
    assert "so replies are shown but not kept; " in warnings[0]
    assert "\n" not in warnings[0]


# Through a link to nothing, a file may be made.
@pytest.mark.parametrize("special", sorted({*SPECIAL, *SYSTEM} - {"a link to nothing"}), indirect=True)
def test_no_other_file_is_written_there_either(special: Path) -> None:
    before = looks(special)
    with pytest.raises(ConfigError, match="cannot write"):
        write(special, [recorded()])
    with pytest.raises(ConfigError):
        presets.change(special, "mine", {"temperature": 1.0})
    assert looks(special) == before


@pytest.mark.parametrize("name", ["/dev/null", "/dev/full"])
def test_the_line_about_a_device_names_the_way_out(name: str, warnings: list[str]) -> None:
    Store(Path(name), warn=warnings.append).begin(ask())
    assert warnings == [
        f"history: {Path(name).name} is a device or another part of the system, so replies are shown but not kept; "
        "name a file (CLAUDE_NB_HISTORY), or set it to off"
    ]


@pytest.mark.parametrize("ending", ["-journal", "-wal", "-shm", "-lock"])
@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a link to nothing", "a link to a device"])
def test_nothing_special_beside_the_history_is_written(path: Path, warnings: list[str], ending: str, kind: str) -> None:
    path.parent.mkdir()
    beside = Path(f"{path}{ending}")
    SPECIAL[kind](beside)
    before = looks(beside)
    store = Store(path, warn=warnings.append, wait_s=0.05)
    assert store.begin(ask()) is None
    assert looks(beside) == before
    assert len(warnings) == 1
    assert f"because history.db{ending} is not a file" in warnings[0]


def test_a_link_to_a_file_is_followed_and_stays(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "h.db").touch(mode=0o644)
    link = tmp_path / "history.db"
    link.symlink_to("elsewhere/h.db")
    store = Store(link, warn=warnings.append)
    kept(store, ask())
    assert (len(store.recent()), warnings) == (1, [])
    assert link.is_symlink()
    assert stat.S_IMODE((tmp_path / "elsewhere" / "h.db").stat().st_mode) == 0o600
    record = tmp_path / "lesson.jsonl"
    record.symlink_to("elsewhere/lesson.jsonl")
    (tmp_path / "elsewhere" / "lesson.jsonl").touch()
    assert write(record, [recorded()]) == 1
    assert record.is_symlink()
    assert (tmp_path / "elsewhere" / "lesson.jsonl").stat().st_size > 0


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no folder in memory")
def test_the_folder_in_memory_is_an_ordinary_one() -> None:
    assert places.fault("/dev/shm/claude_nb.db") is None
    assert places.fault("/developer/history.db") is None


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")

    def write_half() -> None:
        with places.replacing(tmp_path / "old") as new:
            new.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("old", "old")]

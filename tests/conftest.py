"""Every test runs in a home of its own, without real keys, and reaches nothing beyond this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from warnings import filterwarnings

import pytest

from claude_nb.providers import lifecycle
from claude_nb.providers.local import weights
from claude_nb.providers.models import shipped
from claude_nb.safe_text import redaction
from claude_nb.session import frontend
from claude_nb.storage.store import Store

KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIMLAPI_KEY", "AIML_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home directory, and none of the user's settings."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name in KEY_VARIABLES or name.startswith("CLAUDE_NB_"):
            monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(home / name.lower()))
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(home / "jupyter"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all tests of local models, so that one process has the model in memory."""
    for item in items:
        if item.get_closest_marker("local"):
            item.add_marker(pytest.mark.xdist_group("local"))


@pytest.fixture
def local_model(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights that scripts/setup.py has fetched. Without them a test fails, also elsewhere than in CI."""
    monkeypatch.setenv("CLAUDE_NB_WEIGHTS", str(Path(sys.prefix) / "models"))
    weights.check()
    return weights.path()


@pytest.fixture(autouse=True)
def day_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model retires while the tests get older: today is the day on which the table was checked."""
    monkeypatch.setattr(lifecycle, "today", lambda: date.fromisoformat(shipped().checked))


@pytest.fixture(autouse=True)
def no_keys_of_another_test() -> None:
    """A process masks each key that it has held; the next test may use the same text for something else."""
    redaction.forget_all()


@pytest.fixture(autouse=True)
def somebody_reads_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test plays a person at a prompt. In a script the demo model answers only where it is named."""
    monkeypatch.setattr(frontend, "is_session", lambda: True)
    filterwarnings("ignore", "no key found, so the demo model answers")


def _is_loopback(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    host = str(address[0])
    if host in ("localhost", ""):
        return True
    try:
        address = ipaddress.ip_address(host.split("%", maxsplit=1)[0])
        return address.is_loopback or address.is_unspecified  # 0.0.0.0 leads to this machine
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection beyond loopback is an error of the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if not _is_loopback(address):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)  # type: ignore[arg-type]  # the real method checks its own argument

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def no_shell_left_behind() -> Iterator[None]:
    """An IPython shell changes the process; the next test would take that for a person at a prompt."""
    main, prompts = sys.modules["__main__"], {name: getattr(sys, name, None) for name in ("ps1", "ps2", "ps3")}
    yield
    sys.modules["__main__"] = main
    for name, prompt in prompts.items():
        if prompt is not None:
            setattr(sys, name, prompt)
        elif hasattr(sys, name):
            delattr(sys, name)


@pytest.fixture
def warnings() -> list[str]:
    """What the history told its user."""
    return []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a history may lie; its folder is not there yet."""
    return tmp_path / "data" / "history.db"


@pytest.fixture
def store(path: Path, warnings: list[str]) -> Store:
    return Store(path, warn=warnings.append, wait_s=0.05)

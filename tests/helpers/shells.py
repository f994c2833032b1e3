"""A fresh IPython shell in this process, with the extension loaded and a session of its own."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from IPython.core.interactiveshell import InteractiveShell

import claude_nb
from claude_nb.providers.credentials import Credentials
from claude_nb.session import default
from claude_nb.session.session import Session


class Shell:
    """run() runs a cell; vars are the notebook's variables; session is what the magic talks to."""

    def __init__(self, ip: InteractiveShell, session: Session, capsys: pytest.CaptureFixture[str]) -> None:
        self.ip = ip
        self.session = session
        self.vars: dict[str, Any] = ip.user_ns
        self._capsys = capsys

    def run(self, cell: str) -> str:
        """What the cell printed, value and error included."""
        self._capsys.readouterr()
        self.ip.run_cell(cell)
        out, err = self._capsys.readouterr()
        return out + err


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    """The one session of the process: text on screen, no history, a demo model without pauses."""
    monkeypatch.setenv("CLAUDE_NB_DISPLAY", "text")
    monkeypatch.setenv("CLAUDE_NB_HISTORY", "off")
    made = Session(credentials=Credentials())
    made.demo_delay_s = 0
    monkeypatch.setattr(default, "_default", made)
    return made


@pytest.fixture
def bare(session: Session, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    """The shell before the extension is loaded."""
    InteractiveShell.clear_instance()
    ip = InteractiveShell.instance(colors="nocolor" if _is_new() else "NoColor")
    ip.history_manager.enabled = False
    yield Shell(ip, session, capsys)
    claude_nb.unload_ipython_extension(ip)
    ip.history_manager.end_session()
    atexit.unregister(ip.atexit_operations)  # it would run long after the home of this test is gone
    # Its reset collects garbage over the heap of all tests so far, which takes seconds in a long run.
    with patch.object(gc, "collect"):
        ip.atexit_operations()
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(bare: Shell) -> Shell:
    claude_nb.load_ipython_extension(bare.ip)
    return bare


def _is_new() -> bool:
    from IPython import version_info

    return version_info[0] >= 9

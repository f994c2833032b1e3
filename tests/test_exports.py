"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import claude_nb

HEAVY = (
    "httpx",
    "anywidget",
    "ipywidgets",
    "markdown_it",
    "pygments",
    "sqlite3",
    "pandas",
    "keyring",
    "getpass",
    "claude_nb.demo",
    "claude_nb.providers.http.client",
    "claude_nb.widgets",
)
IMPORT = "import claude_nb"
LOAD = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
before = set(sys.modules)
shell.run_cell("%load_ext claude_nb")
assert "claude" in shell.magics_manager.magics["cell"]
"""
STATE = (
    LOAD + 'shell.run_cell("%claude"); shell.run_cell("%claude /help"); shell.run_cell("%claude --dry-run -p demo hi")'
)


def heavy_after(code: str) -> list[str]:
    """Which of the heavy modules a fresh interpreter has imported because of this code."""
    watch = f"print('HEAVY', *[name for name in {HEAVY} if name in sys.modules and name not in before])"
    program = f"import sys\nbefore = set(sys.modules)\n{code}\n{watch}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.rpartition("HEAVY")[2].split()


@pytest.mark.parametrize("code", [IMPORT, LOAD], ids=["import", "load_ext"])
def test_nothing_heavy_is_imported_before_it_is_used(code: str) -> None:
    assert heavy_after(code) == []


def test_the_watch_sees_what_is_imported() -> None:
    assert {"httpx", "sqlite3"} <= {*heavy_after("import httpx, sqlite3")}


def test_looking_around_imports_no_network_and_no_widgets() -> None:
    assert not {"httpx", "anywidget", "ipywidgets", "markdown_it", "pandas"} & {*heavy_after(STATE)}


@pytest.mark.parametrize("name", claude_nb.__all__)
def test_every_public_name_is_there_and_described(name: str) -> None:
    value = getattr(claude_nb, name)
    assert value.__name__ == name
    assert value.__doc__
    assert value.__module__ == claude_nb._PUBLIC[name]


def test_the_list_of_public_names_is_the_table() -> None:
    assert sorted(claude_nb.__all__) == sorted(claude_nb._PUBLIC)
    assert len(claude_nb.__all__) == len(set(claude_nb.__all__))
    assert set(claude_nb.__all__) <= set(dir(claude_nb))


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'asl'"):
        claude_nb.asl  # noqa: B018  # the access is the test


def test_a_star_import_brings_exactly_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from claude_nb import *", names)
    assert set(names) - {"__builtins__"} == set(claude_nb.__all__)

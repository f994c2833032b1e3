"""The public names, and what importing them costs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from IPython.core.completer import provisionalcompleter

import claude_nb
from tests.helpers.shells import Shell, bare, session

__all__ = ["bare", "session"]  # fixtures

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


def test_no_public_name_is_listed_twice() -> None:
    listed = [name for names in claude_nb._NAMES_BY_MODULE.values() for name in names.split()]
    assert claude_nb.__all__ == listed
    assert len(listed) == len(set(listed))


def test_dir_lists_the_public_names_only() -> None:
    importlib.import_module("claude_nb.types.reply")  # which leaves an attribute "types" on the package
    assert dir(claude_nb) == sorted([*claude_nb.__all__, "last"])


@pytest.mark.parametrize("use_jedi", [True, False], ids=["jedi", "no jedi"])
@pytest.mark.parametrize("line", ["claude_nb.", "nb."])
def test_tab_offers_the_public_names_only(bare: Shell, use_jedi: bool, line: str) -> None:
    importlib.import_module("claude_nb.types.reply")
    bare.ip.push({"claude_nb": claude_nb, "nb": claude_nb})
    bare.ip.Completer.use_jedi = use_jedi
    with provisionalcompleter():
        offered = [found.text.lstrip(".") for found in bare.ip.Completer.completions(line, len(line))]
    assert sorted(offered) == sorted([*claude_nb.__all__, "last"])


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'asl'"):
        claude_nb.asl  # noqa: B018  # the access is the test


def test_a_star_import_brings_exactly_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from claude_nb import *", names)
    assert set(names) - {"__builtins__"} == set(claude_nb.__all__)

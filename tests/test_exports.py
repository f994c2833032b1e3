"""The public names, and what importing them costs."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

import claude_nb
from claude_nb.session.signatures import AskOptions, Settings
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
    assert value.__doc__
    if inspect.ismodule(value):
        assert value.__name__ == f"{claude_nb._PUBLIC[name]}.{name}"
    else:
        assert (value.__module__, value.__name__) == (claude_nb._PUBLIC[name], name)


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


# Docstrings in Google style, which hovers, help() and documentation tools show

MADE_BY_USERS = {"Lens", "Playground", "Message", "Sampling", "Request", "Reply", "Token", "Usage", "ApiError"}
SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Example|Examples):$", re.MULTILINE)
EXAMPLE = re.compile(r">>>|^Examples?:|`[^`]+`|\w\(.*\)", re.MULTILINE)
BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def with_methods(name: str) -> dict[str, Any]:
    """A public function, or a public class and its public methods."""
    value = getattr(claude_nb, name)
    if inspect.ismodule(value):
        return {f"{name}.{key}": getattr(value, key) for key in value.__all__}
    members = vars(value) if isinstance(value, type) else {}
    functions = {
        f"{name}.{key}": inspect.unwrap(getattr(member, "__func__", member)) for key, member in members.items()
    }
    public = {path: function for path, function in functions.items() if "._" not in path}
    return {name: value} | {path: function for path, function in public.items() if inspect.isfunction(function)}


def signature_of(name: str, value: Any) -> tuple[set[str], bool]:
    """The parameters that a docstring has to describe, and whether something is returned."""
    if isinstance(value, type) and name not in MADE_BY_USERS:
        return set(), False
    signature = inspect.signature(value)
    parameters = {parameter.name for parameter in signature.parameters.values() if parameter.kind in BY_NAME}
    if hasattr(value, "__signature__"):  # the options are described once, in docs/options.md
        parameters -= {*AskOptions.__annotations__, *Settings.__annotations__}
    returns = signature.return_annotation not in (None, "None") and not isinstance(value, type)
    return parameters - {"self", "cls"}, returns


def faults_of(name: str, value: Any) -> list[str]:
    """What is missing in a docstring, or belongs to another signature."""
    doc = inspect.cleandoc(value.__doc__ or "")
    first, (_, *pieces) = doc.partition("\n")[0], SECTION.split(doc)
    sections = dict(zip(pieces[::2], pieces[1::2], strict=True))
    parameters, returns = signature_of(name, value)
    described = {
        word.strip()
        for line in re.findall(r"^    (\w[\w, ]*): ", sections.get("Args", ""), re.MULTILINE)
        for word in line.split(",")
    }
    checks = {
        f"the first line has {len(first)} characters": 0 < len(first) <= 80,
        f"Args lacks {sorted(parameters - described)}": parameters <= described,
        f"Args has {sorted(described - parameters)}": described <= parameters,
        "Returns is missing": not returns or first.startswith("Return ") or bool({"Returns", "Yields"} & {*sections}),
        "an example is missing": bool(EXAMPLE.search(doc)) or ("." in name and not parameters),
    }
    return [fault for fault, passed in checks.items() if not passed]


# Methods that other modules call, not users.
INTERNAL = {
    *("Lens.set_state", "Playground.set_state", "Playground.open"),
    *("Playground.say", "Playground.changed", "Playground.checkpoint", "Playground.ended"),
    *("Session.build", "Session.complete", "Session.send", "Session.continued", "Session.proceed", "Session.adopt"),
    *("Turn.abandon", "Turn.begins", "Turn.chunks", "Turn.interrupted_line", "Turn.beat"),
}
DOCUMENTED = {path: value for name in claude_nb.__all__ for path, value in with_methods(name).items()}


@pytest.mark.parametrize("name", sorted({*DOCUMENTED} - INTERNAL))
def test_the_docstring_of_a_public_name_matches_its_signature(name: str) -> None:
    assert faults_of(name, DOCUMENTED[name]) == []

"""The plan of the package: which rooms exist, what they are called, and that no imports run in a circle."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import claude_nb

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "claude_nb"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__")
FILES = sorted(path.name for path in PACKAGE.iterdir() if path.is_file() and path.name != "py.typed")
OLD_WORDS = {"lane", "pipe", "pulse", "clerk", "pace", "past", "sides", "shown", "asking", "rounds", "books"}

# A reply shows itself in a cell, as a table of pandas does: it imports its view inside a method.
EXCEPTION = {
    ("claude_nb.types.reply", "claude_nb.render.reply"),
    ("claude_nb.render.reply", "claude_nb.types.reply"),
}

Graph = dict[str, set[str]]


def imports_of(source: str, modules: set[str]) -> set[str]:
    """The modules that a source file imports, also inside functions and for type checkers only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else name.rpartition(".")[0] for name in inner}
    return found & modules


def graph() -> Graph:
    """Who imports whom. The package itself is left out: it is a door to all rooms, and imports them lazily."""
    files = {name: path for name, path in MODULES.items() if name != "claude_nb"}
    return {name: imports_of(path.read_text(encoding="utf-8"), set(files)) - {name} for name, path in files.items()}


def reachable(edges: Graph, start: str) -> set[str]:
    """All modules that *start* imports, directly or through others."""
    seen: set[str] = set()
    waiting = [*edges[start]]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += edges[name]
    return seen


def circles(edges: Graph) -> set[tuple[str, str]]:
    """The imports that lie on a circle: a imports b, and b leads back to a."""
    return {(name, other) for name in edges for other in edges[name] if name in reachable(edges, other)}


def test_no_imports_run_in_a_circle() -> None:
    assert circles(graph()) == EXCEPTION


def test_the_graph_sees_imports_in_functions_and_for_type_checkers() -> None:
    source = """
import a.b, os
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from a.c import Name
def f():
    from a import d, Name
"""
    assert imports_of(source, {"a", "a.b", "a.c", "a.d", "a.e"}) == {"a", "a.b", "a.c", "a.d"}


def test_the_graph_sees_circles_of_any_length() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}
    assert circles(edges) == {("a", "b"), ("b", "c"), ("c", "a")}


def test_the_top_of_the_package_can_be_seen_at_a_glance() -> None:
    assert len(ROOMS) <= 12, ROOMS
    assert len(FILES) <= 5, FILES


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_no_room_is_called_like_a_public_name() -> None:
    # Importing claude_nb.history.store, say, would replace the function claude_nb.history by the module.
    top = {*ROOMS, *(name.removesuffix(".py") for name in FILES)}
    assert not top & {*claude_nb.__all__, "last"}


def test_no_file_is_called_by_an_old_word() -> None:
    paths = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if "__pycache__" not in path.parts]
    assert not [path.as_posix() for path in paths if OLD_WORDS & {*re.split(r"[_.]", path.name)}]


def test_every_room_has_its_floor() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    floors = [floor for contract in contracts if contract["type"] == "layers" for floor in contract["layers"]]
    named = sorted(room.strip() for floor in floors for room in floor.split(":"))
    exist = {name.split(".")[1] for name in MODULES if name != "claude_nb"}
    assert named == sorted(exist)

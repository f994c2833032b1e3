"""Which names of claude_nb a piece of documentation uses, and which of them are not for users."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import claude_nb
from claude_nb import demo
from claude_nb.demo import sampling

# What notebooks and documentation may use: the public names, the newest reply, and the built-in model.
PUBLIC = {
    "claude_nb": {*claude_nb.__all__, "last", "demo"},
    "claude_nb.graders": {*claude_nb.graders.__all__},
    "claude_nb.demo": {*demo.__all__, "sampling"},
    "claude_nb.demo.sampling": {name for name in vars(sampling) if not name.startswith("_")},
}


def inner_names(code: str) -> list[str]:
    """Return the names in a cell that users should not need: "claude_nb.sweeps.plan", "claude_nb.Books"."""
    python = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("%"))
    if code.startswith("%%"):
        return []  # the rest of such a cell is a prompt
    return [name for name in _names(ast.parse(python)) if not _is_public(name)]


def inner_names_in_text(text: str) -> list[str]:
    """Return the same for every claude_nb.NAME that a text mentions."""
    return [name for name in re.findall(r"\bclaude_nb(?:\.\w+)+", text) if not _is_public(name)]


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "claude_nb")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "claude_nb":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "claude_nb":
            yield f"claude_nb.{node.attr}"


def _is_public(name: str) -> bool:
    module = max((module for module in PUBLIC if f"{name}.".startswith(f"{module}.")), key=len)
    return name == module or name.removeprefix(f"{module}.").split(".")[0] in PUBLIC[module]

"""Collect every regular expression of the package and of its JavaScript, and how each is used."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import claude_nb
from claude_nb.prompting import secret_places

PACKAGE = Path(claude_nb.__file__).parent
JS = PACKAGE.parent / "js" / "src"
CALLS = ("compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")
AT_ONE_PLACE = {"match", "fullmatch"}
# Values of the variables from which a function builds its pattern. Those of a loop are of its longest case.
END = r"(?:\r\n|\n|\r(?!\n))"
EXAMPLES: dict[str, Any] = {
    "name": "claude",
    "field": "temperature",
    "magic": "claude",
    "sign": "``",
    "option": SimpleNamespace(words=r"\d+|off"),
    "block": SimpleNamespace(markup="```"),
    "last": SimpleNamespace(markup="```"),
    "self": SimpleNamespace(path=Path("history.db"), _marker=lambda _: "- "),
    "closing": r"\n[ \t>]*`+[ \t]*\Z",
    "opened": [],
    "i": 0,
    "end": END,
    "above": rf"[^\S\r\n]*(?:#[^\r\n]*)?{END}",
    "folders": secret_places._patterns()[0].pattern,
    "files": secret_places._patterns()[1].pattern.removesuffix("$"),
}
# Patterns that a function gets, and what it does with them.
PASSED_ON = {"_PAIR": {"match"}, "_LIST": {"match"}}
FLAGS = re.compile(r"re\.[A-Z]+(?: \| re\.[A-Z]+)*")
IN_CLASS = r"\[(?:[^\]\\\n]|\\.)*\]"
JS_REGEX = re.compile(
    rf"(?<![\w)/*<])/(?! )((?:[^/\\\n\[*]|\\.|{IN_CLASS})(?:[^/\\\n\[]|\\.|{IN_CLASS})*)/[a-z]*(?=[.,;)\s])"
)


class Pattern(NamedTuple):
    """A regular expression, where it stands, and how it reads: "match", "fullmatch" or "search"."""

    place: str
    text: str
    flags: int
    use: str


class _Module(NamedTuple):
    """A module: its name, the nodes of its code, and the node around each."""

    name: str
    nodes: list[ast.AST]
    outer: dict[ast.AST, ast.AST]


@cache
def _modules() -> tuple[_Module, ...]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        found.append(_Module(name, nodes, {inner: node for node in nodes for inner in ast.iter_child_nodes(node)}))
    return tuple(found)


def of_package() -> list[Pattern]:
    """Return every pattern that a module passes to re. Raises NameError for a variable without an example."""
    return [pattern for module in _modules() for pattern in _of_module(module)]


def _of_module(module: _Module) -> Iterator[Pattern]:
    for node in module.nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("re"), attr=call)) if call in CALLS:
                values = {**vars(builtins), **EXAMPLES, **vars(importlib.import_module(module.name))}
                words = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
                flags = [_value(word, values) for word in words if FLAGS.fullmatch(ast.unparse(word))]
                use = _strictest({call} if call != "compile" else _uses(node, module))
                yield Pattern(f"{module.name}:{node.lineno}", _value(node.args[0], values), sum(map(int, flags)), use)


def _value(node: ast.expr, values: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "<pattern>", "eval"), values)  # of our own module


def _strictest(uses: set[str]) -> str:
    """Return the one use for which a pattern must be linear to be so for all of them."""
    if not uses <= AT_ONE_PLACE:
        return "search"
    return "fullmatch" if "fullmatch" in uses else "match"


def _uses(node: ast.AST, module: _Module) -> set[str]:
    """Return the methods that are called on a compiled pattern; "" for any other use of it."""
    around = module.outer[node]
    if isinstance(around, ast.Attribute):
        return {around.attr}
    name = _name_of(node, module)
    if not name:
        return {""}
    inside = next((outer for outer in _around(node, module) if isinstance(outer, ast.FunctionDef)), None)
    uses = set(_uses_of(name, module, inside))
    if not inside:
        uses |= {use for other in _modules() if other is not module for use in _uses_from(name, module.name, other)}
    return (uses - {"pattern"}) | PASSED_ON.get(name, set())


def _name_of(node: ast.AST, module: _Module) -> str:
    """Return the name that a compiled pattern gets, also in `A, B = re.compile(...), re.compile(...)`; "" for none."""
    match module.outer[node]:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case ast.Tuple(elts=values) as around:
            match module.outer[around]:
                case ast.Assign(targets=[ast.Tuple(elts=targets)]):
                    return ast.unparse(targets[[value is node for value in values].index(True)])
    return ""


def _around(node: ast.AST, module: _Module) -> Iterator[ast.AST]:
    while node in module.outer:
        node = module.outer[node]
        yield node


def _uses_of(name: str, module: _Module, inside: ast.AST | None) -> Iterator[str]:
    for node in ast.walk(inside) if inside else module.nodes:
        match node:
            case ast.Name(id=found, ctx=ast.Load()) if found == name:
                user = module.outer[node]
                if isinstance(user, ast.Attribute):
                    yield user.attr
                elif name not in PASSED_ON:
                    yield ""


def _uses_from(name: str, origin: str, other: _Module) -> Iterator[str]:
    """How a module uses a name that it imports, alone or by the module that has it."""
    last = origin.rpartition(".")[2]
    for node in other.nodes:
        match node:
            case ast.ImportFrom(module=source, names=names):
                found = {alias.name for alias in names}
                if source == origin and name in found:
                    yield from _uses_of(name, other, None)
            case ast.Attribute(value=ast.Name(id=found), attr=attr) if found == last and attr == name:
                user = other.outer[node]
                yield user.attr if isinstance(user, ast.Attribute) else ""


def of_js() -> list[Pattern]:
    """Return the regular expressions of our JavaScript, in Python's spelling."""
    found = []
    for path in sorted(JS.glob("*.js")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.lstrip().startswith(("//", "*", "/*", "import ", "export * ")):
                for regex in JS_REGEX.finditer(line.split(" // ")[0]):
                    text = regex[1].replace(r"\p{L}", "a-zA-Zà-ÿ").replace(r"\p{N}", "0-9")
                    found.append(Pattern(f"{path.name}:{number}", text, 0, "search"))
    return found

"""Rules for the tests themselves: no assertion reads a clock, and no test gets a second try."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import ROOT, TESTS

CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time"}
CALLS = {*CLOCKS, *(f"{name}_ns" for name in CLOCKS), "time.time", "time.time_ns", "datetime.now", "datetime.utcnow"}
# The same in code for a kernel or a page, which is a string here.
IN_TEXT = re.compile(rf"\b(?:{'|'.join(CLOCKS)}|(?:performance|Date)\.now|time\.time)\(|\blongtask\b|TaskDuration")
# Without one of these a file needs no closer look.
SIGNS = (*CLOCKS, "time.time", "datetime.now", "datetime.utcnow", "performance.now", "Date.now", ".wait(", "longtask")
# What runs in a kernel or a page. A clock that is read there leads to an assertion there or here.
RUN_ELSEWHERE = {"run", "start", "evaluate", "wait_for"}
FAILS = re.compile(r"raise AssertionError|pytest\.fail")
THIS_FILE = Path(__file__).resolve()


def is_clock(node: ast.AST) -> bool:
    """Is this a call that reads a clock, or a text with such a call in it?"""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(IN_TEXT.search(node.value))
    return isinstance(node, ast.Call) and bool({ast.unparse(node.func), name_of(node.func)} & CALLS)


def name_of(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def waits_a_number(node: ast.AST) -> bool:
    """event.wait(5): whether that is true depends on how busy the machine is."""
    return (
        isinstance(node, ast.Call)
        and name_of(node.func) == "wait"
        and any(isinstance(one, ast.Constant) and one.value for one in node.args)
    )


def targets(node: ast.AST) -> list[ast.AST]:
    """What gets a value here: a and b in `a, b = f()`, all in `all.append(x)`."""
    if isinstance(node, ast.Assign):
        return [one for target in node.targets for one in ast.walk(target)]
    if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        return [node.target]
    is_append = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append"
    return [node.func.value] if is_append else []  # type: ignore[union-attr]  # is_append says so


def value_of(node: ast.AST) -> ast.AST | None:
    return node.args[0] if isinstance(node, ast.Call) else getattr(node, "value", None)


class Scope:
    """A top-level function or class, with the names in it whose values come from a clock."""

    def __init__(self, body: ast.AST) -> None:
        self.body = body
        self.timed: set[str] = set()
        while self._spread():
            pass

    def reads(self, node: ast.AST | None) -> bool:
        """Does the value of this expression come from a clock?"""
        return node is not None and any(is_clock(one) or name_of(one) in self.timed for one in ast.walk(node))

    def _spread(self) -> bool:
        """Add the names that get a value from a clock or from a name found before; False when there are no more."""
        before = len(self.timed)
        for node in ast.walk(self.body):
            if isinstance(node, ast.FunctionDef):
                results = [one.value for one in ast.walk(node) if isinstance(one, ast.Return | ast.Yield)]
                names = [node.name] if any(map(self.reads, results)) else []
            else:
                names = [name for one in targets(node) if self.reads(value_of(node)) and (name := name_of(one))]
            self.timed.update(name for name in names if name != "self")
        return len(self.timed) > before

    def faults(self) -> Iterator[int]:
        """The lines of assertions on time."""
        for node in ast.walk(self.body):
            if isinstance(node, ast.Assert):
                if self.reads(node.test) or any(map(waits_a_number, ast.walk(node.test))):
                    yield node.lineno
            elif isinstance(node, ast.If) and self.reads(node.test):
                yield from (one.lineno for one in node.body if FAILS.match(ast.unparse(one)))
            elif isinstance(node, ast.Call) and name_of(node.func) in RUN_ELSEWHERE:
                yield from (node.lineno for one in node.args if self.reads(one))


def clock_assertions(source: str) -> list[int]:
    """The lines on which a test asserts how long something took."""
    if not any(word in source for word in SIGNS):
        return []
    constants = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    scopes = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return sorted({line for node in scopes for line in Scope(ast.Module([*constants, node], [])).faults()})


@pytest.mark.parametrize(
    "body",
    [
        "began = time.monotonic()\n    assert time.monotonic() - began < 2",
        "all = []\n    all.append(perf_counter())\n    assert max(all) < 3",
        "began = perf_counter()\n    took = perf_counter() - began\n    assert took < 2",
        "self.gone_at = time.time()\n    assert abs(self.gone_at - 3) < 1",
        "def seconds(): return time.process_time()\n    before = seconds()\n    assert seconds() - before < 1",
        "now = datetime.now(timezone.utc)\n    assert (now - created).total_seconds() < 60",
        "assert server.gone.wait(5)",
        "if time.monotonic() > end:\n        raise AssertionError('late')",
        "kernel.run('began = time.perf_counter()')",
        "page.evaluate('() => performance.now() - start')",
        "page.evaluate(WORK)",
    ],
)
def test_an_assertion_on_time_is_found(body: str) -> None:
    assert clock_assertions(f"WORK = 'Date.now() - began'\ndef test_it(self):\n    {body}\n")


@pytest.mark.parametrize(
    "body",
    [
        "assert server.gone.wait()",
        "assert Stop().wait(0) is False",
        "clock.now += 1\n    assert turn.seconds == clock.now",
        "end = time.monotonic() + 10\n    while time.monotonic() < end:\n        look()\n    assert seen",
        "page.evaluate('performance.now = () => 0')",
    ],
)
def test_waits_and_fake_clocks_are_no_assertions_on_time(body: str) -> None:
    assert clock_assertions(f"def test_it(self):\n    {body}\n") == []


def test_no_assertion_reads_a_clock() -> None:
    """A time says how busy a machine is: count calls, bytes or events (tests/helpers/work.py), or inject a clock."""
    files = [path for path in sorted(TESTS.rglob("*.py")) if path != THIS_FILE]
    found = [f"{path.relative_to(ROOT)}:{line}" for path in files for line in clock_assertions(path.read_text("utf-8"))]
    scripts = sorted((ROOT / "js" / "test").rglob("*.js"))
    found += [f"{path.relative_to(ROOT)}:" for path in scripts if IN_TEXT.search(path.read_text("utf-8"))]
    assert found == []


def test_no_test_gets_a_second_try() -> None:
    """What fails once is a race in the product or in the test."""
    places = [ROOT / "pyproject.toml", ROOT / "Makefile", *ROOT.glob("requirements-*.txt"), *TESTS.rglob("*.py")]
    again = re.compile(r"rerun(s|failures)\b|\bflaky\b")
    assert [str(path) for path in places if path != THIS_FILE and again.search(path.read_text("utf-8"))] == []

"""No regular expression may freeze the kernel, because Python cannot be interrupted inside one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.notebook import extension
from claude_nb.prompting import secret_places
from tests.helpers.ambiguity import ambiguous
from tests.helpers.patterns import PACKAGE, Pattern, of_js, of_package
from tests.helpers.steps import Steps, TooManySteps, pieces

READS_WHAT_ANOTHER_DID = r"(?:\{\{[^{}]{0,300}\}\}"
# What is found, but cannot be slow: the beginning of the pattern, and why.
HARMLESS = {
    r" ?not Claude\b|\n*```": "the next alternative takes all the line ends at which this one fails",
    r"^```\w*[ \t]*\n(.*?)^```": "whatever opens a block also closes one, so only the last can fail",
    r"(?:(?:/id_rsa": "reads names of at most 1,000 characters (tested below)",
    r"\s*([A-Za-z_][\w-]*)\s*=\s*(": "quotes are read in one way: the second spelling asks that it is not the first",
    READS_WHAT_ANOTHER_DID: "reads what the pattern above has matched, item by item",
}
OLD_SECRET = r"(?i)((?:api_?key|secret|token|passw(?:or)?d|pwd)\w*[\"']?\s*[\]]?\s*[=:]\s*)([\"'])((?:(?!\2).){6,})\2"
OLD_KEYS = r"(?<![A-Za-z0-9])sk-(?=[A-Za-z_\-]*[0-9])[A-Za-z0-9_\-]{20,}"
OLD_FIELD = r"(\\?)\{\{\s*([^\W\d]\w*)((?:\.[^\W\d]\w*)*)\s*(\([^}]*\)\s*)?\}\}"
OLD_ITEM = r"""(?:"(?:\\.|[^"\\])*"(?=\s|,|$)|"[^"]*"(?=\s|,|$)|[^\s,]+)"""
OLD_CELL = r"(?:[^\S\r\n]*(?:#[^\r\n]*)?(?:\r\n|\n|\r))*%%claude"
SLOW = [  # the second half was in the package
    (r"(a+)+b", "match"),
    (r"(?:a|a)*b", "match"),
    (r"(?:a{1,3})*b", "match"),
    (r"(?:(?=a*b)a)*", "match"),
    (r"\s*x?\s*=", "match"),
    (r"a+$", "search"),
    (r"(?:a*b)|a", "search"),
    (r'"(?:\\.|[^"\\])*"', "search"),
    (r"\B\w+x", "search"),
    (OLD_SECRET, "search"),
    (OLD_KEYS, "search"),
    (r"(?is)<title[^>]*>(.*?)</title>", "search"),
    (OLD_FIELD, "search"),
    (rf"\s*([\w-]+)\s*=\s*({OLD_ITEM}(?:\s*,\s*{OLD_ITEM})*)(?=\s|$)", "match"),
    (r"\]\(\S*(?:\s+(?:\"[^\"]*\"?)?)?\Z", "search"),
    (OLD_CELL, "match"),
    (r"(`{3,}|~{3,})[ \t]*(</[A-Za-z][\w-]{0,30}>)?[ \t]*", "fullmatch"),
    (r"^\W+|\W+$", "search"),
    (r"[ _-]*\(\d+\)$", "search"),
]
QUICK = [
    (r"a+$", "match"),
    (r"(?:a|b)*c", "fullmatch"),
    (r"\w+(?:'\w+)*", "search"),
    (r"<[^<>]*>", "search"),
    (r"(?<!\s)\s+$", "search"),
    (r"\b\w+x", "search"),
    (r"^ +\w+:", "search"),
    (r"\s{0,2000}x", "search"),
    (r"(?i)(?:ab?)*", "match"),
]


def findings() -> dict[Pattern, str]:
    found = {pattern: ambiguous(pattern.text, pattern.flags, pattern.use) for pattern in (*of_package(), *of_js())}
    return {pattern: text for pattern, text in found.items() if text}


def test_the_work_of_every_pattern_grows_with_the_length_of_a_text_and_not_faster() -> None:
    """Each finding says what is to be repeated. Mend the pattern, or list it with the reason why it is harmless."""
    found = findings()
    slow = [(p.place, p.text, text) for p, text in found.items() if not p.text.startswith(tuple(HARMLESS))]
    assert slow == []
    assert [start for start in HARMLESS if not any(pattern.text.startswith(start) for pattern in found)] == []


@pytest.mark.parametrize(("pattern", "use"), SLOW)
def test_a_slow_pattern_is_found(pattern: str, use: str) -> None:
    assert ambiguous(pattern, 0, use)


@pytest.mark.parametrize(("pattern", "use"), QUICK)
def test_a_quick_pattern_is_not(pattern: str, use: str) -> None:
    assert ambiguous(pattern, 0, use) == ""


COUNTED = [
    pattern
    for pattern in (*of_package(), *of_js())
    if len(pattern.text) < 3_000 and not pattern.text.startswith(READS_WHAT_ANOTHER_DID)
]


def counted(pattern: Pattern, *texts: str) -> list[int]:
    steps = Steps(pattern.text, pattern.flags)
    return [steps.reading(text, pattern.use) for text in texts]


@settings(max_examples=300)
@given(st.data())
def test_twice_as_much_text_takes_twice_the_steps(data: st.DataObject) -> None:
    """A bounded repeat takes two at most here, as in the automaton."""
    pattern = data.draw(st.sampled_from(COUNTED))
    piece = st.sampled_from(sorted({*pieces(Steps(pattern.text, pattern.flags).tree), *"a0 \n-"}))
    before, unit, after = (data.draw(st.lists(piece, min_size=least, max_size=3).map("".join)) for least in (0, 1, 0))
    none, some, twice = counted(pattern, *(before + unit * times + after for times in (0, 10, 20)))
    assert twice - some <= 2 * (some - none) + 100


@pytest.mark.parametrize(("pattern", "use"), [(OLD_KEYS, "search"), (OLD_FIELD, "search"), (OLD_SECRET, "search")])
def test_steps_show_what_the_automaton_finds(pattern: str, use: str) -> None:
    unit = ambiguous(pattern, 0, use)
    none, some, twice = counted(Pattern("", pattern, 0, use), *("k " + unit * times for times in (0, 10, 20)))
    assert twice - some > 2 * (some - none) + 100


def test_steps_of_a_pattern_that_doubles_them_end_somewhere() -> None:
    with pytest.raises(TooManySteps):
        counted(Pattern("", r"(a+)+b", 0, "match"), "a" * 40)


def test_no_pattern_is_forgotten() -> None:
    """Each place where a module uses re is found, also inside a function or a table."""
    found = [pattern.place for pattern in of_package()]
    used = re.compile(r"\bre\.(?:compile|search|match|fullmatch|subn?|split|findall|finditer)\(")
    texts = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    assert len(found) == sum(len(used.findall(text)) for text in texts)
    assert len(of_js()) == 9


def test_modules_use_re_under_its_own_name_and_nothing_else_that_searches() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("re", "fnmatch", "regex"), path
            if isinstance(node, ast.Import):
                assert not any(name.name == "re" and name.asname for name in node.names), path


def test_a_name_that_no_file_can_have_is_not_looked_at() -> None:
    assert not secret_places.holds_secrets(Path("/home/ada") / ("privatekey" * 20_000 + ".asc"))
    assert secret_places.holds_secrets(Path("/home/ada") / ("privatekey" * 90 + ".asc"))


def test_a_cell_of_blank_windows_lines_is_read_at_once() -> None:
    """Each of the lines doubled the time."""
    cell = ["\r\n"] * 5_000 + ["x %%claude"]
    assert extension.cell_transformer("claude")(cell) == cell

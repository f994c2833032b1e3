"""What is typed into a cell or behind %claude is what is sent, to the byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from claude_nb.notebook import extension
from claude_nb.notebook.magic import ClaudeMagic
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

ODD_LINE_ENDS = ["\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
BODIES = [
    ">>> 1+1\n2",
    "Why does this fail?\n>>> 1+1\n... 2\n>>> f()\n",
    "... three dots\n... and more",
    "In [1]: 1+1\nOut[1]: 2\n\nIn [2]: x",
    "In [1]: for x in y:\n   ...:     print(x)",
    "Which side?\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> topic",
    ">>>>>>> topic",
    ">>>",
    "    >>> indented\n    ... too",
    '"""\n>>> x\n"""\n>>> y',
    "    an indented line\n\tand a tab\n  ",
    "\tone\n\t\ttwo",
    "trailing blanks   \n   \n\t\nend\t ",
    "\n\nblank lines above\nand below\n\n\n",
    "%%claude again",
    "%claude --dry-run",
    "!ls\n?x\nx??\n%time 1",
    "# a comment\n#: and another",
    "-t 0.2 is no option here\n--dry-run",
    "/history",
    "a \\\nb \\",
    "'''\"\"\"'\"",
    "\ufeffbyte order mark and \u200b zero width \u00a0",
    "nul \x00 bell \x07 escape \x1b[0m",
    "combined é and é",
    *(f"one{end}two{end}{end}>>> three" for end in ODD_LINE_ENDS),
    *(f"one{end}" for end in ODD_LINE_ENDS),
    *(f"{end}one" for end in ODD_LINE_ENDS),
]


@pytest.fixture
def prompts(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prompts that the session gets, filled in."""
    found: list[str] = []
    build = shell.session.build

    def keep(prompt: str, *args: Any) -> Any:
        found.append(prompt)
        return build(prompt, *args)

    monkeypatch.setattr(shell.session, "build", keep)
    return found


@pytest.mark.parametrize("body", BODIES)
def test_the_body_of_a_cell_arrives_byte_for_byte(shell: Shell, prompts: list[str], body: str) -> None:
    for cell in (
        f"%%claude --dry-run\n{body}\n",
        f"    %%claude --dry-run\n{body}\n",
        f"\n \n# NBVAL_SKIP\n\n%%claude --dry-run\n{body}\n",
        f"%%claude --dry-run   \r\n{body}\n",
        f"%%capture\n%%claude --dry-run\n{body}\n",
    ):
        shell.run(cell)
    shell.ip.run_cell_magic("claude", "--dry-run", body)
    assert prompts == [body] * 5 + [body.removesuffix("\n")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text("> .\n\r\t\x0b\x0cIn[1]:%\\'\"ab#", max_size=60)
    | st.lists(st.sampled_from([">>> a", "... b", "    c", "\td", "", "In [1]: e", "   ...: f", " "])).map("\n".join)
)
def test_any_text_in_a_cell_arrives_byte_for_byte(shell: Shell, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    found: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(ClaudeMagic, "__call__", lambda _self, _line, cell: found.append(cell))
        shell.ip.run_cell(f"%%claude -t 0.2\n{text}\n", silent=True)
    assert found == [f"{text}\n"]


def test_a_line_end_that_ipython_adds_is_not_sent(shell: Shell, prompts: list[str]) -> None:
    shell.run("%%claude --quiet\nHi")
    shell.run("%%claude --quiet\nHi\n")
    shell.run("%%claude --quiet\nHi\n\n")
    assert prompts == ["Hi", "Hi", "Hi\n"]


@pytest.mark.parametrize("end", [end for end in ODD_LINE_ENDS if "\r" not in end])
def test_a_line_goes_on_to_its_real_end(shell: Shell, prompts: list[str], end: str) -> None:
    shell.run(f"%claude --quiet one{end}ran = True\nafter = True")
    assert prompts == [f"one{end}ran = True"]
    assert "ran" not in shell.vars
    assert shell.vars["after"]
    assert "goes below" in shell.run(f"%%claude --quiet{end}one\ntwo")


def test_python_that_stands_above_the_magic_is_an_error_and_nothing_is_sent(shell: Shell, prompts: list[str]) -> None:
    printed = shell.run("ran = 1\n%%claude\nWhat's this?")
    assert "SyntaxError: %%claude must be the first line of its cell; move the code above it away" in printed
    assert "ran" not in shell.vars
    assert prompts == []
    shell.run('text = """\n%%claude\n"""')
    assert shell.vars["text"] == "\n%%claude\n"


def test_a_terminal_waits_for_the_end_of_a_cell() -> None:
    manager = TransformerManager()
    extension.add_transformers(manager, "claude")
    assert manager.check_complete("%%claude")[0] == "incomplete"
    assert manager.check_complete("%%claude\n>>> x")[0] == "incomplete"
    assert manager.check_complete("%%claude\n>>> x\n\n")[0] == "complete"


def test_the_blank_lines_that_end_a_cell_in_a_terminal_are_not_sent(
    shell: Shell, prompts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(shell.ip), "prompt_for_code", None, raising=False)
    shell.run("%%claude --quiet\n\n>>> Hi\n\n")
    assert prompts == ["\n>>> Hi"]


def test_pasted_prompts_in_front_of_the_magic_itself_are_removed(shell: Shell, prompts: list[str]) -> None:
    shell.run("In [1]: %%claude --quiet\n   ...: Hi\n")
    shell.run(">>> %claude --quiet Ho\n")
    assert prompts == ["Hi", "Ho"]


def test_unloading_puts_the_input_of_ipython_back(bare: Shell) -> None:
    manager = bare.ip.input_transformer_manager
    before = [[*manager.cleanup_transforms], [*manager.line_transforms], [*manager.token_transformers]]
    extension.load(bare.ip)
    extension.unload(bare.ip)
    assert [manager.cleanup_transforms, manager.line_transforms, manager.token_transformers] == before


# Variables of functions

WHERE = [
    ("def f(city): return %claude {{city}}?\nr = f('Rome')", ["Rome?"]),
    ("def f(city):\n    return %claude {{city}}?\nr = f('Rome')", ["Rome?"]),
    ("def f(city):\n    r = %claude {{city}}?\n    return r\nr = f('Rome')", ["Rome?"]),
    ("def f(city):\n    %claude {{city}}?\nf('Rome')\nr = reply", ["Rome?"]),
    ("f = lambda city: %claude {{city}}?\nr = f('Rome')", ["Rome?"]),
    ("def f(city):\n    yield %claude {{city}}?\nr = next(f('Rome'))", ["Rome?"]),
    ("def f(city):\n    def g():\n        return %claude {{city}}?\n    return g()\nr = f('Rome')", ["Rome?"]),
    ("def f(city):\n    def g():\n        city\n        return %claude {{city}}?\n    return g\nr = f('A')()", ["A?"]),
    ("for city in ('a', 'b'):\n    r = %claude {{city}}?", ["a?", "b?"]),
    ("def f(city):\n    for i in range(2):\n        %claude {{city}}{{i}}\nf('x')\nr = reply", ["x0", "x1"]),
    ("class C:\n    def m(self, city): return %claude {{self.n}} {{city}}\n    n = 1\nr = C().m('x')", ["1 x"]),
    ("def f():\n    return %claude {{city}}?\nr = f()", ["Oslo?"]),
    ("def f(city): get_ipython().run_cell_magic('claude', '', '{{city}}')\nf('Rome')\nr = reply", ["Rome"]),
    ("def f(rules): return %claude -s {{rules}} --stop {{city}} Hi\nr = f('Be brief.')", ["Hi"]),
    ("if city: r = %claude {{city}}?", ["Oslo?"]),
    ("x = 1; %claude {{city}}?\nr = reply", ["Oslo?"]),
    ("r = None or %claude {{city}}?", ["Oslo?"]),
    ("%time r = get_ipython().run_line_magic('claude', '{{city}}')", ["Oslo"]),
    ("async def f(city): return %claude {{city}}?\nr = await f('Rome')", ["Rome?"]),
]


@pytest.mark.parametrize(("cell", "expected"), WHERE)
def test_the_variables_of_the_function_come_first(
    shell: Shell, prompts: list[str], cell: str, expected: list[str]
) -> None:
    shell.vars["city"] = "Oslo"
    shell.run(cell)
    assert prompts == expected
    assert shell.vars["r"].prompt == expected[-1]


@pytest.mark.parametrize(
    "cell",
    [
        "def g(): return %claude {{local}}\ndef f(local): return g()\nf('Rome')",
        "def f(local): return lambda: get_ipython().run_line_magic('claude', '{{local}}')\nf('Rome')()",
        "def f():\n    %claude {{city}}\n    city = 1\nf()",
    ],
)
def test_a_variable_that_python_would_not_see_is_refused(shell: Shell, cell: str) -> None:
    shell.vars["city"] = "Oslo"
    assert "PromptError: no variable" in shell.run(cell)
    assert shell.session.last is None


def test_files_and_functions_and_schemas_may_be_local_too(shell: Shell) -> None:
    cell = """def f(table, kind, tool):
    %claude -m demo --dry-run -a {{table}} --json kind Hi
    %claude -p anthropic --dry-run --tools tool Hi
f(frame, int, weather)"""
    import pandas as pd

    def weather(city: str) -> str:
        """Say how the weather is."""
        return city

    shell.vars |= {"frame": pd.DataFrame({"n": [1]}), "weather": weather}
    printed = shell.run(cell)
    assert "text/plain" in printed
    assert '"type": "integer"' in printed
    assert "Say how the weather is." in printed


def test_a_plain_statement_is_not_shown_a_second_time(shell: Shell) -> None:
    assert "Out[" not in shell.run("x = 1; %claude --seed 1 Hi")

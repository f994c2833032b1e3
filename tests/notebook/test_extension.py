"""Run lines as IPython does, and look at what reaches the magic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from claude_nb.notebook.extension import line_transformer


class Shell:
    """Takes the place of the shell, and keeps the prompts that the magic gets."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def run_line_magic(self, name: str, line: str) -> str:
        assert name == "claude"
        self.prompts.append(line)
        return f"reply to {line}"


def python_of(cell: str) -> str:
    manager = TransformerManager()
    manager.token_transformers.append(line_transformer("claude"))
    return manager.transform_cell(cell)


def run(cell: str) -> tuple[list[str], dict[str, Any]]:
    """Return the prompts that the magic got, and the variables of the cell."""
    shell = Shell()
    variables: dict[str, Any] = {"get_ipython": lambda: shell}
    exec(python_of(cell), variables)
    return shell.prompts, variables


@pytest.mark.parametrize(
    "prompt",
    [
        "Why is the sky blue?",
        "Why??",
        "?",
        "what's up?",
        'say "hello',
        "\"quoted\" and 'more'?",
        "it's '''three''' and \"\"\"three\"\"\"?",
        "(a story",
        "a list of [1, 2, {3: (4?",
        "close ) ] } all",
        "🙂 smile?",
        "Ünïcödé 你好 مرحبا?",
        "non\u00a0breaking\u2003spaces\u200b?",
        "5km in 3min?",
        "0123 and 1_ and 0x and 1e?",
        "is $x a dollar? {x} {{x}} `x`",
        "# not a comment?",
        "! not a shell line",
        "100% sure?",
        "a %claude in the prompt?",
        "x = %claude y?",
        "trailing; semicolons;",
        "backslash \\ in the middle?",
        r"\frac{1}{2} and \n?",
        "-t 0.2 Why?",
        "/models",
        "lambda: 0?",
        "f'{x}' f\"{y",
        "café's?",
        "don't, won't, can't?",
    ],
)
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("", "\n"), ("x = 1\n", "\ny = 2\n"), ("if True:\n    ", "\n    y = 2\n"), ("r = ", "\n")],
    ids=["alone", "line", "between", "indented", "assigned"],
)
def test_a_prompt_arrives_letter_by_letter(prompt: str, before: str, after: str) -> None:
    asked, variables = run(f"{before}%claude {prompt}{after}")
    assert asked == [prompt]
    assert variables.get("r", f"reply to {prompt}") == f"reply to {prompt}"
    assert variables.get("y", 2) == 2


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1))
def test_any_line_arrives(text: str) -> None:
    prompt = " ".join(text.split()).rstrip("\\").strip()
    if prompt and prompt[0] != "?":
        assert run(f"%claude {prompt}")[0] == [prompt]


@pytest.mark.parametrize("quote", ["'", '"', "(", "[", "'''", "🙂"])
def test_several_lines_in_one_cell_do_not_affect_each_other(quote: str) -> None:
    cell = f"%claude one {quote}?\na = %claude two {quote}?\nfor i in range(2):\n    %claude three {quote}\nb = 'b'\n"
    asked, variables = run(cell)
    assert asked == [f"one {quote}?", f"two {quote}?", f"three {quote}", f"three {quote}"]
    assert (variables["a"], variables["b"]) == (f"reply to two {quote}?", "b")


def test_an_awkward_line_of_another_magic_before_it_does_no_harm() -> None:
    assert "run_line_magic('claude', 'what is it?')" in python_of("%timeit 'it\n!echo it's\n%claude what is it?\n")


def test_a_backslash_continues_the_prompt_on_the_next_line() -> None:
    assert run("%claude why is \\\nthe sky blue?\nx = 1\n")[0] == ["why is  the sky blue?"]
    assert run("%claude \\\nwhy?\n")[0] == ["why?"]


@pytest.mark.parametrize(
    "cell",
    [
        'x = "%claude no?"\n',
        'x = """\n%claude no?\n"""\n',
        "x = '''it's\n%claude no?\n'''\n",
        "# %claude no?\n",
        "claude = 3\nx = 5 %claude\n",
        "claude = y = 3\nx = 5 %claude + y\n",
        "claude = 3\nx = (7\n%claude )\n",
        "claude = x = 2\nx = dict(\na=7\n%claude )\n",
        "x = [1,\n# %claude no?\n2]\n",
    ],
)
def test_text_that_only_looks_like_the_magic_is_left_alone(cell: str) -> None:
    asked, variables = run(cell)
    assert asked == []
    assert "x" in variables or cell.startswith("#")


def test_a_string_before_the_magic_is_not_mistaken_for_it() -> None:
    asked, variables = run('d = {}\nd["%claude x"] = %claude why?\n')
    assert asked == ["why?"]
    assert variables["d"] == {"%claude x": "reply to why?"}


def test_several_targets_take_the_reply() -> None:
    _, variables = run("a = b = %claude why?\n")
    assert variables["a"] == variables["b"] == "reply to why?"


def test_the_value_of_a_plain_line_is_not_shown_again() -> None:
    assert eval(python_of("%claude Why?"), {"get_ipython": Shell}) is None


@pytest.mark.parametrize("line", ["%claude?", "%claude??", "?%claude"])
def test_help_on_the_magic_is_left_to_ipython(line: str) -> None:
    assert "run_line_magic('pinfo" in python_of(line)


def test_a_longer_name_is_another_magic() -> None:
    assert python_of("%claudette why") == "get_ipython().run_line_magic('claudette', 'why')\n"
    assert python_of("%claude") == "get_ipython().run_line_magic('claude', '')\n"


def test_the_body_of_a_cell_magic_is_not_touched() -> None:
    assert python_of("%%claude\n%claude why?\n") == "get_ipython().run_cell_magic('claude', '', '%claude why?\\n')\n"

"""Which blocks of a reply are code, and which of them are Python."""

from __future__ import annotations

import re

import pytest

from claude_nb.render import markdown_html
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request


def reply(text: str) -> Reply:
    return Reply(Request("demo", "demo", (Message("user", "Hi"),)), text)


def block(code: str, language: str = "") -> str:
    return f"```{language}\n{code}\n```\n"


OTHERS = [
    *("pip install rich", "!pip install rich", "%pip install rich", "$ ls", "ls", "ls -la", "cd /tmp && ls", "make"),
    *("git status", "Hello, world!", "Hello", "42", "[1, 2, 3]", "{'a': 1}", "True", "None", "0.5 0.7", "'text'"),
    *("Point(x=1, y=2)", "array([1, 2])", "loss: 0.5", "name: str", "a | b\n--|--\n1 | 2", ">>> 1 + 1\n2"),
    *("Traceback: no", "", "...", "SELECT * FROM t", "<p>Hi</p>", "\x00", "(" * 5_000, "-" * 5_000 + "1"),
]
PROGRAMS = [
    *("import os", "x = 1\nx", "print('hi')", "def f():\n    pass", "for i in range(3):\n    print(i)", "x: int = 1"),
    r"re = '\d'",
]
NAMES = [
    *("python", "Python", "python3", "python3.12", "py", "PY", "ipython", "ipython3", "{python}", "python title=x"),
    *("{.python .numberLines}", "python,ignore", "python:main.py", "python {highlight}"),
]
OTHER_NAMES = ["pycon", "python-repl", "pytb", "bash", "text", "output", "console", "json", "pyx", "cpython"]


@pytest.mark.parametrize("code", OTHERS)
def test_a_block_without_a_language_is_not_python_if_it_is_a_command_or_an_output(code: str) -> None:
    assert reply(block(code)).python == ""
    assert reply(block("x = 1", "python") + block(code)).python == "x = 1"


@pytest.mark.parametrize("code", PROGRAMS)
def test_a_program_without_a_language_counts_if_nothing_in_the_reply_has_one(code: str) -> None:
    assert reply(block(code)).python == code
    assert reply(block(code) + block("42")).python == code
    assert reply(block(code) + block("ls", "bash")).python == ""
    assert reply(block("y = 2", "python") + block(code)).python == "y = 2"


@pytest.mark.parametrize("word", NAMES)
def test_the_names_of_python_are_known(word: str) -> None:
    assert reply(block("no python at all", word)).python == "no python at all"


@pytest.mark.parametrize("word", OTHER_NAMES)
def test_other_languages_are_not_python(word: str) -> None:
    assert reply(block("x = 1", word)).python == ""


TAGS = ["answer", "details", "thinking", "think", "output", "code", "pre", "div", "script", "!--", "summary", "table"]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("fence", ["```", "~~~", "````", "  ```"])
@pytest.mark.parametrize("before", ["", "Text:\n", "- item\n\n", "# Title\n"])
def test_a_fence_right_below_a_tag_is_shown_and_read_as_code(tag: str, fence: str, before: str) -> None:
    text = f"{before}<{tag}>\n{fence}python\nx = 1 < 2\n{fence}\n</{tag}>\n"
    blocks = re.findall(r"<pre.*?</pre>", markdown_html(text), re.DOTALL)

    assert reply(text).code == [("python", "x = 1 < 2\n")]
    assert reply(text).python == "x = 1 < 2"
    assert [re.sub("<[^>]*>", "", shown) for shown in blocks] == ["x = 1 &lt; 2\n"]


BESIDE = {
    "behind the tag": "<answer>```python\nx = 1 < 2\n```\n</answer>",
    "before the tag": "<answer>\n```python\nx = 1 < 2\n```</answer>",
    "both": "Text\n<answer>```python\nx = 1 < 2\n```</answer>\nMore",
    "in a list": "- a\n\n  <answer>\n  ```python\n  x = 1 < 2\n  ```</answer>\n- b",
    "in a quote": "> <answer>```python\n> x = 1 < 2\n> ```</answer>\n\nText",
    "tildes": "<output>\n~~~python\nx = 1 < 2\n~~~ </output>",
}


@pytest.mark.parametrize("case", BESIDE)
def test_a_tag_on_the_line_of_a_fence_is_not_a_part_of_the_code(case: str) -> None:
    blocks = re.findall(r"<pre.*?</pre>", markdown_html(BESIDE[case]), re.DOTALL)

    assert reply(BESIDE[case]).code == [("python", "x = 1 < 2\n")]
    assert [re.sub("<[^>]*>", "", shown) for shown in blocks] == ["x = 1 &lt; 2\n"]
    assert "&lt;/" in markdown_html(BESIDE[case])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("````md\n```</answer>\n````", ["```</answer>\n"]),
        ("```html\n``</b>\n```", ["``</b>\n"]),
        ("```py\nx\n```</answer> and more\n```", ["x\n```</answer> and more\n"]),
        ("a <b>```x```</b>", []),
        ("<b>```x``` and", []),
        ("    <answer>```python\n    x", []),
    ],
)
def test_other_tags_beside_ticks_are_as_in_markdown(text: str, code: list[str]) -> None:
    assert [block.code for block in reply(text).code] == code


def test_a_long_block_that_a_tag_closes_is_cut_behind_its_end() -> None:
    from claude_nb.render import cut

    text = "```python\n" + "x = 1\n" * 50 + "```</answer>\n"

    assert cut(text, 20) == (len(text), "")

"""The code blocks of a reply, and which of them are Python."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from typing import NamedTuple

# python, Python3, py, ipython3, {python}, {.python, python:main.py, python,ignore
PYTHON = re.compile(r"\{?\.?(?:ipython|python|py)[\d.]*(?:[,:;{}].*)?", re.IGNORECASE)
HIDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class CodeBlock(NamedTuple):
    """A fenced block of a reply: CodeBlock("python", "print(1)\\n").

    The language may be "".
    """

    language: str
    code: str

    def __str__(self) -> str:
        return self.code

    def _repr_html_(self) -> str:
        from claude_nb import render

        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", self.code)), default=0))
        return render.markdown_html(f"{fence}{self.language}\n{self.code}\n{fence}")


def python_of(blocks: Iterable[CodeBlock]) -> str:
    """Return the Python blocks as one text, without characters that could hide or reorder code.

    A block without a language counts only if no block has one, and if it is a program.
    """
    blocks = list(blocks)
    if any(block.language for block in blocks):
        blocks = [block for block in blocks if PYTHON.fullmatch(block.language)]
    else:
        blocks = [block for block in blocks if _is_program(block.code)]
    return HIDING.sub("", "\n\n".join(block.code.strip("\n") for block in blocks))


def _is_program(code: str) -> bool:
    """Return whether a text is Python that does something. "42", "ls" and "loss: 0.5" are valid Python, but output."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd escapes
            body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        not isinstance(step, ast.Expr | ast.AnnAssign)
        or (isinstance(step, ast.AnnAssign) and step.value is not None)
        or (isinstance(step.value, ast.Call) and getattr(step.value.func, "id", "") == "print")
        for step in body
    )

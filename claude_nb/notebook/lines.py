"""Rewrites "%claude ..." lines before IPython's help syntax sees them, so that a prompt may end in a question mark."""

from __future__ import annotations

import tokenize
from typing import Any

from IPython.core.inputtransformer2 import (
    TokenTransformBase,
    assemble_continued_line,
    find_end_of_continued_line,
)

_LAYOUT = (tokenize.INDENT, tokenize.DEDENT, tokenize.NL)


def line_transformer(name: str) -> type[TokenTransformBase]:
    """The transformer for one magic name; goes into ip.input_transformer_manager.token_transformers.

    %claude Why?        becomes  get_ipython().run_line_magic('claude', 'Why?') and its value is not shown again
    r = %claude Why?    keeps the value: r is the Reply
    %claude?            is left to IPython: help on the magic
    """

    class PromptLine(TokenTransformBase):
        priority = 3  # before IPython's help (5) and its own magic lines (10)

        def __init__(self, start: tuple[int, int], magic: tuple[int, int], assigned: bool) -> None:
            super().__init__(start)  # type: ignore[no-untyped-call]  # IPython has no types here
            self.magic = magic
            self.assigned = assigned

        @classmethod
        def find(cls, tokens_by_line: list[list[Any]]) -> PromptLine | None:
            for tokens in tokens_by_line:
                words = [t for t in tokens if t.type not in _LAYOUT]
                for i in range(len(words) - 1):
                    if words[i].string != "%" or words[i + 1].string != name or words[i].end != words[i + 1].start:
                        continue
                    assigned = i > 1 and words[i - 1].string == "=" and not _in_brackets(words[:i])
                    # A prompt is not Python, so its tokens tell nothing; transform() looks at the text.
                    if (i == 0 or assigned) and words[i + 1].line[words[i + 1].end[1] :][:1] in " \t":
                        row, column = words[i].start
                        return cls(words[0].start, (row - 1, column), assigned)
                    break
            return None

        def transform(self, lines: list[str]) -> list[str]:
            row, column = self.magic
            last = find_end_of_continued_line(lines, row)
            prompt = assemble_continued_line(lines, self.magic, last)[len(name) + 1 :].strip()
            if not prompt:
                raise SyntaxError("no prompt")  # the sign for IPython to try its own syntax
            call = f"get_ipython().run_line_magic({name!r}, {prompt!r})"
            shown = call if self.assigned else f"({call}, None)[1]"
            return [*lines[:row], f"{lines[row][:column]}{shown}\n", *lines[last + 1 :]]

    return PromptLine


def _in_brackets(words: list[Any]) -> bool:
    signs = [word.string for word in words]
    return sum(signs.count(sign) for sign in "([{") != sum(signs.count(sign) for sign in ")]}")

"""Rewrites "%claude ..." lines before IPython's help syntax sees them, so that a prompt may end in a question mark."""

from __future__ import annotations

import re
import tokenize
from typing import Any

from IPython.core.inputtransformer2 import (
    TokenTransformBase,
    assemble_continued_line,
    find_end_of_continued_line,
)


def line_transformer(name: str) -> type[TokenTransformBase]:
    """The transformer for one magic name; goes into ip.input_transformer_manager.token_transformers.

    %claude Why?        becomes  get_ipython().run_line_magic('claude', 'Why?') and its value is not shown again
    r = %claude Why?    keeps the value: r is the Reply
    %claude?            is left to IPython: help on the magic
    """
    asks = re.compile(rf"(.*?)%{name}[ \t]+(\S.*)$", re.DOTALL)

    class PromptLine(TokenTransformBase):
        priority = 3  # before IPython's help (5) and its own magic lines (10)

        def __init__(self, start: tuple[int, int], assigned: bool) -> None:
            super().__init__(start)
            self.assigned = assigned

        @classmethod
        def find(cls, tokens_by_line: list[list[Any]]) -> PromptLine | None:
            for tokens in tokens_by_line:
                words = [t for t in tokens if t.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.NL)]
                for i in range(len(words) - 2):
                    if words[i].string != "%" or words[i + 1].string != name:
                        continue
                    assigned = i > 1 and words[i - 1].string == "="
                    on_the_same_line = words[i + 2].start[0] == words[i].start[0]
                    if (i == 0 or assigned) and on_the_same_line and _asks(words[i:]):
                        return cls(words[0].start, assigned)
                    break
            return None

        def transform(self, lines: list[str]) -> list[str]:
            last = find_end_of_continued_line(lines, self.start_line)
            whole = assemble_continued_line(lines, (self.start_line, self.start_col), last)
            found = asks.match(whole)
            if not found:
                raise SyntaxError(whole)
            call = f"get_ipython().run_line_magic({name!r}, {found.group(2).strip()!r})"
            call = found.group(1) + call if self.assigned else f"({call}, None)[1]"
            indent = lines[self.start_line][: self.start_col]
            return [*lines[: self.start_line], f"{indent}{call}\n", *lines[last + 1 :]]

    return PromptLine


def _asks(words: list[Any]) -> bool:
    """False for "%claude" alone and for "%claude?", which is IPython's help."""
    rest = words[2]
    return bool(rest.string.strip()) and rest.start[1] > words[1].end[1] and rest.type != tokenize.NEWLINE

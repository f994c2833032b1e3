"""Find where text that is still arriving can be split, so that both halves can be rendered alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_nb.render.inline import scan
from claude_nb.render.parser import TooMuchMarkup, blocks

if TYPE_CHECKING:
    from markdown_it.token import Token

_LINE_END = re.compile(r"\r\n?|\n")
_MARKER = re.compile(r" {0,3}(?:[-+*]|\d{1,9}[.)]) {1,4}(?=\S)| {0,3}(?:[-+*]|\d{1,9}[.)])(?=\s*$)")
_QUOTE = re.compile(r" {0,3}> ?")


def cut(text: str, limit: int) -> tuple[int, str]:
    """Return (n, opener): text[:n] is finished, and the rest is shown as opener + text[n:]. n is 0 if there is none.

    A text of up to `limit` characters is not cut. A longer one is cut before its last block, or inside that block if
    the block is too long itself: at a line of code (the opener opens the fence again), at a table row (the opener
    repeats the header), at a list item, or at a word. cut("```py\\na\\nb", 4) -> (8, "```py\\n")
    """
    if len(text) <= limit:
        return 0, ""
    try:
        n, opener = _Page(text, limit).cut()
    except TooMuchMarkup:
        return _anywhere(text, limit), ""
    if n > len(opener):
        return n, opener
    return (_anywhere(text, limit), "") if len(text) > 2 * limit else (0, "")


def _anywhere(text: str, limit: int) -> int:
    """Return the last line, space or letter at which a text can be split at all."""
    line = text.rfind("\n", 0, len(text) - 1) + 1
    if line:
        return line
    found = [*re.finditer(r"\s(?=[^\W\d_])", text[limit:])] or [*re.finditer(r"\w(?=[^\W\d_])", text[limit:])]
    return limit + found[-1].end() if found else len(text) - 1


@dataclass
class _Page:
    """A text as lines and blocks, without an unfinished last line, because that may still become anything."""

    text: str
    limit: int

    def __post_init__(self) -> None:
        ends = [match.end() for match in _LINE_END.finditer(self.text)]
        if ends and ends[-1] == len(self.text) and self.text.endswith("\r"):
            ends.pop()  # its "\n" may be on the way
        self.starts = [0, *ends]
        self.known = ends[-1] if ends else len(self.text)
        self.tokens = blocks(self.text[: self.known])

    def cut(self) -> tuple[int, str]:
        """Descend into the last block until it has an earlier sibling."""
        opened: list[Token] = []
        for level in range(len(self.tokens)):
            inside = [token for token in self.tokens if token.level == level and token.nesting >= 0 and token.map]
            if not inside:
                break
            last = inside[-1]
            first_line, line = _first(inside[0]), _first(last)
            if line > first_line:
                return self._before(line, opened) if self._counts_on(inside) else (0, "")
            if last.type in ("list_item_open", "blockquote_open"):
                opened.append(last)
            elif not last.type.endswith("_list_open"):
                return self._within(last, opened)
        return 0, ""

    def line(self, number: int) -> str:
        """Return a line, including its line end."""
        return self.text[self.starts[number] : (*self.starts[number + 1 : number + 2], len(self.text))[0]]

    @staticmethod
    def _counts_on(items: list[Token]) -> bool:
        """Return False for a list numbered 1. 1. 1., whose rest would start at 1 again."""
        numbers = [token.info for token in items[-2:] if token.info and token.type == "list_item_open"]
        return len(numbers) == len(set(numbers))

    def _before(self, number: int, opened: list[Token]) -> tuple[int, str]:
        prefix = self._prefix(number, opened)
        if prefix is None:
            return 0, ""
        skipped, opener = prefix
        if opened and self.line(number)[skipped : skipped + 1] == " " and not opener.endswith("  "):
            # Spaces on the line of the sign would count to the sign; below it they keep their meaning.
            return self.starts[number], opener.rstrip() + "\n"
        return self.starts[number] + skipped, opener

    def _prefix(self, number: int, opened: list[Token]) -> tuple[int, str] | None:
        """Return the length of the markers before a line's text, and the text that re-opens its containers."""
        opener = "".join(self._marker(opened[: i + 1]) for i in range(len(opened)))
        skipped = self._skip(number, opened)
        return None if skipped is None or (opened and not opener) else (skipped, opener)

    def _skip(self, number: int, opened: list[Token]) -> int | None:
        line, at = self.line(number), 0
        for i, token in enumerate(opened):
            if token.type == "blockquote_open":
                match = _QUOTE.match(line, at)
            elif _first(token) == number:
                match = _MARKER.match(line, at)
            else:
                match = re.compile(f" {{{len(self._marker(opened[: i + 1]))}}}").match(line, at)
            if match is None or match.end() == at:
                return None
            at = match.end()
        return at

    def _marker(self, opened: list[Token]) -> str:
        """Return the marker of the innermost container as it was written."""
        if opened[-1].type == "blockquote_open":
            return "> "
        before = self._skip(_first(opened[-1]), opened[:-1])
        match = None if before is None else _MARKER.match(self.line(_first(opened[-1])), before)
        return f"{match[0]}{' ' * (match[0][-1] != ' ')}" if match else ""

    def _within(self, block: Token, opened: list[Token]) -> tuple[int, str]:
        """Cut inside a block without siblings."""
        first, last = block.map or (0, 0)
        if not opened and self._closed(block):
            return self.known, ""
        prefix = self._prefix(first, opened)
        if prefix is None:
            return 0, ""
        skipped, opener = prefix
        if block.type == "fence":
            return self._within_fence(block, opened, skipped, opener)
        if block.type == "table_open" and last > first + 2:
            return self.starts[last], opener + self.line(first)[skipped:] + self.line(first + 1)
        if block.type == "code_block" and last > first + 1:
            return self._before(last - 1, opened)
        words = block.type in ("paragraph_open", "heading_open")
        return self._within_words(block, opened, skipped, opener) if words else (0, "")

    def _closed(self, block: Token) -> bool:
        """Return whether no later text can change the block."""
        if block.type in ("hr", "formula") or block.markup.startswith("#"):
            return len(self.starts) > 1
        last = (block.map or (0, 0))[1]
        blank = last + 1 < len(self.starts) and not self.line(last).strip()
        return blank and block.type in ("paragraph_open", "heading_open", "table_open", "blockquote_open")

    def _within_words(self, block: Token, opened: list[Token], skipped: int, opener: str) -> tuple[int, str]:
        if block.type == "paragraph_open" and self.line(_first(block))[skipped:].startswith("|"):
            return 0, ""  # most likely the head of a table
        # A line that starts with a letter goes on with the paragraph; any other may be the start of a list or so.
        goes_on = self.text[self.known : self.known + 1].isalpha()
        place = scan(self.text if goes_on else self.text[: self.known], self.starts[_first(block)] + skipped).calm or 0
        if opened and self.text[place - 1 : place] == "\n":  # the next line has the signs of its containers itself
            return 0, ""
        return place, opener + (f"{block.markup} " if block.markup.startswith("#") else "")

    def _within_fence(self, block: Token, opened: list[Token], skipped: int, opener: str) -> tuple[int, str]:
        first, last = block.map or (0, 0)
        if first + 1 >= len(self.starts):
            return 0, ""
        closing = (
            rf" {{0,3}}{re.escape(block.markup[0])}{{{len(block.markup)},}}[ \t]*(?:</[A-Za-z][\w-]*>)?[ \t]*[\r\n]*"
        )
        if last > first + 1 and re.fullmatch(closing, self.line(last - 1)[self._skip(last - 1, opened) or 0 :]):
            return (0, "") if opened else (self.known, "")
        opening, begin = self.line(first)[skipped:], self.starts[first + 1]
        indent = opening[: len(opening) - len(opening.lstrip(" "))]
        word = (block.info.split() or [""])[0][:40]
        opener += f"{indent}{block.markup}{word}\n"
        if self.known > begin:  # at a blank line if there is one near: colours are right more often
            blank = self.text.rfind("\n\n", (begin + self.known) // 2, self.known)
            return (blank + 2 if blank >= 0 else self.known), opener
        if opened or len(self.text) <= 2 * self.limit:
            return 0, ""
        letters = [*re.finditer(r"(?<=\w)[^\W_]", self.text[begin + 1 :])]  # a line without end is parted in a word
        return (begin + 1 + letters[-1].start() if letters else 0), opener


def _first(token: Token) -> int:
    return token.map[0] if token.map else 0

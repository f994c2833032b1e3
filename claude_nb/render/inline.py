"""Close unfinished inline Markdown (emphasis, code, links), so that a partial paragraph can be rendered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from claude_nb.render.parser import formula_end

_SIGN = re.compile(
    r"\\.?|`+|\$|!?\[|\*+|_+|~~|\s+|[。！？；，]"
    r"|\](?:\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\))?",
    re.DOTALL,
)
_HALF_LINK = re.compile(r"\]\(\S{0,500}(?:\s{1,200}(?:\"[^\"]{0,500}\"?)?)?\Z")


# What can begin a line without starting a list, a heading, a fence or a table.
_WORD = re.compile(r"[^\W\d_]|\d+[^\d.)]|\*{1,2}[^\s*]|`[^`]|\$[^\s$]|\[(?![ xX]\])|[(\"“‘]")


@dataclass
class Scan:
    """The state of a paragraph at its end.

    opened  markers that are not closed yet, and where they stand: [(6, "**")]
    end     where the readable text ends: before a marker without content, or an unfinished address
    calm    the last place between words where nothing is open, if any
    """

    end: int
    opened: list[tuple[int, str]] = field(default_factory=list)
    calm: int | None = None
    brackets: list[int] = field(default_factory=list)  # where brackets are in `opened`

    def close(self, text: str) -> str:
        """Return the text with all open markers closed: "a **b" -> "a **b**"."""
        ends = [marker for _, marker in reversed(self.opened) if "[" not in marker]
        kept, done = [], 0
        for at, marker in (self.opened[i] for i in self.brackets):
            kept.append(text[done : min(at, self.end)])
            done = min(at + len(marker), self.end)
        shown = "".join((*kept, text[done : self.end]))
        return shown.rstrip() + "".join(ends) if ends else shown


def scan(text: str, start: int = 0) -> Scan:
    """Scan the inline part of a text from `start`. Precise enough for a preview, not for all of CommonMark."""
    found = Scan(len(text))
    at: int | None = start
    while at is not None and (match := _SIGN.search(text, at)):
        sign, begin, at = match[0], match.start(), match.end()
        if sign[0].isspace() or sign in "。！？；，":
            if not found.opened and _WORD.match(text, at):
                found.calm = at
        elif sign[0] in "$\\":
            at = formula_end(text, begin, len(text)) or at
            found.end = begin if sign == "\\" else found.end
        elif sign[0] == "`":
            at = _code(text, begin, sign, found)
        elif sign[0] in "![":
            if begin == start or not text[begin - 1].isalnum():  # a[0] is not a link
                found.brackets.append(len(found.opened))
                found.opened.append((begin, sign))
        elif sign[0] == "]":
            at = _bracket(text, begin, sign, found)
        else:
            _delimiters(text, begin, sign, found)
    return found


def _code(text: str, begin: int, sign: str, found: Scan) -> int | None:
    """Return where the code ends; None if it is still open."""
    after = begin + len(sign)
    closing = re.compile(rf"(?<!`)`{{{len(sign)}}}(?!`)").search(text, after)
    if closing is not None:
        return closing.end()
    if text[after:].strip("` \n"):
        found.end = len(text.rstrip("`"))
        found.opened.append((begin, sign))
    else:
        found.end = begin
    return None


def _bracket(text: str, begin: int, sign: str, found: Scan) -> int | None:
    """Return where the text continues after a bracket; None if the address is not finished."""
    at = begin + len(sign)
    if not found.brackets:
        return at
    if sign == "]" and (at == len(text) or _HALF_LINK.match(text, begin)):
        found.end = begin
        return None
    del found.opened[found.brackets.pop() :]
    return at


def _delimiters(text: str, begin: int, sign: str, found: Scan) -> None:
    """Close and open the markers of a run of *, _ or ~~."""
    end = begin + len(sign)
    before, after = text[begin - 1 : begin] if begin else "", text[end : end + 1]
    closes, opens = before.strip() != "", after.strip() != ""
    if sign[0] == "_" and before.isalnum() and after.isalnum():
        return
    left = len(sign)
    while closes and left and found.opened:
        at, marker = found.opened[-1]
        if marker[0] != sign[0]:
            break
        if len(marker) > left:
            found.opened[-1] = (at, marker[left:])
            left = 0
        else:
            found.opened.pop()
            left -= len(marker)
    if left and opens:
        found.opened.append((begin, sign[:left]))
    elif left and end == len(text):
        found.end = begin + len(sign) - left

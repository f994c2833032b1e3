r"""Words of an option line: quotes, dashes and spaces as people and their editors type them.

Inside quotes a backslash stands for itself, except before the quote: "C:\new\table.csv" is a path. Editors replace
quotes and dashes by typographic ones, which mean the same here. Characters that nobody sees do not hide an option.
"""

from __future__ import annotations

import re

DASHES = "\\-\u2010-\u2015\u2212\ufe58\ufe63\uff0d"  # a class of a regular expression, as the next one
INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_CLOSING = {
    "“": "”“", "”": "”", "„": "“”„", "‟": "”", "«": "»", "»": "«»", "‹": "›", "›": "‹›", "‘": "’‘", "’": "’", "‚": "‘’",
    "「": "」", "『": "』", "＂": "＂", "＇": "＇", "〝": "〞〟",
}  # fmt: skip
_OPENING = "\"'" + "".join(_CLOSING)
SPACE, COMMA = r"\s|$", r"\s|,|$"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _quoted(after: str) -> str:
    """Return a pattern for a text in quotes, with what must follow the last one.

    A text can be read in one way only. With two, a list that does not match takes a time that doubles with each item.
    """
    straight = [rf"{quote}(?:\\.|[^{quote}\\])*{quote}(?={after})" for quote in "\"'"]
    # "C:\folder\"
    ends_in_backslash = [rf"(?!{usual}){usual[0]}[^{usual[0]}]*\\{usual[0]}(?={after})" for usual in straight]
    typographic = [rf"{first}(?:(?![{last}](?:{after})).)*[{last}](?={after})" for first, last in _CLOSING.items()]
    return "|".join([*straight, *ends_in_backslash, *typographic])


_BARE = rf"(?![{_OPENING}])"
WORD = f"(?:{_quoted(SPACE)}|{_BARE}" + r"(?:\{\{.{0,300}?\}\}|\S)+)"
_FIELD = r"\{\{[^{}]{0,300}\}\}" + f"(?={COMMA})"
ITEM = f"(?:{_FIELD}|{_quoted(COMMA)}|(?!{_FIELD}){_BARE}" + r"[^\s,]+)"  # of a list with commas
_DASHED = rf"([{DASHES}]+)([A-Za-z][\w{DASHES}]*)"
FLAG = re.compile(rf"[\s{INVISIBLE}]*{_DASHED}")


def is_open(text: str, at: int) -> bool:
    """Return whether a quote stands here. Where WORD does not match, it is not closed."""
    return text[at : at + 1] in tuple(_OPENING)


def unquoted(word: str, *, escapes: bool = False) -> str:
    r"""Return a word without its quotes: unquoted('"C:\new"') -> 'C:\new'.

    escapes  whether \n, \t and \r in quotes stand for characters, and \\ for one backslash
    """
    if len(word) < 2 or word[0] not in _OPENING or word[-1] not in _CLOSING.get(word[0], word[0]):
        return word
    quote, inner = word[0], word[1:-1]
    if escapes:
        return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), inner, flags=re.DOTALL)
    return re.sub(r"\\(.)", lambda m: quote if m[1] == quote else m[0], inner, flags=re.DOTALL)


def with_plain_dashes(text: str) -> str:
    """Return a text whose words begin with usual dashes: with_plain_dashes("12 —all") -> "12 --all"."""

    def usual(found: re.Match[str]) -> str:
        dashes, word = found.groups()
        lead = dashes if dashes.isascii() else "-" if len(word) == 1 else "--"
        return lead + hyphenated(word)

    return re.sub(rf"(?<!\S)[{INVISIBLE}]*{_DASHED}", usual, text)


def hyphenated(word: str) -> str:
    """Return a word with usual dashes in it: hyphenated("dry–run") -> "dry-run"."""
    return re.sub(f"[{DASHES}]", "-", word)

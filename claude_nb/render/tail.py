"""Render a preview of text that is still arriving, with unfinished Markdown closed."""

from __future__ import annotations

import re

from claude_nb.render.chars import clean
from claude_nb.render.html import document, unparsed
from claude_nb.render.inline import scan
from claude_nb.render.parser import TooMuchMarkup, blocks

_DELIMITER_ROW = re.compile(r"[|:\-\s]*")


def tail_html(text: str) -> str:
    """Render unfinished Markdown as one element of safe HTML: "so **wh" -> '...<strong>wh</strong>...'."""
    text = clean(text)
    try:
        return document(completed(text), unfinished=True)
    except TooMuchMarkup:
        return unparsed(text)


def completed(text: str) -> str:
    """Return the text with its last block closed: "so **wh" -> "so **wh**". Finished text is not changed."""
    tokens = blocks(text)
    last = next((token for token in reversed(tokens) if token.map and token.type in ("inline", "fence")), None)
    if last is None or last.map is None or text.endswith("\n\n"):
        return text
    head, newline, line = text.rpartition("\n")
    if last.type == "fence":
        marker = line.strip(" \t>")
        half = 0 < len(marker) < len(last.markup) and not marker.strip(last.markup[0]) and newline
        return head + newline if half and last.map[1] > last.map[0] + 1 else text
    closing = next(token for token in reversed(tokens) if token.type.endswith("_close") and token.level <= last.level)
    if closing.type == "heading_close" and closing.markup in ("-", "=") and newline and line:
        text = head  # "-" under a line may still become a list, a rule or a heading
    elif closing.type == "paragraph_close" and last.level == 1 and last.content.startswith("|"):
        return _table(text, last.map[0])
    text = text.rstrip()
    return scan(text, _offset(text, last.map[0])).close(text)


def _table(text: str, line: int) -> str:
    """Add the delimiter row to a table that has only a header yet."""
    start = _offset(text, line)
    header, _, rest = text[start:].partition("\n")
    if "\n" in rest.rstrip("\n") or not _DELIMITER_ROW.fullmatch(rest):
        return text
    header = scan(header.rstrip()).close(header.rstrip())
    columns = len(re.findall(r"(?<!\\)\|", header.removesuffix("|")))
    return f"{text[:start]}{header}\n|{'-|' * columns}"


def _offset(text: str, line: int) -> int:
    """Return the offset at which a line starts. Lines count from 0."""
    at = 0
    for _ in range(line):
        at = text.find("\n", at) + 1
    return at

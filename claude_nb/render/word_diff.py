"""The difference between two texts, word by word, as text and as HTML. js/src/diff.js does the same in a widget."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from html import escape
from typing import Any, Literal

from claude_nb.render.chars import terminal_safe

MOST_WORDS = 1000  # that differ in one of the texts; with more of them, the middle is shown as replaced
BOX = "white-space:pre-wrap;overflow-wrap:anywhere;font-family:var(--jp-code-font-family,monospace)"
COLOURS = {"added": "background:rgba(46,125,50,.2)", "removed": "background:rgba(179,38,30,.2)"}
_WORD = re.compile(r"\n|\S+[^\S\n]*|[^\S\n]+")

Kind = Literal["same", "added", "removed"]


class WordDiff:
    """The difference between two texts, which shows itself.

    title  a line above it
    """

    def __init__(self, before: str, after: str, title: str = "") -> None:
        changes = _changes(_WORD.findall(before), _WORD.findall(after))
        self.parts = [(kind, words) for kind, words in changes if words]
        self.title = title

    def __repr__(self) -> str:
        marks = {"same": "{}", "added": "{{+{}+}}", "removed": "[-{}-]"}
        text = "".join(marks[kind].format(words) for kind, words in self.parts)
        return terminal_safe(f"{self.title}\n{text}" if self.title else text)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        tags = {"added": "ins", "removed": "del"}
        html = "".join(
            f'<{tags[kind]} style="{COLOURS[kind]}">{escape(words)}</{tags[kind]}>' if kind in tags else escape(words)
            for kind, words in self.parts
        )
        title = f"<div>{escape(self.title)}</div>" if self.title else ""
        return {"text/html": f'<div>{title}<div style="{BOX}">{html}</div></div>', "text/plain": repr(self)}


def _changes(before: list[str], after: list[str]) -> Iterator[tuple[Kind, str]]:
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    yield "same", "".join(before[:start])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    steps = [("replace", 0, len(old), 0, len(new))]
    if max(len(old), len(new)) <= MOST_WORDS:
        steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()  # type: ignore[assignment]  # of texts
    for tag, old_from, old_to, new_from, new_to in steps:
        if tag == "equal":
            yield "same", "".join(old[old_from:old_to])
        else:
            yield "removed", "".join(old[old_from:old_to])
            yield "added", "".join(new[new_from:new_to])
    yield "same", "".join(before[len(before) - end :])

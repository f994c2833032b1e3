"""The training text: sentence templates in corpus.txt, expanded the same way every time; and its tokens.

$hero = fox|robot|owl                 a named list of alternatives, the likeliest first
@ 20 | *story, tale | pirate          20 paragraphs of each template below, about these words;
                                      * counts double; the third part: only if the prompt says "pirate"
A {little|quiet} {hero} slept.        a template; a blank line ends it, a line of one \\ stands for a blank line
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple

# A word brings its space along, as in large models' tokens. "not Claude" is one token: the model has no word
# "Claude" alone, so no draw at any temperature can make it say that it is Claude.
TOKEN = re.compile(r" ?not Claude\b|\n*```\w*\n?|\n+| {2,}| ?[^\W\d]\w*(?:['’]\w+)*| ?\d+| ?->| ?=>|[ ]?[^\w\s]|\s")
SLOT = re.compile(r"\{([^{}]+)\}")
WORD = re.compile(r"\w+")


class Paragraph(NamedTuple):
    """A piece of training text. topics: phrase -> how much it says about the paragraph; voice "": for any prompt."""

    text: str
    topics: dict[str, float]
    voices: tuple[str, ...] = ()


def tokens(text: str) -> list[str]:
    """The pieces a text is read in; joined they are the text: tokens("A fox.") -> ["A", " fox", "."]."""
    return TOKEN.findall(text)


def phrase(text: str) -> str:
    """Lower-case words between single spaces, to look phrases up in: phrase("Hi, Ada!") -> " hi ada "."""
    return f" {' '.join(WORD.findall(text.lower()))} "


def expanded(source: str) -> Iterator[Paragraph]:
    """Every paragraph the templates of *source* stand for."""
    random = Random(1).random  # noqa: S311  # no secrets; choice() may differ between Pythons, random() may not
    lists: dict[str, str] = {}
    copies = 1
    topics: dict[str, float] = {}
    voices: tuple[str, ...] = ()
    drawn: dict[str, tuple[list[str], list[float]]] = {}

    def pick(slot: re.Match[str]) -> str:
        if slot[1] not in drawn:
            words = lists.get(slot[1], slot[1]).split("|")
            drawn[slot[1]] = words, list(accumulate((rank + 1) ** -0.9 for rank in range(len(words))))
        words, shares = drawn[slot[1]]
        return words[bisect_right(shares, random() * shares[-1])]

    for block in re.split(r"\n{2,}", source.strip()):
        head, _, body = block.partition("\n")
        while head.startswith(("$", "@")):
            if head.startswith("$"):
                name, _, words = head[1:].partition(" = ")
                lists[name] = words
            else:
                count, about, *voice = (part.strip() for part in head[1:].split("|"))
                copies, topics = int(count), _weighed(about)
                voices = tuple(phrase(word) for part in voice for word in part.split(","))
            head, _, body = body.partition("\n")
        template = "\n".join(filter(None, (head, body))).replace("\n\\\n", "\n\n")
        for _ in range(copies if template else 0):
            yield Paragraph(SLOT.sub(pick, template), topics, voices)


def paragraphs() -> list[Paragraph]:
    """The text that the demo model learns from."""
    source = Path(__file__).with_name("corpus.txt").read_text(encoding="utf-8")
    return list(expanded(source))


def _weighed(about: str) -> dict[str, float]:
    """ "*story, fairy tale" -> {" story ": 2.0, " fairy tale ": 1.2}: a longer phrase says more."""
    words = [word.strip() for word in about.split(",")]
    return {phrase(word): (2.0 if word.startswith("*") else 1.0) + 0.2 * word.count(" ") for word in words}

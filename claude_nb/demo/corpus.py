"""The training text and its tokens.

The templates in corpus.txt always expand to the same text.

$hero = fox|robot|owl                 a named list of alternatives, the most likely first
@ 20 | *story, tale | pirate          20 paragraphs of each template below, about these words or lists: {hero};
                                      each * adds one; the third part: only if the prompt says "pirate"
A {little|quiet} {hero} slept.        a template; a blank line ends it, and a line with only \\ is a blank line
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple

# A token includes the space before its word, as in large models. "not Claude" is one token: without a word "Claude",
# the model cannot say that it is Claude at any temperature.
# A dot or bracket that Python code joins to what follows belongs to its token: a full stop never does.
TOKEN = re.compile(
    r" ?not Claude\b|\n*```\w*\n?|\n+| {2,}|[ .]?[^\W\d]\w*(?:['’]\w+)*| ?\d+| ?->| ?=>| ?\*\*|[(\[]\"|[ ]?[^\w\s]|\s"
)
SLOT = re.compile(r"\{([^{}]+)\}")
WORD = re.compile(r"\w+")


class Paragraph(NamedTuple):
    """A piece of training text.

    topics  how well each phrase describes the paragraph
    voices  phrases of which a prompt must contain one; (): any prompt will do
    """

    text: str
    topics: dict[str, float]
    voices: tuple[str, ...] = ()


def tokens(text: str) -> list[str]:
    """Split a text into tokens: tokens("A fox.") -> ["A", " fox", "."]."""
    return TOKEN.findall(text)


def phrase(text: str) -> str:
    """Return the words of a text in lower case: phrase("Hi, Ada!") -> " hi ada "."""
    return f" {' '.join(WORD.findall(text.lower()))} "


def expanded(source: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of the templates in *source*."""
    random = Random(1).random  # noqa: S311  # no secrets; random() is the same in every Python, choice() may not be
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
                copies, topics = int(count), _weighed(SLOT.sub(lambda slot: lists[slot[1]].replace("|", ","), about))
                voices = tuple(phrase(word) for part in voice for word in part.split(","))
            head, _, body = body.partition("\n")
        template = "\n".join(filter(None, (head, body))).replace("\n\\\n", "\n\n")
        for _ in range(copies if template else 0):
            yield Paragraph(SLOT.sub(pick, template), topics, voices)


def paragraphs() -> list[Paragraph]:
    """Return the text that the demo model learns from."""
    source = Path(__file__).with_name("corpus.txt").read_text(encoding="utf-8")
    return list(expanded(source))


def _weighed(about: str) -> dict[str, float]:
    """Weigh topics: "*story, fairy tale" -> {" story ": 2.0, " fairy tale ": 1.2}.

    Longer phrases weigh more.
    """
    words = [word.strip() for word in about.split(",")]
    return {phrase(word): 1.0 + word.count("*") + 0.2 * word.count(" ") for word in words}

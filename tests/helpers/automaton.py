"""Make an automaton of a regular expression: one state for each place of the pattern that reads a character.

A bounded repeat is written out twice. Looking at one character before or after, and the edges of words and lines, are
understood; other looking around is taken to succeed, and a backreference to read what its group can read.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, NamedTuple

if sys.version_info >= (3, 11):
    from re import _compiler as compiler
    from re import _constants as c
    from re import _parser as parser
else:
    import sre_compile as compiler
    import sre_constants as c
    import sre_parse as parser

COMMON = "\n\t aZz09_-!\u00a0\u00e9\u4e2d\U0001f600"
READS = (c.LITERAL, c.NOT_LITERAL, c.IN, c.ANY)
REPEATS = tuple(getattr(c, name) for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") if hasattr(c, name))
COPIES = 2  # of what is repeated a bounded number of times
START = 0


class Gate(NamedTuple):
    """What may stand before and after a place; bits of letters. `sure` if nothing is asked."""

    before: int
    after: int
    sure: bool = True

    def __and__(self, other: Gate) -> Gate:  # type: ignore[override]  # a tuple has no &
        return Gate(self.before & other.before, self.after & other.after, self.sure and other.sure)


class Part(NamedTuple):
    """A part of a pattern: where it begins, where it ends, and the ways past it without reading."""

    first: tuple[tuple[int, Gate], ...]
    last: tuple[tuple[int, Gate], ...]
    empty: tuple[Gate, ...]


class Edge(NamedTuple):
    target: int
    before: int
    letters: int


class Automaton:
    """The states of a pattern, and the letters that lead from one to another."""

    def __init__(self, pattern: str, flags: int, use: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = parser.parse(pattern, flags)
        self.flags = self.tree.state.flags | flags
        self.letters = sorted({*COMMON, *_mentioned(self.tree)})
        self.begin = 1 << len(self.letters)  # the bit for the beginning, before any letter
        self.all = self.begin - 1
        self.free = Gate(self.all | self.begin, self.all)
        self.reads = [self.all if use == "search" else 0]  # by state: the letters that it reads
        self.edges: list[list[Edge]] = [[]]
        self.groups: dict[int, Any] = {}
        self.masks: dict[tuple[str, int], int] = {}
        self.done: set[int] = set()  # states after which nothing can fail
        whole = self._sequence(self.tree, self.flags)
        self._join([(START, self.free)], whole.first)
        if use != "fullmatch":
            self.done = {state for state, gate in whole.last if gate.sure}
        if use == "search":
            self.edges[START].append(Edge(START, self.all | self.begin, self.all))

    def _mask(self, items: Any, flags: int) -> int:
        """The letters that a part of at most one character matches."""
        key = repr(items), flags
        if key not in self.masks:
            self.masks[key] = self.all if "GROUPREF" in key[0] else self._matched(items, flags)
        return self.masks[key]

    def _matched(self, items: Any, flags: int) -> int:
        tree = parser.SubPattern(self.tree.state, list(items))
        one = compiler.compile(tree, flags & ~re.DEBUG)
        return sum(1 << bit for bit, letter in enumerate(self.letters) if one.match(letter))

    def _join(self, lasts: Iterable[tuple[int, Gate]], firsts: Iterable[tuple[int, Gate]]) -> None:
        for (source, left), (target, right) in product(lasts, firsts):
            gate = left & right
            if gate.before and gate.after & self.reads[target]:
                self.edges[source].append(Edge(target, gate.before, gate.after & self.reads[target]))

    def _sequence(self, items: Iterable[Any], flags: int) -> Part:
        whole = Part((), (), (self.free,))
        for kind, value in items:
            whole = self._then(whole, self._part(kind, value, flags))
        return whole

    def _then(self, left: Part, right: Part) -> Part:
        self._join(left.last, right.first)
        first = left.first + _through(left.empty, right.first)
        last = right.last + _through(right.empty, left.last)
        return Part(first, last, tuple(dict.fromkeys(a & b for a, b in product(left.empty, right.empty))))

    def _part(self, kind: Any, value: Any, flags: int) -> Part:
        if kind in READS:
            self.reads.append(self._mask([(kind, value)], flags))
            self.edges.append([])
            here = ((len(self.reads) - 1, self.free),)
            return Part(here, here, ())
        if kind in REPEATS:
            return self._repeat(*value, flags)
        if kind in (c.ASSERT, c.ASSERT_NOT):
            return self._look(kind is c.ASSERT, *value, flags)
        if kind is c.AT:
            return Part((), (), self._edge(value, flags))
        if kind is c.SUBPATTERN and value[0] is not None:
            self.groups[value[0]] = value[3]
        return _either([self._sequence(inner, flags) for inner, flags in self._inner(kind, value, flags)])

    def _inner(self, kind: Any, value: Any, flags: int) -> list[tuple[Any, int]]:
        """The parts between which there is a choice, each with its flags."""
        if kind is c.SUBPATTERN:
            _, add, remove, inner = value
            return [(inner, (flags | add) & ~remove)]
        if kind is c.GROUPREF:
            return [(self.groups[value], flags)]
        if kind is c.BRANCH:
            return [(inner, flags) for inner in value[1]]
        raise NotImplementedError(kind)

    def _repeat(self, least: int, most: int, inner: Any, flags: int) -> Part:
        whole = Part((), (), (self.free,))
        needed = min(least, COPIES)
        endless = most is c.MAXREPEAT
        for _ in range(needed - 1 if endless and needed else needed):
            whole = self._then(whole, self._sequence(inner, flags))
        if endless:
            loop = self._sequence(inner, flags)
            self._join(loop.last, loop.first)
            return self._then(whole, loop if needed else loop._replace(empty=(self.free,)))
        rest = Part((), (), (self.free,))
        for _ in range(min(most, max(COPIES, needed)) - needed):
            again = self._then(self._sequence(inner, flags), rest)
            rest = again._replace(empty=(self.free,))
        return self._then(whole, rest)

    def _look(self, wanted: bool, direction: int, inner: Any, flags: int) -> Part:
        nothing = self.free._replace(sure=False)
        low, high = inner.getwidth()
        if high <= 1:
            mask = self._mask(inner, flags)
            if not wanted and mask == self.all:  # nothing is known of a backreference
                return Part((), (), (nothing,))
            if direction < 0 and low == 1:
                mask = mask if wanted else (self.all | self.begin) & ~mask
                return Part((), (), (nothing._replace(before=mask),))
            return Part((), (), (nothing._replace(after=mask if wanted else self.all & ~mask),))
        if direction < 0:
            return Part((), (), (nothing,))
        body = self._sequence(inner, flags)  # it is read here, and the rest begins at the same place
        return Part(body.first, (), (nothing,))

    def _edge(self, value: Any, flags: int) -> tuple[Gate, ...]:
        """What stands at the edge of a line, a text or a word."""
        newline = (1 << self.letters.index("\n")) if flags & re.MULTILINE else 0
        if value in (c.AT_BEGINNING, c.AT_BEGINNING_STRING):
            return (Gate(self.begin | (newline if value is c.AT_BEGINNING else 0), self.all, False),)
        if value in (c.AT_END, c.AT_END_STRING):
            return (Gate(self.all | self.begin, newline if value is c.AT_END else 0, False),)
        word = self._mask([(c.IN, [(c.CATEGORY, c.CATEGORY_WORD)])], flags)
        other = self.all & ~word
        outside = other | self.begin
        if value is c.AT_BOUNDARY:
            return (Gate(word, other, False), Gate(outside, word, False))
        return (Gate(word, word, False), Gate(outside, other, False))


def _either(parts: list[Part]) -> Part:
    return Part(
        tuple(end for part in parts for end in part.first),
        tuple(end for part in parts for end in part.last),
        tuple(gate for part in parts for gate in part.empty),
    )


def _through(gates: Iterable[Gate], ends: Iterable[tuple[int, Gate]]) -> tuple[tuple[int, Gate], ...]:
    return tuple((state, gate & own) for gate, (state, own) in product(gates, ends))


def _mentioned(tree: Any) -> Iterator[str]:
    """Every letter that a pattern names, and those beside its ranges."""
    for value in _numbers(tree):
        for near in (value - 1, value, value + 1):
            if 0 <= near < sys.maxunicode and not 0xD800 <= near < 0xE000:
                yield chr(near)


def _numbers(tree: Any) -> Iterator[int]:
    for item in tree:
        if isinstance(item, tuple) and len(item) == 2 and item[0] in (c.LITERAL, c.NOT_LITERAL):
            yield item[1]
        elif isinstance(item, tuple) and len(item) == 2 and item[0] is c.RANGE:
            yield from item[1]
        elif isinstance(item, (tuple, list, parser.SubPattern)):
            yield from _numbers(item)

"""Count the steps of a backtracking engine: re counts none, and a clock would tell two machines apart.

It tries the ways of a pattern in the order of re. A bounded repeat takes as few copies as in the automaton.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.helpers.automaton import COPIES, READS, REPEATS, c, compiler, parser

Then = Callable[[int], bool]
MOST = 200_000  # steps, where counting ends


class TooManySteps(Exception):
    """A pattern looked at a text more often than MOST."""


class Steps:
    """Matches a pattern, and counts how often it looks at a character."""

    def __init__(self, pattern: str, flags: int) -> None:
        self.tree = parser.parse(pattern, flags)
        self.flags = self.tree.state.flags | flags
        self.compiled: dict[tuple[str, int], re.Pattern[str]] = {}
        self.text = ""
        self.count = 0
        self.groups: dict[int, tuple[int, int]] = {}

    def reading(self, text: str, use: str) -> int:
        """Return the steps for a text, from its first place or from all."""
        self.text, self.count, at = text, 0, 0
        ends: list[int] = []

        def found(end: int) -> bool:
            ends[:] = [end]
            return use != "fullmatch" or end == len(text)

        while at <= len(text):
            self.groups = {}
            matched = self._items(list(self.tree), 0, at, self.flags, found)
            if use != "search":
                break
            at = max(at + 1, ends[0]) if matched else at + 1
        return self.count

    def _one(self, items: Any, flags: int) -> re.Pattern[str]:
        key = repr(items), flags
        if key not in self.compiled:
            self.compiled[key] = compiler.compile(parser.SubPattern(self.tree.state, list(items)), flags)
        return self.compiled[key]

    def _look(self, items: Any, at: int, flags: int) -> bool:
        self.count += 1
        if self.count > MOST:
            raise TooManySteps
        return self._one(items, flags).match(self.text, at) is not None

    def _items(self, items: list[Any], index: int, at: int, flags: int, then: Then) -> bool:
        while index < len(items) and items[index][0] in READS:
            if not self._look([items[index]], at, flags):
                return False
            at, index = at + 1, index + 1
        if index == len(items):
            return then(at)
        return self._item(*items[index], at, flags, lambda end: self._items(items, index + 1, end, flags, then))

    def _item(self, kind: Any, value: Any, at: int, flags: int, then: Then) -> bool:
        if kind in REPEATS:
            return self._repeat(kind, value, at, flags, then)
        if kind is c.SUBPATTERN:
            group, add, remove, inner = value

            def close(end: int) -> bool:
                before = self.groups.get(group)
                self.groups[group] = (at, end)
                if then(end):
                    return True
                self.groups[group] = before or (at, at)
                return False

            return self._items(list(inner), 0, at, (flags | add) & ~remove, then if group is None else close)
        if kind is c.BRANCH:
            return any(self._items(list(inner), 0, at, flags, then) for inner in value[1])
        if kind is c.GROUPREF:
            begin, end = self.groups.get(value, (0, -1))
            known = self.text[begin:end] if end >= 0 else "\0"
            return self.text.startswith(known, at) and then(at + len(known))
        return self._stands(kind, value, at, flags) and then(at)

    def _stands(self, kind: Any, value: Any, at: int, flags: int) -> bool:
        """Whether what looks around is satisfied."""
        if kind is c.AT:
            return self._look([(kind, value)], at, flags)
        direction, inner = value
        if direction < 0:
            begin = at - inner.getwidth()[0]
            return (begin >= 0 and self._look(inner, begin, flags)) == (kind is c.ASSERT)
        return self._items(list(inner), 0, at, flags, lambda _: True) == (kind is c.ASSERT)

    def _repeat(self, kind: Any, value: Any, at: int, flags: int, then: Then) -> bool:
        least, most, inner = value
        low = min(least, COPIES)
        high = None if most is c.MAXREPEAT else min(most, max(COPIES, low))
        if len(inner) == 1 and inner[0][0] in READS and kind is c.MAX_REPEAT:
            end = at
            while (high is None or end - at < high) and self._look(inner, end, flags):
                end += 1
            return any(then(place) for place in range(end, at + low - 1, -1))

        def again(number: int, place: int) -> bool:
            def more() -> bool:
                if high is not None and number >= high:
                    return False

                def inside(end: int) -> bool:
                    return (end > place or number < low) and again(number + 1, end)

                return self._items(list(inner), 0, place, flags, inside)

            if number < low:
                return more()
            return (then(place) or more()) if kind is c.MIN_REPEAT else (more() or then(place))

        return again(0, at)


def pieces(tree: Any) -> set[str]:
    """Return the letters that a pattern names, and its words: {"<", "title", ">"}."""
    found, word = set(), ""
    for item in (*tree, None):
        if isinstance(item, tuple) and item[0] is c.LITERAL:
            word += chr(item[1])
            continue
        found |= {word, word[:1]}
        word = ""
        if isinstance(item, tuple) and item[0] is c.RANGE:
            found |= set(map(chr, item[1]))
        elif isinstance(item, (tuple, list, parser.SubPattern)):
            found |= pieces(item)
    return found - {""}

"""Find regular expressions whose work can grow faster than the length of a text, from the pattern alone.

A backtracking engine is slow where one text can be read in many ways and then fails:

- exponential: a state returns to itself in two ways with the same text, as in `(a+)+b`;
- polynomial: a text leads from p to p, from p to q and from q to q, as in `a*a*b`. For a search, p may be the start,
  which any text leads to itself: `<b>.*</b>` is tried anew, to the end, at each `<b>`.

A repeat after which nothing can fail is harmless; a bounded one adds a factor, no power. The order in which an engine
tries its ways is not looked at, so a finding may be a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.helpers.automaton import START, Automaton


def ambiguous(pattern: str, flags: int = 0, use: str = "search") -> str:
    """Return a text that makes a pattern slow when it is repeated, or "".

    Args:
        use: "match", "fullmatch", or "search" for all that look at every place of a text.
    """
    return Search(Automaton(pattern, flags, use)).text()


class Search:
    """Looks for a text that leads around the loops of an automaton in more than one way."""

    def __init__(self, automaton: Automaton) -> None:
        self.of = automaton
        edges = [edge for edges in automaton.edges for edge in edges]
        self.letters = list(self._kinds({mask for edge in edges for mask in (edge.before, edge.letters)}).values())
        kinds = self._kinds({edge.before for edge in edges})
        # By letter: one that is the same for what follows it.
        self.before = {letter: kinds[_kind(letter, {edge.before for edge in edges})] for letter in self.letters}
        self.ways = [{edge.target for edge in edges} for edges in automaton.edges]
        self.steps: dict[tuple[int, int, int], dict[int, int]] = {}
        self.loops = _loops(self.ways)
        self.after = {state: _reach(self.ways, state) for state in self.loops}
        back: list[set[int]] = [set() for _ in self.ways]
        for state, after in enumerate(self.ways):
            for other in after:
                back[other].add(state)
        self.ahead = {state: _reach(back, state) for state in self.loops}

    def _kinds(self, masks: set[int]) -> dict[tuple[bool, ...], int]:
        """One letter of each kind that the masks tell apart, as a bit."""
        kinds: dict[tuple[bool, ...], int] = {}
        letters = self.of.letters
        for bit in sorted(range(len(letters)), key=lambda bit: (not letters[bit].isprintable(), bit)):
            kinds.setdefault(_kind(1 << bit, masks), 1 << bit)
        return kinds

    def text(self) -> str:
        for q in self.loops:
            if q in self.of.done or q == START:
                continue
            if text := self._two_ways(q):
                return text
            for p in self.loops:
                if p != q and q in self.after[p] and (text := self._from_to(p, q)):
                    return text
        return ""

    def _steps(self, state: int, before: int, letter: int) -> dict[int, int]:
        """Where a letter leads, and by how many ways."""
        known = self.steps.get((state, before, letter))
        if known is None:
            targets = [e.target for e in self.of.edges[state] if e.before & before and e.letters & letter]
            known = self.steps[state, before, letter] = {target: targets.count(target) for target in targets}
        return known

    def _lasts(self, *states: int) -> set[int]:
        """The letters that all these states read, one for each kind of what follows."""
        return {self.before[x] for x in self.letters if all(self.of.reads[state] & x for state in states)}

    def _two_ways(self, q: int) -> str:
        """A text that leads from q to q in two ways, which makes 2 ** n ways for n times the text."""
        inside = (self.after[q] & self.ahead[q]) - self.of.done

        def nexts(at: tuple[Any, ...]) -> Iterator[tuple[int, tuple[Any, ...]]]:
            one, two, apart, before = at
            for letter in self.letters:
                ways, others = self._steps(one, before, letter), self._steps(two, before, letter)
                for left, right in product(ways.keys() & inside, others.keys() & inside):
                    differs = apart or left != right or (one == two and ways[left] > 1)
                    yield letter, (left, right, differs, self.before[letter])

        starts = (((q, q, False, last), (q, q, True, last)) for last in self._lasts(q))
        return next(filter(None, (self._path(start, goal, nexts) for start, goal in starts)), "")

    def _from_to(self, p: int, q: int) -> str:
        """A text that leads from p to p, from p to q and from q to q."""
        left, right = self.after[p] & self.ahead[p], (self.after[q] & self.ahead[q]) - self.of.done
        rooms = (left, self.after[p] & (self.ahead[q] | {q}), right)

        def nexts(at: tuple[Any, ...]) -> Iterator[tuple[int, tuple[Any, ...]]]:
            *states, before = at
            for letter in self.letters:
                ways = [self._steps(s, before, letter).keys() & room for s, room in zip(states, rooms, strict=True)]
                for targets in product(*ways):
                    yield letter, (*targets, self.before[letter])

        starts = (((p, p, q, last), (p, q, q, last)) for last in self._lasts(p, q))
        return next(filter(None, (self._path(start, goal, nexts) for start, goal in starts)), "")

    def _path(self, start: Any, goal: Any, nexts: Any) -> str:
        """The shortest text from one state of things to another."""
        seen: dict[Any, Any] = {}
        ring = [start]
        while ring:
            outer = []
            for at in ring:
                for letter, then in nexts(at):
                    if then in seen:
                        continue
                    seen[then] = (at, letter)
                    if then == goal:
                        return self._spelled(seen, start, goal)
                    outer.append(then)
            ring = outer
        return ""

    def _spelled(self, seen: dict[Any, Any], start: Any, goal: Any) -> str:
        text, at = "", goal
        while not text or at != start:
            at, letter = seen[at]
            text = self.of.letters[letter.bit_length() - 1] + text
        return text


def _kind(letter: int, masks: set[int]) -> tuple[bool, ...]:
    return tuple(bool(mask & letter) for mask in sorted(masks))


def _reach(ways: list[set[int]], start: int) -> set[int]:
    """The states that one step or more lead to."""
    found: set[int] = set()
    left = [start]
    while left:
        new = ways[left.pop()] - found
        found |= new
        left += new
    return found


def _loops(ways: list[set[int]]) -> list[int]:
    """The states that can return to themselves. What leads nowhere, or comes from nowhere, is taken away first."""
    left = set(range(len(ways)))
    while True:
        entered = {target for state in left for target in ways[state]}
        kept = {state for state in left if state in entered and ways[state] & left}
        if kept == left:
            return [state for state in sorted(left) if state in _reach(ways, state)]
        left = kept

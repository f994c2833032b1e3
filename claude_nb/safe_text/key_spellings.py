"""Find the keys that this process holds in a text: in any case, escaped, encoded, or a piece of them."""

from __future__ import annotations

import base64
import re
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from html.entities import html5
from typing import NamedTuple

SHORTEST = 8  # characters of a key, and of a piece of one that counts
_SHORTEST_WORD = 12  # of a piece without a digit, which an ordinary text may contain
_LONG = 16
_GRAM = 4
_OPEN = 3  # characters at the end of a text that may be the middle of a key
CONTEXT = _OPEN - 1  # characters that may be gone before a key is noticed
_STRIDE = SHORTEST - _GRAM + 1  # every piece of 8 characters contains a gram at one of these places
_LEVELS = 3  # an escape may itself be escaped: JSON in a string of JSON

# What a local server accepts as a "key": "not-needed", "lm-studio".
_WORDS = re.compile(r"[A-Za-z]+(?:[-_ ][A-Za-z]+)*")
# What all keys of a service begin with, such as "sk-ant-api03-", is no secret.
_VENDOR = re.compile(r"[A-Za-z]{2,8}[-_](?:[a-z0-9]{2,6}[-_]){0,2}")
# Characters that show nothing, and so can stand inside a key that a user sees whole.
_INVISIBLE = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
_ESCAPE = re.compile(
    r"\\{1,8}(?:(?:u|U0000)(?P<u>[0-9a-fA-F]{4})|x(?P<x>[0-9a-fA-F]{2})|(?P<o>[0-3][0-7]{2})|(?P<c>[/\"'+=_-])"
    r"|[ux]\{0{0,4}(?P<b>[0-9a-fA-F]{1,5})\})|%(?:u00)?(?P<p>[0-9a-fA-F]{2})"
    r"|&#0{0,8}(?P<d>[0-9]{1,6});?|&#[xX]0{0,8}(?P<h>[0-9a-fA-F]{1,5});?|&(?P<n>[A-Za-z]{2,10});"
    rf"|[{_INVISIBLE}]"
)
_OPEN_ESCAPE = re.compile(
    rf"(?:\\{{1,8}}(?:u[0-9a-fA-F]{{0,3}}|U[0-9a-fA-F]{{0,7}}|x[0-9a-fA-F]?|[0-3][0-7]?|[ux]\{{[0-9a-fA-F]{{0,9}})?"
    rf"|%(?:u?0{{0,2}}[0-9a-fA-F]?)|&#?[0-9A-Za-z]{{0,14}}|(?<![{_INVISIBLE}])[{_INVISIBLE}]+)\Z"
)


class _Spelling(NamedTuple):
    """A key as it may be written, in lower case. The first `public` characters are no secret."""

    text: str
    public: int
    coded: bool = False


class _Level(NamedTuple):
    """A text with some escapes resolved. Each mark is (place in the text, place in the text before)."""

    text: str
    marks: list[tuple[int, int]]

    def source(self, at: int) -> int:
        """Return the place in the text before."""
        place, before = self.marks[bisect_right(self.marks, (at, 1 << 62)) - 1]
        return before + at - place


class KnownKeys:
    """The keys that this process holds. They stay here until the process ends, also when they are logged out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # A closure keeps the keys out of vars() and of a debugger's list of variables, as in Key.
        self._spellings: Callable[[], tuple[_Spelling, ...]] = tuple
        self._grams: Callable[[], frozenset[str]] = frozenset
        self._longest = 0

    def remember(self, key: str) -> None:
        """Add a key. A short one, or a word like "not-needed", is no secret and is left out."""
        if len(key) < SHORTEST or (len(key) < _LONG and _WORDS.fullmatch(key)):
            return
        with self._lock:
            spellings = self._spellings()
            if _lower(key) in (spelling.text for spelling in spellings):
                return
            spellings = (*spellings, *_spellings(key))
            texts = [spelling.text for spelling in spellings]
            grams = frozenset(text[i : i + _GRAM] for text in texts for i in range(len(text) - _GRAM + 1))
            self._longest = max(map(len, texts))
            self._spellings, self._grams = (lambda: spellings), (lambda: grams)

    def forget_all(self) -> None:
        """Forget all keys; for tests."""
        self.__init__()  # type: ignore[misc]  # the state of a new object

    def spans(self, text: str, *, whole: bool = False) -> list[tuple[int, int]]:
        """Return where keys, or pieces of them, are in a text: (start, end) pairs that do not overlap, in order.

        whole  count only whole keys, and only long ones, because a prompt may contain a short word
        """
        if len(text) < SHORTEST or not self._longest:
            return []
        found: list[tuple[int, int]] = []
        above: list[_Level] = []
        for level in _levels(text):
            above.append(level)
            for run in self._runs(_lower(level.text), whole=whole):
                span = run
                for one in reversed(above):
                    span = one.source(span[0]), one.source(span[1])
                found.append(span)
        return _joined(found) if found else []

    def whole_in(self, text: str) -> bool:
        """Return whether a text holds a whole key, in any spelling."""
        return bool(self.spans(text, whole=True))

    def may_begin_at(self, text: str, before: str = "") -> int:
        """Return where a key may begin that goes on after the end of a text; the length of the text if nowhere.

        before  the last CONTEXT characters before the text, which a key may have begun with
        """
        at = self._open_at(before + text)
        return max(0, at - len(before))

    def _open_at(self, text: str) -> int:
        if not self._longest or not text:
            return len(text)
        begin = max(0, len(text) - 16 * self._longest)  # an escape takes up to 16 characters for one
        tail = text[begin:]
        half = _OPEN_ESCAPE.search(tail, max(0, len(tail) - 24))
        held = half.start() if half else len(tail)
        above: list[_Level] = []
        for level in _levels(tail[:held] if half else tail):
            above.append(level)
            size = self._open_run(_lower(level.text[-self._longest :]))
            if size:
                start = len(level.text) - size
                for one in reversed(above):
                    start = one.source(start)
                held = min(held, start)
        return begin + held

    def _runs(self, text: str, *, whole: bool) -> Iterator[tuple[int, int]]:
        """Yield start and end of each run that is a key or a piece of one."""
        grams, at = self._grams(), 0
        last = len(text) - _GRAM
        while at <= last:
            if text[at : at + _GRAM] in grams:
                start, end = self._longest_run(text, at, whole=whole)
                if end:
                    yield start, end
                    at = end
                    continue
            at += _STRIDE

    def _longest_run(self, text: str, at: int, *, whole: bool) -> tuple[int, int]:
        """Return the longest piece of a key around a gram; (0, 0) if it is too short to count."""
        gram, best = text[at : at + _GRAM], (0, 0)
        for spelling, public, _ in self._spellings():
            place = spelling.find(gram)
            while place >= 0:
                low = high = 0
                while low < min(at, place) and text[at - low - 1] == spelling[place - low - 1]:
                    low += 1
                most = min(len(text) - at, len(spelling) - place)
                high = _GRAM
                while high < most and text[at + high] == spelling[place + high]:
                    high += 1
                size, begin = low + high, place - low
                secret = spelling[max(begin, public) : begin + size]
                least = SHORTEST if any(map(str.isdigit, secret)) else _SHORTEST_WORD
                least = _GRAM if public and not begin else least
                if size == len(spelling) >= (_LONG if whole else 0) or (not whole and len(secret) >= least):
                    best = max(best, (at - low, at + high), key=lambda span: span[1] - span[0])
                place = spelling.find(gram, place + 1)
        return best

    def _open_run(self, text: str) -> int:
        """Return how many characters at the end of a text are a piece of a key: at least 3, or its beginning."""
        size = 0
        fitting = [spelling.text for spelling in self._spellings()]
        while size < len(text) and (kept := [spelling for spelling in fitting if text[-size - 1 :] in spelling]):
            fitting, size = kept, size + 1
        if size >= _OPEN:
            return size
        begins = [spelling.text for spelling in self._spellings() if not spelling.coded]
        return next((n for n in range(size, 0, -1) if any(begin.startswith(text[-n:]) for begin in begins)), 0)


def _spellings(key: str) -> Iterator[_Spelling]:
    """Yield a key as it is, in base64 after any other text ("Bearer KEY", "user:KEY"), and in hexadecimal."""
    vendor = found.end() if (found := _VENDOR.match(key)) else 0
    yield _Spelling(_lower(key), vendor)
    data = key.encode("utf-8", "replace")
    for before in range(3):
        # Only the letters that depend on the key alone: the first and the last may hold bits of its neighbours.
        coded = base64.b64encode(bytes(before) + data).decode()[-(-before * 8 // 6) :].rstrip("=")
        coded = coded[: (len(data) * 8 - (-before * 8 % 6)) // 6].lower()
        public = vendor * 8 // 6 + 1 if vendor else 0
        yield _Spelling(coded, public, coded=True)
        if coded != (for_urls := coded.replace("+", "-").replace("/", "_")):
            yield _Spelling(for_urls, public, coded=True)
    yield _Spelling(data.hex(), 2 * vendor, coded=True)


def _levels(text: str) -> Iterator[_Level]:
    """Yield the text as it is, and with its escapes resolved once, twice and three times."""
    yield _Level(text, [(0, 0)])
    for _ in range(_LEVELS):
        if _ESCAPE.search(text) is None:
            return
        level = _resolved(text)
        yield level
        text = level.text


def _resolved(text: str) -> _Level:
    pieces: list[str] = []
    marks, done, size = [(0, 0)], 0, 0
    for found in _ESCAPE.finditer(text):
        letter = _letter(found)
        pieces += (text[done : found.start()], letter)
        size += found.start() - done
        marks.append((size, found.start()))
        size += len(letter)
        done = found.end()
        marks.append((size, done))
    pieces.append(text[done:])
    return _Level("".join(pieces), marks)


def _letter(found: re.Match[str]) -> str:
    """Return what an escape stands for; "" for an invisible character."""
    if name := found["n"]:
        return html5.get(f"{name};", found[0])
    if found["c"]:
        return found["c"]
    if found["o"]:
        return chr(int(found["o"], 8))
    digits = found["u"] or found["x"] or found["b"] or found["p"] or found["h"]
    code = int(digits, 16) if digits else int(found["d"]) if found["d"] else None
    return "" if code is None else chr(code) if code <= 0x10FFFF else found[0]


def _lower(text: str) -> str:
    lower = text.lower()
    # A few capital letters become two small ones, which would move all places after them.
    return lower if len(lower) == len(text) else "".join(a if len(b := a.lower()) != 1 else b for a in text)


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans in order, with those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined

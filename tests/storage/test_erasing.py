"""A row that is erased leaves no trace, whatever its past: growing rows, many pages, late replies, upkeep."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from claude_nb.storage import files
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from tests.helpers.turns import ask

QUICK = ("synchronous = OFF", *files.SETTINGS[1:])  # the same bytes, without waiting for the disk
# The search index keeps words in lower case, and those of the last alphabet in pairs.
ALPHABETS = ("bcdfghjklmnpqrstvwxz", "BcDfGhJkLmNpQrStVwXz", "бвгджзклмнпрстфхцчшщ", "東京都大阪府北海道愛知県福岡")
MARGINS = (0, 20, 900, 9000)  # the most characters beside the words of a row: none, or up to several pages


def failed(line: str) -> None:
    raise AssertionError(line)


class Past:
    """A history with rows that were written in any order. words: what only this row ever held."""

    def __init__(self, path: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.store = Store(path, warn=failed)
        self.store._writer.tidy_soon = lambda: None  # type: ignore[method-assign]  # only when it is the row's turn
        count, self.margin = self.dice.randint(20, 120), self.dice.choice(MARGINS)
        self.words: list[list[str]] = [[] for _ in range(count)]
        self.asked = [ask(f"common {self.text(number)}", system=self.text(number)) for number in range(count)]
        self.ids = self.store.rows_of(self.store.begin_all(self.asked, notebook="n.ipynb"))
        order = [*range(count)]
        if self.dice.random() < 0.5:
            self.dice.shuffle(order)
        for number in order:
            self.end(number)
        self.store.flush(60)

    def text(self, number: int) -> str:
        """Return a text of any length for a row, with words of its own."""
        letters = self.dice.choice(ALPHABETS)
        new = ["".join(self.dice.choices(letters, k=12)) for _ in range(self.dice.randint(1, 6))]
        self.words[number] += new
        return f"{' '.join(new)} {'s' * self.dice.randint(0, self.margin)}"

    def end(self, number: int) -> None:
        """Write the reply of a row: at once, in pieces before, a second time, or together with others."""
        row_id, request, text = self.ids[number], self.asked[number], self.text(number)
        if self.dice.random() < 0.2:
            self.store.progress(row_id, text)
            text += self.text(number)
            self.store.progress(row_id, text, self.text(number))
        self.store.finish(row_id, Reply(request, text), delay_s=60)
        if self.dice.random() < 0.1:
            self.store.flush(60)
            self.store.finish(row_id, Reply(request, self.text(number)), delay_s=60)
        if self.dice.random() < 0.2:
            self.store.flush(60)
        if self.dice.random() < 0.05:
            self.store.tidy()

    def traces(self, numbers: list[int]) -> list[str]:
        """Return the words of rows that are in any file of the folder."""
        content = b"".join(file.read_bytes() for file in self.store.path.parent.iterdir())
        words = [word for number in numbers for word in self.words[number]]
        return [word for word in words if any(spelling in content for spelling in spellings(word))]


def spellings(word: str) -> set[bytes]:
    return {word.encode(), word.lower().encode(), json.dumps(word)[1:-1].encode()}


@given(st.integers(0, 2**32 - 1))
@example(37)  # a neighbour that moved out of the way left its words there, and was erased later
@settings(max_examples=12, derandomize=True, deadline=None)
def test_no_word_of_an_erased_row_stays_whatever_its_past(seed: int) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, patch.object(files, "SETTINGS", QUICK):
        past = Past(Path(folder) / "data" / "history.db", seed)
        gone = past.dice.sample(range(len(past.ids)), len(past.ids) // 3)
        assert past.traces(gone)
        for number in gone:
            assert past.store.forget(past.ids[number]) == 1
            assert past.traces([number]) == []
        while past.store.tidy():
            pass
        assert past.traces(gone) == []
        assert len(past.store.recent(None)) == len(past.ids) - len(gone)

"""The search index of the history: which words occur in which rows.

The table `words` numbers all words, and the full-text table `word_index` holds the numbers that occur in each row. So a
part of a word is looked up among the words, and no text is stored twice. When a row is erased, its words are erased
too, unless other rows have them. A row that is not indexed yet lies in a range of the table `unindexed`.

Words are folded: without case and accents. A match only selects rows; whoever searches compares their texts.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import TypeVar

T = TypeVar("T")

INDEX = "CREATE VIRTUAL TABLE word_index USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii')"

# Scripts without spaces between words: their characters are indexed in pairs.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
TOKEN = re.compile(rf"[{UNSPACED}]+|[^\W{UNSPACED}]+|[^\w\s]+")
PAIRED = re.compile(f"[{UNSPACED}]")
ACCENTS = re.compile("[\u0300-\u036f]")
# Longer words, such as encoded data, are indexed in pieces that overlap by a half.
LONGEST = 64
# A part that more words contain is so common that the newest rows are searched without the index.
MOST_WORDS = 5000

Texts = Mapping[int, tuple[str, ...]]


def fold(text: str) -> str:
    """Return a text without case and accents, and with one spelling of each character."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFKC", ACCENTS.sub("", decomposed))


def words_of(texts: Iterable[str]) -> set[str]:
    """Return the words of texts as they are indexed."""
    # Most words occur several times, so they are sorted out before the slower search for tokens.
    distinct = {word for text in texts for word in fold(text).split()}
    return set(chain.from_iterable(map(_pieces, set(TOKEN.findall(" ".join(distinct))))))


def _pieces(token: str) -> Iterable[str]:
    if not token.isascii() and PAIRED.match(token):
        return [token[place : place + 2] for place in range(max(1, len(token) - 1))]
    if len(token) <= LONGEST:
        return (token,)
    return [token[place : place + LONGEST] for place in range(0, len(token) - LONGEST // 2, LONGEST // 2)]


def parts_of(query: str) -> set[str]:
    """Return what has to occur in words of a row, so that the row can contain a query."""
    return {piece[: LONGEST // 2] for token in TOKEN.findall(fold(query)) for piece in _pieces(token)}


def is_there(db: sqlite3.Connection) -> bool:
    """Return whether the index can be used: not in files of version 1, nor in builds of SQLite without FTS5."""
    try:
        db.execute("SELECT rowid FROM word_index WHERE word_index MATCH '0'").fetchone()
    except sqlite3.Error as error:
        if type(error) is sqlite3.DatabaseError or "no such" in str(error) or "vtable" in str(error):
            return False
        raise
    return True


def create(db: sqlite3.Connection) -> bool:
    """Create the empty index in place of any other. False in builds of SQLite without FTS5."""
    try:
        db.execute("DROP TABLE IF EXISTS word_index")
        db.execute(INDEX)
    except sqlite3.DatabaseError as error:
        if "no such module" in str(error):
            return False
        if type(error) is not sqlite3.DatabaseError and "vtable" not in str(error):
            raise
        _repair(db)
    return True


def _repair(db: sqlite3.Connection) -> None:
    """Give a damaged index, which cannot be dropped, the inner tables of an empty one."""
    with closing(sqlite3.connect(":memory:")) as empty:
        empty.execute(INDEX)
        for table in ("word_index_data", "word_index_idx", "word_index_config"):
            rows = empty.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  # constants
            db.execute(f"DELETE FROM {table}")  # noqa: S608
            for row in rows:
                db.execute(f"INSERT INTO {table} VALUES {placeholders(1, len(row))}", row)  # noqa: S608


def reset(db: sqlite3.Connection) -> bool:
    """Begin the index again, which upkeep fills. False if that is not possible here."""
    if not create(db):
        return False
    db.execute("DELETE FROM words")
    db.execute("DELETE FROM unindexed")
    db.execute("INSERT INTO unindexed SELECT 1, seq FROM sqlite_sequence WHERE name = 'replies'")
    return True


def add(db: sqlite3.Connection, texts: Texts) -> None:
    """Index rows, unless they lie in an unindexed range, where upkeep does it later."""
    late = unindexed(db, texts)
    new = {row_id: words_of(some) for row_id, some in texts.items() if row_id not in late}
    if not new:
        return
    if not is_there(db):
        if not reset(db):
            db.executemany("INSERT INTO unindexed (first, last) VALUES (?, ?)", [(row_id, row_id) for row_id in new])
        return
    numbers = _numbers(db, set().union(*new.values()), create=True)
    for some in portions([*new.items()]):
        values = [(row_id, " ".join(str(numbers[word]) for word in words)) for row_id, words in some]
        sql = f"INSERT INTO word_index (rowid, words) VALUES {placeholders(len(values), 2)}"  # noqa: S608
        db.execute(sql, [*chain(*values)])


def discard(db: sqlite3.Connection, texts: Texts) -> None:
    """Take rows out of the index, and the words that no other row has."""
    if not is_there(db):
        reset(db)
        return
    late = unindexed(db, texts)
    gone = {row_id: words_of(some) for row_id, some in texts.items() if row_id not in late}
    numbers = _numbers(db, set().union(*gone.values())) if gone else {}
    for row_id, words in gone.items():
        known = " ".join(str(numbers[word]) for word in words if word in numbers)
        db.execute("INSERT INTO word_index (word_index, rowid, words) VALUES ('delete', ?, ?)", (row_id, known))
    # Overwritten in its place: if the row were deleted, SQLite would move others and leave copies of them behind.
    sql = """UPDATE words SET digest = NULL, word = ? WHERE id = ? AND NOT EXISTS
             (SELECT 1 FROM word_index WHERE word_index MATCH '"' || ? || '"')"""
    db.executemany(sql, [(" " * len(word.encode()), number, number) for word, number in numbers.items()])
    # Which of the other words were in these rows stays in the index until its parts are merged.
    db.execute("UPDATE file SET merging = 1")


def unindexed(db: sqlite3.Connection, row_ids: Iterable[int]) -> set[int]:
    """Return those of the rows that lie in an unindexed range."""
    found: set[int] = set()
    for some in portions([*row_ids]):
        sql = "SELECT id FROM replies JOIN unindexed ON id BETWEEN first AND last WHERE id IN "
        found |= {row_id for (row_id,) in db.execute(sql + placeholders(1, len(some)), some)}
    return found


def candidates(db: sqlite3.Connection, words: Sequence[str]) -> Iterator[int] | None:
    """Return the indexed rows that may contain all the words, newest first.

    None: the index cannot tell, because each of the words is part of very many words
    """
    terms = []
    for part in set().union(*map(parts_of, words)):
        found = db.execute("SELECT id FROM words WHERE instr(word, ?) LIMIT ?", (part, MOST_WORDS + 1)).fetchall()
        if not found:
            return iter(())
        if len(found) <= MOST_WORDS:
            terms.append(" OR ".join(f'"{number}"' for (number,) in found))
    if not terms:
        return None
    query = " AND ".join(f"({term})" for term in sorted(terms, key=len))
    ids = db.execute("SELECT rowid FROM word_index WHERE word_index MATCH ? ORDER BY rowid DESC", (query,))
    return (row_id for (row_id,) in ids)


def _numbers(db: sqlite3.Connection, words: set[str], *, create: bool = False) -> dict[str, int]:
    """Return the numbers of words by word. create: of new words too."""
    found = _known(db, words)
    if create and (new := [*(words - found.keys())]):
        for some in portions(new):
            values = [*chain(*((word, _digest(word)) for word in some))]
            db.execute(f"INSERT INTO words (word, digest) VALUES {placeholders(len(some), 2)}", values)  # noqa: S608
        found |= _known(db, new)
    return found


def _known(db: sqlite3.Connection, words: Iterable[str]) -> dict[str, int]:
    wanted = {*words}
    found: dict[str, int] = {}
    for some in portions([*map(_digest, wanted)], 500):
        sql = f"SELECT word, id FROM words WHERE digest IN {placeholders(1, len(some))}"  # noqa: S608
        found.update((word, number) for word, number in db.execute(sql, some) if word in wanted)
    return found


def _digest(word: str) -> int:
    """Return what a word is looked up by. An index of the words themselves would keep traces of forgotten ones."""
    return zlib.crc32(word.encode())


def portions(values: Sequence[T], most: int = 100) -> Iterator[Sequence[T]]:
    """Split values for several statements, because older builds of SQLite take 999 values in one."""
    return (values[first : first + most] for first in range(0, len(values), most))


def placeholders(count: int, width: int) -> str:
    """Return the placeholders for the values of several rows: placeholders(2, 3) -> "(?, ?, ?), (?, ?, ?)"."""
    return ", ".join([f"({', '.join('?' * width)})"] * count)

"""Named prompts in the history file. Equal texts of a name are one version, so saving twice changes nothing."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from claude_nb.errors import PromptError
from claude_nb.storage import migrations
from claude_nb.storage.entries import from_json, to_json

MAX_CHARS = 200_000
MOST_VERSIONS = 1000  # of one name

Work = Callable[[sqlite3.Connection], Any]


class Version(NamedTuple):
    """One text of a named prompt.

    number  1 for the first text that was saved under the name
    id      the beginning of the SHA-256 of the text
    place   the largest one of a name belongs to its newest version
    """

    name: str
    number: int
    id: str
    saved_s: float
    place: int
    text: str


class Score(NamedTuple):
    """Rows of an evaluation that a text passed. cases: identifies the rows and what was expected of them."""

    cases: str
    grader: str
    passed: int
    n: int


class SavedPrompts:
    """The named prompts of one history.

    read, write  do work on the database; read takes a default for a disk that is in the way
    """

    def __init__(
        self, read: Callable[[Work, Any], Any], write: Callable[[Work], Any], clock: Callable[[], float] = time.time
    ) -> None:
        self._read = read
        self._write = write
        self._clock = clock

    def save(self, name: str, text: str) -> Version:
        """Save a text under a name, as its newest version, and return that. Raises PromptError for too much of it."""
        if len(text) > MAX_CHARS:
            raise PromptError(f"the prompt has more than {MAX_CHARS:,} characters; put long texts into variables")
        known = self.versions(name)
        before = next((version for version in known if version.text == text), None)
        latest = max((version.place for version in known), default=0)
        if before and before.place == latest:
            return before
        if before is None and len(known) >= MOST_VERSIONS:
            advice = "put what changes into {{variables}}, or erase them with"
            raise PromptError(f"{name} has {MOST_VERSIONS:,} versions; {advice} %claude /forget prompts.{name}")
        self._write(lambda db: _save(db, name, text, self._clock()))
        number = before.number if before else max((version.number for version in known), default=0) + 1
        return Version(name, number, digest(text), before.saved_s if before else self._clock(), latest + 1, text)

    def versions(self, name: str | None = None) -> list[Version]:
        """Return the versions of a name, or of all names, in the order of their numbers."""
        found: list[Version] = self._read(lambda db: _versions(db, name), [])
        return found

    def forget(self, name: str | None = None) -> int:
        """Erase a name with all its versions, or all names; return the number of versions."""
        return self._write(lambda db: erase(db, name)) or 0

    def score(self, text: str, scores: list[Score]) -> None:
        """Remember how a text did; for each grader and each set of rows the newest result counts."""
        self._write(lambda db: _score(db, digest(text), scores))

    def scores(self, version: Version) -> list[Score]:
        """Return how a version did in evaluations, newest first."""
        found: list[Score] = self._read(lambda db: _scores(db, version.id), [])
        return found


def in_memory() -> SavedPrompts:
    """Return prompts that last as long as this process, for a session without a history."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrations.migrate(db, 0, is_small=True)
    return SavedPrompts(lambda work, _: work(db), lambda work: work(db))


def digest(text: str) -> str:
    """Return what identifies a text: digest("Hi") -> "3639efcd08ab"."""
    return hashlib.sha256(to_json(text).encode()).hexdigest()[:12]


def _save(db: sqlite3.Connection, name: str, text: str, now_s: float) -> None:
    (place,) = db.execute("SELECT coalesce(max(place), 0) + 1 FROM prompts").fetchone()
    db.execute(
        """INSERT INTO prompts (name, digest, saved_s, place, text) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (name, digest) DO UPDATE SET place = excluded.place""",
        (name, digest(text), now_s, place, to_json(text)),
    )


def _versions(db: sqlite3.Connection, name: str | None) -> list[Version]:
    if not migrations.has(db, "prompts"):  # a history of an earlier version that was not written yet
        return []
    sql = "SELECT name, digest, saved_s, place, text FROM prompts WHERE ? IS NULL OR name = ? ORDER BY name, id"
    found: list[Version] = []
    for owner, key, saved_s, place, stored in db.execute(sql, (name, name)):
        try:
            text = from_json(stored)
        except (ValueError, TypeError):
            continue  # anybody may have written the file
        if isinstance(text, str) and isinstance(owner, str) and isinstance(saved_s, float) and isinstance(place, int):
            number = found[-1].number + 1 if found and found[-1].name == owner else 1
            found.append(Version(owner, number, str(key), saved_s, place, text))
    return found


def erase(db: sqlite3.Connection, name: str | None = None) -> int:
    """Erase a name, or all, so that no trace of them stays in the file; return the number of versions.

    The others are written again, because SQLite leaves copies of rows that it has moved within a page.
    """
    rows = db.execute("SELECT id, name, digest, saved_s, place, text FROM prompts").fetchall()
    kept = [row for row in rows if name is not None and row[1] != name]
    if len(kept) < len(rows):
        db.execute("DELETE FROM prompts")
        db.executemany("INSERT INTO prompts (id, name, digest, saved_s, place, text) VALUES (?, ?, ?, ?, ?, ?)", kept)
    db.execute("DELETE FROM scores WHERE digest NOT IN (SELECT digest FROM prompts)")
    return len(rows) - len(kept)


def _score(db: sqlite3.Connection, key: str, scores: list[Score]) -> None:
    for score in scores:
        db.execute("DELETE FROM scores WHERE digest = ? AND cases = ? AND grader = ?", (key, score.cases, score.grader))
        db.execute("INSERT INTO scores (digest, cases, grader, passed, n) VALUES (?, ?, ?, ?, ?)", (key, *score))


def _scores(db: sqlite3.Connection, key: str) -> list[Score]:
    if not migrations.has(db, "scores"):
        return []
    sql = "SELECT cases, grader, passed, n FROM scores WHERE digest = ? ORDER BY id DESC"
    found = (Score(*row) for row in db.execute(sql, (key,)))
    return [score for score in found if isinstance(score.passed, int) and isinstance(score.n, int) and score.n > 0]

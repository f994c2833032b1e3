"""SQL for the rows of the history: write them, read them with every field checked, and close those of dead kernels.

The parameter `where` is always a constant of this package; everything else is passed as a value.
"""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from itertools import chain, islice
from typing import Any

from claude_nb.storage import batched, migrations, words
from claude_nb.storage.entries import Rhythm, Row, from_json, reply_from, rhythm_from, to_json
from claude_nb.types.reply import Reply

SILENT_S = 3600.0
# Beyond this many erased rows, it is quicker to build the search index again than to take each row out.
MOST_TAKEN_OUT = 500
# Rows on either side of an erased one. SQLite balances a page with its neighbours: copies lay up to 48 rows away.
BESIDE = 200
COLUMNS = "id, created_s, stop_reason, notebook, variable, chat, rhythm, request, reply"
Values = tuple[str | float | None, ...]

# The number of this process, and a mark that distinguishes it from an earlier one with the same number.
_process = (0, "")


def owner() -> str:
    """Return the name of this process in its rows: "host/pid/mark"."""
    global _process  # noqa: PLW0603  # a forked child needs a mark of its own
    if _process[0] != os.getpid():
        _process = (os.getpid(), secrets.token_hex(4))
    return f"{plain(socket.gethostname())}/{_process[0]}/{_process[1]}"


def plain(text: str | None) -> str | None:
    """Return a text that a column can hold: without half surrogate pairs and NUL."""
    return text if text is None else text.encode("utf-8", "replace").decode().replace("\0", " ")


def countable(row_id: int) -> int:
    """Return an id that SQLite can represent; 0, which no row has, for any other."""
    return row_id if 0 < row_id < 2**63 else 0


def insert(db: sqlite3.Connection, *new: Values) -> list[int]:
    """Insert running rows (key, created_s, owner, notebook, variable, chat, request), and return their ids."""
    ids: list[int] = []
    for some in words.portions(new):
        sql = "INSERT INTO replies (key, created_s, owner, notebook, variable, chat, request) VALUES "
        last = db.execute(sql + words.placeholders(len(some), 7), [*chain(*some)]).lastrowid or 0
        ids += range(last - len(some) + 1, last + 1)  # the ids of one statement have no gaps
    return ids


def add_piece(db: sqlite3.Connection, row_id: int, now_s: float, text: str, thinking: str) -> bool:
    """Append to the text of a running row. False when the row is not running, or missing."""
    sql = "INSERT INTO pieces SELECT id, ?, ?, ? FROM replies WHERE id = ? AND stop_reason IS NULL"
    return db.execute(sql, (now_s, to_json(text), to_json(thinking), row_id)).rowcount > 0


def reopen(db: sqlite3.Connection, row_id: int) -> None:
    """Open a row of this process again that was closed as dead."""
    _take_out(db, [row_id])
    db.execute("UPDATE replies SET stop_reason = NULL WHERE id = ? AND owner = ?", (row_id, owner()))


def close(db: sqlite3.Connection, *ends: tuple[int, Reply, Rhythm]) -> dict[int, Reply]:
    """Store the replies of the rows that still exist, and return them by id. index() makes them searchable."""
    found: dict[int, Reply] = {}
    for portion in words.portions(ends):
        some = {row_id: (reply, rhythm) for row_id, reply, rhythm in portion}
        sql = f"SELECT id, stop_reason IS NULL FROM replies WHERE id IN {words.placeholders(1, len(some))}"  # noqa: S608
        there = dict(db.execute(sql, [*some]).fetchall())
        found |= {row_id: some[row_id][0] for row_id in there}
        _take_out(db, [row_id for row_id, is_running in there.items() if not is_running])
        # One statement for all, because other threads take over the interpreter at each statement.
        sql = f"""WITH ended (id, stop_reason, source, rhythm, reply) AS (VALUES {words.placeholders(len(some), 5)})
                  UPDATE replies SET (stop_reason, source, rhythm, reply) =
                  (SELECT stop_reason, source, rhythm, reply FROM ended WHERE ended.id = replies.id)
                  WHERE id IN (SELECT id FROM ended)"""  # noqa: S608
        db.execute(sql, [*chain(*((row_id, *_end(*some[row_id])) for row_id in some))])
        if fetched := [row_id for row_id, (reply, _) in some.items() if reply.source == "batch"]:
            batched.give(db, fetched, owner())
    return found


def _end(reply: Reply, rhythm: Rhythm) -> Values:
    data = reply.to_dict(request=False)  # which has a column of its own
    return reply.stop_reason, reply.source, to_json(rhythm), to_json(data)


def drop_pieces(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Take out the text of rows whose reply is written."""
    db.executemany("DELETE FROM pieces WHERE reply_id = ?", [(row_id,) for row_id in ids])


def remove(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Delete running rows whose prompts were not sent."""
    db.executemany("DELETE FROM replies WHERE id = ? AND stop_reason IS NULL", [(row_id,) for row_id in ids])


def index(db: sqlite3.Connection, replies: Mapping[int, Reply]) -> None:
    """Make rows searchable. A damaged index is begun again, because it must not cost a reply."""
    if not replies:
        return
    try:
        words.add(db, {row_id: texts(reply) for row_id, reply in replies.items()})
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:
            raise  # not a damaged index, but a full disk or the like
        words.reset(db)


def texts(reply: Reply) -> tuple[str, str]:
    """Return what a search looks at, as a column can hold it."""
    return plain(reply.prompt) or "", plain(reply.text) or ""


def _take_out(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Take rows out of the search index, as long as they have the texts they were indexed with."""
    found = [row for row_id in ids for row in read(db, "id = ? AND stop_reason IS NOT NULL", (row_id,))]
    if not found:
        return
    try:
        words.discard(db, {row.id: texts(row.reply) for row in found})
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:
            raise
        words.reset(db)


def heal(db: sqlite3.Connection, now_s: float) -> None:
    """Close the rows of dead kernels with the text they have. Without its index, upkeep does it later."""
    if not migrations.has(db, "replies_running"):
        return
    sql = """SELECT id, owner, max(created_s, coalesce((SELECT max(at_s) FROM pieces WHERE reply_id = replies.id), 0))
             FROM replies WHERE stop_reason IS NULL"""
    for row_id, who, news_s in db.execute(sql).fetchall():
        if not _alive(str(who), now_s - news_s if isinstance(news_s, float) else SILENT_S):
            found = read(db, "id = ?", (row_id,))
            if found:
                index(db, close(db, (row_id, found[0].reply, found[0].rhythm)))
                drop_pieces(db, [row_id])
            else:  # unreadable: nothing can be saved, but the row is not running
                db.execute("UPDATE replies SET stop_reason = 'error' WHERE id = ?", (row_id,))


def erase(db: sqlite3.Connection, where: str, values: Values) -> int:
    """Delete rows so that no trace of them stays in the file, and return how many."""
    ids = [row_id for (row_id,) in db.execute(f"SELECT id FROM replies WHERE {where}", values)]  # noqa: S608  # see the top
    if len(ids) > MOST_TAKEN_OUT:
        words.reset(db)
    else:
        _take_out(db, ids)
    each = [(row_id,) for row_id in ids]
    if ids and migrations.has(db, "search"):
        # Only the texts: the words stay in the old index until upkeep, which is under way, has taken it down.
        db.executemany("DELETE FROM search_content WHERE id = ?", each)
    db.executemany("DELETE FROM replies WHERE id = ?", each)
    drop_pieces(db, ids)
    if ids:
        _rewrite_beside(db, min(ids), max(ids))
    return len(ids)


def _rewrite_beside(db: sqlite3.Connection, first: int, last: int) -> None:
    """Write the rows beside deleted ones again, so that the pages they share are emptied and overwritten.

    When a row grows, SQLite moves its neighbours, and leaves copies of them in the unused part of a page.
    """
    before = db.execute("SELECT id FROM replies WHERE id BETWEEN 1 AND ? ORDER BY id DESC LIMIT ?", (last, BESIDE))
    near = [row_id for (row_id,) in before]
    near += [
        row_id for (row_id,) in db.execute("SELECT id FROM replies WHERE id > ? ORDER BY id LIMIT ?", (last, BESIDE))
    ]
    if first < last:
        before = db.execute("SELECT id FROM replies WHERE id < ? AND id > 0 ORDER BY id DESC LIMIT ?", (first, BESIDE))
        near += [row_id for (row_id,) in before if row_id not in near]
    if not near:
        return
    # Into the memory and back: a row that moves within the file leaves copies of itself in other places.
    among = f"id IN {words.placeholders(1, len(near))}"
    db.execute(f"CREATE TEMP TABLE away AS SELECT * FROM replies WHERE {among}", near)  # noqa: S608  # placeholders
    db.execute(f"DELETE FROM replies WHERE {among}", near)  # noqa: S608  # placeholders
    db.execute("INSERT INTO replies SELECT * FROM away ORDER BY id")
    db.execute("DROP TABLE away")


def read(
    db: sqlite3.Connection,
    where: str,
    values: Values,
    *,
    limit: int | None = None,
    keep: Callable[[Reply], bool] = lambda _: True,
) -> list[Row]:
    """Return the rows that `keep` accepts, newest first. Rows that cannot be read are left out."""
    kept = (row for row in each(db, where, values) if keep(row.reply))
    return [*islice(kept, None if limit is None else max(0, limit))]


def each(db: sqlite3.Connection, where: str, values: Values) -> Iterator[Row]:
    """Yield rows, newest first. Rows that cannot be read are left out."""
    sql = f"SELECT {COLUMNS} FROM replies WHERE {where} ORDER BY id DESC"  # noqa: S608  # see the top
    return (row for columns in db.execute(sql, values) if (row := _row(db, columns)) is not None)


def newest_of_each_variable(db: sqlite3.Connection, notebook: str | None) -> dict[str, Row]:
    """Return the newest readable row of each variable of a notebook."""
    # The index has the variables and the ids, so only the rows themselves are read from the table.
    sql = "SELECT variable, id FROM replies WHERE notebook = ? AND variable IS NOT NULL ORDER BY id DESC"
    found: dict[str, Row] = {}
    for variable, row_id in db.execute(sql, (notebook,)).fetchall():
        if isinstance(variable, str) and variable not in found:
            for row in read(db, "id = ?", (row_id,)):
                found[variable] = row
    return found


def extent(db: sqlite3.Connection) -> tuple[int, float | None]:
    """Return how many rows there are, and when the first began, in seconds since 1970."""
    count, first_s = db.execute("SELECT count(*), min(created_s) FROM replies").fetchone()
    return count, first_s if isinstance(first_s, float) else None


def known(db: sqlite3.Connection, keys: Sequence[str]) -> set[str]:
    """Return the keys that occur in rows."""
    found: set[str] = set()
    for some in words.portions(keys, 500):
        sql = f"SELECT DISTINCT key FROM replies WHERE key IN {words.placeholders(1, len(some))}"  # noqa: S608
        found |= {str(key) for (key,) in db.execute(sql, some)}
    return found


def _row(db: sqlite3.Connection, columns: tuple[Any, ...]) -> Row | None:
    row_id, created_s, stop_reason, notebook, variable, chat, rhythm, request, reply = columns
    names = {"notebook": notebook, "variable": variable, "chat": chat}
    names = {name: value if isinstance(value, str) else None for name, value in names.items()}
    try:
        request_data = from_json(request)
        if stop_reason is None:
            return Row(row_id, _so_far(db, row_id, request_data, created_s), running=True, **names)
        data = from_json(reply)
        return Row(row_id, reply_from({**data, "request": request_data}), rhythm_from(from_json(rhythm)), **names)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _so_far(db: sqlite3.Connection, row_id: int, request: Any, created_s: float) -> Reply:
    sql = "SELECT at_s, text, thinking FROM pieces WHERE reply_id = ? ORDER BY rowid"
    pieces = [(at_s, from_json(text), from_json(thinking)) for at_s, text, thinking in db.execute(sql, (row_id,))]
    reply = reply_from(
        {
            "request": request,
            "text": "".join(text for _, text, _ in pieces),
            "thinking": "".join(thinking for *_, thinking in pieces),
            "stop_reason": "interrupted",
            "seconds": max(0.0, pieces[-1][0] - created_s) if pieces else 0.0,
            "created_at": datetime.fromtimestamp(created_s, timezone.utc).isoformat(),
            "error": "not finished when it was last saved",
        }
    )
    return replace(reply, source="demo" if reply.provider == "demo" else "live")


def _alive(who: str, silent_s: float) -> bool:
    """Return whether the process of a running row still lives; store.py states the rule."""
    if silent_s >= (batched.KEPT_S if who.startswith(batched.BATCH) else SILENT_S):
        return False
    if who == owner():
        return True
    host, _, process = who.rpartition("/")[0].rpartition("/")
    if host != owner().rsplit("/", 2)[0] or not process.isdecimal() or sys.platform == "win32":
        return True  # another computer, or Windows, where the signal would end the process
    if int(process) == os.getpid():
        return False  # the same number with another mark: an earlier process
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True

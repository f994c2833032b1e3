"""Measure a large history: search, look-up, first reply, forget; beside what SQLite itself needs.

python -m bench.history [ROWS]      20,000 rows unless said; 100,000 rows take about 1.1 GB and ten minutes to make
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request

PAGE = 4096
PORTION = 200


class Cost(NamedTuple):
    """Seconds, processor seconds, and pages read from the file (None where the system does not count them)."""

    seconds: float
    cpu_s: float
    pages: int | None


def request(prompt: str) -> Request:
    return Request("demo", "demo", (Message("user", prompt),))


def fill(path: Path, rows: int) -> None:
    """Write a history of replies of 300 to 1,500 words, which are as common as in a language."""
    dice = random.Random(1)  # noqa: S311  # the same texts each time
    vocabulary = ["".join(dice.choices("etaoinshrdlucmfwypvbgk", k=dice.randint(3, 11))) for _ in range(150_000)]
    weights = [*itertools.accumulate(1 / (rank + 1) for rank in range(len(vocabulary)))]

    def text(low: int, high: int) -> str:
        return " ".join(dice.choices(vocabulary, cum_weights=weights, k=dice.randint(low, high)))

    store = Store(path, warn=print)
    for first in range(0, rows, PORTION):
        asked = [request(f"{text(5, 60)} q{number}") for number in range(first, min(rows, first + PORTION))]
        ids = store.rows_of(store.begin_all(asked, notebook=f"/n{first // PORTION}.ipynb", variable="reply"))
        for row_id, one in zip(ids, asked, strict=True):
            needle = " the rayleighton needle" if row_id == rows // 100 + 1 else ""
            store.finish(row_id, Reply(one, f"common {text(300, 1500)}{needle} r{row_id}"), delay_s=60)
    store.flush(600)


def cost(work: Callable[[], object]) -> Cost:
    before, start, cpu = _read_bytes(), time.perf_counter(), time.process_time()
    work()
    seconds, cpu_s, after = time.perf_counter() - start, time.process_time() - cpu, _read_bytes()
    return Cost(seconds, cpu_s, None if before is None or after is None else (after - before) // PAGE)


def _read_bytes() -> int | None:
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/io").read_text().split()[1])
    return None


def floor(path: Path) -> None:
    """Read the newest 20 rows with nothing but SQLite."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("SELECT * FROM replies ORDER BY id DESC LIMIT 20").fetchall()


def measured(path: Path, rows: int) -> dict[str, Cost]:
    """Return the cost of each use. Each has a Store of its own, like a new kernel."""

    def new() -> Store:
        return Store(path, warn=lambda _: None, wait_s=60)

    def reply_of(store: Store) -> None:
        store.finish(store.begin(request("the first prompt of a kernel")), Reply(request("x"), "a reply"))

    some = new().get(rows // 2)
    if some is None:
        raise RuntimeError("the history was not written")
    empty = Store(path.with_name("empty.db"), warn=print)
    reply_of(empty)
    ways: dict[str, Callable[[], object]] = {
        "floor: SQLite reads 20 rows": lambda: floor(path),
        "search, a common word": lambda: new().recent(20, "common"),
        "search, a part of it": lambda: new().recent(20, "ommo"),
        "search, a rare word": lambda: new().recent(20, "rayleighton"),
        "search, a part of it (rare)": lambda: new().recent(20, "ayleight"),
        "search, not there": lambda: new().recent(20, "xylophone"),
        "search, two letters, not there": lambda: new().recent(20, "qz"),
        "the newest 20": lambda: new().recent(20),
        "look-up of a request": lambda: new().find(some.reply.request),
        "look-up in vain": lambda: new().find(request("never asked")),
        "first reply, empty history": lambda: reply_of(Store(empty.path, warn=print)),
        "first reply": lambda: reply_of(new()),
        "forget one row": lambda: new().forget(some.id),
        "forget all": lambda: new().forget(everything=True),
    }
    return {name: cost(way) for name, way in ways.items()}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, "history.db")
        fill(path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB; load average {os.getloadavg()[0]:.1f}")
        found = measured(path, rows)
        least = found["floor: SQLite reads 20 rows"].seconds
        for name, one in found.items():
            pages = "" if one.pages is None else f"{one.pages:7,} pages read"
            print(f"{name:32} {one.seconds * 1000:8.1f} ms {one.seconds / least:7.1f} x the floor {pages}")


if __name__ == "__main__":
    sys.exit(main())

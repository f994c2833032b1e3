"""The history under force: killed at any moment, written by many at once, carried over a fork.

The children say what they were promised ("acknowledged") on their output; afterwards it has to be in the file.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request

WRITER = """
import sys
from pathlib import Path
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request

path, name, turns = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = Store(path, warn=lambda line: print("warned", line, flush=True), wait_s=60)
for turn in range(turns):
    request = Request("demo", "demo", (Message("user", f"{name} asks {turn}"),))
    row = store.begin(request)
    print("begun", row, flush=True)
    for length in range(1, int(sys.argv[4]) + 1):
        store.progress(row, "word " * 100 * length)
        print("saved", row, 500 * length, flush=True)
    store.finish(row, Reply(request, text=f"{name} hears {turn}"))
    print("ended", row, flush=True)
"""


def writer(path: Path, name: str, turns: int, pieces: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(turns), str(pieces)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def intact(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return bool(db.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal")
def test_whatever_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path, moments = tmp_path / "history.db", random.Random(7)
    promised: dict[str, int] = {}
    ended: set[str] = set()
    for round_ in range(15):
        child = writer(path, f"round {round_}", 100_000, 3)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(moments.randint(1, 40))]
        time.sleep(moments.uniform(0.0, 0.005))  # the moment is the test
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().splitlines(keepends=True)
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        for word, row_id, *length in (line.split() for line in lines if line.endswith("\n")):
            assert word != "warned", line_of(lines)
            promised[row_id] = max(promised.get(row_id, 0), int(length[0]) if length else 0)
            if word == "ended":
                ended.add(row_id)
        assert intact(path)
    store = Store(path, warn=pytest.fail)
    store.begin(Request("demo", "demo", (Message("user", "after"),)))  # the next start
    rows = {str(row.id): row for row in store.recent(None)}
    assert promised.keys() <= rows.keys()
    for row_id, length in promised.items():
        reply = rows[row_id].reply
        if reply.complete:
            assert reply.text.startswith("round")
        else:
            assert row_id not in ended
            assert len(reply.text) >= length
    assert len(ended) > 15, "the children finish turns, too"
    assert sum(row.running for row in rows.values()) == 1, "only the row of this process is open"


def line_of(lines: list[str]) -> str:
    return next(line for line in lines if line.startswith("warned"))


@pytest.fixture
def quick_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: many writers are a matter of locks, not of how fast the disk is."""
    memory = Path("/dev/shm")  # the folder in it gets a name of its own
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


def test_eight_kernels_write_one_history(quick_disk: Path) -> None:
    path, turns = quick_disk / "history.db", 200
    children = [writer(path, f"kernel {number}", turns, 1) for number in range(8)]
    lines = [line for child in children for line in child.communicate()[0].splitlines()]
    assert [child.returncode for child in children] == [0] * 8
    assert not [line for line in lines if line.startswith("warned")]
    found = Store(path, warn=pytest.fail).recent(None)
    expected = {
        (f"kernel {number} asks {turn}", f"kernel {number} hears {turn}")
        for number in range(8)
        for turn in range(turns)
    }
    assert {(row.reply.prompt, row.reply.text) for row in found} == expected
    assert len(found) == len(expected)
    assert not [row for row in found if row.running]
    assert intact(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_rows_of_its_own(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from claude_nb.storage import rows
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
store = Store(Path(sys.argv[1]), warn=print)
request = Request("demo", "demo", (Message("user", "Hi"),))
mine = store.begin(request)
owner = rows.owner()
child = os.fork()
if child == 0:
    assert rows.owner() != owner
    store.finish(store.begin(request), Reply(request, text="child"))
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
store.finish(mine, Reply(request, text="parent"))
print([row.reply.text for row in store.recent()])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "h.db")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['child', 'parent']\n"


def test_a_lock_held_by_another_program_delays_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    request = Request("demo", "demo", (Message("user", "Hi"),))
    Store(path, warn=pytest.fail).begin(request)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        child = writer(path, "patient", 1, 0)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=1)
        other.execute("COMMIT")
    assert child.communicate()[0].split() == ["begun", "2", "ended", "2"]


def test_a_lock_that_stays_is_told_once_and_does_not_hold_up_every_cell(tmp_path: Path) -> None:
    warnings: list[str] = []
    store = Store(tmp_path / "history.db", warn=warnings.append, wait_s=0.05)
    request = Request("demo", "demo", (Message("user", "Hi"),))
    row_id = store.begin(request)
    with contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        store.progress(row_id, "late is no trouble")
        assert warnings == []
        assert store.begin(request) is None
        assert store.recent() == []
        store.finish(row_id, Reply(request))
    assert warnings == ["history: history.db is locked by another program, so replies are shown but not kept for now"]
    assert store.begin(request) is not None

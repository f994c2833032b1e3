"""64 replies at once in one process: none is lost, none swapped, and nothing is left behind.

LOAD_S=60 keeps it up for a minute (make fuzz does); otherwise it is a few seconds.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path

import pytest

from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from tests.helpers.replies import chat, messages
from tests.helpers.server import Recorded, Scenario, Server

STREAMS = 64
SECONDS = float(os.environ.get("LOAD_S", "3"))
PROC = Path("/proc/self")


def words_for(prompt: str) -> list[str]:
    """A reply that no other prompt gets."""
    return [f"{prompt}:{i} é🙂 " for i in range(60)]


def scenario(request: Recorded) -> Scenario:
    reply = messages if request.path.endswith("/messages") else chat
    return reply(words_for(request.json["messages"][-1]["content"]))


def left_open() -> tuple[int, int]:
    """Threads, and open files and sockets (0 where the system does not tell)."""
    return threading.active_count(), len(os.listdir(PROC / "fd")) if PROC.exists() else 0  # noqa: PTH208  # counts itself once, both times


def resident_mb() -> float:
    return int((PROC / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def ask_all(session: Session, address: str, seconds: float) -> tuple[int, list[str]]:
    """Each of the threads asks again and again; how many replies came, and which were wrong."""
    until, wrong, counts = time.monotonic() + seconds, list[str](), [0] * STREAMS

    def work(number: int) -> None:
        provider = ("aimlapi", "anthropic")[number % 2]
        while time.monotonic() < until or not counts[number]:
            prompt = f"{number}.{counts[number]}"
            try:
                text = session.ask(prompt, provider=provider, base_url=address).text
            except Exception as error:  # noqa: BLE001  # told by the test
                text = repr(error)
            counts[number] += 1
            if text != "".join(words_for(prompt)):
                wrong.append(f"{prompt}: {text[:200]}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(STREAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 120)
    return sum(counts), wrong


@pytest.mark.timeout(SECONDS + 280)
def test_many_replies_at_once_are_whole_and_leave_nothing_behind(tmp_path: Path) -> None:
    names = ("AIMLAPI_API_KEY", "ANTHROPIC_API_KEY")
    environ = {**dict.fromkeys(names, "test-key-0123456789"), "CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}
    told: list[str] = []
    session = Session(credentials=Credentials(environ))
    session.warn = told.append
    gc.collect()
    before, earlier = left_open(), set(threading.enumerate())
    with Server(scenario) as server:
        first, wrong = ask_all(session, server.url, 0)
        warm_mb = resident_mb() if PROC.exists() else 0.0
        more, also_wrong = ask_all(session, server.url, SECONDS)
        gc.collect()
        # What the test itself keeps of each request is small beside what a leak of replies would be.
        assert not PROC.exists() or resident_mb() - warm_mb < 60 + 0.02 * more
        assert len(server.requests) == first + more
    assert (wrong + also_wrong, told) == ([], [])
    for thread in set(threading.enumerate()) - earlier:
        thread.join()  # a thread that stays is the fault that this test is about
    gc.collect()
    threads, files = left_open()
    assert threads <= before[0]
    assert files <= before[1] + 2
    assert session.totals.calls == first + more
    assert session.store is not None
    rows = session.store.recent(None)
    assert len(rows) == first + more
    assert all(row.reply.text == "".join(words_for(row.reply.prompt)) for row in rows)

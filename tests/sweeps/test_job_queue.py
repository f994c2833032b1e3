"""The history of a sweep: prompts before they are sent, replies while it runs, many rows in one write."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.stop_signal import Stop
from claude_nb.storage.store import Store
from claude_nb.sweeps.api import sweep
from claude_nb.sweeps.engine.job_queue import Job, JobQueue
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.rates import RateServer
from tests.helpers.replies import chat
from tests.helpers.server import Server, Wait

STOP = Stop()


def jobs(count: int) -> list[Job]:
    return [Job(i, 0, Request("demo", "demo", (Message("user", f"prompt {i}"),))) for i in range(count)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history.db", warn=pytest.fail)


def prompts(store: Store) -> list[str]:
    return sorted(row.reply.prompt for row in store.recent(None))


def test_a_prompt_is_in_the_history_when_its_job_is_handed_out(store: Store) -> None:
    clerk = JobQueue(jobs(5), store, ahead=1)
    for number in range(5):
        task = clerk.next(STOP)
        assert task is not None
        assert f"prompt {number}" in prompts(store)
    assert clerk.next(STOP) is None
    clerk.close(10)


class Counted(Store):
    """Tells how many prompts each write brought."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, warn=pytest.fail)
        self.writes: list[int] = []

    def enter(self, begin: Any, *rest: Any, **names: Any) -> list[int | None]:
        self.writes.append(len(begin))
        return super().enter(begin, *rest, **names)


def test_no_more_rows_are_written_ahead_where_they_are_there_in_time(tmp_path: Path) -> None:
    store, pause = Counted(tmp_path / "history.db"), threading.Event()
    clerk = JobQueue(jobs(12), store, ahead=2)
    for number in range(10):
        assert clerk.next(STOP)
        while len(prompts(store)) < number + 3:  # this call takes longer than a write
            pause.wait(0.005)
    clerk.close(10)
    assert store.writes == [2, *[1] * 10, 0]


def test_on_a_slow_disk_more_rows_are_written_ahead_but_no_more_than_eight_times_as_many(tmp_path: Path) -> None:
    store = Counted(tmp_path / "history.db")
    clerk = JobQueue(jobs(200), store, ahead=2)
    while clerk.next(STOP):
        pass
    clerk.close(10)
    assert store.writes[0] == 2
    assert 2 < max(store.writes) <= 16


def test_a_prompt_that_is_not_sent_after_all_is_taken_out_again(store: Store) -> None:
    clerk = JobQueue(jobs(50), store, ahead=8)
    assert clerk.next(STOP) is not None
    clerk.close(10)
    assert prompts(store) == ["prompt 0"]
    assert len(clerk) == 0


def test_what_was_given_up_is_not_handed_out(store: Store) -> None:
    for history in (None, store):
        clerk = JobQueue(jobs(9), history, ahead=4)
        assert clerk.next(STOP)
        clerk.give_up(lambda request: request.prompt != "prompt 7")
        found = [task.job.case for task in iter(lambda: clerk.next(STOP), None)]  # noqa: B023
        assert found[-1:] == [7]
        clerk.close(10)


def test_a_job_to_be_tried_again_comes_after_all_others() -> None:
    clerk = JobQueue(jobs(3), None, ahead=1)
    first = clerk.next(STOP)
    assert first is not None
    clerk.again(first)
    tasks = [clerk.next(STOP) for _ in range(3)]
    assert [(task.job.case, task.attempt) for task in tasks if task] == [(1, 1), (2, 1), (0, 2)]


def test_a_stop_ends_the_wait_for_a_job(store: Store) -> None:
    stop = Stop()
    stop.set()
    assert JobQueue(jobs(3), store, ahead=1).next(stop) is None


def test_replies_are_in_the_history_at_the_end(store: Store) -> None:
    clerk = JobQueue(jobs(40), store, ahead=4)
    while task := clerk.next(STOP):
        row = task.begin(task.job.request)
        assert row is not None
        task.finish(row, Reply(task.job.request, text=f"reply {task.job.case}"), ())
    clerk.close(10)
    assert sorted(row.reply.text for row in store.recent(None)) == sorted(f"reply {i}" for i in range(40))
    assert not any(row.running for row in store.recent(None))


def a_sweep(session: Session, url: str, **options: Any) -> Any:
    where = {"provider": "openai-compatible", "model": "m", "base_url": url, "n": 1, "show": False}
    return sweep([f"prompt {i}" for i in range(100)], session=session, **where, **options)


def test_replies_are_in_the_history_while_the_sweep_still_runs(tmp_path: Path) -> None:
    """So a kernel that dies on the way loses no more than the last moment."""
    path, gate = tmp_path / "history.db", threading.Event()
    with Server([chat(["Hello"]), chat(["Hello"]), [Wait(gate), *chat(["Hello"])]]) as server:
        session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(path)}))
        thread = threading.Thread(target=lambda: a_sweep(session, server.url, concurrency=1))
        thread.start()
        other, pause = Store(path, warn=pytest.fail), threading.Event()
        for _ in range(1000):
            if sum(not row.running for row in other.recent(None)) == 2:
                break
            pause.wait(0.01)
        assert sum(not row.running for row in other.recent(None)) == 2
        gate.set()
        thread.join()
    assert len(other.recent(None)) == 100
    assert all(row.reply.text == "Hello" for row in other.recent(None))


def test_a_hundred_calls_start_few_threads_and_few_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    start, enter = threading.Thread.start, Store._enter
    writes: list[int] = []

    def counted(self: threading.Thread) -> None:
        started.append(self.name)
        start(self)

    def entered(self: Store, *what: Any) -> Any:
        writes.append(len(what[0]))
        return enter(self, *what)

    with RateServer(latency_s=0.02) as server:
        monkeypatch.setattr(threading.Thread, "start", counted)
        monkeypatch.setattr(Store, "_enter", entered)
        session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}))
        result = a_sweep(session, server.url, concurrency=16)
    assert len([reply for reply in result if reply.complete]) == 100
    assert started.count("claude_nb sweep") == 16
    assert started.count("claude_nb reply") == 0
    assert len(started) <= 16 + 2  # the clerk, and the pulse
    assert sum(writes) == 100
    assert len(writes) <= 50

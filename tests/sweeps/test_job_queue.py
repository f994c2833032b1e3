"""The history of a sweep: prompts before they are sent, replies while it runs, many rows in one write."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.stop_signal import Stop
from claude_nb.storage.open_rows import OpenRows
from claude_nb.storage.store import Store
from claude_nb.sweeps.api import sweep
from claude_nb.sweeps.engine.job_queue import ENOUGH, Job, JobQueue, Task
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.rates import RateServer
from tests.helpers.replies import chat
from tests.helpers.server import Server, Wait

STOP = Stop()


class Clock:
    """Moves by a step at each look."""

    def __init__(self, now: float, step_s: float = 0.0) -> None:
        self.now = now
        self.step_s = step_s

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now


def jobs(count: int) -> list[Job]:
    return [Job(i, 0, Request("demo", "demo", (Message("user", f"prompt {i}"),))) for i in range(count)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history.db", warn=pytest.fail)


def prompts(store: Store) -> list[str]:
    return sorted(row.reply.prompt for row in store.recent(None))


def test_a_prompt_is_in_the_history_when_its_job_is_handed_out(store: Store) -> None:
    queue = JobQueue(jobs(5), store, ahead=1)
    for number in range(5):
        task = queue.next(STOP)
        assert task is not None
        assert f"prompt {number}" in prompts(store)
    assert queue.next(STOP) is None
    queue.close(10)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many prompts each write brought."""
    found: list[int] = []
    write = OpenRows.write

    def counted(self: OpenRows, db: sqlite3.Connection, begin: Any, *rest: Any) -> Any:
        found.append(len(begin))
        return write(self, db, begin, *rest)

    monkeypatch.setattr(OpenRows, "write", counted)
    return found


def test_no_more_rows_are_written_ahead_where_they_are_there_in_time(store: Store, writes: list[int]) -> None:
    pause = threading.Event()
    queue = JobQueue(jobs(12), store, ahead=2)
    for number in range(10):
        assert queue.next(STOP)
        while len(prompts(store)) < number + 3:  # this call takes longer than a write
            pause.wait(0.005)
        assert len(prompts(store)) == number + 3
    queue.close(10)
    assert max(writes) <= 3  # the first one
    assert sum(writes) == 12


def test_on_a_slow_disk_more_rows_are_written_ahead_but_no_more_than_eight_times_as_many(
    store: Store, writes: list[int]
) -> None:
    queue = JobQueue(jobs(200), store, ahead=2)
    while queue.next(STOP):
        pass
    queue.close(10)
    assert writes[0] in (2, 3)
    assert 3 < max(writes) <= 16


def test_a_prompt_that_is_not_sent_after_all_is_taken_out_again(store: Store) -> None:
    queue = JobQueue(jobs(50), store, ahead=8)
    assert queue.next(STOP) is not None
    queue.close(10)
    assert prompts(store) == ["prompt 0"]
    assert len(queue) == 0


def test_what_was_given_up_is_not_handed_out(store: Store) -> None:
    for history in (None, store):
        queue = JobQueue(jobs(9), history, ahead=4)
        assert queue.next(STOP)
        queue.give_up(lambda request: request.prompt != "prompt 7")
        found = [task.job.case for task in iter(lambda: queue.next(STOP), None)]  # noqa: B023
        assert found[-1:] == [7]
        queue.close(10)


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


def refused(jobs_: list[Job], clock: Clock, wait_s: float, *, is_asked: bool = False) -> tuple[JobQueue, Task]:
    """A queue to which the first job came back."""
    queue = JobQueue(jobs_, None, ahead=1, clock=clock)
    task = queue.next(STOP)
    assert task is not None
    queue.retry(task, wait_s, is_asked=is_asked)
    return queue, task


def taken(queue: JobQueue) -> Task:
    task = queue.next(STOP, wait=False)
    assert task is not None
    return task


def test_a_refused_job_is_handed_out_again_when_its_time_has_come(clock: Clock) -> None:
    queue, task = refused(jobs(3), clock, 2.0)
    assert taken(queue).job.case == 1
    clock.now = 2.0
    assert taken(queue) is task
    assert task.attempt == 2
    assert taken(queue).job.case == 2
    assert queue.next(STOP) is None


def test_while_only_refused_jobs_are_left_the_next_one_is_waited_for() -> None:
    queue, task = refused(jobs(1), Clock(0.0, step_s=0.5), 2.0)
    assert queue.next(STOP, wait=False) is None
    assert queue.next(STOP) is task


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_answers_to_other_calls_end_the_wait_and_more_are_needed_each_time(attempt: int, clock: Clock) -> None:
    queue, task = refused(jobs(100), clock, 60.0)
    for _ in range(attempt - 1):
        clock.now += 60.0
        queue.retry(taken(queue), 60.0, is_asked=False)
    needed = ENOUGH * 2 ** (attempt - 1)
    others = [taken(queue) for _ in range(needed)]
    assert task not in others
    for other in others:
        assert task is not taken(queue)
        queue.done(other)
    assert taken(queue) is task


def test_answers_of_another_model_do_not_end_the_wait(clock: Clock) -> None:
    others = [Job(i, 1, Request("demo", "another", (Message("user", "Hi"),))) for i in range(100)]
    queue, task = refused([*jobs(1), *others], clock, 60.0)
    for _ in range(100):
        other = taken(queue)
        assert other is not task
        queue.done(other)


def test_no_answer_ends_a_wait_that_the_server_asked_for(clock: Clock) -> None:
    queue, task = refused(jobs(100), clock, 60.0, is_asked=True)
    for _ in range(99):
        queue.done(taken(queue))
    assert queue.next(STOP, wait=False) is None
    clock.now = 60.0
    assert taken(queue) is task


def failure(task: Task) -> Reply:
    return Reply(task.job.request, stop_reason="error", error="too many requests")


def test_every_attempt_uses_the_same_row_and_only_the_last_one_is_written(store: Store) -> None:
    queue = JobQueue(jobs(1), store, ahead=1)
    for _ in range(3):
        task = queue.next(STOP)
        assert task is not None
        row = task.begin(task.job.request)
        assert row is not None
        task.finish(row, failure(task), ())
        queue.retry(task, 0.0, is_asked=False)
        store.flush(10)
        assert [row.running for row in store.recent(None)] == [True]
    assert queue.next(STOP) is task
    task.finish(row, Reply(task.job.request, text="at last"), ())
    queue.done(task)
    queue.close(10)
    assert [(found.id, found.reply.text, found.running) for found in store.recent(None)] == [(row, "at last", False)]


def test_the_failure_of_a_job_is_written_when_it_is_not_tried_again(store: Store) -> None:
    for is_dropped in (True, False):
        queue = JobQueue(jobs(1), store, ahead=1)
        task = queue.next(STOP)
        assert task is not None
        row = task.begin(task.job.request)
        assert row is not None
        task.finish(row, failure(task), ())
        if is_dropped:
            queue.retry(task, 60.0, is_asked=False)
        else:
            queue.done(task)
        queue.close(10)
    assert [(row.running, row.reply.error) for row in store.recent(None)] == [(False, "too many requests")] * 2


def test_a_stop_ends_the_wait_for_a_job(store: Store) -> None:
    stop = Stop()
    stop.set()
    assert JobQueue(jobs(3), store, ahead=1).next(stop) is None


def test_replies_are_in_the_history_at_the_end(store: Store) -> None:
    queue = JobQueue(jobs(40), store, ahead=4)
    while task := queue.next(STOP):
        row = task.begin(task.job.request)
        assert row is not None
        task.finish(row, Reply(task.job.request, text=f"reply {task.job.case}"), ())
    queue.close(10)
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


def test_a_hundred_calls_start_few_threads_and_few_writes(
    tmp_path: Path, writes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def counted(self: threading.Thread) -> None:
        started.append(self.name)
        start(self)

    with RateServer(latency_s=0.02) as server:
        monkeypatch.setattr(threading.Thread, "start", counted)
        session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}))
        result = a_sweep(session, server.url, concurrency=16)
    assert len([reply for reply in result if reply.complete]) == 100
    assert started.count("claude_nb sweep") == 16
    assert started.count("claude_nb reply") == 0
    assert len(started) <= 16 + 2  # the writer of the history, and the pulse
    assert sum(writes) == 100
    assert len(writes) <= 50

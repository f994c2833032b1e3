"""Writes of several threads at once: one transaction for all that wait, and none of them costs another."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from claude_nb.storage import writer
from claude_nb.storage.writer import Writer, result_of


class Disk:
    """Notes what each transaction held. `held`: the first one waits until `go` is set."""

    def __init__(self, *, held: bool = False) -> None:
        self.transactions: list[list[Any]] = []
        self.entered = threading.Event()
        self.go = threading.Event()
        if not held:
            self.go.set()

    def commit(self, writes: Sequence[Any]) -> list[Any]:
        self.entered.set()
        assert self.go.wait()
        self.transactions.append([*writes])
        for write in writes:
            if isinstance(write, Exception):
                raise write
        return [f"{write} is written" for write in writes]


def behind(disk: Disk, writes: list[Any]) -> list[Any]:
    """What each write returned or raised, where all but the first came while the first was on its way."""
    queue: Writer[Any] = Writer(disk.commit)
    futures = [queue.submit(writes[0])]
    assert disk.entered.wait()
    futures += [queue.submit(write) for write in writes[1:]]
    disk.go.set()
    return [future.exception() or future.result() for future in futures]


def test_a_write_alone_is_done_at_once() -> None:
    disk = Disk()
    assert result_of(Writer(disk.commit).submit("a")) == "a is written"
    assert disk.transactions == [["a"]]


def test_all_that_wait_behind_a_write_go_into_one_transaction() -> None:
    disk = Disk(held=True)
    assert behind(disk, [*"abcde"]) == [f"{name} is written" for name in "abcde"]
    assert disk.transactions == [["a"], [*"bcde"]]


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_a_write_that_fails_costs_no_other(bad: int) -> None:
    error = sqlite3.IntegrityError("no")
    results = behind(Disk(held=True), [error if n == bad else n for n in range(4)])
    assert results == [error if n == bad else f"{n} is written" for n in range(4)]


@pytest.mark.parametrize("error", [sqlite3.OperationalError("database is locked"), OSError("disk full")])
def test_trouble_with_the_disk_is_met_once_and_not_by_each_write(error: Exception) -> None:
    disk = Disk(held=True)
    assert behind(disk, ["a", "b", error, "c"])[1:] == [error] * 3
    assert len(disk.transactions) == 2


def test_a_write_with_a_delay_waits_for_others() -> None:
    disk = Disk()
    queue: Writer[str] = Writer(disk.commit)
    first = queue.submit("first", delay_s=3600)
    second = queue.submit("second", delay_s=3600)
    assert result_of(queue.submit("now")) == "now is written"
    assert (result_of(first), result_of(second)) == ("first is written", "second is written")
    assert disk.transactions == [["first", "second", "now"]]


def test_the_thread_ends_when_nothing_is_to_be_written_and_a_new_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "IDLE_S", 0.01)
    queue: Writer[str] = Writer(Disk().commit)
    for name in ("a", "b"):
        future = queue.submit(name)
        if thread := queue._thread:
            thread.join()
        assert queue._thread is None
        assert future.result() == f"{name} is written"


def refuse(*_: Any) -> None:
    raise RuntimeError("can't create new thread at interpreter shutdown")


@pytest.mark.parametrize(
    "shut_down",
    [
        lambda patch: patch.setattr(threading.Thread, "start", refuse),
        lambda patch: patch.setattr(sys, "is_finalizing", lambda: True),
    ],
    ids=["no new threads", "finalizing"],
)
def test_at_the_end_of_the_interpreter_the_caller_writes_itself(
    shut_down: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shut_down(monkeypatch)
    assert Writer(Disk().commit).submit("last").result(0) == "last is written"


def test_upkeep_waits_for_a_pause_and_goes_on_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PAUSE_S", 0.0)
    monkeypatch.setattr(writer, "IDLE_S", 0.01)
    disk, steps = Disk(), iter([True, True, False])
    done: list[int] = []

    def tidy() -> bool:
        done.append(len(disk.transactions))
        return next(steps)

    queue: Writer[str] = Writer(disk.commit, tidy)
    queue.tidy_soon()
    assert result_of(queue.submit("a")) == "a is written"
    if thread := queue._thread:
        thread.join()
    assert done == [1, 1, 1]
    assert queue._thread is None

"""Writes of several threads at once: one transaction for all that wait, and none of them costs another."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest

from claude_nb.storage.group_commit import Batch, Work


class Disk:
    """Notes what each transaction held; the first one waits until it is let go."""

    def __init__(self) -> None:
        self.transactions: list[Any] = []
        self.entered = threading.Event()
        self.go = threading.Event()

    def transact(self, work: Work) -> Any:
        if not self.entered.is_set():
            self.entered.set()
            assert self.go.wait()
        with closing(sqlite3.connect(":memory:")) as db:
            found = work(db)
        self.transactions.append(found)
        return found


def returns(value: object) -> Work:
    return lambda _: value


def fails(_: sqlite3.Connection) -> None:
    raise sqlite3.IntegrityError("no")


def waiting_behind(batch: Batch, disk: Disk, works: list[Work]) -> list[object]:
    """What each write returned or raised, where all but the first came while the first was on its way."""
    results: list[object] = [None] * len(works)

    def run(number: int) -> None:
        try:
            results[number] = batch.run(works[number], disk.transact, 10)
        except sqlite3.Error as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    threads[0].start()
    assert disk.entered.wait()
    for number, thread in enumerate(threads[1:], start=1):
        thread.start()
        until(lambda number=number: len(batch._line) == number)
    disk.go.set()
    for thread in threads:
        thread.join()
    return results


def until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


def test_a_write_alone_is_done_at_once() -> None:
    disk = Disk()
    disk.entered.set()
    assert Batch().run(returns("a"), disk.transact, 10) == "a"
    assert disk.transactions == ["a"]


def test_all_that_wait_behind_a_write_go_into_one_transaction() -> None:
    disk = Disk()
    assert waiting_behind(Batch(), disk, [returns(n) for n in range(5)]) == [0, 1, 2, 3, 4]
    assert disk.transactions == [0, [1, 2, 3, 4]]


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_a_write_that_fails_costs_no_other(bad: int) -> None:
    disk = Disk()
    works = [fails if n == bad else returns(n) for n in range(4)]
    results = waiting_behind(Batch(), disk, works)
    assert isinstance(results[bad], sqlite3.IntegrityError)
    assert [result for n, result in enumerate(results) if n != bad] == [n for n in range(4) if n != bad]


def test_whoever_does_not_wait_any_longer_holds_nobody_up() -> None:
    disk, batch = Disk(), Batch()
    first = threading.Thread(target=lambda: batch.run(returns("first"), disk.transact, 10))
    first.start()
    assert disk.entered.wait()
    assert batch.run(returns("impatient"), disk.transact, 0.01) == "impatient"
    disk.go.set()
    first.join()
    assert batch.run(returns("last"), disk.transact, 10) == "last"
    assert disk.transactions == ["impatient", "first", "last"]


def test_an_interrupt_in_a_write_gives_the_turn_to_the_next() -> None:
    def interrupted(_: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    disk, batch = Disk(), Batch()
    disk.entered.set()
    with suppress(KeyboardInterrupt):
        batch.run(interrupted, disk.transact, 10)
    assert batch.run(returns("next"), disk.transact, 0) == "next"
    assert not batch._busy

"""How many calls run at once, with a clock that only moves when it is told to."""

from __future__ import annotations

import threading

import pytest

from claude_nb.stop import Stop
from claude_nb.sweeps.pace import TOO_MANY, Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refuse(pace: Pace, times: int, wait_s: float = 0.4) -> None:
    for _ in range(times):
        pace.running += 1
        pace.refused(wait_s)


def answer(pace: Pace, times: int) -> None:
    for _ in range(times):
        pace.running += 1
        pace.answered()


def test_slots_are_given_up_to_the_limit(clock: Clock) -> None:
    pace = Pace(2, clock)
    assert [pace.start(Stop()), pace.start(Stop())] == [True, True]
    assert pace.wait_s() is None
    pace.answered()
    assert pace.wait_s() == 0


def test_whoever_waits_for_a_slot_gets_the_next_free_one(clock: Clock) -> None:
    pace = Pace(1, clock)
    pace.start(Stop())
    got = threading.Event()
    threading.Thread(target=lambda: pace.start(Stop()) and got.set(), daemon=True).start()
    pace.answered()
    assert got.wait(5)


def test_a_stop_ends_the_wait_without_a_slot(clock: Clock) -> None:
    pace, stop = Pace(1, clock), Stop()
    pace.start(stop)
    stop.set()
    assert pace.start(stop) is False
    assert pace.running == 1


def test_a_single_refusal_frees_its_slot_and_slows_nobody(clock: Clock) -> None:
    pace = Pace(4, clock)
    for _ in range(20):
        answer(pace, 19)
        refuse(pace, 1)
    assert (pace.allowed, pace.running, pace.wait_s()) == (4, 0, 0)


def test_many_refusals_halve_the_limit_and_make_all_wait(clock: Clock) -> None:
    pace = Pace(32, clock)
    refuse(pace, TOO_MANY)
    assert pace.allowed == 16
    assert pace.wait_s() == pytest.approx(0.5)
    clock.now += 0.5
    assert pace.wait_s() == 0
    refuse(pace, 40)
    assert pace.allowed == 1


def test_answers_speed_it_up_again_to_the_limit_and_no_further(clock: Clock) -> None:
    pace = Pace(32, clock)
    refuse(pace, 2 * TOO_MANY)
    assert pace.allowed == 8
    answer(pace, 8)
    assert pace.allowed == 10
    answer(pace, 300)
    assert pace.allowed == 32


def test_a_wait_that_the_server_asks_for_holds_for_all(clock: Clock) -> None:
    pace = Pace(8, clock)
    refuse(pace, 1, wait_s=12)
    assert pace.allowed == 8
    assert pace.wait_s() == pytest.approx(12)

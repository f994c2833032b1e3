"""How many calls run at once, with a clock that only moves when it is told to."""

from __future__ import annotations

import threading

import pytest

from claude_nb.stop_signal import Stop
from claude_nb.sweeps.engine.throttle import TOO_MANY, Throttle
from tests.helpers.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refuse(throttle: Throttle, times: int, pause_s: float = 0.0) -> None:
    for _ in range(times):
        throttle.running += 1
        throttle.refused(pause_s)


def answer(throttle: Throttle, times: int) -> None:
    for _ in range(times):
        throttle.running += 1
        throttle.answered()


def test_slots_are_given_up_to_the_limit(clock: Clock) -> None:
    throttle = Throttle(2, clock)
    assert throttle.start(Stop())
    assert throttle.start(Stop())
    assert throttle.wait_s() is None
    throttle.answered()
    assert throttle.wait_s() == 0


def test_whoever_waits_for_a_slot_gets_the_next_free_one(clock: Clock) -> None:
    throttle = Throttle(1, clock)
    throttle.start(Stop())
    got = threading.Event()
    threading.Thread(target=lambda: throttle.start(Stop()) and got.set(), daemon=True).start()
    throttle.answered()
    assert got.wait()


def test_a_stop_ends_the_wait_without_a_slot(clock: Clock) -> None:
    throttle, stop = Throttle(1, clock), Stop()
    throttle.start(stop)
    stop.set()
    assert not throttle.start(stop)
    assert throttle.running == 1


def test_a_single_refusal_frees_its_slot_and_slows_nobody(clock: Clock) -> None:
    throttle = Throttle(4, clock)
    for _ in range(20):
        answer(throttle, 19)
        refuse(throttle, 1)
    assert (throttle.allowed, throttle.running, throttle.wait_s()) == (4, 0, 0)


def test_many_refusals_halve_the_limit_and_make_all_wait(clock: Clock) -> None:
    throttle = Throttle(32, clock)
    refuse(throttle, TOO_MANY)
    assert throttle.allowed == 16
    assert throttle.wait_s() == pytest.approx(0.5)
    clock.now += 0.5
    assert throttle.wait_s() == 0
    refuse(throttle, 40)
    assert throttle.allowed == 1


def test_answers_speed_it_up_again_to_the_limit_and_no_further(clock: Clock) -> None:
    throttle = Throttle(32, clock)
    refuse(throttle, 2 * TOO_MANY)
    assert throttle.allowed == 8
    answer(throttle, 8)
    assert throttle.allowed == 10
    answer(throttle, 300)
    assert throttle.allowed == 32


def test_a_wait_that_the_server_asks_for_holds_for_all(clock: Clock) -> None:
    throttle = Throttle(8, clock)
    refuse(throttle, 1, pause_s=12)
    assert throttle.allowed == 8
    assert throttle.wait_s() == pytest.approx(12)

"""How many calls run at once, with a clock that only moves when it is told to."""

from __future__ import annotations

import threading

import pytest

from claude_nb.stop_signal import Stop
from claude_nb.sweeps.engine.throttle import ENOUGH, TOO_MANY, Throttle


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refuse(pace: Throttle, times: int, asked_s: float = 0.0) -> None:
    for _ in range(times):
        pace.running += 1
        pace.refused(asked_s)


def answer(pace: Throttle, times: int) -> None:
    for _ in range(times):
        pace.running += 1
        pace.answered()


def rest(pace: Throttle, number: int, stop: Stop | None = None) -> threading.Thread:
    """The thread of a call that was refused, and waits for its next try."""
    before = pace.resting
    thread = threading.Thread(target=lambda: pace.rest(number, "m", 60, stop or Stop()), daemon=True)
    thread.start()
    while pace.resting == before:
        assert thread.is_alive()
    return thread


def finish(pace: Throttle, *numbers: int, kind: str = "m") -> None:
    """Answers, while one more call runs."""
    pace.running += 1
    for number in numbers:
        pace.running += 1
        pace.answered(number, kind)
    pace.running -= 1


def test_slots_are_given_up_to_the_limit(clock: Clock) -> None:
    pace = Throttle(2, clock)
    assert [pace.start(Stop()), pace.start(Stop())] == [1, 2]
    assert pace.wait_s() is None
    pace.answered()
    assert pace.wait_s() == 0


def test_whoever_waits_for_a_slot_gets_the_next_free_one(clock: Clock) -> None:
    pace = Throttle(1, clock)
    pace.start(Stop())
    got = threading.Event()
    threading.Thread(target=lambda: pace.start(Stop()) and got.set(), daemon=True).start()
    pace.answered()
    assert got.wait()


def test_a_stop_ends_the_wait_without_a_slot(clock: Clock) -> None:
    pace, stop = Throttle(1, clock), Stop()
    pace.start(stop)
    stop.set()
    assert pace.start(stop) == 0
    assert pace.running == 1


def test_a_single_refusal_frees_its_slot_and_slows_nobody(clock: Clock) -> None:
    pace = Throttle(4, clock)
    for _ in range(20):
        answer(pace, 19)
        refuse(pace, 1)
    assert (pace.allowed, pace.running, pace.wait_s()) == (4, 0, 0)


def test_many_refusals_halve_the_limit_and_make_all_wait(clock: Clock) -> None:
    pace = Throttle(32, clock)
    refuse(pace, TOO_MANY)
    assert pace.allowed == 16
    assert pace.wait_s() == pytest.approx(0.5)
    clock.now += 0.5
    assert pace.wait_s() == 0
    refuse(pace, 40)
    assert pace.allowed == 1


def test_answers_speed_it_up_again_to_the_limit_and_no_further(clock: Clock) -> None:
    pace = Throttle(32, clock)
    refuse(pace, 2 * TOO_MANY)
    assert pace.allowed == 8
    answer(pace, 8)
    assert pace.allowed == 10
    answer(pace, 300)
    assert pace.allowed == 32


def test_a_wait_that_the_server_asks_for_holds_for_all(clock: Clock) -> None:
    pace = Throttle(8, clock)
    refuse(pace, 1, asked_s=12)
    assert pace.allowed == 8
    assert pace.wait_s() == pytest.approx(12)


def test_a_refused_call_is_tried_again_as_soon_as_enough_later_ones_are_answered(clock: Clock) -> None:
    pace = Throttle(8, clock)
    thread = rest(pace, 7)
    finish(pace, *range(8, 7 + ENOUGH))
    assert pace.resting == 1
    finish(pace, 7 + ENOUGH)
    assert pace.resting == 0
    thread.join()
    assert not thread.is_alive()


def test_answers_to_calls_that_began_before_a_refused_one_tell_it_nothing(clock: Clock) -> None:
    pace, stop = Throttle(8, clock), Stop()
    thread = rest(pace, 100, stop)
    finish(pace, *range(100))
    assert pace.resting == 1
    stop.set()
    thread.join()
    assert pace.resting == 0


def test_answers_that_overtook_the_refusal_count_too_but_each_for_one_call_only(clock: Clock) -> None:
    pace, stop = Throttle(8, clock), Stop()
    finish(pace, *range(2, 2 + ENOUGH))
    pace.rest(1, "m", 60, stop)  # comes back at once
    thread = rest(pace, 1, stop)
    assert pace.resting == 1
    stop.set()
    thread.join()


def test_when_nothing_runs_any_more_one_later_answer_is_enough(clock: Clock) -> None:
    pace, stop = Throttle(8, clock), Stop()
    thread = rest(pace, 5, stop)
    answer(pace, 3)
    assert pace.resting == 1  # those were earlier ones
    pace.running += 1
    pace.answered(6, "m")
    assert pace.resting == 0
    thread.join()
    assert not thread.is_alive()


def test_answers_of_another_model_tell_it_nothing_either(clock: Clock) -> None:
    pace, stop = Throttle(8, clock), Stop()
    thread = rest(pace, 1, stop)
    finish(pace, *range(2, 100), kind="another")
    assert pace.resting == 1
    stop.set()
    thread.join()


def test_refused_calls_come_back_one_after_the_other(clock: Clock) -> None:
    pace = Throttle(32, clock)
    threads = [rest(pace, number) for number in (1, 2, 3)]
    left = []
    for number in range(10, 10 + 3 * ENOUGH):
        finish(pace, number)
        left.append(pace.resting)
    assert left == [3] * (ENOUGH - 1) + [2] * ENOUGH + [1] * ENOUGH + [0]
    for thread in threads:
        thread.join()


def test_a_refused_call_that_nobody_overtakes_waits_its_time(clock: Clock) -> None:
    pace = Throttle(8, clock)
    thread = rest(pace, 1)
    clock.now += 59
    assert pace.resting == 1
    clock.now += 2
    thread.join()
    assert not thread.is_alive()
    assert pace.resting == 0

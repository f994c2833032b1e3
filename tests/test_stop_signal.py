from __future__ import annotations

import threading

import pytest

from claude_nb.stop_signal import Stop


def test_a_stop_stays_set() -> None:
    stop = Stop()
    assert not stop.is_set()
    stop.set()
    stop.set()
    assert stop.is_set()


def test_it_wakes_a_waiting_thread() -> None:
    stop, woken = Stop(), []
    waiter = threading.Thread(target=lambda: woken.append(stop.wait(30)))
    waiter.start()
    stop.set()
    waiter.join()
    assert woken == [True]


def test_a_wait_that_ends_without_a_stop_returns_false() -> None:
    assert Stop().wait(0) is False


def test_it_runs_each_unblocking_action_once() -> None:
    stop, ran = Stop(), []
    with stop.unblocking(lambda: ran.append("a")), stop.unblocking(lambda: ran.append("b")):
        stop.set()
        stop.set()
    assert ran == ["a", "b"]


def test_a_stop_that_came_before_unblocks_at_once() -> None:
    stop, ran = Stop(), []
    stop.set()
    with stop.unblocking(lambda: ran.append("a")):
        assert ran == ["a"]
    assert ran == ["a"]


def test_a_stop_that_comes_after_the_block_runs_nothing() -> None:
    stop, ran = Stop(), []
    with stop.unblocking(lambda: ran.append("a")):
        pass
    with pytest.raises(ValueError, match="read failed"), stop.unblocking(lambda: ran.append("b")):
        raise ValueError("read failed")
    stop.set()
    assert ran == []


def test_an_action_may_look_at_the_stop_itself() -> None:
    stop, seen = Stop(), []
    with stop.unblocking(lambda: seen.append(stop.is_set())):
        stop.set()
    assert seen == [True]

"""A sweep that runs: many calls at once, refused, cut, interrupted and resumed, on threads and on executors."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import ConfigError, Interrupted
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.storage.store import Store
from claude_nb.sweeps.api import compare, last_sweep, sweep
from claude_nb.sweeps.engine.job_queue import Job, JobQueue
from claude_nb.sweeps.engine.runner import Runner
from claude_nb.sweeps.engine.throttle import Throttle
from claude_nb.sweeps.engine.worker import TRIES, TRIES_REFUSED, Answer
from claude_nb.sweeps.sweep import Sweep, SweepObserver
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request
from tests.helpers.rates import RateServer
from tests.helpers.server import Recorded, Reset, Scenario, Send, Server, Wait, answer, head, stream

GRID: dict[str, Any] = {"temperature": [0, 1], "seed": 3, "max_tokens": 12, "provider": "demo"}


def new_session(**environ: str) -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", **environ}))


def served(url: str, prompts: list[str], **options: Any) -> Callable[[], Sweep]:
    """A sweep of one call for each prompt at this server."""
    session = options.pop("session", None) or new_session()
    where = {"provider": "openai-compatible", "model": "m", "base_url": url, "n": 1, "show": False}
    return lambda: sweep(prompts, session=session, **where, **options)


class Watch(SweepObserver):
    """Looks on, and interrupts after so many replies, as Ctrl-C in the main thread would."""

    def __init__(self, stop_at: int) -> None:
        self.stop_at = stop_at
        self.lines: list[str] = []

    def announce(self, line: str) -> None:
        self.lines.append(line)

    def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None:
        if len(sweep) >= self.stop_at:
            raise KeyboardInterrupt


def test_a_thousand_calls_at_a_server_that_refuses_and_breaks_off() -> None:
    prompts = [f"prompt {i}" for i in range(1000)]
    with RateServer(latency_s=0.05, full_every=20, cut_every=50) as server:
        result = served(server.url, prompts, concurrency=32, max_calls=1000)()
        report = server.report()

    assert report["at_once"] <= 32
    assert len(result) == 1000
    good = [reply for reply in result if reply.complete]
    assert all(reply.text == f"reply to {reply.prompt}" for reply in good)
    broken = [reply for reply in result if not reply.complete]
    assert all("broke" in (reply.error or "") and reply.text == "reply to " for reply in broken)
    answered = report["calls"] - report["calls"] // 20
    assert answered == 1000
    assert len(broken) == sum(number % 50 == 1 for number in range(1, report["calls"] + 1))
    assert report["prompts"] == dict.fromkeys(prompts, 1)
    assert result.rows[5]["prompt"] == "prompt 5"
    assert report["connections"] <= 32 + len(broken) + 1  # they are kept, except for those of cut replies


def test_calls_of_one_thread_share_a_connection() -> None:
    with RateServer(latency_s=0.001) as server:
        result = served(server.url, [f"prompt {i}" for i in range(200)], concurrency=4)()
        report = server.report()
    assert [reply.text for reply in result] == [f"reply to prompt {i}" for i in range(200)]
    assert (report["calls"], report["connections"]) == (200, 5)  # one is the report's own


def test_a_refused_call_is_tried_again_as_soon_as_the_server_answers_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_nb.providers.http.client._wait_s", lambda *_: 20.0)
    hi = stream(b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    asked: list[str] = []

    def scenario(request: Recorded) -> Scenario:
        asked.append(request.json["messages"][-1]["content"])
        first = asked[-1] == "p0" and asked.count("p0") == 1
        return answer(429, {"error": {"message": "too many"}}) if first else hi

    with Server(scenario) as server:
        result = served(server.url, [f"p{i}" for i in range(60)], concurrency=2)()
    assert [reply.text for reply in result] == ["Hi"] * 60
    first, second = (i for i, prompt in enumerate(asked) if prompt == "p0")
    assert second - first < 30


def test_the_time_of_a_reply_counts_no_wait_for_a_place_or_for_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def waited(seconds: float, wait: Callable[..., Any]) -> Callable[..., Any]:
        def late(*what: Any, **more: Any) -> Any:
            now[0] += seconds
            return wait(*what, **more)

        return late

    monkeypatch.setattr("claude_nb.providers.http.client._wait_s", lambda *_: 0.01)
    monkeypatch.setattr(Throttle, "start", waited(5.0, Throttle.start))
    monkeypatch.setattr(JobQueue, "next", waited(20.0, JobQueue.next))
    hi = stream(b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')

    def scenario(request: Recorded) -> Scenario:
        refused = len(server.requests) == 2
        now[0] += 0.0 if refused else 1.5  # how long it thinks
        return answer(429, {"error": {"message": "too many"}}) if refused else hi

    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}), clock=lambda: now[0])
    with Server(scenario) as server:
        result = served(server.url, ["p0", "p1"], concurrency=1, session=session)()
    assert len(server.requests) == 3
    assert [(reply.seconds, reply.first_token_s) for reply in result] == [(1.5, 1.5)] * 2


def test_interrupted_at_half_it_keeps_what_came_and_resumes_without_asking_twice() -> None:
    prompts = [f"prompt {i}" for i in range(60)]
    with RateServer(latency_s=0.01) as server:
        result = prepared(served(server.url, prompts, concurrency=4), Watch(30))
        with pytest.raises(
            Interrupted, match=r"stopped after \d+ of 60 replies, .*continue with claude_nb.last_sweep\(\).resume\(\)"
        ):
            result.resume()
        kept = {reply.prompt: reply for reply in result}
        assert 30 <= len(kept) < 60
        result.observer = SweepObserver()
        result.resume()
        asked = server.report()["prompts"]

    assert len(result) == 60
    assert all(kept.get(reply.prompt, reply) is reply for reply in result)
    assert all(asked[prompt] == 1 for prompt in kept)


def test_a_second_interrupt_while_the_first_is_dealt_with_leaves_no_thread_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, stop, interrupted = new_session(), Turn.stop, threading.Event()

    def stop_late(turn: Turn) -> None:
        if threading.current_thread() is threading.main_thread() and not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt
        stop(turn)

    with RateServer(latency_s=0.02, full_every=6) as server:
        where = {"provider": "openai-compatible", "model": "m", "base_url": server.url}
        jobs = [Job(i, 0, session.request(f"prompt {i}", **where)) for i in range(5000)]
        runner = Runner(session, jobs, concurrency=8)
        running = runner.run()
        while not runner._queue._refused:
            next(running)
        monkeypatch.setattr(Turn, "stop", stop_late)
        with pytest.raises(KeyboardInterrupt):
            running.close()
        for thread in runner._threads:
            thread.join()
    assert not any(thread.is_alive() for thread in runner._threads)


def test_a_sweep_that_is_whole_resumes_to_itself() -> None:
    with RateServer(latency_s=0.0) as server:
        result = served(server.url, ["one", "two"])()
        replies = [*result]
        assert result.resume() is result
        assert server.report()["calls"] == 2
    assert [*result] == replies


def prepared(run: Callable[[], Sweep], observer: Watch) -> Sweep:
    """The sweep as it is before its first call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sweep, "resume", lambda self: self)
        result = run()
    result.observer = observer
    return result


class WatchServer(Watch):
    """Interrupts as soon as two calls have reached the server, which answers neither."""

    def __init__(self, server: Server) -> None:
        super().__init__(0)
        self.server = server

    def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None:
        if len(self.server.requests) == 2:
            raise KeyboardInterrupt


def test_a_stop_ends_replies_that_hang() -> None:
    with Server([[Send(head()), Wait(at_most_s=60)]]) as server:
        result = prepared(served(server.url, ["a", "b", "c"], concurrency=2), WatchServer(server))
        with pytest.raises(Interrupted, match="stopped after 0 of 3 replies"):
            result.resume()
        assert server.gone.wait()
    assert (len(result), result.left) == (0, 3)


def test_a_stop_does_not_wait_for_threads_that_look_up_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can wake those; they are left behind, and end by themselves."""
    looking, found = threading.Event(), threading.Event()

    def look_up(*_: Any, **__: Any) -> None:
        looking.set()
        found.wait(60)
        raise socket.gaierror

    class WatchNames(Watch):
        def update(self, sweep: Sweep, texts: Mapping[int, str]) -> None:
            if looking.is_set():
                raise KeyboardInterrupt

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    result = prepared(served("https://models.test/v1", ["a", "b", "c"], concurrency=2), WatchNames(0))
    with pytest.raises(Interrupted, match="stopped after 0 of 3 replies"):
        result.resume()
    left_behind = [thread for thread in threading.enumerate() if thread.name == "claude_nb sweep"]
    assert left_behind
    found.set()
    for thread in left_behind:
        thread.join()
        assert not thread.is_alive()
    assert (len(result), result.left) == (0, 3)


def test_a_call_that_fails_is_a_row_with_its_error_and_resume_asks_it_again() -> None:
    hi = stream(b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    with Server([hi, answer(400, {"error": {"message": "no such thing"}}), hi]) as server:
        result = served(server.url, ["a", "b", "c"], concurrency=1)()
        (error,) = [row["error"] for row in result.rows if row["error"]]
        assert "no such thing" in error
        assert len(result) == 3
        result.resume()
        assert [row["error"] for row in result.rows] == [None, None, None]
        assert len(server.requests) == 4


def test_a_key_that_is_refused_once_is_not_tried_a_hundred_times() -> None:
    with Server([answer(401, {"error": {"message": "wrong key"}})]) as server:
        result = served(server.url, [f"p{i}" for i in range(100)], concurrency=2)()
        assert len(server.requests) <= 4
    assert "wrong key" in str(result.hopeless)
    assert result.left >= 96


def test_a_server_that_stays_full_is_a_row_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_nb.providers.http.client._wait_s", lambda *_: 0.0)
    monkeypatch.setattr("claude_nb.sweeps.engine.throttle.PAUSE_S", 0.001)
    with Server([answer(429, {"error": {"message": "too many"}})]) as server:
        result = served(server.url, ["a"])()
        assert len(server.requests) == TRIES_REFUSED
    assert "too many" in str(result.rows[0]["error"])


def test_a_call_that_loses_its_connection_is_tried_again_and_then_a_row_with_its_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("claude_nb.providers.http.client._wait_s", lambda *_: 0.0)
    with Server([[Reset()]]) as server:
        result = served(server.url, ["a"])()
        assert len(server.requests) == TRIES
    assert [reply.complete for reply in result] == [False]


def test_the_wait_for_a_retry_doubles_unless_the_server_sets_it_and_ends_after_some_tries() -> None:
    reply = Reply(Request("demo", "demo", ()))
    assert [Answer(reply, 0.5, refused=True).wait_s(n) for n in range(1, 9)] == [0.5, 1, 2, 4, 8, 8, 8, None]
    assert [Answer(reply, 12.0, 12.0, refused=True).wait_s(n) for n in range(1, 9)] == [12.0] * 7 + [None]
    assert [Answer(reply, 0.5).wait_s(n) for n in range(1, 4)] == [0.5, 1, None]
    assert Answer(reply, None, refused=True).wait_s(1) is None


def test_a_refusal_that_is_final_is_not_tried_again() -> None:
    with Server([answer(429, {"error": {"message": "too many"}}, {"x-should-retry": "false"})]) as server:
        result = served(server.url, ["a"])()
        assert len(server.requests) == 1
    assert "too many" in str(result.rows[0]["error"])


def test_refused_calls_leave_one_row_each_in_the_history(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with RateServer(latency_s=0.001, full_every=3) as server:
        prompts = [f"prompt {i}" for i in range(60)]
        result = served(server.url, prompts, session=new_session(CLAUDE_NB_HISTORY=str(path)), concurrency=4)()
        assert server.report()["calls"] > 60
    rows = Store(path, warn=pytest.fail).recent(None)
    assert sorted(row.reply.prompt for row in rows) == sorted(prompts)
    assert all(row.reply.complete for row in rows)
    assert all(reply.complete for reply in result)


def test_equal_requests_are_answered_from_the_history(tmp_path: Path) -> None:
    where = {"CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}
    first = sweep("Once upon a time", n=3, session=new_session(**where), show=False, **GRID)
    session = new_session(**where)
    again = sweep("Once upon a time", n=4, session=session, show=False, **GRID)
    assert [row["source"] for row in again.rows] == (["replay"] * 3 + ["demo"]) * 2
    assert [reply.text for reply in again if reply.source == "replay"] == [reply.text for reply in first]
    assert session.totals.calls == 2
    assert again.forecast().calls == 0
    off = sweep("Once upon a time", n=3, session=new_session(**where), show=False, replay="off", **GRID)
    assert {row["source"] for row in off.rows} == {"demo"}


def test_where_only_recorded_replies_may_be_used_others_are_rows_that_say_so() -> None:
    result = sweep("Once upon a time", n=1, session=new_session(), show=False, replay="only", **GRID)
    assert all("no recorded reply" in str(row["error"]) for row in result.rows)


def test_a_used_up_budget_ends_the_sweep_and_what_came_is_kept() -> None:
    session = new_session()
    prices = {
        "name": "demo",
        "label": "demo",
        "ids": {"demo": "demo"},
        "prices": {"demo": {"input": 0, "output": 1000}},
    }
    session.configure(models=[prices], budget=0.05)
    result = sweep("Once upon a time", n=20, session=session, show=False, concurrency=1, budget_usd=10, **GRID)
    assert "budget of $0.05 is used up" in str(result.hopeless)
    assert 4 <= len([reply for reply in result if not reply.broke_off]) <= 6
    assert result.left > 0
    session.configure(budget=None)
    assert result.resume().left == 0


def test_a_missing_key_is_told_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="aimlapi needs a key"):
        sweep("Hi", temperature=[0, 1], provider="aimlapi", n=1, session=new_session(), show=False)


def test_above_a_limit_a_script_gets_an_error_that_names_the_way_on() -> None:
    with pytest.raises(ConfigError, match="6 calls are more than 5; allow them with max_calls=6"):
        sweep("Hi", n=3, session=new_session(), show=False, max_calls=5, **GRID)


@pytest.mark.parametrize(("typed", "sent"), [("y", 6), ("YES ", 6), ("", 0), ("no", 0)])
def test_in_front_of_a_person_it_asks(typed: str, sent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or typed)
    session = new_session(CLAUDE_NB_DISPLAY="live")
    if sent:
        sweep("Hi", n=3, session=session, show=False, max_calls=5, **GRID)
    else:
        with pytest.raises(ConfigError, match="nothing was sent; 6 calls are more than 5"):
            sweep("Hi", n=3, session=session, show=False, max_calls=5, **GRID)
    assert asked == ["6 calls are more than 5; allow them with max_calls=6. Go on? [y/N] "]
    assert session.totals.calls == sent


def test_compare_asks_all_at_once() -> None:
    gate = threading.Event()
    hi = stream(b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    with Server([[Wait(gate), *hi], [Wait(gate), *hi], [*hi]]) as server:
        session = new_session()
        session.configure(provider="openai-compatible", base_url=server.url)
        found: list[Sweep] = []
        thread = threading.Thread(target=lambda: found.append(compare(["a", "b"], "Hi", session=session, show=False)))
        thread.start()
        while len(server.requests) < 2:  # both are asked while neither has been answered
            assert thread.is_alive()
            server.arrived.wait(5)
        gate.set()
        thread.join()
    (result,) = found
    assert [(title, reply.text) for title, reply in result.titled()] == [("model a", "Hi"), ("model b", "Hi")]
    assert last_sweep() is result


def texts(result: Sweep) -> list[str]:
    return [row["text"] for row in result.rows]


def executors() -> list[Callable[[], Executor]]:
    return [lambda: ThreadPoolExecutor(2), lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn"))]


@pytest.mark.parametrize("make", executors(), ids=["threads", "processes"])
def test_an_executor_gives_the_same_replies_as_this_process(make: Callable[[], Executor]) -> None:
    here = sweep("Once upon a time", n=3, session=new_session(), show=False, **GRID)
    session = new_session()
    with make() as executor:
        there = sweep("Once upon a time", n=3, session=session, show=False, executor=executor, **GRID)
    assert texts(there) == texts(here)
    assert session.totals.calls == 6


def test_replies_of_workers_are_written_to_the_history_and_read_from_it(tmp_path: Path) -> None:
    where = {"CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}
    with ThreadPoolExecutor(2) as executor:
        for source in ("demo", "replay"):
            result = sweep("Hi", n=1, session=new_session(**where), show=False, executor=executor, **GRID)
            assert [row["source"] for row in result.rows] == [source, source]


class Dead(Executor):
    """Workers that die."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(RuntimeError("worker is gone"))
        return future


def test_a_worker_that_dies_is_a_row_with_its_error() -> None:
    result = sweep("Hi", n=1, session=new_session(), show=False, executor=Dead(), **GRID)
    assert [row["error"] for row in result.rows] == ["the worker failed: RuntimeError: worker is gone"] * 2


def test_requests_and_replies_travel_without_any_key() -> None:
    session = new_session(AIMLAPI_API_KEY="canary-0123456789")
    session.configure(provider="aimlapi", model="sonnet")
    result = sweep("Once upon a time", n=1, session=new_session(), show=False, **GRID)
    request = session.request("Hi")
    sent = pickle.dumps((request, result.replies))
    assert b"canary" not in sent
    assert pickle.loads(sent) == (request, result.replies)

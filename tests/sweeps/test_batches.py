"""Sweeps at half the price: sent as a batch, fetched by this kernel or another one, whatever the server says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import ApiError, AuthError, ConfigError, Interrupted, PromptError
from claude_nb.providers import batches
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.http import client
from claude_nb.session.session import Session
from claude_nb.storage import rows
from claude_nb.storage.store import Store
from claude_nb.sweeps.api import last_sweep, load_sweep, sweep
from claude_nb.sweeps.engine import batch_runner
from claude_nb.sweeps.engine.batch_book import BatchBook
from claude_nb.sweeps.evaluation.api import evaluate
from claude_nb.sweeps.run_options import RunOptions
from claude_nb.sweeps.sweep import Sweep, SweepObserver
from tests.helpers.batches import BatchApi, cut, message, refusal
from tests.helpers.clocks import Clock
from tests.helpers.server import Reset, Server, answer

KEY = "sk-ant-key-of-a-test-0123456789"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_runner, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(client, "_wait_s", lambda error, *_: None if error.retry_in_s is None else 0.0)


@pytest.fixture
def api() -> BatchApi:
    return BatchApi()


@pytest.fixture
def server(api: BatchApi) -> Iterator[Server]:
    with Server(api) as server:
        yield server


@pytest.fixture
def kernel(tmp_path: Path) -> Callable[..., Session]:
    """A new kernel each time, with one history."""

    def begin(**environ: str) -> Session:
        places = {"CLAUDE_NB_HISTORY": str(tmp_path / "history.db"), "ANTHROPIC_API_KEY": KEY, "AIMLAPI_API_KEY": KEY}
        return Session(credentials=Credentials(places | environ))

    return begin


def sent(session: Session, server: Server, prompts: Any = ("a", "b", "c"), **options: Any) -> Sweep:
    where = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-4.6", "max_tokens": 20, "show": False}
    prompts = list(prompts) if isinstance(prompts, tuple) else prompts
    return sweep(prompts, batch=True, session=session, **where | options)


def texts(result: Sweep) -> list[str]:
    return [reply.text or reply.error or "" for reply in result]


def creations(server: Server) -> int:
    return sum(each.method == "POST" and not each.path.endswith("cancel") for each in server.requests)


def test_a_sweep_is_sent_as_one_batch_and_its_replies_are_fetched_when_it_has_ended(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    result = sent(kernel(), server, temperature=[0, 1])
    assert (len(result), result.left, creations(server)) == (0, 6, 1)
    created = server.requests[0]
    assert created.path == "/v1/messages/batches"
    assert created.headers["authorization"] == f"Bearer {KEY}"
    assert created.headers["anthropic-version"] == "2023-06-01"
    first = created.json["requests"][0]
    assert first["params"] == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 20,
        "messages": [{"role": "user", "content": "a"}],
        "temperature": 0.0,
    }
    assert set(first) == {"custom_id", "params"}
    ids = [each["custom_id"] for each in created.json["requests"]]
    assert len({*ids}) == 6
    assert all(batches.ID.fullmatch(custom_id) and len(custom_id) <= 64 for custom_id in ids)

    api.end()
    result.resume()
    assert texts(result) == [f"reply to {text}" for text in ("a", "a", "b", "b", "c", "c")]
    assert creations(server) == 1


def test_resume_waits_for_the_end_of_a_batch(api: BatchApi, server: Server, kernel: Callable[..., Session]) -> None:
    result = sent(kernel(), server)
    api.ends = 5
    assert texts(result.resume()) == ["reply to a", "reply to b", "reply to c"]
    assert api.polls == 5


def test_replies_of_a_batch_cost_half_and_have_no_time(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    session = kernel()
    result = sent(session, server, "a")
    api.end()
    (reply,) = result.resume()
    price = session.models.price(reply.model, "anthropic")
    assert price is not None
    assert reply.cost_usd == (100 * price.input + 10 * price.output) / 2e6
    assert session.totals.cost_usd == reply.cost_usd == result.cost_usd
    assert reply.source == "batch"
    assert (result.rows[0]["latency_s"], result.rows[0]["ttft_s"]) == (None, None)
    assert session.totals.mean_s(reply.request) is None
    assert "in a batch" in reply._repr_mimebundle_()["text/html"]
    assert " s ·" not in reply._repr_mimebundle_()["text/html"]


def test_the_forecast_and_the_limits_count_half_the_price(server: Server, kernel: Callable[..., Session]) -> None:
    class Told(SweepObserver):
        def announce(self, line: str) -> None:
            lines.append(line)

    lines: list[str] = []
    session = kernel()
    plan = sent(session, server, "a", max_calls=1).plan
    whole = Sweep(plan, session=session).forecast()
    half = Sweep(plan, session=session, run_options=RunOptions(batch=True, replay="off")).forecast()
    assert half.usd_most == whole.usd_most / 2
    assert "1 call in a batch, at half the price" in str(half)
    assert "within an hour" in str(half)
    again = Sweep(plan, session=session, run_options=RunOptions(batch=True), observer=Told())
    assert "0 calls · 1 wait in a batch already" in str(again.forecast())
    again.resume(wait=False)
    assert lines == [
        "batch msgbatch_01 of 1 request is in progress, and goes on without this kernel; "
        ".resume() fetches the replies, .batches() asks for the state, .cancel() ends it"
    ]


def test_a_budget_refuses_a_batch_that_may_cost_more_than_what_is_left(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    session = kernel()
    session.configure(budget=0.0003)
    with pytest.raises(ConfigError, match=r"can cost up to \$0\.05, and \$0\.00 of the budget is left"):
        sent(session, server, max_tokens=2000)  # 3 x 2,000 tokens at half of $15 a million
    assert not server.requests
    assert not session.memory.history.recent()
    session.configure(budget=0.03)
    first = sent(session, server, max_tokens=1000)  # holds $0.0225
    with pytest.raises(ConfigError, match="this batch can cost up to"):
        sent(session, server, ("d", "e"), max_tokens=1000)
    api.end()
    assert first.resume().left == 0
    sent(session, server, ("d", "e"), max_tokens=1000)  # what was held is free again


def test_another_kernel_fetches_what_a_dead_one_has_sent(
    api: BatchApi, server: Server, kernel: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(kernel(), server)
    monkeypatch.setattr(rows, "_process", (1, "dead"))
    api.end()
    second = kernel()
    result = sent(second, server)
    assert texts(result) == ["reply to a", "reply to b", "reply to c"]
    assert creations(server) == 1
    kept = second.memory.history.recent()
    assert sorted(row.reply.text for row in kept) == ["reply to a", "reply to b", "reply to c"]
    assert not any(row.running for row in kept)
    assert len(second.memory.history.recorded()) == 3  # they belong to the kernel that fetched them
    replayed = sent(kernel(), server)
    assert {reply.source for reply in replayed} == {"replay"}
    assert creations(server) == 1


def test_rows_that_wait_in_a_batch_outlive_their_kernel_and_an_hour(
    server: Server, kernel: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = kernel()
    sent(session, server, "a")
    monkeypatch.setattr(rows, "_process", (1, "dead"))
    sent_s, day = session.memory.history.recent()[0].reply.created_at.timestamp(), 86_400.0
    for days, running in ((29, True), (31, False)):
        store = Store(session.memory.history.path, warn=print, clock=Clock(sent_s + days * day))
        store.begin(session.request("another", model="demo"))  # the first row of a kernel closes those of dead ones
        assert session.memory.history.recent()[-1].running is running


def test_a_saved_sweep_fetches_its_batch_in_another_kernel(
    api: BatchApi, server: Server, kernel: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(kernel(), server).save(tmp_path / "sweep.jsonl")
    api.end()
    monkeypatch.setattr("claude_nb.sweeps.sweep.default_session", kernel)
    loaded = load_sweep(tmp_path / "sweep.jsonl")
    assert texts(loaded.resume()) == ["reply to a", "reply to b", "reply to c"]
    assert creations(server) == 1


def test_only_what_is_in_no_batch_yet_is_sent(api: BatchApi, server: Server, kernel: Callable[..., Session]) -> None:
    sent(kernel(), server)
    wider = sent(kernel(), server, ("a", "b", "c", "d"))
    assert creations(server) == 2
    assert api.batches["msgbatch_02"].prompts() == ["d"]
    api.end()
    assert len(wider.resume()) == 4
    assert creations(server) == 2


def test_fresh_sends_again_what_waits_in_a_batch(server: Server, kernel: Callable[..., Session]) -> None:
    sent(kernel(), server)
    result = sent(kernel(), server, fresh=True)
    assert creations(server) == 2
    result.resume(wait=False)
    assert creations(server) == 2


def test_equal_requests_of_a_batch_get_a_result_each(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    sent(kernel(), server, ("same", "same"), n=2)
    assert len({each["custom_id"] for each in api.batches["msgbatch_01"].requests}) == len(
        api.batches["msgbatch_01"].requests
    )
    api.end()
    result = sent(kernel(), server, ("same", "same"), n=2)
    assert result.left == 0
    assert creations(server) == 1


def test_errors_expired_and_canceled_requests_are_rows(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    session = kernel()
    result = sent(session, server, ("ok", "wrong", "late", "gone", "lost", "odd"))
    fates = {
        "wrong": refusal("max_tokens: too high"),
        "late": "expired",
        "gone": "canceled",
        "lost": None,
        "odd": "new",
    }
    api.end(fates=fates)
    result.resume()
    errors = {row["prompt"]: row["error"] for row in result.rows}
    assert errors["ok"] is None
    assert "max_tokens: too high" in errors["wrong"]
    assert "the batch expired before this request was answered" in errors["late"]
    assert "the batch was canceled" in errors["gone"]
    assert "without a result for this request" in errors["lost"]
    assert "without a result for this request" in errors["odd"]
    assert (session.totals.calls, session.totals.unpriced) == (6, 0)

    result.resume(wait=False)  # sends again what failed, and only that
    assert api.batches["msgbatch_02"].prompts() == ["wrong", "late", "gone", "lost", "odd"]
    api.end("msgbatch_02")
    assert {reply.error for reply in result.resume()} == {None}


def test_a_damaged_line_costs_one_row(api: BatchApi, server: Server, kernel: Callable[..., Session]) -> None:
    result = sent(kernel(), server)
    api.order = lambda lines: [
        lines[0],
        "{damaged",
        '"text"',
        '{"custom_id": "unknown", "result": {}}',
        lines[2],
        lines[2],
    ]
    api.end()
    assert texts(result.resume()) == ["reply to a", batches.NO_RESULT, "reply to c"]


@pytest.mark.parametrize("step", ["state", "results"])
@pytest.mark.parametrize("fault", [answer(429, {"error": {"message": "slow down"}}), answer(500), [Reset()]])
def test_a_passing_fault_does_not_end_the_wait(
    api: BatchApi, server: Server, kernel: Callable[..., Session], step: str, fault: Any
) -> None:
    result = sent(kernel(), server)
    api.faults[step] = [fault] * 5
    api.end()
    assert texts(result.resume()) == ["reply to a", "reply to b", "reply to c"]
    assert creations(server) == 1


def test_results_that_break_off_are_fetched_again_and_counted_once(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    session = kernel()
    result = sent(session, server)
    api.end()
    ids = [each["custom_id"] for each in api.batches["msgbatch_01"].requests]
    line = json.dumps({"custom_id": ids[1], "result": {"type": "succeeded", "message": message("the first")}})
    api.faults["results"] = [cut(f"{line}\n".encode(), 9999)]
    assert texts(result.resume()) == ["reply to a", "the first", "reply to c"]
    assert session.totals.calls == 3


def test_a_fault_that_stays_is_raised_and_the_batch_can_be_fetched_later(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    result = sent(kernel(), server)
    api.faults["state"] = [answer(500)] * 100
    with pytest.raises(ApiError):
        result.resume()
    api.faults.clear()
    api.end()
    assert result.resume().left == 0
    api.faults["POST"] = [answer(401, {"error": {"type": "authentication_error", "message": "invalid x-api-key"}})]
    with pytest.raises(AuthError):
        sent(kernel(), server, "another")
    assert not any(row.running for row in kernel().memory.history.recent())


def test_an_interrupt_ends_the_wait_and_not_the_batch(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    class Impatient(SweepObserver):
        def update(self, sweep: Sweep, texts: Any) -> None:
            if api.polled.is_set():
                raise KeyboardInterrupt

    result = sent(kernel(), server)
    result.observer = Impatient()
    with pytest.raises(
        Interrupted, match=r"stopped after 0 of 3 replies.*a batch that was sent goes on; continue with"
    ):
        result.resume()
    assert not any(each.path.endswith("cancel") for each in server.requests)
    result.observer = SweepObserver()
    api.end()
    assert last_sweep() is result
    assert texts(result.resume()) == ["reply to a", "reply to b", "reply to c"]


def test_an_interrupt_while_a_batch_is_sent_loses_no_id(
    api: BatchApi, server: Server, kernel: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_answer, create = threading.Event(), api._create
    monkeypatch.setattr(batch_runner, "GRACE_S", 0.0)

    def slow(requests: Any) -> Any:
        scenario = create(requests)
        may_answer.wait(10)
        return scenario

    class Impatient(SweepObserver):
        def update(self, sweep: Sweep, texts: Any) -> None:
            if api.batches:
                raise KeyboardInterrupt

    monkeypatch.setattr(api, "_create", slow)
    monkeypatch.setattr("claude_nb.sweeps.api.view_for", lambda *_, **__: Impatient())
    with pytest.raises(Interrupted):
        sent(kernel(), server)
    result = last_sweep()
    result.observer = SweepObserver()
    api.ends = 1
    may_answer.set()
    assert texts(result.resume()) == ["reply to a", "reply to b", "reply to c"]
    assert creations(server) == 1


@pytest.mark.parametrize("in_another_kernel", [False, True])
def test_a_batch_whose_id_never_arrived_is_found_on_the_list_of_the_server(
    api: BatchApi, server: Server, kernel: Callable[..., Session], in_another_kernel: bool
) -> None:
    now_is(api)
    sent(kernel(), server, ("x", "y"))  # of the same account, and of another size
    api.lost = 1
    with pytest.raises(ConfigError, match=r"not known whether the server took this batch; resume\(\) finds out"):
        sent(kernel(), server)
    assert api.batches["msgbatch_02"].prompts() == ["a", "b", "c"]
    api.end()
    result = sent(kernel(), server) if in_another_kernel else last_sweep().resume()
    assert texts(result) == ["reply to a", "reply to b", "reply to c"]
    assert creations(server) == 2


def test_a_batch_that_is_not_on_the_list_is_sent_again(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    api.faults["POST"] = [answer(502)]
    with pytest.raises(ConfigError, match="not known whether the server took this batch"):
        sent(kernel(), server)
    assert creations(server) == 1  # not tried again by itself, because it could be paid twice
    result = sent(kernel(), server)
    assert creations(server) == 2
    api.end()
    assert result.resume().left == 0


def test_a_batch_of_someone_else_is_not_taken_for_a_lost_one(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    now_is(api)
    sent(kernel(CLAUDE_NB_HISTORY="off"), server, ("x", "y", "z"))  # of the same account and size
    api.faults["POST"] = [[Reset()]]
    with pytest.raises(ConfigError, match="not known whether"):
        sent(kernel(), server)
    api.end()
    result = last_sweep()
    result.resume(wait=False)  # looks at the other batch, and finds nothing of its own
    result.resume(wait=False)
    api.end()
    assert texts(result.resume()) == ["reply to a", "reply to b", "reply to c"]
    assert len(api.batches) == 2


def now_is(api: BatchApi) -> None:
    """Let the server date its batches at the time of the test."""
    from datetime import datetime, timezone

    api.created["created_at"] = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


def test_too_many_calls_are_refused_by_the_server_and_sent_once_more(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    api.faults["POST"] = [answer(429, {"error": {"message": "slow"}}), answer(529)]
    sent(kernel(), server)
    assert (creations(server), len(api.batches)) == (3, 1)


def test_a_batch_can_be_canceled_and_what_is_there_already_is_kept(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    result = sent(kernel(), server)
    assert [row["status"] for row in result.batches()] == ["in_progress"]
    assert [row["status"] for row in result.cancel()] == ["canceling"]
    api.end(fates={"a": "succeeded"})
    assert texts(result.resume())[0] == "reply to a"
    assert [bool(reply.error) for reply in result] == [False, True, True]
    assert result.batches() == []


def test_a_batch_that_has_ended_cannot_be_canceled_and_is_fetched(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    result = sent(kernel(), server)
    api.end()
    assert [row["status"] for row in result.cancel()] == ["ended"]
    assert result.resume().left == 0


def test_another_kernel_asks_for_the_state_and_cancels(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    plan = sent(kernel(), server).plan
    other = Sweep(plan, session=kernel(), run_options=RunOptions(batch=True))
    (state,) = other.batches()
    assert (state["batch"], state["status"], state["requests"], state["processing"]) == (
        "msgbatch_01",
        "in_progress",
        3,
        3,
    )
    other.cancel()
    assert api.batches["msgbatch_01"].status == "canceling"


@pytest.mark.parametrize(
    "place", ["http://127.0.0.2:1/results", "http://evil.example/r", "https://user@x/", "/etc/passwd", "x"]
)
def test_an_address_of_results_elsewhere_is_not_used(
    api: BatchApi, server: Server, kernel: Callable[..., Session], place: str
) -> None:
    result = sent(kernel(), server)
    api.end(results_url=place)
    assert texts(result.resume()) == ["reply to a", "reply to b", "reply to c"]
    assert server.requests[-1].path == "/v1/messages/batches/msgbatch_01/results"


def test_an_address_of_results_on_the_same_server_is_used(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    result = sent(kernel(), server)
    api.end(results_url=f"{server.origin}/v1/batches/r/msgbatch_01")
    assert result.resume().left == 0
    assert server.requests[-1].path == "/v1/batches/r/msgbatch_01"


@pytest.mark.parametrize("batch_id", ["../../x", "a/b", "", "x" * 200, 7, None, "a?b", "a\r\nb"])
def test_an_id_that_no_address_may_contain_is_refused(
    server: Server, api: BatchApi, kernel: Callable[..., Session], batch_id: object
) -> None:
    state = {"id": batch_id, "type": "message_batch", "processing_status": "in_progress"}
    api.faults["POST"] = [answer(200, state)]
    with pytest.raises(ConfigError, match="gave this batch no usable id"):
        sent(kernel(), server, "a")


def test_a_key_in_a_result_is_masked_everywhere(
    api: BatchApi, server: Server, kernel: Callable[..., Session], tmp_path: Path
) -> None:
    session = kernel()
    result = sent(session, server, ("a", "b"))
    api.reply = lambda text: f"{text} {KEY}"
    api.end(fates={"b": refusal(f"wrong: {KEY}")})
    result.resume()
    assert KEY not in "".join(texts(result))
    session.memory.history.flush(5)
    assert KEY.encode() not in (tmp_path / "history.db").read_bytes()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"provider": "openai-compatible", "model": "m"},
            "openai-compatible takes no batches; leave out batch, or use",
        ),
        ({"provider": "demo", "model": "demo", "base_url": None}, "demo takes no batches"),
        ({"provider": "aimlapi", "model": "openai/gpt-5"}, "AI/ML API takes only Claude models in a batch"),
        ({"model": "opus", "speed": "fast"}, "a batch has no fast mode"),
    ],
)
def test_what_no_batch_takes_is_refused_before_anything_is_sent(
    server: Server, kernel: Callable[..., Session], options: dict[str, Any], why: str
) -> None:
    with pytest.raises(PromptError, match=why):
        sent(kernel(), server, **{name: value for name, value in options.items() if value})
    assert not server.requests


def test_an_executor_and_more_requests_than_a_batch_takes_are_refused(
    server: Server, kernel: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor, pytest.raises(PromptError, match="leave out executor"):
        sent(kernel(), server, executor=executor)
    monkeypatch.setattr(batches, "MOST_REQUESTS", 2)
    with pytest.raises(ConfigError, match="at most 2 requests, and this one has 3; split the sweep"):
        sent(kernel(), server)
    monkeypatch.setattr(batches, "MOST_REQUESTS", 3)
    monkeypatch.setattr(batches, "MOST_BYTES", 100)
    with pytest.raises(PromptError, match="over 0 MB, the most that servers take; split it"):
        sent(kernel(), server)
    assert not server.requests
    assert not kernel().memory.history.recent()


def test_without_a_history_a_batch_is_fetched_by_its_own_kernel(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    result = sent(kernel(CLAUDE_NB_HISTORY="off"), server, ("a", "b"))
    api.end()
    assert texts(result.resume()) == ["reply to a", "reply to b"]


def test_replay_only_sends_no_batch(api: BatchApi, server: Server, kernel: Callable[..., Session]) -> None:
    first = sent(kernel(), server, "a")
    api.end()
    first.resume()
    result = sent(kernel(), server, ("a", "b"), replay="only")
    assert [reply.source for reply in result if not reply.error] == ["replay"]
    assert creations(server) == 1


def test_a_batch_that_the_server_has_forgotten_says_so(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    result = sent(kernel(), server)
    api.batches.clear()
    with pytest.raises(ConfigError, match="has no batch msgbatch_01: it keeps results for 29 days"):
        result.resume()


def test_erased_rows_stay_erased_and_the_sweep_gets_its_replies(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    session = kernel()
    result = sent(session, server)
    session.memory.history.forget(everything=True)
    api.end()
    assert texts(result.resume()) == ["reply to a", "reply to b", "reply to c"]
    assert not session.memory.history.recent()


@pytest.mark.parametrize("shape", ["lines", "list", "indented"])
def test_batches_of_ai_ml_api_have_one_address_for_state_and_results(
    kernel: Callable[..., Session], shape: str
) -> None:
    api = BatchApi(aimlapi=True)
    shaped: dict[str, Callable[[list[str]], list[str]]] = {
        "lines": lambda lines: lines,
        "list": lambda lines: [f"[{','.join(lines)}]"],
        "indented": lambda lines: [json.dumps([json.loads(line) for line in lines], indent=2)],
    }
    api.order = shaped[shape]
    with Server(api) as server:
        result = sent(kernel(), server, provider="aimlapi", model="sonnet-4.6", max_tokens=None, budget_usd=5.0)
        assert server.requests[0].path == "/v1/batches"
        assert server.requests[0].json["requests"][0]["params"] == {
            "model": "anthropic/claude-sonnet-4.6",
            "max_tokens": 32_000,
            "messages": [{"role": "user", "content": "a"}],
        }
        assert [row["status"] for row in result.batches()] == ["in_progress"]
        api.end()
        assert texts(result.resume()) == ["reply to a", "reply to b", "reply to c"]
        assert {each.path for each in server.requests[1:]} == {"/v1/batches?batch_id=msgbatch_01"}


def test_a_batch_of_ai_ml_api_is_canceled_at_its_address_and_ends_without_results(
    kernel: Callable[..., Session],
) -> None:
    api = BatchApi(aimlapi=True)
    with Server(api) as server:
        result = sent(kernel(), server, provider="aimlapi", model="sonnet-4.6")
        api.faults["state"] = [answer(200, {"id": "msgbatch_01", "status": "generating"})]
        assert [row["status"] for row in result.batches()] == ["in_progress"]
        result.cancel()
        assert server.requests[-1].path == "/v1/batches/cancel/msgbatch_01"
        state = {"id": "msgbatch_01", "processing_status": "canceling", "status": "cancelled", "results_url": None}
        api.faults["state"] = [answer(200, state)]
        assert all("was canceled" in text for text in texts(result.resume()))


def test_a_lost_batch_of_ai_ml_api_is_never_sent_twice_by_itself(kernel: Callable[..., Session]) -> None:
    api = BatchApi(aimlapi=True, lost=1)
    with Server(api) as server:
        with pytest.raises(ConfigError, match="not known whether"):
            sent(kernel(), server, provider="aimlapi", model="sonnet-4.6")
        with pytest.raises(
            ConfigError, match="this server has no list of its batches; look at your usage there; fresh=True"
        ):
            sent(kernel(), server, provider="aimlapi", model="sonnet-4.6")
        assert creations(server) == 1
        sent(kernel(), server, provider="aimlapi", model="sonnet-4.6", fresh=True)
        assert creations(server) == 2


def test_the_book_of_all_batches_fetches_what_no_sweep_asks_for(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    sent(kernel(), server)
    sent(kernel(), server, ("x", "y"))
    api.end("msgbatch_01")
    session = kernel()
    book = BatchBook(session)
    book.look_up_all()
    for _ in batch_runner.BatchRunner(book, [], wait=False).run():
        pass
    assert [row["batch"] for row in book.states()] == ["msgbatch_02"]
    assert sorted(row.reply.text for row in session.memory.history.recent() if not row.running) == [
        "reply to a",
        "reply to b",
        "reply to c",
    ]


def test_a_large_result_is_read_line_by_line(api: BatchApi, server: Server, kernel: Callable[..., Session]) -> None:
    prompts = tuple(f"p{i}" for i in range(40))
    api.reply = lambda text: text + "é" * 50_000
    result = sent(kernel(), server, prompts)
    api.end()
    assert [reply.text[:3].rstrip("é") for reply in result.resume()] == [*prompts]


def test_an_evaluation_is_sent_in_a_batch_and_graded_when_its_replies_are_there(
    api: BatchApi, server: Server, kernel: Callable[..., Session]
) -> None:
    rows = [{"text": "x", "right": "reply to x?"}, {"text": "y", "right": "something else"}]
    where = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-4.6", "max_tokens": 20, "show": False}
    result = evaluate("{{text}}?", rows, expect="right", batch=True, session=kernel(), **where)
    assert (len(result), creations(server)) == (0, 1)
    api.end()
    assert result.resume().summary()[0]["pass"] == 0.5
    assert creations(server) == 1

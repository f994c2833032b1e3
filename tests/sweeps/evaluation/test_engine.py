"""Evaluations on the engine of sweeps: many rows, refusals and cuts, stops, an executor, the history."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import claude_nb
from claude_nb.errors import ConfigError, Interrupted
from claude_nb.sweeps.evaluation.api import evaluate
from claude_nb.sweeps.evaluation.evaluation import Evaluation
from claude_nb.sweeps.sweep import SweepObserver
from tests.helpers import sessions
from tests.helpers.server import Recorded, Scenario, Server, answer, stream

PROMPTS = {"a": "a {{text}}", "b": "b {{text}}"}
FULL, REFUSED, CUT, BROKEN = 7, 11, 13, 17  # every so many rows


def table(rows: int) -> list[dict[str, Any]]:
    return [{"text": f"row {i}", "label": f"{'a' if i % 3 else 'b'} row {i}"} for i in range(rows)]


class Service:
    """Repeats each prompt. Some rows it refuses, cuts or breaks off; every seventh call it is busy first."""

    def __init__(self) -> None:
        self.answered = Counter[str]()
        self.calls = 0
        self.lock = threading.Lock()

    def __call__(self, request: Recorded) -> Scenario:
        prompt = request.json["messages"][-1]["content"]
        row = int(prompt.split()[-1])
        with self.lock:
            self.calls += 1
            if self.calls % FULL == 0:
                return answer(429, {"error": {"message": "too many"}}, {"connection": "keep-alive"})
            self.answered[prompt] += 1
        ends = {REFUSED: "content_filter", CUT: "length"}
        reason = next((word for every, word in ends.items() if row % every == 1), "stop")
        events = [{"choices": [{"index": 0, "delta": {"content": prompt}}]}]
        if row % BROKEN != 1:
            events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        end = "" if row % BROKEN == 1 else "data: [DONE]\n\n"
        return stream(f"{body}{end}".encode(), headers={"connection": "keep-alive"})


def outcome(row: int, variant: str) -> str:
    if row % BROKEN == 1:
        return "error"
    if row % REFUSED == 1:
        return "refused"
    if row % CUT == 1:
        return "cut"
    return "passed" if variant == ("a" if row % 3 else "b") else "failed"


def expected_outcomes(rows: int) -> list[str]:
    return [outcome(row, variant) for row in range(rows) for variant in PROMPTS]


class StopAt(SweepObserver):
    def __init__(self, count: int) -> None:
        self.count = count

    def update(self, sweep: Any, texts: Any) -> None:
        if len(sweep) >= self.count:
            raise KeyboardInterrupt


def options(url: str, **more: Any) -> dict[str, Any]:
    where = {"provider": "openai-compatible", "model": "m", "base_url": url, "expect": "label", "max_calls": 10_000}
    return {**where, "concurrency": 16, "show": False, **more}


@pytest.mark.parametrize("rows", [150])
def test_every_row_is_right_and_after_a_stop_at_half_none_is_asked_twice(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("claude_nb.providers.http.client._wait_s", lambda *_: 0.001)
    monkeypatch.setattr("claude_nb.sweeps.evaluation.api.view_for", lambda *_, **__: StopAt(rows))
    service = Service()
    asking = sessions.session(CLAUDE_NB_HISTORY="off")
    with Server(service) as server:
        with pytest.raises(Interrupted, match=r"continue with claude_nb.last_sweep\(\).resume\(\)"):
            evaluate(PROMPTS, table(rows), session=asking, **options(server.url))
        result = claude_nb.last_sweep()
        assert isinstance(result, Evaluation)
        kept = {cell.prompt for cell in result.cells() if cell.outcome not in ("missing", "error")}
        assert rows <= len(result) < 2 * rows
        result.observer = SweepObserver()
        result.resume()
    assert [cell.outcome for cell in result.cells()] == expected_outcomes(rows)
    assert all(cell.reply is None or cell.reply.text == cell.prompt for cell in result.cells())
    assert {service.answered[prompt] for prompt in kept} == {1}
    counts = Counter(expected_outcomes(rows)[::2])
    first = result.summary()[0]
    assert {name: first[name] for name in counts} == dict(counts)
    graded = counts["passed"] + counts["failed"]
    assert first["pass"] == pytest.approx(counts["passed"] / graded)
    assert first["pass_of_all"] == pytest.approx(counts["passed"] / rows)
    compared = result.compare("a", "b")
    assert (compared.n, compared.left_out) == (graded, rows - graded)
    assert compared.better + compared.worse == graded
    assert f"{rows - graded} rows left out, because one of them is not graded" in str(compared)


def test_an_executor_gives_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    demo: dict[str, Any] = {"provider": "demo", "seed": 2, "max_tokens": 200, "expect": "label", "graders": "contains"}
    rows = [{"text": "foxes", "label": "fox"}, {"text": "the sea", "label": "sea"}]
    here = evaluate(PROMPTS, rows, session=sessions.session(CLAUDE_NB_HISTORY="off"), show=False, **demo)
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        asking = sessions.session(CLAUDE_NB_HISTORY="off")
        there = evaluate(PROMPTS, rows, session=asking, show=False, executor=executor, **demo)
    assert list(there.rows) == list(here.rows)


def test_the_same_evaluation_again_takes_its_replies_from_the_history(tmp_path: Path) -> None:
    service = Service()
    asking = sessions.session(CLAUDE_NB_HISTORY=str(tmp_path / "history.db"))
    with Server(service) as server:
        first = evaluate("b {{text}}", [{"text": "row 3", "label": "b row 3"}], session=asking, **options(server.url))
        again = evaluate("b {{text}}", [{"text": "row 3", "label": "b row 3"}], session=asking, **options(server.url))
    assert service.calls == 1
    assert again.cell(0).outcome == first.cell(0).outcome == "passed"
    assert "from the history" in again.summary().note


def test_several_replies_to_a_row_count_as_one_row_in_a_comparison() -> None:
    def one_in_three(reply: Any) -> bool:
        return reply.request.repeat == 0 or reply.text.startswith("b")

    rows = table(9)[3:]
    asking = sessions.session(CLAUDE_NB_HISTORY="off")
    with Server(Service()) as server:
        result = evaluate(PROMPTS, rows, n=3, session=asking, graders=one_in_three, **options(server.url))
    compared = result.compare()
    assert (compared.n, compared.better, compared.worse) == (6, 6, 0)
    assert compared.rates == pytest.approx((1 / 3, 1.0))
    assert compared.test == "Wilcoxon signed-rank"
    assert compared.p == pytest.approx(2 / 2**6)
    low = result.summary()[0]["pass_low"]
    assert low < 0.2  # as for six rows, not eighteen


def test_scores_are_means_and_are_compared_by_ranks() -> None:
    asking = sessions.session(CLAUDE_NB_HISTORY="off")
    with Server(Service()) as server:
        result = evaluate(
            {"short": "a {{text}}", "long": "aaaa {{text}}"},
            table(9)[2:9],
            graders=lambda reply: len(reply.text),
            session=asking,
            **options(server.url),
        )
    assert {cell.outcome for cell in result.cells()} == {"scored"}
    summary = result.summary()
    assert [row["score"] for row in summary] == [7, 10]
    assert result.compare().difference == 3
    assert not result.compare().within_chance
    assert [row["now"] for row in result.flips()] == ["better"] * 7


def test_limits_hold_for_replies_and_judges_together_before_anything_is_sent() -> None:
    asking = sessions.session(CLAUDE_NB_HISTORY="off")
    service = Service()
    with Server(service) as server:
        judge = claude_nb.graders.judge("Good?", n=3)
        limits = options(server.url, max_calls=79)
        with pytest.raises(ConfigError, match="80 calls are more than 79; allow them with max_calls=80"):
            evaluate(PROMPTS, table(10), graders=judge, session=asking, **limits)
    assert service.calls == 0


def test_a_judge_without_a_key_is_refused_before_anything_is_sent() -> None:
    asking = sessions.session(CLAUDE_NB_HISTORY="off")
    service = Service()
    with Server(service) as server:
        judge = claude_nb.graders.judge("Good?", provider="anthropic", model="haiku")
        with pytest.raises(ConfigError, match="anthropic needs a key"):
            evaluate(PROMPTS, table(10), graders=judge, session=asking, **options(server.url))
    assert service.calls == 0


def test_of_several_variants_each_is_compared_with_the_first_one_and_the_level_holds_for_all() -> None:
    asking = sessions.session(CLAUDE_NB_HISTORY="off")
    with Server(Service()) as server:
        result = evaluate(
            "{{letter}} {{text}}", table(9)[3:], letter=["a", "b", "c"], session=asking, **options(server.url)
        )
    assert result.variants == ("letter a", "letter b", "letter c")
    found = result.comparisons()
    assert [(each.first, each.second) for each in found] == [("letter a", "letter b"), ("letter a", "letter c")]
    assert all(each.p >= result.compare(0, i).p for i, each in enumerate(found, 1))


def test_a_stop_while_replies_are_graded_leaves_no_reply_without_its_grade() -> None:
    stops = [KeyboardInterrupt()]

    def grader(reply: Any) -> bool:
        if stops and reply.text.endswith("5"):
            raise stops.pop()
        return reply.text.startswith("a")

    asking = sessions.session(CLAUDE_NB_HISTORY="off")
    with Server(Service()) as server:
        with pytest.raises(KeyboardInterrupt):
            evaluate(PROMPTS, table(9)[3:], graders=grader, session=asking, **options(server.url))
        result = claude_nb.last_sweep()
        result.resume()
    assert isinstance(result, Evaluation)
    assert [cell.outcome for cell in result.cells()] == ["passed", "failed"] * 6

"""What a sweep says: rows, summary, best case, checks, files, plots; and the curve that the demo model shows."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import pyplot

from claude_nb import demo
from claude_nb.errors import ConfigError, PromptError
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.sweeps.api import load_sweep, sweep
from claude_nb.sweeps.metrics import demo_metrics, registry
from claude_nb.sweeps.plan import grid
from claude_nb.sweeps.sweep import Sweep
from claude_nb.types.reply import Reply
from claude_nb.types.request import Usage

mpl.use("agg")

COLUMNS = [
    *("run_id", "backend", "model", "is_demo", "source", "prompt_hash", "prompt", "system", "temperature", "top_p"),
    *("top_k", "max_tokens", "stop", "effort", "seed", "replicate", "text", "stop_reason", "input_tokens"),
    *("output_tokens", "latency_s", "ttft_s", "cost_usd", "error", "created"),
]


def new_session() -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": "not-a-real-one"}))


def told(texts: dict[float, list[str]], **more: Any) -> Sweep:
    """A finished sweep over temperature with these texts; a text of None is a failed reply."""
    session = new_session()
    plan = grid(session, "Hi", {"provider": "aimlapi", "temperature": list(texts)}, n=max(map(len, texts.values())))
    result = Sweep(plan, session=session)
    for i, own in enumerate(texts.values()):
        for k, text in enumerate(own):
            usual = {"seconds": 1.0 + k, "first_token_s": 0.5, "cost_usd": 0.01, "usage": Usage(3, 5)}
            result.put({(i, k): Reply(plan.cases[i].requests[k], text, **{**usual, **more})})
    return result


@pytest.fixture(scope="module")
def small() -> Sweep:
    return sweep(
        "Write a {{form}}",
        form=["haiku", "story"],
        temperature=[0, 1],
        n=3,
        seed=1,
        max_tokens=15,
        provider="demo",
        session=new_session(),
        show=False,
    )


def test_every_reply_is_a_row_with_all_settings_and_measurements(small: Sweep) -> None:
    assert len(small.rows) == 12
    row = small.rows[4]
    assert list(row) == [*COLUMNS, "form"]
    assert (row["form"], row["temperature"], row["replicate"], row["prompt"]) == ("haiku", 1.0, 1, "Write a haiku")
    assert (row["backend"], row["is_demo"], row["seed"], row["max_tokens"]) == ("demo", True, 1, 15)
    assert row["run_id"] == f"{small.id}-1-1"
    assert row["output_tokens"] <= 15
    assert row["cost_usd"] == 0


def test_rows_become_a_frame(small: Sweep) -> None:
    frame = small.to_pandas()
    assert list(frame.columns) == [*COLUMNS, "form"]
    assert frame.groupby(["form", "temperature"]).size().tolist() == [3, 3, 3, 3]


def test_replies_are_found_by_their_settings(small: Sweep) -> None:
    assert [reply.prompt for reply in small.where(form="story", temperature=1)] == ["Write a story"] * 3
    with pytest.raises(PromptError, match="top_p is not varied in this sweep; use form, temperature"):
        small.where(top_p=1)


def test_the_summary_has_a_row_for_each_case_and_says_when_there_are_few() -> None:
    result = told({0.0: ["the cat sat", "the cat sat"], 1.0: ["the cat sat", "a bird sang"]})
    first, second = result.summary()
    assert first["temperature"] == 0
    assert (first["n"], first["failed"], first["unique_rate"], first["jaccard"]) == (2, 0, 0.5, 1.0)
    assert (second["unique_rate"], second["jaccard"], second["distinct_1"]) == (1.0, 0.0, 1.0)
    assert (second["latency_p50"], second["ttft_p50"], second["cost_usd"]) == (1.5, 0.5, 0.02)
    assert second["stop_reasons"] == "end 2"
    assert result.summary().note == "fewer than 10 replies: neighbours may swap places by chance"
    assert first["note"] == ""
    assert "clean_rate" not in first


def test_ten_replies_are_enough_for_no_warning() -> None:
    assert told({0.0: ["a"] * 10}).summary().note == ""


def test_failed_replies_are_counted_and_not_measured() -> None:
    result = told({0.0: ["a b c", "a b c"]})
    request = result.cases[0].requests[1]
    result.put({(0, 1): Reply(request, "a", stop_reason="error", error="cut", seconds=99)})
    (row,) = result.summary()
    assert (row["n"], row["failed"], row["latency_p50"]) == (1, 1, 1.0)
    assert result.rows[1]["error"] == "cut"


def test_distinct_compares_equal_amounts_of_text() -> None:
    short, long = "a b c d", "a b c d a b c d a b c d"
    rows = told({0.0: [short], 1.0: [long]}).summary()
    assert [row["distinct_1"] for row in rows] == [1.0, 1.0]


def test_a_cost_that_is_unknown_once_is_unknown() -> None:
    assert "cost_usd" not in told({0.0: ["a", "b"]}, cost_usd=None).summary()[0]


def test_slow_metrics_come_when_they_are_asked_for(small: Sweep) -> None:
    assert "self_bleu" not in small.summary()[0]
    row = small.summary("self_bleu", "perplexity", "effective_choices")[0]
    assert row["self_bleu"] == pytest.approx(1)  # temperature 0: the same each time
    assert row["effective_choices"] == pytest.approx(1)
    assert row["perplexity"] > 1
    with pytest.raises(PromptError, match="there is no metric 'blue'; use one of unique_rate, "):
        small.summary("blue")


def test_checks_give_a_column_and_a_pass_rate_with_its_interval() -> None:
    result = told({0.0: ["yes", "yes", "no"], 1.0: ["no", "no", "no"]}).check(lambda reply: reply.text == "yes")
    assert [row["pass"] for row in result.rows] == [True, True, False, False, False, False]
    first, second = result.summary()
    assert first["pass"] == pytest.approx(2 / 3)
    assert (first["pass_low"], first["pass_high"]) == pytest.approx((0.2077, 0.9385), abs=1e-4)
    assert first["cost_per_pass"] == pytest.approx(0.015)
    assert second["cost_per_pass"] is None
    assert result.best("pass")["temperature"] == 0


def test_several_checks_have_names_of_their_own() -> None:
    result = told({0.0: ['{"a": 1}', "none"]})
    result.check(lambda reply: reply.json()["a"] == 1, "json").check(lambda reply: len(reply.text) < 5, "short")
    assert [(row["pass_json"], row["pass_short"]) for row in result.rows] == [(True, False), (False, True)]


def test_a_check_made_of_asserts_passes_when_none_fails() -> None:
    def check(reply: Reply) -> None:
        assert "b" in reply.text

    assert [row["pass"] for row in told({0.0: ["a", "b"]}).check(check).rows] == [False, True]


def test_a_mistake_in_a_check_is_not_taken_for_a_no() -> None:
    with pytest.raises(PromptError, match="mend the check <lambda>: AttributeError: 'Reply' object has no attribute"):
        _ = told({0.0: ["a"]}).check(lambda reply: reply.txt).rows  # type: ignore[attr-defined]


def test_the_best_case_has_the_highest_value_or_the_lowest_where_less_is_better() -> None:
    result = told({0.0: ["a", "a"], 1.0: ["a", "b", "c"]})
    assert result.best("unique_rate")["temperature"] == 1
    assert result.best("latency_p50")["temperature"] == 0
    assert result.best(lambda row: -row["n"])["temperature"] == 0
    with pytest.raises(PromptError, match="no case has a value for clean_rate"):
        result.best("clean_rate")


@pytest.mark.parametrize("name", ["sweep.jsonl", "sweep.parquet"])
def test_a_saved_sweep_is_read_back_and_can_go_on(small: Sweep, name: str, tmp_path: Path) -> None:
    small.save(tmp_path / name)
    again = load_sweep(tmp_path / name)
    assert again.rows == small.rows
    assert again.axes == small.axes
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_unfinished_sweep_is_resumed_from_its_file(small: Sweep, tmp_path: Path) -> None:
    part = Sweep(small.plan, session=new_session())
    part.put({(0, 0): small.replies[0]})
    part.save(tmp_path / "s.jsonl")
    again = load_sweep(tmp_path / "s.jsonl")
    assert again.left == 11
    again.session = new_session()
    assert [reply.text for reply in again.resume()] == [reply.text for reply in small]


def test_locked_cases_and_odd_values_survive_the_file(tmp_path: Path) -> None:
    session = new_session()
    settings = {"provider": "aimlapi", "model": "sonnet", "temperature": [None, 0.5], "top_p": [None, 0.9]}
    made = Sweep(grid(session, "About {{x}}", {**settings, "x": [Path("a"), 2]}, n=1), session=session)
    made.save(tmp_path / "s.jsonl")
    again = load_sweep(tmp_path / "s.jsonl")
    assert [case.locked for case in again.cases] == [case.locked for case in made.cases]
    assert again.axes["x"] == ("a", 2)


@pytest.mark.parametrize(
    "content", ["", "{}\n", "x", '{"claude_nb": "sweep", "version": 99}\n', '{"claude_nb": "sweep"}']
)
def test_another_file_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(content)
    with pytest.raises(ConfigError, match="is not a saved sweep"):
        load_sweep(path)


def test_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_sweep(tmp_path / "s.jsonl")
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        told({0.0: ["a"]}).save(tmp_path / "no" / "s.jsonl")


def test_nothing_secret_is_in_the_file(tmp_path: Path) -> None:
    told({0.0: ["a"]}).save(tmp_path / "s.jsonl")
    assert "not-a-real-one" not in (tmp_path / "s.jsonl").read_text()
    assert json.loads((tmp_path / "s.jsonl").read_text().splitlines()[0])["claude_nb"] == "sweep"


def test_tables_show_themselves() -> None:
    table = told({0.0: ["<b>bold</b>"]}).rows
    assert "&lt;b&gt;bold" in table._repr_html_()
    assert "<b>bold</b>" in repr(table)
    assert table.to_pandas().shape[0] == 1


@pytest.mark.parametrize("metric", ["distinct_2", "unique_rate", "latency_p50", "cost_usd", "pass"])
def test_a_plot_has_a_line_for_each_combination_of_the_other_axes(small: Sweep, metric: str) -> None:
    axes = small.check(bool, "any").plot(metric, x="temperature")
    assert [line.get_label() for line in axes.containers] == ["form haiku", "form story"]
    assert axes.get_xlabel() == "temperature"
    assert "too few to trust" in axes.get_title()
    small.checks.clear()
    pyplot.close("all")


def test_a_plot_of_words_has_them_side_by_side_and_other_axes_are_refused(small: Sweep) -> None:
    axes = small.plot("length", x="form")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["haiku", "story"]
    with pytest.raises(PromptError, match="x='top_k' is not an axis of this sweep; use form, temperature"):
        small.plot("length", x="top_k")
    pyplot.close("all")


def test_metrics_have_intervals_around_their_values() -> None:
    sample = registry.Sample(told({0.0: ["a b", "a c", "d e", "a b", "f"]}).replies, 0, {1: 9, 2: 4}, {})
    for metric in registry.METRICS.values():
        value = metric.of(sample)
        interval = metric.interval(sample) if metric.interval else None
        if value is not None and interval is not None:
            assert interval.low <= value <= interval.high, metric.name


def test_the_path_of_a_demo_reply_is_the_one_it_was_drawn_on() -> None:
    session = new_session()
    reply = session.run(
        session.request("Once upon a time", provider="demo", temperature=0.7, seed=5, max_tokens=20), hurry=True
    )
    steps = list(zip(range(20), demo.steps(reply.request), strict=False))
    choices = [
        2 ** registry.statistics.math.fsum(-p * registry.statistics.math.log2(p) for p in step.final if p)
        for _, step in steps
    ]
    assert demo_metrics.effective_choices(reply.wait()) == pytest.approx(sum(choices) / 20)


# The curve: temperature buys variety and then errors, top_p takes the errors away and keeps most of the variety.

PROMPTS = (
    "Once upon a time",
    "Write a haiku",
    "What does temperature do?",
    "Who are you?",
    "How does rain form?",
    "Tell me a story",
)
Curve = dict[tuple[float, float], dict[str, float]]
PLACES = [(0, 1), (0.3, 1), (0.7, 1), (1, 1), (1.2, 1), (1.5, 1), (1, 0.9), (1.2, 0.9), (1.5, 0.9), (1.5, 0.7)]
one_worker = pytest.mark.xdist_group("curve")


@pytest.fixture(scope="module")
def curve() -> Curve:
    """(temperature, top_p) -> metrics, each the mean over six prompts with six replies to each."""
    names = ("distinct_2", "clean_rate", "unique_rate")
    sums: Curve = {place: dict.fromkeys(names, 0.0) for place in PLACES}
    for prompt in PROMPTS:
        result = sweep(
            prompt,
            mode="zip",
            temperature=[temperature for temperature, _ in PLACES],
            top_p=[top_p for _, top_p in PLACES],
            n=6,
            seed=0,
            max_tokens=40,
            provider="demo",
            session=new_session(),
            show=False,
        )
        for row in result.summary():
            for name in names:
                sums[row["temperature"], row["top_p"]][name] += row[name] / len(PROMPTS)
    return sums


@one_worker
def test_variety_rises_with_temperature(curve: Curve) -> None:
    values = [curve[t, 1]["distinct_2"] for t in (0, 0.3, 0.7, 1.5)]
    assert all(after > before + 0.08 for before, after in pairwise(values)), values
    assert curve[0, 1]["unique_rate"] == pytest.approx(1 / 6)
    assert curve[0.7, 1]["unique_rate"] > 0.75


@one_worker
def test_errors_come_with_high_temperature(curve: Curve) -> None:
    clean = [curve[t, 1]["clean_rate"] for t in (0, 0.3, 0.7, 1, 1.2, 1.5)]
    assert clean[:2] == pytest.approx([1, 1])
    assert clean[2] > 0.85
    assert all(after < before for before, after in pairwise(clean[2:])), clean
    assert clean[-1] < 0.2


@one_worker
def test_top_p_takes_the_errors_away(curve: Curve) -> None:
    assert curve[1, 0.9]["clean_rate"] > 0.85
    assert curve[1, 0.9]["clean_rate"] > curve[1, 1]["clean_rate"] + 0.15
    assert curve[1.2, 0.9]["clean_rate"] > curve[1.2, 1]["clean_rate"] + 0.3
    assert curve[1.5, 0.7]["clean_rate"] > curve[1.5, 0.9]["clean_rate"] + 0.3
    assert curve[1, 0.9]["distinct_2"] > 0.8 * curve[1, 1]["distinct_2"]

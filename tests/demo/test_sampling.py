"""The sampling maths, against cases worked out by hand (make_sampling_cases.py). The JavaScript passes them too."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.demo import sampling
from tests.demo import make_sampling_cases
from tests.helpers import TESTS

FILE = TESTS / "sampling_cases.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
EXTREMES = [0, 5e-324, 1e-300, 1e-6, 0.3, 1, 1.5, 1e6, 1e300]

weights = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)


def distribution(numbers: list[int]) -> list[float]:
    return [n / sum(numbers) for n in numbers]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_golden_cases_hold(case: dict[str, Any]) -> None:
    sampled = sampling.shape(case["p"], **case["settings"])
    assert sampled.final == pytest.approx(case["final"], abs=1e-9)
    assert sampling.survivors(sampled.final) == case["survivors"]
    assert sampling.entropy_bits(sampled.final) == pytest.approx(case["entropy_bits"], abs=1e-9)
    assert sampling.effective_choices(sampled.final) == pytest.approx(2 ** case["entropy_bits"], abs=1e-7)
    if "cut" in case:
        assert sampled.cut == case["cut"]
    for u, token in case.get("draws", []):
        assert sampling.draw(sampled.final, u) == token


@pytest.mark.parametrize("case", [case for case in CASES if "percent" in case], ids=lambda case: case["name"])
def test_the_worked_example_reads_as_the_page_says(case: dict[str, Any]) -> None:
    final = sampling.shape(case["p"], **case["settings"]).final
    assert [round(100 * x, 1) for x in final[: len(case["percent"])]] == case["percent"]


def test_the_golden_file_is_what_the_hand_arithmetic_gives() -> None:
    assert json.loads(json.dumps(make_sampling_cases.cases())) == CASES


@pytest.mark.parametrize("temperature", EXTREMES)
@pytest.mark.parametrize("order", ["temperature_first", "temperature_last"])
def test_no_temperature_overflows_and_every_stage_sums_to_one(temperature: float, order: sampling.Order) -> None:
    sampled = sampling.shape(
        [0.4, 0.3, 0.2, 0.1 - 1e-9, 1e-9], temperature=temperature, top_k=3, top_p=0.9, min_p=0.1, order=order
    )
    for _name, p in sampled.stages:
        assert math.fsum(p) == pytest.approx(1, abs=1e-12)


def test_the_stages_come_in_the_order_they_were_applied() -> None:
    first, last = (sampling.shape([0.6, 0.4], order=o) for o in ("temperature_first", "temperature_last"))
    assert [name for name, _ in first.stages] == ["model", "temperature", "top_k", "top_p", "min_p"]
    assert [name for name, _ in last.stages] == ["model", "top_k", "top_p", "min_p", "temperature"]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    weights,
    st.tuples(st.sampled_from(EXTREMES), st.integers(1, 50), st.floats(1e-9, 1), st.floats(0, 1)),
    st.floats(0, 1, exclude_max=True),
)
def test_what_is_drawn_was_never_cut(numbers: list[int], values: tuple[float, int, float, float], u: float) -> None:
    p = distribution(numbers)
    t, k, top_p, min_p = values
    for order in ("temperature_first", "temperature_last"):
        sampled = sampling.shape(p, temperature=t, top_k=k, top_p=top_p, min_p=min_p, order=order)
        token = sampling.draw(sampled.final, u)
        assert sampled.final[token] > 0
        assert sampled.cut[token] is None
        assert all(x == 0 for x, cut in zip(sampled.final, sampled.cut, strict=True) if cut)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(weights, st.floats(0.05, 3), st.floats(0.05, 3))
def test_more_temperature_is_never_less_entropy(numbers: list[int], one: float, other: float) -> None:
    cold, hot = sorted((one, other))
    p = distribution(numbers)
    bits = [sampling.entropy_bits(sampling.with_temperature(p, t)) for t in (cold, hot)]
    assert bits[0] <= bits[1] + 1e-9


def test_draws_come_as_often_as_the_probabilities_say() -> None:
    p = [0.5, 0.25, 0.25]
    drawn = [sampling.draw(p, n / 1000) for n in range(1000)]
    assert [drawn.count(token) for token in range(3)] == [500, 250, 250]


def test_a_certain_token_is_no_surprise_and_an_impossible_one_is_infinite() -> None:
    assert [sampling.surprisal_bits(p) for p in (1, 0.5, 0.25, 0)] == [0, 1, 2, math.inf]

"""The statistics of evaluations, against scipy and by hand, and a simulation of prompts that are equal."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from claude_nb.sweeps.metrics import pairs
from claude_nb.sweeps.metrics.statistics import Interval, wilson

EVALUATIONS = 10_000
LEVEL = 0.05


@pytest.mark.parametrize(
    ("first", "second"),
    [(0, 0), (0, 1), (2, 10), (5, 5), (0, 9), (300, 350), (4000, 4300), (0, 2000), (50_000, 50_500)],
)
def test_mcnemar_is_the_exact_binomial_test_of_the_rows_that_differ(first: int, second: int) -> None:
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert pairs.mcnemar(first, second) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert pairs.mcnemar(first, second) == pairs.mcnemar(second, first)


@pytest.mark.parametrize("n", [1, 5, 12, 30, 60, 61, 200])
def test_signed_ranks_are_those_of_scipy(n: int) -> None:
    chance = random.Random(n)
    differences = [chance.gauss(0.2, 1) for _ in range(n)]
    method = "exact" if n <= pairs.EXACT_PAIRS else "approx"
    expected = stats.wilcoxon(differences, method=method).pvalue
    assert pairs.signed_ranks(differences) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_signed_ranks_with_equal_sizes_and_zeros_are_exact(seed: int) -> None:
    chance = random.Random(seed)
    differences = [chance.choice([-2, -1, 0, 0, 1, 1, 2]) for _ in range(12)]
    known = np.array([value for value in differences if value])

    def statistic(values: Any, axis: int = -1) -> Any:
        return np.sum(np.sign(values) * stats.rankdata(np.abs(values), axis=axis), axis=axis)

    expected = stats.permutation_test((known,), statistic, permutation_type="samples", n_resamples=np.inf)
    assert pairs.signed_ranks(differences) == pytest.approx(expected.pvalue)


def test_signed_ranks_of_passed_and_failed_rows_are_mcnemars_test() -> None:
    assert pairs.signed_ranks([1.0] * 9 + [-1.0] * 2 + [0.0] * 40) == pytest.approx(pairs.mcnemar(2, 9))


def test_many_equal_differences_are_nearly_normal_as_in_scipy() -> None:
    differences = [1.0] * 60 + [-1.0] * 40 + [0.5] * 30
    expected = stats.wilcoxon(differences, method="approx").pvalue
    assert pairs.signed_ranks(differences) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("passed", "n"), [(0, 5), (3, 3), (9, 10), (40, 50), (999, 1000)])
def test_the_interval_of_a_rate_is_wilsons(passed: int, n: int) -> None:
    expected = stats.binomtest(passed, n).proportion_ci(method="wilson")
    assert wilson(passed, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 10, 30, 1000])
def test_the_interval_of_a_mean_is_students(degrees: int) -> None:
    assert pairs.t95(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=2e-3)
    values = [float(i * i) for i in range(degrees + 1)]
    expected = stats.t.interval(0.95, degrees, np.mean(values), stats.sem(values))
    assert pairs.mean_interval(values) == pytest.approx(expected, rel=5e-3)


def test_the_interval_of_a_difference_is_method_10_of_newcombe_1998() -> None:
    """Of 86 rows both pass 53, only the first 16, only the second 8: the squares are added with their correlation."""
    (first, second) = (stats.binomtest(count, 86).proportion_ci(method="wilson") for count in (69, 61))
    phi = (53 * 9 - 16 * 8 - 86 / 2) / np.sqrt(69 * 17 * 61 * 25)
    down, up = 61 / 86 - second.low, first.high - 69 / 86
    rise, fall = second.high - 61 / 86, 69 / 86 - first.low
    low = -8 / 86 - np.sqrt(down**2 - 2 * phi * down * up + up**2)
    high = -8 / 86 + np.sqrt(rise**2 - 2 * phi * rise * fall + fall**2)
    assert pairs.difference_of_shares(53, 16, 8, 9) == pytest.approx((low, high))
    swapped = pairs.difference_of_shares(53, 8, 16, 9)
    assert swapped == pytest.approx((-high, -low))
    assert pairs.difference_of_shares(0, 0, 0, 0) is None


def test_the_interval_of_a_difference_covers_the_truth_as_often_as_it_says() -> None:
    chance = random.Random(3)
    hits = 0
    for _ in range(2000):
        cells = [0, 0, 0, 0]
        for _ in range(40):
            cells[chance.choices(range(4), (0.5, 0.15, 0.25, 0.1))[0]] += 1
        interval = pairs.difference_of_shares(*cells)
        hits += interval is not None and interval.low <= 0.1 <= interval.high
    assert 0.93 < hits / 2000 < 0.98


def test_the_kappa_of_a_textbook_and_its_interval() -> None:
    # 50 cases: both yes 20, only the first 5, only the second 10, both no 15. Agreed .7, by chance .5.
    found = pairs.agreement([1] * 25 + [0] * 25, [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15)
    assert (found.n, found.agreed, found.kappa) == (50, 0.7, pytest.approx(0.4))
    # Its standard error by the formula of Fleiss, Cohen and Everitt is 0.127.
    assert found.interval == pytest.approx((0.4 - 1.96 * 0.127, 0.4 + 1.96 * 0.127), abs=1e-3)


def test_a_weighted_kappa_counts_near_misses_less() -> None:
    first, second = [1, 2, 3, 4, 5] * 4, [2, 2, 3, 4, 5] * 4
    plain, weighted = pairs.agreement(first, second), pairs.agreement(first, second, weighted=True)
    assert plain.kappa is not None
    assert weighted.kappa is not None
    assert plain.kappa < weighted.kappa
    mean = sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) / 20
    by_chance = sum((a - b) ** 2 for a in first for b in second) / 400
    assert weighted.kappa == pytest.approx(1 - mean / by_chance)


def test_few_labels_without_a_miss_are_not_certainty_and_one_verdict_is_no_agreement() -> None:
    perfect = pairs.agreement([1, 0, 1], [1, 0, 1])
    assert perfect.kappa == 1
    assert perfect.interval is not None
    assert perfect.interval.low < 0.5
    assert pairs.agreement([1] * 9, [1] * 9).kappa is None


def test_holm_is_the_step_down_of_the_paper() -> None:
    assert pairs.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert pairs.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert pairs.holm([]) == []


def test_replies_to_one_row_are_not_independent() -> None:
    alike = [(5, 5)] * 6 + [(0, 5)] * 4
    assert pairs.clustered_share(alike) == pytest.approx(wilson(6, 10))
    assert pairs.clustered_share([(1, 1)] * 6 + [(0, 1)] * 4) == pytest.approx(wilson(6, 10))
    mixed = pairs.clustered_share([(3, 5)] * 10)
    assert mixed == pytest.approx(wilson(30, 50))
    assert pairs.clustered_share([]) is None


def false_alarms(p_values: Sequence[float]) -> float:
    return sum(p < LEVEL for p in p_values) / len(p_values)


def test_ten_thousand_evaluations_of_two_equal_prompts_raise_no_more_false_alarms_than_they_say() -> None:
    """Each row has a difficulty of its own, so the two replies to it are alike, as they are in reality."""
    draw = np.random.default_rng(19)
    for rows in (20, 100):
        difficulty = draw.beta(1.5, 0.7, size=(EVALUATIONS, rows))
        one, other = (draw.random(difficulty.shape) < difficulty for _ in range(2))
        better, worse = (other & ~one).sum(axis=1), (one & ~other).sum(axis=1)
        alarms = false_alarms([pairs.mcnemar(int(w), int(b)) for w, b in zip(worse, better, strict=True)])
        assert 0.005 < alarms <= LEVEL


def test_equal_prompts_with_several_replies_a_row_raise_no_more_false_alarms_either() -> None:
    draw = np.random.default_rng(20)
    difficulty = draw.beta(0.5, 0.5, size=(2000, 25))
    one, other = (draw.binomial(5, difficulty) for _ in range(2))
    alarms = false_alarms([pairs.signed_ranks([int(value) for value in row]) for row in other - one])
    assert alarms <= LEVEL + 0.01  # two standard errors of 2,000 trials
    # The same replies, taken for independent rows, would not keep the level of an unpaired comparison.
    covered = 0
    truth = float(stats.beta(0.5, 0.5).mean())
    for row in one:
        interval = pairs.clustered_share([(int(passed), 5) for passed in row]) or Interval(0, 1)
        covered += interval.low <= truth <= interval.high
    assert covered / len(one) > 0.93

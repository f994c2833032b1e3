"""Every metric against cases worked out by hand; BLEU also against nltk's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from claude_nb.sweeps.metrics import statistics

CAT = "the cat sat on the mat"
DOG = "The dog sat on the log."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's red, Red!", ["it's", "red", ",", "red", "!"]),
        ("", []),
        ("snake_case 3.5", ["snake", "case", "3", ".", "5"]),
        ("Straße", ["strasse"]),
        ("火星 ok", ["火", "星", "ok"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert statistics.words(text) == words


def test_unique_rate_is_the_share_of_different_texts() -> None:
    assert statistics.unique_rate(["a", "a ", "b", "c"]) == 3 / 4
    assert statistics.unique_rate([]) is None


def test_distinct_counts_runs_of_words_over_all_texts() -> None:
    # CAT: the cat sat on the mat = 6 words, of which 5 differ; 5 pairs, all different
    assert statistics.distinct([CAT], 1) == 5 / 6
    assert statistics.distinct([CAT], 2) == 1
    # DOG: the dog sat on the log . = 7 words; together 13 words, of which {the cat sat on mat dog log .} = 8 differ
    assert statistics.distinct([CAT, DOG], 1) == 8 / 13
    # 5 + 6 pairs; "sat on" and "on the" come twice
    assert statistics.distinct([CAT, DOG], 2) == 9 / 11


def test_distinct_can_be_cut_to_equal_amounts_of_text() -> None:
    assert statistics.distinct([CAT], 1, most=4) == 1  # the cat sat on
    assert statistics.distinct([CAT], 1, most=5) == 4 / 5  # the cat sat on the
    assert statistics.distinct([CAT, CAT], 1, most=4) == 1 / 2  # the the cat cat: each text has its share
    assert statistics.distinct(["one"], 2) is None


def test_jaccard_is_the_mean_share_of_words_in_common() -> None:
    # {the cat sat on mat} and {the dog sat on log .}: 3 in common, 8 together
    assert statistics.jaccard([CAT, DOG]) == 3 / 8
    assert statistics.jaccard([CAT, CAT]) == 1
    # pairs: a-b 1/2, a-c 0, b-c 1/2
    assert statistics.jaccard(["x", "x y", "y"]) == pytest.approx((1 / 2 + 0 + 1 / 2) / 3)
    assert statistics.jaccard(["", ""]) == 1
    assert statistics.jaccard([CAT]) is None


def test_bleu_of_a_case_worked_by_hand() -> None:
    text, reference = ["the", "cat", "sat", "on", "mat"], CAT.split()
    # words 5 of 5, pairs 3 of 4 (not "on mat"), triples 2 of 3, fours 1 of 2; 5 words against 6
    by_hand = math.exp(1 - 6 / 5) * (1 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4)
    assert statistics.bleu(text, [reference]) == pytest.approx(by_hand)


def test_bleu_without_a_word_in_common_is_zero_and_of_itself_one() -> None:
    assert statistics.bleu(["a"], [["b"]]) == 0
    assert statistics.bleu([], [["b"]]) == 0
    assert statistics.bleu(CAT.split(), [CAT.split()]) == pytest.approx(1)


def test_self_bleu_is_one_for_repetition_and_low_for_variety() -> None:
    assert statistics.self_bleu([CAT, CAT, CAT]) == pytest.approx(1)
    varied = statistics.self_bleu([CAT, "a bird sang", "no one knew why"])
    assert varied is not None
    assert varied < 0.1
    assert statistics.self_bleu([CAT]) is None


few_words = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=9)


@given(few_words, st.lists(few_words, min_size=1, max_size=4))
def test_bleu_equals_nltks(text: list[str], references: list[list[str]]) -> None:
    theirs = sentence_bleu(references, text, smoothing_function=SmoothingFunction(epsilon=0.1).method1)
    assert statistics.bleu(text, references) == pytest.approx(theirs)


def test_percentiles_lie_between_neighbours() -> None:
    assert statistics.percentile([4, 1, 3, 2], 0.5) == 2.5
    assert statistics.percentile([10, 20], 0.95) == pytest.approx(19.5)
    assert statistics.percentile([7], 0.95) == 7
    assert statistics.percentile([], 0.5) is None


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    # (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.96
    [(3, 3, 0.4385, 1.0), (0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (19, 20, 0.7639, 0.9911)],
)
def test_wilson_intervals(passed: int, n: int, low: float, high: float) -> None:
    assert statistics.wilson(passed, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_wilson_interval_holds_the_share_and_stays_within_0_and_1(case: tuple[int, int]) -> None:
    passed, n = case
    interval = statistics.wilson(passed, n)
    assert interval is not None
    assert 0 <= interval.low <= passed / n + 1e-12
    assert passed / n - 1e-12 <= interval.high <= 1


def test_the_jackknife_of_a_mean_is_its_textbook_interval() -> None:
    # mean 2.5, standard error sqrt(5/3 / 4) = 0.6455
    interval = statistics.jackknife([1.0, 2.0, 3.0, 4.0], statistics.mean)
    assert interval == pytest.approx((2.5 - 1.96 * 0.6455, 2.5 + 1.96 * 0.6455), abs=1e-3)
    assert statistics.jackknife([1.0], statistics.mean) is None

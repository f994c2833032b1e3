"""Statistics of two prompts on the same rows, and of two judges of the same replies. Pure arithmetic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from claude_nb.sweeps.metrics.statistics import Z95, Interval, wilson

EXACT_PAIRS = 60  # above this many differences, the signed ranks are nearly normal


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact p-value (two-sided) that two prompts are equally good.

    only_first, only_second  rows that only one of them passes; mcnemar(2, 10) -> 0.039
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    if not n:
        return 1.0
    term = math.exp(math.lgamma(n + 1) - math.lgamma(fewer + 1) - math.lgamma(n - fewer + 1) - n * math.log(2))
    terms = [term]
    for i in range(fewer, 0, -1):
        term *= i / (n - i + 1)
        terms.append(term)
        if term < 1e-18 * terms[0]:
            break
    return min(1.0, 2 * math.fsum(terms))


def signed_ranks(differences: Sequence[float]) -> float:
    """Return the p-value (two-sided) of Wilcoxon's signed-rank test that differences are as often above 0 as below.

    Zeros are left out, and equal sizes share their mean rank. It is exact for up to 60 differences.
    """
    known = sorted((value for value in differences if value), key=abs)
    if not known:
        return 1.0
    sizes = Counter(abs(value) for value in known)
    doubled: dict[float, int] = {}
    place = 0
    for size, count in sizes.items():  # in order of size; the ranks are doubled, so that they are whole numbers
        doubled[size] = 2 * place + count + 1
        place += count
    ranks = [doubled[abs(value)] for value in known]
    above = sum(rank for rank, value in zip(ranks, known, strict=True) if value > 0)
    total = sum(ranks)
    if len(known) <= EXACT_PAIRS:
        ways: list[int] = [1] + [0] * total
        for rank in ranks:
            for i in range(total, rank - 1, -1):
                ways[i] += ways[i - rank]
        tail = sum(ways[: min(above, total - above) + 1])
        return min(1.0, float(2 * tail / 2 ** len(known)))
    deviation = math.sqrt(math.fsum(rank * rank for rank in ranks))
    return math.erfc(abs(2 * above - total) / deviation / math.sqrt(2))


def difference_of_shares(both: int, only_first: int, only_second: int, neither: int) -> Interval | None:
    """Return the 95 % interval of the second share minus the first, on the same rows (Newcombe 1998, method 10)."""
    n = both + only_first + only_second + neither
    first, second = wilson(both + only_first, n), wilson(both + only_second, n)
    if first is None or second is None:
        return None
    p, q = (both + only_first) / n, (both + only_second) / n
    product = float(both * neither - only_first * only_second)
    product = product if product < 0 else max(0.0, product - n / 2)
    spread = math.sqrt((both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither))
    phi = product / spread if spread else 0.0
    down, up = q - second.low, first.high - p
    low = math.sqrt(max(0.0, down**2 - 2 * phi * down * up + up**2))
    rise, fall = second.high - q, p - first.low
    high = math.sqrt(max(0.0, rise**2 - 2 * phi * rise * fall + fall**2))
    return Interval(q - p - low, q - p + high)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the 95 % interval of a mean (Student's t); None for fewer than two values."""
    if len(values) < 2:
        return None
    middle = math.fsum(values) / len(values)
    variance = math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1)
    half = t95(len(values) - 1) * math.sqrt(variance / len(values))
    return Interval(middle - half, middle + half)


def t95(degrees: int) -> float:
    """Return how many standard errors hold 95 % of Student's t distribution: t95(10) -> 2.228."""
    if degrees < 3:
        return (12.7062, 4.3027)[degrees - 1]
    z, v = Z95, degrees
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


def clustered_share(groups: Sequence[tuple[int, int]]) -> Interval | None:
    """Return the 95 % interval of a share when several replies belong to one row.

    Replies to one row are alike, so they tell less than as many rows. Wilson's interval is taken with the number of
    independent replies that would vary as much (Korn and Graubard 1998): at least the number of rows.

    groups  for each row how many of its replies pass, and how many there are
    """
    groups = [(passed, n) for passed, n in groups if n]
    total, rows = sum(n for _, n in groups), len(groups)
    share = sum(passed for passed, _ in groups) / total if total else 0.0
    effective = float(rows)
    if rows > 1 and 0 < share < 1:
        squares = math.fsum((passed - share * n) ** 2 for passed, n in groups)
        variance = rows / (rows - 1) * squares / total**2
        effective = min(float(total), max(effective, share * (1 - share) / variance)) if variance else float(total)
    return wilson(share * effective, effective)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that hold together (Holm 1979): several comparisons find a difference by chance more often."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, most = [0.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        most = max(most, min(1.0, (len(p_values) - place) * p_values[i]))
        adjusted[i] = most
    return adjusted


class Agreement(NamedTuple):
    """Agreement of two judges.

    n         replies that both have judged
    agreed    share of them with the same verdict, 0 to 1
    kappa     Cohen's kappa: 1 for the same verdicts, 0 for agreement by chance; None if one verdict is all there is
    interval  its 95 % interval; None without kappa
    """

    n: int
    agreed: float
    kappa: float | None
    interval: Interval | None


def agreement(first: Sequence[float], second: Sequence[float], *, weighted: bool = False) -> Agreement:
    """Return how well two lists of verdicts agree (Cohen 1960, with the variance of Fleiss, Cohen and Everitt 1969).

    weighted  True counts neighbours on a scale as near: quadratic weights (Cohen 1968)
    """
    n = len(first)
    if not n:
        return Agreement(0, 0.0, None, None)
    agreed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    scale = sorted({*first, *second})
    span = (scale[-1] - scale[0]) or 1.0
    cells = {pair: count / n for pair, count in Counter(zip(first, second, strict=True)).items()}
    rows = {a: math.fsum(share for (i, _), share in cells.items() if i == a) for a in scale}
    columns = {b: math.fsum(share for (_, j), share in cells.items() if j == b) for b in scale}

    def weight(a: float, b: float) -> float:
        return 1 - ((a - b) / span) ** 2 if weighted else float(a == b)

    observed = math.fsum(weight(a, b) * share for (a, b), share in cells.items())
    by_row = {a: math.fsum(weight(a, b) * columns[b] for b in scale) for a in scale}
    by_column = {b: math.fsum(weight(a, b) * rows[a] for a in scale) for b in scale}
    chance = math.fsum(rows[a] * by_row[a] for a in scale)
    if chance >= 1 - 1e-12:
        return Agreement(n, agreed, None, None)
    kappa = (observed - chance) / (1 - chance)
    if observed >= 1 - 1e-12:  # the variance would be 0, however few verdicts there are
        low = wilson(n, n)
        return Agreement(n, agreed, kappa, Interval(((low.low if low else 0.0) - chance) / (1 - chance), 1.0))
    squares = math.fsum(
        share * (weight(a, b) * (1 - chance) - (by_row[a] + by_column[b]) * (1 - observed)) ** 2
        for (a, b), share in cells.items()
    )
    variance = (squares - (observed * chance - 2 * chance + observed) ** 2) / (n * (1 - chance) ** 4)
    half = Z95 * math.sqrt(max(0.0, variance))
    return Agreement(n, agreed, kappa, Interval(max(-1.0, kappa - half), min(1.0, kappa + half)))

"""Write sampling_cases.json by hand arithmetic: fractions and 50-digit decimals, nothing of claude_nb.demo.sampling.

Run it after changing a case:  python tests/demo/make_sampling_cases.py
"""
# ruff: noqa: E501  # one case a line reads as a table

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

getcontext().prec = 50
Exact = Sequence[Fraction | Decimal]


def scaled(weights: Exact) -> list[Decimal]:
    exact = [Decimal(w.numerator) / Decimal(w.denominator) if isinstance(w, Fraction) else w for w in weights]
    return [w / sum(exact) for w in exact]


def case(name: str, p: Exact, settings: dict[str, object], weights: Exact, **more: object) -> dict[str, object]:
    """One case: p, what is asked, and the answer as weights that need only be scaled to sum 1."""
    final = scaled(weights)
    entropy = sum((-x * x.ln() / Decimal(2).ln() for x in final if x), Decimal(0))
    return {
        "name": name,
        "p": [float(x) for x in p],
        "settings": settings,
        "final": [float(x) for x in final],
        "survivors": sum(1 for x in final if x),
        "entropy_bits": float(entropy),
        **more,
    }


def parts(*numbers: int) -> list[Fraction]:
    """parts(4, 2, 1, 1) -> [1/2, 1/4, 1/8, 1/8]."""
    return [Fraction(n, sum(numbers)) for n in numbers]


def story() -> tuple[list[Decimal], Callable[[str], list[Decimal]]]:
    """The worked example, "there was a ...": little, quiet, young, small, one more, and 40 that share the rest."""
    p = [Decimal(x) for x in ("0.398", "0.174", "0.170", "0.114", "0.04")] + [Decimal("0.0026")] * 40
    return p, lambda power: [(x.ln() * Decimal(power)).exp() for x in p]


def cases() -> list[dict[str, object]]:
    four = parts(4, 2, 1, 1)
    squares = parts(16, 4, 4, 1)
    words, raised = story()
    heads = words[:4]
    seven = [(x.ln() / Decimal("0.7")).exp() for x in words]
    p7 = scaled(seven)
    # T=.7, k=5: of the five that stay, three hold 88.6% and four 97.9%, so p=.9 keeps four.
    assert sum(p7[:3]) / sum(p7[:5]) < Decimal("0.9") < sum(p7[:4]) / sum(p7[:5])
    off, k, n, m = None, "top_k", "top_p", "min_p"
    return [
        case("nothing set leaves p as it is", four, {}, four, cut=[off] * 4, draws=[[0, 0], [0.4999, 0], [0.5, 1], [0.75, 2], [0.875, 3], [0.999999, 3]]),
        case("temperature 1 leaves p as it is", four, {"temperature": 1}, four),
        case("temperature 0 takes the most likely", four, {"temperature": 0}, parts(1, 0, 0, 0), cut=[off] * 4, draws=[[0, 0], [0.999, 0]]),
        case("temperature 0 takes the first of equals", parts(1, 3, 3), {"temperature": 0}, parts(0, 1, 0)),
        case("temperature 0 cares for neither k nor p", four, {"temperature": 0, "top_k": 2, "top_p": 0.1}, parts(1, 0, 0, 0), cut=[off] * 4),
        case("temperature one half squares: 16 4 1 1", four, {"temperature": 0.5}, parts(16, 4, 1, 1)),
        case("temperature 2 takes roots: 4 2 2 1", squares, {"temperature": 2}, parts(4, 2, 2, 1)),
        case("a tiny temperature keeps only the largest", four, {"temperature": 1e-6}, parts(1, 0, 0, 0)),
        case("a tiny temperature shares among equals", parts(3, 3, 1), {"temperature": 1e-6}, parts(1, 1, 0)),
        case("the smallest temperature there is", four, {"temperature": 5e-324}, parts(1, 0, 0, 0)),
        case("a huge temperature makes all equal, but for a millionth", four, {"temperature": 1e6}, [(Decimal(x) / 8).ln().__truediv__(10**6).exp() for x in (4, 2, 1, 1)]),
        case("top_k 1 keeps one", four, {"top_k": 1}, parts(1, 0, 0, 0), cut=[off, k, k, k]),
        case("top_k 3 keeps the first of equals", four, {"top_k": 3}, parts(4, 2, 1, 0), cut=[off, off, off, k], draws=[[0.57, 0], [0.58, 1], [0.9, 2], [0.999999, 2]]),
        case("top_k above the vocabulary is off", four, {"top_k": 99}, four, cut=[off] * 4),
        case("a tiny top_p keeps one", four, {"top_p": 1e-9}, parts(1, 0, 0, 0), cut=[off, n, n, n]),
        case("top_p keeps the token that crosses", four, {"top_p": 0.6}, parts(2, 1, 0, 0), cut=[off, off, n, n]),
        case("top_p reached exactly takes no further token", four, {"top_p": 0.75}, parts(2, 1, 0, 0)),
        case("top_p .8 of ten tenths is eight, though eight times .1 is a bit less in binary", parts(*[1] * 10), {"top_p": 0.8}, parts(*[1] * 8, 0, 0)),
        case("top_p 1 is off", four, {"top_p": 1}, four, cut=[off] * 4),
        case("order of ids does not matter", parts(1, 4, 1, 2), {"top_p": 0.75}, parts(0, 2, 0, 1), cut=[n, off, n, off], draws=[[0, 1], [0.7, 3]]),
        case("top_p counts what top_k left: 4 of 7 and 2 of 7", four, {"top_k": 3, "top_p": 0.85}, parts(2, 1, 0, 0), cut=[off, off, n, k]),
        case("temperature first: 16 of 22 reach .7 alone", four, {"temperature": 0.5, "top_p": 0.7}, parts(1, 0, 0, 0), cut=[off, n, n, n]),
        case("temperature last: 4 of 8 do not, two stay, then squared", four, {"temperature": 0.5, "top_p": 0.7, "order": "temperature_last"}, parts(4, 1, 0, 0), cut=[off, off, n, n]),
        case("temperature first, flatter: 4 2 2 of 9 for .75", squares, {"temperature": 2, "top_p": 0.75}, parts(2, 1, 1, 0), cut=[off, off, off, n]),
        case("temperature last, flatter: 16 and 4 of 25 for .75, then roots", squares, {"temperature": 2, "top_p": 0.75, "order": "temperature_last"}, parts(2, 1, 0, 0), cut=[off, off, n, n]),
        case("a vocabulary of one word", parts(1), {"temperature": 0.7, "top_k": 3, "top_p": 0.2}, parts(1), draws=[[0, 0], [0.999, 0]]),
        case("a word of probability 0 is never drawn", parts(0, 1, 0, 1), {"temperature": 2}, parts(0, 1, 0, 1), draws=[[0, 1], [0.5, 3], [0.999999, 3]]),
        case("story, T=1: 39.8 17.4 17.0 11.4 %", words, {"temperature": 1}, words, percent=[39.8, 17.4, 17.0, 11.4]),
        case("story, T=1.5", words, {"temperature": 1.5}, [(x.ln() / Decimal("1.5")).exp() for x in words]),
        case("story, T=.5", words, {"temperature": 0.5}, raised("2")),
        case("story, k=3: 53.6 23.5 22.9 %", words, {"top_k": 3}, [*words[:3], *[Decimal(0)] * 42], percent=[53.6, 23.5, 22.9]),
        case("story, p=.8: 46.5 20.3 19.9 13.3 %", words, {"top_p": 0.8}, [*heads, *[Decimal(0)] * 41], percent=[46.5, 20.3, 19.9, 13.3]),
        case("story, T=.7 k=5 p=.9: 56.5 17.3 16.8 9.5 %", words, {"temperature": 0.7, "top_k": 5, "top_p": 0.9}, [*seven[:4], *[Decimal(0)] * 41], percent=[56.5, 17.3, 16.8, 9.5], cut=[off] * 4 + [n] + [k] * 40),
        case("min_p 0 is off", four, {"min_p": 0}, four, cut=[off] * 4),
        case("min_p 1 keeps the most likely and its equals", parts(3, 1, 3), {"min_p": 1}, parts(1, 0, 1), cut=[off, m, off]),
        case("min_p .5 keeps what is exactly half as likely", four, {"min_p": 0.5}, parts(2, 1, 0, 0), cut=[off, off, m, m]),
        case("min_p .1 of .5 keeps .05, though a tenth is a bit more in binary", parts(10, 1, 9), {"min_p": 0.1}, parts(10, 1, 9), cut=[off] * 3),
        case("min_p after the temperature: 16 4 1 1, a quarter stays", four, {"temperature": 0.5, "min_p": 0.25}, parts(4, 1, 0, 0), cut=[off, off, m, m]),
        case("min_p before the temperature: a quarter is all, then squared", four, {"temperature": 0.5, "min_p": 0.25, "order": "temperature_last"}, parts(16, 4, 1, 1), cut=[off] * 4),
        case("min_p counts what top_k and top_p left", four, {"top_k": 3, "top_p": 0.9, "min_p": 0.4}, parts(2, 1, 0, 0), cut=[off, off, m, k]),
        case("temperature 0 cares for no min_p", four, {"temperature": 0, "min_p": 0.1}, parts(1, 0, 0, 0), cut=[off] * 4),
        case("story, min_p=.3 keeps three", words, {"min_p": 0.3}, [*words[:3], *[Decimal(0)] * 42]),
    ]  # fmt: skip


if __name__ == "__main__":
    about = (
        "Made by make_sampling_cases.py with exact arithmetic. Read by test_sampling.py and js/test/sampling.test.js."
    )
    lines = ",\n".join(json.dumps(each) for each in cases())
    (Path(__file__).parents[1] / "sampling_cases.json").write_text(
        f'{{"about": {json.dumps(about)},\n"cases": [\n{lines}\n]}}\n'
    )

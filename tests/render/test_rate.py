"""A bounded rate of drawing."""

from __future__ import annotations

import pytest

from claude_nb.render.chars import one_line
from claude_nb.render.rate import Rate


def test_a_heavy_drawing_delays_the_next_one_longer() -> None:
    rate = Rate(bytes_per_s=1_000, shortest_s=0.1, longest_s=3)
    assert rate.wait_s(0) == 0
    waits = []
    for weight in (0, 50, 2_000, 90_000):
        rate.drawn(10.0, weight)
        waits.append(rate.wait_s(10.0))
    assert waits == pytest.approx([0.1, 0.1, 2, 3])
    assert rate.wait_s(20.0) == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("two\n  lines\t", "two lines"),
        ("esc\x1b[2J", "esc␛[2J"),
        ("x" * 11, "x" * 9 + "…"),
        ("x" + " " * 100 + "y", "x…"),
    ],
)
def test_a_text_is_shown_as_one_line(text: str, line: str) -> None:
    assert one_line(text, 10) == line

"""The growing reply: bytes to the front end, lag and number of outputs, counted with a clock of our own."""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass, field
from functools import cache

import pytest

from claude_nb import render
from claude_nb.render.live import Painter

FOOTER = {"text/html": "<div>footer</div>", "text/plain": "footer"}
ENVELOPE = 900  # header, parent header and metadata of a message, as a real kernel sends them
TOKENS_PER_S = 100
CHARS_PER_TOKEN = 4.3


@dataclass
class Screen:
    """Counts what a painter publishes."""

    now: float = 0.0
    sent: list[tuple[float, int]] = field(default_factory=list)
    outputs: dict[int, dict[str, str]] = field(default_factory=dict)
    lag: float = 0.0
    end_of_stream: int | None = None

    def publish(self, slot: int, bundle: dict[str, str]) -> None:
        assert slot <= len(self.outputs), "outputs are created in their order on screen"
        self.outputs[slot] = bundle
        self.sent.append((self.now, sum(len(part.encode()) for part in bundle.values()) + ENVELOPE))

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.sent)

    def worst_5_s(self) -> float:
        """Most bytes a second while it streams, averaged over any 5 s."""
        window: deque[tuple[float, int]] = deque()
        held = worst = 0
        for now, size in self.sent[: self.end_of_stream]:
            window.append((now, size))
            held += size
            while window[0][0] <= now - 5:
                held -= window.popleft()[1]
            worst = max(worst, held)
        return worst / 5


def stream(text: str, screen: Screen) -> Painter:
    """Feed a reply at 100 tokens a second."""
    painter = Painter(screen.publish)
    at, oldest = 0, None
    while at < len(text):
        screen.now += 1 / TOKENS_PER_S
        upto = int(screen.now * TOKENS_PER_S * CHARS_PER_TOKEN)
        painter.feed(text[at:upto])
        oldest = screen.now if oldest is None else oldest
        at = upto
        if painter.wait_s(screen.now) == 0:
            painter.paint(screen.now)
            screen.lag = max(screen.lag, screen.now - oldest)
            oldest = None
    return painter


def mixed(length: int) -> str:
    """Markdown of all kinds, the same every time."""
    rng = random.Random(length)
    words = [
        "the",
        "model",
        "draws",
        "a",
        "word",
        "from",
        "the",
        "**likely**",
        "ones,",
        "then",
        "goes",
        "on",
        "with",
        "`code`",
        "and",
        "2",
        "<",
        "3",
        "&",
        "so",
    ]

    def sentence(n: int) -> str:
        return " ".join(rng.choice(words) for _ in range(n))

    blocks = []
    while sum(map(len, blocks)) < length:
        kind = rng.random()
        if kind < 0.6:
            blocks.append(sentence(80) + ".\n\n")
        elif kind < 0.8:
            blocks.append("".join(f"- {sentence(12)}\n" for _ in range(6)) + "\n")
        elif kind < 0.9:
            blocks.append("```python\n" + "".join(f"x{i} = g({i})  # {i}\n" for i in range(12)) + "```\n\n")
        else:
            blocks.append("| a | b |\n| --- | --- |\n" + "".join(f"| {i} | {i * i} |\n" for i in range(8)) + "\n")
    return "".join(blocks)[:length]


def one_code_block(length: int) -> str:
    return (
        "```python\n" + "".join(f"def f{i}(x):\n    return x + {i}  # add\n\n" for i in range(length // 42)) + "```\n"
    )


REPLIES = {
    "2 kB": mixed(2_000),
    "20 kB": mixed(20_000),
    "50 kB": mixed(50_000),
    "400 kB": mixed(400_000),
    "50 kB of code": one_code_block(50_000),
    "Japanese": "漢字と仮名交じり文。" * 2_000,
}


@cache
def streamed(name: str) -> Screen:
    """The reply of that name, drawn from its first token to its end."""
    screen = Screen()
    painter = stream(REPLIES[name], screen)
    screen.end_of_stream = len(screen.sent)
    painter.finish(REPLIES[name], FOOTER)
    return screen


@pytest.mark.parametrize("name", REPLIES)
def test_a_streaming_reply_stays_under_30_kb_a_second_with_text_never_1_s_late(name: str) -> None:
    screen = streamed(name)
    assert screen.worst_5_s() <= 30_000
    assert screen.lag <= 1.0
    assert len(screen.outputs) <= 3


@pytest.mark.parametrize("name", REPLIES)
def test_the_end_holds_the_whole_reply_and_its_raw_text_and_the_footer_last(name: str) -> None:
    *outputs, last = (bundle for _, bundle in sorted(streamed(name).outputs.items()))
    assert outputs[0] == {"text/html": render.markdown_html(REPLIES[name]), "text/plain": REPLIES[name]}
    assert all(output["text/plain"] == "" for output in outputs[1:])
    assert last == FOOTER


def test_total_bytes_grow_linearly_with_the_reply() -> None:
    names = ("2 kB", "20 kB", "50 kB", "400 kB")
    points = [(math.log(len(REPLIES[name])), math.log(streamed(name).bytes)) for name in names]
    mean_x, mean_y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    exponent = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    assert exponent <= 1.05


def test_raw_text_travels_once_at_the_end() -> None:
    screen = Screen()
    painter = stream(mixed(5_000), screen)
    assert not any("text/plain" in bundle for bundle in screen.outputs.values())
    painter.finish("x", FOOTER)
    assert screen.outputs[0]["text/plain"] == "x"


def test_the_newest_text_is_on_screen_while_a_very_long_reply_hides_its_middle() -> None:
    screen = Screen()
    text = mixed(250_000)
    painter = stream(text + "\n\nthe newest words", screen)
    painter.paint(screen.now + 1)
    assert "the newest words" in screen.outputs[2]["text/html"]
    assert "earlier characters appear when the reply ends" in screen.outputs[2]["text/html"]
    # Cut again and again, the tail changes its length by pages; in a box of one height nothing below it jumps.
    assert '<div style="height:24em;overflow:hidden' in screen.outputs[2]["text/html"]


def test_the_first_text_is_due_at_once_and_the_next_after_a_tenth_of_a_second() -> None:
    painter = Painter(lambda *_: None)
    assert painter.wait_s(0.0) is None
    painter.feed("a")
    assert painter.wait_s(0.0) == 0
    painter.paint(0.0)
    assert painter.wait_s(0.0) is None
    painter.feed("b")
    assert painter.wait_s(0.0) == pytest.approx(0.1, abs=0.01)


def test_a_notice_is_shown_while_nothing_arrives_and_gone_after() -> None:
    screen = Screen()
    painter = Painter(screen.publish)
    painter.tell("overloaded, trying again in 2 s (1 of 2)")
    painter.paint(0.0)
    assert "trying again in 2 s" in screen.outputs[0]["text/html"]
    painter.tell("")
    painter.feed("Hello")
    painter.paint(1.0)
    assert "trying again" not in screen.outputs[0]["text/html"]


def test_a_reply_without_text_shows_its_footer_only() -> None:
    screen = Screen()
    Painter(screen.publish).finish("", FOOTER)
    assert screen.outputs == {0: FOOTER}


def test_a_code_block_that_is_cut_goes_on_as_code() -> None:
    screen = Screen()
    painter = stream(one_code_block(9_000), screen)
    painter.paint(screen.now + 1)
    assert all("<pre" in bundle["text/html"] for bundle in screen.outputs.values())


def test_our_own_lines_stay_above_the_reply_from_the_first_drawing_to_the_last() -> None:
    screen = Screen()
    painter = Painter(screen.publish, head="<div>no key found</div>")
    painter.feed("Hi")
    painter.paint(0.0)
    assert screen.outputs[0]["text/html"].startswith("<div>no key found</div>")
    painter.finish("Hi", FOOTER)
    assert screen.outputs[0]["text/html"].startswith("<div>no key found</div>")
    assert screen.outputs[0]["text/plain"] == "Hi"


def test_thinking_is_shown_where_it_arrives_and_makes_way_for_text() -> None:
    screen = Screen()
    painter = Painter(screen.publish)
    shown = []
    for method, text in (("think", "Hm."), ("feed", "First. "), ("think", "Now the other."), ("feed", "Second.")):
        getattr(painter, method)(text)
        painter.paint(0)
        shown.append("".join(bundle["text/html"] for bundle in screen.outputs.values()))
    texts = ("Hm.", "First.", "Now the other.", "Second.")
    assert [[text for text in texts if text in html] for html in shown] == [
        ["Hm."],
        ["First."],
        ["First.", "Now the other."],
        ["First.", "Second."],
    ]

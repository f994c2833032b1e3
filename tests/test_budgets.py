"""Budgets on counts, which hold on any machine however busy: bytes, messages, modules, memory and calls.

bench/ measures the same things in real kernels, with times and beside other tools.
"""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from statistics import linear_regression
from typing import Any

import pytest

from claude_nb.notebook import display
from claude_nb.providers import sse
from claude_nb.providers.dialects.chat_completions import AIMLAPI
from claude_nb.providers.dialects.messages import MESSAGES
from claude_nb.render.live import Painter
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk, Message, Request
from claude_nb.widgets import run_queue
from claude_nb.widgets.run_queue import RunQueue
from claude_nb.widgets.transcript import Run
from tests.helpers.replies import chat, messages
from tests.helpers.server import Send
from tests.helpers.work import calls
from tests.render.test_live import CHARS_PER_TOKEN, FOOTER, TOKENS_PER_S, Screen, mixed, streamed

REQUEST = Request("demo", "demo", (Message("user", "Hi"),))
LENGTHS = (2_000, 20_000, 200_000)
WIDGET_ENVELOPE = 800  # header, parent header and metadata of a widget's message, as a real kernel sends them
MOST_CALLS = {"chat": 180, "messages": 130}  # for a token; measured: 151 and 106
LOADS = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.run_line_magic("load_ext", "storemagic")
before = set(sys.modules)
shell.run_line_magic("load_ext", "claude_nb")
print(*sorted(set(sys.modules) - before))
"""


class TurnObserver:
    """Keeps nothing."""

    def progress(self, turn: Turn) -> None: ...

    def finished(self, turn: Turn, reply: Any) -> Any:
        return reply


@dataclass
class RunObserver:
    """Counts what the playground's runner sends; its clock stands still while it does."""

    now: float = 0.0
    sent: list[tuple[float, int]] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def say(self, message: dict[str, Any]) -> None:
        self.sent.append((self.now, len(json.dumps(message)) + WIDGET_ENVELOPE))

    def changed(self) -> None: ...

    def ended(self, run: Run) -> None: ...


@cache
def played(length: int) -> RunObserver:
    """A reply of that length at 100 tokens a second, as the playground tells of it."""
    audience, text = RunObserver(), mixed(length)

    def stream(_: Stop) -> Iterator[Chunk]:
        at = 0
        while at < len(text):
            audience.now += 1 / TOKENS_PER_S
            upto = int(audience.now * TOKENS_PER_S * CHARS_PER_TOKEN)
            yield Chunk(text=text[at:upto])
            at = upto
        yield Chunk(stop_reason="end")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_queue, "time", audience)
        turn = Turn(REQUEST, stream, TurnObserver(), clock=audience.monotonic)
        RunQueue(lambda _, view: view.read(turn), audience, threaded=False).submit(
            [Run(1, "Hi", {}, "reply", "demo", REQUEST, 0)]
        )
    return audience


def growth(bytes_of: dict[int, int]) -> float:
    """The exponent of bytes by length: 1 is in proportion, 2 with the square."""
    x = [math.log(length) for length in bytes_of]
    return linear_regression(x, [math.log(size) for size in bytes_of.values()]).slope


@pytest.mark.parametrize("name", ["2 kB", "20 kB"])
def test_a_cell_sends_at_most_11_messages_a_second(name: str) -> None:
    screen = streamed(name)
    assert screen.end_of_stream is not None
    assert screen.end_of_stream <= 11 * screen.now + 2


def test_the_bytes_of_a_cell_grow_in_proportion_to_the_reply_also_when_it_comes_25_times_as_fast() -> None:
    sent = {}
    for length in LENGTHS:
        screen, text = Screen(), mixed(length)
        painter = Painter(screen.publish)
        for at in range(0, length, 20):
            screen.now += 1 / 500
            painter.feed(text[at : at + 20])
            if painter.wait_s(screen.now) == 0:
                painter.paint(screen.now)
        painter.finish(text, FOOTER)
        sent[length] = screen.bytes
    assert growth(sent) <= 1.05
    assert sent[200_000] <= 6 * 200_000


def test_text_is_flushed_at_most_20_times_a_second_and_the_first_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, flushed = RunObserver(), []
    monkeypatch.setattr(display, "time", clock)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys.stdout, "flush", lambda: flushed.append(clock.now))
    screen = display._Text(())
    for _ in range(10 * TOKENS_PER_S):
        screen.feed(Chunk(text="word "))
        if screen.wait_s() == 0:
            screen.paint()
        clock.now += 1 / TOKENS_PER_S
    assert flushed[0] == 0
    assert len(flushed) <= 20 * clock.now + 1
    assert max(b - a for a, b in pairwise(flushed)) <= 0.1


@pytest.mark.parametrize("length", LENGTHS)
def test_the_playground_sends_at_most_12_kb_and_12_messages_a_second(length: int) -> None:
    audience = played(length)
    assert len(audience.sent) <= 12 * audience.now + 2
    assert sum(size for _, size in audience.sent) <= 12_000 * audience.now + 2 * WIDGET_ENVELOPE


def test_the_bytes_of_the_playground_grow_in_proportion_to_the_reply() -> None:
    assert growth({length: sum(size for _, size in played(length).sent) for length in LENGTHS}) <= 1.05


def test_loading_imports_a_dozen_small_modules_and_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert "claude_nb.notebook.extension" in loaded
    assert len(loaded) <= 12
    # Older Pythons have imported urllib by themselves.
    small = {"base64", "ipaddress", "urllib", "urllib.parse"}
    assert {name for name in loaded if not name.startswith("claude_nb")} <= small


def stream_of(dialect: str, tokens: int) -> list[bytes]:
    """A recorded reply of so many tokens, one event in each piece."""
    words = [f"w{i % 97} " for i in range(tokens)]
    steps = chat(words) if dialect == "chat" else messages(words)
    data = b"".join(step.data for step in steps[1:] if isinstance(step, Send))
    return [event + b"\n\n" for event in data.split(b"\n\n") if event]


def read(dialect: str, pieces: list[bytes]) -> Turn:
    """All of it through the parser, the dialect and the turn."""
    chunks = AIMLAPI.chunks if dialect == "chat" else MESSAGES.chunks
    turn = Turn(REQUEST, lambda _: chunks(sse.events(pieces)), TurnObserver())
    turn.wait()
    return turn


@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_a_token_costs_few_bytes_of_memory(dialect: str) -> None:
    peaks = {}
    for tokens in (1_000, 11_000):
        pieces = stream_of(dialect, tokens)
        tracemalloc.start()
        read(dialect, pieces)
        peaks[tokens] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # The text itself, once in pieces and once joined, and the list that holds the pieces; measured: 74.
    assert (peaks[11_000] - peaks[1_000]) / 10_000 <= 120


@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_a_token_costs_few_calls(dialect: str) -> None:
    """Python and C functions called on the way from bytes to text: work that can be counted, unlike time."""
    counts = {}
    for tokens in (100, 1_100):
        pieces = stream_of(dialect, tokens)
        counts[tokens] = calls(lambda pieces=pieces: read(dialect, pieces))
    assert (counts[1_100] - counts[100]) / 1_000 <= MOST_CALLS[dialect]

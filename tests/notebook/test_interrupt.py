"""The stop button in every phase: one line, the text kept, the connection closed, the next cell works."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.helpers.inside import ENDLESS_WAITS, USUAL_WAITS
from tests.helpers.kernel import Kernel
from tests.helpers.replies import chat, chat_chunk, sse
from tests.helpers.server import Scenario, Send, Server, Wait, answer, head

STALL = Wait()
DROPPED = "KeyboardInterrupt caught in kernel"  # by ipykernel, before the code ran: that request gets no answer
PHASES: dict[str, Scenario] = {
    "before the headers": [STALL],
    "before the first text": [Send(head()), Send(b": still thinking\n\n"), STALL],
    "in the middle of the text": [Send(head()), Send(sse(chat_chunk("half a reply"))), STALL],
    "while it retries": answer(529, {"message": "overloaded"}, {"retry-after": "20"}),
}


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel({"AIMLAPI_API_KEY": "test-key-0123456789"}) as started:
        started.run("%load_ext claude_nb")
        yield started


@pytest.fixture
def endless_waits(kernel: Kernel) -> Iterator[None]:
    """Between two tries the kernel waits for ever."""
    kernel.run(ENDLESS_WAITS)
    yield
    kernel.run(USUAL_WAITS)


@pytest.mark.usefixtures("endless_waits")
@pytest.mark.parametrize("phase", PHASES)
def test_the_stop_button_ends_a_cell_that_nothing_else_would_end(kernel: Kernel, phase: str) -> None:
    chat_name = phase.replace(" ", "_")
    with Server([PHASES[phase]]) as server:
        running = kernel.start(f"%%claude --base-url {server.url} -o stopped -c {chat_name}\nHi", cell_id="c")
        if phase == "in the middle of the text":
            running.until(lambda r: "half a reply" in str(r.outputs))
        elif phase == "while it retries":
            running.until(lambda r: "trying again in" in str(r.outputs))
        else:
            assert server.arrived.wait()
        kernel.interrupt()
        result = running.wait()
        if phase != "while it retries":
            assert server.gone.wait(), "the server sees the connection close"
    error = next(heard.content for heard in result.messages if heard.kind == "error")
    assert len(error["traceback"]) == 1
    assert error["traceback"][0].startswith("interrupted after ")
    assert result.reply["status"] == "error"  # which is what makes "Run All" stop here
    if phase == "in the middle of the text":
        assert result.outputs[0]["data"]["text/plain"] == "half a reply"
        assert kernel.get("stopped.text, stopped.stop_reason") == ("half a reply", "interrupted")
    with Server([chat(["next"])]) as server:
        following = kernel.run(f"%%claude --base-url {server.url} -c {chat_name}\nAgain")
        assert following.error is None
        assert server.requests[0].json["messages"] == [{"role": "user", "content": "Again"}]


def test_stop_pressed_twice_is_stop_pressed_once(kernel: Kernel) -> None:
    with Server([PHASES["in the middle of the text"]]) as server:
        running = kernel.start(f"%%claude --base-url {server.url} -o twice\nHi")
        running.until(lambda r: "half a reply" in str(r.outputs))
        kernel.interrupt()
        kernel.interrupt()
        result = running.wait()
    assert str(result.error).startswith("Interrupted: interrupted after ")
    assert kernel.get("twice.text, twice.stop_reason") == ("half a reply", "interrupted")


def test_run_all_stops_at_the_interrupted_cell(kernel: Kernel) -> None:
    with Server([PHASES["in the middle of the text"]]) as server:
        first = kernel.start(f"%%claude --base-url {server.url}\nHi")
        second = kernel.start("print('went on')")
        first.until(lambda r: "half a reply" in str(r.outputs))
        kernel.interrupt()
        first.wait()
        result = second.until(lambda r: r.reply)
    assert result.reply["status"] in ("aborted", "error")
    assert result.text == ""


def test_a_hundred_interrupts_at_any_moment_leak_nothing(kernel: Kernel) -> None:
    """Threads, sockets and files are counted in the kernel before and after."""
    count = (
        "len(__import__('threading').enumerate()), len(__import__('os').listdir('/proc/self/fd'))"
        if __import__("sys").platform == "linux"
        else "len(__import__('threading').enumerate()), 0"
    )
    with Server([[Send(head()), *(Send(sse(chat_chunk("word ")), pause_s=0.001) for _ in range(2000))]]) as server:
        ask = f"%%claude --base-url {server.url}\nHi"
        stop_one(kernel, ask, 0.05)
        before = kernel.get(count)
        for i in range(25):
            stop_one(kernel, ask, i * 0.004)
        settle(kernel)
        after = kernel.get(count)
    assert after[0] <= before[0] + 1
    assert after[1] <= before[1] + 3


def stop_one(kernel: Kernel, code: str, delay_s: float) -> None:
    before = kernel.stderr().count(DROPPED)
    running = kernel.start(code)
    until = time.monotonic() + delay_s
    while time.monotonic() < until:
        kernel.receive()
    kernel.interrupt()
    running.until(lambda _: running.done or (running.idle and kernel.stderr().count(DROPPED) > before))


def settle(kernel: Kernel) -> None:
    """Let the network threads of stopped replies end."""
    kernel.run("import threading\nfor t in threading.enumerate():\n    t.name.startswith('claude_nb') and t.join(60)")

"""Functions as a notebook and a terminal show them: what is asked, the calls while they are written, and afterwards."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from statistics import linear_regression

import pytest

from claude_nb import render
from claude_nb.render import reply
from claude_nb.render.live import CALL_CHARS, Painter
from claude_nb.session import frontend
from claude_nb.types.content import Called, Thought, ToolCall, ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers import asking, replies
from tests.helpers.asking import Ask
from tests.helpers.kernel import Kernel
from tests.helpers.pages import ACTING, HOSTILE, quick_faults
from tests.helpers.server import Scenario, Send, Server, Wait, head
from tests.helpers.shells import Shell, bare, session, shell
from tests.render.test_live import FOOTER, TOKENS_PER_S, Screen

__all__ = ["bare", "session", "shell"]  # fixtures

OSLO = '{"city": "Oslo"}'
WEATHER = 'def weather(city: str) -> str:\n    """The weather of a city."""\n    return f"18 degrees in {city}"'
REQUEST = Request("p", "m", (Message("user", "Hi"),))


def two_rounds(text: str = "It is 18.") -> list[Scenario]:
    return [asking.messages("Let me look.", Ask("c1", "weather", OSLO)), replies.messages([text])]


def magic(server: Server, options: str = "--tools weather --yes", prompt: str = "Weather?") -> str:
    return f"%claude -p anthropic --base-url {server.url} {options} {prompt}"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "0123456789abcdef0123456789abcdef")


# In a terminal


def test_a_terminal_shows_text_calls_results_and_one_footer_with_the_sum(shell: Shell) -> None:
    shell.run(WEATHER)
    with Server(two_rounds()) as server:
        printed = shell.run(magic(server))
    text, _, foot = printed.rpartition("\n\n[")
    assert text == "Let me look.\n\n[weather(city='Oslo')\n  gave: 18 degrees in Oslo]\nIt is 18."
    assert "tools 'weather'" in foot
    assert "24 tokens in, 68 out" in foot
    assert printed.count(" tokens in") == 1
    assert shell.vars["reply"].text == "Let me look.\n\nIt is 18."


def test_what_was_masked_in_a_result_is_told(shell: Shell) -> None:
    shell.run('def weather(city: str) -> str:\n    return "sk-" + "a1" * 20')
    with Server(two_rounds()) as server:
        printed = shell.run(magic(server))
    assert "gave: [key]]\n[weather() returned what looks like a key or password; it was masked]" in printed
    assert "a1a1" not in str([request.json for request in server.requests])


def test_quiet_shows_nothing_and_runs_the_functions(shell: Shell) -> None:
    shell.run(WEATHER)
    with Server(two_rounds()) as server:
        assert shell.run(magic(server, "--tools weather --yes --quiet")) == ""
    assert shell.vars["reply"].calls == [Called("weather", {"city": "Oslo"}, "18 degrees in Oslo", at=12)]


def test_a_dry_run_shows_the_functions_as_they_would_be_told_and_asks_nobody(shell: Shell) -> None:
    shell.run(WEATHER)
    with Server(two_rounds()) as server:
        shown = shell.run(magic(server, "--tools weather --dry-run"))
    body = json.loads(shown.partition("\n")[2])
    assert body["tools"][0]["name"] == "weather"
    assert body["tools"][0]["input_schema"]["properties"] == {"city": {"type": "string"}}
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--tools wether --yes", "this notebook has no function 'wether'; did you mean weather?"),
        ("--tools number --yes", "3 is not a function"),
        ("--tools weather", "nobody can be asked here; add --yes"),
        ("--yes", "--yes allows the functions of --tools"),
        ('--tools weather --sweep "n=2"', "a sweep does not support --tools"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_sent(shell: Shell, options: str, says: str) -> None:
    shell.run(f"{WEATHER}\nnumber = 3")
    with Server(two_rounds()) as server:
        printed = shell.run(magic(server, options))
    assert says in printed
    assert printed.strip().count("\n") == 0
    assert server.requests == []


def test_the_demo_model_calls_no_tools_and_says_so_in_one_line(shell: Shell) -> None:
    shell.run(WEATHER)
    printed = shell.run("%claude -p demo --tools weather --yes Weather?")
    assert "the demo model calls no tools" in printed
    assert printed.strip().count("\n") == 0


def test_continue_goes_on_with_the_functions_of_the_cell(shell: Shell) -> None:
    shell.run(WEATHER)
    scenarios = [
        replies.messages(["Let me "], stop_reason="max_tokens"),
        asking.messages("look.", Ask("c1", "weather", OSLO)),
        replies.messages(["It is 18."]),
    ]
    with Server(scenarios) as server:
        shell.run(magic(server, "--tools weather --yes -o sky"))
        printed = shell.run("%claude /continue")
    assert "gave: 18 degrees in Oslo" in printed
    assert shell.vars["sky"].text == "Let me look.\n\nIt is 18."


def test_what_came_before_an_interrupt_in_a_function_is_in_the_variable(shell: Shell) -> None:
    shell.run("def weather(city: str) -> str:\n    raise KeyboardInterrupt")
    with Server(two_rounds()) as server:
        printed = shell.run(magic(server, "--tools weather --yes -o sky"))
    assert "interrupted in weather()" in printed
    assert (shell.vars["sky"].text, shell.vars["sky"].stop_reason) == ("Let me look.", "interrupted")
    assert "[weather(city='Oslo')\n  failed: not run to its end" in printed


# While a call is written


def test_the_beginning_of_a_call_is_shown_on_a_line_of_bounded_length() -> None:
    screen = Screen()
    painter = Painter(screen.publish)
    painter.feed("Let me look.")
    painter.call("weather ")
    painter.call('{"city": "<b>\x1b[2J\u202e')
    painter.paint(0.0)
    html = screen.outputs[0]["text/html"]
    assert "<code>weather {&quot;city&quot;: &quot;&lt;b&gt;␛[2J\ufffd</code>" in html.replace(" …</code>", "</code>")
    painter.call("x" * 100_000)
    painter.paint(1.0)
    assert len(screen.outputs[0]["text/html"]) < len(html) + CALL_CHARS + 100
    assert "100,0" in screen.outputs[0]["text/html"]
    painter.finish("Let me look.", FOOTER)
    assert "weather" not in str(screen.outputs)


def test_the_bytes_for_long_arguments_grow_in_proportion_and_stay_few() -> None:
    sent = {}
    for length in (2_000, 20_000, 200_000):
        screen = Screen()
        painter = Painter(screen.publish)
        for _ in range(0, length, 5):
            screen.now += 1 / TOKENS_PER_S
            painter.call("word ")
            if painter.wait_s(screen.now) == 0:
                painter.paint(screen.now)
        sent[length] = screen.bytes
        assert screen.bytes <= 15_000 * screen.now
    logs = [[math.log(value) for value in values] for values in (sent.keys(), sent.values())]
    assert linear_regression(*logs).slope <= 1.05


# Afterwards


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_in_a_call_is_harmless_on_the_page_and_in_a_terminal(name: str) -> None:
    text = HOSTILE[name]
    for call in (
        Called(text, {text: text}, text),
        Called("f", text, text, failed=True),
        Called("f", {"a": [text]}, None),
    ):
        html = reply.folded(call)
        styled = [f'<div style="{style}">' for style in (reply.INSIDE, reply.NAME)]
        for ours in ("<details>", "<summary>", "</summary>", "</details>", " <b>failed</b>", *styled):
            html = html.replace(ours, "")
        assert not quick_faults(html)
        assert not ACTING.search(html)
        assert not ACTING.search(reply.call_lines(call))
        assert reply.call_lines(call).count("\n") == (call.result is not None)


def test_long_arguments_and_results_are_cut_on_the_page() -> None:
    call = Called("f", {"a": "x" * 1_000_000}, "y" * 1_000_000)
    assert len(reply.folded(call)) < 3 * reply.MAX_SHOWN_CHARS
    assert len(reply.call_lines(call)) < 500


def test_a_reply_shows_its_calls_where_they_stood() -> None:
    held = (Thought("Hm.", "S"), ToolCall("c1", "weather", OSLO, at=5), ToolResult("c1", "18 <b>", at=5))
    html = Reply(REQUEST, "Look.\n\nIt is **18**.", parts=held)._repr_mimebundle_()["text/html"]
    assert (
        html.index("Look.") < html.index("<details>") < html.index("18 &lt;b&gt;") < html.index("<strong>18</strong>")
    )
    plain = Reply(REQUEST, "It is **18**.")
    assert reply.body(plain) == render.markdown_html("It is **18**.")


def test_after_too_many_rounds_the_footer_says_how_to_go_on() -> None:
    held = (ToolCall("c1", "f"), ToolResult("c1", "x"))
    assert "/continue goes on" in reply.next_step(Reply(REQUEST, "", stop_reason="tool_use", parts=held))
    assert reply.next_step(Reply(REQUEST, "", stop_reason="tool_use", parts=held[:1])) == ""


# In a real kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel({"ANTHROPIC_API_KEY": "0123456789abcdef0123456789abcdef"}) as started:
        started.run(f"%load_ext claude_nb\n{WEATHER}")
        yield started


def test_a_notebook_asks_folds_the_call_and_keeps_it_in_its_outputs(kernel: Kernel) -> None:
    with Server(two_rounds()) as server:
        result = kernel.run(magic(server, "--tools weather"), answers=["y"])
    assert result.error is None
    first, call, last, foot = (output["data"] for output in result.outputs)
    assert first["text/plain"] == "Let me look."
    assert call["text/html"].startswith("<details><summary><code>weather(city=&#x27;Oslo&#x27;)</code></summary>")
    assert "18 degrees in Oslo" in call["text/html"]
    assert call["text/plain"] == "weather(city='Oslo')\n  gave: 18 degrees in Oslo"
    assert last["text/plain"] == "It is 18."
    assert "24 tokens in, 68 out" in foot["text/plain"]


def test_a_call_is_on_the_page_while_its_function_runs(kernel: Kernel) -> None:
    wait = "import threading\ngo = threading.Event()\ndef weather(city: str) -> str:\n    go.wait(20)\n    return city"
    kernel.run(wait)
    with Server(two_rounds()) as server:
        running = kernel.start(magic(server))
        running.until(lambda r: "weather(city=&#x27;Oslo&#x27;)</code> …" in str(r.outputs))
        kernel.interrupt()
        result = running.wait()
    assert result.reply["ename"] == "Interrupted"
    assert "interrupted in weather()" in str(result.outputs)
    assert "<b>failed</b>" in str(result.outputs)
    assert kernel.get("reply.stop_reason, reply.calls[0].failed") == ("interrupted", True)
    kernel.run(WEATHER)


def test_where_a_program_runs_the_notebook_it_needs_yes_and_gives_one_output(kernel: Kernel) -> None:
    with Server(two_rounds()) as server:
        refused = kernel.run(magic(server, "--tools weather"), allow_stdin=False)
        assert server.requests == []
        done = kernel.run(magic(server), allow_stdin=False)
    assert "add --yes" in str(refused.error)
    (output,) = done.outputs
    html = output["data"]["text/html"]
    assert html.index("Let me look.") < html.index("<details>") < html.index("It is 18.")


def test_a_reply_stopped_in_its_second_round_keeps_the_first(kernel: Kernel) -> None:
    stalls: Scenario = [Send(head()), Send(replies.sse(START, DELTA)), Wait()]
    with Server([two_rounds()[0], stalls]) as server:
        running = kernel.start(magic(server))
        running.until(lambda r: "It is half" in str(r.outputs))
        kernel.interrupt()
        running.wait()
        assert server.gone.wait()
    assert kernel.get("reply.text, reply.stop_reason, len(reply.calls)") == (
        "Let me look.\n\nIt is half",
        "interrupted",
        1,
    )


START = {"type": "message_start", "message": {"id": "msg_2", "model": "claude-sonnet-4-6", "usage": {}}}
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "It is half"}}


def test_can_answer_is_told_by_the_front_end_or_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "_parent", lambda: {"content": {"allow_stdin": False}})
    assert not frontend.can_answer()
    monkeypatch.setattr(frontend, "_parent", lambda: {"content": {"allow_stdin": True}})
    assert frontend.can_answer()

"""The whole path in a real kernel: what a front end receives, and what is left in the variables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.kernel import Kernel, Result
from tests.helpers.replies import chat, messages
from tests.helpers.server import Scenario, Server, answer

KEY = "test-key-0123456789"


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel({"AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}) as started:
        assert started.run("%load_ext claude_nb").messages[-1].kind == "execute_input"
        yield started


def ask(kernel: Kernel, server: Server, prompt: str = "Hi", options: str = "", **how: object) -> Result:
    return kernel.run(f"%%claude --base-url {server.url} {options}\n{prompt}", **how)  # type: ignore[arg-type]


def one_line(result: Result) -> str:
    """The error of a cell, which must be one line of its own words and no traceback."""
    error = next(heard.content for heard in result.messages if heard.kind == "error")
    assert error["traceback"] == [f"{error['ename']}: {error['evalue']}"]
    assert "\n" not in error["evalue"]
    return str(error["traceback"][0])


def test_a_cell_streams_a_rendered_reply_into_two_outputs_and_a_variable(kernel: Kernel) -> None:
    with Server([chat(["Hello ", "**world**", "!"])]) as server:
        result = ask(kernel, server, "Hi", "-t 0.2 -o hello")
    assert result.error is None
    reply, footer = result.outputs
    assert "<strong>world</strong>" in reply["data"]["text/html"]
    assert reply["data"]["text/plain"] == "Hello **world**!"
    assert footer["data"]["text/plain"].startswith(
        "anthropic/claude-sonnet-4.6 · temperature 0.2 · 12 tokens in, 34 out"
    )
    assert kernel.get("hello.text, hello.params, hello.stop_reason, hello.source") == (
        "Hello **world**!",
        {"temperature": 0.2},
        "end",
        "live",
    )
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[0].json == {
        "model": "anthropic/claude-sonnet-4.6",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "temperature": 0.2,
    }


def test_the_first_text_is_on_screen_long_before_the_last(kernel: Kernel) -> None:
    with Server([chat(["word "] * 20, pause_s=0.05)]) as server:
        result = ask(kernel, server)
    shown = [heard for heard in result.messages if heard.kind.endswith("display_data")]
    assert "word" in shown[0].content["data"]["text/html"]
    assert len(shown) >= 5


def test_a_burst_is_drawn_whole_although_nothing_follows_it(kernel: Kernel) -> None:
    """Drawing does not wait for the next token: a server that stalls leaves no text undrawn."""
    from tests.helpers.replies import chat_chunk, sse
    from tests.helpers.server import Send, Wait, head

    scenario: Scenario = [Send(head()), *(Send(sse(chat_chunk(f"w{i} "))) for i in range(9)), Wait()]
    with Server([scenario]) as server:
        running = kernel.start(f"%%claude --base-url {server.url}\nHi")
        running.until(lambda r: "w8" in str([o.get("data") for o in r.outputs]))
        kernel.interrupt()
        running.wait()


def test_the_same_cell_against_the_messages_api(kernel: Kernel) -> None:
    with Server([messages(["Hello"])]) as server:
        result = ask(kernel, server, "Hi", "-p anthropic -s 'Be brief.' --stop END -o hello")
    assert result.error is None
    assert kernel.get("hello.text, hello.usage.input_tokens, hello.params") == (
        "Hello",
        12,
        {"max_tokens": 32000, "stop_sequences": ["END"]},
    )
    assert server.requests[0].json == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 32000,
        "system": "Be brief.",
        "stop_sequences": ["END"],
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }


@pytest.mark.parametrize(
    "text",
    ["你好，世界。" * 50, "مرحبا بالعالم " * 50, "👩‍👩‍👧‍👦 🏳️‍🌈 é \u200d " * 50],
    ids=["Chinese", "Arabic", "emoji"],
)
def test_any_script_arrives_letter_by_letter(kernel: Kernel, text: str) -> None:
    with Server([chat(list(text))]) as server:
        result = ask(kernel, server)
    assert kernel.get("reply.text") == text
    assert result.outputs[0]["data"]["text/plain"] == text


def test_a_prompt_of_1_mb_arrives(kernel: Kernel) -> None:
    with Server([chat(["ok"])]) as server:
        result = ask(kernel, server, "x" * 1_000_000)
    assert result.error is None
    assert server.requests[0].json["messages"][0]["content"] == "x" * 1_000_000


def test_a_reply_of_100_000_tokens_is_whole_in_three_outputs(kernel: Kernel) -> None:
    words = [f"w{i} " if i % 60 else f"w{i}.\n\n" for i in range(100_000)]
    with Server([chat(words, tokens_out=100_000)]) as server:
        result = ask(kernel, server)
    assert result.error is None
    text = "".join(words)
    assert kernel.get(f"len(reply.text), hash(reply.text) == hash({text!r})") == (len(text), True)
    assert result.outputs[0]["data"]["text/plain"] == text
    assert len(result.outputs) <= 3
    assert result.size <= 12 * len(text)


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        (answer(401, {"message": "This request requires a valid API key"}), "AuthError"),
        (answer(404, {"message": "model not found"}), "BadRequest"),
        (answer(403, {"message": "You've run out of credits"}), "AuthError"),
    ],
    ids=["bad key", "wrong model", "no credits"],
)
def test_an_error_of_the_server_is_one_line(kernel: Kernel, scenario: Scenario, says: str) -> None:
    with Server([scenario]) as server:
        result = ask(kernel, server)
    assert one_line(result).startswith(says)
    assert len(server.requests) == 1


def test_no_network_is_one_line(kernel: Kernel) -> None:
    with Server([chat(["never"])]) as server:
        url = server.url
    result = kernel.run(f"%%claude --base-url {url}\nHi")
    assert "nothing answers" in one_line(result)


def test_an_empty_prompt_is_one_line(kernel: Kernel) -> None:
    assert "the prompt is empty" in one_line(kernel.run("%%claude\n   \n"))


def test_settings_that_exclude_each_other_are_refused_before_anything_is_sent(kernel: Kernel) -> None:
    with Server([chat(["never"])]) as server:
        result = ask(kernel, server, "Hi", "-t 0.5 --top-p 0.5")
    assert "temperature or top_p, not both" in one_line(result)
    assert server.requests == []


def test_what_arrived_before_the_reply_broke_off_is_on_screen_and_in_the_variable(kernel: Kernel) -> None:
    from tests.helpers.replies import chat_chunk, sse
    from tests.helpers.server import Send, head

    with Server([[Send(head()), Send(sse(chat_chunk("half a rep")))]]) as server:
        result = ask(kernel, server, "Hi", "-o half")
    assert "StreamCut" in one_line(result)
    assert result.outputs[0]["data"]["text/plain"] == "half a rep"
    assert kernel.get("half.text, half.stop_reason, half.complete") == ("half a rep", "error", False)


def test_run_again_the_conversation_is_what_it_was_before_the_cell(kernel: Kernel) -> None:
    with Server([chat(["one"]), chat(["two"]), chat(["two again"])]) as server:
        for cell, prompt in (("a", "1?"), ("b", "2?"), ("b", "2?")):
            assert ask(kernel, server, prompt, "-c talk", cell_id=cell).error is None
    first, second, again = (request.json["messages"] for request in server.requests)
    assert [m["content"] for m in first] == ["1?"]
    assert [m["content"] for m in second] == [m["content"] for m in again] == ["1?", "one", "2?"]


def test_a_run_without_a_person_publishes_one_finished_output(kernel: Kernel) -> None:
    with Server([chat(["Hello"])]) as server:
        result = ask(kernel, server, allow_stdin=False)
    assert [heard.kind for heard in result.messages] == ["execute_input", "display_data"]
    assert result.outputs[0]["data"]["text/plain"] == "Hello"
    assert "12 tokens in, 34 out" in result.outputs[0]["data"]["text/html"]


def test_a_question_mark_arrives_and_an_assigned_line_gives_the_reply(kernel: Kernel) -> None:
    with Server([chat(["Because."])]) as server:
        result = kernel.run(f"why = %claude --base-url {server.url} Why is the sky blue?\nprint(why)")
    assert server.requests[0].json["messages"][0]["content"] == "Why is the sky blue?"
    assert result.text == "Because.\n"


def test_tab_completes_options_and_models(kernel: Kernel) -> None:
    def matches(code: str) -> list[str]:
        kernel.client.complete(code)
        return kernel.client.get_shell_msg(timeout=30)["content"]["matches"]

    assert "--temperature" in matches("%claude --te")
    assert "--temperature" in matches("%%claude --te")
    assert "sonnet" in matches("%%claude -m son")
    assert "/models" in matches("%claude /mo")


def test_loading_imports_nothing_heavy() -> None:
    with Kernel() as fresh:
        fresh.run("import sys; before = set(sys.modules)")
        fresh.run("%load_ext claude_nb")
        loaded = fresh.get("sorted({name.split('.')[0] for name in set(sys.modules) - before})")
    heavy = {
        "httpx",
        "anywidget",
        "ipywidgets",
        "markdown_it",
        "pygments",
        "pandas",
        "sqlite3",
        "keyring",
        "platformdirs",
    }
    assert not heavy & set(loaded)

"""Looking back in real kernels: a killed one, a reloaded page, history, restore, record and replay."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.inside import COUNTED_WAITS, USUAL_WAITS
from tests.helpers.kernel import Kernel
from tests.helpers.lessons import KEY, env, html, kernel, renewed, shared, started
from tests.helpers.replies import chat, chat_chunk, sse
from tests.helpers.server import Send, Server, Wait, head

__all__ = ["env", "kernel", "shared"]  # fixtures


def newest(env: dict[str, str]) -> str:
    """The text of the newest reply in the history."""
    rows = Store(Path(env["CLAUDE_NB_HISTORY"]), warn=print).recent(1)
    return rows[0].reply.text if rows else ""


# --- a killed kernel ----------------------------------------------------------------------------------------------


def test_a_reply_is_saved_while_it_streams_and_outlives_a_killed_kernel(env: dict[str, str], shared: Kernel) -> None:
    """What is on screen is in the history soon afterwards, again and again; a kill loses only what came since then."""
    pieces = [Send(sse(chat_chunk(f"{i} ")), pause_s=0.02) for i in range(10_000)]
    with Server([[Send(head()), *pieces]]) as server, started(env) as kernel:
        running = kernel.start(f"%%claude -o lost --base-url {server.url}\nCount")
        for word in ("20 ", "100 "):
            running.until(lambda r, word=word: word in html(r))
            running.until(lambda r, word=word: word in newest(env))
        saved = newest(env)
        os.kill(int(kernel._manager.provisioner.pid), signal.SIGKILL)
        assert server.gone.wait()
    kernel = renewed(shared, env)
    listed = kernel.run("%claude /history")
    assert "Count" in html(listed)
    restored = kernel.run("%claude /restore")
    assert restored.error is None
    assert restored.text == "restored lost\n"
    text, stop_reason, complete = kernel.get("lost.text, lost.stop_reason, lost.complete")
    assert (stop_reason, complete) == ("interrupted", False)
    assert text == "".join(f"{i} " for i in range(len(text.split())))
    assert text.startswith(saved)
    again = kernel.run("%claude -p demo --quiet hi\n%claude /history Count")
    assert "interrupted" in html(again)
    shown_again = kernel.run("%claude /show 1")
    assert "0 1 2 3" in html(shown_again)
    assert "interrupted" in html(shown_again)


def test_text_before_a_pause_is_saved_although_nothing_follows(env: dict[str, str], kernel: Kernel) -> None:
    with Server([[Send(head()), Send(sse(chat_chunk("all in one go"))), Wait()]]) as server:
        running = kernel.start(f"%%claude --base-url {server.url}\nHi")
        running.until(lambda r: "all in one go" in html(r))
        running.until(lambda _: newest(env))
        assert newest(env) == "all in one go"
        kernel.interrupt()
        running.wait()


# --- history ------------------------------------------------------------------------------------------------------


def test_after_a_page_reload_the_reply_goes_on_and_is_drawn_again(kernel: Kernel) -> None:
    """A reloaded page hears nothing more of the cell that runs; the kernel does."""
    with Server([chat(["Hello ", "**world**"])]) as server:
        running = kernel.start(f"%%claude --base-url {server.url}\nHi")
        del running  # nobody listens any more
        shown = kernel.run("%claude /show 1")
        assert "<strong>world</strong>" in html(shown)
        assert "anthropic/claude-sonnet-4.6" in html(shown)
        assert shown.outputs[0]["data"]["text/plain"].startswith("Hello **world**")


def test_the_history_is_listed_searched_and_forgotten(kernel: Kernel) -> None:
    with Server([chat(["blue"]), chat(["green"])]) as server:
        for prompt in ("the sky?", "the grass?"):
            kernel.run(f"%claude --quiet --base-url {server.url} {prompt}")
        assert all(word in html(kernel.run("%claude /history")) for word in ("sky", "blue", "grass", "green"))
        found = html(kernel.run("%claude /history gras"))
        assert "green" in found
        assert "blue" not in found
        kernel.run("import claude_nb")
        assert kernel.get("[row.reply.text for row in claude_nb.history(1)], claude_nb.last.text") == (
            ["green"],
            "green",
        )
        assert kernel.get("[row.reply.text for row in claude_nb.history(search='blue')]") == ["blue"]
        assert kernel.get("list(claude_nb.history().to_pandas()['prompt'])") == ["the grass?", "the sky?"]
        assert "<table>" in html(kernel.run("claude_nb.history()"))
        assert kernel.run("%claude /forget 1").text == "forgot 1 reply\n"
        missing = kernel.run("%claude /show 1").error
        assert missing == "PromptError: the history has no reply 1; use %claude /history to list the replies"
        assert kernel.run("%claude /forget --before 2020-01-01").text == "forgot 0 replies\n"
        assert kernel.run("%claude /forget --all").text == "forgot 1 reply\n"
        assert kernel.get("len(claude_nb.history())") == 0


def test_restore_brings_back_the_newest_reply_of_each_variable_of_this_notebook(
    env: dict[str, str], kernel: Kernel
) -> None:
    with Server([chat(["one"]), chat(["two"]), chat(["three"])]) as server:
        for variable in ("a", "a", "b"):
            kernel.run(f"%claude --quiet -o {variable} --base-url {server.url} Hi")
        renewed(kernel, {**env, "JPY_SESSION_NAME": "/home/ada/other.ipynb"})
        assert "no reply from this notebook" in str(kernel.run("%claude /restore").error)
        renewed(kernel, env)
        assert kernel.run("%claude /restore b").text == "restored b\n"
        assert kernel.get("b.text, 'a' in globals()") == ("three", False)
        assert kernel.run("%claude /restore").text == "restored a, b\n"
        assert kernel.get("a.text, a.source") == ("two", "live")


# --- record and replay --------------------------------------------------------------------------------------------


def test_a_recorded_lesson_plays_without_network_and_key_and_says_when_it_was_recorded(
    env: dict[str, str], kernel: Kernel, tmp_path: Path
) -> None:
    file = tmp_path / "lesson.jsonl"
    with Server([chat(["Hello ", "again"])]) as server:
        kernel.run(f"%claude --quiet --base-url {server.url} Hi")
        recorded = kernel.run(f"%claude /record {file}")
        assert recorded.text.startswith(f"{file} holds 1 reply")
        asked, url = len(server.requests), server.url
        fresh = {**env, "CLAUDE_NB_HISTORY": str(tmp_path / "none.db"), "CLAUDE_NB_PROVIDER": "aimlapi"}
        del fresh["AIMLAPI_API_KEY"]
        renewed(kernel, fresh)
        assert kernel.run(f"%claude /replay only {file} --speed 0").text == f"replay only from {file}\n"
        result = kernel.run(f"%%claude --base-url {url}\nHi")
        assert result.error is None
        assert result.outputs[0]["data"]["text/plain"] == "Hello again"
        date = kernel.get("f'{reply.created_at:%Y-%m-%d}'")
        assert f"<b>recorded {date}, anthropic/claude-sonnet-4.6</b>" in html(result)
        assert kernel.get("reply.source") == "replay"
        other = kernel.run(f"%%claude --base-url {url}\nSomething else")
        assert other.error == (
            f"ReplayMiss: no recorded reply to this request in {file}; use %claude /replay off to ask the model"
        )
        assert len(server.requests) == asked == 1
    assert KEY not in file.read_text()


def test_use_plays_what_is_known_and_asks_for_the_rest(kernel: Kernel) -> None:
    with Server([chat(["one"]), chat(["two"])]) as server:
        ask = f"%claude --quiet --base-url {server.url}"
        kernel.run(f"{ask} Hi")
        kernel.run("%claude /replay use --speed 0")
        kernel.run(f"{ask} Hi")
        assert kernel.get("reply.text, reply.source") == ("one", "replay")
        kernel.run(f"{ask} -t 0.5 Hi")
        assert kernel.get("reply.text, reply.source") == ("two", "live")
        kernel.run("%claude /replay off")
        kernel.run(f"{ask} Hi")
        assert kernel.get("reply.text, reply.source") == ("two", "live")
        assert len(server.requests) == 3


@pytest.mark.parametrize(("speed", "wait_s"), [("", 10_000), (" --speed 2", 5_000), (" --speed 0", 0)])
def test_a_replay_takes_the_time_of_the_reply_divided_by_the_speed(
    env: dict[str, str], kernel: Kernel, speed: str, wait_s: int
) -> None:
    store = Store(Path(env["CLAUDE_NB_HISTORY"]), warn=print)
    request = Request("demo", "demo", (Message("user", "Hi"),))
    store.finish(store.begin(request), Reply(request, "Hello."), ((10_000.0, 6),))
    kernel.run(f"%claude /replay only{speed}\n{COUNTED_WAITS}")
    assert kernel.run("%claude -p demo Hi").error is None
    assert kernel.get("reply.source, reply.text, round(max(waits, default=0), -2)") == ("replay", "Hello.", wait_s)
    kernel.run(USUAL_WAITS)


def test_replay_can_be_chosen_by_the_environment(env: dict[str, str], kernel: Kernel, tmp_path: Path) -> None:
    with Server([chat(["never"])]) as server:
        renewed(kernel, {**env, "CLAUDE_NB_REPLAY": "only"})
        miss = kernel.run(f"%claude --base-url {server.url} Hi").error
        assert (
            miss
            == "ReplayMiss: no recorded reply to this request in the history; use %claude /replay off to ask the model"
        )
        renewed(kernel, {**env, "CLAUDE_NB_REPLAY": f"only {tmp_path / 'none.jsonl'}"})
        for _ in range(2):  # a wrong setting never turns into asking the model
            assert "there is no record file" in str(kernel.run(f"%claude --base-url {server.url} Hi").error)
        assert server.requests == []

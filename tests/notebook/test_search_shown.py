"""A search as a notebook and a terminal show it: while it runs, its sources, and after a pause of the server."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.helpers import STREAMS, searched
from tests.helpers.kernel import Kernel
from tests.helpers.server import Scenario, Send, Server, Wait, answer, head, stream
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

KEY = "0123456789abcdef0123456789abcdef"
REST = {"type": "text", "text": " That is all."}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def played(name: str, by: int | None = None) -> Scenario:
    return stream((STREAMS / f"{name}.sse").read_bytes(), by=by, headers={"content-type": "text/event-stream"})


def rest() -> Scenario:
    failed = {"type": "web_fetch_tool_result_error", "error_code": "url_not_accessible"}
    result: dict[str, Any] = {"type": "web_fetch_tool_result", "tool_use_id": "srvtoolu_04", "content": failed}
    return answer(
        200, searched.message("messages-fetch-pause") | {"content": [result, REST], "stop_reason": "end_turn"}
    )


def magic(server: Server, options: str) -> str:
    return f"%claude -p anthropic -m sonnet-5.5 --base-url {server.url} {options} Who made Python?"


@pytest.mark.parametrize("by", [None, 1])
def test_a_terminal_shows_numbers_in_the_text_and_the_list_below(shell: Shell, by: int | None) -> None:
    with Server([played("messages-search", by)]) as server:
        printed = shell.run(magic(server, "--search 3"))
    assert (
        "came out in 1991 🎉[1][2], and Guido began it in 1989[2].\n\n[1] General Python FAQ · https://docs" in printed
    )
    assert "web search 3" in printed
    assert "10,682 tokens in, 510 out, 1 search" in printed
    assert server.requests[0].json["tools"][0]["max_uses"] == 3
    assert [source.number for source in shell.vars["reply"].sources] == [1, 2]


def test_a_terminal_goes_on_below_a_pause(shell: Shell) -> None:
    with Server([played("messages-fetch-pause"), rest()]) as server:
        printed = shell.run(magic(server, "--fetch"))
    assert printed.count("Snow is white.[1]") == 1
    assert printed.index("Snow is white.[1]") < printed.index("That is all.") < printed.index("[1] Colours · https")
    assert printed.count(" tokens in") == 1


def test_quiet_shows_nothing(shell: Shell) -> None:
    with Server([played("messages-fetch-pause"), rest()]) as server:
        assert shell.run(magic(server, "--fetch --quiet")) == ""
    assert shell.vars["reply"].text == "Snow is white. That is all."


def test_a_cell_draws_a_paused_reply_as_one(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: dict[str, dict[str, str]] = {}

    def publish(data: dict[str, str], metadata: Any = None, *, transient: Any = None, **_: Any) -> None:
        outputs[(transient or {}).get("display_id", str(len(outputs)))] = data

    monkeypatch.setenv("CLAUDE_NB_DISPLAY", "live")
    monkeypatch.setattr("claude_nb.notebook.display.publish_display_data", publish)
    with Server([played("messages-fetch-pause"), rest()]) as server:
        shell.run(magic(server, "--fetch"))
    html = "".join(output["text/html"] for output in outputs.values())
    assert html.count("Snow is white.<a class") == 1
    assert html.count("That is all.") == 1
    assert html.count("[1] <a href=") == 1
    assert "web_search(query=&#x27;x&#x27;)</code> <b>failed</b>" in html
    assert "web_fetch(url=&#x27;https://example.com/b&#x27;)</code> <b>failed</b>" in html


def test_a_notebook_shows_what_is_searched_while_it_runs() -> None:
    body, found = (STREAMS / "messages-search.sse").read_bytes(), threading.Event()
    cut = body.index(b"event: content_block_start\ndata: " + b'{"type":"content_block_start","index":2')
    stalls: Scenario = [Send(head()), Send(body[:cut]), Wait(found), Send(body[cut:])]
    with Kernel({"ANTHROPIC_API_KEY": KEY}) as kernel, Server([stalls]) as server:
        kernel.run("%load_ext claude_nb")
        running = kernel.start(magic(server, "--search"))
        running.until(lambda r: "searching the web: &quot;first release of Python&quot;" in str(r.outputs))
        found.set()
        result = running.wait()
    assert result.error is None
    html = "".join(output["data"]["text/html"] for output in result.outputs)
    assert "searching the web" not in html
    assert "1991 🎉<a class" in html
    assert "came out in 1991 🎉[1][2]" in result.outputs[0]["data"]["text/plain"]


def test_a_dry_run_shows_the_tools(shell: Shell) -> None:
    shown = shell.run("%claude -p anthropic -m sonnet-5.5 --search 2 --fetch --dry-run Who made Python?")
    tools = json.loads(shown.partition("\n")[2])["tools"]
    assert [tool["name"] for tool in tools] == ["web_search", "web_fetch"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-p demo --search Hi", "has no web search"),
        ("-p anthropic --search 0 Hi", "search must be on, off or a number of searches from 1 to 100"),
        ("-p anthropic --cite Hi", "--cite needs a document to quote"),
    ],
)
def test_what_cannot_be_done_is_one_line(shell: Shell, line: str, says: str) -> None:
    printed = shell.run(f"%claude {line}")
    assert says in printed
    assert printed.strip().count("\n") == 0


def test_search_can_be_a_default_of_the_session(shell: Shell) -> None:
    shell.run("%claude /set search=2 fetch=on")
    shown = shell.run("%claude -p anthropic -m sonnet-5.5 --dry-run Hi")
    assert [tool.get("max_uses") for tool in json.loads(shown.partition("\n")[2])["tools"]] == [2, None]
    shown = shell.run("%claude -p anthropic -m sonnet-5.5 --search off --dry-run Hi")
    assert [tool["name"] for tool in json.loads(shown.partition("\n")[2])["tools"]] == ["web_fetch"]

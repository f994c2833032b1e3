"""The size of a prompt before it is sent: the server's count where there is one, else an estimate that says so."""

from __future__ import annotations

import pytest

from tests.helpers.server import Server, answer
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures


def test_anthropic_counts_the_prompt_and_is_asked_nothing_else(shell: Shell) -> None:
    with Server([answer(200, {"input_tokens": 12_345})]) as server:
        where = f"-p anthropic -m sonnet-4.5 --base-url {server.url}"
        printed = shell.run(f"%claude --count {where} --thinking 2000 -s 'Be brief.' -t 1 Why?")
    assert (
        printed
        == "12,345 tokens, counted by the server · about $0.037 before the reply · 6.2% of the 200,000 that fit\n"
    )
    assert [request.path for request in server.requests] == ["/v1/messages/count_tokens"]
    assert server.requests[0].headers["anthropic-version"] == "2023-06-01"
    assert server.requests[0].json == {
        "model": "claude-sonnet-4-5",
        "messages": [{"role": "user", "content": "Why?"}],
        "system": "Be brief.",
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    }
    assert "reply" not in shell.vars
    assert shell.session.totals.calls == 0


@pytest.mark.parametrize("count", [None, "many", True, -1])
def test_a_server_that_gives_no_number_leaves_an_estimate(shell: Shell, count: object) -> None:
    with Server([answer(200, {"input_tokens": count})]) as server:
        printed = shell.run(f"%claude --count -p anthropic --base-url {server.url} {'word ' * 100}")
    assert printed.startswith("about 125 tokens, estimated from its length · about $0.00038 before the reply")


@pytest.mark.parametrize(("status", "words"), [(404, "Not Found"), (405, "Method Not Allowed"), (501, "")])
def test_a_server_without_a_way_to_count_leaves_an_estimate(shell: Shell, status: int, words: str) -> None:
    with Server([answer(status, {"detail": words})] * 3) as server:
        printed = shell.run(f"%claude --count -p anthropic --base-url {server.url} {'word ' * 100}")
    assert printed.startswith("about 125 tokens, estimated from its length")


@pytest.mark.parametrize("message", ["model: claude-9", "The model `claude-9` does not exist", "Budget exceeded"])
def test_a_server_that_does_not_know_the_model_is_no_server_that_cannot_count(shell: Shell, message: str) -> None:
    body = {"type": "error", "error": {"type": "not_found_error", "message": message}}
    with Server([answer(404, body)]) as server:
        printed = shell.run(f"%claude --count -p anthropic -m claude-9 --base-url {server.url} Why?")
    assert f'"{message}"' in printed
    assert ("check the model id" in printed) == ("Budget" not in message)


def test_a_server_that_refuses_is_one_line(shell: Shell) -> None:
    with Server([answer(401, {"error": {"type": "authentication_error", "message": "bad key"}})]) as server:
        printed = shell.run(f"%claude --count -p anthropic --base-url {server.url} Why?")
    assert printed.startswith("AuthError: ")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            "-p aimlapi",
            "about 1 token, estimated from its length · about $0.0000041 before the reply · under 0.1% of the",
        ),
        (
            "-p openai-compatible -m m --base-url http://127.0.0.1:9",
            "about 1 token, estimated from its length · price unknown",
        ),
        ("-m demo", "about 1 token, estimated from its length · under 0.1% of the 4,096 that fit"),
    ],
)
def test_where_nobody_counts_nothing_is_sent_and_the_estimate_says_that_it_is_one(
    shell: Shell, options: str, says: str
) -> None:
    assert shell.run(f"%claude --count {options} Why?").startswith(says)


def test_a_sweep_counts_by_its_own_forecast(shell: Shell) -> None:
    assert "a sweep does not support --count" in shell.run('%claude -m demo --count --sweep "temperature=0,1" Why?')

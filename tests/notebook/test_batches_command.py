"""Batches in a notebook: the cell that sends one, and %claude /batches, which fetches the replies of all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_nb.errors import ConfigError, PromptError
from claude_nb.notebook.commands import run as run_command
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.sweeps.api import sweep
from tests.helpers.batches import BatchApi
from tests.helpers.server import Server
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

KEY = "sk-ant-key-of-a-test-0123456789"


@pytest.fixture
def api() -> BatchApi:
    return BatchApi()


@pytest.fixture
def server(api: BatchApi) -> Iterator[Server]:
    with Server(api) as server:
        yield server


@pytest.fixture
def kernel(tmp_path: Path) -> Session:
    places = {"CLAUDE_NB_HISTORY": str(tmp_path / "history.db"), "ANTHROPIC_API_KEY": KEY}
    return Session(credentials=Credentials(places))


def sent(session: Session, server: Server, *prompts: str) -> None:
    where = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-4.6", "max_tokens": 20, "show": False}
    sweep(list(prompts), batch=True, session=session, **where)


def run(session: Session, line: str = "/batches") -> str:
    return str(run_command(session, line, {}))


def test_it_fetches_the_replies_of_batches_that_have_ended_and_shows_the_others(
    api: BatchApi, server: Server, kernel: Session
) -> None:
    assert run(kernel) == "no batch waits"
    sent(kernel, server, "a", "b")
    sent(kernel, server, "c")
    api.end("msgbatch_01")
    shown = run(kernel)
    assert "fetched 2 replies of msgbatch_01" in shown
    assert "msgbatch_02" in shown
    assert "in_progress" in shown
    assert [row.reply.text for row in kernel.memory.history.recent() if not row.running] == ["reply to b", "reply to a"]
    assert "msgbatch_01" not in run(kernel)


def test_it_cancels_the_batch_that_it_is_told(api: BatchApi, server: Server, kernel: Session) -> None:
    sent(kernel, server, "a", "b")
    assert "canceling" in run(kernel, "/batches cancel msgbatch_01")
    assert api.batches["msgbatch_01"].status == "canceling"
    for wrong in ("/batches cancel", "/batches cancel msgbatch_09", "/batches msgbatch_01"):
        with pytest.raises(PromptError, match="write %claude /batches cancel ID; the batches that wait: msgbatch_01"):
            run(kernel, wrong)


def test_a_server_that_fails_keeps_no_other_batch_waiting(api: BatchApi, server: Server, kernel: Session) -> None:
    sent(kernel, server, "a")
    with Server(BatchApi()) as other:
        sent(kernel, other, "b")
    api.end()
    shown = run(kernel)
    assert "fetched 1 reply of msgbatch_01" in shown
    assert "msgbatch_01: " in shown  # the other one, with the error
    assert [row.reply.text for row in kernel.memory.history.recent() if not row.running] == ["reply to a"]


def test_without_a_history_it_says_so(kernel: Session) -> None:
    with pytest.raises(ConfigError, match="the history is off"):
        run(Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"})))


def test_a_cell_sends_a_sweep_in_a_batch(
    api: BatchApi, server: Server, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    line = f"-p anthropic --base-url {server.url} -m sonnet-4.6 -n 20 --batch --sweep 'temperature=0,1' -o pair"
    shown = shell.run(f"%%claude {line}\nHi")
    assert "2 calls in a batch, at half the price" in shown
    assert "batch msgbatch_01 of 2 requests is in progress" in shown
    api.end()
    shell.run("pair.resume()")
    assert [reply.text for reply in shell.vars["pair"]] == ["reply to Hi", "reply to Hi"]
    assert len(api.batches) == 1


def test_a_dry_run_of_a_batch_sends_nothing_and_a_batch_without_a_sweep_is_refused(
    server: Server, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    at = f"-p anthropic --base-url {server.url} -m sonnet-4.6 -n 20 --batch"
    assert "in a batch, at half the price" in shell.run(f"%claude {at} --sweep 'temperature=0,1' --dry-run Hi")
    assert "--batch is for --sweep and --rows" in shell.run(f"%claude {at} Hi")
    assert "demo takes no batches" in shell.run("%claude -p demo --batch --sweep 'temperature=0,1' Hi")
    assert not server.requests

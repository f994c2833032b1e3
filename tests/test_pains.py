"""What hurts people elsewhere and had no test of its own here: one sentence for each."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import anywidget._util
import pytest

from claude_nb.errors import ConfigError, NetworkError, StreamCut
from claude_nb.providers.credentials import Credentials
from claude_nb.render import reply as footer
from claude_nb.session import options
from claude_nb.session.session import Session
from claude_nb.widgets import playground
from tests.helpers.kernel import Kernel
from tests.helpers.replies import chat, chat_chunk, messages, sse
from tests.helpers.server import Scenario, Send, Server, Wait, answer, head
from tests.helpers.shells import Shell, bare, session, shell
from tests.prompting.test_download import PROXIES, TLS, Secure

__all__ = ["bare", "session", "shell"]  # fixtures

KEY = "test-key-0123456789"
WIDGET = "application/vnd.jupyter.widget-view+json"


def live(**settings: Any) -> Session:
    """A session with keys, whose clock goes on a second each time it is looked at."""
    ticks = count()
    environ = {"AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_HISTORY": "off"}
    made = Session(credentials=Credentials(environ), clock=lambda: float(next(ticks)))
    made.configure(**settings)
    return made


# Money


def begun(words: int) -> Scenario:
    """A reply of the Messages API that breaks off before its server has counted it."""
    steps = list(messages(["word "] * words))
    start = next(step.data for step in steps[1:] if isinstance(step, Send))
    return [steps[0], Send(start.partition(b"event: content_block_stop")[0])]


def test_a_reply_that_breaks_off_is_not_told_as_one_token() -> None:
    session = live(provider="anthropic")
    with Server([begun(500)]) as server, pytest.raises(StreamCut) as caught:
        session.ask("Hi", base_url=server.url)
    reply = caught.value.reply
    assert reply is not None
    assert "12 tokens in, ? out · cost unknown" in footer.line(reply)


def test_what_a_broken_reply_used_is_counted() -> None:
    session = live(provider="anthropic")
    with Server([begun(500)]) as server, pytest.raises(StreamCut):
        session.ask("Hi", base_url=server.url)
    assert (session.totals.calls, session.totals.usage.input_tokens, session.totals.unpriced) == (1, 12, 1)


@pytest.mark.parametrize("provider", ["aimlapi", "anthropic"])
def test_the_budget_stops_a_running_reply_of_either_format(provider: str) -> None:
    session = live(provider=provider, budget=0.01)
    reply = messages if provider == "anthropic" else chat
    with Server([reply(["word "] * 2_000)]) as server, pytest.raises(ConfigError, match="used up") as caught:
        session.ask("Hi", base_url=server.url)
    assert caught.value.reply is not None
    assert len(caught.value.reply.text) < 10_000


# Settings

TYPED = {"temperature": "0", "top_p": "0.1", "top_k": "1", "max_tokens": "1", "stop_sequences": "END", "seed": "0"} | {
    "min_p": "0.1"
}


@pytest.mark.parametrize("name", options.SAMPLING_NAMES)
def test_a_dial_typed_on_the_line_reaches_the_request_also_when_it_is_zero(shell: Shell, name: str) -> None:
    for flag in options.BY_NAME[name].flags:
        printed = shell.run(f"%claude --dry-run -p demo {flag} {TYPED[name]} Hi")
        sampling = json.loads(printed[printed.index("\n{") :])["sampling"]
        assert sampling == {name: ["END"] if name == "stop_sequences" else float(TYPED[name])}


def test_a_key_that_is_set_later_answers_the_next_cell(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.run("%claude --quiet Hi")
    assert shell.vars["reply"].source == "demo"
    with Server([chat(["Hello"])]) as server:
        monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
        shell.run(f"%claude --quiet --base-url {server.url} Hi")
    assert shell.vars["reply"].text == "Hello"
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


# What a notebook gets, and what it does not

FOREIGN = {
    ".env": f"AIMLAPI_API_KEY={KEY}\nCLAUDE_NB_BASE_URL=http://127.0.0.1:9/v1\nCLAUDE_NB_PROVIDER=aimlapi\n",
    "claude_nb.json": '{"base_url": "http://127.0.0.1:9/v1", "provider": "openai-compatible"}',
    "class.json": '{"base_url": "http://127.0.0.1:9/v1", "provider": "openai-compatible"}',
    "models.json": '[{"name": "demo", "ids": {"demo": "other"}}]',
    "pyproject.toml": '[tool.claude_nb]\nbase_url = "http://127.0.0.1:9/v1"\n',
    ".netrc": "machine api.anthropic.com password x\n",
}
ELSEWHERE = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9/v1"}
NO_NETWORK = """
import socket
def refuse(*_, **__):
    raise SystemError("a connection was made")
socket.socket.connect = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a notebook that somebody else has packed."""
    made = tmp_path_factory.mktemp("project")
    for name, text in FOREIGN.items():
        (made / name).write_text(text)
    return made


@pytest.fixture(scope="module")
def offline(folder: Path) -> Iterator[Kernel]:
    with Kernel(ELSEWHERE, cwd=folder) as started:
        started.run(NO_NETWORK)
        assert started.run("%load_ext claude_nb").messages[-1].kind == "execute_input"
        yield started


def test_loading_and_asking_the_demo_write_nothing_into_the_folder_and_reach_nothing(
    offline: Kernel, folder: Path
) -> None:
    for cell in ("%%claude -n 5\nHi", "%claude /models", "%claude /history", "import claude_nb; claude_nb.ask('Hi')"):
        assert offline.run(cell).error is None
    assert {path.name for path in folder.rglob("*")} == set(FOREIGN)


def test_no_file_of_the_folder_and_no_variable_of_another_tool_says_where_a_prompt_goes(offline: Kernel) -> None:
    state = offline.run("%claude").text
    assert re.search(r"provider +demo \(no key found", state)
    assert re.search(r"model +demo\n", state)
    shown = offline.run("%claude --dry-run -p anthropic -m sonnet Hi").text
    assert shown.startswith("would be sent to https://api.anthropic.com/v1/messages:")
    assert "needs an address" in str(offline.run("%claude -p openai-compatible -m m Hi").error)


SHOWN = (
    "%%claude -n 20\nHi",
    "%claude --raw -n 20 Hi",
    "reply",
    "claude_nb.history()",
    "claude_nb.check([reply], 'a')",
    "claude_nb.sweep('Hi', temperature=[0, 1], n=1, provider='demo', max_tokens=3)",
    "claude_nb.compare([{'seed': 1}, {'seed': 2}], 'Hi', provider='demo', max_tokens=3)",
    "pg = claude_nb.Playground(prompt='Hi', max_tokens=3)\npg.run(); pg.wait()\npg",
    "claude_nb.Lens('Once upon a time', max_tokens=3)",
)


@pytest.mark.parametrize("stdin", [True, False], ids=["live", "once"])
def test_every_output_has_plain_text_for_untrusted_notebooks_and_none_is_markdown(offline: Kernel, stdin: bool) -> None:
    """A front end runs the HTML that is in Markdown of an output which it trusts."""
    results = [
        offline.run(f"import claude_nb\n{cell}" if cell[0] != "%" else cell, allow_stdin=stdin) for cell in SHOWN
    ]
    assert [result.error for result in results] == [None] * len(SHOWN)
    bundles = [output["data"] for result in results for output in result.outputs if "data" in output]
    assert len(bundles) > len(SHOWN)
    assert {kind for bundle in bundles for kind in bundle} == {"text/html", "text/plain", WIDGET}
    assert all("text/plain" in bundle for bundle in bundles)
    assert str(offline.home) not in json.dumps(bundles)


def test_an_error_is_said_once_and_nothing_else_is_printed() -> None:
    refused = answer(401, {"message": "no such key"})
    cut = [Send(head()), Send(sse(chat_chunk("half")))]
    with Kernel({"AIMLAPI_API_KEY": KEY}) as kernel, Server([refused, cut]) as server:
        kernel.run("%load_ext claude_nb")
        for _ in range(2):
            result = kernel.run(f"%%claude --base-url {server.url}\nHi")
            kinds = [heard.kind for heard in result.messages]
            assert kinds.count("error") == 1
            assert not {"stream", "clear_output"} & {*kinds}
        with Server([[Send(head()), Send(sse(chat_chunk("half"))), Wait()]]) as stuck:
            running = kernel.start(f"%%claude --base-url {stuck.url}\nHi")
            seen = len(running.until(lambda r: "half" in str(r.outputs)).messages)
            kernel.interrupt()
            after = running.wait().messages[seen:]
        assert kernel.stderr() == ""
    assert [heard.kind for heard in after].count("error") == 1
    assert not [heard for heard in after if heard.kind == "stream"]
    assert sum(heard.size for heard in after) < 10_000


# Widgets


def test_in_colab_the_playground_switches_the_manager_of_custom_widgets_on(monkeypatch: pytest.MonkeyPatch) -> None:
    switched: list[bool] = []
    output = SimpleNamespace(
        enable_custom_widget_manager=lambda: switched.append(True),
        _widgets=SimpleNamespace(_installed_url="https://colab.example/manager.js"),
    )
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    anywidget._util.enable_custom_widget_manager_once.cache_clear()
    published: list[tuple[Any, ...]] = []
    monkeypatch.setattr(playground, "publish_display_data", lambda *given, **_: published.append(given))
    monkeypatch.setattr(playground, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    playground.Playground(session=Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"})))._ipython_display_()
    assert switched
    assert published[0][1][WIDGET]["colab"]["custom_widget_manager"]["url"] == "https://colab.example/manager.js"


# Company certificates


def test_a_company_certificate_that_is_named_after_the_error_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    at_home = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *more, **how: at_home("127.0.0.1", *more, **how))
    with Secure([chat(["Hello"])]) as server:
        ask = {"provider": "openai-compatible", "model": "m", "base_url": server.at("/v1")}
        with pytest.raises(NetworkError, match=r"the certificate of .* is not trusted; set SSL_CERT_FILE to yours"):
            live().ask("Hi", **ask)
        monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))
        assert live().ask("Hi", **ask).text == "Hello"


def test_a_certificate_file_that_is_not_there_is_named_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "nothing-here.pem")
    with Server([chat(["never"])]) as server, pytest.raises(ConfigError, match="SSL_CERT_FILE names no file"):
        live().ask("Hi", provider="aimlapi", base_url=server.url)

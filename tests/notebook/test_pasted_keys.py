"""A key in the wrong place is refused in one line, and no key goes to a server that it is not for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from claude_nb.errors import AuthError, BadRequest, ClaudeError, ConfigError
from claude_nb.providers import api, registry
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from tests.helpers.inside import SESSION
from tests.helpers.kernel import Kernel
from tests.helpers.replies import chat
from tests.helpers.server import Server, answer

OWN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel({"AIMLAPI_API_KEY": OWN}) as started:
        started.run("%load_ext claude_nb")
        yield started


LOOKS_LIKE = "sk-ant-api03-" + "aB3_" * 8
CELLS = (
    f"%%claude {{ask}}\nWhat is {LOOKS_LIKE} for?",
    f"%claude {{ask}} why {LOOKS_LIKE}",
    f"%%claude {{ask}} -s {LOOKS_LIKE}\nHi",
    f"%%claude {{ask}} -m {LOOKS_LIKE}\nHi",
    f"%%claude {{ask}} -p {LOOKS_LIKE}\nHi",
    f"%%claude {{ask}} -t {LOOKS_LIKE}\nHi",
    f"%%claude {{ask}} -o {LOOKS_LIKE}\nHi",
    f"%%claude {{ask}} --stop {LOOKS_LIKE}\nHi",
    f"%%claude --base-url http://127.0.0.1:1/{LOOKS_LIKE}/v1\nHi",
    f"%claude /set system='{LOOKS_LIKE}'",
    f"%claude /set base_url=https://a.example/{LOOKS_LIKE}",
    f"%claude /login {LOOKS_LIKE}",
    f"x = '{LOOKS_LIKE}'\n%claude {{ask}} about {{{{x}}}}",
    "x = __import__('os').environ['AIMLAPI_API_KEY']\n%claude {ask} about {{x}}",
)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.replace(LOOKS_LIKE, "KEY"))
def test_a_key_in_a_prompt_or_an_option_is_refused_in_one_line(cell: str, kernel: Kernel) -> None:
    with Server([chat(["never"])]) as server:
        result = kernel.run(cell.replace("{ask}", f"--base-url {server.url}"))
    error = next(heard.content for heard in result.messages if heard.kind == "error")
    (line,) = error["traceback"]
    assert line.startswith("PromptError: this looks like a key, and was not sent")
    assert LOOKS_LIKE not in str(result.outputs)
    assert server.requests == []
    assert kernel.get(f"{SESSION}.settings") == {}


@pytest.mark.parametrize("cell", ["%claude --base-url {} Hi", "%claude /set base_url={}"])
def test_an_address_with_a_password_is_refused_and_not_stored(cell: str, kernel: Kernel) -> None:
    kernel.run("%claude -p demo --quiet a reply, so that there is a history")
    result = kernel.run(cell.format("https://ada:opensesame@a.example/v1"))
    assert "leave it out and use %claude /login" in str(result.error)
    assert "opensesame" not in str(result.outputs)
    assert kernel.get(f"{SESSION}.settings") == {}
    assert b"opensesame" not in (kernel.home / "history.db").read_bytes()


def test_no_option_takes_a_key(kernel: Kernel) -> None:
    assert "key" not in kernel.run("%claude -h").text.lower()
    for option in ("--key", "--api-key", "--token"):
        assert "unknown option" in str(kernel.run(f"%claude {option} x Hi").error)
    assert "unknown option" in str(kernel.run("%claude /set api_key=x").error)


# --- where a key goes ---------------------------------------------------------------------------------------------


def session_with(**environ: str) -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", **environ}))


def test_a_key_given_for_one_address_goes_to_no_other() -> None:
    session = session_with()
    with Server([chat(["Hello"])]) as bound, Server([chat(["Hello"])]) as other:
        session.configure(provider="aimlapi", base_url=bound.url, api_key=OWN)
        session.ask("Hi")
        session.ask("Hi", base_url=other.url)
    assert bound.requests[0].headers["authorization"] == f"Bearer {OWN}"
    assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_neither_key_nor_prompt_follows_a_redirect(status: int) -> None:
    session = session_with(AIMLAPI_API_KEY=OWN)
    with Server([chat(["never"])]) as other:
        redirect = answer(status, headers={"location": other.url + "/chat/completions"})
        with Server([redirect]) as server, pytest.raises(BadRequest, match="redirects"):
            session.ask("Hi", provider="aimlapi", base_url=server.url)
    assert other.requests == []


@pytest.mark.parametrize(
    "address", ["https://api.aimlapi.com.evil.example/v1", "https://evil.example/api.aimlapi.com/v1"]
)
def test_an_address_that_looks_like_the_provider_gets_no_key(address: str) -> None:
    with pytest.raises(ConfigError, match=r"is only sent to https://api\.aimlapi\.com"):
        session_with(AIMLAPI_API_KEY=OWN).ask("Hi", provider="aimlapi", base_url=address)


def test_an_unencrypted_address_elsewhere_asks_for_allow_http(monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_with()
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    ask = {"provider": "openai-compatible", "model": "m", "base_url": "http://models.example/v1"}
    with Server([chat(["Hello"])]) as proxy:  # in place of the other machine
        monkeypatch.setenv("http_proxy", proxy.origin)
        with pytest.raises(ConfigError, match=r"not encrypted, so nothing was sent; use https:// \(or --allow-http\)"):
            session.ask("Hi", **ask)
        assert proxy.requests == []
        assert session.ask("Hi", **ask, allow_http=True).text == "Hello"
    assert proxy.requests[0].path.startswith("http://models.example/v1/")


def test_the_option_of_the_magic_reaches_the_client(kernel: Kernel) -> None:
    """Without the option the request is refused; with it the request gets as far as an unknown host name."""
    ask = "%claude -p openai-compatible -m m --base-url http://nobody.invalid/v1"
    assert "--allow-http" in str(kernel.run(f"{ask} Hi").error)
    with Server([answer(502)]) as proxy:
        kernel.run(f"%env http_proxy={proxy.origin}")
        passed = kernel.run(f"{ask} --allow-http --timeout 5 Hi")
        kernel.run("del __import__('os').environ['http_proxy']")
        assert "has an internal error (502)" in str(passed.error)
        assert len(proxy.requests) == 3


def test_a_refused_call_is_one_line_and_costs_nothing() -> None:
    session = session_with(AIMLAPI_API_KEY=OWN)
    with pytest.raises(ClaudeError) as caught:
        session.ask(f"my key is {OWN}")
    assert OWN not in str(caught.value)
    assert session.totals.calls == 0


@pytest.mark.parametrize(("name", "path"), [("aimlapi", "/v1/key"), ("anthropic", "/v1/models")])
def test_a_login_is_checked_with_a_call_that_costs_nothing(name: str, path: str) -> None:
    with Server([answer(200, {"data": []}), answer(401, {"message": f"bad key {OWN}"})]) as server:
        provider = replace(registry.find(name), base_url=server.url)
        credentials = Credentials({provider.key_variables[0]: OWN})
        api.check_key(provider, credentials)
        with pytest.raises(AuthError) as caught:
            api.check_key(provider, credentials)
    assert OWN[:8] not in str(caught.value)
    assert {(request.method, request.path) for request in server.requests} == {("GET", path)}
    assert server.requests[0].headers["authorization"] == f"Bearer {OWN}"

"""The header that a key is sent in: Authorization, or the one that a gateway reads, and never two."""

from __future__ import annotations

from typing import Any

import pytest

from claude_nb.errors import AuthError, ClaudeError, ConfigError
from claude_nb.providers import api, registry
from claude_nb.providers.credentials import Credentials, KeyOwner
from claude_nb.session.session import Session
from tests.helpers import replies
from tests.helpers.server import Server, answer

KEY = "0123456789abcdef0123456789abcdef"
GATEWAY: dict[str, Any] = {"provider": "openai-compatible", "model": "m"}
USUAL = "authorization"


def live(server: Server | None = None, **variables: str) -> Session:
    bound = {"CLAUDE_NB_BASE_URL": server.url, "CLAUDE_NB_API_KEY": KEY} if server else {}
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", **bound, **variables}))


def keys_in(server: Server) -> list[dict[str, str]]:
    """Return the headers with the key, of each request."""
    return [{name: text for name, text in one.headers.items() if KEY in text} for one in server.requests]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("", {USUAL: f"Bearer {KEY}"}),
        ("Authorization", {USUAL: f"Bearer {KEY}"}),
        ("api-key", {"api-key": KEY}),
        ("X-API-Key", {"x-api-key": KEY}),
        ("x-portkey-api-key", {"x-portkey-api-key": KEY}),
        ("x-goog-api-key", {"x-goog-api-key": KEY}),
        ("Ocp-Apim-Subscription-Key", {"ocp-apim-subscription-key": KEY}),
        ("Helicone-Auth", {"helicone-auth": f"Bearer {KEY}"}),
        ("cf-aig-authorization", {"cf-aig-authorization": f"Bearer {KEY}"}),
    ],
)
@pytest.mark.parametrize("provider", ["openai-compatible", "anthropic"])
def test_a_gateway_gets_the_key_in_the_header_it_reads(name: str, sent: dict[str, str], provider: str) -> None:
    said = replies.messages(["Hi"]) if provider == "anthropic" else replies.chat(["Hi"])
    with Server([said]) as server:
        live(server, CLAUDE_NB_KEY_HEADER=name).ask("Hi", provider=provider, model="m", base_url=server.url)
    assert keys_in(server) == [sent]


@pytest.mark.parametrize(
    "name", ["Host", "Content-Length", "X-Team", "api key", "api-key\r\nX-Evil", "ключ", "x" * 200]
)
def test_a_header_that_holds_no_key_is_refused_before_anything_is_sent(name: str) -> None:
    with Server([replies.chat(["Hi"])]) as server:
        asked = live(server, CLAUDE_NB_KEY_HEADER=name)
        with pytest.raises(ConfigError, match=r"names no header for a key; use api-key") as caught:
            asked.ask("Hi", **GATEWAY, base_url=server.url)
    assert server.requests == []
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("header", ["env:CLAUDE_NB_API_KEY", "Bearer env:CLAUDE_NB_API_KEY"])
def test_a_header_of_the_cell_that_names_the_key_takes_its_place(header: str) -> None:
    with Server([replies.chat(["Hi"])]) as server:
        live(server).ask("Hi", **GATEWAY, base_url=server.url, headers={"api-key": header})
    assert keys_in(server) == [{"api-key": header.replace("env:CLAUDE_NB_API_KEY", KEY)}]


def test_another_secret_in_a_header_goes_beside_the_key() -> None:
    with Server([replies.chat(["Hi"])]) as server:
        asked = live(server, PORTKEY=f"pk-{KEY}")
        asked.ask("Hi", **GATEWAY, base_url=server.url, headers={"x-portkey-api-key": "env:PORTKEY"})
    assert keys_in(server) == [{USUAL: f"Bearer {KEY}", "x-portkey-api-key": f"pk-{KEY}"}]


def test_a_key_passed_in_python_goes_in_the_same_header() -> None:
    with Server([replies.chat(["Hi"])]) as server:
        asked = live(CLAUDE_NB_KEY_HEADER="api-key")
        asked.configure(api_key=KEY, base_url=server.url, **GATEWAY)
        asked.ask("Hi")
    assert keys_in(server) == [{"api-key": KEY}]


def test_the_list_of_models_and_the_count_use_it_too() -> None:
    with Server([answer(200, {"data": []})]) as server:
        asked = live(server, CLAUDE_NB_KEY_HEADER="api-key")
        for name in ("openai-compatible", "anthropic"):
            api.model_ids(name, server.url, asked.credentials)
    assert keys_in(server) == [{"api-key": KEY}, {"api-key": KEY}]


def test_the_row_of_a_provider_names_the_header_of_its_own_server_only() -> None:
    owner = KeyOwner("own", "https://api.own.example/v1", ("OWN_KEY",), "x-api-key")
    keys = Credentials({"OWN_KEY": KEY, "CLAUDE_NB_KEY_HEADER": "api-key"})
    found = [keys.find(owner), keys.find(owner, "http://127.0.0.1:4000/v1"), keys.find(owner, "https://evil.example")]
    assert [key and (key.header, key.sent()) for key in found] == [("x-api-key", KEY), ("api-key", KEY), None]
    row = registry.Provider("own", "Own", owner.base_url, "messages", ("OWN_KEY",), "m", key_header="x-api-key")
    assert row.owner == owner


def test_a_server_that_refuses_the_key_names_where_it_is_from() -> None:
    wrong = answer(401, {"error": {"message": f"Access denied due to invalid subscription key {KEY}"}})
    with Server([wrong]) as server, pytest.raises(AuthError, match="environment variable CLAUDE_NB_API_KEY") as caught:
        live(server, CLAUDE_NB_KEY_HEADER="api-key").ask("Hi", **GATEWAY, base_url=server.url)
    assert KEY not in str(caught.value)


def test_a_redirect_gets_the_key_in_no_header() -> None:
    with Server([replies.chat(["Hi"])]) as other:
        moved = answer(307, b"", {"location": f"{other.url}/chat/completions"})
        with Server([moved]) as server:
            asked = live(server, CLAUDE_NB_KEY_HEADER="api-key")
            with pytest.raises(ClaudeError, match="307"):
                asked.ask("Hi", **GATEWAY, base_url=server.url)
    assert other.requests == []

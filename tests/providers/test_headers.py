"""Headers of the user's own: to one server only, never a secret in plain text, never stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import AuthError, ClaudeError, ConfigError, PromptError
from claude_nb.notebook.arguments import parse
from claude_nb.providers import headers
from claude_nb.providers.credentials import Credentials
from claude_nb.session import options
from claude_nb.session.call import Call
from claude_nb.session.session import Session
from claude_nb.sweeps.api import sweep
from tests.helpers import replies
from tests.helpers.server import Server, answer
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "pk-live-9f8e7d6c5b4a"  # no format that a key is known by
GATEWAY: dict[str, Any] = {"provider": "openai-compatible", "model": "m"}


def live(**variables: str) -> Session:
    known = {"CLAUDE_NB_HISTORY": "off", "ANTHROPIC_API_KEY": KEY, "PORTKEY": SECRET}
    return Session(credentials=Credentials({**known, **variables}))


# What is written


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ({"X-Team": "blue"}, {"x-team": "blue"}),
        ("X-Team=blue", {"x-team": "blue"}),
        (("X-Team=blue", "x-team=red"), {"x-team": "red"}),
        (["x-portkey-config=pc-abc=="], {"x-portkey-config": "pc-abc=="}),
        (" X-Team = dark blue ", {"x-team": "dark blue"}),
        ({"anthropic-beta": "context-1m-2025-08-07"}, {"anthropic-beta": "context-1m-2025-08-07"}),
        ({"cf-aig-metadata": '{"team": "AI"}'}, {"cf-aig-metadata": '{"team": "AI"}'}),
        ({"HTTP-Referer": "https://example.org", "X-Title": "A course"}, None),
        ({"x-portkey-api-key": "env:PORTKEY"}, {"x-portkey-api-key": "env:PORTKEY"}),
        ({"Helicone-Auth": "Bearer env:PORTKEY"}, {"helicone-auth": "Bearer env:PORTKEY"}),
        ({"x-max-tokens-hint": "5", "x-tokens": "9"}, None),
    ],
)
def test_a_header_has_a_name_and_a_value(value: Any, sent: dict[str, str] | None) -> None:
    found = headers.check(value)
    assert found
    if sent is not None:
        assert found.values == sent
    assert options.check("headers", found) == found


@pytest.mark.parametrize("value", [{}, (), [], ""])
def test_none_is_none(value: Any) -> None:
    assert value == "" or headers.check(value) is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("X-Team", "are written NAME=VALUE"),
        ("=blue", "is not the name of one"),
        ({"X Team": "blue"}, "is not the name of one"),
        ({"X-Team\r\nHost": "blue"}, "is not the name of one"),
        ({"X-Téam": "blue"}, "is not the name of one"),
        ({"X-Team": "blue\r\nX-Admin: 1"}, "one line of ASCII text"),
        ({"X-Team": "blue\nX-Admin: 1"}, "one line of ASCII text"),
        ({"X-Team": "a\rb"}, "one line of ASCII text"),
        ({"X-Team": "a\x00b"}, "one line of ASCII text"),
        ({"X-Team": "blü"}, "one line of ASCII text"),
        ({"X-Team": ""}, "one line of ASCII text"),
        ({"X-Team": " "}, "one line of ASCII text"),
        ({"X-Team": 5}, "one line of ASCII text"),
        ({"X-Team": "x" * 5_000}, "longer than 4,000"),
        ({5: "x"}, "is not the name of one"),
        (5, "must be a dict"),
        ([5], "are written NAME=VALUE"),
        ({f"x-{i}": "1" for i in range(21)}, "send at most 20"),
        *[({name: "x"}, "is set by claude_nb") for name in ("Host", "content-length", "Transfer-Encoding", "COOKIE")],
        *[
            ({name: "x"}, "is set by claude_nb")
            for name in ("Content-Type", "Proxy-Authorization", "anthropic-version")
        ],
        ({"authorization": "Bearer x"}, "set CLAUDE_NB_API_KEY"),
        ({"x-api-key": "abc"}, "x-api-key=env:VARIABLE"),
        ({"api-key": "abc"}, "holds a secret"),
        ({"Ocp-Apim-Subscription-Key": "abc"}, "holds a secret"),
        ({"x-portkey-virtual-key": "abc"}, "holds a secret"),
        ({"Helicone-Auth": "Bearer abc"}, "holds a secret"),
        ({"cf-aig-authorization": "abc"}, "holds a secret"),
        ({"X-Auth-Token": "abc"}, "holds a secret"),
        ({"x-gateway-sig": "abc"}, "holds a secret"),
        ({"X-Team": "Bearer abcdefgh"}, "holds a secret"),
        ({"X-Team": "sk-ant-api03-abcdef0123456789abcd"}, "holds a secret"),
        ({"X-Team": KEY}, "holds a secret"),
        ({"X-Team": "eyJh.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36P"}, "holds a secret"),
    ],
)
def test_what_is_no_header_is_refused_without_repeating_its_value(value: Any, says: str) -> None:
    with pytest.raises(PromptError, match=says) as caught:
        headers.check(value)
    assert "\n" not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in (KEY, "abcdef0123456789", "SflKxwRJ"))


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_accepted_is_one_line_of_ascii(name: str, value: str) -> None:
    try:
        found = headers.check({name: value})
    except PromptError:
        return
    assert found
    ((name, value),) = found.values.items()
    assert name.isascii()
    assert value.isascii()
    assert value.isprintable()


def test_a_header_may_be_given_more_than_once_on_the_line() -> None:
    parsed = parse('--header X-Team=blue --header "Helicone-Auth=Bearer env:H" Why?')
    assert parsed == ({"headers": ["X-Team=blue", "Helicone-Auth=Bearer env:H"]}, "Why?")


# What is sent


def test_headers_go_with_the_call_and_secrets_come_from_the_environment() -> None:
    own = {"X-Team": "blue", "x-portkey-api-key": "env:PORTKEY", "Helicone-Auth": "Bearer env:PORTKEY"}
    with Server([replies.chat(["Hi"])]) as server:
        reply = live().ask("Hi", **GATEWAY, base_url=server.url, headers=own)
    sent = server.requests[0].headers
    assert (sent["x-team"], sent["x-portkey-api-key"]) == ("blue", SECRET)
    assert sent["helicone-auth"] == f"Bearer {SECRET}"
    assert "x-team" not in json.dumps(reply.to_dict())
    assert SECRET not in json.dumps(reply.to_dict()) + repr(reply)


def test_defaults_go_to_the_server_they_were_set_for_and_to_no_other() -> None:
    asked = live()
    with Server([replies.chat(["Hi"])]) as one, Server([replies.chat(["Hi"])]) as other:
        asked.configure(base_url=one.url, **GATEWAY, headers={"X-Team": "blue", "api-key": "env:PORTKEY"})
        asked.ask("Hi")
        asked.ask("Hi", base_url=other.url)
        asked.ask("Hi", headers={"X-Team": "red"})
        asked.configure(base_url=other.url)
        asked.ask("Hi")
        asked.configure(base_url=one.url, headers=None)
        asked.ask("Hi")
    assert [request.headers.get("x-team") for request in one.requests] == ["blue", "red", None]
    assert [request.headers.get("api-key") for request in one.requests] == [SECRET, SECRET, None]
    assert [request.headers.get("x-team") for request in other.requests] == [None, None]


def test_a_header_changes_neither_the_request_nor_its_key() -> None:
    asked = live()
    plain = asked.request("Hi", **GATEWAY, base_url="http://127.0.0.1:1/v1")
    asked.configure(base_url="http://127.0.0.1:1/v1", **GATEWAY, headers={"X-Team": "blue"})
    assert asked.request("Hi") == plain
    assert asked.request("Hi").key == plain.key


def test_a_history_knows_nothing_of_headers(tmp_path: Path) -> None:
    asked = live(CLAUDE_NB_HISTORY=str(tmp_path / "h.db"))
    with Server([replies.chat(["Hi"])]) as server:
        asked.ask("Hi", **GATEWAY, base_url=server.url, headers={"X-Team": "turquoise", "api-key": "env:PORTKEY"})
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"turquoise" not in stored
    assert SECRET.encode() not in stored


@pytest.mark.parametrize("value", ["env:MISSING", "Bearer env:MISSING"])
def test_a_variable_that_is_not_set_is_named_before_anything_is_sent(value: str) -> None:
    with Server([replies.chat(["Hi"])]) as server, pytest.raises(ConfigError, match="variable MISSING is not set"):
        live().ask("Hi", **GATEWAY, base_url=server.url, headers={"api-key": value})
    assert server.requests == []


@pytest.mark.parametrize("secret", ["a\nb", "ключ", " "])
def test_a_variable_of_several_lines_is_refused(secret: str) -> None:
    with Server([replies.chat(["Hi"])]) as server, pytest.raises(ConfigError, match=r"is not (one line|set)"):
        live(BAD=secret).ask("Hi", **GATEWAY, base_url=server.url, headers={"api-key": "env:BAD"})
    assert server.requests == []


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "AIMLAPI_API_KEY", "CLAUDE_NB_API_KEY"])
def test_the_key_of_another_server_is_not_sent_by_a_header(variable: str) -> None:
    asked = live(**{variable: KEY, "CLAUDE_NB_BASE_URL": "https://school.example/v1"})
    where = {**GATEWAY, "base_url": "https://evil.example/v1"}
    with pytest.raises(ConfigError, match=f"{variable} holds the key of .* never gets"):
        asked.ask("Hi", **where, headers={"x-data": f"env:{variable}"})


def test_a_known_key_in_plain_text_is_refused() -> None:
    with Server([replies.chat(["Hi"])]) as server:
        asked = live(CLAUDE_NB_API_KEY="correct-horse-battery-staple", CLAUDE_NB_BASE_URL=server.url)
        asked.ask("Hi", **GATEWAY, base_url=server.url)
        with pytest.raises(PromptError, match="holds a key"):
            asked.ask("Hi", **GATEWAY, base_url=server.url, headers={"x-data": "correct-horse-battery-staple"})
    assert len(server.requests) == 1


def test_a_server_that_echoes_a_secret_header_shows_a_mask() -> None:
    error = {"error": {"message": f"bad credentials {SECRET}", "type": "authentication_error"}}
    with Server([answer(401, error)]) as server, pytest.raises(AuthError) as caught:
        live().ask("Hi", **GATEWAY, base_url=server.url, headers={"api-key": "env:PORTKEY"})
    assert SECRET not in str(caught.value)
    assert "[key]" in str(caught.value)


def test_a_redirect_gets_no_header() -> None:
    with Server([replies.chat(["Hi"])]) as other:
        moved = answer(307, b"", {"location": f"{other.url}/chat/completions"})
        with Server([moved]) as server, pytest.raises(ClaudeError):
            live().ask("Hi", **GATEWAY, base_url=server.url, headers={"api-key": "env:PORTKEY"})
    assert other.requests == []


def test_a_proxy_that_reads_x_api_key_gets_it_from_a_variable() -> None:
    with Server([replies.messages(["Hi"])]) as server:
        live().ask("Hi", provider="anthropic", base_url=server.url, headers={"x-api-key": "env:PORTKEY"})
    assert server.requests[0].headers["x-api-key"] == SECRET


def test_every_round_and_every_call_of_a_sweep_carries_them() -> None:
    asked = live()
    with Server([replies.chat(["Hi"])]) as server:
        own = {"X-Team": "blue"}
        sweep("Hi", n=2, session=asked, show=False, base_url=server.url, **GATEWAY, headers=own)
        asked.configure(base_url=server.url, **GATEWAY, headers={"X-Team": "red"})
        sweep("Hi!", n=2, session=asked, show=False)
    assert [request.headers["x-team"] for request in server.requests] == ["blue", "blue", "red", "red"]


def test_counting_and_listing_carry_them_too(shell: Shell) -> None:
    listed = {"data": [{"id": "llama3"}]}
    with Server([answer(200, {"input_tokens": 3}), answer(200, listed)]) as server:
        shell.run(f"%claude -p anthropic --base-url {server.url} --header X-Team=blue --count Hi")
        shell.session.configure(provider="openai-compatible", base_url=server.url, headers={"X-Team": "red"})
        assert "llama3" in shell.run("%claude /models")
    assert [request.headers["x-team"] for request in server.requests] == ["blue", "red"]


def test_a_cell_sends_its_headers_and_shows_none_of_them(shell: Shell) -> None:
    with Server([replies.chat(["Hello."])]) as server:
        where = f"-p openai-compatible -m m --base-url {server.url} --header X-Team=turquoise"
        printed = shell.run(f"%claude {where} Hi")
        preview = shell.run(f"%claude {where} --dry-run Hi")
    assert server.requests[0].headers["x-team"] == "turquoise"
    assert "turquoise" not in printed + preview


def test_the_settings_show_the_name_of_the_variable_only() -> None:
    asked = live()
    asked.configure(base_url="http://127.0.0.1:1/v1", headers={"api-key": "env:PORTKEY"})
    assert "env:PORTKEY" in repr(asked.settings)
    assert SECRET not in repr(asked.settings) + repr(Call(headers=(asked.settings["headers"],)))


@pytest.mark.parametrize("where", [{}, {"provider": "openai-compatible"}, {"provider": "demo"}])
def test_defaults_without_a_server_to_send_them_to_are_refused(where: dict[str, str]) -> None:
    asked = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))
    with pytest.raises(PromptError, match="headers belong to one server; set base_url or provider"):
        asked.configure(**where, headers={"X-Team": "blue"})
    assert asked.settings == {}

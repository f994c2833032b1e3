"""A base URL is used exactly as it is typed, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import ConfigError
from claude_nb.providers import addresses, api, registry
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.http import transport
from claude_nb.session.session import Session
from tests.helpers.server import Server, answer, stream
from tests.providers.http.test_client import HI

KEPT = [
    "https://api.example/v1",
    "https://api.example/v1/",
    "HTTPS://API.example:8443/v1",
    "http://localhost:11434/v1",
    "http://127.0.0.1:8000",
    "http://[::1]:8000/v1",
    "http://my_host:80/v1",
    "https://api.example./v1",
    "https://api.example/v1?api-version=2024-10-21",
    "https://api.example/openai/deployments/gpt-5/?api-version=2024-10-21&region=eu%20west",
    "https://bücher.example/v1",
    "https://xn--bcher-kva.example/v1",
    "https://api.example/ü;v=1/~me/v1?monkey=1&tokens=5",
    "https://api.example:443/a%2Fb/v1.0/..x",
    "https://3scale.example/v1",
    "https://1.2.3.4.nip.io/v1",
]


@pytest.mark.parametrize("url", KEPT)
def test_an_ordinary_base_url_is_used(url: str) -> None:
    addresses.check(url)


REFUSED = [
    ("", "not the address of a server"),
    ("api.example/v1", "not the address of a server"),
    ("localhost:8000/v1", "not the address of a server"),
    ("//api.example/v1", "not the address of a server"),
    ("https:api.example/v1", "not the address of a server"),
    ("https:/api.example/v1", "not the address of a server"),
    ("https:///v1", "not the address of a server"),
    ("https://", "not the address of a server"),
    ("https://:8000/v1", "not the address of a server"),
    ("https://a..b/v1", "not the address of a server"),
    ("https://.example/v1", "not the address of a server"),
    ("https://a,b/v1", "not the address of a server"),
    ("https://%61pi.example/v1", "not the address of a server"),
    ("https://ａpi.example/v1", "not the address of a server"),
    ("http://127。0。0。1/v1", "not the address of a server"),
    ("https://" + "a" * 64 + ".example", "not the address of a server"),
    ("https://" + "a." * 127 + "example", "not the address of a server"),
    ("ftp://api.example/v1", "not the address of a server"),
    ("ws://api.example/v1", "not the address of a server"),
    ("file:///etc/passwd", "not the address of a server"),
    ("unix:///run/x.sock", "not the address of a server"),
    ("javascript:alert(1)", "not the address of a server"),
    (" https://api.example/v1", "a blank or a line break"),
    ("https://api.example/v1 ", "a blank or a line break"),
    ("https://api.example/v1\n", "a blank or a line break"),
    ("https://api .example/v1", "a blank or a line break"),
    ("https://api.example/v1\u00a0", "a blank or a line break"),
    ("https://api.example/v1\u200b", "which no address has"),
    ("https://api.example\\@evil.example/v1", "which no address has"),
    ("https://<host>/v1", "which no address has"),
    ("https://{resource}.example/v1", "which no address has"),
    ('"https://api.example/v1"', "which no address has"),
    ("“https://api.example/v1”", "not the address of a server"),
    ("https://me:word@api.example/v1", "before @"),
    ("https://me@api.example/v1", "before @"),
    ("https://@api.example/v1", "before @"),
    ("https://api.example/v1#top", "after #"),
    ("https://api.example/v1?a=b#", "after #"),
    ("https://api.example#/v1", "after #"),
    ("https://api.example:/v1", "impossible port"),
    ("https://api.example:0/v1", "impossible port"),
    ("https://api.example:65536/v1", "impossible port"),
    ("https://api.example:+80/v1", "impossible port"),
    ("https://api.example:8_0/v1", "impossible port"),
    ("https://api.example:８０/v1", "impossible port"),
    ("https://api.example:http/v1", "impossible port"),
    ("https://api.example:80:80/v1", "impossible port"),
    ("http://::1:8000/v1", "impossible port"),
    ("http://[::1/v1", "not the address of a server"),
    ("http://[::1]8000/v1", "not the address of a server"),
    ("http://[localhost]/v1", "not an IPv6 address"),
    ("http://[fe80::1%25eth0]/v1", "not an IPv6 address"),
    ("http://127.1/v1", "not an IP address"),
    ("http://2130706433/v1", "not an IP address"),
    ("http://0x7f.0.0.1/v1", "not an IP address"),
    ("http://0177.0.0.1/v1", "not an IP address"),
    ("http://300.1.1.1/v1", "not an IP address"),
    ("https://api.example/v1/../admin", "as it is typed"),
    ("https://api.example/./v1", "as it is typed"),
    ("https://api.example/v1/%2E%2e", "as it is typed"),
    ("https://api.example/%zz/v1", "as it is typed"),
    ("https://api.example/v1?a=100%", "as it is typed"),
    ("https://api.example/v1?key=abcdef", "holds a key"),
    ("https://api.example/v1?a=1&api-key=abcdef", "holds a key"),
    ("https://api.example/v1?subscription-key=abcdef", "holds a key"),
    ("https://api.example/v1?access_token=abcdef", "holds a key"),
    ("https://api.example/v1?X-Amz-Credential=abcdef", "holds a key"),
    ("https://api.example/v1?a=1;password=abcdef", "holds a key"),
]


@pytest.mark.parametrize(("url", "words"), REFUSED)
def test_a_part_that_cannot_be_kept_is_refused_in_one_line(url: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        addresses.check(url)

    assert words in str(caught.value)
    assert str(caught.value).isprintable()
    assert not any(secret in str(caught.value) for secret in ("word@", "abcdef"))


@given(st.text(max_size=40))
def test_any_text_is_refused_in_one_line_or_means_the_same_to_the_library_that_sends(text: str) -> None:
    for url in (text, f"https://{text}", f"https://api.example{text}", f"https://api.example/v1{text}"):
        problem = ""
        try:
            addresses.check(url)
        except ConfigError as error:
            problem = str(error)
        assert len(problem.splitlines()) <= 1
        if not problem and url.isascii():
            sent = transport.parse_url(addresses.joined(url, "/x"))
            assert (sent.scheme, sent.host) == (urlsplit(url).scheme, urlsplit(url).hostname)
            assert unquote(sent.raw_path.decode()) == unquote(sent.path + url[url.find("?") :] * ("?" in url))


@pytest.mark.parametrize("way", ["option", "configure", "environment", "/models"])
@pytest.mark.parametrize(
    "url", ["https://api.example/v1#x", "https://api .example/v1", "api.example/v1", "https://a:/v1"]
)
def test_every_way_to_name_a_server_is_checked(way: str, url: str) -> None:
    environ = {"CLAUDE_NB_HISTORY": "off", **({"CLAUDE_NB_BASE_URL": url} if way == "environment" else {})}
    session = Session(credentials=Credentials(environ))
    options = {"provider": "openai-compatible", "model": "m"}
    steps: dict[str, Callable[[], object]] = {
        "option": lambda: session.request("Hi", **options, base_url=url),
        "configure": lambda: session.configure(base_url=url),
        "environment": lambda: session.request("Hi", **options),
        "/models": lambda: api.model_ids("openai-compatible", url, session.credentials),
    }

    with pytest.raises(ConfigError, match=r"the address of a server|the base URL"):
        steps[way]()


def test_an_empty_address_does_not_mean_another_server() -> None:
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "ANTHROPIC_API_KEY": "k" * 20}))

    with pytest.raises(ConfigError, match="not the address of a server"):
        session.request("Hi", provider="anthropic", base_url="")


QUERY = "?api-version=2024-10-21&region=eu"


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_path_of_a_request_goes_in_front_of_the_query(slash: str) -> None:
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))
    replies = {
        "/v1/chat/completions": stream(HI + b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'),
        "/v1/messages": answer(200, {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}),
        "/v1/messages/count_tokens": answer(200, {"input_tokens": 3}),
        "/v1/models": answer(200, {"data": [{"id": "m"}]}),
    }
    with Server(lambda request: replies[request.path.removesuffix(QUERY)]) as server:
        url = f"{server.url}{slash}{QUERY}"
        for provider in ("openai-compatible", "anthropic"):
            assert session.ask("Hi", provider=provider, model="m", base_url=url).text == "Hi"
        request = session.request("Hi", provider="anthropic", model="m", base_url=url)
        assert api.count_tokens(request, credentials=session.credentials) == 3
        assert api.model_ids("openai-compatible", url, session.credentials) == ["m"]

    assert [request.path for request in server.requests] == [f"{path}{QUERY}" for path in replies]
    assert registry.preview(request, stream=True)[0].endswith(f"/v1/messages{QUERY}")
    assert json.dumps(request.to_dict()).count(QUERY) == 1

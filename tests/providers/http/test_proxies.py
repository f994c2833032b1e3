"""Which addresses go through a proxy, and what is said of one that does not work."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import pytest

from claude_nb.errors import ClaudeError, ConfigError, NetworkError
from claude_nb.providers.http import client, proxies
from claude_nb.providers.http.keepalive import KeptConnections
from claude_nb.providers.http.proxies import proxy_for
from claude_nb.providers.http.stream import Timeouts
from claude_nb.providers.keys import Key
from tests.helpers.clocks import HurriedStop
from tests.helpers.server import Recorded, Reset, Scenario, Send, Server, Wait, answer, stream
from tests.prompting.test_download import TLS, Secure, fetch
from tests.providers.http.test_client import HI, finish

PROXY = "http://proxy.example:3128"
SECRET = "hunter22-of-the-proxy"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)


def through(url: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> str | None:
    """Return the address of the proxy for a URL while these variables are set."""
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    found = proxy_for(url)
    return found and found.url


def send(url: str, *, kept: bool = False, key: Key | None = None) -> None:
    """Send a request. Raises what came of it."""
    connections = KeptConnections() if kept else None
    timeouts = Timeouts(connect_s=0.3, silence_s=5, progress_s=5)
    outgoing = client.post(url, {"a": 1}, key=key, timeouts=timeouts, connections=connections)
    try:
        finish(client.send(outgoing, stop=HurriedStop(), allow_http=True))[1].close()
    finally:
        if connections:
            connections.close()


# --- who goes through a proxy --------------------------------------------------------------------------------------

HERE = [
    "127.0.0.1",
    "127.9.9.9",
    "localhost",
    "LocalHost.",
    "api.localhost",
    "a.b.LOCALHOST.",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:0:0:1]",
    socket.gethostname(),
    socket.gethostname().upper(),
]


@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_address_of_this_machine_never_goes_through_a_proxy(
    host: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = dict.fromkeys(("http_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), PROXY)

    assert through(f"{scheme}://{host}:8000/v1", monkeypatch, **variables) is None
    assert through(f"{scheme}://{host}/v1?a=b", monkeypatch, NO_PROXY="corp.example") is None


@pytest.mark.parametrize("host", ["127.0.0.1.example", "localhost.example", "notlocalhost", "10.0.0.1", "[fe80::1]"])
def test_an_address_that_only_looks_like_this_machine_does(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert through(f"http://{host}:8000/v1", monkeypatch, HTTP_PROXY=PROXY) == PROXY


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "api.localhost", "0.0.0.0"])
@pytest.mark.parametrize("kept", [False, True], ids=["own thread", "kept connection"])
def test_prompt_and_key_for_a_server_on_this_machine_do_not_pass_the_proxy(
    host: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server([stream(HI)]) as proxy, Server([stream(HI)]) as server:
        for name in ("HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
        origin = f"http://{host}:{server.origin.rpartition(':')[2]}"
        send(f"{origin}/v1", kept=kept, key=Key("k" * 20, origin=origin, found="test"))

    assert proxy.requests == []
    assert server.requests[0].headers["host"] == origin.removeprefix("http://")


def test_unencrypted_http_to_another_machine_needs_a_word_also_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([stream(HI)]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        with pytest.raises(ConfigError, match="not encrypted, so nothing was sent; use https:// "):
            next(client.send(client.post("http://api.example/v1", {}, key=None), stop=HurriedStop()))
        assert proxy.requests == []
        send("http://api.example/v1")

    assert [request.path for request in proxy.requests] == ["http://api.example/v1"]


CHOSEN: list[tuple[str, dict[str, str], str | None]] = [
    ("https://api.example", {"HTTPS_PROXY": PROXY}, PROXY),
    ("https://api.example", {"https_proxy": "http://low:1", "HTTPS_PROXY": PROXY}, "http://low:1"),
    ("https://api.example", {"https_proxy": "", "HTTPS_PROXY": PROXY}, PROXY),
    ("https://api.example", {"https_proxy": " "}, None),
    ("https://api.example", {"HTTP_PROXY": PROXY}, None),
    ("https://api.example", {"HTTPS_PROXY": "http://own:1", "ALL_PROXY": PROXY}, "http://own:1"),
    ("https://api.example", {"ALL_PROXY": PROXY}, PROXY),
    ("http://api.example", {"all_proxy": PROXY}, PROXY),
    ("http://api.example", {"http_proxy": "proxy.example:3128"}, PROXY),
    ("http://api.example", {"http_proxy": " HTTP://proxy.example:3128/ "}, PROXY),
    ("http://api.example", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, None),
    ("http://api.example", {"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, PROXY),
    ("https://api.example", {"HTTPS_PROXY": "https://proxy.example"}, "https://proxy.example"),
    ("https://api.example", {"HTTPS_PROXY": "http://[fd00::1]:3128"}, "http://[fd00::1]:3128"),
    ("https://api.example", {"HTTPS_PROXY": f"http://me:{SECRET}@proxy.example:3128"}, PROXY),
    ("https://api.example", {"HTTPS_PROXY": f"http://me:{SECRET}@x/y@proxy.example:3128"}, PROXY),
    ("https://api.example", {}, None),
]


@pytest.mark.parametrize(("url", "variables", "proxy"), CHOSEN)
def test_the_variables_are_read_as_curl_does(
    url: str, variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert through(url, monkeypatch, **variables) == proxy


EXCEPTIONS: list[tuple[str, str, bool]] = [
    ("*", "https://api.example", True),
    (" * ", "https://api.example", True),
    ("api.example", "https://api.example/v1", True),
    ("API.Example", "https://api.example", True),
    ("api.example", "https://API.EXAMPLE:8443", True),
    ("api.example.", "https://api.example", True),
    ("api.example", "https://api.example.", True),
    ("example", "https://api.example", True),
    (".example", "https://api.example", True),
    (".api.example", "https://api.example", True),
    ("*.example", "https://api.example", True),
    ("pi.example", "https://api.example", False),
    ("example", "https://api.example.org", False),
    ("api.*", "https://api.example", False),
    ("other.example,api.example", "https://api.example", True),
    ("other.example , api.example", "https://api.example", True),
    ("other.example api.example", "https://api.example", True),
    (",,other.example,\tapi.example,", "https://api.example", True),
    ("", "https://api.example", False),
    (",", "https://api.example", False),
    (".", "https://api.example", False),
    ("api.example:443", "https://api.example", True),
    ("api.example:443", "https://api.example:443", True),
    ("api.example:80", "http://api.example", True),
    ("api.example:8443", "https://api.example", False),
    (".example:8443", "https://api.example:8443", True),
    ("https://api.example", "https://api.example", True),
    ("10.0.0.0/8", "http://10.1.2.3:8000", True),
    ("10.0.0.0/8", "http://11.1.2.3", False),
    ("10.9.9.9/8", "http://10.1.2.3", True),
    ("192.168.0.0/16,10.0.0.0/8", "http://10.1.2.3", True),
    ("10.1.2.3", "http://10.1.2.3", True),
    ("10.1.2.3:8000", "http://10.1.2.3:8000", True),
    ("10.1.2.3:8000", "http://10.1.2.3", False),
    ("10.1.2", "http://10.1.2.3", False),
    ("2.3", "http://10.1.2.3", False),
    ("0.0.0.0/0", "http://10.1.2.3", True),
    ("0.0.0.0/0", "http://api.example", False),
    ("10.0.0.0/99", "http://10.1.2.3", False),
    ("10.0.0.0/x", "http://10.1.2.3", False),
    ("fd00::1", "http://[fd00::1]:8000", True),
    ("[fd00::1]", "http://[fd00::1]", True),
    ("FD00:0::1", "http://[fd00::1]", True),
    ("[fd00::1]:8000", "http://[fd00::1]:8000", True),
    ("[fd00::1]:8000", "http://[fd00::1]:8001", False),
    ("fd00::/8", "http://[fd12::1]", True),
    ("fd00::/8", "http://[fe80::1]", False),
    ("10.0.0.0/8", "http://[::ffff:10.1.2.3]", True),
    ("fd00::/8", "http://10.1.2.3", False),
    ("::/0", "http://10.1.2.3", False),
]


@pytest.mark.parametrize(("exceptions", "url", "direct"), EXCEPTIONS)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_the_list_of_exceptions_is_understood_as_curl_does(
    name: str, exceptions: str, url: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = through(url, monkeypatch, ALL_PROXY=PROXY, **{name: exceptions})

    assert found == (None if direct else PROXY)


def test_the_settings_of_windows_and_macos_count_where_no_variable_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "getproxies", lambda: {"https": "http://desk.example:1"})
    monkeypatch.setattr(proxies, "proxy_bypass", lambda netloc: netloc == "near.example")
    proxies._of_system.cache_clear()

    assert str(proxy_for("https://api.example")) == "the proxy http://desk.example:1 of the system settings"
    assert proxy_for("https://near.example") is None
    assert proxy_for("https://localhost") is None
    assert through("https://api.example", monkeypatch, HTTPS_PROXY=PROXY) == PROXY
    proxies._of_system.cache_clear()


# --- a proxy that does not work ------------------------------------------------------------------------------------

UNUSABLE: list[tuple[str, str]] = [
    ("socks5://proxy.example:1080", "needs the package socksio; run %pip install socksio, or unset HTTPS_PROXY"),
    (f"socks5h://me:{SECRET}@proxy.example", "needs the package socksio"),
    ("socks4://proxy.example:1080", "is of a kind that cannot be used (socks4://)"),
    (f"socks://me:{SECRET}@proxy.example:1080", "is of a kind that cannot be used (socks://)"),
    ("ftp://proxy.example", "is of a kind that cannot be used (ftp://)"),
    ("pac+https://proxy.example/x.pac", "is of a kind that cannot be used (pac+https://)"),
    ("'http://proxy.example:3128'", "has no valid address; write HTTPS_PROXY=http://HOST:PORT, or unset it"),
    ('"proxy.example:3128"', "has no valid address"),
    ("http://", "has no valid address"),
    ("http://proxy.example:99999", "has no valid address"),
    ("http://proxy.example:0", "has no valid address"),
    ("http://proxy.example:port", "has no valid address"),
    ("http://proxy example:3128", "has no valid address"),
    ("http://[fd00::1:3128", "has no valid address"),
    ("http:/proxy.example", "has no valid address"),
    ("http://proxy.example:3128/path", "has no valid address"),
    (f"http://me:{SECRET}#1@", "has no valid address"),
    ("DIRECT;", "has no valid address"),
]


@pytest.mark.parametrize(("proxy", "words"), UNUSABLE)
def test_a_proxy_that_cannot_be_used_is_named_with_what_to_do(
    proxy: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda name: None)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    proxies._read.cache_clear()

    with pytest.raises(ConfigError) as caught:
        send("https://api.example/v1")

    assert str(caught.value).startswith("the proxy ")
    assert "HTTPS_PROXY" in str(caught.value)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


Behaviour = Callable[[Recorded], Scenario] | list[Scenario]
FAILING: list[tuple[Behaviour, str, str]] = [
    ([answer(407, SECRET.encode())], "refuses its name or password (407); set HTTPS_PROXY=http://NAME:PASSWORD@", ""),
    ([answer(403)], "lets nothing through to api.example:8443 (403); correct HTTPS_PROXY", ""),
    ([answer(503)], "cannot reach api.example:8443 (503); check the address", ""),
    ([[Send(b"SSH-2.0-OpenSSH\r\n")]], "does not answer like a proxy", ""),
    ([[Reset()]], "no connection to the proxy", ""),
    ([[Wait()]], "within 0.3 s", ""),
    ([[Send(b"SSH-2.0-OpenSSH\r\n")]], "no connection to the proxy", "https"),
]


@pytest.mark.parametrize(("behaviour", "words", "scheme"), FAILING)
@pytest.mark.parametrize("kept", [False, True], ids=["own thread", "kept connection"])
def test_a_proxy_that_opens_no_tunnel_is_named_with_what_to_do(
    behaviour: Behaviour, words: str, scheme: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(behaviour) as proxy:
        address = proxy.origin.removeprefix("http://")
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme or 'http'}://me:{SECRET}@{address}")
        with pytest.raises(NetworkError) as caught:
            send("https://api.example:8443/v1", kept=kept)

    assert f"the proxy {scheme or 'http'}://{address} of HTTPS_PROXY" in str(caught.value)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", ["http://api.example/v1", "https://api.example/v1"])
@pytest.mark.parametrize(
    ("proxy", "words"),
    [("http://127.0.0.1:9", "nothing answers at the proxy"), ("nowhere.invalid:3128", "was not found")],
)
def test_a_proxy_that_is_dead_or_unknown_is_named(
    url: str, proxy: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)

    with pytest.raises(NetworkError) as caught:
        send(url)

    assert f"{proxy.removeprefix('http://')} of ALL_PROXY" in str(caught.value)
    assert words in str(caught.value)
    assert str(caught.value).endswith("; correct ALL_PROXY, or add api.example to NO_PROXY")


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (answer(407, SECRET.encode()), "needs a name and a password (407); set http_proxy=http://NAME:PASSWORD@"),
        (answer(503, b"no route"), 'is overloaded (503): "no route"'),
        ([Reset()], "closed the connection without an answer"),
    ],
)
def test_a_proxy_that_answers_in_place_of_the_server_is_named(
    scenario: Scenario, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server([scenario]) as proxy:
        origin = proxy.origin
        monkeypatch.setenv("http_proxy", origin)
        with pytest.raises(ClaudeError) as caught:
            send("http://api.example/v1")

    assert f"the proxy {origin} of http_proxy" in str(caught.value)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_proxy_with_a_login_gets_it_and_the_server_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([stream(HI)]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin.replace("//", "//me:p%40ss@"))
        send("http://api.example/v1")

    assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cEBzcw=="


def test_a_proxy_is_named_for_downloads_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for proxy, words in (("http://127.0.0.1:9", "nothing answers at the proxy"), ("socks4://a", "of a kind that")):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(ClaudeError, match=words):
            fetch("https://pictures.example.org/a.png")


def test_a_proxy_that_speaks_tls_is_checked_with_the_same_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    def leads_here(_: str, *args: object, **options: object) -> object:
        return look_up("127.0.0.1", *args, **options)  # type: ignore[arg-type]  # passed on as it comes

    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", leads_here)
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))
    with Secure([answer(403)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.at("", "pictures.example.org"))
        with pytest.raises(NetworkError, match="lets nothing through"):
            send("https://api.example/v1")
        monkeypatch.setenv("SSL_CERT_FILE", ssl.get_default_verify_paths().cafile or str(TLS / "server.pem"))
        monkeypatch.setenv("HTTPS_PROXY", proxy.at("", "other.example.org"))
        with pytest.raises(NetworkError, match=r"the certificate of the proxy https://other\.example\.org"):
            send("https://api.example/v1")

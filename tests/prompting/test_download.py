"""Downloads come only from the public internet, are limited in size and time, and send no key.

The loopback server here has a certificate for pictures.example.org and elsewhere.example.org (tests/data/tls, made
with `openssl req -x509 -days 36525`, its key is worth nothing), and the tests say where these names lead.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from claude_nb.errors import ClaudeError, ConfigError, Interrupted, NetworkError, PromptError
from claude_nb.prompting import download, public
from tests.helpers import TESTS
from tests.helpers.server import Recorded, Repeat, Reset, Scenario, Send, Server, Wait, answer, head

TLS = TESTS / "data" / "tls"
HOST = "pictures.example.org"
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


class Secure(Server):
    """The loopback server over TLS."""

    def _serve(self, connection: socket.socket) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(TLS / "server.pem")
        with suppress(OSError):
            super()._serve(context.wrap_socket(connection, server_side=True))

    def __enter__(self) -> Secure:
        super().__enter__()
        self.port = int(self.origin.rpartition(":")[2])
        return self

    def at(self, path: str = "/a.png", host: str = HOST) -> str:
        return f"https://{host}:{self.port}{path}"


@pytest.fixture(autouse=True)
def own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out proxies, and trust the certificate of these tests."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Record every address that a socket connects to."""
    connections: list[object] = []
    connect = socket.socket.connect

    def recorded(self: socket.socket, address: object) -> None:
        connections.append(address)
        connect(self, address)  # type: ignore[arg-type]  # the real method checks its own argument

    monkeypatch.setattr(socket.socket, "connect", recorded)
    return connections


def leads(*answers: list[str]) -> Callable[[str, int], list[str]]:
    """Return a look-up that gives these answers in turn, and then repeats the last one."""
    left = list(answers)
    return lambda host, port: left.pop(0) if len(left) > 1 else left[0]


def fetch(url: str, most: int = 1000, **options: object) -> download.Fetched:
    """Fetch with every name leading to a loopback address, which counts as public."""
    chosen = {"look_up": leads(["127.0.0.1"]), "allowed": lambda one: one == "127.0.0.1", **options}
    return download.fetch(url, most, **chosen)  # type: ignore[arg-type]


# What is fetched


def test_a_file_comes_with_the_last_part_of_its_address_as_its_name() -> None:
    with Secure([answer(200, b"bytes")]) as server:
        got = fetch(server.at("/some/a%20b.png?signature=1#top"))
    assert got == download.Fetched(b"bytes", "a b.png", HOST)


def test_an_address_without_a_file_is_named_after_its_host() -> None:
    with Secure([answer(200, b"bytes")]) as server:
        assert fetch(server.at("/")).name == HOST


def test_a_name_cannot_bring_characters_that_act() -> None:
    with Secure([answer(404)]) as server, pytest.raises(PromptError) as caught:
        fetch(server.at("/a%0A%1B[2Kb%E2%80%AE.png"))
    assert str(caught.value) == f"{HOST} answered 404 for a[2Kb.png; check the address"


def test_a_download_sends_no_key_login_or_cookie(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "0123456789abcdef" * 2)
    (own_home / ".netrc").write_text(f"machine {HOST} login me password secret\n")
    with Secure([answer(302, headers={"location": "/b", "set-cookie": "a=1"}), answer(200, b"ok")]) as server:
        fetch(server.at())
    for request in server.requests:
        assert set(request.headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}
        assert request.headers["host"] == f"{HOST}:{server.port}"
        assert request.headers["accept-encoding"] == "identity"
        assert request.body == b""


# Where it may not go

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # metadata of most clouds
    "168.63.129.16",  # of Azure
    "192.0.0.192",  # of Oracle
    "100.100.100.200",  # of Alibaba
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "224.0.1.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "100::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "5f00::1",
    "not an address",
    "",
]
PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
    "64:ff9b::101:101",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_never_connected_to(address: str, connected: list[object]) -> None:
    for found in ([address], ["93.184.216.34", address], [address, "93.184.216.34"]):
        with pytest.raises(PromptError, match="which is not public; download it and attach the file"):
            download.fetch(f"https://{HOST}/a.png", 1000, look_up=leads(found))
    assert connected == []


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert public.is_public(address)


HOSTILE = [
    "https://localhost/",
    "https://LOCALHOST:8888/api",
    "https://localhost./",
    "https://db.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://router.home.arpa./",
    "https://wiki.corp/",
    "https://intranet/",
    "https://127.0.0.1/",
    "https://127.0.0.1:8888/",
    "https://127.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://a.0x7f000001/",
    "https://127.0.0.1./",
    "https://1.2.3.4.5/",
    "https://127。0。0。1/",
    "https://１２７.0.0.1/",
    "https://%31%32%37.0.0.1/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://example.org@127.0.0.1/",
    "https://example.org\\@127.0.0.1/",
    "https://me:secret@example.org/",
    "https://:secret@example.org/",
    "https:///a.png",
    "https://",
    "https:example.org",
    "https://example.org:99999999/",
    "https://exa mple.org/",
    "https://example.org/\n",
    "https://example.org/a\0b",
    "https://*.example.org/",
    "https://xn--\ufffd.org/",
    "http://example.org/a.png",
    "ftp://example.org/a.png",
    "file:///etc/passwd",
    "https://example.org/?key=sk-ant-api03-0123456789abcdefghijklmnop",
]


@pytest.mark.parametrize("url", HOSTILE)
@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
def test_a_hostile_address_is_refused_in_one_line_before_any_look_up(
    url: str, proxy: str, connected: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    asked: list[str] = []
    with pytest.raises(PromptError) as caught:
        download.fetch(url, 1000, look_up=lambda host, port: [asked.append(host) or "1.1.1.1"])
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "sk-ant" not in str(caught.value)
    assert (asked, connected) == ([], [])


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(connected: list[object]) -> None:
    """A name that is public when it is checked and private later is not looked up twice."""
    asked: list[str] = []

    def look_up(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with Secure([answer(200, b"ok")]) as server:
        fetch(server.at(), look_up=look_up)
    assert asked == [HOST]
    assert connected == [("127.0.0.1", server.port)]


def test_when_one_address_does_not_answer_the_next_one_is_tried() -> None:
    with Secure([answer(200, b"ok")]) as server:
        closed = socket.create_server(("127.0.0.2", 0))  # nobody listens at 127.0.0.3
        closed.close()
        found = fetch(server.at(), look_up=leads(["127.0.0.3", "127.0.0.1"]), allowed=lambda one: True)
    assert found.data == b"ok"


def test_the_certificate_has_to_be_that_of_the_name() -> None:
    with Secure([answer(200, b"ok")]) as server:
        with pytest.raises(NetworkError, match=r"the certificate of other\.example\.org is not trusted"):
            fetch(server.at(host="other.example.org"))
        with pytest.raises(NetworkError, match=r"the certificate of 127\.0\.0\.1 is not trusted"):
            fetch(server.at(host="127.0.0.1"))
    assert server.requests == []


def test_a_certificate_nobody_vouches_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with Secure([answer(200, b"ok")]) as server, pytest.raises(NetworkError, match="set SSL_CERT_FILE to yours"):
        fetch(server.at())


# Redirects


def to(location: str, status: int = 302) -> Scenario:
    return answer(status, headers={"location": location})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_the_first_name_stays(status: int) -> None:
    def serve(request: Recorded) -> Scenario:
        elsewhere = request.headers["host"].replace("pictures", "elsewhere")
        return answer(200, b"ok") if request.path == "/b" else to(f"https://{elsewhere}/b", status)

    with Secure(serve) as server:
        assert fetch(server.at()) == download.Fetched(b"ok", "a.png", HOST)
    assert [request.headers["host"].partition(".")[0] for request in server.requests] == ["pictures", "elsewhere"]


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("https://127.0.0.2/latest", "not a public address"),
        ("//localhost/x", "not a public address"),
        ("https://[::1]/", "not a public address"),
        (f"http://{HOST}/a.png", "not an https:// address"),
        ("file:///etc/passwd", "not an https:// address"),
        ("https://me:secret@example.org/", "before @"),
    ],
)
def test_a_redirect_to_where_nothing_is_fetched_is_refused(location: str, says: str, connected: list[object]) -> None:
    with Secure([to(location), answer(200, b"inside")]) as server, pytest.raises(PromptError, match=says):
        fetch(server.at())
    assert connected == [("127.0.0.1", server.port)]


def test_the_name_in_a_redirect_is_looked_up_and_checked_again(connected: list[object]) -> None:
    with (
        Secure([to("/b"), answer(200, b"inside")]) as server,
        pytest.raises(PromptError, match=r"leads to 10\.0\.0\.1"),
    ):
        fetch(server.at(), look_up=leads(["127.0.0.1"], ["10.0.0.1"]))
    assert connected == [("127.0.0.1", server.port)]


def test_redirects_in_a_circle_end() -> None:
    with Secure([to("/a.png")]) as server, pytest.raises(PromptError, match=r"a\.png is redirected more than 3 times"):
        fetch(server.at())
    assert len(server.requests) == 4


# How much, how long


def test_a_file_that_announces_a_large_size_is_not_read() -> None:
    with Secure([[Send(head(200, {"content-length": "3000000000"})), Wait()]]) as server:
        with pytest.raises(PromptError, match=r"a\.png has more than 0\.0 MB; make it smaller"):
            fetch(server.at())
        assert server.gone.wait()


@pytest.mark.parametrize("length", ["", "5", "-1", "nonsense", "9" * 5000])
def test_an_endless_file_ends_at_the_limit_whatever_length_it_announced(length: str) -> None:
    with Secure([[Send(head(200, {"content-length": length})), Repeat(b"x" * 500)]]) as server:
        with suppress(ClaudeError):
            assert len(fetch(server.at()).data) <= 1000
        assert server.gone.wait()


def test_a_file_of_exactly_the_limit_is_accepted() -> None:
    with Secure([answer(200, b"x" * 1000)]) as server:
        assert len(fetch(server.at()).data) == 1000


def test_a_compressed_file_is_refused() -> None:
    packed = answer(200, b"x", {"content-encoding": "gzip"})
    with Secure([packed]) as server, pytest.raises(PromptError, match=r"sends a\.png compressed"):
        fetch(server.at())


@pytest.mark.parametrize("start", [head(200), b"HTTP/1.1 200 OK\r\n"], ids=["body", "head"])
def test_a_drip_ends_when_the_time_is_over(start: bytes) -> None:
    drip = b"x" if start.endswith(b"\r\n\r\n") else b"x: y\r\n"
    with Secure([[Send(start), Repeat(drip, pause_s=0.02)]]) as server:
        with pytest.raises(NetworkError, match=r"a\.png took longer than 30 s"):
            fetch(server.at(), most=10**9, clock=lambda: 31.0 if server.arrived.is_set() else 0.0)
        assert server.gone.wait()


@pytest.mark.parametrize("phase", ["name", "answer"])
def test_ctrl_c_ends_it_at_once(phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, released = threading.Event(), threading.Event()

    def look_up(host: str, port: int) -> list[str]:
        asked.set()
        if phase == "name":
            released.wait(30)
        return ["127.0.0.1"]

    def clock() -> float:
        if server.arrived.is_set() or (phase == "name" and asked.is_set()):
            raise KeyboardInterrupt
        return 0.0

    with Secure([[Send(head(200)), Wait()]]) as server:
        with pytest.raises(Interrupted, match=r"stopped while a\.png was fetched; nothing was sent"):
            fetch(server.at(), look_up=look_up, clock=clock)
        if phase == "answer":
            assert server.gone.wait()
        released.set()


# What goes wrong


@pytest.mark.parametrize("status", [204, 206, 304, 401, 404, 500])
def test_an_answer_that_is_not_a_file_is_named_by_its_status(status: int) -> None:
    with Secure([answer(status)]) as server, pytest.raises(PromptError, match=f"answered {status} for a.png"):
        fetch(server.at())


def test_a_file_that_breaks_off_is_an_error() -> None:
    half = [Send(head(200, {"content-length": "9"}) + b"half")]
    with Secure([half]) as server, pytest.raises(NetworkError, match=f"the connection to {HOST} broke off"):
        fetch(server.at())


def test_a_name_that_is_not_found_says_so() -> None:
    def look_up(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    for wrong in (look_up, leads([])):
        with pytest.raises(NetworkError, match=f"the name of {HOST} was not found"):
            fetch(f"https://{HOST}/a.png", look_up=wrong)


def test_a_server_that_is_not_there_says_so() -> None:
    with Secure([answer(200)]) as server:
        gone = server.at("/a.png?token=hidden")
    with pytest.raises(NetworkError) as caught:
        fetch(gone)
    assert str(caught.value) == f"nothing answers at {HOST}; check the port, and that the server is running"


@pytest.mark.parametrize("steps", [[Send(b"SSH-2.0-OpenSSH_9.9\r\n")], [Send(b"")], [Reset()]])
def test_an_answer_that_makes_no_sense_is_one_line(steps: Scenario) -> None:
    with Secure([steps]) as server, pytest.raises(NetworkError, match=rf"{HOST} closed the connection without an ans"):
        fetch(server.at())


def test_a_redirect_to_a_malformed_address_is_one_line() -> None:
    with Secure([to("https://a:b/")]) as server, pytest.raises(PromptError, match="not the address of a file"):
        fetch(server.at())


def test_a_missing_certificate_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "nothing-here.pem")
    with pytest.raises(ConfigError, match=f"nothing was sent to {HOST}: SSL_CERT_FILE names no file"):
        fetch(f"https://{HOST}/a.png")


# Proxies


def test_behind_a_proxy_the_proxy_looks_the_name_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, port: int) -> list[str]:
        raise AssertionError("the proxy does that")

    with Server([answer(403)]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin.removeprefix("http://"))
        with pytest.raises(
            NetworkError, match=r"the proxy http://\S+ of HTTPS_PROXY lets nothing through to pictures\.example\.org"
        ):
            fetch(f"https://{HOST}/a.png?token=hidden", look_up=look_up)
    (request,) = proxy.requests
    assert (request.method, request.path) == ("CONNECT", f"{HOST}:443")
    assert "hidden" not in str(request)


def test_a_host_in_no_proxy_is_fetched_directly_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.org")
    with pytest.raises(PromptError, match=r"leads to 10\.0\.0\.1"):
        fetch(f"https://{HOST}/a.png", look_up=leads(["10.0.0.1"]))


def test_an_unusable_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1:9")
    with pytest.raises(ConfigError, match="the proxy of HTTPS_PROXY is of a kind"):
        fetch(f"https://{HOST}/a.png")

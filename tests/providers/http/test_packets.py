"""A request goes out in one piece, and a long one whole; who answers before it has read all is heard."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpcore
import pytest

from claude_nb.providers.credentials import Credentials
from claude_nb.providers.http import packets
from claude_nb.providers.http.keepalive import KeptConnections
from claude_nb.providers.http.packets import Packets
from claude_nb.session.session import Session
from tests.helpers.server import Server, stream
from tests.prompt.test_download import PROXIES, TLS, Secure
from tests.providers.http.test_keepalive import KEPT

HI = stream(
    b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n', headers=KEPT
)


@pytest.fixture(autouse=True)
def own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, the certificate of these tests is trusted, and its name leads here."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))
    at_home = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *more, **how: at_home("127.0.0.1", *more, **how))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What each send() of a client took to the line, before it was encrypted; not what asks a proxy for a tunnel."""
    pieces: list[bytes] = []
    ports: set[int] = set()
    create_server = socket.create_server

    def created(*what: Any, **how: Any) -> socket.socket:
        listener = create_server(*what, **how)
        ports.add(listener.getsockname()[1])
        return listener

    def counting(kind: type[socket.socket]) -> None:
        send = kind.send

        def counted(self: socket.socket, data: bytes, *flags: int) -> int:
            taken = send(self, data, *flags)
            is_client = self.getsockname()[1] not in ports
            if is_client and not bytes(data).startswith(b"CONNECT "):
                pieces.append(bytes(data[:taken]))
            return taken

        monkeypatch.setattr(kind, "send", counted)

    monkeypatch.setattr(socket, "create_server", created)
    counting(socket.socket)
    counting(ssl.SSLSocket)
    return pieces


@pytest.fixture
def lane() -> Iterator[KeptConnections]:
    lane = KeptConnections()
    yield lane
    lane.close()


def say(url: str, lane: KeptConnections | None, prompt: str = "Hello") -> str:
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))
    request = session.request(prompt, provider="openai-compatible", model="m", base_url=url)
    return session.run(request, lane=lane).wait().text


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("has_lane", [False, True], ids=["a call of its own", "on a lane"])
def test_head_and_body_of_a_request_are_sent_together(
    is_secure: bool, has_lane: bool, sent: list[bytes], lane: KeptConnections
) -> None:
    with (Secure if is_secure else Server)([HI]) as server:
        url = server.at("/v1") if isinstance(server, Secure) else server.url
        for _ in range(3):
            assert say(url, lane if has_lane else None) == "Hi"
        assert server.connections == (1 if has_lane else 3)
    assert len(sent) == 3
    assert all(piece.startswith(b"POST ") and piece.endswith(b"}") for piece in sent)


@pytest.fixture
def tunnel(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """A proxy that passes on what is encrypted; the first line of each connection to it."""
    asked: list[bytes] = []

    def pump(taken: socket.socket, given: socket.socket) -> None:
        with suppress(OSError):
            while piece := taken.recv(65536):
                given.sendall(piece)
        with suppress(OSError):
            given.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        client, _ = proxy.accept()
        head = client.recv(65536)
        asked.append(head.partition(b"\r\n")[0])
        with client, socket.create_connection(("127.0.0.1", int(head.split()[1].rpartition(b":")[2]))) as target:
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=pump, args=(target, client))
            back.start()
            pump(client, target)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield asked
        thread.join()


def test_a_tunnel_through_a_proxy_is_kept_as_well(
    tunnel: list[bytes], sent: list[bytes], lane: KeptConnections
) -> None:
    with Secure([HI]) as server:
        assert [say(server.at("/v1"), lane) for _ in range(3)] == ["Hi"] * 3
        assert tunnel == [f"CONNECT pictures.example.org:{server.port} HTTP/1.1".encode()]
    assert len(sent) == 3


def test_a_body_too_long_to_hold_follows_its_head_and_arrives_whole(sent: list[bytes]) -> None:
    prompt = "word " * 50_000
    with Server([HI]) as server:
        assert say(server.url, None, prompt) == "Hi"
        assert server.requests[0].json["messages"][-1]["content"] == prompt
    assert sent[0].startswith(b"POST ")
    assert sent[0].endswith(b"\r\n\r\n")
    assert b"".join(sent[1:]) == server.requests[0].body


class Refusing(httpcore.NetworkStream):
    """A server that reads nothing, but has said something."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            raise httpcore.WriteError

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return b"HTTP/1.1 413 Too Large"


def test_the_answer_of_a_server_that_does_not_read_the_request_is_heard() -> None:
    line = packets._Stream(Refusing())
    line.write(b"POST / HTTP/1.1\r\n\r\n")
    assert line.read(100) == b"HTTP/1.1 413 Too Large"


def test_a_connection_that_cannot_be_made_is_reported_as_httpcore_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(httpcore.ConnectError):
        Packets().connect_tcp("127.0.0.1", port, timeout=5)

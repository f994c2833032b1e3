"""A connection that is kept through a proxy, over TLS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from claude_nb.providers.credentials import Credentials
from claude_nb.providers.http.keepalive import KeptConnections
from claude_nb.session.session import Session
from tests.helpers.server import stream
from tests.prompting.test_download import PROXIES, TLS, Secure
from tests.providers.http.test_keepalive import KEPT

HI = stream(
    b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n', headers=KEPT
)


@pytest.fixture(autouse=True)
def own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out proxies, trust the certificate of these tests, and let its name lead here."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *args, **options: look_up("127.0.0.1", *args, **options))


@pytest.fixture
def tunnel(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Run a proxy that passes encrypted bytes on. Gives the first line of each connection to it."""
    lines: list[bytes] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        client, _ = proxy.accept()
        head = client.recv(65536)
        lines.append(head.partition(b"\r\n")[0])
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
        yield lines
        thread.join(10)  # without a call, the proxy waits for its first connection for ever


def test_a_tunnel_through_a_proxy_is_kept_for_the_next_call(tunnel: list[bytes]) -> None:
    connections = KeptConnections()
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))
    with Secure([HI]) as server:
        where = {"provider": "openai-compatible", "model": "m", "base_url": server.at("/v1")}
        for _ in range(3):
            request = session.request("Hello", **where)
            assert session.run(request, connections=connections).wait().text == "Hi"
        connections.close()
        assert tunnel == [f"CONNECT pictures.example.org:{server.port} HTTP/1.1".encode()]

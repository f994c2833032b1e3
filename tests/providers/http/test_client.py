"""The client against a loopback server that misbehaves on purpose."""

from __future__ import annotations

import gzip
import io
import json
import logging
import socket
import threading
import traceback
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from claude_nb.errors import (
    ApiError,
    AuthError,
    BadRequest,
    ClaudeError,
    ConfigError,
    NetworkError,
    Overloaded,
    PromptError,
    StreamCut,
)
from claude_nb.providers.http import client, transport
from claude_nb.providers.http.client import Response, Timeouts
from claude_nb.providers.http.keepalive import KeptConnections
from claude_nb.providers.keys import Key
from claude_nb.providers.sse import Event
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk
from tests.helpers import STREAMS, TESTS
from tests.helpers.clocks import HurriedStop
from tests.helpers.cuts import CUTS, Cut
from tests.helpers.server import Repeat, Reset, Scenario, Send, Server, Wait, answer, head, stream
from tests.providers.dialects.test_dialects import ERRORS, REPLIES, dialect_for, gather

CANARY = "sk-canary-7Q4zP0xVbN2mLk8Jh6Gf"
HI = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
SHORT = Timeouts(connect_s=2, silence_s=0.3, progress_s=0.3)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name == "claude_nb reply":
            thread.join()


@pytest.fixture(params=[False, True], ids=["own thread", "kept connections"])
def connections(request: pytest.FixtureRequest) -> Iterator[KeptConnections | None]:
    """Both ways to read a response: in a thread of its own, or blocking with kept connections."""
    connections = KeptConnections() if request.param else None
    yield connections
    if connections:
        connections.close()


def connect(
    url: str, body: Any, *, stop: Stop, transport: httpx.BaseTransport | None = None, **options: Any
) -> Generator[Chunk, None, Response]:
    """Return the steps of a POST. The options are those of client.post() and client.send()."""
    prepared = {name: options.pop(name) for name in ("key", "headers", "timeouts", "connections") if name in options}
    return client.send(replace(client.post(url, body, **prepared), transport=transport), stop=stop, **options)


def finish(steps: Generator[Chunk, None, Response]) -> tuple[list[str], Response]:
    notices: list[str] = []
    while True:
        try:
            notices.append(next(steps).notice or "")
        except StopIteration as end:
            return notices, end.value


def key_for(server: Server) -> Key:
    return Key(CANARY, origin=server.origin, found="environment variable TEST_KEY")


def ask(server: Server, *, stop: Stop | None = None, **options: Any) -> Response:
    options.setdefault("key", key_for(server))
    return finish(connect(f"{server.url}/x", {"a": 1}, stop=stop or HurriedStop(), **options))[1]


def read(server: Server, **options: Any) -> list[str]:
    with ask(server, **options) as response:
        return [event.data for event in response.events()]


@contextmanager
def serving(*scenarios: Scenario) -> Iterator[Server]:
    with Server(scenarios) as server:
        yield server


# --- what is sent -------------------------------------------------------------------------------------------------


def test_a_request_carries_its_body_its_key_and_a_unique_id() -> None:
    with serving(stream(HI)) as server:
        steps = connect(
            f"{server.url}/x",
            {"text": "naïve 🙂 \ud800"},
            key=key_for(server),
            stop=Stop(),
            headers={"anthropic-version": "1"},
        )
        finish(steps)[1].close()

    (request,) = server.requests
    assert (request.method, request.path, request.json) == ("POST", "/v1/x", {"text": "naïve 🙂 \ud800"})
    sent = request.headers
    assert sent["authorization"] == f"Bearer {CANARY}"
    assert sent["anthropic-version"] == "1"
    assert sent["user-agent"].startswith("claude-nb/")
    assert sent["x-client-request-id"].isalnum()
    assert sent["accept-encoding"] == "identity"
    assert "x-api-key" not in sent
    assert "cookie" not in sent


def test_a_server_that_needs_no_key_gets_none() -> None:
    with serving(stream(HI)) as server:
        read(server, key=None)

    assert "authorization" not in server.requests[0].headers


ADDRESSES = [
    ("https://other.example/v1", "belongs to"),
    ("http://other.example/v1", "not encrypted"),
    ("https://user:word@api.example/v1", "before @"),
    ("ftp://api.example/v1", "not the address"),
    ("api.example/v1", "not the address"),
    ("https:///v1", "not the address"),
    ("https://api.example:99999/v1", "address"),
    ("https://api.example@evil.example/v1", "before @"),
    ("https://api.example.evil.example/v1", "belongs to"),
    ("http://127.0.0.1.evil.example/v1", "not encrypted"),
]


@pytest.mark.parametrize(("url", "words"), ADDRESSES)
def test_nothing_is_sent_to_an_address_that_is_not_allowed(url: str, words: str) -> None:
    key = Key(CANARY, origin="https://api.example", found="test")

    with pytest.raises(ConfigError, match=words) as caught:
        next(connect(url, {}, key=key, stop=Stop()))

    assert "word@" not in str(caught.value)


@pytest.mark.parametrize("secret", ["with\nline", "pässword12", "two words 12", "tab\t12345678"])
def test_a_key_with_invalid_characters_is_refused_before_it_is_sent(secret: str) -> None:
    with serving(stream(HI)) as server, pytest.raises(ConfigError, match="copy it again") as caught:
        ask(server, key=Key(secret, origin=server.origin, found="test"))

    assert secret not in str(caught.value)
    assert server.requests == []


def test_a_body_that_json_cannot_express_is_refused_before_it_is_sent() -> None:
    for body in ({"a": float("nan")}, {"a": object()}):
        with pytest.raises(PromptError):
            next(connect("https://api.example", body, key=None, stop=Stop()))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_the_other_server_hears_nothing(status: int) -> None:
    with (
        serving(answer(200)) as other,
        serving(answer(status, headers={"location": f"{other.url}/y"})) as server,
        pytest.raises(BadRequest, match="redirects"),
    ):
        ask(server)

    assert len(server.requests) == 1
    assert other.requests == []


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(stream(HI)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        _, response = finish(connect("http://api.example/v1/x", {}, key=None, stop=Stop(), allow_http=True))
        with response:
            assert [event.data for event in response.events()]

    assert proxy.requests[0].path == "http://api.example/v1/x"


def test_a_list_of_models_is_read_by_the_same_rules() -> None:
    with serving(answer(529), answer(200, {"data": [{"id": "m-1"}]}), answer(401)) as server:
        stop = HurriedStop()
        assert client.read_json(client.get(f"{server.url}/models", key=key_for(server)), stop=stop) == {
            "data": [{"id": "m-1"}]
        }
        with pytest.raises(AuthError):
            client.read_json(client.get(f"{server.url}/models", key=key_for(server)))

    assert server.requests[0].method == "GET"


# --- what comes back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [None, 1], ids=["whole", "by_byte"])
@pytest.mark.parametrize("name", [*REPLIES, *ERRORS])
def test_every_recorded_stream_survives_the_wire(name: str, by: int | None) -> None:
    with serving(stream((STREAMS / f"{name}.sse").read_bytes(), by=by)) as server, ask(server) as response:
        assert response.is_stream
        got = gather(dialect_for(name).chunks(response.events()))

    if name in REPLIES:
        assert got == REPLIES[name]
    else:
        assert (type(got.error), got.text) == (ERRORS[name][0], "Hel")


@pytest.mark.parametrize("name", ["x-inference-id", "request-id", "x-request-id", "X-Generation-Id"])
def test_the_request_id_is_read_under_each_of_its_names(name: str) -> None:
    with serving(stream(HI, headers={name: "req_1"})) as server, ask(server) as response:
        assert response.request_id == "req_1"


def test_an_answer_in_one_piece_is_json() -> None:
    with serving(answer(201, {"choices": []})) as server, ask(server) as response:
        assert not response.is_stream
        assert response.json() == {"choices": []}


KINDS = [
    ("text/event-stream; charset=x", HI, True),
    ("application/json", HI, True),
    ("text/plain", b": hello\n\n" + HI, True),
    ("text/event-stream", b'{"error":"x"}', False),
    ("text/event-stream", b'[{"error":"x"}]', False),
    ("text/event-stream", b"<!doctype html><title>Sign in</title>", False),
    ("application/octet-stream", b"\xef\xbb\xbf" + HI, True),
    ("application/json", b"{}", False),
    ("text/html", b"<p>", False),
    ("text/plain", b"", False),
]


@pytest.mark.parametrize(("kind", "body", "is_stream"), KINDS)
def test_a_mislabelled_body_is_recognized_by_its_start(kind: str, body: bytes, is_stream: bool) -> None:
    with serving(answer(200, body, content_type=kind)) as server, ask(server) as response:
        assert response.is_stream is is_stream


BROKEN_JSON = [
    (b"<html>hello</html>", BadRequest, "base URL"),
    (b"[1, 2]", BadRequest, "base URL"),
    (b"", StreamCut, "empty"),
    (b'{"choices": [', StreamCut, "is incomplete"),
    (b'{"a":' * 100_000, StreamCut, "is incomplete"),
    (b"\xff\xfe", BadRequest, "base URL"),
]


@pytest.mark.parametrize(("body", "kind", "words"), BROKEN_JSON)
def test_a_body_that_is_not_a_json_object_is_a_clear_error(body: bytes, kind: type[ClaudeError], words: str) -> None:
    with (
        serving(answer(200, body, content_type="application/json")) as server,
        ask(server) as response,
        pytest.raises(kind, match=words),
    ):
        response.json()


@pytest.mark.parametrize("packed", [gzip.compress(HI * 3), zlib.compress(HI * 3)], ids=["gzip", "deflate"])
@pytest.mark.parametrize("by", [None, 1], ids=["whole", "by_byte"])
def test_a_compressed_reply_is_read_although_it_was_not_requested(packed: bytes, by: int | None) -> None:
    encoding = "gzip" if packed[:1] == b"\x1f" else "deflate"
    with serving(stream(packed, by=by, headers={"content-encoding": encoding})) as server:
        assert len(read(server)) == 3


def test_a_damaged_or_unknown_compression_is_a_typed_error() -> None:
    with (
        serving(stream(b"junk", headers={"content-encoding": "gzip"})) as server,
        pytest.raises(StreamCut, match="compressed reply of the server is damaged"),
    ):
        read(server)
    with (
        serving(stream(b"junk", headers={"content-encoding": "br"})) as server,
        pytest.raises(NetworkError, match="in an unknown way"),
    ):
        read(server)


def test_a_body_that_unpacks_to_very_much_is_read_in_bounded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_nb.providers.http.response.JSON_BYTES", 1_000_000)
    bomb = gzip.compress(b" " * 50_000_000)
    largest = 0
    real = zlib.decompressobj

    class Counting:
        def __init__(self, **options: Any) -> None:
            self.inner = real(**options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def decompress(self, data: bytes, limit: int) -> bytes:
            nonlocal largest
            step = self.inner.decompress(data, limit)
            largest = max(largest, len(step))
            return step

    monkeypatch.setattr("claude_nb.providers.http.response.zlib.decompressobj", Counting)
    with (
        serving(answer(200, bomb, {"content-encoding": "gzip"}, "application/json")) as server,
        ask(server) as response,
        pytest.raises(StreamCut, match="ask for less"),
    ):
        response.json()

    assert 0 < largest <= 65536


# --- errors and retries -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 524, 529])
def test_an_error_that_may_pass_is_tried_three_times(status: int) -> None:
    stop = HurriedStop()
    with serving(answer(status)) as server, pytest.raises(Overloaded) as caught:
        ask(server, stop=stop, chance=lambda: 0.0)

    assert caught.value.status == status
    assert len(server.requests) == 3
    assert stop.waits == [0.5, 1.0]


def test_a_caller_that_retries_by_itself_gets_the_first_refusal_at_once() -> None:
    stop = HurriedStop()
    with serving(answer(529)) as server, pytest.raises(Overloaded):
        ask(server, stop=stop, retries=0)

    assert (len(server.requests), stop.waits) == (1, [])


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_an_error_that_stays_is_tried_once(status: int) -> None:
    with serving(answer(status)) as server, pytest.raises(ApiError) as caught:
        ask(server)

    assert caught.value.status == status
    assert len(server.requests) == 1


def test_a_third_try_may_succeed_after_notices_about_the_waits() -> None:
    with serving(answer(529), answer(429, headers={"retry-after": "3"}), stream(HI)) as server:
        stop = HurriedStop()
        notices, response = finish(connect(f"{server.url}/x", {}, key=None, stop=stop, chance=lambda: 1.0))
        with response:
            assert len(list(response.events())) == 1

    assert notices == [
        "overloaded, trying again in 1 s (1 of 2)",
        "",
        "too many requests, trying again in 3 s (2 of 2)",
        "too many requests, trying again in 2 s (2 of 2)",
        "too many requests, trying again in 1 s (2 of 2)",
        "",
    ]
    assert sum(stop.waits) == pytest.approx(0.375 + 3)
    assert len({request.headers["x-client-request-id"] for request in server.requests}) == 1


RETRY_HEADERS = [
    ({"retry-after": "61"}, 1, 0),
    ({"retry-after": "86400"}, 1, 0),
    ({"retry-after-ms": "200"}, 3, 0.4),
    ({"retry-after": "junk"}, 3, 1.5),
    ({"retry-after": "-5"}, 3, 1.5),
    ({"retry-after": "nan"}, 3, 1.5),
    ({"x-should-retry": "false"}, 1, 0),
]


@pytest.mark.parametrize(("headers", "requests", "waited"), RETRY_HEADERS)
def test_the_server_decides_when_to_try_again_within_a_minute(
    headers: dict[str, str], requests: int, waited: float
) -> None:
    stop = HurriedStop()
    with serving(answer(503, headers=headers)) as server, pytest.raises(Overloaded):
        ask(server, stop=stop, chance=lambda: 0.0)

    assert len(server.requests) == requests
    assert sum(stop.waits) == pytest.approx(waited)


def test_a_server_may_ask_for_another_try_of_any_status() -> None:
    with serving(answer(400, headers={"x-should-retry": "true"}), stream(HI)) as server:
        assert len(read(server)) == 1


def test_a_wait_that_is_too_long_is_an_error_at_once() -> None:
    with serving(answer(429, headers={"retry-after": "7200"})) as server, pytest.raises(Overloaded, match="120 min"):
        ask(server)


BEFORE_A_BYTE: dict[str, Scenario] = {
    "closed": [],
    "reset": [Reset()],
    "half a head": [Send(b"HTTP/1.1 200 OK\r\ncontent-")],
    "no HTTP": [Send(b"SSH-2.0-OpenSSH\r\n\r\n")],
    "cut before the body": [Send(head(200, {"content-length": "50"}))],
    "reset before the body": [Send(head(200, {"transfer-encoding": "chunked"})), Reset()],
}


@pytest.mark.parametrize("name", BEFORE_A_BYTE)
def test_a_connection_lost_before_the_first_byte_is_tried_again(name: str, connections: KeptConnections | None) -> None:
    with serving(BEFORE_A_BYTE[name], BEFORE_A_BYTE[name], stream(HI)) as server:
        assert len(read(server, connections=connections)) == 1
    with serving(BEFORE_A_BYTE[name]) as server, pytest.raises((NetworkError, StreamCut)) as caught:
        ask(server, connections=connections)

    assert len(server.requests) == 3
    assert type(caught.value) in (NetworkError, StreamCut)


def test_a_server_that_does_not_answer_is_named_with_its_address() -> None:
    with serving() as server:
        url, key = server.url, key_for(server)

    with pytest.raises(NetworkError, match=r"nothing answers at 127\.0\.0\.1") as caught:
        finish(connect(url, {}, key=key, stop=HurriedStop()))

    assert type(caught.value) is NetworkError


CHUNK = b"%x\r\n%b\r\n" % (len(HI), HI)
AFTER_A_BYTE: dict[str, Scenario] = {
    "chunk cut": [Send(head(200, {"transfer-encoding": "chunked"}) + CHUNK + b"ff\r\ndata")],
    "bad chunk": [Send(head(200, {"transfer-encoding": "chunked"}) + CHUNK + b"zz\r\n")],
    "too short": [Send(head(200, {"content-length": "5000"}) + HI)],
}


@pytest.mark.parametrize("name", AFTER_A_BYTE)
def test_once_a_byte_was_handed_out_nothing_is_tried_again_and_the_text_is_kept(
    name: str, connections: KeptConnections | None
) -> None:
    with serving(AFTER_A_BYTE[name]) as server, ask(server, connections=connections) as response:
        events = response.events()
        assert next(events).data in HI.decode()
        with pytest.raises(StreamCut):
            list(events)

    assert len(server.requests) == 1


def test_a_reset_keeps_the_text_before_it(connections: KeptConnections | None) -> None:
    seen = threading.Event()
    with serving([Send(head() + HI), Wait(seen), Reset()]) as server, ask(server, connections=connections) as response:
        events = response.events()
        next(events)
        seen.set()
        with pytest.raises(StreamCut):
            list(events)


def test_a_last_event_without_its_blank_line_is_kept_also_when_the_connection_breaks() -> None:
    cut = [Send(head(200, {"content-length": "5000"}) + HI.rstrip())]
    with serving(cut) as server, ask(server) as response:
        events = response.events()
        assert next(events).data in HI.decode()
        with pytest.raises(StreamCut):
            next(events)


def test_after_the_stop_reason_a_broken_or_open_connection_is_just_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_nb.providers.http.response.END_S", 0.3)
    for scenario in (AFTER_A_BYTE["chunk cut"], [Send(head() + HI), Wait()]):
        with serving(scenario) as server, ask(server) as response:
            events = response.events()
            next(events)
            response.expect_end()
            assert list(events) == []


def test_a_very_large_error_body_is_read_only_in_part() -> None:
    with serving([Send(head(400, {"content-length": "20000000"})), Repeat(b"x" * 65536)]) as server:
        with pytest.raises(BadRequest) as caught:
            ask(server)
        assert server.gone.wait()

    assert len(str(caught.value)) < 1000


def test_a_closed_reply_resets_the_connection_even_if_the_buffer_is_full() -> None:
    with serving([Repeat(b"x" * 65536)]) as server, socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 30_000)
        line.connect(("127.0.0.1", urlsplit(server.url).port))
        line.sendall(b"GET / HTTP/1.1\r\n\r\n")
        before = -1
        while (waiting := len(line.recv(1 << 20, socket.MSG_PEEK))) != before:  # until no more can arrive
            before = waiting
            server.gone.wait(0.1)
        transport._shut(line)
        line.recv(1 << 20)  # what the network thread was just about to read
        line.close()
        assert server.gone.wait()


def test_an_error_body_that_never_ends_does_not_hold_the_error_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_nb.providers.http.response.END_S", 0.3)
    with (
        serving([Send(head(401, {"content-length": "999"}) + b'{"message": "no'), Wait()]) as server,
        pytest.raises(AuthError, match="no"),
    ):
        ask(server)


class Stuck(httpx.BaseTransport):
    """A network that hangs, as during the look-up of a name, until it is released."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.entered.set()
        self.go.wait(10)
        raise httpx.ConnectError("let go")


def test_a_stop_acts_at_once_also_while_the_network_itself_is_stuck() -> None:
    stop, stuck = Stop(), Stuck()
    thread = threading.Thread(target=lambda: (stuck.entered.wait(5), stop.set()))
    thread.start()

    with pytest.raises(NetworkError, match="stopped"):
        finish(connect("https://api.example/v1", {}, key=None, stop=stop, transport=stuck))

    stuck.go.set()
    thread.join()


def test_a_connection_attempt_ends_after_its_own_time_out() -> None:
    stop, stuck = HurriedStop(), Stuck()
    limits = Timeouts(connect_s=0.1)
    steps = connect("https://api.example/v1", {}, key=None, stop=stop, timeouts=limits, transport=stuck)

    with pytest.raises(NetworkError, match=r"no connection to api\.example within 0\.1 s"):
        finish(steps)

    stuck.go.set()
    assert len(stop.waits) == 2


# --- clocks -------------------------------------------------------------------------------------------------------

QUIET: dict[str, Scenario] = {
    "no answer": [Wait()],
    "no body": [Send(head()), Wait()],
    "text, then nothing": [Send(head() + HI), Wait()],
    "comments only": [Send(head() + HI), Repeat(b": keep-alive\n\n", 0.02)],
    "pings only": [Send(head() + HI), Repeat(b'event: ping\ndata: {"type": "ping"}\n\n', 0.02)],
    "a flood of comments": [Send(head() + HI), Repeat(b": keep-alive\n\n" * 100)],
    "an endless line": [Send(head() + HI + b"data: "), Repeat(b"x", 0.02)],
}


@pytest.mark.parametrize("name", QUIET)
def test_a_silent_server_ends_in_a_time_out(name: str, connections: KeptConnections | None) -> None:
    with serving(QUIET[name]) as server:
        with pytest.raises(NetworkError, match="--timeout"):
            read(server, timeouts=SHORT, connections=connections)
        assert server.gone.wait()

    assert len(server.requests) == 1


def test_the_time_of_a_slow_reader_does_not_count_as_silence() -> None:
    now = [0.0]
    later = threading.Event()
    scenario = [Send(head() + HI), Wait(later), Send(b": comment\n\n" + HI)]
    with serving(scenario) as server, ask(server, clock=lambda: now[0]) as response:
        events = response.events()
        next(events)
        now[0] += 1000
        later.set()
        assert next(events).data in HI.decode()


def test_a_slow_reader_slows_the_server_down_instead_of_filling_the_memory() -> None:
    with serving([Send(head()), Repeat(HI * 1000)]) as server, ask(server) as response:
        next(response.events())
        thread = next(t for t in threading.enumerate() if t.name == "claude_nb reply")
        held = response._stream._items
        threading.Event().wait(0.2)
        assert len(held) <= 64
        assert thread.is_alive()


# --- stop and Ctrl-C ----------------------------------------------------------------------------------------------

PHASES: dict[str, Scenario] = {
    "before the head": [Wait()],
    "in the head": [Send(b"HTTP/1.1 200 OK\r\n"), Wait()],
    "before the body": [Send(head()), Wait()],
    "in the stream": [Send(head() + HI), Wait()],
    "in an endless stream": [Send(head()), Repeat(HI, 0.001)],
    "in a comment flood": [Send(head()), Repeat(b":\n\n")],
    "in a JSON body": [Send(head(content_type="application/json") + b'{"a":'), Wait()],
}


def set_soon(server: Server, action: Callable[[], object]) -> threading.Thread:
    def later() -> None:
        server.arrived.wait(5)
        threading.Event().wait(0.05)
        action()

    thread = threading.Thread(target=later)
    thread.start()
    return thread


@pytest.mark.parametrize("name", PHASES)
def test_a_stop_from_another_thread_ends_the_read_and_the_server_sees_it(
    name: str, connections: KeptConnections | None
) -> None:
    stop = Stop()
    with serving(PHASES[name]) as server:
        thread = set_soon(server, stop.set)
        with pytest.raises(NetworkError, match="stopped"), ask(server, stop=stop, connections=connections) as response:
            list(response.events()) if response.is_stream else response.json()
        thread.join()
        assert server.gone.wait()

    assert len(server.requests) == 1


def test_a_stop_ends_the_wait_before_another_try() -> None:
    stop = Stop()
    with serving(answer(429, headers={"retry-after": "50"})) as server:
        steps = connect(f"{server.url}/x", {}, key=None, stop=stop)
        assert "50 s" in (next(steps).notice or "")
        stop.set()
        with pytest.raises(NetworkError, match="stopped"):
            next(steps)


def test_a_stop_before_the_start_sends_nothing_twice_and_ends(connections: KeptConnections | None) -> None:
    stop = Stop()
    stop.set()
    with serving(stream(HI)) as server, pytest.raises(NetworkError, match="stopped"):
        ask(server, stop=stop, connections=connections)


@pytest.mark.parametrize("name", ["before the head", "in the stream"])
def test_ctrl_c_in_any_phase_closes_the_connection(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = threading.Condition.wait

    def interrupted(self: threading.Condition, timeout: float | None = None) -> bool:
        if threading.current_thread() is threading.main_thread() and server.arrived.is_set():
            monkeypatch.undo()
            raise KeyboardInterrupt
        return real(self, timeout)

    with serving(PHASES[name]) as server:
        monkeypatch.setattr(threading.Condition, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught, ask(server) as response:
            list(response.events())
        assert server.gone.wait()

    assert_no_canary(caught.value)


def test_leaving_in_the_middle_closes_the_connection(connections: KeptConnections | None) -> None:
    with serving(PHASES["in an endless stream"]) as server:
        with ask(server, connections=connections) as response:
            for _ in response.events():
                break
        assert server.gone.wait()


def test_fifty_replies_at_once_are_not_mixed_up(connections: KeptConnections | None) -> None:
    with serving(stream(HI * 20, by=50)) as server:
        got: list[int] = []

        def work() -> None:
            own = KeptConnections() if connections else None
            got.append(len(read(server, connections=own)))
            if own:
                own.close()

        threads = [threading.Thread(target=work) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert got == [20] * 50


# --- the key stays secret -----------------------------------------------------------------------------------------


def texts_in(value: object, seen: set[int], depth: int = 0) -> Iterator[str]:
    """Return the repr of a value and of everything it refers to. Of a Key, only the repr is read."""
    if id(value) in seen or depth > 6 or callable(value):
        return
    seen.add(id(value))
    yield repr(value)
    inner: list[object] = []
    if isinstance(value, dict):
        inner = [*value, *value.values()]
    elif isinstance(value, (list, tuple, set)):
        inner = list(value)
    elif not isinstance(value, (Key, str, bytes)):
        inner = list(getattr(value, "__dict__", {}).values())
    for item in inner:
        yield from texts_in(item, seen, depth + 1)


def assert_no_canary(error: BaseException) -> None:
    """Neither in the error and what it refers to, nor in any local variable of our frames."""
    link: BaseException | None = error
    while link is not None:
        assert type(link).__module__.startswith("claude_nb") or type(link) is KeyboardInterrupt
        frames = [frame for frame, _ in traceback.walk_tb(link.__traceback__)]
        ours = [frame.f_locals for frame in frames if TESTS not in Path(frame.f_code.co_filename).parents]
        texts = list(texts_in([link.args, vars(link), ours], set()))
        assert not [text for text in texts if CANARY in text or CANARY[:12] in text]
        link = link.__cause__ or link.__context__


ECHO = {"error": {"type": "authentication_error", "message": f"Incorrect API key provided: {CANARY[:16]}..., {CANARY}"}}
LEAKS: dict[str, Scenario] = {
    "key echoed": answer(401, ECHO),
    "key echoed late": answer(400, b"x" * 280 + CANARY.encode() * 3),
    "key echoed in an id": answer(500, headers={"x-request-id": CANARY}),
    "key echoed in a redirect": answer(302, headers={"location": f"https://e.example/{CANARY}"}),
    "key echoed in the stream": stream(b"data: " + json.dumps(ECHO).encode() + b"\n\n"),
    "key echoed in text": stream(
        json.dumps({"choices": [{"delta": {"content": CANARY}}]}).join(["data: ", "\n\n"]).encode()
    ),
    "no answer": [Reset()],
    "cut": AFTER_A_BYTE["chunk cut"],
    "silence": [Send(head() + HI), Wait()],
    "bad packing": stream(b"junk", headers={"content-encoding": "gzip"}),
}


@pytest.mark.parametrize("name", LEAKS)
def test_the_key_is_in_no_error_no_frame_and_no_log(
    name: str, caplog: pytest.LogCaptureFixture, connections: KeptConnections | None
) -> None:
    caplog.set_level(logging.DEBUG)
    text = ""
    with serving(LEAKS[name]) as server:
        try:
            with ask(server, timeouts=SHORT, connections=connections) as response:
                for chunk in dialect_for("chat").chunks(response.events()):
                    text += chunk.text
        except ClaudeError as error:
            assert_no_canary(error)
            written = io.StringIO()
            traceback.print_exception(error, file=written)
            assert CANARY not in written.getvalue()

    assert server.requests[0].headers["authorization"].endswith(CANARY)
    assert CANARY not in text
    logged = "\n".join(record.getMessage() for record in caplog.records if "echoed in" not in name)
    assert CANARY not in logged


def test_text_that_only_looks_like_a_key_stays_unchanged() -> None:
    text = "export KEY=sk-abcdefghijklmnopqrstuvwx  # Authorization: Bearer abcdefgh12345678"
    data = json.dumps({"choices": [{"delta": {"content": text}}]})

    with serving(stream(f"data: {data}\n\n".encode())) as server:
        assert read(server) == [data]


def test_events_are_named_tuples_also_after_redaction() -> None:
    with serving(stream(f"event: error\ndata: {CANARY}\n\n".encode())) as server, ask(server) as response:
        assert list(response.events()) == [Event("error", "[key]", "")]


@pytest.mark.parametrize("cut", CUTS[:2], ids=lambda cut: cut.__name__)
def test_text_arrives_as_it_is_sent_not_when_enough_has_gathered(cut: Cut) -> None:
    go = threading.Event()
    first = [Send(head()), *(Send(piece) for piece in cut(HI)), Wait(go), Send(HI)]
    with serving(first) as server, ask(server) as response:
        events = response.events()
        next(events)
        go.set()
        assert len(list(events)) == 1

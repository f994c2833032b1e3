"""Successive calls of one thread share a connection, and a stop still ends each of them at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from claude_nb.errors import ApiError, NetworkError, StreamCut
from claude_nb.providers import registry
from claude_nb.providers.attempt import SendOptions
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.http import client, keepalive, transport
from claude_nb.providers.http.keepalive import KeptConnections
from claude_nb.providers.http.stream import ByteStream
from claude_nb.providers.http.transport import stream_for
from claude_nb.stop_signal import Stop
from claude_nb.sweeps.engine.runner import connections_per_thread
from claude_nb.types.request import Message, Request
from tests.helpers.server import Reset, Scenario, Send, Server, Wait, answer, stream

KEPT = {"connection": "keep-alive"}
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
HI = stream(WORD + END + DONE, headers=KEPT)


@pytest.fixture
def connections() -> Iterator[KeptConnections]:
    connections = KeptConnections(most=2)
    yield connections
    connections.close()


def say(server: Server, connections: KeptConnections, *, stop: Stop | None = None, whole: bool = False) -> str:
    request = Request("openai-compatible", "m", (Message("user", "Hi"),), base_url=server.url)
    options = SendOptions(whole=whole, timeout_s=5, connections=connections)
    chunks = registry.stream(request, options, credentials=Credentials({}), stop=stop or Stop())
    return "".join(chunk.text for chunk in chunks)


def test_calls_one_after_the_other_share_a_connection(connections: KeptConnections) -> None:
    with Server([HI]) as server:
        assert [say(server, connections) for _ in range(5)] == ["Hi"] * 5
        assert server.connections == 1
        connections.close()
        assert say(server, connections) == "Hi"
        assert server.connections == 2


def test_each_server_has_one_connection_for_all_its_paths(connections: KeptConnections) -> None:
    whole = answer(200, {"choices": [{"message": {"content": "Ho"}, "finish_reason": "stop"}]}, KEPT)
    with Server([HI]) as one, Server([whole]) as other:
        assert [say(server, connections) for server in (one, other) * 3] == ["Hi", "Ho"] * 3
        assert (one.connections, other.connections) == (1, 1)
        again = client.send(
            client.post(f"{one.origin}/another/path", {}, key=None, connections=connections), stop=Stop()
        )
        with pytest.raises(StopIteration) as opened:
            next(again)
        opened.value.value.close()
        assert one.connections == 1
        connections.close()
        assert (say(one, connections), say(other, connections)) == ("Hi", "Ho")
        assert (one.connections, other.connections) == (2, 2)


def test_no_more_connections_are_kept_than_allowed() -> None:
    connections = KeptConnections(most=2)
    with Server([HI]) as one, Server([HI]) as two, Server([HI]) as three:
        for server in (one, two, one, three, two, three):
            assert say(server, connections) == "Hi"
        assert [server.connections for server in (one, two, three)] == [1, 1, 1]
        assert say(one, connections) == "Hi"  # which had to go for the third
        connections.close()
    assert one.connections == 2


@pytest.mark.parametrize(("at_once", "most"), [(1, 128), (8, 16), (32, 4), (128, 1), (1000, 1)])
def test_the_threads_of_a_sweep_together_keep_no_more_than_fit_in_a_process(at_once: int, most: int) -> None:
    assert connections_per_thread(at_once) == most


def test_a_stop_ends_the_call_to_one_server_and_leaves_the_connection_to_the_other(
    connections: KeptConnections,
) -> None:
    with Server([HI]) as one, Server([HI, [Wait()]]) as other:
        assert (say(one, connections), say(other, connections)) == ("Hi", "Hi")
        stop = Stop()
        other.arrived.clear()
        thread = threading.Thread(target=lambda: other.arrived.wait(5) and stop.set())
        thread.start()
        with pytest.raises(NetworkError, match="stopped"):
            say(other, connections, stop=stop)
        thread.join()
        assert other.gone.wait()
        assert say(one, connections) == "Hi"
        assert one.connections == 1


@pytest.mark.parametrize("by", [None, 1, 7], ids=["whole", "byte by byte", "in pieces"])
def test_what_comes_after_the_end_is_read_before_the_next_call(by: int | None, connections: KeptConnections) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n'
    with Server([stream(WORD + END + usage + DONE + b": bye\n\n" * 3, by=by, headers=KEPT)]) as server:
        assert [say(server, connections) for _ in range(3)] == ["Hi"] * 3
        assert server.connections == 1


def test_an_answer_in_one_piece_and_a_refusal_leave_the_connection_open(connections: KeptConnections) -> None:
    whole = answer(200, {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}, KEPT)
    with Server([whole, answer(400, {"error": {"message": "no"}}, KEPT), whole]) as server:
        assert say(server, connections, whole=True) == "Hi"
        with pytest.raises(ApiError):
            say(server, connections)
        assert say(server, connections, whole=True) == "Hi"
        assert server.connections == 1


def test_a_reply_that_breaks_off_closes_its_connection(connections: KeptConnections) -> None:
    with Server([[*stream(WORD, headers=KEPT)[:1], Send(b"5\r\ndata"), Reset()], HI]) as server:
        with pytest.raises(StreamCut):
            say(server, connections)
        assert say(server, connections) == "Hi"
        assert server.connections == 2


def test_a_connection_closed_by_the_server_is_not_used_again(connections: KeptConnections) -> None:
    body = stream(WORD + END + DONE)[1]
    assert isinstance(body, Send)
    head = Send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    with Server([[head, body]]) as server:
        assert [say(server, connections) for _ in range(3)] == ["Hi"] * 3
        assert len(server.requests) == server.connections == 3


def test_a_server_that_does_not_end_its_answers_holds_up_one_call_for_a_moment_and_no_other(
    connections: KeptConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keepalive, "AFTER_END_S", 0.01)
    open_end: Scenario = [
        *stream(b"", headers=KEPT)[:1],
        Send(b"%x\r\n%b\r\n" % (len(WORD + END + DONE), WORD + END + DONE)),
        Wait(),
    ]
    with Server([open_end]) as server:
        assert say(server, connections) == "Hi"
        assert server.gone.wait()
        assert not connections.to(server.url).ends
        monkeypatch.setattr(keepalive, "AFTER_END_S", 3600)
        assert [say(server, connections) for _ in range(3)] == ["Hi"] * 3
        assert server.connections == 4


def test_a_stop_ends_a_call_on_a_kept_connection_and_the_server_sees_it(connections: KeptConnections) -> None:
    with Server([HI, [Wait()]]) as server:
        assert say(server, connections) == "Hi"
        stop, ended = Stop(), []

        def work() -> None:
            with pytest.raises(NetworkError, match="stopped"):
                say(server, connections, stop=stop)
            ended.append(True)

        server.arrived.clear()
        thread = threading.Thread(target=work)
        thread.start()
        assert server.arrived.wait()
        stop.set()
        thread.join()
        assert ended == [True]
        assert server.gone.wait()
        assert server.connections == 1


def test_a_stop_that_comes_late_for_one_call_does_not_touch_the_next(
    connections: KeptConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[ByteStream] = []
    monkeypatch.setattr(transport, "stream_for", lambda *given: lines.append(stream_for(*given)) or lines[-1])
    with Server([HI]) as server:
        assert say(server, connections) == "Hi"
        late = threading.Thread(target=lines[0].close)
        late.start()
        late.join()
        assert say(server, connections) == "Hi"
        assert server.connections == 1

"""ask() and stream() in coroutines: the loop goes on, and a cancelled task closes its connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

import claude_nb
from claude_nb.errors import BadRequest, ConfigError, PromptError
from claude_nb.session import default
from claude_nb.session.session import Session
from claude_nb.types.reply import Reply
from tests.helpers.replies import chat, chat_chunk, sse
from tests.helpers.server import Recorded, Scenario, Send, Server, Wait, answer, head
from tests.helpers.sessions import session


@pytest.fixture(autouse=True)
def own_session(monkeypatch: pytest.MonkeyPatch) -> Session:
    own = session()
    monkeypatch.setattr(default, "_default", own)
    return own


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name == "claude_nb async":
            thread.join()


def at(server: Server) -> dict[str, Any]:
    return {"provider": "openai-compatible", "model": "m", "base_url": server.url}


def endless(piece: str = "more ") -> Scenario:
    """A reply that goes on until the client leaves."""
    return [Send(head()), Send(sse(chat_chunk(piece))), Wait()]


def echo(request: Recorded) -> Scenario:
    return chat([request.json["messages"][-1]["content"]])


def test_a_coroutine_awaits_the_whole_reply() -> None:
    with Server([chat(["The sky ", "is blue."])]) as server:
        reply = asyncio.run(claude_nb.aask("Why?", **at(server)))
    assert (reply.text, reply.stop_reason) == ("The sky is blue.", "end")
    assert claude_nb.last is reply


def test_many_calls_at_once_keep_their_order_and_leave_nothing_behind() -> None:
    beaten = threading.Event()  # no reply begins before it is set, so the loop has to go on meanwhile

    async def main(server: Server) -> list[Reply]:
        async def heart() -> None:
            for _ in range(100):
                await asyncio.sleep(0)
            beaten.set()

        beating = asyncio.create_task(heart())
        replies = await asyncio.gather(*(claude_nb.aask(f"number {i}", **at(server)) for i in range(200)))
        await beating
        assert len(asyncio.all_tasks()) == 1
        return replies

    with Server(lambda request: [Wait(beaten), *echo(request)]) as server:
        replies = asyncio.run(main(server))
    assert [reply.text for reply in replies] == [f"number {i}" for i in range(200)]


def test_names_are_filled_with_the_variables_of_the_caller_also_in_a_task() -> None:
    async def main(server: Server) -> list[str]:
        async def about(city: str) -> str:
            return (await asyncio.create_task(claude_nb.aask("Go to {{city}}", **at(server)))).text

        return await asyncio.gather(about("Oslo"), about("Rome"))

    with Server(echo) as server:
        assert asyncio.run(main(server)) == ["Go to Oslo", "Go to Rome"]


def test_a_stream_yields_each_text_when_it_arrives() -> None:
    more = threading.Event()

    async def main(server: Server) -> list[str]:
        turn, seen = claude_nb.astream("Hi", **at(server)), list[str]()
        async for text in turn:
            seen.append(text)
            more.set()  # the server waits for it, so the first text arrived before the second was sent
        assert turn.reply
        assert turn.reply.text == "".join(seen)
        return seen

    steps: list[Any] = [Send(head()), Send(sse(chat_chunk("one "))), Wait(more)]
    with Server([[*steps, *chat(["two"])[1:]]]) as server:
        assert asyncio.run(main(server)) == ["one ", "two"]


def test_a_turn_can_be_awaited_once() -> None:
    async def main(server: Server) -> None:
        turn = claude_nb.stream("Hi", **at(server))
        assert (await turn).text == "Hello"
        with pytest.raises(RuntimeError, match="read once"):
            await turn

    with Server([chat(["Hello"])]) as server:
        asyncio.run(main(server))


@pytest.mark.parametrize("seed", range(40))
def test_a_cancelled_call_closes_its_connection_and_keeps_what_arrived(seed: int, own_session: Session) -> None:
    passes = Random(seed).randrange(3000)

    async def main(server: Server) -> None:
        task = asyncio.create_task(claude_nb.aask("Hi", **at(server)))
        for _ in range(passes):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Server([endless()]) as server:
        asyncio.run(main(server))
        if server.requests:
            assert server.gone.wait()
    if own_session.last:
        assert own_session.last.stop_reason == "interrupted"
        assert own_session.last.text in ("", "more ")


def test_the_partial_reply_of_a_cancelled_stream_is_there() -> None:
    async def main(server: Server) -> None:
        turn = claude_nb.astream("Hi", **at(server))

        async def read() -> None:
            async for _ in turn:
                reading.set()

        reading = asyncio.Event()
        task = asyncio.create_task(read())
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert turn.reply
        assert (turn.reply.text, turn.reply.stop_reason) == ("more ", "interrupted")

    with Server([endless()]) as server:
        asyncio.run(main(server))
        assert server.gone.wait()


def test_leaving_the_loop_early_stops_the_reply() -> None:
    async def main(server: Server) -> None:
        turn = claude_nb.astream("Hi", **at(server))
        async for _ in turn:
            break
        while turn.reply is None:  # the event loop closes what a loop has left
            await asyncio.sleep(0)
        assert turn.reply.stop_reason == "interrupted"

    with Server([endless()]) as server:
        asyncio.run(main(server))
        assert server.gone.wait()


def test_a_timeout_of_asyncio_ends_a_call() -> None:
    with Server([endless()]) as server:
        with pytest.raises(asyncio.TimeoutError):
            asyncio.run(asyncio.wait_for(claude_nb.aask("Hi", **at(server)), 0.05))
        assert not server.requests or server.gone.wait()


def test_errors_are_raised_where_the_call_is_awaited() -> None:
    async def main(server: Server) -> None:
        wrong = claude_nb.aask("Hi", nonsense=9, **at(server))
        with pytest.raises(PromptError, match="nonsense"):
            await wrong
        with pytest.raises(BadRequest, match="change the request"):
            await claude_nb.aask("Hi", **at(server))

    refusal = answer(400, {"error": {"message": "no such thing"}})
    with Server([refusal]) as server:
        asyncio.run(main(server))


def test_tools_run_where_yes_allows_them_and_nobody_is_asked_from_a_thread() -> None:
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"rain in {city}"

    function = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    delta = {"tool_calls": [{"index": 0, "id": "c1", "function": function}]}
    calls = {**chat_chunk(), "choices": [{"index": 0, "delta": delta, "finish_reason": "tool_calls"}]}

    def scenario(request: Recorded) -> Scenario:
        said = request.json["messages"][-1]
        return chat([said["content"]]) if said["role"] == "tool" else [Send(head()), Send(sse(calls, "[DONE]"))]

    async def main(server: Server) -> None:
        reply = await claude_nb.aask("Weather?", tools=[weather], yes=True, **at(server))
        assert reply.text == "rain in Oslo"
        with pytest.raises(ConfigError, match="yes=True"):
            await claude_nb.aask("Weather?", tools=[weather], **at(server))

    with Server(scenario) as server:
        asyncio.run(main(server))


def test_the_demo_model_answers_coroutines_too() -> None:
    async def main() -> tuple[str, str]:
        turn = claude_nb.astream("Tell me a story.", provider="demo")
        streamed = "".join([text async for text in turn])
        return streamed, turn.reply.text if turn.reply else ""

    streamed, text = asyncio.run(main())
    assert streamed == text != ""

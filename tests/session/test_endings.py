"""What a user sees of a reply that is cut, broken, empty or ends for an unknown reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from claude_nb.errors import NoJson, StreamCut
from claude_nb.render import reply as footer
from claude_nb.session import received
from claude_nb.session.session import Session
from claude_nb.types.reply import Reply
from tests.helpers import asking, replies
from tests.helpers.asking import Ask
from tests.helpers.replies import chat_chunk, sse
from tests.helpers.server import Scenario, Server, answer, stream
from tests.helpers.sessions import session

KEY = "0123456789abcdef0123456789abcdef"
EVENTS = {"content-type": "text/event-stream"}


@pytest.fixture
def live() -> Session:
    return session(ANTHROPIC_API_KEY=KEY)


def chat_stream(*texts: str, finish: str | None = "stop") -> Scenario:
    ends = [chat_chunk(finish=finish)] if finish else []
    return stream(sse(*map(chat_chunk, texts), *ends, "[DONE]"), headers=EVENTS)


def chat_whole(text: object, finish: str | None = "stop") -> Scenario:
    return answer(200, {"choices": [{"message": {"content": text}, "finish_reason": finish}]})


def messages_stream(*texts: str, finish: str | None = "end_turn") -> Scenario:
    return replies.messages(texts, stop_reason=finish or "")


WIRES = {"chat": chat_stream, "messages": messages_stream}


def where(wire: str, server: Server, **more: Any) -> dict[str, Any]:
    who = {"provider": "anthropic"} if wire == "messages" else {"provider": "openai-compatible", "model": "m"}
    return {**who, "base_url": server.url, **more}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("word", ["abort", "network_error", "insufficient_system_resource", "ERROR", "timeout"])
def test_a_reply_that_the_server_breaks_off_is_an_error_and_goes_on(live: Session, wire: str, word: str) -> None:
    with Server([WIRES[wire]("Hel", finish=word), WIRES[wire]("lo")]) as server:
        with pytest.raises(StreamCut, match=f'the server broke off the reply with "{word}"') as caught:
            live.ask("Hi", **where(wire, server))
        reply = caught.value.reply
        assert isinstance(reply, Reply)
        assert (reply.text, reply.stop_reason, reply.raw_stop_reason, reply.complete) == ("Hel", "error", word, False)

        assert live.proceed().wait().text == "Hello"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("word", ["MAX_TOKENS", "LENGTH", "model_length", "max_output_tokens", "novel_word", "OTHER"])
def test_a_reply_that_is_cut_or_ends_with_an_unknown_word_says_so_and_goes_on(
    live: Session, wire: str, word: str
) -> None:
    with Server([WIRES[wire]("Hel", finish=word), WIRES[wire]("lo")]) as server:
        reply = live.ask("Hi", **where(wire, server))
        known = word not in ("novel_word", "OTHER")
        assert ("cut at max_tokens" if known else f'ended with "{word}", an unknown reason') in footer.line(reply)
        assert "/continue" in footer.next_step(reply)

        assert live.proceed().wait().text == "Hello"


EMPTY: dict[str, Callable[[], Scenario]] = {
    "[DONE] alone": lambda: stream(sse("[DONE]"), headers=EVENTS),
    "blank text": lambda: chat_stream("\n", "  "),
    "no text": chat_stream,
    "no text and no reason": lambda: chat_stream(finish=None),
    "blank text, whole": lambda: chat_whole(" \n"),
    "no text, whole": lambda: chat_whole(None),
    "an empty list, whole": lambda: chat_whole([]),
    "messages": messages_stream,
    "blank messages": lambda: messages_stream(" "),
}


@pytest.mark.parametrize("case", EMPTY)
def test_an_empty_reply_says_that_it_is_empty(live: Session, case: str) -> None:
    wire = "messages" if "messages" in case else "chat"
    with Server([EMPTY[case]()]) as server:
        reply = live.ask("Hi", **where(wire, server))

    assert "the reply is empty" in footer.line(reply)
    assert footer.next_step(reply) == "run it again"


def test_an_empty_reply_that_was_cut_says_what_to_raise(live: Session) -> None:
    with Server([chat_stream(finish="length")]) as server:
        reply = live.ask("Hi", **where("chat", server))

    assert "the reply is empty (cut at max_tokens)" in footer.line(reply)
    assert footer.next_step(reply) == "raise max_tokens"


@pytest.mark.parametrize("blank", ["", " ", "\n\n", "\u00a0\n"])
@pytest.mark.parametrize("wire", WIRES)
def test_a_blank_reply_is_left_out_of_the_next_request(live: Session, wire: str, blank: str) -> None:
    with Server([WIRES[wire]("Hello"), WIRES[wire](blank), WIRES[wire]("Bye")]) as server:
        for prompt in ("One", "Two", "Three"):
            live.ask(prompt, chat="talk", **where(wire, server))
        sent = server.requests[-1].json["messages"]

    assert [message["content"] for message in sent] == ["One", "Hello", "Three"]


@pytest.mark.parametrize("wire", WIRES)
def test_a_blank_reply_after_tools_is_no_message(live: Session, wire: str) -> None:
    def weather(city: str) -> str:
        """The weather of a city."""
        return "18 °C"

    ask = asking.chat if wire == "chat" else asking.messages
    scenarios = [ask("", Ask("c1", "weather", '{"city": "Oslo"}')), WIRES[wire]("\n"), WIRES[wire]("Bye")]
    with Server(scenarios) as server:
        for prompt in ("One", "Two"):
            live.ask(prompt, chat="talk", tools=[weather], yes=True, **where(wire, server))
        sent = server.requests[-1].json["messages"]

    assert all(message["content"] or message.get("tool_calls") for message in sent)
    assert [message["role"] for message in sent] in (
        ["user", "assistant", "tool", "user"],
        ["user", "assistant", "user", "user"],
    )


def test_a_structured_answer_that_is_empty_says_so(live: Session) -> None:
    with Server([chat_stream("")]) as server, pytest.raises(NoJson, match="the reply is empty"):
        live.ask("Hi", json=True, **where("chat", server))
    assert len(server.requests) == 1


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_stream_that_is_cut_at_the_size_limit_yields_what_is_kept(
    live: Session, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(received, "MAX_CHARS", 50)
    text = "qrstuvwxyz" * 10  # no piece of the key, which would be masked
    seen = []
    pieces = [text[i : i + size] for i in range(0, 100, size)]
    with Server([chat_stream(*pieces)]) as server:
        turn = live.stream("Hi", **where("chat", server))
        with pytest.raises(StreamCut, match="stopped at 50 characters"):
            seen += turn

    assert turn.reply is not None
    assert "".join(seen) == turn.reply.text == text[:50]

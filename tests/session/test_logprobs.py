"""--logprobs on the way from the option to reply.tokens: sent, refused, kept, played, continued, and without keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import Interrupted, PromptError, StreamCut
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.storage import recordings
from claude_nb.types.reply import Reply
from claude_nb.types.tokens import Tokens
from tests.helpers.replies import sse
from tests.helpers.server import Send, Server, answer, head, stream
from tests.helpers.sessions import session
from tests.helpers.spellings import SECRET, SPELLINGS, leaks


def item(text: str, logprob: float = -1.0, *others: str) -> dict[str, Any]:
    top = [{"token": other, "logprob": -1.0, "bytes": list(other.encode())} for other in (text, *others)]
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), "top_logprobs": top}


def chunk(text: str, *items: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    logprobs = {"content": list(items)} if items else None
    return {"choices": [{"index": 0, "delta": {"content": text}, "logprobs": logprobs, "finish_reason": finish}]}


def streamed(*chunks: dict[str, Any]) -> list[Any]:
    return stream(sse(*chunks, chunk("", finish="stop"), "[DONE]"), headers={"content-type": "text/event-stream"})


def options(server: Server, **more: Any) -> dict[str, Any]:
    return {"provider": "openai-compatible", "model": "m", "base_url": server.url, "logprobs": 2, **more}


def texts(reply: Reply) -> list[str]:
    return [token.text for token in reply.tokens or ()]


HELLO = (chunk("Hel", item("Hel", -0.5, "Yo")), chunk("lo", item("lo", -0.25), item("<eos>")))


def test_a_server_is_asked_for_probabilities_and_its_tokens_are_those_of_the_reply() -> None:
    with Server([streamed(*HELLO)]) as server:
        reply = session().ask("Hi", **options(server))

    assert texts(reply) == ["Hel", "lo"]
    assert [other.text for other in reply.tokens[0].alternatives] == ["Hel", "Yo"] if reply.tokens else False
    assert {name: server.requests[0].json[name] for name in ("logprobs", "top_logprobs")} == {
        "logprobs": True,
        "top_logprobs": 2,
    }
    assert reply.params["logprobs"] == 2


def test_tokens_that_nobody_asked_for_are_dropped() -> None:
    with Server([streamed(*HELLO)]) as server:
        turn = session().stream("Hi", **options(server, logprobs=None))
        chunks = list(turn.chunks())

    assert turn.reply is not None
    assert turn.reply.tokens is None
    assert not any(chunk.tokens for chunk in chunks)
    assert "logprobs" not in server.requests[0].json


def test_more_alternatives_than_asked_for_are_dropped() -> None:
    with Server([streamed(chunk("Hi", item("Hi", -1, "a", "b", "c")))]) as server:
        replies = [session().ask("Hi", **options(server, logprobs=n)) for n in (0, 1, 3)]

    assert [len(reply.tokens[0].alternatives) for reply in replies if reply.tokens] == [0, 1, 3]


@pytest.mark.parametrize("whole", [False, True])
def test_a_server_that_sends_none_is_named_in_the_footer(whole: bool) -> None:
    one = answer(200, {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop", "logprobs": None}]})
    with Server([one if whole else streamed(chunk("Hello"))]) as server:
        reply = session().ask("Hi", **options(server, whole=whole))

    assert (reply.text, reply.tokens) == ("Hello", None)
    assert "no logprobs arrived" in reply._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"provider": "anthropic"}, "Claude Sonnet 4.6 takes no logprobs; leave them out, or use -p demo, -p local"),
        ({"provider": "aimlapi"}, "Claude Sonnet .* takes no logprobs"),
        ({"provider": "aimlapi", "model": "anthropic/claude-sonnet-5.5"}, "Claude Sonnet .* takes no logprobs"),
        ({"provider": "anthropic", "model": "strange"}, "anthropic reports no logprobs; leave them out"),
        ({"provider": "aimlapi", "model": "gpt-4o", "json": "any", "cache": True}, "no logprobs beside thinking"),
        ({"provider": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "model": "claude-opus-5"}, "Claude"),
        ({"model": "demo", "logprobs": 21}, "logprobs must be from 0 to 20 alternatives, not 21"),
        ({"model": "demo", "logprobs": -1}, "logprobs must be from 0 to 20"),
        ({"model": "demo", "logprobs": 2.5}, "logprobs must be a whole number"),
        ({"model": "demo", "logprobs": True}, "logprobs must be a whole number"),
        ({"model": "demo", "logprobs": "5"}, "logprobs must be a whole number"),
    ],
)
def test_a_refusal_is_one_line_before_anything_is_sent(asked: dict[str, Any], words: str) -> None:
    known = session(
        ANTHROPIC_API_KEY="0123456789abcdef0123456789abcdef", AIMLAPI_API_KEY="fedcba98765432100123456789ab"
    )

    with pytest.raises(PromptError, match=words) as caught:
        known.ask("Hi", **{"logprobs": 3, **asked})

    assert "\n" not in str(caught.value)


def test_another_model_of_aimlapi_is_asked() -> None:
    request = session(AIMLAPI_API_KEY="fedcba98765432100123456789ab").request("Hi", model="gpt-4o", logprobs=3)

    assert request.logprobs == 3


def test_a_default_of_the_session_counts_until_it_is_unset() -> None:
    own = session()
    own.configure(logprobs=1)
    first = own.ask("Hi", model="demo")
    own.configure(logprobs=None)

    assert len(first.tokens[0].alternatives) == 1 if first.tokens else False
    assert own.ask("Hi", model="demo").tokens is None


def test_a_refused_default_of_the_session_says_how_to_unset_it() -> None:
    own = session(ANTHROPIC_API_KEY="0123456789abcdef0123456789abcdef")
    own.configure(logprobs=3)

    with pytest.raises(PromptError, match="logprobs is a default of this session: %claude /unset logprobs"):
        own.ask("Hi", provider="anthropic")


def test_tokens_are_in_the_history_in_replays_and_in_record_files(tmp_path: Path) -> None:
    own = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(tmp_path / "h.db")}))
    reply = own.ask("Tell me a story.", model="demo", logprobs=3, seed=1, max_tokens=12, hurry=True)
    played = own.run(reply.request, replay="only", hurry=True).wait()
    assert own.store is not None
    recordings.write(tmp_path / "r.jsonl", own.store.recorded())
    [row] = own.store.recent()
    [recorded] = recordings.read(tmp_path / "r.jsonl")

    assert reply.tokens
    assert row.reply.tokens == played.tokens == recorded.reply.tokens == reply.tokens
    assert isinstance(played.tokens, Tokens)


def test_a_reply_that_breaks_off_keeps_its_tokens() -> None:
    with Server([[Send(head()), Send(sse(*HELLO))]]) as server, pytest.raises(StreamCut) as caught:
        session().ask("Hi", **options(server))

    assert caught.value.reply is not None
    assert texts(caught.value.reply) == ["Hel", "lo"]


def test_a_stopped_reply_keeps_the_tokens_of_its_text() -> None:
    turn = session().stream("Tell me a story.", model="demo", logprobs=1)
    for count, _ in enumerate(turn, 1):
        if count == 4:
            turn.stop()

    assert turn.reply is not None
    assert turn.reply.stop_reason == "interrupted"
    assert "".join(texts(turn.reply)) == turn.reply.text
    assert len(turn.reply.tokens or ()) == 4


def test_an_interrupt_keeps_the_tokens_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    own = session()
    turn = own.stream("Tell me a story.", model="demo", logprobs=1)
    chunks = turn.chunks()
    for _ in range(6):
        next(chunks)
    with pytest.raises(Interrupted) as caught:
        chunks.throw(KeyboardInterrupt)

    assert caught.value.reply is not None
    assert "".join(texts(caught.value.reply)) == caught.value.reply.text != ""


def test_a_continued_reply_has_the_tokens_of_both_pieces() -> None:
    own = session()
    first = own.ask("Tell me a story.", model="demo", logprobs=2, seed=1, max_tokens=5)
    whole = own.proceed().wait()

    assert len(first.tokens or ()) == 5
    assert texts(whole)[:5] == texts(first)
    assert "".join(texts(whole)) == whole.text != first.text
    assert all(token.probability for token in (whole.tokens or ())[:5])


def test_the_rounds_of_a_reply_with_tools_have_their_tokens() -> None:
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}}
    asks = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "logprobs": {"content": [item("<tool>")]}}]}
    with Server(
        [streamed(chunk("Let me", item("Let", -0.5), item(" me")), asks), streamed(chunk("3", item("3")))]
    ) as server:
        reply = session().ask("1 + 2?", tools=[add], yes=True, **options(server))

    assert reply.text == "Let me\n\n3"
    assert texts(reply) == ["Let", " me", "\n\n", "3"]
    assert [token.probability is None for token in reply.tokens or ()] == [False, False, True, False]


def test_a_stop_sequence_cuts_the_tokens_too() -> None:
    reply = session().ask("Tell me a story.", model="demo", logprobs=1, seed=1, stop_sequences=["n a "])

    assert reply.stop_reason == "stop_sequence"
    assert "".join(texts(reply)) == reply.text


def test_an_answer_that_the_schema_writes_has_no_probabilities() -> None:
    reply = session().ask("Name a thing.", model="demo", logprobs=1, json=True)

    assert reply.tokens is None
    assert reply.data is not None


# Keys

TEXT = f"Your key is {SECRET}, in base64 {SPELLINGS['in base64']}."


def pieces(size: int) -> list[str]:
    return [TEXT[i : i + size] for i in range(0, len(TEXT), size)]


def known(path: Path) -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(path / "h.db"), "AIMLAPI_API_KEY": SECRET}))


def everything(reply: Reply) -> str:
    return f"{reply!r}{json.dumps(reply.to_dict(), ensure_ascii=False)}{reply._repr_mimebundle_()}"


@pytest.mark.parametrize("size", [1, 2, 5, 9, 40, 500])
def test_tokens_show_no_key_that_the_text_masks(size: int, tmp_path: Path) -> None:
    with Server([streamed(*(chunk(piece, item(piece, -1, "x")) for piece in pieces(size)))]) as server:
        own = known(tmp_path)
        reply = own.ask("Hi", base_url=server.url, model="gpt-4o", provider="aimlapi", logprobs=2)

    assert "[key]" in reply.text
    assert "".join(texts(reply)) == reply.text
    assert not leaks(everything(reply))
    assert not leaks((tmp_path / "h.db").read_bytes().decode("latin-1"))


@pytest.mark.parametrize("size", [1, 3, 9])
def test_the_second_alternatives_together_spell_no_key(size: int, tmp_path: Path) -> None:
    with Server([streamed(*(chunk("a", item("a", -1, piece)) for piece in pieces(size)))]) as server:
        reply = known(tmp_path).ask("Hi", base_url=server.url, model="gpt-4o", provider="aimlapi", logprobs=2)

    assert set(reply.text) == {"a"}
    second = "".join(token.alternatives[1].text for token in reply.tokens or ())
    assert "[key]" in second
    assert not leaks(second)

"""Token probabilities as the servers send them: whole, and in streams that are cut anywhere."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import pytest

from claude_nb.providers.dialects import chat_completions
from claude_nb.providers.sse import events
from claude_nb.types.request import Chunk, Message, Request
from claude_nb.types.token import Token
from claude_nb.types.tokens import fitted
from tests.helpers import STREAMS
from tests.helpers.cuts import CUTS, Cut

ASK = Request("p", "m-1", (Message("user", "Hi"),))
# The texts of the tokens, and the logarithms of their probabilities.
REPLIES: dict[str, tuple[str, list[tuple[str, float | None]]]] = {
    "openai": (
        "Hi 🙂.\n",
        [("Hi", -0.105360516), (" ", -0.693147181), ("", -0.5), ("🙂", -0.25), (".", None), ("\n", 0.0)],
    ),
    "vllm": ("Hi there!", [("Hi", -0.5), (" there", -0.25), ("!", -0.125)]),
    "llamacpp": ("Hi é.", [("Hi", -0.5), (" é", -0.75), (".", -0.25)]),
    "ollama": (
        "Hi😊 you.",
        [("Hi", -0.5), ("", -0.25), ("", -0.125), ("😊", -0.0625), (" you", -0.75), (".", -0.375)],
    ),
    "columns": ("Hi there\n", [("Hi", -0.5), (" there", -0.25), ("\n", None)]),
    "refusal": ("I cannot.", [("I", -0.5), (" cannot", -0.25), (".", -0.125)]),
}


def read(chunks: Iterable[Chunk]) -> tuple[str, list[Token]]:
    """The text and the tokens of a reply, as a turn takes them."""
    arrived = list(chunks)
    text = "".join(chunk.text for chunk in arrived)
    tokens = fitted([token for chunk in arrived for token in chunk.tokens], text, 20)
    return text, list(tokens or ())


def logarithms(tokens: Iterable[Token]) -> list[tuple[str, float | None]]:
    return [(token.text, None if token.probability is None else math.log(token.probability)) for token in tokens]


def check(name: str, text: str, tokens: list[Token]) -> None:
    expected, known = REPLIES[name]
    assert text == expected
    assert [text for text, _ in logarithms(tokens)] == [text for text, _ in known]
    for (_, logprob), (_, right) in zip(logarithms(tokens), known, strict=True):
        assert logprob == pytest.approx(right, abs=1e-6)


def body_of(name: str) -> bytes:
    return (STREAMS / "logprobs" / f"{name}.sse").read_bytes()


def whole(name: str) -> dict[str, Any]:
    """The recorded stream as the same server sends it in one piece."""
    message: dict[str, Any] = {}
    logprobs: dict[str, Any] = {}
    for event in events([body_of(name)]):
        for choice in (event.object() or {}).get("choices", ()):
            for field, value in choice["delta"].items():
                if isinstance(value, str):
                    message[field] = (message.get(field) or "") + value
            for field, items in (choice["logprobs"] or {}).items():
                columns = items if items is not None else [None]
                logprobs[field] = logprobs.get(field, []) + columns
    return {"choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "stop"}]}


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("name", REPLIES)
def test_the_tokens_of_a_stream_are_those_of_its_text_whatever_the_cut(name: str, cut: Cut) -> None:
    check(name, *read(chat_completions.OPENAI.chunks(events(cut(body_of(name))))))


@pytest.mark.parametrize("name", REPLIES)
def test_a_whole_reply_has_the_tokens_of_the_stream(name: str) -> None:
    check(name, *read(chat_completions.OPENAI.whole(whole(name))))


def test_every_recorded_stream_is_tested_and_names_its_source() -> None:
    files = {path.stem: path.read_text("utf-8") for path in (STREAMS / "logprobs").glob("*.sse")}

    assert set(files) == {*REPLIES}
    assert all(text.startswith(": ") for text in files.values())


def alternatives(name: str, place: int) -> list[tuple[str, float | None]]:
    token = read(chat_completions.OPENAI.chunks(events([body_of(name)])))[1][place]
    return [(other.text, other.probability and round(other.probability, 4)) for other in token.alternatives]


def test_alternatives_keep_their_order_and_what_is_unknown_is_none() -> None:
    assert alternatives("openai", 0) == [("Hi", 0.9), ("Hello", 0.1)]
    assert alternatives("vllm", 0) == [("Hi", 0.6065), ("Yo", None)]  # -9999
    assert alternatives("llamacpp", 1) == [(" ", 0.4724), ("x", None)]  # the lowest number
    assert alternatives("columns", 0) == [("Hi", 0.6065), ("Yo", 0.2231)]


def test_half_a_character_is_an_alternative_of_its_own() -> None:
    assert alternatives("openai", 2) == [("\ufffd", 0.6065), (" there", 0.3679)]


def stream_of(*choices: dict[str, Any]) -> list[Token]:
    data = [json.dumps({"choices": [{"index": 0, **choice}]}) for choice in choices]
    return read(chat_completions.OPENAI.chunks(events([f"data: {line}\n\n".encode() for line in data])))[1]


def one(**item: Any) -> dict[str, Any]:
    return {"delta": {"content": "Hi"}, "logprobs": {"content": [{"token": "Hi", "top_logprobs": [], **item}]}}


@pytest.mark.parametrize(
    "logprob",
    [None, "x", "-0.5", True, [], math.nan, math.inf, -math.inf, 5, 1e308, -9999.0, -9999, -3.4e38, -1e30],
    ids=str,
)
def test_a_probability_that_is_none_is_unknown(logprob: Any) -> None:
    alternative = {"token": "Yo", "logprob": -1.0}

    [token] = stream_of(one(logprob=logprob, top_logprobs=[alternative]))

    assert (token.text, token.probability, token.surprise) == ("Hi", None, None)
    assert [other.text for other in token.alternatives] == ["Yo"]


@pytest.mark.parametrize("logprob", [0, 0.0, -0.0, 1e-7])
def test_rounding_makes_no_probability_above_one(logprob: float) -> None:
    [token] = stream_of(one(logprob=logprob))

    assert (token.probability, token.surprise) == (1.0, 0.0)


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        {},
        "x",
        7,
        {"content": None},
        {"content": {}},
        {"content": "x"},
        {"content": [None, 1, "x", []]},
        {"content": [{}]},
        {"content": [{"token": None, "logprob": -1}]},
        {"content": [{"token": {}, "bytes": "x", "logprob": -1}]},
        {"content": [{"bytes": [999, -1, None, True, "a"], "token": 7, "logprob": -1}]},
        {"tokens": "Hi", "token_logprobs": 3},
        {"tokens": [None, 7, {}], "token_logprobs": None, "top_logprobs": [3]},
        {"tokens": ["zzz"], "token_logprobs": [-1], "top_logprobs": [{"a": "b"}]},
    ],
    ids=str,
)
def test_nonsense_costs_no_text_and_invents_no_token(logprobs: Any) -> None:
    data = json.dumps({"choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": logprobs}]})

    assert read(chat_completions.OPENAI.chunks(events([f"data: {data}\n\n".encode()]))) == ("Hi", [])


def test_probabilities_after_sampling_are_read_too() -> None:
    top = [{"token": "Yo", "prob": 0.25}, {"token": "A", "prob": 7.0}, {"token": "B", "prob": 0.0}]

    [token] = stream_of({**one(prob=0.75), "logprobs": {"content": [{"token": "Hi", "prob": 0.75, "top_probs": top}]}})

    assert token.probability == 0.75
    assert [other.probability for other in token.alternatives] == [0.25, None, None]


def test_a_huge_number_of_alternatives_is_cut() -> None:
    top = [{"token": "x" * 5000, "logprob": -1.0}] * 3000

    [token] = stream_of(one(logprob=-1, top_logprobs=top))

    assert len(token.alternatives) == 20
    assert {len(other.text) for other in token.alternatives} == {200}


def test_a_chunk_without_probabilities_leaves_a_token_of_unknown_probability() -> None:
    tokens = stream_of(one(logprob=-1), {"delta": {"content": " and"}, "logprobs": None}, one(logprob=-2))

    assert [(token.text, token.probability is None) for token in tokens] == [
        ("Hi", False),
        (" and", True),
        ("Hi", False),
    ]


def test_tokens_of_a_tool_call_are_not_in_the_text() -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    items = [{"token": text, "logprob": -1.0} for text in ("<tool_call>", '{"name": "f"}', "Hi")]

    tokens = stream_of(one(logprob=-2), {"delta": {"tool_calls": [call]}, "logprobs": {"content": items}})

    assert [token.text for token in tokens] == ["Hi"]
    assert tokens[0].probability == pytest.approx(math.exp(-2))


@pytest.mark.parametrize(
    "dialect", [chat_completions.OPENAI, chat_completions.AIMLAPI], ids=lambda dialect: dialect.name
)
def test_the_request_asks_for_probabilities_only_if_the_user_does(dialect: Any) -> None:
    def sent(logprobs: int | None) -> dict[str, Any]:
        body = dialect.body(Request("p", "m-1", ASK.messages, logprobs=logprobs), stream=True)
        return {name: value for name, value in body.items() if "logprobs" in name}

    assert sent(None) == {}
    assert sent(5) == {"logprobs": True, "top_logprobs": 5}
    assert sent(0) == {"logprobs": True}  # with 0, llama.cpp would send none

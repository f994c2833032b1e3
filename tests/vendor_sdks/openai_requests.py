"""Requests to an OpenAI-compatible server: a user's words here, and the same with OpenAI's SDK."""

from __future__ import annotations

from typing import Any

import openai
from pydantic import create_model

from tests.helpers import asking
from tests.helpers.asking import Ask
from tests.helpers.server import answer
from tests.vendor_sdks.case import MANY, NOTES, PDF, PNG, WEATHER, Case, City, b64, weather

HELLO = asking.chat("Hello", stop="stop")
WHOLE = answer(200, {"id": "c1", "choices": [{"message": {"role": "assistant", "content": "Hello"}}]})
BLUE = asking.chat('{"name": "Oslo", "people": 700000}', stop="stop")
OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'
MODEL = create_model("weather", __doc__="The weather of a city.", city=(str, ...))
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather of a city.", "parameters": WEATHER},
}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def picture() -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64(PNG)}"}}


def say(client: Any, *messages: Any, **more: Any) -> Any:
    """Ask with the SDK for a streamed reply, and return its message."""
    asked = {"model": "m", "messages": messages or (user("Hi"),), "stream_options": {"include_usage": True}, **more}
    with client.chat.completions.stream(**asked) as stream:
        return stream.get_final_completion().choices[0].message


def round_of(client: Any, *results: tuple[str, str]) -> Any:
    """Ask with the SDK, and send the results of the calls."""
    said = say(client, user("Where?"), tools=[TOOL])
    answered = ({"role": "tool", "tool_call_id": call, "content": content} for call, content in results)
    return say(client, user("Where?"), said, *answered, tools=[TOOL])


def turns(client: Any, *questions: str) -> None:
    messages: list[Any] = []
    for question in questions:
        messages.append(user(question))
        messages.append({"role": "assistant", "content": say(client, *messages).content})


def chat(ask: Any, *questions: str) -> None:
    for question in questions:
        ask(question, chat="trip")


def case(name: str, ours: Any, theirs: Any, answers: Any = (HELLO,)) -> Case:
    return Case(f"openai: {name}", ours, theirs, answers)


def both(name: str, options: dict[str, Any], theirs: dict[str, Any], answers: Any = (HELLO,)) -> Case:
    """A case of one request that differs from a plain one by options."""
    return case(name, lambda ask: ask("Hi", **options), lambda client: say(client, **theirs), answers)


OPENAI: tuple[Case, ...] = (
    both("plain", {}, {}),
    case(
        "whole",
        lambda ask: ask("Hi", whole=True),
        lambda client: client.chat.completions.create(model="m", messages=[user("Hi")]),
        [WHOLE],
    ),
    both("sampling", {"temperature": 0.2, "seed": 7}, {"temperature": 0.2, "seed": 7}),
    both("top_p and top_k", {"top_p": 0.9, "top_k": 5}, {"top_p": 0.9, "extra_body": {"top_k": 5}}),
    both("max_tokens", {"max_tokens": 100}, {"max_tokens": 100}),
    case(
        "system",
        lambda ask: ask("Hi", system=MANY),
        lambda client: say(client, {"role": "system", "content": MANY}, user("Hi")),
    ),
    both("stop sequences", {"stop_sequences": ["END", "\n"]}, {"stop": ["END", "\n"]}),
    both("logprobs", {"logprobs": 5}, {"logprobs": True, "top_logprobs": 5}),
    both("effort", {"effort": "low"}, {"reasoning_effort": "low"}),
    case("any letters", lambda ask: ask(MANY), lambda client: say(client, user(MANY))),
    case("three turns", lambda ask: chat(ask, "a", "b", "c"), lambda client: turns(client, "a", "b", "c")),
    case("picture", lambda ask: ask("Hi", attach="dot.png"), lambda client: say(client, user(picture(), text("Hi")))),
    case(
        "PDF",
        lambda ask: ask("Hi", attach="report.pdf"),
        lambda client: say(
            client,
            user(
                {
                    "type": "file",
                    "file": {"filename": "report.pdf", "file_data": f"data:application/pdf;base64,{b64(PDF)}"},
                },
                text("Hi"),
            ),
        ),
    ),
    case(
        "text file",
        lambda ask: ask("Hi", attach="notes.txt"),
        lambda client: say(
            client,
            user(
                {
                    "type": "file",
                    "file": {"filename": "notes.txt", "file_data": f"data:text/plain;base64,{b64(NOTES.encode())}"},
                },
                text("Hi"),
            ),
        ),
    ),
    both("tools that are not called", {"tools": [weather]}, {"tools": [TOOL]}),
    both("tools made by the SDK", {"tools": [weather]}, {"tools": [openai.pydantic_function_tool(MODEL)]}),
    case(
        "tool result",
        lambda ask: ask("Where?", tools=[weather]),
        lambda client: round_of(client, ("c1", "18 °C in Oslo")),
        [asking.chat("I look.", Ask("c1", "weather", OSLO)), HELLO],
    ),
    case(
        "failed tool result of a call without words",
        lambda ask: ask("Where?", tools=[weather]),
        lambda client: round_of(client, ("c1", "LookupError: no station in Rome")),
        [asking.chat("", Ask("c1", "weather", ROME)), HELLO],
    ),
    case(
        "two calls at once",
        lambda ask: ask("Where?", tools=[weather]),
        lambda client: round_of(client, ("c1", "18 °C in Oslo"), ("c2", "18 °C in Bonn")),
        [asking.chat("I look.", Ask("c1", "weather", OSLO), Ask("c2", "weather", '{"city": "Bonn"}')), HELLO],
    ),
    both("JSON of a class", {"json": City}, {"response_format": City}, [BLUE]),
    case("model list", lambda ask: ask.models(), lambda client: client.models.list(), [answer(200, {"data": []})]),
)

"""Pictures that a function returns: sent as pictures where the API takes them, as words elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from IPython.display import Image as ShownImage
from matplotlib.figure import Figure
from PIL import Image

from claude_nb.providers.credentials import Credentials
from claude_nb.session.budget import tokens_in
from claude_nb.session.session import Session
from claude_nb.storage import entries
from claude_nb.types.content import ToolResult
from claude_nb.types.request import Request
from tests.helpers import asking, binding, replies
from tests.helpers.server import Server

KEY = "0123456789abcdef0123456789abcdef"


def live() -> Session:
    keys = {"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    return Session(credentials=Credentials(keys))


def figure() -> Figure:
    made = Figure(figsize=(2, 1))
    made.subplots().plot([1, 2, 3])
    return made


def photo() -> Image.Image:
    return Image.new("RGB", (30, 20), "navy")


def shown() -> ShownImage:
    data = BytesIO()
    photo().save(data, "PNG")
    return ShownImage(data=data.getvalue())


class Plot:
    """An object of another library that draws itself in a notebook."""

    def _repr_png_(self) -> bytes:
        return shown().data


class Described(Plot):
    def __str__(self) -> str:
        return "a line through three points"


def draw(function: Callable[[], Any]) -> Callable[[], Any]:
    def plot() -> Any:
        """Draw the data."""
        return function()

    return plot


def ask(server: Server, function: Callable[[], Any], **options: Any) -> Any:
    where = {"provider": "anthropic", "base_url": server.url, "model": "opus-5.5"}
    return live().ask("Draw it.", **{**where, **options}, tools=[draw(function)], yes=True)


def rounds(provider: str) -> list[Any]:
    form: Any = asking.chat if provider == "openai-compatible" else asking.messages
    last = replies.chat(["A line."]) if provider == "openai-compatible" else replies.messages(["A line."])
    return [form("", asking.Ask("call_1", "plot")), last]


@pytest.mark.parametrize("provider", ["anthropic", "aimlapi"])
@pytest.mark.parametrize(
    ("function", "names"),
    [
        (figure, ["plot.png"]),
        (lambda: figure().axes[0], ["plot.png"]),
        (photo, ["plot.png"]),
        (shown, ["plot.png"]),
        (Plot, ["plot.png"]),
        (lambda: [figure(), photo()], ["plot 1.png", "plot 2.png"]),
        (lambda: ("three points", figure()), ["plot 2.png"]),
    ],
    ids=["figure", "axes", "PIL", "IPython", "draws itself", "list", "tuple with text"],
)
def test_a_picture_is_sent_as_a_picture(provider: str, function: Callable[[], Any], names: list[str]) -> None:
    with Server(rounds(provider)) as server:
        reply = ask(server, function, provider=provider)
    result = server.requests[1].json["messages"][-1]["content"][0]
    assert (result["type"], result["tool_use_id"]) == ("tool_result", "call_1")
    text, *images = result["content"]
    assert [image["type"] for image in images] == ["image"] * len(names)
    assert all(image["source"]["media_type"].startswith("image/") for image in images)
    assert all(f"picture {name}" in text["text"] for name in names)
    assert "object at 0x" not in json.dumps(server.requests[1].json)
    assert (reply.text, reply.calls[0].failed) == ("A line.", False)


def test_where_a_result_is_text_only_the_model_is_told() -> None:
    with Server(rounds("openai-compatible")) as server:
        ask(server, figure, provider="openai-compatible", model="m")
    result = server.requests[1].json["messages"][-1]
    assert (result["role"], result["tool_call_id"]) == ("tool", "call_1")
    assert result["content"] == "picture plot.png\n(a function cannot show you pictures here)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Described(), "a line through three points"),
        ("18 degrees", "18 degrees"),
        ([1, 2], "[1, 2]"),
        (None, "null"),
        ({"a": 1}, '{"a": 1}'),
        ([], "[]"),
        ((), "[]"),
    ],
)
def test_other_results_stay_text(value: Any, text: str) -> None:
    with Server(rounds("anthropic")) as server:
        ask(server, lambda: value)
    assert server.requests[1].json["messages"][-1]["content"][0]["content"] == text


def test_a_long_list_with_pictures_is_text() -> None:
    with Server(rounds("anthropic")) as server:
        ask(server, lambda: [photo()] * 11)
    assert isinstance(server.requests[1].json["messages"][-1]["content"][0]["content"], str)


def test_a_picture_that_cannot_be_drawn_is_a_failed_call() -> None:
    class Broken(Figure):
        def savefig(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("out of ink")

    with Server(rounds("anthropic")) as server:
        reply = ask(server, Broken)
    assert reply.calls[0].failed
    assert "out of ink" in (reply.calls[0].result or "")


def test_a_conversation_goes_on_with_the_picture_and_its_thoughts() -> None:
    asked = live()
    where: dict[str, Any] = {"provider": "anthropic", "model": "opus-5.5", "chat": "plots"}
    with Server(binding.strict) as server:
        for prompt in ("Draw it.", "And again."):
            asked.ask(prompt, base_url=server.url, tools=[draw(figure)], yes=True, **where)
    bodies = [json.dumps(request.json) for request in server.requests]
    assert [body.count('"image"') for body in bodies] == [0, 1, 1, 2]
    assert [body.count('"signature"') for body in bodies] == [0, 1, 2, 3]


def test_the_history_keeps_the_fingerprint_and_sends_words_without_the_bytes() -> None:
    with Server([*rounds("anthropic"), replies.messages(["Hm."])]) as server:
        reply = ask(server, photo)
        (result,) = (part for part in reply.parts if isinstance(part, ToolResult))
        read = entries.reply_from(json.loads(json.dumps(reply.to_dict())))
        assert read == reply
        assert tokens_in(Request("anthropic", "m", (reply.message,))) > 1_600
        again = Request.from_dict(json.loads(json.dumps(reply.request.to_dict())))
        stripped = entries.reply_from(reply.to_dict()).message
        live().run(_followed(again, stripped, server.url)).wait()
    assert result.pictures[0].sha256 not in json.dumps(server.requests[2].json)
    assert "picture plot.png" in json.dumps(server.requests[2].json)


def _followed(request: Request, answer: Any, url: str) -> Request:
    return replace(request, messages=(*request.messages, answer, *request.messages), base_url=url)

"""Thinking and effort: what is sent, what is refused before, what is shown, and what a conversation keeps of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_nb.errors import PromptError
from claude_nb.notebook.arguments import parse
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.dialects import chat_completions, messages
from claude_nb.providers.sse import events
from claude_nb.render import reply as footer
from claude_nb.render.live import Painter
from claude_nb.session.session import Session
from claude_nb.storage import entries
from claude_nb.types.content import Thought
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Sampling, Thinking
from tests.helpers import STREAMS, asking, replies
from tests.helpers.cuts import CUTS, Cut
from tests.helpers.server import Server, answer
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def live() -> Session:
    return Session(
        credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY})
    )


# What is sent


@pytest.mark.parametrize(
    ("model", "thinking", "sent"),
    [
        ("sonnet-4.6", "on", {"type": "adaptive"}),
        ("sonnet-4.6", True, {"type": "adaptive"}),
        ("sonnet-4.6", 4000, {"type": "enabled", "budget_tokens": 4000}),
        ("sonnet-4.6", False, {"type": "disabled"}),
        ("sonnet-5.5", "off", {"type": "between_tools"}),
        ("sonnet-5.5", False, {"type": "between_tools"}),
        ("sonnet", "on", {"type": "adaptive", "display": "summarized"}),
        ("haiku", "off", {"type": "disabled"}),
        ("sonnet-4.5", "on", {"type": "enabled", "budget_tokens": 8000}),
        ("opus-4.8", "on", {"type": "adaptive", "display": "summarized"}),
    ],
)
def test_a_model_is_told_to_think_in_the_way_it_knows(live: Session, model: str, thinking: Any, sent: Any) -> None:
    with Server([replies.thought(["Hm."], "Hello")]) as server:
        live.ask("Hi", provider="anthropic", base_url=server.url, model=model, thinking=thinking)
    assert server.requests[0].json["thinking"] == sent


def test_thinking_on_aimlapi_goes_through_its_messages_endpoint_to_the_key(live: Session) -> None:
    with Server([replies.thought(["Hm, ", "blue."], "Because.")]) as server:
        reply = live.ask("Why?", provider="aimlapi", base_url=server.url, thinking=4000, effort="high")
    assert server.requests[0].path == "/v1/messages"
    assert server.requests[0].json == {
        "model": "anthropic/claude-sonnet-4.6",
        "max_tokens": 32_000,
        "thinking": {"type": "enabled", "budget_tokens": 4000},
        "output_config": {"effort": "high"},
        "messages": [{"role": "user", "content": "Why?"}],
        "stream": True,
    }
    assert (reply.thinking, reply.text) == ("Hm, blue.", "Because.")
    assert reply.params == {"max_tokens": 32_000, "thinking": "4,000 tokens", "effort": "high"}


def test_effort_alone_stays_on_the_chat_endpoint(live: Session) -> None:
    with Server([replies.chat(["Hi"])]) as server:
        live.ask("Why?", provider="aimlapi", base_url=server.url, effort="low")
        live.ask("Why?", provider="openai-compatible", base_url=server.url, model="m", effort="max")
    assert [request.path for request in server.requests] == ["/v1/chat/completions"] * 2
    assert [request.json["reasoning_effort"] for request in server.requests] == ["low", "max"]


def test_what_is_not_asked_for_is_not_sent(live: Session) -> None:
    for provider in ("aimlapi", "anthropic"):
        request = live.request("Why?", provider=provider)
        assert (request.thinking, request.effort) == (None, None)
        assert not {"thinking", "effort"} & request.to_dict().keys()


def test_a_budget_leaves_room_for_the_answer(live: Session) -> None:
    assert live.request("Why?", provider="anthropic", thinking=60_000).sampling.max_tokens == 68_000


def test_as_a_default_it_holds_for_later_calls(live: Session) -> None:
    live.configure(thinking=2000, effort="low")
    request = live.request("Why?")
    assert (request.thinking, request.effort) == (Thinking("enabled", 2000), "low")


# What is refused


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "opus", "thinking": 4000}, "sets its own budget"),
        ({"model": "opus", "thinking": "off"}, "always thinks"),
        ({"thinking": 4000, "max_tokens": 4000}, "is part of max_tokens"),
        ({"thinking": "on", "temperature": 0.5}, "no temperature but 1"),
        ({"thinking": "on", "top_k": 5}, "no top_k"),
        ({"thinking": "on", "top_p": 0.5}, "top_p from 0.95"),
        ({"thinking": 100}, "at least 1024"),
        ({"thinking": "maybe"}, "on, off or a budget"),
        ({"effort": "much"}, "low, medium, high"),
        ({"effort": "xhigh"}, "takes effort low, medium, high, max"),
        ({"model": "haiku-4.5", "effort": "low"}, "takes no effort"),
        ({"model": "opus-5", "thinking": "off", "effort": "max"}, "up to effort high only"),
        ({"provider": "aimlapi", "effort": "max"}, "up to high"),
        ({"provider": "demo", "model": "demo", "thinking": "on"}, "the demo model does not think"),
        ({"provider": "demo", "model": "demo", "effort": "low"}, "takes no effort"),
        ({"provider": "openai-compatible", "model": "m", "thinking": "on"}, "no field for --thinking"),
    ],
)
def test_what_a_model_refuses_is_refused_in_one_line_before_anything_is_sent(
    live: Session, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(PromptError, match=says) as caught:
        live.request("Why?", **{"provider": "anthropic", **options})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "sampling"), [("on", {"temperature": 1}), ("on", {"top_p": 0.95}), ("off", {"top_k": 5})]
)
def test_what_goes_with_thinking_is_taken(live: Session, options: str, sampling: dict[str, Any]) -> None:
    assert live.request("Why?", thinking=options, **sampling).thinking


@pytest.mark.parametrize(
    ("line", "options", "rest"),
    [
        ("--thinking Why?", {"thinking": "on"}, "Why?"),
        ("--thinking", {"thinking": "on"}, ""),
        ("--thinking 4000 Why?", {"thinking": "4000"}, "Why?"),
        ("--thinking=4000 Why?", {"thinking": "4000"}, "Why?"),
        ("--thinking off Why?", {"thinking": "off"}, "Why?"),
        ("--thinking offers Why?", {"thinking": "on"}, "offers Why?"),
        ("--thinking -t 1 Why?", {"thinking": "on", "temperature": "1"}, "Why?"),
        ("--thinking={{budget}} Why?", {"thinking": "{{budget}}"}, "Why?"),
    ],
)
def test_the_budget_may_be_left_out_on_the_line(line: str, options: dict[str, str], rest: str) -> None:
    assert parse(line) == (options, rest)


def weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees in {city}"


SUMMARIZED = {"type": "adaptive", "display": "summarized"}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"model": "opus-5.5"}, SUMMARIZED),
        ({"model": "sonnet-5.5"}, SUMMARIZED),
        ({"model": "fable-5.2"}, SUMMARIZED),
        ({"model": "claude-opus-6"}, SUMMARIZED),
        ({"model": "sonnet-5.5", "thinking": "off"}, {"type": "between_tools"}),
        ({"model": "haiku-5.5", "thinking": "off"}, {"type": "disabled"}),
        ({"model": "sonnet-4.6"}, None),
        ({"model": "haiku-4.5"}, None),
        ({"model": "opus-4.8"}, None),  # it does not think unless told to
        ({"model": "opus-5.5", "tools": None}, None),
    ],
    ids=str,
)
def test_with_functions_a_model_that_thinks_shows_what_it_writes_between_calls(
    live: Session, options: dict[str, Any], sent: Any
) -> None:
    request = live.request("Warm?", **{"provider": "anthropic", "tools": [weather], **options})
    assert messages.MESSAGES.body(request, stream=True).get("thinking") == sent


def test_notes_between_two_calls_are_shown(shell: Shell) -> None:
    note = asking.Thinks("Oslo first, then Rome.", "Sig==")
    first = asking.messages("", asking.Ask("toolu_1", "weather", '{"city": "Oslo"}'), thinks=note)
    again = asking.Thinks("Now Rome.", "Sig==")
    second = asking.messages("", asking.Ask("toolu_2", "weather", '{"city": "Rome"}'), thinks=again)
    shell.vars["weather"] = weather
    with Server([first, second, replies.messages(["Warm."])]) as server:
        where = f"-p anthropic -m sonnet --base-url {server.url} --tools weather --yes"
        printed = shell.run(f"%claude {where} Where is it warm?")
    places = [printed.index(text) for text in ("Oslo first, then Rome.", "Now Rome.", "Warm.")]
    assert places == sorted(places)


def test_notes_between_calls_go_back_to_the_server_also_where_thinking_is_off(live: Session) -> None:
    note = asking.messages(
        "", asking.Ask("toolu_1", "weather", '{"city": "Oslo"}'), thinks=asking.Thinks("A note.", "S")
    )
    off: dict[str, Any] = {"provider": "anthropic", "model": "sonnet-5.5", "thinking": "off", "tools": [weather]}
    with Server([note, replies.messages(["Warm."])]) as server:
        reply = live.ask("Warm?", base_url=server.url, yes=True, **off)
    assert reply.thinking == "A note."
    block = server.requests[1].json["messages"][1]["content"][0]
    assert block == {"type": "thinking", "thinking": "A note.", "signature": "S"}


def test_a_model_that_cannot_be_made_to_call_is_asked_for_json_in_words(live: Session) -> None:
    own = {
        "name": "own",
        "accepts": ["max_tokens"],
        "thinking": ["adaptive", "between_tools"],
        "structured": {"aimlapi": "tool"},
    }
    live.configure(models=[own])
    asked = [live.request("Hi", provider="aimlapi", model="own", json=dict, thinking=off) for off in (None, "off")]
    assert [request.answer and request.answer.method for request in asked] == ["tool", "prompt"]


@pytest.mark.parametrize("effort", ["xhigh", "max"])
def test_much_effort_needs_thinking(live: Session, effort: str) -> None:
    off: dict[str, Any] = {"provider": "anthropic", "model": "sonnet-5.5", "thinking": "off"}
    with pytest.raises(PromptError, match="can switch thinking off up to effort high only"):
        live.request("Why?", **off, effort=effort)
    assert live.request("Why?", **off, effort="high").params["thinking"] == "between tools"


# What comes back


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
def test_thoughts_come_signed_whatever_the_cut(cut: Cut) -> None:
    body = (STREAMS / "messages-thinking.sse").read_bytes()
    found = [chunk.part for chunk in messages.MESSAGES.chunks(events(cut(body))) if isinstance(chunk.part, Thought)]
    assert found == [Thought("Let me see.", "EqQB"), Thought(sealed="xyz")]


def test_a_reply_in_one_piece_has_its_thoughts_too() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
        {"type": "thinking", "thinking": "unsigned"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "Hi", "signature": "not a thought"},
    ]
    found = [chunk.part for chunk in messages.MESSAGES.whole({"content": blocks}) if chunk.part]
    assert found == [Thought("Hm.", "EqQB"), Thought(sealed="xyz")]


def test_a_signature_without_end_is_not_believed() -> None:
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "x" * 10**6}}
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}}
    lines = [start, *[piece] * 6, {"type": "content_block_stop", "index": 0}]
    assert not any(chunk.part for chunk in messages.MESSAGES.chunks(events([replies.sse(*lines)])))


def test_a_conversation_sends_thoughts_back_unchanged_and_in_their_place(live: Session) -> None:
    where: dict[str, Any] = {"provider": "anthropic", "chat": "c", "thinking": "on"}
    answers = [replies.thought(["Hm, ", "blue."], "Because.", signature="Sig==")] * 3
    with Server([*answers, replies.chat(["Because."])]) as server:
        first = live.ask("Why?", base_url=server.url, **where)
        live.ask("And at night?", base_url=server.url, **where)
        live.ask("And now?", base_url=server.url, **{**where, "thinking": "off"})
        live.ask("And then?", base_url=server.url, provider="aimlapi", chat="c")
    assert first.parts == (Thought("Hm, blue.", "Sig=="),)
    said = [
        {"type": "thinking", "thinking": "Hm, blue.", "signature": "Sig=="},
        {"type": "text", "text": "Because."},
    ]
    assert server.requests[1].json["messages"][1] == {"role": "assistant", "content": said}
    assert server.requests[2].json["messages"][1] == {"role": "assistant", "content": "Because."}
    assert server.requests[3].json["messages"][1] == {"role": "assistant", "content": "Because."}


def test_thoughts_between_texts_keep_their_places() -> None:
    said = Message("assistant", "One. Two.", (Thought("a", "s1"), Thought("b", "s2", at=5)))
    asked = Request("anthropic", "m", (Message("user", "Hi"), said), sampling=Sampling(max_tokens=9))
    blocks = messages.MESSAGES.body(asked, stream=False)["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "text", "thinking", "text"]
    assert [block["text"] for block in blocks if block["type"] == "text"] == ["One. ", "Two."]
    assert chat_completions.AIMLAPI.body(asked, stream=False)["messages"][1]["content"] == "One. Two."


def test_all_of_it_survives_the_history() -> None:
    said = Message("assistant", "One.", (Thought("a", "s1"), Thought(sealed="x", at=4)))
    asked = Request("anthropic", "m", (Message("user", "Hi"), said), thinking=Thinking("enabled", 2000), effort="low")
    reply = Reply(asked, "Hi", parts=(Thought("b", "s2"),), stop_reason="refusal", stop_detail="cyber")
    assert entries.reply_from(json.loads(json.dumps(reply.to_dict()))) == reply
    assert Request.from_dict(asked.to_dict()).key == asked.key


@pytest.mark.parametrize(
    "part", [{"kind": "thought", "text": 5}, {"kind": "other"}, {}, {"kind": "thought", "at": -1}, 5, {"kind": []}]
)
def test_a_damaged_part_is_not_read_back(part: Any) -> None:
    data = Reply(Request("demo", "demo", (Message("user", "Hi"),)), "Hi").to_dict()
    with pytest.raises(ValueError, match=r".+"):
        entries.reply_from({**data, "parts": [part]})


# What is shown


def test_a_terminal_shows_the_thoughts_before_the_reply(shell: Shell) -> None:
    with Server([replies.thought(["Hm, ", "blue."], "Because.")]) as server:
        printed = shell.run(f"%claude -p anthropic --base-url {server.url} --thinking 2000 Why?")
    assert printed.startswith("[thinking]\nHm, blue.\n[reply]\nBecause.\n\n[claude-sonnet-4-6 · ")
    assert "thinking 2,000 tokens" in printed
    assert shell.vars["reply"].thinking == "Hm, blue."


def test_a_cell_shows_the_newest_thoughts_until_the_reply_begins_and_folds_them_at_the_end() -> None:
    shown: dict[int, dict[str, str]] = {}
    painter = Painter(lambda slot, bundle: shown.update({slot: bundle}))
    painter.think("x" * 5_000 + "<b>newest")
    painter.paint(0)
    assert shown[0]["text/html"].startswith("<details open><summary>thinking")
    assert "&lt;b&gt;newest" in shown[0]["text/html"]
    assert len(shown[0]["text/html"]) < 1_500
    painter.feed("Because.")
    painter.paint(1)
    assert "<details" not in shown[0]["text/html"]
    assert "Because." in shown[0]["text/html"]


def test_a_reply_of_nothing_but_thoughts_shows_them() -> None:
    shown: dict[int, dict[str, str]] = {}
    painter = Painter(lambda slot, bundle: shown.update({slot: bundle}))
    painter.finish("", {"text/html": "foot", "text/plain": "foot"}, before="<details>")
    assert shown[0]["text/html"].startswith("<details>")
    assert shown[1]["text/plain"] == "foot"


# Refusals


@pytest.mark.parametrize("whole", [False, True])
def test_a_refusal_says_that_it_is_one_and_why(live: Session, whole: bool) -> None:
    body = (STREAMS / "messages-refusal.sse").read_bytes()
    ending = {"stop_reason": "refusal", "stop_details": {"category": "cyber", "explanation": None}}
    scenario = answer(200, {"content": [{"type": "text", "text": "Hello"}], **ending})
    with Server([scenario if whole else [*replies.messages([])[:1], replies.Send(body)]]) as server:
        reply = live.ask("Hi", provider="anthropic", base_url=server.url, chat="c", whole=whole)
    assert (reply.stop_reason, reply.stop_detail) == ("refusal", "cyber")
    assert live.conversations == {}
    shown = footer.bundle(reply, footer.next_step(reply))
    assert "<b>refused by the model</b>: cyber · the text above is not an answer" in shown["text/html"]


# Going on


def test_a_reply_cut_at_max_tokens_is_completed_in_a_chat_that_then_holds_one_answer(shell: Shell) -> None:
    cut = replies.messages(["One, two, "], stop_reason="max_tokens")
    with Server([cut, replies.messages(["three, "], stop_reason="max_tokens"), replies.messages(["four."])]) as server:
        where = f"-p anthropic --base-url {server.url}"
        printed = shell.run(f"%claude {where} -c count -o numbers Count.")
        assert "cut at max_tokens · %claude /continue goes on" in printed
        shell.run("%claude /continue")
        assert shell.vars["numbers"].text == "One, two, three, "
        printed = shell.run("%claude /continue")
        shell.run(f"%claude {where} -c count More?")
    assert "four." in printed
    assert "/continue" not in printed
    numbers = shell.vars["numbers"]
    assert (numbers.text, numbers.prompt, numbers.stop_reason) == ("One, two, three, four.", "Count.", "end")
    assert (numbers.usage.input_tokens, numbers.usage.output_tokens) == (36, 102)
    second, last = server.requests[1].json["messages"], server.requests[3].json["messages"]
    assert [m["role"] for m in second] == ["user", "assistant", "user"]
    assert second[1]["content"] == "One, two, "
    assert "Go on exactly where it stopped" in second[2]["content"]
    assert [m["content"] for m in last] == ["Count.", "One, two, three, four.", "More?"]
    assert shell.session.totals.calls == 4


def test_a_model_that_takes_the_beginning_of_its_reply_gets_it(live: Session) -> None:
    with Server([replies.messages(["One, "], stop_reason="max_tokens"), replies.messages([" two."])]) as server:
        live.ask("Count.", provider="anthropic", model="sonnet-4.5", base_url=server.url)
        reply = live.proceed().wait()
    assert server.requests[1].json["messages"][1:] == [{"role": "assistant", "content": "One,"}]
    assert reply.text == "One, two."


def test_a_whole_reply_and_none_at_all_cannot_be_gone_on_with(shell: Shell) -> None:
    assert "there is no reply to continue" in shell.run("%claude /continue")
    shell.session.ask("Why is the sky blue?", seed=1)
    assert "the last reply is finished" in shell.run("%claude /continue")


def test_the_demo_model_goes_on_too(shell: Shell) -> None:
    shell.run("%claude --seed 1 -n 5 Why is the sky blue?")
    first = shell.vars["reply"].text
    shell.run("%claude /continue")
    assert shell.vars["reply"].text.startswith(first.rstrip())
    assert len(shell.vars["reply"].text) > len(first)

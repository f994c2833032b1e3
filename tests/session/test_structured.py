"""Answers in a form: what is sent, what comes back as data, one repair, and what is said when nothing fits."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd
import pydantic
import pytest

import claude_nb
from claude_nb import schema
from claude_nb.errors import BadRequest, NoJson, PromptError
from claude_nb.notebook import display
from claude_nb.notebook.arguments import parse
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.models import Models
from claude_nb.render import reply as footer
from claude_nb.session import structured
from claude_nb.session.accounting import CallRecord
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.storage import entries
from claude_nb.types.content import ToolCall, ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk, Message, Request
from claude_nb.types.settings import Answer
from tests.helpers import replies
from tests.helpers.server import Scenario, Send, Server, answer, head, stream
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

KEY = "0123456789abcdef0123456789abcdef"


@dataclass
class Item:
    name: str
    price: float


class Town(TypedDict):
    name: str
    people: int


class Person(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)


FORM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "price": {"type": "number"}},
    "required": ["name", "price"],
    "additionalProperties": False,
}
LISTED = {
    "type": "object",
    "properties": {"answer": {"type": "array", "items": FORM}},
    "required": ["answer"],
    "additionalProperties": False,
}
TEA = '{"name": "tea", "price": 2.5}'
ITEMS = '{"answer": [{"name": "tea", "price": 2.5}, {"name": "pie", "price": 3}]}'


def keyed(history: str = "off") -> Session:
    keys = dict.fromkeys(("AIMLAPI_API_KEY", "ANTHROPIC_API_KEY"), KEY)
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": history, **keys}))


@pytest.fixture
def live() -> Session:
    return keyed()


def called(pieces: Iterable[str]) -> Scenario:
    """A reply of the Messages API that calls the tool of the answer."""
    block = {"type": "tool_use", "id": "toolu_1", "name": "structured_answer", "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
    events: list[Any] = [
        {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 12, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 34}},
        {"type": "message_stop"},
    ]
    return [Send(head()), Send(replies.sse(*events))]


# What is sent


def test_anthropic_is_given_the_form_natively_to_the_key(live: Session) -> None:
    with Server([replies.messages([TEA])]) as server:
        reply = live.ask("One.", provider="anthropic", base_url=server.url, json=Item)

    assert server.requests[0].path == "/v1/messages"
    assert server.requests[0].json == {
        "model": "claude-sonnet-4-6",
        "messages": [{"role": "user", "content": "One."}],
        "stream": True,
        "max_tokens": 32_000,
        "output_config": {"format": {"type": "json_schema", "schema": FORM}},
    }
    assert reply.data == {"name": "tea", "price": 2.5}
    assert reply.text == TEA
    assert reply.params == {"max_tokens": 32_000, "answer": "json"}


def test_aimlapi_is_given_the_form_as_a_tool_that_must_be_called_to_the_key(live: Session) -> None:
    with Server([called([TEA[:9], TEA[9:]])]) as server:
        reply = live.ask("One.", provider="aimlapi", base_url=server.url, json=Item)

    assert server.requests[0].path == "/v1/messages"
    assert server.requests[0].json == {
        "model": "anthropic/claude-sonnet-4.6",
        "messages": [{"role": "user", "content": "One."}],
        "stream": True,
        "max_tokens": 32_000,
        "tools": [
            {
                "name": "structured_answer",
                "description": "Give your whole answer with this.",
                "input_schema": FORM,
            }
        ],
        "tool_choice": {"type": "tool", "name": "structured_answer"},
    }
    assert (reply.data, reply.stop_reason, reply.calls) == ({"name": "tea", "price": 2.5}, "end", [])


def test_a_model_that_cannot_be_made_to_call_is_asked_in_words_to_the_key(live: Session) -> None:
    with Server([replies.chat([TEA])]) as server:
        live.ask("One.", provider="aimlapi", model="opus-5.5", base_url=server.url, json=Item, system="Be brief.")

    assert server.requests[0].path == "/v1/chat/completions"
    words = "Answer with one JSON object and nothing else. It must fit this JSON schema:"
    assert server.requests[0].json == {
        "model": "anthropic/claude-opus-5-5",
        "messages": [{"role": "user", "content": "One."}],
        "system": f"Be brief.\n\n{words}\n{json.dumps(FORM)}",
        "stream": True,
    }


def test_other_servers_are_given_a_response_format_to_the_key(live: Session) -> None:
    with Server([replies.chat([TEA])]) as server:
        live.ask("One.", provider="openai-compatible", model="m", base_url=server.url, json=Item)

    assert server.requests[0].json == {
        "model": "m",
        "messages": [{"role": "user", "content": "One."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": FORM, "strict": True},
        },
    }


@dataclass
class Counted:
    name: str
    counts: dict[str, int]


GATEWAY: dict[str, Any] = {"provider": "openai-compatible", "model": "m", "base_url": "http://localhost:1/v1"}


@pytest.mark.parametrize(
    ("options", "way"),
    [
        ({"provider": "anthropic"}, "native"),
        ({"provider": "anthropic", "model": "claude-new-9"}, "native"),
        ({"provider": "anthropic", "json": True}, "prompt"),  # any object: no grammar of fixed fields
        ({"provider": "aimlapi"}, "tool"),
        ({"provider": "aimlapi", "thinking": "on"}, "prompt"),
        ({"provider": "aimlapi", "thinking": "off"}, "tool"),
        ({"provider": "aimlapi", "model": "sonnet-5.5"}, "prompt"),
        ({"provider": "aimlapi", "model": "somebody/else"}, "prompt"),
        ({"provider": "openai-compatible", "model": "m", "base_url": "http://localhost:1/v1"}, "native"),
        # A gateway closes the objects of a schema for Claude. If one may have any key, only {} would match.
        (GATEWAY | {"json": True}, "prompt"),
        (GATEWAY | {"json": dict[str, int]}, "prompt"),
        (GATEWAY | {"json": list[dict[str, int]]}, "prompt"),
        (GATEWAY | {"json": dict}, "prompt"),
        (GATEWAY | {"json": Counted}, "prompt"),
        (GATEWAY | {"json": Counted | None}, "prompt"),
        (GATEWAY | {"json": {"type": "object", "properties": {"a": {"type": ["object", "null"]}}}}, "prompt"),
        (GATEWAY | {"json": {"type": "object", "patternProperties": {"a": {"type": "string"}}}}, "prompt"),
        (GATEWAY | {"json": {"oneOf": [{"type": "object"}, {"type": "string"}]}}, "prompt"),
        (GATEWAY | {"json": list[Item]}, "native"),
        (GATEWAY | {"json": list[int]}, "native"),
        (GATEWAY | {"json": tuple[int, str]}, "native"),
        (GATEWAY | {"json": {"type": "object", "properties": {"a": {"type": "integer"}}}}, "native"),
        ({"provider": "demo"}, "native"),
    ],
    ids=str,
)
def test_the_way_is_that_of_the_model_at_its_provider(live: Session, options: dict[str, Any], way: str) -> None:
    request = live.request("One.", **({"json": Item} | options))
    assert request.answer
    assert request.answer.method == way


def test_with_functions_of_the_user_none_of_ours_is_forced(live: Session) -> None:
    def weather(city: str) -> str:
        return city

    request = live.request("Weather?", provider="aimlapi", tools=[weather], json=Item)
    assert request.answer
    assert request.answer.method == "prompt"


def test_every_claude_model_of_the_table_says_how_it_is_held_to_a_form() -> None:
    for name, spec in Models().table.items():
        ways = {"anthropic", "aimlapi"} if name.startswith("claude") else {"local"} if name != "demo" else set()
        assert set(spec.structured) == ways, name


def test_limits_that_the_server_refuses_are_told_in_words_and_checked_here(live: Session) -> None:
    with Server(
        [replies.messages(['{"name": "Ada", "age": -1}']), replies.messages(['{"name": "Ada", "age": 36}'])]
    ) as s:
        reply = live.ask("Who?", provider="anthropic", base_url=s.url, json=Person)

    sent = s.requests[0].json["output_config"]["format"]["schema"]
    assert sent["properties"]["age"] == {"type": "integer", "title": "Age", "description": "{minimum: 0}"}
    assert sent["additionalProperties"] is False
    assert "$.age: -1 is less than the minimum of 0" in s.requests[1].json["messages"][-1]["content"]
    assert reply.to(Person) == Person(name="Ada", age=36)


# What is taken for a form


def test_a_root_that_is_no_object_is_wrapped_and_unwrapped(live: Session) -> None:
    with Server([replies.messages([ITEMS])]) as server:
        reply = live.ask("Two.", provider="anthropic", base_url=server.url, json=list[Item])

    assert server.requests[0].json["output_config"]["format"]["schema"] == LISTED
    assert reply.data == [{"name": "tea", "price": 2.5}, {"name": "pie", "price": 3}]
    assert reply.to(list[Item]) == [Item("tea", 2.5), Item("pie", 3.0)]
    assert reply.text == ITEMS


@dataclass
class Tree:
    label: str
    children: list[Tree]


@pytest.mark.parametrize(
    "form",
    [
        list[Tree],
        {"type": "array", "items": {"$ref": "#/definitions/t"}, "definitions": {"t": {"type": "string"}}},
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#"}}]},
    ],
    ids=["class", "definitions", "root"],
)
def test_references_hold_in_a_wrapped_form(live: Session, form: Any) -> None:
    wanted = live.request("Hi", provider="demo", json=form).answer
    assert wanted
    assert wanted.wrapped
    assert schema.schema_error(json.loads(wanted.schema)) is None


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        (True, {"type": "object"}),
        ("any", {"type": "object"}),
        (Item, FORM),
        (FORM, FORM),
        (json.dumps(FORM), FORM),
        (list[Item], LISTED),
        (Town, schema.of(Town)),
        (Person, Person.model_json_schema()),
    ],
    ids=str,
)
def test_a_form_is_a_type_a_schema_or_its_json(live: Session, form: Any, wanted: Any) -> None:
    request = live.request("Hi", provider="demo", json=form)
    assert request.answer
    assert json.loads(request.answer.schema) == wanted


def test_a_form_may_be_in_a_file(live: Session, tmp_path: Path) -> None:
    file = tmp_path / "form.json"
    file.write_text(json.dumps(FORM))
    request = live.request("Hi", provider="demo", json=str(file))
    assert request.answer == Answer(json.dumps(FORM))


def test_without_a_form_nothing_is_asked_for(live: Session) -> None:
    for nothing in (None, False):
        assert live.request("Hi", provider="demo", json=nothing).answer is None


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("Item", "json takes a type, a JSON schema or the path"),
        ("[1]", "json takes a type, a JSON schema or the path"),
        ("gone.json", "gone.json is not a file"),
        ({"type": "objekt"}, "this dict is not a valid JSON Schema"),
        (7, "JSON cannot hold 7"),
    ],
)
def test_what_is_no_form_is_refused_in_one_line(live: Session, form: Any, says: str) -> None:
    with pytest.raises(PromptError, match=says):
        live.request("Hi", provider="demo", json=form)


# What comes back


@pytest.mark.parametrize("by", [None, 1])
@pytest.mark.parametrize("way", ["native", "tool", "prompt"])
def test_a_streamed_answer_is_the_same_whole_and_byte_by_byte(live: Session, way: str, by: int | None) -> None:
    text = '{"name": "tea \\u00e9 \\"ü\\"", "price": 2.5}'
    made = {
        "native": replies.messages([text[:7], text[7:]]),
        "tool": called([text[:7], text[7:]]),
        "prompt": replies.chat(["Here it is:\n```json\n", text, "\n```"]),
    }[way]
    body = b"".join(step.data for step in made[1:] if isinstance(step, Send))
    where: dict[str, Any] = {"native": {"provider": "anthropic"}, "tool": {}, "prompt": {"model": "opus-5.5"}}[way]
    with Server([stream(body, by=by)]) as server:
        reply = live.ask("One.", json=Item, base_url=server.url, **({"provider": "aimlapi"} | where))
    assert reply.data == {"name": 'tea é "ü"', "price": 2.5}


ASKED = Request("demo", "demo", (Message("user", "Hi"),), answer=Answer(json.dumps(FORM)))


@pytest.mark.parametrize(
    "text",
    [
        TEA,
        f"\n {TEA}\n",
        f"```json\n{TEA}\n```",
        f"Here you are:\n\n```\n{TEA}\n```\nAnything else?",
        f"Here you are: {TEA} Anything else?",
    ],
)
def test_the_json_is_found_where_models_put_it(text: str) -> None:
    assert Reply(ASKED, text).data == {"name": "tea", "price": 2.5}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"name": "tea", "price": "abc"}', "$.price: 'abc' is not a number"),
        ('{"name": "tea"}', "$: 'price' is missing"),
        (f"[{TEA}]", "$: [{'name': 'tea', 'price': 2.5}] is not an object"),
        ("Sorry.", "$: this is not JSON (Expecting value at line 1, column 1)"),
        ('{"name": "tea", "price": NaN}', "$: this is not JSON (NaN is not a JSON number)"),
        ("", "$: the text is empty"),
        ("[" * 100_000, "$: this is not JSON (nested too deeply)"),
        ('{"name": ' * 5_000, "$: this is not JSON"),
    ],
    ids=lambda value: value[:30],
)
def test_what_does_not_fit_gives_no_data_and_says_why(text: str, problem: str) -> None:
    reply = Reply(ASKED, text)
    assert reply.data is None
    assert (reply.problem or "").startswith(problem)
    with pytest.raises(NoJson):
        reply.to(Item)


def test_a_reply_that_was_not_asked_for_json_has_no_data_and_no_problem() -> None:
    reply = Reply(replace(ASKED, answer=None), TEA)
    assert (reply.data, reply.problem) == (None, None)
    assert reply.to(Item) == Item("tea", 2.5)


def test_to_another_type_says_what_does_not_fit() -> None:
    with pytest.raises(NoJson, match=r"\$: 'people' is missing"):
        Reply(ASKED, TEA).to(Town)


def test_a_damaged_schema_of_a_record_is_a_problem_and_never_raises() -> None:
    for text in ("{", "[]", "null", '{"type": "objekt"}', '{"$ref": "https://example.org/a"}', '{"pattern": "("}'):
        reply = Reply(replace(ASKED, answer=Answer(text)), '"text"')
        assert (reply.data, bool(reply.problem)) == (None, True), text


@pytest.mark.parametrize(("name", "value"), [("schema", 1), ("how", "magic"), ("wrapped", "yes"), ("other", 1)])
def test_a_record_with_an_impossible_answer_is_refused(name: str, value: Any) -> None:
    data = Reply(ASKED, TEA).to_dict()
    data["request"]["answer"][name] = value
    with pytest.raises(ValueError, match=r"answer|not a reply"):
        entries.reply_from(data)


def test_data_survives_a_dict_a_pickle_and_the_history() -> None:
    reply = Reply(replace(ASKED, answer=Answer(json.dumps(LISTED), wrapped=True)), ITEMS)
    for copy in (Reply.from_dict(json.loads(json.dumps(reply.to_dict()))), pickle.loads(pickle.dumps(reply))):
        assert copy == reply
        assert copy.data == [{"name": "tea", "price": 2.5}, {"name": "pie", "price": 3}]


def test_a_list_of_records_becomes_a_table() -> None:
    wanted = pd.DataFrame([{"name": "tea", "price": 2.5}, {"name": "pie", "price": 3.0}])
    wrapped = Reply(replace(ASKED, answer=Answer(json.dumps(LISTED), wrapped=True)), ITEMS)
    plain = Reply(replace(ASKED, answer=None), ITEMS)

    pd.testing.assert_frame_equal(wrapped.to_pandas(), wanted)
    pd.testing.assert_frame_equal(plain.to_pandas(), wanted)
    with pytest.raises(NoJson, match="not a table"):
        Reply(ASKED, TEA).to_pandas()


def test_only_what_was_said_after_the_functions_is_the_answer() -> None:
    parts = (ToolCall("1", "f", "{}", at=19), ToolResult("1", "ok", at=19))
    text = 'Looking: {"a": 1}. ' + TEA
    assert Reply(ASKED, text, parts=parts).data == {"name": "tea", "price": 2.5}


# One more try

BAD = '{"name": "tea", "price": "abc"}'


def test_an_answer_that_does_not_fit_is_asked_for_once_more(live: Session) -> None:
    with Server([replies.messages([BAD]), replies.messages([TEA])]) as server:
        reply = live.ask("One.", provider="anthropic", base_url=server.url, json=Item)

    first, second = (request.json for request in server.requests)
    line = (
        "This does not fit: $.price: 'abc' is not a number. Give the whole answer again, as one JSON object that fits "
        f"this JSON schema, and nothing else:\n{json.dumps(FORM)}"
    )
    assert second == {
        **first,
        "messages": [
            {"role": "user", "content": "One."},
            {"role": "assistant", "content": BAD},
            {"role": "user", "content": line},
        ],
    }
    assert (reply.text, reply.data, reply.problem) == (TEA, {"name": "tea", "price": 2.5}, None)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (24, 68)
    assert reply.cost_usd == pytest.approx(2 * (12 * 3 + 34 * 15) / 1e6)
    assert len(reply.request.messages) == 1
    assert live.last == reply


def test_in_a_list_the_place_is_told_as_the_user_and_as_the_model_know_it(live: Session) -> None:
    bad = replies.messages([ITEMS.replace("3}", '"abc"}')])
    with Server([bad]) as server, pytest.raises(NoJson, match=r"\(\$\[1\]\.price: 'abc' is not a number\)"):
        live.ask("Two.", provider="anthropic", base_url=server.url, json=list[Item])
    assert "$.answer[1].price: 'abc' is not a number" in server.requests[1].json["messages"][-1]["content"]


def test_a_second_answer_that_does_not_fit_is_an_error_that_keeps_it(live: Session) -> None:
    with Server([replies.messages([BAD])]) as server, pytest.raises(NoJson) as caught:
        live.ask("One.", provider="anthropic", base_url=server.url, json=Item)

    assert len(server.requests) == 2
    assert str(caught.value) == (
        "the second answer does not match the schema either ($.price: 'abc' is not a number); reply.text holds it"
    )
    assert caught.value.reply
    assert (caught.value.reply.text, caught.value.reply.data) == (BAD, None)


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        (replies.messages(['{"name": "te'], stop_reason="max_tokens"), "cut at max_tokens.* raise max_tokens"),
        (replies.messages(["I will not."], stop_reason="refusal"), "the model refused"),
        (replies.messages([""]), "contains no JSON that matches the schema"),
    ],
    ids=["cut", "refused", "empty"],
)
def test_what_cannot_be_mended_is_not_asked_for_again(live: Session, scenario: Scenario, says: str) -> None:
    with Server([scenario]) as server, pytest.raises(NoJson, match=says) as caught:
        live.ask("One.", provider="anthropic", base_url=server.url, json=Item)
    assert len(server.requests) == 1
    assert caught.value.reply


def test_a_stream_gives_the_first_answer_as_it_is(live: Session) -> None:
    with Server([replies.messages([BAD])]) as server:
        reply = live.stream("One.", provider="anthropic", base_url=server.url, json=Item).wait()
    assert len(server.requests) == 1
    assert reply.problem == "$.price: 'abc' is not a number"


def test_a_conversation_holds_the_mended_answer_only(live: Session) -> None:
    where: dict[str, Any] = {"provider": "anthropic", "chat": "c"}
    with Server([replies.messages([BAD]), replies.messages([TEA]), replies.messages(["Yes."])]) as server:
        live.ask("One.", base_url=server.url, json=Item, **where)
        live.ask("Sure?", base_url=server.url, **where)

    assert server.requests[2].json["messages"] == [
        {"role": "user", "content": "One."},
        {"role": "assistant", "content": TEA},
        {"role": "user", "content": "Sure?"},
    ]
    assert "output_config" not in server.requests[2].json


def test_a_cut_answer_goes_on_in_words(live: Session) -> None:
    cut = replies.messages([TEA[:15]], stop_reason="max_tokens")
    with Server([cut, replies.messages([TEA[15:]])]) as server:
        with pytest.raises(NoJson):
            live.ask("One.", provider="anthropic", base_url=server.url, json=Item)
        reply = live.proceed().wait()

    assert "output_config" not in server.requests[1].json
    assert (reply.text, reply.data) == (TEA, {"name": "tea", "price": 2.5})


@pytest.mark.parametrize("provider", ["openai-compatible", "anthropic"])
def test_a_server_that_does_not_know_the_field_is_asked_in_words(live: Session, provider: str) -> None:
    says = (
        "response_format is not supported" if provider != "anthropic" else "output_config.format: Schema is too complex"
    )
    refusal = answer(400, {"error": {"type": "invalid_request_error", "message": says}})
    good = replies.chat([TEA]) if provider != "anthropic" else replies.messages([TEA])
    with Server([refusal, good]) as server:
        reply = live.ask("One.", provider=provider, model="m", base_url=server.url, json=Item)

    second = server.requests[1].json
    assert not {"response_format", "output_config"} & second.keys()
    assert json.dumps(FORM) in (second.get("system") or second["messages"][0]["content"])
    assert reply.data == {"name": "tea", "price": 2.5}


def test_another_refusal_is_not_taken_for_that(live: Session) -> None:
    refusal = answer(400, {"error": {"message": "temperature is deprecated"}})
    with Server([refusal]) as server, pytest.raises(BadRequest):
        live.ask("One.", provider="openai-compatible", model="m", base_url=server.url, json=Item)
    assert len(server.requests) == 1


def test_both_tries_are_in_the_history_and_replay_without_a_server(tmp_path: Path) -> None:
    first = keyed(str(tmp_path / "h.db"))
    with Server([replies.messages([BAD]), replies.messages([TEA])]) as server:
        options: dict[str, Any] = {"provider": "anthropic", "base_url": server.url, "json": Item}
        asked = first.ask("One.", **options)
    assert [row.reply.text for row in first.memory.history.recent()] == [TEA, BAD]

    later = keyed(str(tmp_path / "h.db"))
    later.memory.replay("only")
    later.memory.speed = 0
    again = later.ask("One.", **options)
    assert (again.data, again.source, again.usage) == (asked.data, "replay", asked.usage)


# In a notebook


def test_a_class_of_the_notebook_is_named_in_the_line(shell: Shell) -> None:
    shell.run("from dataclasses import dataclass\n@dataclass\nclass Item:\n    name: str\n    price: float")
    shell.run("%%claude -m demo --json Item --seed 1 -o one\nA thing.")
    shell.run("%%claude -m demo --json {{Item}} --seed 1 -o two\nA thing.")
    shell.run("Items = list[Item]")
    out = shell.run("%%claude -m demo --seed 1 -o many --json Items\nThings.")
    shell.run("%%claude -m demo --seed 1 -o same --json list[Item]\nThings.")

    assert shell.vars["one"].data.keys() == {"name", "price"}
    assert shell.vars["two"].data == shell.vars["one"].data
    assert isinstance(shell.vars["many"].to(shell.vars["Items"])[0], shell.vars["Item"])
    assert shell.vars["same"].data == shell.vars["many"].data
    assert list(shell.vars["many"].to_pandas().columns) == ["name", "price"]
    assert '"answer": [' in out
    assert "not Claude" in out


def test_in_one_line_a_known_name_is_the_form_and_any_other_word_the_prompt(shell: Shell) -> None:
    shell.vars |= {"Item": Item, "a": 3}
    shell.run("%claude -m demo --seed 1 --json Item A thing.")
    assert (shell.vars["reply"].prompt, shell.vars["reply"].data.keys()) == ("A thing.", {"name", "price"})
    shell.run("%claude -m demo --seed 1 --json a thing.")
    assert (shell.vars["reply"].prompt, type(shell.vars["reply"].data)) == ("a thing.", dict)


def test_a_schema_may_be_written_in_the_line_spaces_and_all(shell: Shell) -> None:
    form = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
    shell.run(f"%%claude -m demo --json {form} --seed 1\nA number.")
    assert isinstance(shell.vars["reply"].data["n"], int)
    shell.run(f"%claude -m demo --seed 1 --json {form} A number.")
    assert (shell.vars["reply"].prompt, list(shell.vars["reply"].data)) == ("A number.", ["n"])


def test_json_alone_asks_for_any_object(shell: Shell) -> None:
    shell.run("%%claude -m demo --json --seed 1\nA thing.")
    assert isinstance(shell.vars["reply"].data, dict)
    assert shell.vars["reply"].data


def test_a_name_that_is_not_there_is_said_with_near_ones(shell: Shell) -> None:
    shell.vars["Item"] = Item
    out = shell.run("%%claude -m demo --json Itm\nA thing.")
    assert out.startswith("PromptError: no variable 'Itm'")
    assert "did you mean Item?" in out


@pytest.mark.parametrize(
    ("line", "options", "rest"),
    [
        ("--json Why?", {"json": "any"}, "Why?"),
        ("--json", {"json": "any"}, ""),
        ("--json=Item Why?", {"json": "Item"}, "Why?"),
        ("--json {{Item}} Why?", {"json": "{{Item}}"}, "Why?"),
        ('--json \'{"type": "object"}\' Why?', {"json": '{"type": "object"}'}, "Why?"),
        ("--json forms/item.json Why?", {"json": "forms/item.json"}, "Why?"),
        ("--json -t 0.2 Why?", {"json": "any", "temperature": "0.2"}, "Why?"),
        ("--json -- Item", {"json": "any"}, "Item"),
    ],
)
def test_what_follows_json_in_one_line(line: str, options: dict[str, str], rest: str) -> None:
    assert parse(line) == (options, rest)


def test_a_dry_run_shows_the_schema(shell: Shell) -> None:
    shell.vars["Item"] = Item
    for line in ("-m demo", "-p openai-compatible -m m --base-url http://localhost:1/v1"):
        out = shell.run(f"%%claude {line} --dry-run --json Item\nA thing.")
        assert '"price": {\n' in out


def test_a_repair_is_told_and_its_failure_keeps_the_text(shell: Shell) -> None:
    shell.vars["Item"] = Item
    with Server([replies.chat([BAD]), replies.chat([TEA]), replies.chat([BAD])]) as server:
        where = f"-p openai-compatible -m m --base-url {server.url}"
        good = shell.run(f"%%claude {where} --json Item -o one\nA thing.")
        bad = shell.run(f"%%claude {where} --json Item -o two\nA thing.")

    assert "[the answer does not match the schema ($.price: 'abc' is not a number); asking once more]" in good
    assert shell.vars["one"].data == {"name": "tea", "price": 2.5}
    assert "NoJson: the second answer does not match the schema either ($.price: 'abc' is not a number)" in bad
    assert (shell.vars["two"].text, shell.vars["two"].data) == (BAD, None)


def test_the_first_answer_is_kept_when_the_second_does_not_come(shell: Shell) -> None:
    with Server([replies.chat([BAD]), answer(401, {"error": {"message": "no"}})]) as server:
        shell.vars["Item"] = Item
        out = shell.run(f"%%claude -p openai-compatible -m m --base-url {server.url} --json Item\nA thing.")
    assert "AuthError" in out
    assert shell.vars["reply"].text == BAD


def test_a_sweep_asks_for_the_form_and_mends_nothing(shell: Shell) -> None:
    shell.vars["Item"] = Item
    shell.run('%%claude -m demo --json Item --sweep "temperature=0,1 n=2" -o grid --quiet\nA thing.')
    assert [reply.data.keys() for reply in shell.vars["grid"].replies] == [{"name", "price"}] * 4


def test_a_form_is_never_taken_for_a_list_of_settings(session: Session) -> None:
    result = claude_nb.sweep("Hi", json=list[Item], n=2, provider="demo", show=False, session=session)
    assert [type(reply.data) for reply in result.replies] == [list, list]
    assert claude_nb.check("Hi", lambda reply: reply.data, json=list[Item], n=2, provider="demo", session=session)
    columns = claude_nb.compare(
        [{"seed": 1}, {"seed": 2}], "Hi", json=Item, provider="demo", show=False, session=session
    )
    assert [reply.problem for reply in columns.replies] == [None, None]
    with pytest.raises(PromptError, match="all columns share one schema"):
        claude_nb.compare([{"json": Item}, {"json": Town}], "Hi", provider="demo", show=False, session=session)


# How it is shown


def test_json_is_drawn_as_a_block_of_code_and_one_line_of_it_is_indented() -> None:
    html = footer.whole(Reply(ASKED, TEA))["text/html"]
    assert "<pre" in html
    assert "\n  " in html.partition("tea")[0]
    assert footer.whole(Reply(ASKED, TEA))["text/plain"] == TEA


@pytest.mark.parametrize(("first", "is_code"), [('{"name": "te', True), ("Sorry, I ", False)])
def test_json_is_code_while_it_streams_and_words_are_words(
    monkeypatch: pytest.MonkeyPatch, live: Session, first: str, is_code: bool
) -> None:
    drawn: list[dict[str, str]] = []
    painted = threading.Event()

    def publish(bundle: dict[str, str], *_: Any, **__: Any) -> None:
        drawn.append(bundle)
        painted.set()

    def pieces(_: Stop) -> Iterator[Chunk]:
        yield Chunk(text=first)
        assert painted.wait()
        yield Chunk(text='a", "price": 2.5}', stop_reason="end", done=True)

    monkeypatch.setattr(display, "publish_display_data", publish)
    view = display.view_for("live")
    reply = view.read(Turn(ASKED, pieces, CallRecord(live.models, live.budget, live.memory, {})))
    view.finish(reply)

    assert ["<pre" in bundle["text/html"] for bundle in drawn if "price" in bundle["text/html"]] == [is_code]
    assert ("<pre" in drawn[0]["text/html"]) is is_code
    assert drawn[-2]["text/plain"] == reply.text


def test_words_in_place_of_json_are_drawn_as_words() -> None:
    assert "<pre" not in footer.whole(Reply(ASKED, "I **cannot**."))["text/html"]


def test_hostile_text_in_json_stays_text() -> None:
    for text in ('{"name": "<script>alert(1)</script>"}', '{"a": "\n```\n<img src=x onerror=alert(1)>"}'):
        html = footer.whole(Reply(ASKED, text))["text/html"]
        assert "<script" not in html
        assert "<img" not in html


def test_the_demo_model_gives_the_same_data_for_the_same_seed(live: Session) -> None:
    one, two, other = (live.ask("Hi", provider="demo", json=list[Item], seed=seed) for seed in (1, 1, 2))
    assert one.data == two.data != other.data


@pytest.mark.parametrize(
    "form",
    [
        Tree,
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1990, "maximum": 1995}}},
        {"type": "array", "minItems": 5, "items": {"enum": ["a", "b"]}},
        {"type": "array", "uniqueItems": True, "items": {"type": "boolean"}},
        {"type": "string", "minLength": 50},
        {"type": "string", "maxLength": 3},
        {"type": "string", "format": "date-time"},
        {"allOf": [{"type": "object"}, {"properties": {"x": {"const": 1}}}]},
        {"type": ["null", "string"]},
        {"type": "number", "exclusiveMaximum": 0},
        {"type": "integer", "multipleOf": 7},
        dict[str, float],
    ],
    ids=str,
)
def test_the_demo_model_fills_forms_of_all_kinds(live: Session, form: Any) -> None:
    for seed in range(3):
        assert live.ask("A story.", provider="demo", json=form, seed=seed).problem is None


def test_the_demo_model_says_so_where_it_cannot_fill_a_form(live: Session) -> None:
    with pytest.raises(NoJson, match="the second answer does not match the schema either"):
        live.ask("A story.", provider="demo", json={"type": "string", "pattern": "^[0-9]{5}$"}, seed=1)


@pytest.mark.parametrize(
    ("word", "is_one"),
    [
        *((word, True) for word in ("Item", "many", "form", "list[Item]", "list[str]")),
        *((word, False) for word in ("data", "text", "list[data]", "list", "What")),
    ],
)
def test_a_word_is_a_form_only_when_it_names_one(word: str, is_one: bool) -> None:
    known = {"Item": Item, "many": list[Item], "form": FORM, "data": {"a": 1}, "text": "Item"}
    assert structured.names_schema(word, known) is is_one


def test_lists_are_written_as_in_python() -> None:
    known = {"Item": Item, "form": FORM}
    assert structured.by_name("list[Item]", known) == list[Item]
    assert structured.by_name("list[str]", known) == list[str]
    assert schema.of(structured.by_name("list[form]", known)) == {"type": "array", "items": FORM}
    with pytest.raises(PromptError, match="no variable 'Itm'"):
        structured.by_name("list[Itm]", known)

"""Who allows a tool call: what the question shows, what each answer allows, and what no answer does."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from claude_nb.errors import ConfigError, Interrupted
from claude_nb.session import consent, frontend, tools
from claude_nb.session.session import Session
from claude_nb.types.content import Called, ToolCall
from tests.helpers import asking, replies
from tests.helpers.asking import Ask
from tests.helpers.kernel import Kernel
from tests.helpers.server import Server
from tests.session.test_tool_loop import OSLO, live, weather, where

__all__ = ["live"]  # fixtures

BERNE = '{"city": "Berne"}'
NO = "the user does not allow this call; continue without it"


def add(a: int, b: int) -> int:
    return a + b


def send(text: str, first: str = "", last: str = "") -> str:
    return f"sent {len(text)}"


def box(*functions: Callable[..., Any]) -> tools.ToolBox:
    made = tools.toolbox(functions)
    assert made
    return made


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall("c1", name, json.dumps(arguments))


class Person:
    """What the user will type, and the questions that were asked."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.questions: list[str] = []

    def __call__(self, question: str = "") -> str:
        self.questions.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, str)
        return answer


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    someone = Person()
    monkeypatch.setattr("builtins.input", someone)
    monkeypatch.setattr(frontend, "can_answer", lambda: True)
    yield someone
    assert not someone.answers, "somebody was to be asked, and was not"


# What an answer allows


@pytest.mark.parametrize("word", ["y", "YES ", " Yes"])
def test_yes_allows_this_call_and_the_next_one_is_asked_about_again(person: Person, word: str) -> None:
    person.answers += [word, "n", word]
    offered = box(weather, add)
    assert not offered.call(call("weather", city="Oslo")).result.failed
    assert offered.call(call("weather", city="/etc/passwd")).result.text == NO
    assert offered.call(call("weather", city="Oslo")).result.text == "18 °C in Oslo"
    assert person.questions[1] == (
        "Let the model call weather(city='/etc/passwd')? "
        "[y]es, only this call; [e]very call of weather; [a]ll functions; [n]o: "
    )


@pytest.mark.parametrize("word", ["e", "every", "E"])
def test_a_separate_answer_allows_one_function_for_the_rest_of_the_reply(person: Person, word: str) -> None:
    person.answers += [word, "y", "n"]
    offered = box(weather, add)
    for city in ("Oslo", "Berne", "Oslo"):
        assert not offered.call(call("weather", city=city)).result.failed
    assert [offered.call(call("add", a=1, b=2)).result.failed for _ in range(2)] == [False, True]
    assert offered.call(call("weather", city="Oslo")).result.text == "18 °C in Oslo"


@pytest.mark.parametrize("word", ["a", "all", "ALL\t"])
def test_all_of_them_means_that_nobody_is_asked_again_in_this_reply(person: Person, word: str) -> None:
    person.answers += [word]
    offered = box(weather, add)
    for each in (call("weather", city="Oslo"), call("add", a=1, b=2), call("add", a=3, b=2)):
        assert not offered.call(each).result.failed


@pytest.mark.parametrize("word", ["n", "No", " NO "])
def test_no_declines_this_call_only(person: Person, word: str) -> None:
    person.answers += [word, "y"]
    offered = box(add)
    declined = offered.call(call("add", a=1, b=2)).result
    assert (declined.text, declined.failed) == (NO, True)
    assert offered.call(call("add", a=1, b=2)).result.text == "3"


@pytest.mark.parametrize("word", ["", "what?", "yy", "yes please", "y n", "ja", "\uff59", "1", "true", "y\x00", "sh"])
def test_an_answer_that_is_none_is_asked_again(person: Person, word: str) -> None:
    person.answers += [word, word, "y", "n"]
    offered = box(add)
    assert offered.call(call("add", a=1, b=2)).result.text == "3"
    assert len(set(person.questions)) == 1
    assert offered.call(call("add", a=1, b=2)).result.failed


def test_a_front_end_that_always_sends_the_same_nonsense_is_a_no(person: Person) -> None:
    person.answers += [""] * frontend.MAX_UNCLEAR
    assert box(add).call(call("add", a=1, b=2)).result.failed


def test_a_wrong_call_is_not_asked_about(person: Person) -> None:
    assert box(add).call(call("add", a=1)).result.failed
    assert person.questions == []


def test_each_call_of_a_round_is_asked_about_and_the_next_reply_begins_anew(live: Session, person: Person) -> None:
    calls = (Ask("c1", "weather", OSLO), Ask("c2", "weather", BERNE), Ask("c3", "weather", OSLO))
    person.answers += ["y", "n", "e", "n"]
    rounds = [
        asking.messages("", *calls),
        asking.messages("", Ask("c4", "weather", BERNE)),
        replies.messages(["Done."]),
    ]
    again = [asking.messages("", Ask("c1", "weather", OSLO)), replies.messages(["Pity."])]
    with Server([*rounds, *again]) as server:
        first = live.ask("Weather?", **where("messages", server, yes=False))
        second = live.ask("Weather?", **where("messages", server, yes=False))
    assert [each.failed for each in first.calls] == [False, True, False, False]
    assert [each.failed for each in second.calls] == [True]
    assert "Berne" in person.questions[1]


# What the question shows


HOSTILE = {
    "an escape": "\x1b[2J\x1b]52;c;eA==\x07",
    "a C1 control": "\x9b31m",
    "a direction override": "\u202etxt.exe",
    "an isolate": "\u2066a\u2069",
    "a line end": "a\n[y]es\r",
    "a line separator": "a\u2028b\u2029c\x85d",
    "a zero-width space": "a\u200bb\u2060c\ufeff",
    "a soft hyphen": "a\u00adb",
    "tag characters": "".join(chr(0xE0000 + ord(letter)) for letter in "run"),
    "variation selectors": "a\ufe0f\U000e0101",
    "Hangul fillers": "a\u3164\u115f\uffa0",
    "a blank pattern": "a\u2800\u2800b",
    "half a surrogate pair": "\ud800",
    "no-break spaces": "a\u00a0\u2003b",
    "blanks": "a" + " " * 40 + "b",
    "quotes": "a', b='c",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("place", ["value", "nested", "name", "key"])
def test_every_character_that_the_model_sends_is_to_be_seen(person: Person, text: str, place: str) -> None:
    arguments: dict[str, Any] = {
        "value": {"text": text},
        "nested": {"text": "x", "more": [{"a": text}]},
        "name": {"text": "x", text: 1},
        "key": {"text": "x", "more": {text: 1}},
    }[place]
    called = Called("send", arguments)
    person.answers += ["n"]
    consent.ask(called)
    for shown in (person.questions[0], consent.in_full(called).replace("\n", "")):
        assert shown.isprintable()
        assert not set("\u2800\u3164\u115f\uffa0\ufe0f\U000e0101") & set(shown)
    if place == "value":
        literal = person.questions[0].partition("text=")[2].partition(")? [y]es")[0]
        assert eval(literal) == text


@pytest.mark.parametrize("size", [201, 10_000, 1_000_000])
def test_a_long_argument_is_folded_and_hides_no_other(
    person: Person, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    person.answers += ["s", "Show", "y"]
    text = "begin" + "x" * size + "end"
    offered = box(send)
    assert offered.call(call("send", first="a", text=text, last="rm -rf /")).result.text == f"sent {len(text)}"
    question, shown = person.questions[0], capsys.readouterr().out
    assert len(question) < 600
    assert "first='a', text='begin" in question
    assert "end', last='rm -rf /')? [y]es" in question
    assert f"{len(repr(text)) - 183:,} more characters" in question
    assert question.endswith("[n]o, [s]how it in full: ")
    assert shown.count(f"  text = {text!r}\n") == 2


def test_the_lines_of_a_text_are_shown_one_below_the_other_and_cannot_pass_for_ours(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import os\n\x1b[2J)\nLet the model call add()? [y]es: \n" + "x" * 300
    person.answers += ["s", "n"]
    consent.ask(Called("send", {"text": code, "n": [1, {"a": None}]}))
    assert capsys.readouterr().out == (
        "send(\n"
        "  text =\n"
        "    'import os\\n'\n"
        "    '\\x1b[2J)\\n'\n"
        "    'Let the model call add()? [y]es: \\n'\n"
        f"    '{'x' * 300}'\n"
        "  n = [1, {'a': None}]\n"
        ")\n"
    )


def test_very_many_arguments_are_folded_too(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    person.answers += ["s", "n"]
    consent.ask(Called("send", {f"a{i}": "x" * 150 for i in range(1000)}))
    assert len(person.questions[0]) < consent.MAX_LINE_CHARS + 200
    assert "a500 = 'xxx" in capsys.readouterr().out


def test_a_deep_list_is_asked_about_like_any_other(person: Person) -> None:
    person.answers += ["n"]
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    consent.ask(Called("send", {"more": deep}))
    assert "more characters" in person.questions[0]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_terminal_gets_what_its_encoding_has(person: Person, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    person.answers += ["s", "n"]
    consent.ask(Called("send", {"text": "日本 é" * 100}))
    assert person.questions[0].encode(encoding)


# Who does not answer


@pytest.mark.parametrize("error", [OSError("no stdin"), NotImplementedError(), RuntimeError("input(): lost sys.stdin")])
def test_where_nobody_can_be_asked_it_says_what_to_add(person: Person, error: Exception) -> None:
    person.answers += [error]
    with pytest.raises(ConfigError, match="nobody can be asked here; add --yes"):
        box(add).call(call("add", a=1, b=2))


def test_the_end_of_the_input_calls_nothing_and_keeps_what_came(live: Session, person: Person) -> None:
    person.answers += [EOFError()]
    with Server([asking.messages("Look.", Ask("c1", "weather", OSLO))]) as server:
        with pytest.raises(ConfigError, match=r"weather\(\), so it was not called; .*--yes") as caught:
            live.ask("Weather?", **where("messages", server, yes=False))
        assert len(server.requests) == 1
    assert caught.value.reply
    assert (caught.value.reply.text, caught.value.reply.calls[0].result) == ("Look.", None)


def test_bytes_that_are_no_text_are_asked_again(person: Person) -> None:
    person.answers += [UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "y"]
    assert box(add).call(call("add", a=1, b=2)).result.text == "3"


def test_an_interrupt_at_the_question_says_that_nothing_was_called(live: Session, person: Person) -> None:
    person.answers += ["y", KeyboardInterrupt()]
    calls = (Ask("c1", "weather", OSLO), Ask("c2", "weather", BERNE), Ask("c3", "weather", OSLO))
    with Server([asking.messages("Look.", *calls), replies.messages(["Oslo."])]) as server:
        with pytest.raises(Interrupted, match=r"interrupted at the question; weather\(\) was not called") as caught:
            live.ask("Weather?", **where("messages", server, yes=False))
        assert caught.value.reply
        assert caught.value.reply.stop_reason == "interrupted"
        live.complete(*live.continued()[:2])
    results = [block["content"] for block in server.requests[1].json["messages"][2]["content"]]
    assert results == ["18 °C in Oslo", *["not run: interrupted by the user"] * 2]


def test_a_notebook_asks_again_after_an_answer_that_is_none() -> None:
    cells = "%load_ext claude_nb\ndef weather(city: str) -> str:\n    return f'18 in {city}'"
    calls = (Ask("c1", "weather", OSLO), Ask("c2", "weather", json.dumps({"city": "R" * 500})))
    with Kernel({"ANTHROPIC_API_KEY": "0123456789abcdef0123456789abcdef"}) as kernel:
        kernel.run(cells)
        with Server([asking.messages("Look.", *calls), replies.messages(["18."])]) as server:
            line = f"%claude -p anthropic --base-url {server.url} --tools weather Weather?"
            result = kernel.run(line, answers=["maybe", "y", "s", "n"])
        assert result.error is None
        assert f"city = '{'R' * 500}'" in result.text
        assert kernel.get("[call.failed for call in reply.calls]") == [False, True]

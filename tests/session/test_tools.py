"""Functions for a model: how they are told, what is refused, and what one call of one of them gives."""

from __future__ import annotations

import asyncio
import enum
import json
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache, partial, wraps
from typing import Any

import pandas as pd
import pytest

from claude_nb.errors import PromptError
from claude_nb.providers.keys import Key
from claude_nb.session import awaiting, tools
from claude_nb.types.content import ToolCall

SECRET = "0123456789abcdef0123456789abcdef"


class Unit(enum.Enum):
    C = "celsius"
    F = "fahrenheit"


@dataclass
class Place:
    city: str
    since: date


def weather(city: str, unit: Unit = Unit.C) -> str:
    """The weather of a city
    as it is now.

    Args:
        city: its name
    """
    return f"18 {unit.value} in {city}"


def add(a: int, b: int) -> int:
    return a + b


def box(*functions: Callable[..., Any], yes: bool = True) -> tools.ToolBox:
    made = tools.toolbox(functions, yes=yes)
    assert made
    return made


def run(function: Callable[..., Any], **arguments: Any) -> tools.ToolOutcome:
    return box(function).call(ToolCall("c1", function.__name__, json.dumps(arguments)))


# How they are told


def test_a_function_is_told_by_its_name_the_first_paragraph_of_its_docstring_and_its_parameters() -> None:
    (tool,) = box(weather).tools
    assert (tool.name, tool.description) == ("weather", "The weather of a city\nas it is now.")
    assert json.loads(tool.schema) == {
        "type": "object",
        "properties": {
            "city": {"description": "its name", "type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_without_a_docstring_the_signature_tells_what_it_is() -> None:
    assert box(add).tools[0].description == "add(a: 'int', b: 'int') -> 'int'"


def test_one_function_several_and_none_are_taken() -> None:
    assert [tool.name for tool in box(weather, add).tools] == ["weather", "add"]
    one = tools.toolbox(weather)
    assert one
    assert one.functions == {"weather": weather}
    assert tools.toolbox(one) is one
    assert tools.toolbox(None) is None
    assert tools.toolbox([]) is None


async def later(city: str) -> str:
    """The weather that comes."""
    await asyncio.sleep(0)
    return f"rain in {city}"


def numbers(count: int) -> Iterator[int]:
    yield count


async def numbers_later(count: int) -> AsyncIterator[int]:
    yield count


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def inner(*args: Any, **named: Any) -> Any:
        return function(*args, **named)

    return inner


def bare(function: Callable[..., Any]) -> Callable[..., Any]:
    def inner(city: str) -> Any:
        return function(city)

    return inner


class Forecast:
    def of(self, city: str) -> str:
        return f"sun in {city}"

    def oddly(this, city: str) -> str:  # noqa: N805  # a name that is none of the usual ones
        return city

    def numbers(self, count: int) -> Iterator[int]:
        yield count

    async def later(self, city: str) -> str:
        return await later(city)

    @classmethod
    async def of_class(cls, city: str) -> str:
        return await later(city)

    @staticmethod
    async def of_nobody(city: str) -> str:
        return await later(city)


class Numbers:
    def __call__(self, count: int) -> Iterator[int]:
        yield count


class Later:
    """An object that is called."""

    async def __call__(self, city: str) -> str:
        return await later(city)


def many(*cities: str) -> str:
    return " ".join(cities)


def options(**named: str) -> str:
    return str(named)


def first(city: str, /) -> str:
    return city


def size(city: str) -> str:
    return city


size.__name__ = "größe"


def structured_answer(city: str) -> str:
    return city


def odd(city: complex) -> str:
    return str(city)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([lambda city: city], "has a name; define it with def"),
        ([partial(lambda city: city)], "has a name"),
        ([numbers], "numbers is a generator; use a function"),
        ([numbers_later], "numbers_later is a generator"),
        ([partial(numbers, 1)], "numbers is a generator"),
        ([wrapped(numbers)], "numbers is a generator"),
        ([wrapped(partial(wrapped(numbers_later), 1))], "is a generator"),
        ([contextmanager(numbers)], "numbers is a generator"),
        ([cache(numbers)], "numbers is a generator"),
        ([Forecast().numbers], "numbers is a generator"),
        ([Numbers()], "Numbers is a generator"),
        ([Forecast.of], "of is a method without its instance"),
        ([Forecast.later], "later is a method without its instance"),
        ([wrapped(Forecast.of)], "of is a method without its instance"),
        ([Forecast.oddly], "oddly is a method without its instance"),
        ([str.upper], "upper is a method without its instance"),
        ([Forecast], "Forecast is a class; use a function"),
        ([Place], "Place is a class"),
        ([list[int]], "list is a class"),
        ([max], "Python cannot list the parameters|takes"),
        ([many], "takes \\*cities"),
        ([options], "takes \\*\\*named"),
        ([first], "which a model cannot pass by name"),
        ([size], "English letters"),
        ([structured_answer], "is a reserved name"),
        ([odd], "JSON cannot hold"),
        ([add, add], "two functions are named add"),
        (["weather"], "'weather' is not a function"),
        ("weather", "takes functions, like tools="),
        (5, "takes functions"),
    ],
)
def test_what_a_model_cannot_be_told_of_is_refused_in_one_line(given: Any, says: str) -> None:
    with pytest.raises(PromptError, match=says) as caught:
        tools.toolbox(given)
    assert "\n" not in str(caught.value)


def test_functions_of_a_notebook_are_found_by_their_names() -> None:
    variables = {"weather": weather, "add": add}
    assert tools.by_name("weather, add", variables) == [weather, add]
    with pytest.raises(PromptError, match="has no function 'wether'; did you mean weather"):
        tools.by_name("wether", variables)
    with pytest.raises(PromptError, match="run the cell that defines it"):
        tools.by_name("zzz", variables)
    with pytest.raises(PromptError, match="needs the names"):
        tools.by_name(" , ", variables)


COROUTINES = {
    "async def": later,
    "partial": partial(later),
    "partial of a partial": partial(partial(later)),
    "wraps": wrapped(later),
    "wraps and partial": partial(wrapped(wrapped(later))),
    "object": Later(),
    "partial of an object": partial(Later()),
    "method": Forecast().later,
    "wrapped method": wrapped(Forecast().later),
    "class method": Forecast.of_class,
    "static method": Forecast.of_nobody,
    "decorator without wraps": bare(later),
}


@pytest.mark.parametrize("name", COROUTINES)
def test_a_coroutine_is_awaited_behind_any_decorator(name: str) -> None:
    functions = box(COROUTINES[name])
    outcome = functions.call(ToolCall("c1", functions.tools[0].name, '{"city": "Oslo"}'))
    assert (outcome.result.text, outcome.result.failed) == ("rain in Oslo", False)


def test_a_coroutine_is_awaited_while_the_loop_of_a_notebook_runs() -> None:
    async def cell() -> str:
        return run(later, city="Oslo").result.text

    assert asyncio.run(cell()) == "rain in Oslo"


def test_what_a_coroutine_raises_goes_to_the_model() -> None:
    async def fails(city: str) -> str:
        raise LookupError(f"no {city}")

    result = run(fails, city="Oslo").result
    assert (result.text, result.failed) == ("LookupError: no Oslo", True)


def test_an_object_a_partial_and_a_coroutine_are_described_by_what_is_inside() -> None:
    described = box(partial(weather, unit=Unit.F), Later()).tools
    assert [tool.name for tool in described] == ["weather", "Later"]
    assert described[0].description == "The weather of a city\nas it is now."
    assert json.loads(described[0].schema)["properties"] == {"city": {"type": "string", "description": "its name"}}
    assert json.loads(described[1].schema)["required"] == ["city"]
    assert described[1].description == "An object that is called."


def test_a_model_cannot_change_what_a_partial_holds() -> None:
    held = box(partial(weather, unit=Unit.F))
    assert held.call(ToolCall("c1", "weather", '{"city": "Oslo"}')).result.text == "18 fahrenheit in Oslo"
    changed = held.call(ToolCall("c1", "weather", '{"city": "Oslo", "unit": "celsius"}')).result
    assert changed.failed


def test_an_interrupt_cancels_the_coroutine(monkeypatch: pytest.MonkeyPatch) -> None:
    started, ended = threading.Event(), threading.Event()

    async def waits() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    def interrupted(*_: Any) -> None:
        started.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(awaiting, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(waits)
    ended.wait()


class Fatal(BaseException):
    """An error of a library that is no Exception."""


@pytest.mark.parametrize("error", [Fatal, SystemExit, GeneratorExit, RecursionError, asyncio.CancelledError])
def test_whatever_a_function_raises_goes_to_the_model(error: type[BaseException]) -> None:
    def fails() -> None:
        raise error("x")

    async def fails_later() -> None:
        raise error("x")

    assert run(fails).result.text == f"{error.__name__}: x"
    assert run(fails_later).result.text.startswith(error.__name__)


# What a call gives


def test_arguments_become_what_the_type_hints_say() -> None:
    seen: list[Any] = []

    def keep(place: Place, units: list[Unit], n: float = 1) -> None:
        seen.append((place, units, n))

    gave = run(keep, place={"city": "Oslo", "since": "2026-01-31"}, units=["celsius"])
    assert seen == [(Place("Oslo", date(2026, 1, 31)), [Unit.C], 1)]
    assert (gave.result.text, gave.result.failed) == ("null", False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is: ü", "as it is: ü"),
        ({"a": [1, None, True]}, '{"a": [1, null, true]}'),
        (["ü"], '["ü"]'),
        (2.5, "2.5"),
        (date(2026, 1, 31), "2026-01-31"),
        ({"day": date(2026, 1, 31)}, "{'day': datetime.date(2026, 1, 31)}"),
        ("half \ud800", "half \ufffd"),
    ],
)
def test_a_value_is_told_as_it_is_as_json_or_as_python_prints_it(value: Any, text: str) -> None:
    def give() -> Any:
        return value

    gave = run(give)
    assert (gave.result.text, gave.result.failed) == (text, False)
    assert gave.notices == ()


def test_a_table_is_told_as_markdown() -> None:
    def table() -> Any:
        return pd.DataFrame({"a": [1]})

    assert run(table).result.text == "|  | a |\n| --- | --- |\n| 0 | 1 |"


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("forecast", "{}", "unknown function forecast; use one of add"),
        ("add", "{not json", "the arguments are not a JSON object"),
        ("add", "[1, 2]", "the arguments are not a JSON object"),
        ("add", "[" * 100_000, "the arguments are not a JSON object"),
        ("add", '{"a": 1}', r"the arguments do not match the schema: \$: 'b' is missing"),
        ("add", '{"a": 1, "b": "x"}', r"do not match the schema: \$.b: 'x' is not a whole number"),
        ("add", '{"a": 1, "b": 2, "c": 3}', "'c' is not expected"),
    ],
)
def test_a_wrong_call_is_told_to_the_model_and_runs_nothing(name: str, arguments: str, says: str) -> None:
    gave = box(add).call(ToolCall("c1", name, arguments))
    assert gave.result.failed
    assert gave.result.id == "c1"
    assert re.search(says, gave.result.text)


def test_an_error_of_the_function_is_told_in_one_line_without_keys() -> None:
    Key(SECRET, origin="https://a.b", found="a test")

    def fail() -> None:
        raise ValueError(f"no way\nwith {SECRET} and api_key='hunter22'")

    gave = run(fail)
    assert gave.result.failed
    assert gave.result.text == "ValueError: no way with [key] and api_key='[masked]'"


def test_a_function_that_exits_does_not_end_the_kernel() -> None:
    def leave() -> None:
        sys.exit(3)

    assert run(leave).result.text == "SystemExit: 3"


def test_a_value_that_cannot_be_written_is_an_error_of_the_function() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def give() -> Any:
        return Broken()

    assert run(give).result.text == "RuntimeError: no text"


def test_a_class_that_refuses_its_values_says_so_to_the_model() -> None:
    @dataclass
    class Even:
        n: int

        def __post_init__(self) -> None:
            if self.n % 2:
                raise ValueError("it is odd")

    def half(even: Even) -> float:
        return even.n / 2

    half.__annotations__ = {"even": Even, "return": float}
    gave = run(half, even={"n": 3})
    assert gave.result.failed
    assert "it is odd" in gave.result.text


def test_an_interrupt_is_no_error_of_the_function() -> None:
    def slow() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(slow)


def test_a_long_result_is_cut_and_a_secret_masked_each_with_a_line_that_says_so() -> None:
    Key(SECRET, origin="https://a.b", found="a test")

    def dump() -> str:
        return f"token = 'abcdefgh' {SECRET} " + "x" * 30_000

    gave = run(dump)
    assert gave.result.text.startswith("token = '[masked]' [key] xxx")
    assert gave.result.text.endswith("characters left out")
    assert len(gave.result.text) < tools.MAX_CHARS + 100
    assert "dump() returned what looks like a key or password; it was masked" in gave.notices
    assert any("the model gets the first 20,000" in notice for notice in gave.notices)

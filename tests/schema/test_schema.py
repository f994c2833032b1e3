"""JSON Schema of types and functions; values are checked against it and built from it."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timezone
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict

import pydantic
import pytest
from typing_extensions import NotRequired

from claude_nb import schema
from claude_nb.errors import NoJson, PromptError


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Item:
    """One thing that is sold.

    Not of interest to a model.
    """

    name: str
    price: Annotated[float, "in euros"]
    colour: Colour = Colour.RED
    tags: list[str] = field(default_factory=list)


@dataclass
class Tree:
    label: str
    children: list[Tree] = field(default_factory=list)


class Town(TypedDict):
    name: str
    people: NotRequired[int]


class Loose(TypedDict, total=False):
    name: str


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Model(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)


@dataclass
class Family:
    members: list[Model]


@dataclass
class Strict:
    n: int

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError("n must not\nbe negative")


Metres = NewType("Metres", float)
ITEM = {
    "description": "One thing that is sold.",
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "price": {"type": "number", "description": "in euros"},
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "price"],
    "additionalProperties": False,
}


def test_a_dataclass_becomes_an_object_of_its_fields() -> None:
    assert schema.of(Item) == ITEM


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (str, {"type": "string"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (Metres, {"type": "number"}),
        (date, {"type": "string", "format": "date"}),
        (datetime, {"type": "string", "format": "date-time"}),
        (list, {"type": "array"}),
        (Sequence[int], {"type": "array", "items": {"type": "integer"}}),
        (set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (dict, {"type": "object"}),
        (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (typing.Optional[str], {"anyOf": [{"type": "string"}, {"type": "null"}]}),  # noqa: UP045
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal["a", 1, None], {"enum": ["a", 1, None]}),
        (Annotated[list[int], "three"], {"type": "array", "items": {"type": "integer"}, "description": "three"}),
    ],
    ids=str,
)  # fmt: skip
def test_a_type_hint_becomes_its_json_schema(kind: Any, expected: dict[str, Any]) -> None:
    assert schema.of(kind) == expected


def test_keys_of_a_typeddict_are_required_by_default() -> None:
    assert schema.of(Town)["required"] == ["name"]
    assert schema.of(Town)["properties"]["people"] == {"type": "integer"}
    assert "required" not in schema.of(Loose)


def test_a_namedtuple_is_an_object_and_its_defaults_may_be_left_out() -> None:
    assert schema.of(Point)["required"] == ["x"]
    assert "description" not in schema.of(Point)  # which Python wrote by itself


def test_a_recursive_class_is_described_once() -> None:
    spec = schema.of(Tree)

    assert spec["type"] == "object"
    assert spec["properties"]["children"] == {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    assert schema.problem({"label": "a", "children": [{"label": "b"}]}, spec) is None
    assert schema.problem({"label": "a", "children": [{"label": 2}]}, spec) == "$.children[0].label: 2 is not text"


def test_a_pydantic_model_describes_itself_also_inside_other_types() -> None:
    assert schema.of(Model) == Model.model_json_schema()
    assert schema.of(Family)["properties"]["members"]["items"] == Model.model_json_schema()


def test_a_dict_counts_as_a_schema() -> None:
    own = {"type": "object", "minProperties": 1}
    assert schema.of(own) is own


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ({"type": "objekt"}, "this dict is not a valid JSON Schema: $.type: "),
        (
            {"$ref": "https://example.org/form.json"},
            "it refers to 'https://example.org/form.json', which it does not contain",
        ),
        ({"items": {"$ref": "#/$defs/Gone"}}, "it refers to '#/$defs/Gone'"),
        ({"enum": [{1, 2}]}, "this dict is not a valid JSON Schema"),
    ],
)
def test_an_invalid_schema_is_refused(own: dict[str, Any], why: str) -> None:
    with pytest.raises(PromptError) as caught:
        schema.of(own)
    assert why in str(caught.value)


@dataclass
class Odd:
    n: complex


@dataclass
class Lost:
    n: Gone  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Odd, "Odd.n: JSON cannot hold complex"),
        (Lost, "a type hint of Lost uses 'Gone', which is not defined"),
        (dict[int, str], "use dict[str, ...]"),
        ("Item", "JSON cannot hold 'Item'"),
        (7, "JSON cannot hold 7"),
        (Literal[b"x"], "JSON cannot hold b'x'"),
    ],
    ids=repr,
)
def test_a_type_that_json_cannot_hold_is_refused_in_one_line(kind: Any, why: str) -> None:
    with pytest.raises(PromptError) as caught:
        schema.of(kind)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_in_place_of_a_type_is_refused_and_never_compared() -> None:
    import pandas as pd

    with pytest.raises(PromptError, match="JSON cannot hold"):
        schema.of(pd.DataFrame({"a": [1, 2]}))


def google(city: str, days: int = 3) -> str:
    """The weather.

    Args:
        city (str): The city, in English.
        days: How many days.
    """
    return f"{city} {days}"


def sphinx(city: str, days: int = 3) -> str:
    """The weather.

    :param city: The city, in English.
    :param int days: How many days.
    """
    return f"{city} {days}"


def numpy(city: str, days: int = 3) -> str:
    """The weather.

    Parameters
    ----------
    city : str
        The city, in English.
    days : int
        How many days.
    """
    return f"{city} {days}"


@pytest.mark.parametrize("function", [google, sphinx, numpy])
def test_parameters_are_described_by_hints_and_docstring(function: Callable[..., str]) -> None:
    assert schema.of_function(function) == {
        "type": "object",
        "properties": {
            "city": {"description": "The city, in English.", "type": "string"},
            "days": {"description": "How many days.", "type": "integer"},
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_parameters_without_hints_take_anything() -> None:
    assert schema.of_function(lambda city, days=3: None) == {
        "type": "object",
        "properties": {"city": {}, "days": {}},
        "required": ["city"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("function", [lambda *rest: None, lambda **rest: None, lambda one, /: None])
def test_parameters_that_cannot_be_named_are_refused(function: Callable[..., None]) -> None:
    with pytest.raises(PromptError, match="which a model cannot pass by name"):
        schema.of_function(function)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([{"name": "a", "price": 1}, {"name": "b", "price": "abc"}], "$[1].price: 'abc' is not a number"),
        ([{"name": "a"}], "$[0]: 'price' is missing"),
        ([{}], "$[0]: 'name', 'price' are missing"),
        ([{"name": "a", "price": 1, "unit price": 2}], "$[0]: 'unit price' is not expected"),
        ([{"name": "a", "price": 1, "colour": "green"}], "$[0].colour: 'green' is not one of 'red', 'blue'"),
        ({"name": "a"}, "$: {'name': 'a'} is not a list"),
        ([{"name": "a", "price": True}], "$[0].price: True is not a number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mismatch_is_reported_with_its_path(value: Any, why: str) -> None:
    assert schema.problem(value, schema.of(list[Item])) == why


def test_odd_names_are_quoted_in_a_path() -> None:
    spec = {"properties": {'unit "price"\n': {"type": "number"}}}
    assert schema.problem({'unit "price"\n': "x"}, spec) == r"""$["unit \"price\"\n"]: 'x' is not a number"""


@pytest.mark.parametrize("value", ["x" * 10_000, ["x\n" * 99] * 99, {"k" * 999: {"k" * 999: [0] * 999}}])
def test_the_report_is_one_short_line_for_any_value(value: Any) -> None:
    for spec in ({"type": "number"}, {"not": {}}, {"enum": [1]}, {"maxProperties": 0, "additionalProperties": False}):
        why = schema.problem(value, spec) or "fits"
        assert len(why) <= 300
        assert "\n" not in why


def test_a_value_nested_deeper_than_python_allows_is_reported_and_not_raised() -> None:
    spec = {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}
    value: list[Any] = []
    for _ in range(2_000):
        value = [value]
    assert schema.problem(value, spec) == "$: the value is nested too deeply to check"


def test_dates_are_checked() -> None:
    assert schema.problem("2026-02-30", schema.of(date)) == "$: '2026-02-30' is not a valid date"
    assert schema.problem("2026-02-28T10:00:00Z", schema.of(datetime)) is None


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ({"name": "a", "price": 1, "colour": "blue"}, Item, Item("a", 1.0, Colour.BLUE)),
        ({"label": "a", "children": [{"label": "b"}]}, Tree, Tree("a", [Tree("b")])),
        ({"name": "Oslo", "people": 1.0}, Town, {"name": "Oslo", "people": 1}),
        ({"x": 1}, Point, Point(1.0)),
        ({"members": [{"name": "Ada", "age": 1}]}, Family, Family([Model(name="Ada", age=1)])),
        (["a", "b"], set[str], {"a", "b"}),
        ([1, "2026-01-31"], tuple[int, date], (1, date(2026, 1, 31))),
        ({"now": "2026-01-31T10:00:00Z"}, dict[str, datetime], {"now": datetime(2026, 1, 31, 10, tzinfo=timezone.utc)}),
        ("10:00:00", time | None, time(10)),
        (None, Item | None, None),
        ([{"x": 1}, {"label": "t"}], list[Tree | Point], [Point(1.0), Tree("t")]),
        ("a", Literal["a"], "a"),
        ({"a": [1]}, {"type": "object"}, {"a": [1]}),
        ([1, "a"], list, [1, "a"]),
    ],
)
def test_instances_are_built_all_the_way_down(value: Any, kind: Any, expected: Any) -> None:
    assert schema.problem(value, schema.of(kind)) is None
    built = schema.build(value, kind)
    assert built == expected
    assert type(built) is type(expected)


def test_a_class_that_refuses_its_values_says_where() -> None:
    with pytest.raises(NoJson, match=r"^\$\[1\]: Strict rejects the value: n must not be negative$"):
        schema.build([{"n": 1}, {"n": -1}], list[Strict])
    with pytest.raises(NoJson, match=r"^\$\.members\[0\]\.age: Input should be greater than or equal to 0$"):
        schema.build({"members": [{"name": "Ada", "age": -1}]}, Family)

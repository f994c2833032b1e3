"""Pydantic types are read from JSON, as their makers mean it: a strict model takes a date as text from JSON only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pydantic
import pytest
from pydantic.dataclasses import dataclass as pydantic_dataclass

from claude_nb.errors import NoJson, PromptError
from claude_nb.session import structured
from claude_nb.session.session import Session
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.replies import chat
from tests.helpers.server import Server
from tests.helpers.sessions import session


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)


class Item(Strict):
    day: date
    at: datetime
    clock: time
    lasts: timedelta
    colour: Colour
    id: UUID
    price: Decimal
    raw: bytes
    tags: set[str]
    frozen: frozenset[int]
    pair: tuple[int, str]
    many: tuple[date, ...]
    days: dict[str, date]
    maybe: date | None = None


DATA = {
    "day": "2026-01-31",
    "at": "2026-01-31T10:00:00Z",
    "clock": "10:30:00",
    "lasts": "PT1H",
    "colour": "red",
    "id": "12345678-1234-5678-1234-567812345678",
    "price": 9.5,
    "raw": "abc",
    "tags": ["a", "b"],
    "frozen": [1, 2],
    "pair": [1, "x"],
    "many": ["2026-01-31"],
    "days": {"first": "2026-01-01"},
}
DAY = date(2026, 1, 31)


class Aliased(Strict):
    day: date = pydantic.Field(alias="theDay")


class Cat(Strict):
    kind: Literal["cat"]
    born: date


class Dog(Strict):
    kind: Literal["dog"]
    colour: Colour


Pet = Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]


class Owner(Strict):
    pet: Pet


class Days(pydantic.RootModel[list[date]]):
    model_config = pydantic.ConfigDict(strict=True)


@pydantic_dataclass(config={"strict": True})
class Made:
    day: date
    price: Decimal


@dataclass
class Plain:
    day: date
    cat: Cat
    dogs: list[Dog] = field(default_factory=list)


CAT = {"kind": "cat", "born": "2026-01-31"}
DOG = {"kind": "dog", "colour": "red"}
IS_CAT = Cat(kind="cat", born=DAY)
IS_DOG = Dog(kind="dog", colour=Colour.RED)
CASES: list[tuple[Any, Any, Any]] = [
    (Aliased, {"theDay": "2026-01-31"}, Aliased(theDay=DAY)),
    (Owner, {"pet": CAT}, Owner(pet=IS_CAT)),
    (Pet, DOG, IS_DOG),
    (Cat | Dog, CAT, IS_CAT),
    (list[Cat], [CAT], [IS_CAT]),
    (dict[str, Dog], {"a": DOG}, {"a": IS_DOG}),
    (list[Pet], [CAT, DOG], [IS_CAT, IS_DOG]),
    (Days, ["2026-01-31"], Days([DAY])),
    (Made, {"day": "2026-01-31", "price": "9.50"}, Made(DAY, Decimal("9.50"))),
    (list[Made], [{"day": "2026-01-31", "price": 9.5}], [Made(DAY, Decimal("9.5"))]),
    (Plain, {"day": "2026-01-31", "cat": CAT, "dogs": [DOG]}, Plain(DAY, IS_CAT, [IS_DOG])),
    (pydantic.TypeAdapter(list[date]), ["2026-01-31"], [DAY]),
    (pydantic.TypeAdapter(Cat), CAT, IS_CAT),
    (pydantic.TypeAdapter(Pet), DOG, IS_DOG),
    (pydantic.TypeAdapter(Plain), {"day": "2026-01-31", "cat": CAT}, Plain(DAY, IS_CAT)),
    (pydantic.TypeAdapter(UUID), DATA["id"], UUID(str(DATA["id"]))),
]


def reply(value: Any) -> Reply:
    return Reply(Request("demo", "demo", (Message("user", "Hi"),)), text=json.dumps(value))


def test_a_strict_model_is_read_from_json() -> None:
    item = reply(DATA).to(Item)

    assert (item.day, item.at, item.clock) == (DAY, datetime(2026, 1, 31, 10, tzinfo=timezone.utc), time(10, 30))
    assert (item.lasts, item.colour, item.price) == (timedelta(hours=1), Colour.RED, Decimal("9.5"))
    assert (item.raw, item.tags, item.frozen, item.pair) == (b"abc", {"a", "b"}, frozenset((1, 2)), (1, "x"))
    assert (item.many, item.days, item.maybe) == ((DAY,), {"first": date(2026, 1, 1)}, None)


@pytest.mark.parametrize(("kind", "data", "expected"), CASES)
def test_every_kind_of_pydantic_type_is_read_from_json(kind: Any, data: Any, expected: Any) -> None:
    assert reply(data).to(kind) == expected


@pytest.mark.parametrize(("kind", "data", "expected"), [(Item, DATA, None), *CASES])
def test_a_structured_answer_of_such_a_type_is_asked_for_once(kind: Any, data: Any, expected: Any) -> None:
    live: Session = session()
    with Server(lambda request: chat([json.dumps(wrapped(request.json, data))])) as server:
        got = live.ask("Hi", json=kind, provider="openai-compatible", model="m", base_url=server.url)

    assert (got.data, got.problem, len(server.requests)) == (data, None, 1)
    assert got.to(kind) == (expected or reply(data).to(Item))


def wrapped(body: dict[str, Any], data: Any) -> Any:
    """The answer, in the object that is put around anything else."""
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    return {"answer": data} if list(schema.get("properties", ())) == ["answer"] else data


def test_json_takes_the_name_of_a_type_adapter() -> None:
    names = {"Days": pydantic.TypeAdapter(list[date]), "Item": Item}

    assert structured.names_schema("Days", names)
    assert structured.by_name("Days", names) is names["Days"]


def test_a_rejected_value_has_its_path() -> None:
    with pytest.raises(NoJson, match=r"\$\.born.*'2026-02-31' is not a valid date"):
        reply(CAT | {"born": "2026-02-31"}).to(Cat)
    with pytest.raises(NoJson, match=r"\$\.price: .*decimal"):
        reply({"day": "2026-01-31", "price": "."}).to(pydantic.TypeAdapter(Made))


class Odd(pydantic.BaseModel):
    call: Any = None

    @pydantic.model_validator(mode="after")
    def fails(self) -> Odd:
        raise KeyError("no luck")


class Foreign(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    session: Session


def test_a_model_that_raises_or_has_no_schema_gives_one_line() -> None:
    with pytest.raises(NoJson, match="Odd rejects the value: 'no luck'"):
        reply({}).to(Odd)
    with pytest.raises(PromptError, match="pydantic cannot write Foreign as JSON Schema"):
        reply({}).to(Foreign)

"""Convert frozen values to JSON data and back.

Reading checks every field, because anybody may have written a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

SIGNED = "signed"  # Annotated[int, SIGNED] may be negative
_ATOMS = frozenset((str, int, float, bool))
LIMIT = 2**63  # of any number, as in SQLite

_P = TypeVar("_P", bound="Plain")


class Plain:
    """Base of the dataclasses that are stored as JSON."""

    __slots__ = ()
    _kind = ""  # tells the classes of a union apart
    _always: tuple[str, ...] = ()  # the fields that are written even if they are unset
    _ignores_unknown = False  # True: reads data of later versions, without their new fields

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data.

        Unset fields are absent, so that new fields leave old data unchanged.
        """
        return to_plain(self)

    @classmethod
    def from_dict(cls: type[_P], data: Mapping[str, Any]) -> _P:
        """Read what to_dict() returned.

        Raises ValueError with the path to the fault, such as "request: model".
        """
        value: _P = _from_plain(cls, data)
        return value


class _Stored(NamedTuple):
    """A field as JSON has it."""

    name: str
    key: str
    hint: Any
    optional: bool
    required: bool
    unset: Any  # the JSON data that is left out


@cache
def _stored(kind: Any) -> list[_Stored]:
    """Return the fields that are stored: not caches, nor the bytes of files.

    Those are not compared either.
    """
    hints, stored = get_type_hints(kind, include_extras=True), []
    for field in (field for field in fields(kind) if field.compare):
        key = field.metadata.get("key", field.name)
        default = _to_json(field.default if field.default_factory is MISSING else field.default_factory())
        unset = MISSING if default or field.name in kind._always else default
        hint = hints[field.name]
        optional = NoneType in get_args(hint)
        hint = get_args(hint)[0] if optional else hint
        stored.append(_Stored(field.name, key, hint, optional, default is MISSING, unset))
    return stored


def to_plain(value: Any, *, skip: str = "") -> dict[str, Any]:
    """Convert a value to JSON data; *skip* names a field to leave out."""
    data: dict[str, Any] = {"kind": value._kind} if value._kind else {}
    kind: Any = type(value)
    for field in _stored(kind):
        if field.name != skip and (content := _to_json(getattr(value, field.name))) != field.unset:
            data[field.key] = content
    return data


def _from_plain(kind: Any, data: Any) -> Any:
    """Build a value from JSON data, and check each field against its type hint."""
    if not isinstance(data, Mapping):
        raise ValueError("not an object")
    stored = _stored(kind)
    if not kind._ignores_unknown and data.keys() - {field.key for field in stored} - {"kind"}:
        raise ValueError("a field is not known")
    values = {}
    for field in stored:
        try:
            if field.key in data:
                values[field.name] = _read(data[field.key], field.hint, optional=field.optional)
            elif field.required:
                raise ValueError("missing")
        except ValueError as error:
            raise ValueError(f"{field.key}: {error}") from None
    return kind(**values)


def _to_json(content: Any) -> Any:
    if content is None or type(content) in _ATOMS:  # nearly all fields, and an abstract class is slow to ask
        return content
    if isinstance(content, Plain):
        return content.to_dict()
    if isinstance(content, (tuple, list)):
        return [_to_json(item) for item in content]
    return content.isoformat() if isinstance(content, datetime) else content


def _read(data: Any, hint: Any, *, optional: bool = False) -> Any:
    """Check and convert the JSON data of a field."""
    if is_valid(data, hint) or (data is None and optional):
        return data
    origin, args = get_origin(hint), get_args(hint)
    if hint is datetime and isinstance(data, str):
        return datetime.fromisoformat(data)
    if origin is tuple and isinstance(data, list):
        return tuple(_read(item, args[0]) for item in data)
    if isinstance(hint, type) and issubclass(hint, tuple):  # class Tokens(tuple[Token, ...])
        return hint(_read(data, *hint.__orig_bases__))  # type: ignore[attr-defined]  # mypy does not know it
    if isinstance(hint, type) and issubclass(hint, Plain):
        return hint.from_dict(data)
    if origin is UnionType and isinstance(data, dict):
        for kind in args:
            if data.get("kind") == kind._kind:
                return kind.from_dict(data)
    raise ValueError("not a valid value")


def is_valid(data: Any, hint: Any) -> bool:
    """Return whether data is a valid value of a type: is_valid(-1, int) -> False.

    Numbers have a range, and a Literal has a list of words.
    """
    if hint in (str, bool):
        return isinstance(data, hint)
    origin, low = get_origin(hint), 0
    if origin is Literal:
        return data in get_args(hint)
    if origin is Annotated:
        hint, low = get_args(hint)[0], -LIMIT
    kinds: dict[Any, Any] = {int: int, float: (int, float)}
    return isinstance(data, kinds.get(hint, ())) and not isinstance(data, bool) and low <= data < LIMIT

"""From type hints to JSON schemas."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Union

from claude_nb.errors import PromptError
from claude_nb.schema.validation import refuse

Schema = dict[str, Any]

PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    None: {"type": "null"},
    type(None): {"type": "null"},
    Any: {},
    object: {},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
    time: {"type": "string", "format": "time"},
}
ABC = collections.abc
SETS = (set, frozenset, ABC.Set, ABC.MutableSet)
LISTS = (list, tuple, *SETS, ABC.Sequence, ABC.MutableSequence, ABC.Collection, ABC.Iterable)
DICTS = (dict, ABC.Mapping, ABC.MutableMapping)


class Field(typing.NamedTuple):
    """One field of a class, or one parameter of a function."""

    name: str
    hint: Any
    required: bool


def of(kind: Any) -> Schema:
    """The JSON schema of a type hint, a dataclass, a TypedDict, a NamedTuple, an Enum or a pydantic model.

    A dict is taken for a schema, and returned as it is. Annotated[T, "what it is"] adds a description; a field with a
    default may be left out. Raises PromptError for what has no form in JSON.

    >>> of(list[int])
    {'type': 'array', 'items': {'type': 'integer'}}
    """
    if isinstance(kind, dict):
        if reason := refuse(kind):
            raise PromptError(f"this dict is no JSON schema: {reason}")
        return kind
    return Writer().whole(lambda writer: writer.of(kind, _name(kind)))


def fields_of(kind: Any) -> list[Field] | None:
    """The fields of a dataclass, a TypedDict or a NamedTuple; None for any other type."""
    if not isinstance(kind, type):
        return None
    if dataclasses.is_dataclass(kind):
        hints, none = hints_of(kind, _name(kind)), dataclasses.MISSING
        own = (f for f in dataclasses.fields(kind) if f.init)
        return [Field(f.name, hints.get(f.name, Any), f.default is none and f.default_factory is none) for f in own]
    if typing.is_typeddict(kind) or hasattr(kind, "__required_keys__"):  # the second is typing_extensions' own
        hints = hints_of(kind, _name(kind))
        return [Field(name, hint, _required(kind, name, hint)) for name, hint in hints.items()]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints, defaults = hints_of(kind, _name(kind)), getattr(kind, "_field_defaults", {})
        return [Field(name, hints.get(name, Any), name not in defaults) for name in kind._fields]
    return None


def is_pydantic(kind: Any) -> bool:
    """Whether it is a pydantic model; told by what it can do, so that pydantic is never imported."""
    return isinstance(kind, type) and hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate")


def unwrapped(kind: Any) -> Any:
    """Behind Annotated, NewType, `type X = ...` and Required: the type itself."""
    while True:
        if typing.get_origin(kind) is Annotated or _marker(kind):
            kind = typing.get_args(kind)[0]
        elif isinstance(kind, NewType):
            kind = kind.__supertype__
        elif type(kind).__name__ == "TypeAliasType":
            kind = kind.__value__
        else:
            return kind


class Writer:
    """Writes one schema. A class that holds itself goes to $defs; all others stand where they are used."""

    def __init__(self) -> None:
        self._inside: list[Any] = []
        self._again: list[Any] = []
        self._defs: dict[str, Schema] = {}

    def whole(self, write: Callable[[Writer], Schema]) -> Schema:
        """The schema with its definitions; its root is no reference, because some servers refuse one."""
        root = write(self)
        reference = root.get("$ref", "").removeprefix("#/$defs/")
        root = self._defs.get(reference, root)
        return {**root, "$defs": self._defs} if self._defs else root

    def of(self, kind: Any, where: str) -> Schema:
        if isinstance(kind, dict):  # a schema of the user's own, inside a list
            form = of(kind)
            for name, definition in form.get("$defs", {}).items():
                self._define(name, definition)
            return {key: value for key, value in form.items() if key != "$defs"}
        texts = [text for text in getattr(kind, "__metadata__", ()) if isinstance(text, str)]
        return {**self._plain(unwrapped(kind), where), **({"description": texts[0]} if texts else {})}

    def object(self, fields: Iterable[Field], where: str) -> Schema:
        listed = list(fields)
        form: Schema = {
            "type": "object",
            "properties": {field.name: self.of(field.hint, f"{where}.{field.name}") for field in listed},
        }
        if required := [field.name for field in listed if field.required]:
            form["required"] = required
        return {**form, "additionalProperties": False}

    def _plain(self, kind: Any, where: str) -> Schema:
        origin, args = typing.get_origin(kind) or kind, typing.get_args(kind)
        if origin is Union or origin is types.UnionType:
            return {"anyOf": [self.of(arg, where) for arg in args]}
        if origin is Literal:
            return _choice(list(args), where)
        # Only types are compared and looked up: an object may do anything then, and a DataFrame does.
        # And in Python 3.10 list[int] is a type too, which cannot always be looked up.
        if kind is None or kind is Any or (not args and isinstance(kind, type) and kind in PLAIN):
            return dict(PLAIN[kind])
        if isinstance(origin, type) and (form := self._of_class(origin, args, where)) is not None:
            return form
        name = _name(kind)
        place = "" if where == name else f"{where}: "
        raise PromptError(f"{place}{name} has no form in JSON; use str, float, list[...], a dataclass ...")

    def _of_class(self, kind: type, args: tuple[Any, ...], where: str) -> Schema | None:
        if is_pydantic(kind) or fields_of(kind) is not None:
            return self._class(kind)
        if issubclass(kind, Enum):
            return _choice([member.value for member in kind], where)
        if kind in LISTS:
            return self._list(kind, args, where)
        return self._dict(args, where) if kind in DICTS else None

    def _list(self, origin: Any, args: tuple[Any, ...], where: str) -> Schema:
        if origin is tuple and args and args[-1] is not Ellipsis:
            items = [self.of(arg, where) for arg in args]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        items_of = {"items": self.of(args[0], where)} if args else {}
        return {"type": "array", **items_of, **({"uniqueItems": True} if origin in SETS else {})}

    def _dict(self, args: tuple[Any, ...], where: str) -> Schema:
        if args and unwrapped(args[0]) is not str:
            raise PromptError(f"{where}: the keys of an object are text in JSON, so write dict[str, ...]")
        return {"type": "object", **({"additionalProperties": self.of(args[1], where)} if args else {})}

    def _class(self, kind: Any) -> Schema:
        name = _name(kind)
        reference = {"$ref": f"#/$defs/{name}"}
        if kind in self._inside or kind in self._again:
            self._again.append(kind)
            return reference
        if is_pydantic(kind):
            form: Schema = kind.model_json_schema()
            for inner, definition in form.pop("$defs", {}).items():
                self._define(inner, definition)
            return form
        self._inside.append(kind)
        form = self.object(fields_of(kind) or [], name)
        self._inside.pop()
        about = inspect.cleandoc(kind.__dict__.get("__doc__") or "").partition("\n\n")[0]
        if about and not about.startswith(f"{name}("):  # what dataclass and NamedTuple write by themselves
            form = {"description": about, **form}
        if kind not in self._again:
            return form
        self._define(name, form)
        return reference

    def _define(self, name: str, form: Schema) -> None:
        if self._defs.setdefault(name, form) != form:
            raise PromptError(f"two classes are named {name}; give one of them another name")


def _choice(values: list[Any], where: str) -> Schema:
    if odd := [value for value in values if not isinstance(value, str | int | float | bool | None | Enum)]:
        raise PromptError(f"{where}: {odd[0]!r:.60} has no form in JSON; use texts or numbers")
    plain = [value.value if isinstance(value, Enum) else value for value in values]
    kinds = {type(value) for value in plain}
    return {**(PLAIN[kinds.pop()] if len(kinds) == 1 else {}), "enum": plain}


def hints_of(kind: Any, name: str) -> dict[str, Any]:
    """The type hints of a class or a function. Raises PromptError when one names what is not there."""
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except NameError as error:
        raise PromptError(
            f"a type hint of {name} names {error.name!r}, which is not there; run its cell first"
        ) from None
    except TypeError:
        return {}


def _required(kind: Any, name: str, hint: Any) -> bool:
    marker = _marker(hint)  # __required_keys__ misses it where annotations are kept as text
    return marker == "Required" if marker else name in kind.__required_keys__


def _marker(hint: Any) -> str | None:
    name = getattr(typing.get_origin(hint), "_name", None)
    return name if name in ("Required", "NotRequired") else None


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", None) or f"{' '.join(repr(kind).split()):.60}"

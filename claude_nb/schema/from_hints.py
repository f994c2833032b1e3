"""Convert type hints, dataclasses and other classes to JSON Schema."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Union

from claude_nb.errors import PromptError
from claude_nb.schema.validation import schema_error

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
    """Return the JSON Schema of a type hint.

    It may be a dataclass, a TypedDict, a NamedTuple, an Enum or a pydantic model. A dict counts as a schema and is
    returned unchanged. Annotated[T, "text"] adds a description. A field with a default is not required. Raises
    PromptError for a type that JSON cannot hold.

    >>> of(list[int])
    {'type': 'array', 'items': {'type': 'integer'}}
    """
    if isinstance(kind, dict):
        if error := schema_error(kind):
            raise PromptError(f"this dict is not a valid JSON Schema: {error}")
        return kind
    return SchemaWriter().write(lambda writer: writer.of(kind, _name(kind)))


def fields_of(kind: Any) -> list[Field] | None:
    """Return the fields of a dataclass, TypedDict or NamedTuple, otherwise None."""
    if not isinstance(kind, type):
        return None
    if dataclasses.is_dataclass(kind):
        hints, none = hints_of(kind, _name(kind)), dataclasses.MISSING
        fields = (f for f in dataclasses.fields(kind) if f.init)
        return [Field(f.name, hints.get(f.name, Any), f.default is none and f.default_factory is none) for f in fields]
    if typing.is_typeddict(kind) or hasattr(
        kind, "__required_keys__"
    ):  # the second test finds those of typing_extensions
        hints = hints_of(kind, _name(kind))
        return [Field(name, hint, _required(kind, name, hint)) for name, hint in hints.items()]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints, defaults = hints_of(kind, _name(kind)), getattr(kind, "_field_defaults", {})
        return [Field(name, hints.get(name, Any), name not in defaults) for name in kind._fields]
    return None


class Pydantic(typing.NamedTuple):
    """A type that pydantic knows: its JSON Schema, and a reader of its JSON."""

    json_schema: Callable[[], Schema]
    validate_json: Callable[[str], Any]


def pydantic_of(kind: Any) -> Pydantic | None:
    """Return what pydantic knows of its models, its dataclasses and a TypeAdapter; None for any other type.

    Looks at attributes, so that pydantic is never imported.
    """
    if isinstance(kind, type):
        if hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate_json"):
            return Pydantic(kind.model_json_schema, kind.model_validate_json)
        if "__pydantic_validator__" not in vars(kind):
            return None
        kind = sys.modules["pydantic"].TypeAdapter(kind)
    is_adapter = type(kind).__module__.startswith("pydantic.") and hasattr(kind, "validate_json")
    return Pydantic(kind.json_schema, kind.validate_json) if is_adapter else None


def unwrapped(kind: Any) -> Any:
    """Strip Annotated, NewType, `type X = ...` and Required from a type."""
    while True:
        if typing.get_origin(kind) is Annotated or _marker(kind):
            kind = typing.get_args(kind)[0]
        elif isinstance(kind, NewType):
            kind = kind.__supertype__
        elif type(kind).__name__ == "TypeAliasType":
            kind = kind.__value__
        else:
            return kind


class SchemaWriter:
    """Writer of one schema.

    Only recursive classes go to $defs; all others are written in place.
    """

    def __init__(self) -> None:
        self._open: list[Any] = []  # the classes that are being written
        self._recursive: list[Any] = []
        self._defs: dict[str, Schema] = {}

    def write(self, write_root: Callable[[SchemaWriter], Schema]) -> Schema:
        """Return the schema with its definitions.

        The root is never a reference, because some servers reject one.
        """
        root = write_root(self)
        reference = root.get("$ref", "").removeprefix("#/$defs/")
        root = self._defs.get(reference, root)
        return {**root, "$defs": self._defs} if self._defs else root

    def of(self, kind: Any, where: str) -> Schema:
        if isinstance(kind, dict):  # list[{...}]: a schema that the user wrote
            return self._without_definitions(of(kind))
        texts = [text for text in getattr(kind, "__metadata__", ()) if isinstance(text, str)]
        return {**self._plain(unwrapped(kind), where), **({"description": texts[0]} if texts else {})}

    def object(self, fields: Iterable[Field], where: str) -> Schema:
        fields = list(fields)
        properties = {field.name: self.of(field.hint, f"{where}.{field.name}") for field in fields}
        required = [field.name for field in fields if field.required]
        schema: Schema = {"type": "object", "properties": properties, **({"required": required} if required else {})}
        return {**schema, "additionalProperties": False}

    def _plain(self, kind: Any, where: str) -> Schema:
        origin, args = typing.get_origin(kind) or kind, typing.get_args(kind)
        if model := pydantic_of(kind):
            return self._without_definitions(_described(model, _name(kind)))
        if origin is Union or origin is types.UnionType:
            return {"anyOf": [self.of(arg, where) for arg in args]}
        if origin is Literal:
            return _choice(list(args), where)
        # Only types are compared and looked up, because an object such as a DataFrame may fail or answer with anything.
        # In Python 3.10 list[int] is also a type, but its arguments may not be hashable.
        if kind is None or kind is Any or (not args and isinstance(kind, type) and kind in PLAIN):
            return dict(PLAIN[kind])
        if isinstance(origin, type) and (schema := self._of_class(origin, args, where)) is not None:
            return schema
        name = _name(kind)
        place = "" if where == name else f"{where}: "
        raise PromptError(f"{place}JSON cannot hold {name}; use str, float, list[...], a dataclass ...")

    def _of_class(self, kind: type, args: tuple[Any, ...], where: str) -> Schema | None:
        if fields_of(kind) is not None:
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
            raise PromptError(f"{where}: JSON allows only text as keys; use dict[str, ...]")
        return {"type": "object", **({"additionalProperties": self.of(args[1], where)} if args else {})}

    def _class(self, kind: Any) -> Schema:
        name = _name(kind)
        reference = {"$ref": f"#/$defs/{name}"}
        if kind in self._open or kind in self._recursive:
            self._recursive.append(kind)
            return reference
        self._open.append(kind)
        schema = self.object(fields_of(kind) or [], name)
        self._open.pop()
        about = inspect.cleandoc(kind.__dict__.get("__doc__") or "").partition("\n\n")[0]
        if about and not about.startswith(f"{name}("):  # the text that dataclass and NamedTuple generate
            schema = {"description": about, **schema}
        if kind not in self._recursive:
            return schema
        self._define(name, schema)
        return reference

    def _without_definitions(self, schema: Schema) -> Schema:
        for name, definition in schema.get("$defs", {}).items():
            self._define(name, definition)
        return {key: value for key, value in schema.items() if key != "$defs"}

    def _define(self, name: str, schema: Schema) -> None:
        if self._defs.setdefault(name, schema) != schema:
            raise PromptError(f"two classes are named {name}; rename one of them")


def _described(model: Pydantic, name: str) -> Schema:
    try:
        return model.json_schema()
    except Exception as error:  # noqa: BLE001  # pydantic has many, and a model may bring its own
        raise PromptError(f"pydantic cannot write {name} as JSON Schema: {' '.join(str(error).split()):.200}") from None


def _choice(values: list[Any], where: str) -> Schema:
    if odd := [value for value in values if not isinstance(value, str | int | float | bool | None | Enum)]:
        raise PromptError(f"{where}: JSON cannot hold {odd[0]!r:.60}; use texts or numbers")
    plain = [value.value if isinstance(value, Enum) else value for value in values]
    kinds = {type(value) for value in plain}
    return {**(PLAIN[kinds.pop()] if len(kinds) == 1 else {}), "enum": plain}


def hints_of(kind: Any, name: str) -> dict[str, Any]:
    """Return the type hints of a class or a function.

    Raises PromptError if one names an undefined type.
    """
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except NameError as error:
        raise PromptError(
            f"a type hint of {name} uses {error.name!r}, which is not defined; run the cell that defines it"
        ) from None
    except TypeError:
        return {}


def _required(kind: Any, name: str, hint: Any) -> bool:
    marker = _marker(hint)  # __required_keys__ misses it if annotations are stored as text
    return marker == "Required" if marker else name in kind.__required_keys__


def _marker(hint: Any) -> str | None:
    name = getattr(typing.get_origin(hint), "_name", None)
    return name if name in ("Required", "NotRequired") else None


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", None) or f"{' '.join(repr(kind).split()):.60}"

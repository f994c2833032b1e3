"""Values of the axes of a sweep, from whatever a user passes: lists, arrays, columns of tables, single values."""

from __future__ import annotations

from collections import UserString
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import attempt, guarded, kind_of

MAX_VALUES = 100_000  # of one axis; an iterator without an end stops there


def values_of(name: str, value: Any) -> tuple[Any, ...] | None:
    """Return the values of an axis; None for a single value. Raises PromptError for an object that fails."""
    if name == "json":
        return None  # list[int] and an Enum are iterable, too
    values = guarded(f"the values of {name} cannot be read, pass a list", _listed, name, value)
    if values is None:
        return None
    if len(values) > MAX_VALUES:
        raise PromptError(f"{name} has more than {MAX_VALUES:,} values; pass a shorter list")
    if name == "stop_sequences" and values and all(isinstance(text, str) for text in values):
        return None
    return values


def plain(name: str, value: Any) -> Any:
    """Return a number or text of numpy or pandas as Python's own, and a list of stop sequences as a tuple."""
    if name == "stop_sequences" and isinstance(value, list):
        return tuple(value)
    is_scalar = hasattr(value, "item") and hasattr(value, "dtype") and getattr(value, "ndim", 0) == 0
    # A datetime64 in nanoseconds would become a number.
    return value.item() if is_scalar and getattr(value.dtype, "kind", "f") in "biufU" else value


def not_sent(values: Mapping[str, Any]) -> str | None:
    """Return why a row with these values is not sent: one of them is None, NaN, or what stands for it in a library."""
    name = next((name for name, value in values.items() if is_missing(value)), None)
    return name and f"{name} is missing in this row, so it was not sent; fill it first"


def is_missing(value: Any) -> bool:
    """Return whether a cell of a table is empty."""
    return value is None or kind_of(value) == "NAType" or attempt(lambda: bool(value != value), False)  # noqa: PLR0124  # NaN


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal; False for objects that cannot say so, such as arrays."""
    return one is other or attempt(_equal, False, one, other)


def place_of(value: Any, values: Sequence[Any]) -> int:
    """Return the index of a value among others; their number if it is not there."""
    return next((i for i, known in enumerate(values) if same(known, value)), len(values))


def _equal(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _listed(name: str, value: Any) -> tuple[Any, ...] | None:
    """Return the items of an object; None for a text, a tuple, a table, or anything else that is one value."""
    if isinstance(value, (str, bytes, bytearray, memoryview, UserString, tuple, Mapping)) or not isinstance(
        value, Iterable
    ):
        return None
    if hasattr(value, "columns") or hasattr(value, "__dataframe__") or getattr(value, "ndim", 1) == 0:
        return None
    return tuple(plain(name, item) for item in islice(value, MAX_VALUES + 1))

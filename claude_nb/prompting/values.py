"""Convert values of the notebook to text: whole, or cut with a notice.

Many libraries write "..." for the middle of a large value, and few digits of a number. Here they write all of it, up to
a size, and numbers exactly. If one leaves out a part all the same, a notice says so.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
import re
import sys
import types
from collections import abc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import attempt, guarded, kind_of
from claude_nb.prompting import tables
from claude_nb.prompting.text import PromptText
from claude_nb.types.reply import Reply

MAX_CHARS = 200_000
MAX_ROWS = 200
MAX_COLUMNS = 50
MAX_ITEMS = MAX_CHARS // 2  # of an array: each takes two characters or more
MAX_NESTED_ROWS = 10_000  # of a table inside another value
MAX_STEPS = 100_000  # of the search for dots in the strings of a value
DOTS = ("...", "\N{HORIZONTAL ELLIPSIS}")
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+>")  # ends the text of an object that has none of its own
NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
RUNS_ONCE = (abc.Iterator, abc.AsyncIterator, abc.Awaitable)


def as_text(value: Any, path: str) -> PromptText:
    """Convert a value to text, cut to a size. Raises PromptError, also for whatever the value raises.

    The path names the value in the notice about a cut.
    """
    return guarded(f"{{{{{path}}}}}", unguarded, value, path)


def unguarded(value: Any, path: str) -> PromptText:
    """Do the same as as_text(), but raise what the value raises."""
    text, *notices = _text(value, path)
    if len(text) > MAX_CHARS:
        notices.append(f"{path}: the first {MAX_CHARS:,} of {len(text):,} characters are sent")
        text = text[:MAX_CHARS]
    return PromptText(text, notices=tuple(notices))


def _text(value: Any, path: str) -> Iterator[str]:
    """Yield the text of a value, then notices about what it leaves out."""
    if type(value) is str or isinstance(value, Reply):
        yield str(value)
    elif attempt(_are_replies, False, value):
        yield "\n\n---\n\n".join(item.text for item in value)
    else:
        with unabridged():
            text, *notices = _whole(value, path)
        yield text
        yield from notices
        if ADDRESS.search(text[:MAX_CHARS]):
            yield f"{path}: an object without a text of its own is sent as its memory address; send its parts instead"


def _are_replies(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) > 0 and all(isinstance(item, Reply) for item in value)


def _whole(value: Any, path: str) -> Iterator[str]:
    numpy = sys.modules.get("numpy")
    table = tables.head(value, MAX_ROWS, MAX_COLUMNS)
    if table and table.labels:
        yield from _of_table(table, path)
    elif numpy and isinstance(value, numpy.ndarray):
        yield from _of_array(value, path)
    else:
        yield from _of_object(value, str(value.tobytes() if isinstance(value, memoryview) else value), path)


def _of_table(table: tables.Head, path: str) -> Iterator[str]:
    yield tables.markdown(table)
    rows, columns = len(table.rows), min(table.column_count, MAX_COLUMNS)
    if table.row_count is None:
        yield f"{path}: only the first {rows:,} rows and {columns:,} of {table.column_count:,} columns are sent"
    elif rows < table.row_count or columns < table.column_count:
        yield f"{path}: {rows:,} of {table.row_count:,} rows and {columns:,} of {table.column_count:,} columns are sent"


def _of_array(array: Any, path: str) -> Iterator[str]:
    """Write a numpy array whole, or the first part of it."""
    numpy = sys.modules["numpy"]
    part = _first(array, MAX_ITEMS)
    if isinstance(part, numpy.ma.MaskedArray):  # its own str() drops the middle of a long array without dots
        part = part.astype(object).filled("--")
    with numpy.printoptions(threshold=sys.maxsize):
        yield str(part)
    if part.size < array.size:
        yield f"{path}: the first {part.size:,} of {array.size:,} values are sent"


def _first(array: Any, most: int) -> Any:
    """Return the first part of an array, in all of its dimensions, with about so many values."""
    for axis in range(array.ndim):
        if array.size <= most:
            break
        keep = max(1, most // (array.size // array.shape[axis]))
        array = array[(slice(None),) * axis + (slice(keep),)]
    return array


def _of_object(value: Any, text: str, path: str) -> Iterator[str]:
    if isinstance(value, RUNS_ONCE) and text.startswith("<") and text.endswith(">"):
        raise PromptError(f"{{{{{path}}}}} is a {kind_of(value)}, which has no text; put list(...) in a variable first")
    kind, is_whole = kind_of(value), _dots(text[:MAX_CHARS]) <= attempt(_dots_within, 0, value)
    items = attempt(_listed, None, value)
    if items is not None and not (is_whole and attempt(_is_exact, True, items, text)):
        yield str(items)
        what = "rounds numbers in" if is_whole else "leaves values out of"
        yield f"{path}: {kind} {what} its text, so they are sent as a list"
    else:
        yield text
        if not is_whole:
            yield f'{path}: the text of this {kind} has "...", so it may be incomplete; send the parts you need'


def _listed(value: Any) -> list[Any] | None:
    """Return the values of a tensor or array of any library; None for any other object."""
    if not callable(getattr(type(value), "tolist", None)):
        return None
    count = math.prod(value.shape) if hasattr(value, "shape") else len(value)
    return list(value.tolist()) if count <= MAX_ITEMS else None


def _is_exact(items: list[Any], text: str) -> bool:
    """Return whether a text has all fractions of a list, as exactly as 32 bits can hold them."""
    written = sorted({float(number) for number in NUMBER.findall(text)})
    for number in map(abs, _fractions(items)):
        at = bisect.bisect_left(written, number * (1 - 1e-7))
        if at == len(written) or written[at] > number * (1 + 1e-7):
            return False
    return True


def _fractions(items: list[Any]) -> Iterator[float]:
    for item in items:
        if isinstance(item, list):
            yield from _fractions(item)
        elif isinstance(item, float) and math.isfinite(item):
            yield item


def _dots(text: str) -> int:
    return sum(map(text.count, DOTS))


def _dots_within(value: Any) -> int:
    """Return how many times the strings inside a value have dots themselves. These stand for nothing left out."""
    found, seen, waiting = 0, set[int](), [value]
    for _ in range(MAX_STEPS):
        if not waiting:
            break
        item = waiting.pop()
        if isinstance(item, str):
            found += _dots(item)
        elif id(item) not in seen and not isinstance(item, (bytes, int, float, complex, type, types.ModuleType)):
            seen.add(id(item))
            waiting += _parts(item)
    return found


def _parts(item: Any) -> list[Any]:
    if isinstance(item, Mapping):
        return [*item.keys(), *item.values()]
    if isinstance(item, (list, tuple, set, frozenset)):
        return [*item]
    if dataclasses.is_dataclass(item):
        return [getattr(item, field.name) for field in dataclasses.fields(item)]
    return [*getattr(item, "__dict__", {}).values()]


@contextmanager
def unabridged() -> Iterator[None]:
    """Let libraries write values whole, up to a size."""
    with ExitStack() as stack:
        for name, enter in (("numpy", _numpy), ("pandas", _pandas), ("polars", _polars), ("xarray", _xarray)):
            if name in sys.modules:
                with suppress(Exception):  # an old version, or one that is being imported
                    stack.enter_context(enter(sys.modules[name]))
        yield


@contextmanager
def _numpy(numpy: Any) -> Iterator[None]:
    masked = numpy.ma.MaskedArray  # drops the middle of long arrays without dots, because it counts on a low threshold
    with ExitStack() as stack:
        for name in ("_print_width", "_print_width_1d"):
            stack.callback(setattr, masked, name, getattr(masked, name))
            setattr(masked, name, MAX_ITEMS)
        stack.enter_context(numpy.printoptions(threshold=MAX_ITEMS, floatmode="unique", formatter={}))
        yield


def _pandas(pandas: Any) -> Any:
    names = ("max_rows", "max_columns", "max_colwidth", "max_seq_items", "max_categories")
    limits = (MAX_NESTED_ROWS, MAX_NESTED_ROWS, MAX_CHARS, MAX_ITEMS, MAX_ITEMS)
    pairs = [part for name, limit in zip(names, limits, strict=True) for part in (f"display.{name}", limit)]
    # Of numbers inside a cell it writes as many digits as are asked for, and 17 are always exact.
    exact = ("display.float_format", str, "display.precision", 17, "display.chop_threshold", None)
    return pandas.option_context(*pairs, *exact, "display.width", MAX_CHARS)


def _polars(polars: Any) -> Any:
    return polars.Config(
        tbl_rows=MAX_NESTED_ROWS,
        tbl_cols=MAX_NESTED_ROWS,
        tbl_width_chars=2**16 - 1,  # the most that it takes
        fmt_str_lengths=MAX_CHARS,
        fmt_table_cell_list_len=MAX_ITEMS,
        fmt_float="full",
        float_precision=None,
    )


def _xarray(xarray: Any) -> Any:
    return xarray.set_options(display_max_rows=MAX_NESTED_ROWS, display_values_threshold=MAX_ITEMS)

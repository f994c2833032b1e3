"""Sweeps on disk: as JSON lines, or as Parquet for use with pandas.

first line   {"claude_nb": "sweep", "version": 1, "id", "axes", "fixed", "n", "cases", "batch"}
a case       {"values", "at", "requests", "locked"}
each other   {"case": 0, "repeat": 3, "reply": {...}}
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from claude_nb.errors import ConfigError
from claude_nb.guard import is_a
from claude_nb.storage import places
from claude_nb.sweeps import tables
from claude_nb.sweeps.axes import place_of
from claude_nb.sweeps.labels import text
from claude_nb.sweeps.plan import Case, Plan
from claude_nb.sweeps.requests import is_input
from claude_nb.sweeps.results import Results
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

VERSION = 1
Reader = Callable[[Mapping[str, Any], Iterable[Mapping[str, Any]]], Any]
RECORD = "record"  # the column of a Parquet file with the complete replies


def save(sweep: Results, path: str | os.PathLike[str]) -> None:
    """Write a sweep. An existing file is replaced only when the new one is complete."""
    path = Path(path)
    try:
        with places.replacing(path) as new:
            if path.suffix == ".parquet":
                _save_parquet(sweep, new)
            else:
                new.write_text("".join(f"{line}\n" for line in (_header(sweep), *_records(sweep))), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from None


class Saved(NamedTuple):
    """The contents of a file."""

    plan: Plan
    id: str
    replies: dict[tuple[int, int], Reply]
    batch: bool


def read(path: str | os.PathLike[str], readers: Mapping[str, Reader] = MappingProxyType({})) -> Any:
    """Read what save() wrote. readers: functions that read other kinds of files, by kind. Raises ConfigError."""
    path = Path(path)
    if why := places.fault(path):  # reading a pipe or a device could block
        raise ConfigError(f"{path} cannot be read (it {why}); name another file")
    try:
        if path.suffix == ".parquet":
            return _read_parquet(path)
        header, *records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        read_as: Reader = readers.get(header.get("claude_nb"), _saved)
        return read_as(header, records)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{path} is not a saved sweep ({type(error).__name__}: {str(error)[:80]})") from None


def _header(sweep: Results) -> str:
    return _json(
        {
            "claude_nb": "sweep",
            "version": VERSION,
            "id": sweep.id,
            "axes": {name: [_stored(name, value) for value in values] for name, values in sweep.axes.items()},
            "fixed": {name: _stored(name, value) for name, value in sweep.plan.fixed.items()},
            "n": sweep.n,
            "batch": sweep.batch,
            "cases": [
                {
                    "values": {name: _stored(name, value) for name, value in case.values.items()},
                    "at": case.at,
                    "requests": [r.to_dict() for r in case.requests],
                    "locked": case.locked,
                }
                for case in sweep.cases
            ],
        }
    )


def _stored(name: str, value: Any) -> Any:
    """Return a value as JSON keeps it: a template variable of another type as the text that the prompt has."""
    if value is None or is_a(value, (str, bool, int, float)):
        return value
    is_plain = is_a(value, (list, tuple)) and all(is_a(item, (str, int, float)) for item in value)
    return value if is_plain and not is_input(name) else text(name, value)


def _records(sweep: Results) -> list[str]:
    return [_json({"case": i, "repeat": k, "reply": reply.to_dict()}) for i, k, reply in sweep.numbered()]


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data)


def _saved(header: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Saved:
    if header.get("claude_nb") != "sweep":
        raise ValueError("a different kind of file")
    if header["version"] > VERSION:
        raise ValueError(f"version {header['version']}, from a newer claude_nb")
    axes = {name: tuple(_tuple(value) for value in values) for name, values in header["axes"].items()}
    cases = tuple(_case(case, axes) for case in header["cases"])
    found = {(record["case"], record["repeat"]): Reply.from_dict(record["reply"]) for record in records}
    if any(i >= len(cases) or k >= len(cases[i].requests) for i, k in found):
        raise ValueError("a reply without a case")
    plan = Plan(axes, cases, header["n"], _tuples(header.get("fixed", {})))
    return Saved(plan, header["id"], found, header.get("batch") is True)


def _case(data: Mapping[str, Any], axes: Mapping[str, tuple[Any, ...]]) -> Case:
    values = _tuples(data["values"])
    at = data.get("at")  # absent in files of the first version of claude_nb
    place = tuple(at) if at is not None else tuple(place_of(values.get(name), axis) for name, axis in axes.items())
    if len(place) != len(axes) or any(not 0 <= i < len(axis) for i, axis in zip(place, axes.values(), strict=True)):
        raise ValueError("a case outside of the axes")
    return Case(values, place, tuple(map(Request.from_dict, data["requests"])), data["locked"])


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in values.items()}


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _pandas() -> Any:
    try:
        import pandas

        import_module("pyarrow")  # pandas writes Parquet with it
    except ImportError as error:
        raise ConfigError(
            f"Parquet needs {error.name}; run %pip install pandas pyarrow, or use a .jsonl file"
        ) from None
    return pandas


def _save_parquet(sweep: Results, path: Path) -> None:
    """Write the rows for other tools, with a column of complete records for read()."""
    _pandas()
    frame = tables.rows(
        sweep.id, sweep.plan, sweep.numbered(), sweep.checks, taken=(RECORD,), shown=partial(_cell, sweep)
    ).to_pandas()
    frame[RECORD] = _records(sweep)
    frame.attrs = {"claude_nb": _header(sweep)}
    frame.to_parquet(path, engine="pyarrow", index=False)


def _cell(sweep: Results, name: str, value: Any) -> Any:
    """Return a value for a column of one type: as text, unless all values of its axis are texts or numbers."""
    values = [each for each in sweep.axes.get(name, (value,)) if each is not None]
    kinds = {type(each) for each in values}
    is_number = kinds <= {int, float} and all(abs(each) < 2**63 for each in values)
    return value if value is None or is_number or kinds <= {str} or kinds <= {bool} else text(name, value)


def _read_parquet(path: Path) -> Saved:
    frame = _pandas().read_parquet(path, engine="pyarrow")
    return _saved(json.loads(frame.attrs["claude_nb"]), map(json.loads, frame[RECORD]))

"""Lists of models from servers, kept for a day in the user's cache.

A server may be anybody's, and so may the file: every value is checked and bounded before it is used.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from claude_nb.providers import folders, registry
from claude_nb.providers.dialects.base import child, count
from claude_nb.providers.model_names import plain_name
from claude_nb.providers.model_spec import ModelSpec
from claude_nb.render.chars import one_line
from claude_nb.types.settings import EFFORTS

ANTHROPIC = "anthropic"  # the provider whose list has more than ids
KEPT_FOR = timedelta(days=1)
MOST_MODELS = 2_000
MOST_CHARS = 120  # of an id or a name
MOST_BYTES = 4_000_000  # of the file
STAGES = ("active", "deprecated", "retired")
THINKING = ("enabled", "adaptive", "disabled", "between_tools")


@dataclass(frozen=True, slots=True)
class Served:
    """The facts that a server states about a model; None and "": nothing.

    context, max_output  in tokens
    thinking, effort     the kinds and levels that it takes
    structured           whether it follows a schema by itself
    retires              its last day, which may be put off; lifecycle: active, deprecated or retired
    """

    id: str
    label: str = ""
    context: int | None = None
    max_output: int | None = None
    thinking: tuple[str, ...] | None = None
    effort: tuple[str, ...] | None = None
    structured: bool | None = None
    lifecycle: str = ""
    retires: date | None = None

    def over(self, spec: ModelSpec, provider: str) -> ModelSpec:
        """Return a row of the table with what the server says in place of what the row says."""
        known: dict[str, Any] = {"context": self.context, "max_output": self.max_output, "thinking": self.thinking}
        known |= {"effort": self.effort, "lifecycle": self.lifecycle or None}
        if self.structured is not None:
            known["structured"] = {**spec.structured, provider: "native" if self.structured else "prompt"}
        if self.retires:
            known["retires"] = {**spec.retires, provider: self.retires}
        elif self.lifecycle == "active":
            known["retires"] = {name: day for name, day in spec.retires.items() if name != provider}
        return replace(spec, **{name: value for name, value in known.items() if value is not None})


def read(rows: object) -> list[Served]:
    """Read the rows of a list of models, or of the file. Whatever is not a model is left out."""
    found = (_served(row) for row in rows[:MOST_MODELS]) if isinstance(rows, list) else ()
    return list({served.id: served for served in found if served}.values())


def _served(row: object) -> Served | None:
    if not isinstance(row, dict) or not (model_id := _text(row.get("id"))):
        return None
    abilities = child(row, "capabilities")
    structured = child(abilities, "structured_outputs").get("supported")
    stage = row.get("lifecycle")
    return Served(
        id=model_id,
        label=_text(row.get("display_name")),
        context=count(row.get("max_input_tokens")) or None,
        max_output=count(row.get("max_tokens")) or None,
        thinking=_supported(child(child(abilities, "thinking"), "types"), THINKING),
        effort=_supported(child(abilities, "effort"), EFFORTS),
        structured=structured if isinstance(structured, bool) else None,
        lifecycle=stage if isinstance(stage, str) and stage in STAGES else "",
        retires=_day(row.get("retires_at")),
    )


def _row(served: Served) -> dict[str, Any]:
    """Return what read() reads back. A server's own row may have any size."""

    def supported(names: Sequence[str], those: Sequence[str] | None) -> dict[str, Any]:
        return {} if those is None else {name: {"supported": name in those} for name in names}

    abilities: dict[str, Any] = {"thinking": {"types": supported(THINKING, served.thinking)}}
    abilities |= {"effort": supported(EFFORTS, served.effort), "structured_outputs": {"supported": served.structured}}
    return {
        "id": served.id,
        "display_name": served.label,
        "max_input_tokens": served.context,
        "max_tokens": served.max_output,
        "capabilities": abilities,
        "lifecycle": served.lifecycle,
        "retires_at": served.retires and served.retires.isoformat(),
    }


def _text(value: object) -> str:
    return one_line(value, MOST_CHARS) if isinstance(value, str) else ""


def _supported(abilities: dict[str, Any], names: Sequence[str]) -> tuple[str, ...] | None:
    """Return the names whose "supported" is true; None if the server does not say."""
    flags = {name: flag for name in names if isinstance(flag := child(abilities, name).get("supported"), bool)}
    return tuple(name for name in names if flags.get(name)) if flags else None


def _day(value: object) -> date | None:
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(value[:10]).date() if isinstance(value, str) else None
    return None


class ModelLists:
    """The lists of models in the user's cache, one for each address.

    path  of the file; None: in the user's folder for caches
    now   tells the time
    """

    def __init__(
        self, path: Path | None = None, now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    ) -> None:
        self._path = path
        self._now = now

    def at(self, address: str) -> list[Served] | None:
        """Return what an address answered within the last day; None if it was not asked."""
        entry = child(self._entries(), address)
        with contextlib.suppress(ValueError, TypeError, KeyError):
            age = self._now() - datetime.fromisoformat(entry["asked"])
            if timedelta() <= age < KEPT_FOR:
                return read(entry.get("models"))
        return None

    def keep(self, address: str, models: Sequence[Served]) -> None:
        """Write what an address has answered. A folder that cannot be written to does no harm."""
        now = self._now()
        others = {name: entry for name, entry in self._entries().items() if name != address}
        entry = {"asked": now.isoformat(), "models": [_row(model) for model in models]}
        entries = dict(list(others.items())[-9:]) | {address: entry}
        with contextlib.suppress(OSError):
            path = self._file()
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".json")
            with os.fdopen(handle, "w", encoding="ascii") as file:
                json.dump(entries, file)
            Path(name).replace(path)  # so that another kernel never reads half a file

    def over(self, spec: ModelSpec) -> ModelSpec:
        """Return a row of the table with what Anthropic said about the model within the last day."""
        for served in self.at(registry.PROVIDERS[ANTHROPIC].base_url or "") or ():
            if served.id == spec.ids.get(ANTHROPIC) or plain_name(served.id) == spec.name:
                return served.over(spec, ANTHROPIC)
        return spec

    def _entries(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError, RecursionError):
            path = self._file()
            if path.stat().st_size <= MOST_BYTES:
                entries = json.loads(path.read_text(encoding="utf-8"))
                return entries if isinstance(entries, dict) else {}
        return {}

    def _file(self) -> Path:
        if self._path is None:
            self._path = folders.own_file("cache", "models.json")
        return self._path

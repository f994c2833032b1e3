"""The variables that {{name}} may name: those that Python sees where this package was called."""

from __future__ import annotations

import inspect
import sys
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from types import FrameType
from typing import TYPE_CHECKING, Any

from claude_nb.guard import guarded, plain
from claude_nb.prompting.versions import NamedPrompts

if TYPE_CHECKING:
    from claude_nb.storage.prompts import SavedPrompts

_PASSING_ON = ("claude_nb", "IPython")  # their frames stand between the caller and this file


def variables(
    first: Mapping[str, Any] | None = None,
    last: Mapping[str, Any] | None = None,
    *,
    saved: SavedPrompts | None = None,
) -> Mapping[str, Any]:
    """Return the variables of the calling code: of its function, of the functions around it, of its module.

    A local variable without a value hides a global one of the same name, as in Python.

    first  values that come before all of them; last: values that come after
    saved  the prompts that {{prompts.NAME}} names, unless there is a variable `prompts`
    """
    maps: list[Mapping[str, Any]] = [] if first is None else [guarded("variables", _with_names, first)]
    caller = _caller()
    if caller is not None:
        maps += _levels(caller)
    if last is not None and (caller is None or caller.f_globals is not last):
        maps.append(last)
    if saved is not None:
        maps.append(named_prompts(saved))
    return ChainMap(*(_as_dict(names) for names in maps))


def named_prompts(saved: SavedPrompts) -> dict[str, Any]:
    """Return what {{prompts.NAME}} names, as a variable."""
    return {"prompts": NamedPrompts(saved)}


def _with_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a mapping of the user whose keys can be names."""
    return {plain(name): value for name, value in dict(values).items() if isinstance(name, str)}


def _caller() -> FrameType | None:
    """Return the frame that called this package.

    None if Python's own library did, such as a thread pool: its variables are not those of the user.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _package(frame) in _PASSING_ON:
        frame = frame.f_back
    return None if frame is None or _package(frame) in sys.stdlib_module_names else frame


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def _levels(caller: FrameType) -> list[Mapping[str, Any]]:
    """Return the variables of a frame and of the running functions around it, then those of its module.

    A function stands around another one if its code contains the code of the other.
    """
    found: list[Mapping[str, Any]] = []
    unset: set[str] = set()
    code, step = caller.f_code, caller.f_back
    inner: FrameType | None = caller
    while inner is not None:
        if inner.f_locals is not caller.f_globals:
            found.append({name: value for name, value in inner.f_locals.items() if name not in unset})
            unset |= {*inner.f_code.co_varnames, *inner.f_code.co_cellvars} - inner.f_locals.keys()
        inner = None
        while step is not None and inner is None:
            if step.f_code.co_flags & inspect.CO_OPTIMIZED and any(part is code for part in step.f_code.co_consts):
                inner, code = step, step.f_code
            step = step.f_back
    module = caller.f_globals
    return [*found, {name: value for name, value in module.items() if name not in unset} if unset else module]


def _as_dict(names: Mapping[str, Any]) -> MutableMapping[str, Any]:
    return names if isinstance(names, MutableMapping) else dict(names)

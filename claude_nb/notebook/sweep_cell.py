"""`%%claude --sweep`: parse the settings and run the sweep."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.notebook import arguments
from claude_nb.session import options
from claude_nb.session.session import Session
from claude_nb.sweeps import api, plan
from claude_nb.sweeps.sweep import RunOptions, Sweep

NUMBERS: dict[str, Callable[[str], int | float]] = {
    "n": int,
    "concurrency": int,
    "max_calls": int,
    "budget_usd": float,
}


def sweep_cell(
    session: Session,
    prompt: str,
    settings: Mapping[str, Any],
    flags: Mapping[str, Any],
    *,
    variables: Mapping[str, Any],
    store: dict[str, Any],
) -> None:
    """Run the sweep of a cell and store it in the variable that -o names.

    A sweep that is stopped before its end is stored too.

    variables  what {{name}} may name; store: the variables of the notebook
    """
    if flags.get("chat"):
        raise PromptError("a sweep is not a conversation; leave -c out")
    spec = read_spec(flags["sweep"])
    if flags.get("dry_run"):
        shape = {name: spec.pop(name) for name in ("n", "mode") if name in spec}
        axes = {name: value for name, value in {**settings, **spec}.items() if name not in NUMBERS}
        cases = plan.grid(session, prompt, axes, **{"n": 1, **shape}, variables=variables)
        run_options = RunOptions(replay="off" if flags.get("fresh") else "use")
        sys.stdout.write(f"{Sweep(cases, session=session, run_options=run_options).forecast()}\n")
        return
    limits = {name: flags[name] for name in ("timeout", "allow_http", "headers", "fresh") if name in flags}
    before = api.newest()
    try:
        show = not flags.get("quiet")
        api.sweep(prompt, variables=variables, session=session, show=show, **{**settings, **spec, **limits})
    finally:
        if (result := api.newest()) is not before:
            store[flags["out"]] = result


def read_spec(text: str) -> dict[str, Any]:
    """Parse the value of --sweep.

    read_spec("temperature=0,.7 n=5") -> {"temperature": [0.0, 0.7], "n": 5}
    """
    spec: dict[str, Any] = {}
    for name, values in arguments.items(text):
        if name in NUMBERS:
            spec[name] = _number(name, values)
        elif name == "mode":
            spec[name] = values[0]
        else:
            option = options.BY_NAME.get(name)
            typed = [options.read(option, value) if option else value for value in values]
            spec[name] = typed if len(typed) > 1 else typed[0]
    return spec


def _number(name: str, values: Sequence[str]) -> int | float:
    try:
        (text,) = values
        return NUMBERS[name](text)
    except ValueError:
        raise PromptError(f"{name} takes one number, not {','.join(values)!r}") from None

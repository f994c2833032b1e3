"""`%%claude --sweep`: parse the settings and run the sweep."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.notebook import arguments
from claude_nb.prompting import template
from claude_nb.render.chars import write_out
from claude_nb.session import options
from claude_nb.session.session import Session
from claude_nb.sweeps import api, plan
from claude_nb.sweeps.requests import is_input, used_names
from claude_nb.sweeps.run_options import RunOptions
from claude_nb.sweeps.sweep import Sweep

NUMBERS: dict[str, Callable[[str], int | float]] = {
    "n": int,
    "concurrency": int,
    "max_calls": int,
    "budget_usd": float,
}
LIMITS = (*NUMBERS, "mode")
# Texts in which the sweep fills {{name}} itself, because the values of an axis come first.
FILLED_LATER = ("prompt", "system", "stop_sequences")


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
    prompt = template.expanded(prompt, variables)
    spec = read_spec(flags["sweep"], variables)
    limits = {name: spec.pop(name) for name in LIMITS if name in spec}
    if unclear := used_names(prompt, {**settings, **spec}) & limits.keys():
        name = min(unclear)
        raise PromptError(
            f"{name} is a setting of the sweep, so {{{{{name}}}}} is not filled from it; rename {{{{{name}}}}}"
        )
    shape = {"n": limits.pop("n", 1), "mode": limits.pop("mode", "grid")}
    _refuse_unknown(prompt, {**settings, **spec}, variables)
    planned = plan.grid(session, prompt, {**settings, **spec}, **shape, variables=variables)
    run_options = run_options_of(session, flags, limits.pop("concurrency", 8))
    if flags.get("dry_run"):
        write_out(f"{Sweep(planned, session=session, run_options=run_options).forecast()}\n")
        return
    with stored_sweep(store, flags["out"]):
        api.launch(planned, session, run_options, show=not flags.get("quiet"), **limits)


def run_options_of(session: Session, flags: Mapping[str, Any], concurrency: Any) -> RunOptions:
    """Return how the calls of a cell run. Raises PromptError."""
    call = {name: flags[name] for name in ("timeout", "allow_http", "headers") if name in flags}
    fresh, batch = bool(flags.get("fresh")), bool(flags.get("batch"))
    return api.run_options(session, call, concurrency=concurrency, fresh=fresh, batch=batch)


@contextmanager
def stored_sweep(store: dict[str, Any], name: str) -> Iterator[None]:
    """Store the sweep that runs here in a variable, also if it is stopped before its end."""
    before = api.newest()
    try:
        yield
    finally:
        if (result := api.newest()) is not before:
            store[name] = result


def _refuse_unknown(prompt: str, settings: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
    """Raise PromptError for a {{name}} that has no value, with the advice that fits a cell."""
    first = {name: value[0] if isinstance(value, list) else value for name, value in settings.items()}
    known = ChainMap({name: value for name, value in first.items() if is_input(name)}, dict(variables))
    for name in used_names(prompt, settings) - known.keys():
        template.fill(f"{{{{{name}}}}}", known)


def read_spec(text: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Parse the value of --sweep, and fill {{name}} in it where the sweep itself does not.

    read_spec("temperature=0,.7 n=5") -> {"temperature": [0.0, 0.7], "n": 5}
    """
    spec: dict[str, Any] = {}
    for name, texts in arguments.items(text):
        values = texts if name in FILLED_LATER else [template.fill(each, variables or {}).text for each in texts]
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

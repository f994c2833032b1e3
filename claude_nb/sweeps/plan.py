"""Turn lists of settings into cases: every combination, its requests, and why the model rejects it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import shown
from claude_nb.prompting import attachments
from claude_nb.session import options as option_table
from claude_nb.session.options import number
from claude_nb.session.session import Session
from claude_nb.sweeps.axes import place_of, plain, values_of
from claude_nb.sweeps.labels import labels
from claude_nb.sweeps.requests import RequestMaker, check_names, is_input
from claude_nb.types.request import Request


@dataclass(frozen=True)
class Case:
    """One combination of settings.

    values    the values of the axes: {"temperature": 0.7}
    at        its place on each axis: (1,)
    requests  one for each repeat; empty when the case is locked
    locked    why the model rejects it, so that it is not sent; None: it is sent
    row       values for {{name}} that come before all others: those of a row of a table
    """

    values: Mapping[str, Any]
    at: tuple[int, ...] = ()
    requests: tuple[Request, ...] = ()
    locked: str | None = None
    row: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """All cases, and their axes: {"temperature": (0.0, 0.7), "top_p": (0.5, 1.0)}.

    fixed    values for {{name}} that are the same in every case
    notices  what was cut of the values
    noun     what a case is called in the forecast
    """

    axes: Mapping[str, tuple[Any, ...]]
    cases: tuple[Case, ...]
    n: int
    fixed: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    noun: str = "setting"

    @property
    def requests(self) -> list[Request]:
        return [request for case in self.cases for request in case.requests]

    @cached_property
    def labels(self) -> dict[str, list[str]]:
        """The values of each axis as text. No two of them look the same."""
        return {name: labels(name, values) for name, values in self.axes.items()}

    def values(self, case: Case) -> dict[str, Any]:
        """Return the values of a case by axis; None where a column of compare() leaves an option out."""
        return {name: self.axes[name][i] for name, i in zip(self.axes, case.at, strict=True)}

    def title(self, case: Case) -> str:
        """Return the name of a case: "temperature 0.7, top_p 1"."""
        places = zip(self.axes, case.at, strict=True)
        parts = [f"{name} {self.labels[name][i]}" for name, i in places if name in case.values or name == COLUMN]
        return ", ".join(parts) or "one setting"


COLUMN = "column"  # the axis that tells equal columns of compare() apart
ROW = "row"  # the axis of the rows of a table


def grid(
    session: Session,
    prompt: Any,
    settings: Mapping[str, Any],
    *,
    n: int,
    mode: str = "grid",
    variables: Mapping[str, Any] | None = None,
) -> Plan:
    """Return a case for every combination of the settings that are lists. Mode "zip" combines values at equal places.

    settings   options of a call, and template variables: {"temperature": [0, 1], "topic": ["tides", "bees"]}
    variables  more values for {{name}}, the same in every case; those of the calling code come after them

    A tuple is a single value, and so is a list of stop sequences. Raises PromptError, also when every case is locked.
    """
    if mode not in ("grid", "zip"):
        raise PromptError(f"mode is grid or zip, not {shown(mode)}")
    fixed, axes = {}, {}
    for name, value in {"prompt": prompt, **settings}.items():
        values = values_of(name, value)
        if values is None:
            fixed[name] = value
        else:
            axes[name] = values
    if mode == "zip" and len({len(values) for values in axes.values()}) > 1:
        sizes = ", ".join(f"{name} has {len(values)}" for name, values in axes.items())
        raise PromptError(f"mode zip needs lists of equal length, but {sizes}; use mode grid, or make them equal")
    places = [range(len(values)) for values in axes.values()]
    rows = zip(*places, strict=True) if mode == "zip" and axes else product(*places)
    cases = [Case({name: axes[name][i] for name, i in zip(axes, at, strict=True)}, at) for at in rows]
    return planned(session, fixed, cases, axes, n=n, variables=variables)


def columns(
    session: Session,
    prompt: str,
    settings: Sequence[Mapping[str, Any]],
    shared: Mapping[str, Any],
    *,
    variables: Mapping[str, Any] | None = None,
) -> Plan:
    """Return a case for each mapping of options: columns(session, "Hi", [{"model": "sonnet"}, {"seed": 1}], {})."""
    if not settings:
        raise PromptError('there is nothing to compare; use compare(["sonnet", "demo"], "Why is the sky blue?")')
    if any("json" in column for column in settings):
        raise PromptError("all columns share one schema; use compare(..., json=...)")
    axes: dict[str, tuple[Any, ...]] = {}
    places: list[tuple[int, ...]] = [()] * len(settings)
    for name in dict.fromkeys(name for column in settings for name in column):
        for i, column in enumerate(settings):
            value, known = plain(name, column.get(name)), axes.get(name, ())
            place = place_of(value, known)
            axes[name] = known if place < len(known) else (*known, value)
            places[i] += (place,)
    if len(set(places)) < len(settings):
        axes[COLUMN] = tuple(range(1, len(settings) + 1))
        places = [(*at, i) for i, at in enumerate(places)]
    cases = [Case(dict(column), at) for column, at in zip(settings, places, strict=True)]
    return planned(session, {"prompt": prompt, **shared}, cases, axes, variables=variables)


def planned(
    session: Session,
    fixed: Mapping[str, Any],
    cases: Iterable[Case],
    axes: Mapping[str, tuple[Any, ...]],
    *,
    n: int = 1,
    variables: Mapping[str, Any] | None = None,
) -> Plan:
    """Return the plan of cases that have no requests yet."""
    n = int(number("n", n, whole=True))
    if n < 1:
        raise PromptError(f"n is the number of replies for each combination, at least 1, not {n}")
    check_names(fixed, {name: values for name, values in axes.items() if name not in (COLUMN, ROW)})
    for name, values in axes.items():
        for value in values if name in option_table.BY_NAME else ():
            option_table.check(name, value)  # what no model accepts is a mistake, and raises here
    if "attach" in fixed:  # read and downloaded once, not for each case
        fixed = {**fixed, "attach": attachments.gather(fixed["attach"]).attachments}
    maker = RequestMaker(session, fixed, variables)
    made = []
    for case in cases:
        try:
            made.append(case if case.locked else replace(case, requests=maker.make(case.values, n, case.row)))
        except PromptError as error:
            made.append(replace(case, locked=str(error)))
    if not made:
        raise PromptError("an empty list leaves nothing to send; give at least one value")
    if all(case.locked for case in made):
        raise PromptError(str(made[0].locked))
    inputs = {name: value for name, value in fixed.items() if is_input(name)}
    named = {"model", "provider", "base_url"} & {*fixed, *axes}
    request = next(case.requests[0] for case in made if not case.locked)
    notices = [] if named else session.demo_notice(request, session.config.target({}))
    return Plan(dict(axes), tuple(made), n, inputs, (*notices, *maker.notices))

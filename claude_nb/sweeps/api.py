"""sweep() and compare() as people call them: planned, forecast, asked about, run with everything to look at."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.providers import registry
from claude_nb.session import frontend
from claude_nb.session import options as knobs
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.sweeps import files
from claude_nb.sweeps import plan as plans
from claude_nb.sweeps.forecast import Forecast
from claude_nb.sweeps.sweep import How, Sweep
from claude_nb.sweeps.views.display import screen_for
from claude_nb.types.reply import Reply

Checks = Callable[[Reply], Any] | Mapping[str, Callable[[Reply], Any]] | None


def sweep(
    prompt: str | Sequence[str],
    *,
    n: int = 10,
    mode: str = "grid",
    check: Checks = None,
    variables: Mapping[str, Any] | None = None,
    concurrency: int = 8,
    budget_usd: float | None = None,
    max_calls: int | None = None,
    replay: str | None = None,
    executor: Executor | None = None,
    timeout: float | None = None,
    allow_http: bool = False,
    show: bool = True,
    session: Session | None = None,
    **settings: Any,
) -> Sweep:
    """Ask a prompt n times under every combination of settings, and get all replies side by side.

    >>> result = sweep("Once upon a time", temperature=[0, 0.7, 1], top_p=[0.9, 1], n=10)   # doctest: +SKIP
    >>> sweep("Explain {{topic}}", topic=["tides", "bees"], model=["sonnet", "demo"])        # doctest: +SKIP

    prompt       a text, or a list of them
    settings     options of a call, and {{name}} values; what is a list is varied (a tuple is one value)
    mode         "grid": every combination; "zip": the first of each list, the second of each ...
    check        a function of a Reply that says yes or no, or several by name: a column, and a pass rate with interval
    variables    further {{name}} values, the same everywhere
    concurrency  calls at once, at most; fewer while the server refuses them
    budget_usd   a sweep that may cost more, in US dollars, asks first (in a script: ConfigError); None: 1.00
    max_calls    the same for the number of calls; None: 1000
    replay       "use": what the history holds is not asked again; "off": all is asked; None: use
    executor     any concurrent.futures.Executor; the calls run there, each worker with the key it finds itself
    show         False: no forecast, no bar, no grid

    A combination that a model refuses is kept as locked, with the reason, and is not sent. A call that fails is a row
    with its error. Raises PromptError, ConfigError; Interrupted when stopped: what came is in last_sweep(), and its
    resume() goes on.
    """
    session = session or default_session()
    plan = plans.grid(session, prompt, settings, n=n, mode=mode, variables=variables)
    options = {"timeout": timeout, "allow_http": allow_http}
    how = How(concurrency, _replay(replay, session), executor, {k: v for k, v in options.items() if v})
    result = Sweep(plan, session=session, how=how, checks=_checks(check))
    _prepare(result, show, columns=False)
    _allow(result.forecast(), result, budget_usd, max_calls)
    return result.resume()


def compare(
    settings: Sequence[str | Mapping[str, Any]],
    prompt: str,
    *,
    replay: str | None = None,
    show: bool = True,
    session: Session | None = None,
    **shared: Any,
) -> Sweep:
    """Ask several models, or one under several settings, at the same time, and see the replies side by side.

    >>> compare(["sonnet", "demo"], "Why is the sky blue?")                                 # doctest: +SKIP
    >>> compare([{"temperature": 0}, {"temperature": 1}], "Once upon a time", seed=1)       # doctest: +SKIP

    settings  a model name or a dict of options for each column; shared: options of all of them
    """
    session = session or default_session()
    columns = [{"model": one} if isinstance(one, str) else dict(one) for one in settings]
    plan = plans.columns(session, prompt, columns, shared)
    how = How(max(1, len(columns)), _replay(replay, session))
    result = Sweep(plan, session=session, how=how)
    _prepare(result, show, columns=True)
    _allow(result.forecast(), result, None, None)
    return result.resume()


def load_sweep(path: str | os.PathLike[str]) -> Sweep:
    """Read what Sweep.save() wrote. Checks are functions and are not in the file: add them with .check(function)."""
    saved = files.read(path)
    result = Sweep(saved.plan, name=saved.id)
    result.put(saved.replies)
    return result


def last_sweep() -> Sweep:
    """The newest sweep of this kernel, finished or not: last_sweep().resume() goes on where it was stopped."""
    if _last is None:
        raise ConfigError("there was no sweep yet; begin with claude_nb.sweep(prompt, temperature=[0, 1])")
    return _last


_last: Sweep | None = None


def sweep_cell(
    session: Session,
    prompt: str,
    *,
    settings: Mapping[str, Any],
    how: Mapping[str, Any],
    out: str,
    variables: dict[str, Any],
) -> None:
    """%%claude --sweep: run it, and leave it in the variable *out*, also when it is stopped on the way."""
    if how.get("chat"):
        raise PromptError("a sweep is no conversation; leave -c out")
    spec = read_spec(how["sweep"])
    run: dict[str, Any] = {name: how[name] for name in ("timeout", "allow_http") if name in how}
    before = _last
    if how.get("dry_run"):
        names = {name: spec.pop(name) for name in ("n", "mode") if name in spec}
        grid = {name: value for name, value in {**settings, **spec}.items() if name not in NUMBERS}
        plan = plans.grid(session, prompt, grid, **{"n": 10, **names}, variables=variables)
        sys.stdout.write(f"{Sweep(plan, session=session).forecast()}\n")
        return
    try:
        options = {**settings, **spec, **run}
        sweep(prompt, variables=variables, session=session, show=not how.get("quiet"), **options)
    finally:
        if _last is not before:
            variables[out] = _last


def read_spec(text: str) -> dict[str, Any]:
    """The value of --sweep: read_spec("temperature=0,.7 n=5") -> {"temperature": [0.0, 0.7], "n": 5}."""
    from claude_nb.notebook.arguments import items

    spec: dict[str, Any] = {}
    for name, values in items(text):
        if name in NUMBERS:
            spec[name] = _number(name, values)
        elif name == "mode":
            spec[name] = values[0]
        else:
            knob = knobs.BY_NAME.get(name)
            typed = [_typed(knob, value) for value in values]
            spec[name] = typed if len(typed) > 1 else typed[0]
    return spec


NUMBERS: dict[str, Callable[[str], int | float]] = {
    "n": int,
    "concurrency": int,
    "max_calls": int,
    "budget_usd": float,
}


def _number(name: str, values: Sequence[str]) -> int | float:
    try:
        (text,) = values
        return NUMBERS[name](text)
    except ValueError:
        raise PromptError(f"{name} takes one number, not {','.join(values)!r}") from None


def _typed(knob: knobs.Option | None, text: str) -> Any:
    if knob is None:
        return text
    return (text,) if knob.repeatable else knobs.read(knob, text)


def _prepare(result: Sweep, show: bool, *, columns: bool) -> None:
    """Who looks on, and the last checks that cost nothing: is there a key for each that will be asked?"""
    global _last  # noqa: PLW0603  # the newest one, for whoever was interrupted
    screen = screen_for(result, show=show, columns=columns)
    result.watcher, result.is_shown = screen, screen.is_above
    if result.how.executor is None and result.how.replay != "only":
        for request in {(r.provider, r.base_url): r for r in result.plan.requests}.values():
            registry.key_for(request, result.session.credentials)
    _last = result


def _allow(forecast: Forecast, result: Sweep, budget_usd: float | None, max_calls: int | None) -> None:
    """Say what it will take; above a limit ask, or raise where nobody can answer."""
    trouble = forecast.over(budget_usd, max_calls)
    assert result.watcher is not None  # noqa: S101  # _prepare has put one there
    result.watcher.announce(str(forecast))
    if trouble is None:
        return
    if not _somebody_there(result.session):
        raise ConfigError(trouble)
    if input(f"{trouble}. Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ConfigError(f"nothing was sent; {trouble}")


def _somebody_there(session: Session) -> bool:
    """In front of a notebook or an interactive terminal; not in a script or a run of a whole notebook."""
    mode = frontend.mode_for(session.credentials.setting("DISPLAY"))
    return mode == "live" or (mode == "text" and frontend.is_terminal())


def _replay(replay: str | None, session: Session) -> str:
    if replay not in (None, "use", "off", "only"):
        raise PromptError(f"replay is use, off or only, not {replay!r}")
    return replay or ("only" if session.memory.mode == "only" else "use")


def _checks(check: Checks) -> dict[str, Callable[[Reply], Any]]:
    if check is None:
        return {}
    return dict(check) if isinstance(check, Mapping) else {getattr(check, "__name__", "check"): check}

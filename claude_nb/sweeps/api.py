"""sweep() and compare() as people call them: planned, forecast, asked about, run with everything to look at."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.providers import registry
from claude_nb.session import frontend
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.sweeps import files
from claude_nb.sweeps import plan as plans
from claude_nb.sweeps.sweep import How, Sweep
from claude_nb.sweeps.views.display import view_for
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
    view = view_for(session, show=show, columns=False)
    result = Sweep(plan, session=session, how=how, checks=_checks(check), observer=view)
    return _run(result, budget_usd, max_calls)


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
    return _run(Sweep(plan, session=session, how=how, observer=view_for(session, show=show, columns=True)))


def load_sweep(path: str | os.PathLike[str]) -> Sweep:
    """Read what Sweep.save() wrote. Checks are functions and are not in the file: add them with .check(function)."""
    saved = files.read(path)
    result = Sweep(saved.plan, name=saved.id)
    result.put(saved.replies)
    return result


def last_sweep() -> Sweep:
    """The newest sweep of this kernel, finished or not: last_sweep().resume() goes on where it was stopped."""
    if _newest is None:
        raise ConfigError("there was no sweep yet; begin with claude_nb.sweep(prompt, temperature=[0, 1])")
    return _newest


def newest() -> Sweep | None:
    """Return the newest sweep of this kernel; None before the first one."""
    return _newest


_newest: Sweep | None = None


def _run(sweep: Sweep, budget_usd: float | None = None, max_calls: int | None = None) -> Sweep:
    """Run a sweep after the checks that cost nothing: is there a key for every server, is it within the limits?"""
    global _newest  # noqa: PLW0603  # last_sweep() finds it, also after an interrupt
    if sweep.how.executor is None and sweep.how.replay != "only":
        for request in {(r.provider, r.base_url): r for r in sweep.plan.requests}.values():
            registry.key_for(request, sweep.session.credentials)
    _newest = sweep
    forecast = sweep.forecast()
    sweep.observer.announce(str(forecast))
    _allow(forecast.over(budget_usd, max_calls), sweep.session)
    return sweep.resume()


def _allow(excess: str | None, session: Session) -> None:
    """Ask the user when a sweep is over a limit; raise ConfigError where nobody can answer."""
    if excess is None:
        return
    if not _somebody_there(session):
        raise ConfigError(excess)
    if input(f"{excess}. Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ConfigError(f"nothing was sent; {excess}")


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

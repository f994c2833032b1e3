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
    """Send a prompt n times for each combination of settings.

    A combination that a model rejects is not sent; it is kept as locked, with the reason. A call that fails becomes a
    row with its error.

    Args:
        prompt: A text, or a list of texts.
        n: Number of replies for each combination.
        mode: "grid" for every combination; "zip" for the first of each list, then the second of each, and so on.
        check: A function that takes a Reply and returns whether it passes, or several such functions by name. Each
            adds a column, and a pass rate with its interval.
        variables: More {{name}} values, the same for all combinations.
        concurrency: The highest number of calls at the same time. There are fewer while the server rejects calls.
        budget_usd: US dollars. A sweep that could cost more asks first, and raises ConfigError in a script. None: 1.00.
        max_calls: The same limit for the number of calls. None: 1000.
        replay: "use" takes replies from the history, "off" sends every request, "only" sends none. None: "use".
        executor: A concurrent.futures.Executor that runs the calls, or None for threads. Each worker finds its own key.
        timeout: Seconds that a call may take, or None for the default.
        allow_http: Whether a key may be sent to an address that does not use https.
        show: Whether to show the forecast, the progress and the grid.
        session: The session that sends the calls, or None for the shared one.
        **settings: Options of ask(), and {{name}} values. A list is varied; a tuple is one value.

    Returns:
        All replies, as a table and a grid.

    Raises:
        PromptError, ConfigError: If a setting is wrong, a key is missing or a limit is exceeded.
        Interrupted: If the user stops it. last_sweep().resume() continues.

    Example:
        >>> result = sweep("Once upon a time", temperature=[0, 0.7, 1], top_p=[0.9, 1], n=10)   # doctest: +SKIP
        >>> sweep("Explain {{topic}}", topic=["tides", "bees"], model=["sonnet", "demo"])        # doctest: +SKIP
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
    """Send a prompt to several models or settings, and show the replies side by side.

    Args:
        settings: For each column, the name of a model or a dict of options of ask().
        prompt: The text to send.
        replay: "use" takes replies from the history, "off" sends every request, "only" sends none. None: "use".
        show: Whether to show the columns while the replies arrive.
        session: The session that sends the calls, or None for the shared one.
        **shared: Options of all columns.

    Returns:
        A Sweep with one reply for each column.

    Raises:
        PromptError, ConfigError: If a setting is wrong, a key is missing or a limit is exceeded.
        Interrupted: If the user stops it.

    Example:
        >>> compare(["sonnet", "demo"], "Why is the sky blue?")                                 # doctest: +SKIP
        >>> compare([{"temperature": 0}, {"temperature": 1}], "Once upon a time", seed=1)       # doctest: +SKIP
    """
    session = session or default_session()
    columns = [{"model": one} if isinstance(one, str) else dict(one) for one in settings]
    plan = plans.columns(session, prompt, columns, shared)
    how = How(max(1, len(columns)), _replay(replay, session))
    return _run(Sweep(plan, session=session, how=how, observer=view_for(session, show=show, columns=True)))


def load_sweep(path: str | os.PathLike[str]) -> Sweep:
    """Read a sweep from a file that Sweep.save() wrote.

    Checks are functions, so they are not in the file. Add them again with .check(function).

    Args:
        path: The file.

    Returns:
        The sweep with all its replies: `load_sweep("colours.jsonl").summary()`.

    Raises:
        ConfigError: If the file cannot be read, or is not a saved sweep.
    """
    saved = files.read(path)
    result = Sweep(saved.plan, name=saved.id)
    result.put(saved.replies)
    return result


def last_sweep() -> Sweep:
    """Return the newest sweep of this kernel, finished or not.

    Raises:
        ConfigError: If there was none yet.

    Example:
        >>> last_sweep().resume()  # doctest: +SKIP
    """
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

"""The public functions: sweep(), compare(), load_sweep() and last_sweep()."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

from claude_nb.errors import ConfigError, PromptError
from claude_nb.guard import shown
from claude_nb.providers import headers, registry
from claude_nb.session import first_fetch, frontend
from claude_nb.session.call import usual_headers
from claude_nb.session.default import default_session
from claude_nb.session.options import number
from claude_nb.session.session import Session
from claude_nb.sweeps import files
from claude_nb.sweeps import plan as plans
from claude_nb.sweeps.metrics.checks import named
from claude_nb.sweeps.plan import Plan
from claude_nb.sweeps.requests import used_names, with_prompts
from claude_nb.sweeps.run_options import RunOptions, replay_mode
from claude_nb.sweeps.sweep import Sweep
from claude_nb.sweeps.views.display import view_for
from claude_nb.types.reply import Reply

S = TypeVar("S", bound=Sweep)
Checks = Callable[[Reply], Any] | Mapping[str, Callable[[Reply], Any]] | None


def sweep(  # noqa: PLR0913 - a public function: each parameter is named where it is used
    prompt: str | Sequence[str],
    *,
    n: int = 1,
    mode: str = "grid",
    check: Checks = None,
    variables: Mapping[str, Any] | None = None,
    concurrency: int = 8,
    budget_usd: float | None = None,
    max_calls: int | None = None,
    fresh: bool = False,
    replay: str | None = None,
    executor: Executor | None = None,
    timeout: float | None = None,
    allow_http: bool = False,
    batch: bool = False,
    show: bool = True,
    session: Session | None = None,
    **settings: Any,
) -> Sweep:
    """Send a prompt n times for each combination of settings.

    Args:
        prompt: A text, or a list of texts to vary.
        n: Number of replies for each combination, at least 1. Take 10 or more where replies vary.
        mode: "grid" for every combination; "zip" combines the first values of all lists, then the second values.
        check: A function that takes a Reply and returns whether it passes, or a dict of several. A check may also use
            assert. Each one becomes a column and a pass rate with its interval.
        variables: More values for `{{name}}`, the same in every combination. Names that it does not have are looked up
            in the calling code. `\\{{name}}` stays as it is, without the backslash.
        concurrency: Number of calls at once, at most. It falls while the server rejects calls.
        budget_usd: In US dollars. A sweep that may cost more asks first; in a script it raises. None: 1.00.
        max_calls: The same for the number of calls. None: 1000.
        fresh: True sends every request, also those that the history can answer.
        replay: "use" takes known replies from the history, "off" is the same as fresh=True, "only" sends nothing.
            None: "use".
        executor: A concurrent.futures.Executor that runs the calls. Each worker looks up its own API key. None: threads
            of this process.
        timeout: Longest wait without news from the server, in seconds. None: the setting of the session.
        allow_http: True allows unencrypted requests to another machine.
        batch: True sends all calls at once, at half the price, to be answered within a day (Anthropic, AI/ML API). It
            returns at once: resume() waits for the replies and fetches them, also in another kernel after this same
            call, which sends nothing twice. batches() asks for the state, cancel() ends it.
        show: False shows no forecast, no progress bar and no grid.
        session: The session that runs the calls. None: the one of %claude.
        **settings: Options of ask(), and values for `{{name}}`. A list is varied; a tuple is a single value.

    Returns:
        The sweep. A combination that the model rejects is locked and not sent. A failed call is a row with its error.

    Raises:
        PromptError: The prompt or an option is wrong; nothing was sent.
        ConfigError: A key is missing, or a limit is exceeded; nothing was sent.
        Interrupted: The sweep was stopped. last_sweep() holds the replies so far, and its resume() continues.

    Example:
        >>> result = sweep("Once upon a time", temperature=[0, 0.7, 1], top_p=[0.9, 1], n=10)  # doctest: +SKIP
        >>> sweep("Explain {{topic}}", topic=["tides", "bees"], model=["sonnet", "demo"])  # doctest: +SKIP
    """
    session = session or default_session()
    prompt = with_prompts(session, prompt, variables)
    if n != 1 and "n" in used_names(prompt, settings) and "n" not in (variables or {}):
        raise PromptError("n is the number of replies, so {{n}} cannot be filled from it; rename {{n}} in the prompt")
    call = {"timeout": timeout, "allow_http": allow_http, "headers": settings.pop("headers", ())}
    plan = plans.grid(session, prompt, settings, n=n, mode=mode, variables=variables)
    sending: dict[str, Any] = {"concurrency": concurrency, "executor": executor, "batch": batch}
    how = run_options(session, call, fresh=fresh, replay=replay, **sending)
    return launch(plan, session, how, check=check, show=show, budget_usd=budget_usd, max_calls=max_calls)


def run_options(
    session: Session,
    call: Mapping[str, Any],
    *,
    concurrency: int = 8,
    fresh: bool = False,
    replay: str | None = None,
    executor: Executor | None = None,
    batch: bool = False,
) -> RunOptions:
    """Return how the calls of a sweep run. call: timeout, allow_http and headers, as the user gave them.

    With batch, run() and launch() return a sweep whose replies are still to come; its resume() waits for them.
    """
    if batch and executor is not None:
        raise PromptError("a batch runs at the server; leave out executor, or leave out batch")
    own = headers.check(call.get("headers", ()))
    fields = {**call, "headers": (*usual_headers(session.settings), *((own,) if own else ()))}
    call_options = {name: value for name, value in fields.items() if value}
    at_once = int(number("concurrency", concurrency, whole=True))
    return RunOptions(at_once, replay_mode(session, replay, fresh=fresh), executor, call_options, bool(batch))


def launch(
    plan: Plan,
    session: Session,
    run_options: RunOptions,
    *,
    check: Checks = None,
    show: bool = True,
    budget_usd: float | None = None,
    max_calls: int | None = None,
) -> Sweep:
    """Run a plan, as sweep() does."""
    view = view_for(session, show=show, kind="grid")
    result = Sweep(plan, session=session, run_options=run_options, checks=named(check), observer=view)
    return run(result, budget_usd, max_calls)


def compare(
    settings: Sequence[str | Mapping[str, Any]],
    prompt: str,
    *,
    variables: Mapping[str, Any] | None = None,
    fresh: bool = False,
    replay: str | None = None,
    show: bool = True,
    session: Session | None = None,
    **shared: Any,
) -> Sweep:
    """Send a prompt to several models or settings, and compare the replies.

    Args:
        settings: For each column a model name, or a dict of options.
        prompt: The text to send.
        variables: As in sweep().
        fresh: As in sweep().
        replay: As in sweep().
        show: False shows nothing.
        session: The session that runs the calls. None: the one of %claude.
        **shared: Options of all columns.

    Returns:
        The sweep, with one case for each column.

    Raises:
        PromptError: The prompt or an option is wrong; nothing was sent.
        ConfigError: A key is missing, or a limit is exceeded; nothing was sent.
        Interrupted: The calls were stopped; see sweep().

    Example:
        >>> compare(["sonnet", "demo"], "Why is the sky blue?")  # doctest: +SKIP
        >>> compare([{"temperature": 0}, {"temperature": 1}], "Once upon a time", seed=1)  # doctest: +SKIP
    """
    session = session or default_session()
    prompt = with_prompts(session, prompt, variables)
    columns = [_column(column) for column in ([settings] if isinstance(settings, (str, Mapping)) else settings)]
    plan = plans.columns(session, prompt, columns, shared, variables=variables)
    run_options = RunOptions(max(1, len(columns)), replay_mode(session, replay, fresh=fresh))
    view = view_for(session, show=show, kind="columns")
    return run(Sweep(plan, session=session, run_options=run_options, observer=view))


def load_sweep(path: str | os.PathLike[str]) -> Sweep:
    """Read a sweep or an evaluation from a file that its save() wrote.

    The file does not hold the checks, because they are functions. Add them with `.check(function)`.

    Args:
        path: A JSON lines or Parquet file.

    Returns:
        The sweep with its replies; an Evaluation, with its grades, if the file holds one.

    Raises:
        ConfigError: The file cannot be read, or is not a saved sweep.

    Example:
        >>> load_sweep("bees.jsonl").summary()  # doctest: +SKIP
    """
    from claude_nb.sweeps.evaluation.evaluation import restored  # which is built on this module
    from claude_nb.sweeps.evaluation.files import KIND, loaded

    saved = files.read(path, {KIND: loaded})
    if not isinstance(saved, files.Saved):
        return restored(saved)
    result = Sweep(saved.plan, name=saved.id, run_options=RunOptions(batch=saved.batch))
    result.put(saved.replies)
    return result


def last_sweep() -> Sweep:
    """Return the newest sweep of this kernel, finished or not.

    Raises:
        ConfigError: There was no sweep yet.

    Example:
        >>> last_sweep().resume()  # doctest: +SKIP
    """
    if _newest is None:
        raise ConfigError("there was no sweep yet; start with claude_nb.sweep(prompt, temperature=[0, 1])")
    return _newest


def newest() -> Sweep | None:
    """Return the newest sweep of this kernel; None before the first one."""
    return _newest


_newest: Sweep | None = None


def run(sweep: S, budget_usd: float | None = None, max_calls: int | None = None) -> S:
    """Run a sweep after the checks that cost nothing: is there a key for every server, is it within the limits?"""
    global _newest  # noqa: PLW0603  # last_sweep() finds it, also after an interrupt
    check_keys(sweep)
    _newest = sweep
    forecast = sweep.forecast()
    for line in (*sweep.plan.notices, str(forecast)):
        sweep.observer.announce(line)
    _allow(forecast.over(budget_usd, max_calls), sweep.session)
    if sweep.run_options.sends_batches:
        sweep.resume(wait=False)
    else:
        sweep.resume()
    return sweep


def check_keys(sweep: Sweep) -> None:
    """Raise ConfigError if a key is missing. On an executor, each worker looks up its own."""
    if sweep.run_options.executor is None and sweep.run_options.replay != "only":
        for request in {(r.provider, r.base_url): r for r in sweep.plan.requests}.values():
            first_fetch.settle(request)
            registry.key_for(request, sweep.session.credentials)
            registry.admit_keys(request, sweep.session.credentials, sweep.run_options.call_options.get("headers", ()))


def _allow(excess: str | None, session: Session) -> None:
    """Ask the user when a sweep is over a limit; raise ConfigError where nobody can answer."""
    if excess is None:
        return
    answer = frontend.typed(f"{excess}. Go on? [y/N] ") if _somebody_there(session) else None
    if answer is None:
        raise ConfigError(excess)
    if answer not in ("y", "yes"):
        raise ConfigError(f"nothing was sent; {excess}")


def _somebody_there(session: Session) -> bool:
    """Return whether a person can answer: in a notebook or a terminal, but not in a script or a run of all cells."""
    mode = frontend.mode_for(session.credentials.setting("DISPLAY"))
    return mode == "live" or (mode == "text" and frontend.is_terminal())


def _column(column: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(column, str):
        return {"model": column}
    if isinstance(column, Mapping) and all(isinstance(name, str) for name in column):
        return dict(column)
    raise PromptError(f"a column is a model or a dict of options, such as {{'seed': 1}}, not {shown(column)}")

"""map(): one prompt for each row of a table, and the replies in the shape of the table."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from claude_nb.errors import Interrupted, PromptError
from claude_nb.guard import is_a, shown
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.sweeps import api
from claude_nb.sweeps import rows as table_rows
from claude_nb.sweeps.axes import not_sent
from claude_nb.sweeps.plan import ROW, Case, Plan, planned
from claude_nb.sweeps.requests import used_names, with_prompts
from claude_nb.sweeps.rows import Rows
from claude_nb.sweeps.sweep import Sweep
from claude_nb.sweeps.views.display import view_for
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request


def map(  # noqa: A001, PLR0913 - the field's word; a public function: each parameter is named where it is used
    prompt: str,
    data: Any,
    *,
    variables: Mapping[str, Any] | None = None,
    concurrency: int = 8,
    budget_usd: float | None = None,
    max_calls: int | None = None,
    fresh: bool = False,
    replay: str | None = None,
    executor: Executor | None = None,
    timeout: float | None = None,
    allow_http: bool = False,
    show: bool = True,
    session: Session | None = None,
    **options: Any,
) -> Any:
    """Send a prompt for each row of a table, several at once.

    Rows that the history has answered are not sent again, so the same call continues after a stop.

    Args:
        prompt: The text to send. `{{name}}` is replaced by the value of that column in each row.
        data: A DataFrame or a Series of pandas or polars, a list of texts, or any table that evaluate() takes, such as
            the path of a .csv file. The items of a Series or a list fill the only `{{name}}` of the prompt. If it has
            several, they fill `{{text}}`.
        variables: More values for `{{name}}`, the same in every row. Columns come first; other names are looked up in
            the calling code.
        concurrency: As in sweep().
        budget_usd: As in sweep().
        max_calls: As in sweep().
        fresh: As in sweep().
        replay: As in sweep().
        executor: As in sweep().
        timeout: As in sweep().
        allow_http: As in sweep().
        show: False shows no forecast and no progress bar.
        session: The session that runs the calls. None: the one of %claude.
        **options: Options of ask(), the same in every row; their texts may contain `{{name}}`.

    Returns:
        A Reply for each row: as a Series with the index of *data* for pandas, as a Series for polars, else as a list.
        With `json`, the value of each answer. A row that failed has its Reply instead, and `reply.error` says why. So
        has a row in which a value is missing; it is not sent.

    Raises:
        PromptError: The prompt, the data or an option is wrong; nothing was sent.
        ConfigError: A key is missing, or a limit is exceeded; nothing was sent.
        Interrupted: The calls were stopped. The same call continues.

    Example:
        >>> df["summary"] = map("Summarise: {{text}}", df).map(str)  # doctest: +SKIP
        >>> df["stars"] = map("How many stars? {{review}}", df, json=int, concurrency=16)  # doctest: +SKIP
    """
    if not is_a(prompt, str):
        raise PromptError(f"a prompt is a text, not {shown(prompt)}")
    session = session or default_session()
    call = {"timeout": timeout, "allow_http": allow_http, "headers": options.pop("headers", ())}
    how = api.run_options(session, call, concurrency=concurrency, fresh=fresh, replay=replay, executor=executor)
    prompt = with_prompts(session, prompt, variables)
    rows = table_rows.read(data, used_names(prompt, options))
    if not rows.values:
        return rows.shaped([])
    plan = _plan(session, {"prompt": prompt, **options}, rows, variables)
    try:
        view = view_for(session, show=show, kind="rows")
        sweep = api.run(Sweep(plan, session=session, run_options=how, observer=view), budget_usd, max_calls)
    except Interrupted as error:
        if session.store is None:
            raise
        done = f"stopped after {len(api.last_sweep()):,} of {len(rows.values):,} rows"
        raise Interrupted(f"{done}, which are in the history; run the same map() again to continue") from error
    replies = [reply or _unsent(sweep, i, prompt) for i, reply in enumerate(_in_order(sweep))]
    if failed := [reply for reply in replies if reply.error]:
        sweep.observer.announce(f"{len(failed):,} of {len(replies):,} rows have an error: {failed[0].error}")
    return rows.shaped([_value(reply) for reply in replies])


def _plan(session: Session, fixed: Mapping[str, Any], rows: Rows, variables: Mapping[str, Any] | None) -> Plan:
    """Return a case for each row. Raises PromptError if every row that has its values is wrong."""
    cases = [Case({}, (i,), locked=not_sent(values), row=values) for i, values in enumerate(rows.values)]
    axes = {ROW: tuple(rows.labels)}
    if all(case.locked for case in cases):
        return Plan(axes, tuple(cases), 1, noun=ROW)
    return replace(planned(session, fixed, cases, axes, variables=variables), noun=ROW)


def _in_order(sweep: Sweep) -> list[Reply | None]:
    """Return the reply of each row; None for a row that was not sent."""
    replies = {i: reply for i, _, reply in sweep.numbered()}
    return [replies.get(i) for i in range(len(sweep.cases))]


def _unsent(sweep: Sweep, i: int, prompt: str) -> Reply:
    """Return the reply of a row that was not sent."""
    case = sweep.cases[i]
    if case.requests:
        return Reply(case.requests[0], stop_reason="error", error=f"not sent: {sweep.hopeless}")
    template = (Message("user", prompt),)
    like = next(iter(sweep.plan.requests), Request("", "", template))
    return Reply(replace(like, messages=template), stop_reason="error", error=case.locked)


def _value(reply: Reply) -> Any:
    """Return the structured answer of a reply; the reply itself if it has none that is valid."""
    return reply if reply.broke_off or reply.request.answer is None or reply.problem else reply.data

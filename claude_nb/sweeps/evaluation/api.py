"""evaluate(): prompts over the rows of a table, graded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.sweeps import api
from claude_nb.sweeps.evaluation import choice, judging, table
from claude_nb.sweeps.evaluation import rows as row_reader
from claude_nb.sweeps.evaluation.evaluation import Evaluation
from claude_nb.sweeps.evaluation.grader import Grader
from claude_nb.sweeps.run_options import RunOptions
from claude_nb.sweeps.views.display import view_for


def evaluate(  # noqa: PLR0913 - a public function: each parameter is named where it is used
    prompts: str | Sequence[str] | Mapping[str, str],
    rows: Any,
    *,
    expect: str | Callable[[dict[str, Any]], Any] | Any = None,
    graders: Any = None,
    n: int = 1,
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
) -> Evaluation:
    """Send prompts for every row of a table, and grade the replies.

    Args:
        prompts: A text, several texts, or a dict of named texts. `{{column}}` is filled from the row, and
            `{{row["any name"]}}` from a column whose name is not an identifier. Other names: as in sweep().
        rows: A DataFrame, a list of dicts, a dict of columns or the path of a .csv file, at most 100,000 rows.
        expect: What is right: a column, a function of the row (a dict), or a value for all rows. None: nothing.
        graders: A grader, a function of the reply, the name of a grader such as "contains", a list of them, or a dict
            by name. See claude_nb.graders. A function may also take what is expected, and the row. It returns whether
            the reply passes, or a score; or one of them with a reason. None: "exact".
        n: Number of replies for each row and variant. They count as one row in every comparison.
        variables: As in sweep().
        concurrency: Number of calls at once, at most.
        budget_usd: As in sweep(), for the replies and the judges together.
        max_calls: As in sweep(), for the replies and the judges together.
        fresh: As in sweep().
        replay: As in sweep().
        executor: As in sweep().
        timeout: Longest wait without news from the server, in seconds. None: the setting of the session.
        allow_http: True allows unencrypted requests to another machine.
        batch: As in sweep(). Judges are asked at the usual price, when resume() has fetched the replies.
        show: False shows no forecast and no progress bar.
        session: The session that runs the calls. None: the one of %claude.
        **settings: Options of ask(). A list, such as model=["haiku", "sonnet"], makes more variants.

    Returns:
        The evaluation. A failed call is a cell with its error.

    Raises:
        PromptError: A prompt, the table, a grader or an option is wrong; nothing was sent.
        ConfigError: A key is missing, or a limit is exceeded; nothing was sent.
        Interrupted: The calls were stopped. last_sweep() holds the replies so far, and its resume() continues.

    Example:
        >>> result = evaluate(["Classify: {{text}}", "Which team? {{text}}"], df, expect="team")  # doctest: +SKIP
        >>> result.summary()  # doctest: +SKIP
        >>> result.flips(0, 1)  # doctest: +SKIP
    """
    session = session or default_session()
    known = choice.chosen(graders, has_expected=expect is not None)
    call = {"timeout": timeout, "allow_http": allow_http, "headers": settings.pop("headers", ())}
    laid_out = table.laid_out(session, prompts, row_reader.read(rows), expect, settings, n=n, variables=variables)
    sending: dict[str, Any] = {"concurrency": concurrency, "executor": executor, "batch": batch}
    options = api.run_options(session, call, fresh=fresh, replay=replay, **sending)
    return api.run(prepared(session, laid_out, known, options, show=show), budget_usd, max_calls)


def prepared(
    session: Session,
    laid_out: table.EvaluationTable,
    graders: Mapping[str, Grader],
    options: RunOptions,
    *,
    show: bool,
) -> Evaluation:
    """Return an evaluation that has sent nothing yet. Raises PromptError or ConfigError for its judges."""
    view = view_for(session, show=show, kind="table")
    result = Evaluation(laid_out, graders, session=session, run_options=options, observer=view)
    judging.check(result)
    for sweep in judging.ahead(result):
        api.check_keys(sweep)
    return result

"""`%%claude --rows df --expect label`: send the prompt for each row of a table, and grade the replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from IPython.display import display

from claude_nb.errors import PromptError
from claude_nb.guard import attempt, is_a
from claude_nb.notebook.sweep_cell import LIMITS, read_spec, run_options_of, stored_sweep
from claude_nb.prompting import template
from claude_nb.render.chars import write_out
from claude_nb.session.session import Session
from claude_nb.sweeps import api as sweeps
from claude_nb.sweeps.evaluation import choice, graders, rows
from claude_nb.sweeps.evaluation.api import prepared
from claude_nb.sweeps.evaluation.table import laid_out


def evaluation_cell(
    session: Session,
    prompt: str,
    settings: Mapping[str, Any],
    flags: Mapping[str, Any],
    *,
    variables: Mapping[str, Any],
    store: dict[str, Any],
) -> None:
    """Run the evaluation of a cell and store it in the variable that -o names, also if it is stopped.

    variables  what {{name}} may name; store: the variables of the notebook
    """
    if flags.get("chat"):
        raise PromptError("an evaluation is not a conversation; leave -c out")
    spec = read_spec(flags["sweep"], variables) if "sweep" in flags else {}
    limits = {name: spec.pop(name) for name in LIMITS if name in spec}
    if "mode" in limits:
        raise PromptError("--rows combines every row with every setting; leave mode out")
    table = rows.read(_object(flags["rows"], variables))
    names = [name.strip() for name in flags["grade"].split(",")] if "grade" in flags else []
    expect = _expected(flags.get("expect"), table, variables)
    known = choice.chosen({name: _grader(name, variables) for name in names} or None, has_expected=expect is not None)
    n, at_once = limits.pop("n", 1), limits.pop("concurrency", 8)
    plan = laid_out(session, prompt, table, expect, {**settings, **spec}, n=n, variables=variables)
    run_options = run_options_of(session, flags, at_once)
    result = prepared(session, plan, known, run_options, show=not flags.get("quiet"))
    if flags.get("dry_run"):
        write_out(f"{result.forecast()}\n")
        return
    with stored_sweep(store, flags["out"]):
        sweeps.run(result, **limits)
    if not flags.get("quiet"):
        display(result)


def _object(text: str, variables: Mapping[str, Any]) -> Any:
    """Return the table that --rows names: a variable, or the path of a file."""
    field = text if text.startswith("{{") else f"{{{{{text}}}}}"
    found = attempt(template.named, text, field, variables)
    return text if is_a(found, str) and found == field else found


def _expected(text: str | None, table: rows.Rows, variables: Mapping[str, Any]) -> Any:
    """Return what --expect names: a column, a function of the notebook, or a text for all rows."""
    found = variables.get(text) if text is not None and text not in table.columns else None
    return found if callable(found) else text


def _grader(name: str, variables: Mapping[str, Any]) -> Any:
    """Return the grader that --grade names: a variable of the notebook, or one of claude_nb.graders."""
    if name in graders.ALL or name not in variables:
        return name
    return variables[name]

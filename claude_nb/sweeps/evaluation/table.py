"""The plan of an evaluation: every row of a table with every variant of the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import product
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import guarded, is_a, plain, shown
from claude_nb.session.named_prompts import PromptVersion
from claude_nb.session.session import Session
from claude_nb.sweeps.axes import not_sent, values_of
from claude_nb.sweeps.evaluation.rows import Row, Rows
from claude_nb.sweeps.labels import labels
from claude_nb.sweeps.plan import ROW, Case, Plan, planned
from claude_nb.sweeps.requests import used_names, with_prompts

PROMPT = "prompt"


@dataclass(frozen=True)
class EvaluationTable:
    """Questions of an evaluation: rows, variants and expectations.

    rows      the values of each row by column
    variants  the name of each variant: ["short", "long"]
    expected  what is right, for each row; None where nothing is
    plan      a case for each row and variant, row by row
    prompts   the texts of the prompts, before {{name}} is filled; () for one that was read from a file
    """

    rows: Sequence[Row]
    variants: tuple[str, ...]
    expected: tuple[Any, ...]
    plan: Plan
    prompts: tuple[str, ...] = ()


def laid_out(  # the arguments of evaluate() that decide what is sent
    session: Session,
    prompts: Any,
    rows: Rows,
    expect: Any,
    settings: Mapping[str, Any],
    *,
    n: int = 1,
    variables: Mapping[str, Any] | None = None,
) -> EvaluationTable:
    """Return the rows and variants with their requests. Raises PromptError."""
    names, texts = _prompts(prompts)
    texts = tuple(with_prompts(session, text, variables) for text in texts)
    if ROW in settings:
        raise PromptError("row is the row of the table, so it cannot be a setting; choose another name")
    fixed: dict[str, Any] = {}
    axes: dict[str, tuple[Any, ...]] = {PROMPT: texts} if len(texts) > 1 else {}
    fixed |= {} if axes else {PROMPT: texts[0]}
    for name, value in settings.items():
        values = values_of(name, value)
        if values is None:
            fixed[name] = value
        else:
            axes[name] = values
    used = used_names(list(texts), settings)
    _check_columns(rows, used, expect)
    places = [*product(*(range(len(values)) for values in axes.values()))]
    variants = _variant_names(names, axes, places)
    cases = [
        replace(case, at=(i, *at), values={ROW: i, **{name: axes[name][k] for name, k in zip(axes, at, strict=True)}})
        for i, case in enumerate(_case(row, used) for row in rows)
        for at in places
    ]
    plan = planned(session, fixed, cases, {ROW: tuple(range(len(rows))), **axes}, n=n, variables=variables)
    notes = (*rows.notices, _constant_note(expect, rows))
    plan = replace(plan, notices=(*filter(None, notes), *plan.notices), noun="cell")
    return EvaluationTable(list(rows), variants, tuple(expectations(expect, rows)), plan, texts)


def expectations(expect: Any, rows: Rows) -> list[Any]:
    """Return what is right for each row: the value of a column, of a function of the row, or a constant."""
    if is_a(expect, str) and plain(expect) in rows.columns:
        return [row[plain(expect)] for row in rows]
    if callable(expect):
        return [guarded("mend the function expect", expect, dict(row)) for row in rows]
    return [expect] * len(rows)


def _prompts(prompts: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names and the texts of prompts. Raises PromptError."""
    if is_a(prompts, str):
        return (_version(prompts) or "",), (plain(prompts),)
    if is_a(prompts, Mapping):
        texts, names = tuple(prompts.values()), tuple(map(str, prompts))
    else:
        texts = tuple(values_of(PROMPT, prompts) or (tuple(prompts) if is_a(prompts, tuple) else ()))
        names = tuple(_version(text) or f"prompt {i}" for i, text in enumerate(texts, 1))
    if wrong := [text for text in texts if not is_a(text, str)]:
        raise PromptError(f"a prompt is a text, not {shown(wrong[0])}")
    if not texts:
        raise PromptError(
            f"there is no prompt in {shown(prompts)}; pass a text, several texts or a dict of named texts"
        )
    return names, tuple(map(plain, texts))


def _version(prompt: Any) -> str:
    """Return the name of a prompt that the history keeps: "triage 2"; "" for any other text."""
    return f"{prompt.name} {prompt.number}" if is_a(prompt, PromptVersion) and hasattr(prompt, "id") else ""


def _variant_names(
    names: Sequence[str], axes: Mapping[str, Sequence[Any]], places: Sequence[tuple[int, ...]]
) -> tuple[str, ...]:
    shown_as = {name: list(names) if name == PROMPT else labels(name, values) for name, values in axes.items()}

    def part(name: str, i: int) -> str:
        return shown_as[name][i] if name in (PROMPT, "model") else f"{name} {shown_as[name][i]}"

    titles = [
        ", ".join(part(name, i) for name, i in zip(axes, at, strict=True) if len(axes[name]) > 1) for at in places
    ]
    return tuple(title or names[0] or "the prompt" for title in titles)


def _check_columns(rows: Rows, used: set[str], expect: Any) -> None:
    """Raise PromptError when no column is used, when a used one is unclear, or when expect is nearly one."""
    name = plain(expect) if is_a(expect, str) else ""
    rows.check(rows.columns if ROW in used else {*used, name})
    if not used.intersection({*rows.columns, ROW}):
        example = next((column for column in rows.columns if column.isidentifier()), None)
        advice = f"write {{{{{example}}}}} into it" if example else 'write {{row["name"]}} into it'
        raise PromptError(f"no prompt uses a column of the table ({', '.join(rows.columns)[:200]}); {advice}")
    if name and name not in rows.columns and (near := get_close_matches(name, rows.columns, n=1, cutoff=0.7)):
        advice = f"for this text in all rows write expect=lambda row: {name!r}"
        raise PromptError(f"no column is named {name!r}; did you mean {near[0]!r}? If not, {advice}")


def _constant_note(expect: Any, rows: Rows) -> str:
    is_constant = is_a(expect, str) and plain(expect) not in rows.columns
    return f"no column is named {shown(expect)}, so this text is expected in every row" if is_constant else ""


def _case(row: Row, used: set[str]) -> Case:
    """Return the case of a row: {{name}} may name a column, or the row, for names that no template can hold."""
    locked = not_sent({name: value for name, value in row.items() if name in used})
    return Case({}, locked=locked, row={ROW: row, **row})

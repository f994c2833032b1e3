"""The calls of judges: a sweep over the replies that wait for a verdict, and how well each judge agrees with people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from claude_nb.errors import PromptError
from claude_nb.render.chars import counted
from claude_nb.sweeps.evaluation.cells import Cell, not_graded
from claude_nb.sweeps.evaluation.graders import as_text
from claude_nb.sweeps.evaluation.judge import SYSTEM, Judge
from claude_nb.sweeps.evaluation.results import EvaluationResults, Place
from claude_nb.sweeps.metrics import pairs
from claude_nb.sweeps.metrics.grades import Grade
from claude_nb.sweeps.plan import Case, Plan
from claude_nb.sweeps.requests import RequestMaker
from claude_nb.sweeps.sweep import Sweep
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

GOOD_KAPPA = 0.6  # "substantial" in Landis and Koch 1977
LONGEST_REPLY = 20_000  # characters of a reply that is not there yet


class Ask(NamedTuple):
    """A prompt of a judge about one cell. order: 1 if the reply stands first of two, else 0."""

    place: Place
    order: int
    prompt: str


def judges(result: EvaluationResults) -> dict[str, Judge]:
    """Return the graders of an evaluation that are judges, by name."""
    return {name: grader for name, grader in result.graders.items() if isinstance(grader, Judge)}


def judge_all(result: EvaluationResults) -> None:
    """Ask the judges about every reply that has no verdict of theirs. Raises Interrupted; what came stays."""
    for name, judge in judges(result).items():
        asks = [*_asks(result, judge, name)]
        if not asks:
            continue
        sweep = _sweep(result, judge, asks)
        votes = result.votes.setdefault(name, {})
        sweep.put({place: votes[key] for place, key in _keys(sweep) if key in votes})
        try:
            sweep.resume()
        finally:
            votes |= {key: reply for place, key in _keys(sweep) if (reply := sweep.reply(place)) and not reply.error}
            _grade(result, judge, name, asks, sweep)
            result.notes[name] = note(result, judge, name)


def ahead(result: EvaluationResults) -> list[Sweep]:
    """Return what each judge may be asked, with the longest replies that it may get."""
    asked = ((judge, [*_asks(result, judge, name, ahead=True)]) for name, judge in judges(result).items())
    return [_sweep(result, judge, asks) for judge, asks in asked if asks]


def check(result: EvaluationResults) -> None:
    """Raise PromptError for a judge with nothing to compare, and for labels that are missing or not verdicts."""
    for name, judge in judges(result).items():
        if judge.pairwise and len(result.variants) == 1:
            raise PromptError(f"{name!r} compares two replies, but there is one variant; pass two prompts")
        for variant, column in _columns(result, judge).items():
            result.variant(variant)
            if column not in result.table.rows[0]:
                known = ", ".join(result.table.rows[0])
                raise PromptError(f"no column is named {column!r} for the labels of {name!r}; there is {known[:200]}")
            for i, row in enumerate(result.table.rows, 1):
                if row[column] is not None and judge.label(row[column]) is None:
                    kind = f"a number on the scale {judge.scale}" if judge.scale else "yes or no"
                    raise PromptError(f"the label {as_text(row[column])[:60]!r} in row {i} of {column!r} is not {kind}")


def agreement(result: EvaluationResults, judge: Judge, name: str) -> pairs.Agreement:
    """Return how well a judge agrees with the labels of a person."""
    ours, theirs = [], []
    for variant, column in _columns(result, judge).items():
        for row in range(len(result.table.rows)):
            cell = result.cell(row, variant)
            label = None if cell.values[column] is None else judge.label(cell.values[column])
            grade = cell.grades.get(name)
            verdict = None if grade is None else grade.score if judge.scale else grade.passed
            if label is not None and verdict is not None:
                ours.append(float(round(verdict)))
                theirs.append(label)
    return pairs.agreement(ours, theirs, weighted=judge.scale is not None)


def note(result: EvaluationResults, judge: Judge, name: str) -> str:
    """Return what is known about a judge: its agreement with people, or its preference for a place."""
    if judge.pairwise:
        return _preference(result, name)
    if not judge.labels:
        return "nobody checked this judge; give it labels, a column with the verdicts of a person"
    found = agreement(result, judge, name)
    if not found.n:
        return "nobody checked this judge: no reply with a verdict has a label of a person"
    said = f"agrees with {counted(found.n, 'label')} of a person in {found.agreed:.0%}"
    if found.kappa is None or found.interval is None:
        return f"{said}; all verdicts are the same, so this may be chance"
    low, high = found.interval
    kind = "weighted kappa" if judge.scale else "kappa"
    weak = "; do not rely on it" if low < GOOD_KAPPA else ""
    return f"{said} ({kind} {found.kappa:.2f}, 95 % interval {low:.2f} to {high:.2f}){weak}"


def cost_usd(result: EvaluationResults, name: str) -> float | None:
    """Return what the calls of a judge cost in US dollars; None if unknown."""
    return total_usd(costs[name] for costs in result.judge_usd.values() if name in costs)


def total_usd(costs: Iterable[float | None]) -> float | None:
    """Return a sum of US dollars; None if a part is unknown."""
    known = [*costs]
    return None if None in known else sum(cost or 0.0 for cost in known)


def _columns(result: EvaluationResults, judge: Judge) -> Mapping[str, str]:
    if not judge.labels:
        return {}
    return {result.variants[0]: judge.labels} if isinstance(judge.labels, str) else judge.labels


def _asks(result: EvaluationResults, judge: Judge, name: str, *, ahead: bool = False) -> Iterator[Ask]:
    """Yield what a judge is asked. ahead: also about replies that are not there yet."""
    for case in range(len(result.cases)):
        for repeat in range(result.n):
            row, variant = divmod(case, len(result.variants))
            cell, base = result.cell(row, variant, repeat), result.cell(row, 0, repeat)
            known = cell.grades.get(name)
            has_verdict = known is not None and not known.error
            if has_verdict or (judge.pairwise and variant == 0):
                continue
            replies = [_text(each, ahead=ahead) for each in ((base, cell) if judge.pairwise else (cell,))]
            texts = [text for text in replies if text is not None]
            if len(texts) < len(replies):
                continue
            expected = None if cell.expected is None else as_text(cell.expected)
            for order in range(len(texts)):
                ordered = texts[::-1] if order else texts
                yield Ask((case, repeat), order, judge.prompt(cell.prompt, expected, *ordered))


def _text(cell: Cell, *, ahead: bool) -> str | None:
    """Return the text of a reply; a long one in place of one that is not there yet; None if it is not judged."""
    if cell.reply is None or cell.reply.error:
        most = (cell.request and cell.request.sampling.max_tokens) or LONGEST_REPLY
        return "x" * min(most, LONGEST_REPLY) if ahead and cell.request else None
    return None if not_graded(cell.reply) else cell.reply.text


def _sweep(result: EvaluationResults, judge: Judge, asks: list[Ask]) -> Sweep:
    """Return the sweep of a judge: a case for each prompt, and a repeat for each vote. Raises PromptError."""
    fixed = {"prompt": "{{asked}}", "system": SYSTEM, "json": judge.schema, **judge.options}
    maker = RequestMaker(result.session, fixed, {})
    cases = []
    for i, ask in enumerate(asks):
        target = {} if judge.options.keys() & {"model", "provider", "base_url"} else _target(result, ask)
        try:
            cases.append(Case({}, (i,), maker.make(target, judge.votes, {"asked": ask.prompt})))
        except PromptError as error:
            cases.append(Case({}, (i,), locked=str(error)))
    if all(case.locked for case in cases):
        raise PromptError(f"the judge cannot be asked: {cases[0].locked}")
    plan = Plan({"asked": tuple(range(len(asks)))}, tuple(cases), judge.votes, noun="question")
    at_once = replace(result.run_options, batch=False)
    return Sweep(plan, session=result.session, run_options=at_once, observer=result.observer.of_judges())


def _target(result: EvaluationResults, ask: Ask) -> dict[str, str | None]:
    request = result.cases[ask.place[0]].requests[0]
    return {"provider": request.provider, "model": request.model, "base_url": request.base_url}


def _keys(sweep: Sweep) -> Iterator[tuple[Place, tuple[str, int]]]:
    """Yield the place of each vote, and what identifies it in another sweep."""
    for i, case in enumerate(sweep.cases):
        for repeat, request in enumerate(case.requests):
            yield (i, repeat), _key(request)


def _key(request: Request) -> tuple[str, int]:
    return request.key, request.repeat


def _grade(result: EvaluationResults, judge: Judge, name: str, asks: list[Ask], sweep: Sweep) -> None:
    """Give a grade to each reply about which all votes are there."""
    votes: dict[Place, dict[int, list[Reply]]] = {}
    for i, ask in enumerate(asks):
        case = sweep.cases[i]
        found = [reply for repeat in range(judge.votes) if (reply := sweep.reply((i, repeat)))]
        if case.locked:
            result.grades[ask.place][name] = Grade(error=f"the judge was not asked: {case.locked}")
        elif sweep.hopeless and not found:
            result.grades[ask.place][name] = Grade(error=f"the judge was not asked: {sweep.hopeless}")
        elif len(found) == judge.votes:
            votes.setdefault(ask.place, {})[ask.order] = found
    for place, orders in votes.items():
        costs = total_usd(reply.cost_usd for found in orders.values() for reply in found)
        result.judge_usd.setdefault(place, {})[name] = costs
        if not judge.pairwise:
            result.grades[place][name] = judge.grade_of(orders[0])
        elif len(orders) == 2:
            result.grades[place][name] = judge.grade_of_pair(orders[0], orders[1])
            base = (place[0] - place[0] % len(result.variants), place[1])
            result.grades[base][name] = Grade(score=0.5, reason="the others are compared with this reply")


def _preference(result: EvaluationResults, name: str) -> str:
    """Return how often a judge chose by the place of a reply."""
    reasons = [cell.grades[name].reason for cell in result.cells() if cell.variant and name in cell.grades]
    total = len(reasons)
    for place in ("first", "second"):
        count = sum(f"prefers the {place} reply in both orders" in reason for reason in reasons)
        if total and count / total > 0.25:
            return f"prefers the {place} reply in both orders in {count} of {counted(total, 'pair')}; do not rely on it"
    changed = sum(reason.startswith("level: ") and "equal in one order, equal" not in reason for reason in reasons)
    return f"its choice changes with the order in {changed} of {counted(total, 'pair')}"

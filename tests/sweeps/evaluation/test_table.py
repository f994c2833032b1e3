"""An evaluation as it is seen: live table, saved page, plot, and CSV for a course."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import pyplot

from claude_nb.errors import PromptError
from claude_nb.sweeps.evaluation import choice, rows, table
from claude_nb.sweeps.evaluation.evaluation import Evaluation
from claude_nb.sweeps.views import display, table_data
from claude_nb.sweeps.views.table_html import table_html
from claude_nb.sweeps.views.table_widget import TableWidget
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request
from tests.helpers import sessions

mpl.use("agg")

EVIL = "<img src=x onerror=alert(1)>\x1b[2J"


def graded(
    answer: Callable[[Request], Reply | None], data: Any, prompts: Any = "{{text}}", **options: Any
) -> Evaluation:
    """An evaluation whose replies come from a function; None: no reply yet."""
    session = sessions.session(CLAUDE_NB_PROVIDER="demo")
    graders = options.pop("graders", "exact")
    laid_out = table.laid_out(session, prompts, rows.read(data), options.pop("expect", "wanted"), {}, **options)
    result = Evaluation(laid_out, choice.chosen(graders, has_expected=True), session=session)
    found = {(i, r.repeat): answer(r) for i, case in enumerate(laid_out.plan.cases) for r in case.requests}
    result.put({place: reply for place, reply in found.items() if reply})
    return result


def echo(request: Request) -> Reply:
    return Reply(request, request.prompt)


TWO = {"plain": "{{text}}", "loud": "{{text}}!"}
ROWS = [{"text": f"t{i}", "wanted": f"t{i}!" if i % 2 else f"t{i}"} for i in range(6)]


def widget(result: Evaluation, *, live: bool = False, **options: Any) -> TableWidget:
    return TableWidget(result, display._state(result, live=live), **options)


def test_the_table_has_every_cell_with_its_outcome_and_the_rate_of_each_variant() -> None:
    made = widget(graded(echo, ROWS, TWO))
    assert made.variants == ["plain", "loud"]
    assert [[cell["outcome"] for cell in row] for row in made.cells] == [["passed", "failed"], ["failed", "passed"]] * 3
    assert made.rates == ["3 of 6 passed (50%, 19% to 81%)"] * 2
    assert made.rows[1] == {"name": "t1", "expected": "t1!"}
    assert "within chance" in made.note


def test_a_cell_that_is_opened_gets_prompt_reply_expected_and_each_reason() -> None:
    made = widget(graded(echo, ROWS, TWO, graders=["exact", "contains"]))
    made.opened = [1, 0]
    assert (made.detail["prompt"], made.detail["expected"]) == ("t1", "t1!")
    (reply,) = made.detail["replies"]
    assert [name for name, _, _ in reply["grades"]] == ["exact", "contains"]
    assert {verdict for _, verdict, _ in reply["grades"]} == {"failed"}
    for wrong in ([9, 0], [0, 9], [-1, 0], ["a", 0], [1], [None, None]):
        made.opened = wrong
    assert made.detail["row"] == 1


def test_two_thousand_rows_with_two_variants_and_long_replies_take_a_bounded_number_of_bytes() -> None:
    long = "word " * 2000
    data = [{"text": f"{i} {long}", "wanted": long} for i in range(2000)]
    result = graded(lambda request: Reply(request, long), data, TWO, graders=["exact", "contains"])
    made = widget(result)
    assert len(json.dumps(made.get_state(), default=str)) < 3_500_000
    assert len(table_html(result)) < 1_000_000
    made.opened = [1999, 1]
    assert made.detail["replies"][0]["text"] == long
    assert len(widget(graded(echo, ROWS, TWO)).cells[0][0]["replies"][0]["text"]) == 2  # whole in a small table


def test_of_more_rows_the_first_are_shown_and_the_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_data, "MOST_ROWS", 4)
    result = graded(echo, ROWS, TWO)
    made = widget(result)
    assert (len(made.cells), len(made.rows)) == (4, 4)
    assert made.note.startswith("the first 4 rows are shown; .rows has all")
    assert "2 more rows" in table_html(result)


def test_it_is_drawn_again_only_when_a_drawing_is_due_and_there_is_news() -> None:
    now = [0.0]
    result = graded(lambda request: None if "t5" in request.prompt else echo(request), ROWS, TWO)
    made = widget(result, live=True, clock=lambda: now[0])
    assert made.cells[5][0]["outcome"] == "missing"
    result.put({(10, 0): echo(result.cases[10].requests[0])})
    made.update(display._state(result, live=True))
    assert made.cells[5][0]["outcome"] == "missing"
    now[0] += 60
    made.update(display._state(result, live=True))
    assert made.cells[5][0]["outcome"] == "failed"
    before = made.cells
    now[0] += 60
    made.update(display._state(result, live=True))
    assert made.cells is before


def test_refused_cut_and_failed_replies_are_named_and_not_counted() -> None:
    ends = iter(["refusal", "max_tokens", "error", "end"])

    def answer(request: Request) -> Reply:
        stop: Any = next(ends)
        return Reply(request, "t3!", stop_reason=stop, error="no answer" if stop == "error" else None)

    result = graded(answer, ROWS[:4])
    made = widget(result)
    assert [row[0]["outcome"] for row in made.cells] == ["refused", "cut", "error", "passed"]
    assert made.rates == ["1 of 1 passed (100%, 21% to 100%) · 1 refused · 1 cut · 1 error"]
    assert "no answer" in table_html(result)


def test_repeats_share_a_cell_and_scores_have_a_mean() -> None:
    result = graded(lambda request: Reply(request, "t0" if request.repeat else "no"), ROWS[:1], n=4)
    ((cell,),) = widget(result).cells
    assert (cell["outcome"], cell["value"], len(cell["replies"])) == ("failed", 0.75, 4)
    assert "failed (75%)" in table_html(result)
    scored = graded(echo, ROWS, graders=lambda reply: len(reply.text) / 4)
    assert widget(scored).rates == ["mean 0.5, n = 6"]
    assert widget(scored).cells[0][0]["replies"][0]["grades"][0][1] == "0.5"


def test_hostile_texts_stay_text_wherever_they_come_from() -> None:
    data = [{"text": EVIL, f"wanted{EVIL}": EVIL}]
    result = graded(lambda r: Reply(r, EVIL), data, {EVIL: "{{text}}", "b": "{{text}}!"}, expect=f"wanted{EVIL}")
    page = table_html(result)
    assert "<img" not in page
    assert page.count("&lt;img") >= 5


def test_rows_that_differ_come_first_on_the_saved_page() -> None:
    same = [{"text": "a", "wanted": "b"}, {"text": "c", "wanted": "zz"}]
    page = table_html(graded(echo, [*same, {"text": "d", "wanted": "d!"}], TWO))
    assert [page.index(f">{i}: ") for i in (2, 0, 1)] == sorted(page.index(f">{i}: ") for i in range(3))


def test_an_evaluation_shows_itself_and_a_file_of_one_does_too(tmp_path: Path) -> None:
    import claude_nb

    result = graded(echo, ROWS, TWO)
    assert f"cnb-evaluation-{result.id}" in result._repr_mimebundle_()["text/html"]
    result.save(tmp_path / "e.jsonl")
    loaded = claude_nb.load_sweep(tmp_path / "e.jsonl")
    assert loaded._repr_mimebundle_()["text/html"] == result._repr_mimebundle_()["text/html"]


def test_the_view_fits_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for mode, kind in (("live", display.Live), ("once", display.Once), ("text", display.Text)):
        session = sessions.session(CLAUDE_NB_DISPLAY=mode)
        assert type(display.view_for(session, show=True, kind="table")) is kind


# Plot


def test_the_plot_has_a_point_with_its_interval_for_each_variant() -> None:
    result = graded(echo, ROWS, {"plain": "{{text}}", "costs $5 or $6": "{{text}}!"}, graders=["exact", "contains"])
    axes = result.plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["plain", r"costs \$5 or \$6"]
    assert axes.get_title() == "pass rate, 6 rows, too few to trust"
    (points, _, (bars,)) = axes.containers[0]
    assert list(points.get_xdata()) == [0.5, 0.5]
    low, high = bars.get_segments()[0][:, 0]
    row = result.summary()[0]
    assert (low, high) == pytest.approx((row["pass_low"], row["pass_high"]))
    contains = result.plot("contains")
    assert list(contains.containers[0][0].get_xdata()) == [0.5, 1.0]
    contains.figure.draw_without_rendering()
    scored = graded(echo, ROWS, graders=lambda reply: 3.0).plot()
    assert scored.get_xlabel() == "mean score"
    pyplot.close("all")


def test_nothing_graded_cannot_be_plotted() -> None:
    with pytest.raises(PromptError, match="no reply is graded yet"):
        graded(lambda _: None, ROWS).plot()
    with pytest.raises(PromptError, match="there is no grader 'polite'"):
        graded(echo, ROWS).plot("polite")


# CSV


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [*csv.reader(file)]


STUDENTS = [
    {"text": "t0", "wanted": "t0", "Name": "Åsa", "email": "asa@example.org", "Section": "A"},
    {"text": "t1", "wanted": "no", "Name": "=HYPERLINK(1)", "email": "eve@example.org", "Section": "B"},
]


def test_canvas_takes_five_columns_and_a_line_with_the_points(tmp_path: Path) -> None:
    path = tmp_path / "grades.csv"
    graded(echo, STUDENTS, graders=["exact", "contains"]).to_csv(path, layout="canvas", title="Triage", points=10)
    assert read(path) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Triage"],
        ["Points Possible", "", "", "", "", "10.0"],
        ["Åsa", "", "", "asa@example.org", "A", "10.0"],
        ["'=HYPERLINK(1)", "", "", "eve@example.org", "B", "0.0"],
    ]


def test_moodle_takes_who_the_points_and_why(tmp_path: Path) -> None:
    path = tmp_path / "grades.csv"
    graded(echo, STUDENTS, TWO).to_csv(path, layout="moodle", variant="loud", points=2)
    head, first, second = read(path)
    assert head == ["Email address", "Exercise", "Feedback comments"]
    assert first == ["asa@example.org", "0.0", "exact: 't0!' instead of 't0'"]
    assert second[:2] == ["eve@example.org", "0.0"]


def test_a_reply_that_is_not_graded_leaves_the_grade_empty(tmp_path: Path) -> None:
    path = tmp_path / "grades.csv"
    graded(lambda r: Reply(r, "t0", stop_reason="max_tokens"), STUDENTS).to_csv(path, layout="moodle")
    assert [line[1] for line in read(path)[1:]] == ["", ""]


def test_graders_share_the_points_and_so_do_repeats(tmp_path: Path) -> None:
    path = tmp_path / "grades.csv"
    half = graded(lambda r: Reply(r, "it is t0"), STUDENTS[:1], graders=["exact", "contains"])
    half.to_csv(path, layout="moodle", points=10)
    assert read(path)[1][1] == "5.0"
    graded(lambda r: Reply(r, "t0" if r.repeat else ""), STUDENTS[:1], n=4).to_csv(path, layout="moodle", points=10)
    assert read(path)[1][1] == "7.5"
    graded(echo, STUDENTS[:1], graders=lambda reply: 0.25).to_csv(path, layout="moodle", points=10)
    assert read(path)[1][1] == "2.5"


def test_all_cells_are_a_table_that_no_spreadsheet_runs(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    result = graded(lambda r: Reply(r, '@SUM(1), "x"\n'), STUDENTS)
    result.to_csv(path)
    head, first, _ = read(path)
    assert head == result.rows.columns
    assert '\'@SUM(1), "x"\n' in first
    assert ["'=HYPERLINK(1)" in line for line in read(path)] == [False, False, True]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "layout": ({"layout": "excel"}, "layout is cells, canvas or moodle, not 'excel'"),
    "variant": ({"layout": "canvas", "variant": "x"}, "there is no variant 'x'"),
    "no student": ({"layout": "moodle"}, "moodle needs a column that says whose row it is; name one Email address"),
    "points": ({"layout": "moodle", "points": "ten"}, "points must be a number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_grade_book_takes_is_one_error(tmp_path: Path, case: str) -> None:
    options, message = WRONG[case]
    with pytest.raises(PromptError, match=message):
        graded(echo, ROWS, TWO).to_csv(tmp_path / "g.csv", **options)
    assert not (tmp_path / "g.csv").exists()


def test_a_score_that_is_not_a_share_is_not_a_grade(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="a score of 4 is not a share of the points"):
        graded(echo, STUDENTS, graders=lambda reply: 4).to_csv(tmp_path / "g.csv", layout="moodle")

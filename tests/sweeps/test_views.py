"""What a sweep looks like: the saved page, columns, bars, the live grid's data, and the magic in a real kernel."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import pyplot

from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.sweeps.api import compare, sweep
from claude_nb.sweeps.plan import grid
from claude_nb.sweeps.sweep import Sweep
from claude_nb.sweeps.views import html as page
from claude_nb.sweeps.views import progress
from claude_nb.sweeps.views.grid_widget import Grid, State
from claude_nb.sweeps.views.progress import ProgressLine
from claude_nb.types.reply import Reply
from tests.helpers.clocks import Clock
from tests.helpers.kernel import Kernel
from tests.helpers.rates import RateServer

mpl.use("agg")

EVIL = "<script>alert(1)</script>"


def new_session(**environ: str) -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": "none", **environ}))


def told(text: str, **settings: Any) -> Sweep:
    """A sweep at a server in which every reply is this text."""
    session = new_session()
    plan = grid(session, "Hi", {"provider": "aimlapi", **settings}, n=2)
    result = Sweep(plan, session=session)
    for i, case in enumerate(plan.cases):
        result.put({(i, k): Reply(request, text, cost_usd=0.5) for k, request in enumerate(case.requests)})
    return result


def test_the_page_has_a_row_and_a_column_for_each_value() -> None:
    html = page.grid_html(told("a fox", temperature=[0, 0.5], max_tokens=[10, 20, 30]))
    assert re.findall(r'<th scope="row"[^>]*>([^<]*)', html) == ["0", "0.5"]
    assert re.findall(r'<th scope="col"[^>]*>([^<]*)', html) == ["temperature / max_tokens", "10", "20", "30"]
    assert html.count("linear-gradient") == 12


def test_a_third_axis_makes_further_tables() -> None:
    html = page.grid_html(told("a", temperature=[0, 1], max_tokens=[10, 20], system=["x", "y"]))
    assert re.findall("<caption>([^<]*)", html) == ["system x", "system y"]


def test_one_setting_is_one_cell() -> None:
    assert page.grid_html(told("a fox")).count("<td") == 1


def test_a_locked_cell_says_why() -> None:
    html = page.grid_html(told("a", model="sonnet", temperature=[None, 0.5], top_p=[None, 0.9]))
    assert "locked: Claude Sonnet 4.6 takes temperature or top_p, not both" in html


@pytest.mark.parametrize("where", ["text", "error", "label"])
def test_nothing_in_the_page_is_live(where: str) -> None:
    result = told(EVIL if where == "text" else "a", system=[EVIL if where == "label" else "x", "y"])
    if where == "error":
        result.put({(0, 0): Reply(result.cases[0].requests[0], "", stop_reason="error", error=EVIL)})
    for html in (page.grid_html(result), page.columns_html(result), result.rows._repr_html_()):
        assert "<script" not in html


def test_long_texts_are_cut_so_that_the_notebook_stays_small() -> None:
    assert len(page.grid_html(told("word " * 10_000, temperature=[0, 1]))) < 12_000


def test_colours_of_words_are_those_of_the_live_grid() -> None:
    # the same cases as in js/test/grid.test.js
    assert page.hue("fox") == "hsl(110,45%,70%)"
    assert page.hue("火") == "hsl(50,45%,52%)"


def test_columns_show_what_is_running_waiting_and_done() -> None:
    result = told("**done**", model=["a", "b", "c"])
    for case in (1, 2):
        del result._replies[case, 0], result._replies[case, 1]
    html = page.columns_html(result, {1: "run *ning"})
    assert "<strong>done</strong>" in html
    assert "run " in html
    assert "waiting ..." in html
    assert "no reply" in page.columns_html(result, None)


def test_a_line_stands_in_for_the_bar() -> None:
    out = io.StringIO()
    line = ProgressLine(10, 2, out)
    line.show(6, "$0.01")
    line.close()
    shown = out.getvalue().split("\r")
    assert shown[1].startswith("6 of 10 replies · ")
    assert "$0.01" in shown[1]
    assert shown[1].rstrip().endswith("s left")
    assert shown[-1].endswith("\n")


def test_without_tqdm_there_is_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    assert isinstance(progress.bar(3), ProgressLine)


def test_a_script_gets_the_forecast_and_a_bar_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    sweep("Hi", n=2, temperature=[0, 1], provider="demo", max_tokens=3, session=new_session(), seed=1)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "[2 settings, 4 calls · about 4 tokens in, at most 12 out · free" in shown.err
    assert "4/4" in shown.err


def test_compare_in_a_script_writes_one_reply_below_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    settings = [{"max_tokens": 1}, {"max_tokens": 3}]
    compare(settings, "Once upon a time", provider="demo", temperature=0, session=new_session())
    shown = capsys.readouterr().out
    assert re.findall(r"^max_tokens \d", shown, re.MULTILINE) == ["max_tokens 1", "max_tokens 3"]
    assert shown.count("Demo model") == 2


@pytest.fixture
def half_done() -> Sweep:
    result = told("a fox", temperature=[0, 1])
    del result._replies[1, 1]
    return result


def state(done: int, *, live: bool = True) -> State:
    return State(done, 4, f"{done} of 4", live)


def test_the_live_grid_holds_axes_cells_and_metrics_from_the_start(half_done: Sweep) -> None:
    widget = Grid(half_done, state(3))
    assert widget.axes == [{"name": "temperature", "values": ["0", "1"]}]
    first, second = widget.cells
    assert (first["at"], first["n"], second["n"], second["wanted"]) == ([0], 2, 1, 2)
    assert first["values"]["unique_rate"] == [0.5, "0.50"]
    assert [one["text"] for one in first["texts"]] == ["a fox", "a fox"]
    assert {"distinct_2", "unique_rate", "self_bleu"} <= {metric["name"] for metric in widget.metrics}
    assert widget.state == {"done": 3, "total": 4, "line": "3 of 4", "live": True}


def test_the_live_grid_draws_when_it_is_time_and_there_is_news(half_done: Sweep) -> None:
    clock = Clock(0.0)
    widget = Grid(half_done, state(3), clock=clock)
    half_done.put({(1, 1): half_done.replies[0]})
    widget.update(state(4))
    assert widget.state["done"] == 3
    clock.now = 1.0
    widget.update(state(4))
    assert widget.state["done"] == 4
    widget.finish(state(4, live=False))
    assert widget.state["live"] is False


def test_a_slow_metric_is_computed_when_it_is_chosen(half_done: Sweep) -> None:
    widget = Grid(half_done, state(3))
    assert "self_bleu" not in widget.cells[0]["values"]
    widget.metric = "self_bleu"
    assert widget.cells[0]["values"]["self_bleu"][0] == pytest.approx(1, abs=0.9)
    assert widget.state["line"] == "3 of 4"


def test_a_very_long_reply_is_cut_in_the_live_grid() -> None:
    text = Grid(told("x" * 30_000), state(2)).cells[0]["texts"][0]
    assert (len(text["text"]), text["cut"]) == (20_000, 10_000)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as started:
        started.run("%load_ext claude_nb\nimport claude_nb")
        yield started


SPEC = '%%claude --sweep "temperature=0,1 n=2 seed=1" -p demo -n 8'


def test_the_magic_runs_a_sweep_and_leaves_it_in_the_variable(kernel: Kernel) -> None:
    result = kernel.run(f"{SPEC} -o found\n{{{{name}}}} upon a time".replace("{{name}}", "Once"))
    assert result.error is None
    kinds = [list(output.get("data", {})) for output in result.outputs]
    assert "application/vnd.jupyter.widget-view+json" in kinds[2]  # forecast, bar, grid, page
    assert "cnb-sweep-" in result.outputs[-1]["data"]["text/html"]
    assert kernel.run("print(len(found), found.left, found.axes)").text == "4 0 {'temperature': (0.0, 1.0)}\n"


def test_the_magic_fills_names_from_lists_and_from_the_notebook(kernel: Kernel) -> None:
    kernel.run("place = 'the sea'")
    kernel.run('%%claude --sweep "form=haiku,story n=1" -p demo -n 8 -o r --quiet\nA {{form}} about {{place}}')
    assert kernel.run("print([x.prompt for x in r])").text == "['A haiku about the sea', 'A story about the sea']\n"


@pytest.mark.parametrize("name", ["session", "show", "check", "variables", "executor", "replay", "prompt_", "pass"])
def test_a_name_of_the_magic_may_be_any_word(kernel: Kernel, name: str) -> None:
    cell = f"%%claude --sweep '{name}=one,two' -p demo -n 3 -o r --quiet\nOn {{{{{name}}}}}"
    assert kernel.run(cell).error is None
    assert kernel.get("[x.prompt for x in r]") == ["On one", "On two"]


def test_the_values_of_an_axis_come_before_variables_in_options_too(kernel: Kernel) -> None:
    kernel.run("mood, role, page, t = 'no', 'poet', 'with {{braces}}', 0.5")
    line = "%%claude --sweep 'mood=sad,glad temperature={{t}},1' -s 'A {{mood}} {{role}} {{page}} \\{{mood}}'"
    kernel.run(f"{line} -p demo -n 3 -o r --quiet\n{{{{page}}}}")
    systems = kernel.get("[x.request.system for x in r][::2]")
    assert systems == [f"A {mood} poet with {{{{braces}}}} {{{{mood}}}}" for mood in ("sad", "glad")]
    assert kernel.get("{x.prompt for x in r}") == {"with {{braces}}"}
    assert kernel.get("r.axes['temperature']") == (0.5, 1.0)


@pytest.mark.parametrize(
    ("spec", "prompt", "says"),
    [
        (
            "temperature=0,1",
            "On {{nobody}}",
            r"no variable 'nobody' for {{nobody}}; define it first, or write \{{nobody}}",
        ),
        ("n=2", "Count to {{n}}", "n is a setting of the sweep, so {{n}} is not filled from it; rename {{n}}"),
        ("mode=zip", "{{mode}}", "mode is a setting of the sweep"),
        ("n=1,2", "Count", "n takes one number, not '1,2'"),
    ],
)
def test_what_a_cell_cannot_fill_is_refused_with_advice_for_cells(
    kernel: Kernel, spec: str, prompt: str, says: str
) -> None:
    kernel.run("%reset_selective -f ^(mood|role|page|t)$")
    error = kernel.run(f"%%claude --sweep '{spec}' -p demo -n 3\n{prompt}").error
    assert says in str(error)
    assert "variables=" not in str(error)


def test_a_dry_run_of_a_sweep_only_tells_what_it_would_take(kernel: Kernel) -> None:
    result = kernel.run(f"{SPEC} --dry-run\nHi")
    assert result.text.startswith("2 settings, 4 calls · about 4 tokens in, at most 32 out · free")


def test_a_sweep_that_ends_a_cell_is_drawn_once(kernel: Kernel) -> None:
    call = "claude_nb.sweep('Hi', temperature=[0, 1], n=1, provider='demo', max_tokens=3)"
    pages = [o for o in kernel.run(call).outputs if "cnb-sweep-" in str(o.get("data", {}).get("text/html"))]
    assert len(pages) == 1
    assert "cnb-sweep-" in kernel.run("claude_nb.last_sweep()").outputs[0]["data"]["text/html"]


def test_compare_streams_into_one_output(kernel: Kernel) -> None:
    call = "c = claude_nb.compare([{'seed': 1}, {'seed': 2}], 'Once upon a time', provider='demo', max_tokens=8)"
    result = kernel.run(call)
    assert len(result.outputs) == 2  # the forecast, and the columns
    assert result.outputs[1]["data"]["text/html"].count("Demo model") == 2


def test_ctrl_c_ends_a_sweep_and_the_variable_holds_what_came(kernel: Kernel) -> None:
    with RateServer(latency_s=0.2) as server:
        options = f"-p openai-compatible -m m --base-url {server.url} -o part"
        running = kernel.start(
            f'%%claude --sweep "topic={",".join(map(str, range(80)))} n=1" {options}\nOn {{{{topic}}}}'
        )
        while server.report()["calls"] < 12:
            assert not running.done
        kernel.interrupt()
        result = running.wait()
        assert "stopped after" in str(result.error)
        kept = int(kernel.run("print(len(part))").text)
        assert 0 < kept < 80
        kernel.run("part.resume()")
        assert kernel.run("print(len(part), part.left)").text == "80 0\n"
        prompts = server.report()["prompts"]
        assert len(prompts) == 80
        assert sum(prompts.values()) - 80 <= 8  # only what was running then was asked twice


ONE_WORD = [["yes"] * 5, ["no", "yes", "no", "no", "no"]]


def worded(texts: list[list[str]], **checks: Any) -> Sweep:
    plan = grid(new_session(), "Hi", {"provider": "aimlapi", "temperature": [*range(len(texts))]}, n=len(texts[0]))
    result = Sweep(plan, session=new_session(), checks=checks)
    for i, own in enumerate(texts):
        result.put({(i, k): Reply(plan.cases[i].requests[k], text, stop_reason="end") for k, text in enumerate(own)})
    return result


@pytest.mark.parametrize(
    ("texts", "checks", "label"),
    [
        (ONE_WORD, {}, "unique"),
        ([["a b"] * 5, ["yes"] * 5], {}, "unique"),
        ([["a fox", "a dog"], ["one day", "a day"]], {}, "distinct-2"),
        ([["", ""], ["", ""]], {}, "unique"),
        (ONE_WORD, {"polite": lambda reply: "yes" in reply.text}, "pass"),
    ],
)
def test_the_metric_that_is_shown_first_has_values(texts: list[list[str]], checks: Any, label: str) -> None:
    result = worded(texts, **checks)
    html = page.grid_html(result)
    assert f">{label}: " in html
    assert "<b>–</b>" not in html
    widget = Grid(result, state(4))
    assert next(metric["label"] for metric in widget.metrics if metric["name"] == widget.metric) == label
    assert result.plot().get_ylabel() == label
    pyplot.close("all")


def test_the_live_grid_changes_to_a_metric_with_values_until_the_user_chooses_one() -> None:
    full = worded(ONE_WORD)
    result = Sweep(full.plan, session=new_session())
    widget = Grid(result, state(0))
    assert widget.metric == "distinct_2"
    result.put(full._replies)
    widget.finish(state(4))
    assert widget.metric == "unique_rate"
    widget.metric = "length"
    widget.finish(state(4, live=False))
    assert widget.metric == "length"


def test_how_the_replies_ended_does_not_read_as_a_setting() -> None:
    result = worded(ONE_WORD)
    cut = Reply(result.cases[0].requests[0], "yes", stop_reason="max_tokens")
    result.put({(0, 0): cut, (0, 1): cut})
    assert Grid(result, state(4)).cells[0]["mix"] == "3 finished, 2 cut at max_tokens"


def test_the_object_is_not_printed_below_its_own_grid(kernel: Kernel) -> None:
    call = "claude_nb.sweep('Hi', temperature=[0, 1], provider='demo', max_tokens=3)"
    for cell in (call, f"a = {call}\na", "claude_nb.compare([{'seed': 1}], 'Hi', provider='demo', max_tokens=3)"):
        result = kernel.run(cell)
        assert result.error is None
        assert "execute_result" not in [output["output_type"] for output in result.outputs]
        assert not [o for o in result.outputs if o.get("data", {}).keys() == {"text/plain"}]
    (shown,) = kernel.run("a").outputs
    assert shown["data"].keys() == {"text/html", "text/plain"}
    (shown,) = kernel.run(f"{call[:-1]}, show=False)").outputs
    assert "cnb-sweep-" in shown["data"]["text/html"]


def test_the_remark_about_few_replies_stands_once() -> None:
    result = worded(ONE_WORD)
    for shown in (repr(result.summary()), result.summary()._repr_html_(), page.grid_html(result)):
        assert shown.count("fewer than 10 replies") == 1

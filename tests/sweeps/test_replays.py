"""A sweep that the history answers: it says so above the grid, compares no recorded times, and asks again on demand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import pyplot

from claude_nb.errors import PromptError
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.sweeps.api import compare, load_sweep, sweep
from claude_nb.sweeps.check import check
from claude_nb.sweeps.plan import grid
from claude_nb.sweeps.sweep import Sweep
from claude_nb.sweeps.views import grid_data
from claude_nb.sweeps.views.display import _state
from claude_nb.sweeps.views.html import columns_html, grid_html
from claude_nb.types.reply import Reply
from tests.helpers.kernel import Kernel
from tests.helpers.replies import chat
from tests.helpers.server import Server

mpl.use("agg")

NOTE = "from the history, recorded 20"
AGAIN = "fresh=True (in a cell --fresh) asks again"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    made = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(tmp_path / "h.db")}))
    made.demo_delay_s = 0
    return made


def where(server: Server, **more: Any) -> dict[str, Any]:
    return {"provider": "openai-compatible", "model": "m", "base_url": f"{server.url}/v1", **more}


def mixed(live: list[int]) -> Sweep:
    """Two cases of three replies at a server; those with the numbers in `live` are new, the others took 100 s once."""
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": "none"}))
    result = Sweep(grid(session, "Hi", {"provider": "aimlapi", "temperature": [0, 1]}, n=3), session=session)
    for i, case in enumerate(result.cases):
        for k, request in enumerate(case.requests):
            new = Reply(request, f"text {k}", seconds=1.0, first_token_s=0.5, cost_usd=0.01, source="live")
            old = replace(new, seconds=100.0, first_token_s=90.0, source="replay")
            result.put({(i, k): new if 3 * i + k in live else old})
    return result


def test_a_re_run_says_above_the_grid_that_the_history_answered_and_asks_again_with_one_word(session: Session) -> None:
    with Server([chat(["Hi"])] * 8) as server:
        options: dict[str, Any] = where(server, session=session, show=False, temperature=[0, 1], n=2)
        first = sweep("Hi", **options)
        again = sweep("Hi", **options)
        assert len(server.requests) == 4
        fresh = sweep("Hi", fresh=True, **options)
        assert len(server.requests) == 8
    assert (first.history_note, fresh.history_note) == ("", "")
    assert again.history_note.startswith(f"all replies are {NOTE}")
    assert again.history_note.endswith(AGAIN)
    html = grid_html(again)
    assert html.index(NOTE) < html.index("<table")
    assert NOTE in _state(again, live=False).line
    assert NOTE in again.summary().note
    assert repr(again).endswith("4 replies, 4 of them from the history>")
    assert [row["from_history"] for row in again.summary()] == [2, 2]
    assert "from_history" not in fresh.summary()[0]


def test_a_comparison_says_it_too_in_a_notebook_and_in_a_terminal(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"provider": "demo", "max_tokens": 3, "session": session}
    columns = [{"seed": 1}, {"seed": 2}]
    compare(columns, "Hi", **options)
    assert NOTE not in capsys.readouterr().out
    again = compare(columns, "Hi", **options)
    assert capsys.readouterr().out.startswith(f"[all replies are {NOTE}")
    html = columns_html(again)
    assert html.index(NOTE) < html.index("<b>seed 1</b>")
    assert [reply.source for reply in compare(columns, "Hi", fresh=True, show=False, **options)] == ["demo"] * 2


def test_a_check_asks_again_with_the_same_word(session: Session) -> None:
    with Server([chat(["Paris"])] * 6) as server:
        for fresh, sent in ((False, 3), (False, 3), (True, 6)):
            assert check("Capital?", "paris", n=3, session=session, fresh=fresh, **where(server))
            assert len(server.requests) == sent


def test_the_forecast_says_what_the_history_answers(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        sweep("Hi", temperature=[0, 1], provider="demo", max_tokens=3, session=session)
    told = capsys.readouterr().err
    assert "[2 settings, 0 calls · 2 answered from the history · fresh=True (in a cell --fresh) asks for all]" in told


@pytest.mark.parametrize("replay", ["use", "only"])
def test_two_words_that_contradict_each_other_are_refused(session: Session, replay: str) -> None:
    with pytest.raises(PromptError, match=f"fresh=True asks again, and replay='{replay}' does not; leave one"):
        sweep("Hi", provider="demo", fresh=True, replay=replay, session=session)


# Times


def test_times_are_those_of_live_replies_only() -> None:
    result = mixed(live=[0, 1, 3])
    assert [row["latency_s"] for row in result.rows] == [1.0, 1.0, None, 1.0, None, None]
    assert [row["ttft_s"] for row in result.rows] == [0.5, 0.5, None, 0.5, None, None]
    assert result.to_pandas()["latency_s"].max() == 1.0
    for row in result.summary():
        assert (row["latency_p50"], row["latency_p95"], row["ttft_p50"]) == (1.0, 1.0, 0.5)
        assert row["n"] == 3
    assert [row["from_history"] for row in result.summary()] == [1, 2]
    cells = grid_data.cells(result, grid_data.metrics(result))
    assert [cell["values"]["latency_p50"] for cell in cells] == [[1.0, "1.00 s (n = 2)"], [1.0, "1.00 s (n = 1)"]]
    assert cells[0]["values"]["length"] == [2.0, "2.00"]


def test_a_case_of_recorded_replies_has_no_time_and_is_not_the_fastest() -> None:
    result = mixed(live=[3, 4, 5])
    assert [row["latency_p50"] for row in result.summary()] == [None, 1.0]
    assert result.best("latency_p50")["temperature"] == 1
    with pytest.raises(PromptError, match="no case has a value for latency_p50"):
        mixed(live=[]).best("latency_p50")
    assert "latency_p50" not in mixed(live=[]).summary()[0]


def test_columns_show_the_time_of_live_replies_only() -> None:
    html = columns_html(mixed(live=[0, 1, 2]))
    assert html.count(" · 1.0 s · ") == 1
    assert "100.0 s" not in html


def test_a_plot_of_times_says_how_many_replies_it_is_of() -> None:
    assert "n = 1 to 2" in mixed(live=[0, 1, 3]).plot("latency_p50").get_title()
    assert "n = 3 for each point" in mixed(live=[0, 1, 3]).plot("length").get_title()
    pyplot.close("all")


def test_a_saved_sweep_still_says_what_the_history_gave(tmp_path: Path) -> None:
    result = mixed(live=[0, 1, 3])
    result.save(tmp_path / "s.jsonl")
    again = load_sweep(tmp_path / "s.jsonl")
    assert again.history_note == result.history_note
    assert "3 of 6 replies are from the history" in again.history_note
    assert again.rows == result.rows


def test_the_forecast_takes_its_time_from_this_prompt_or_this_sweep_only(session: Session) -> None:
    def seconds(prompt: str, **more: Any) -> float | None:
        plan = grid(session, prompt, {"provider": "demo", "temperature": [0, 1], **more}, n=4)
        return Sweep(plan, session=session).forecast().seconds

    request = session.request("A long essay", provider="demo")
    session.totals.add(Reply(request, "x", seconds=60.0))
    assert seconds("A long essay") == 60.0
    assert seconds("Hi") is None
    assert seconds("A long essay", max_tokens=5) is None
    assert seconds("A long essay", system="Be brief.") is None
    part = mixed(live=[0, 1, 3])
    part._replies = {place: reply for place, reply in part._replies.items() if place[1] < 2}
    assert part.forecast().seconds == 1.0 * 2 / 2  # two calls at once; the recorded 100 s do not count


# In a notebook


def test_in_a_cell_it_is_an_option(tmp_path: Path) -> None:
    with Kernel() as kernel:
        kernel.run("%load_ext claude_nb")
        line = "%claude -p demo -n 3 -o s --sweep 'temperature=0,1'"
        kernel.run(f"{line} Hi")
        assert kernel.get("[reply.source for reply in s]") == ["demo", "demo"]
        again = kernel.run(f"{line} Hi")
        assert NOTE in again.outputs[-1]["data"]["text/html"]
        assert kernel.get("[reply.source for reply in s]") == ["replay", "replay"]
        assert "2 calls" in kernel.run(f"{line} --fresh --dry-run Hi").text
        fresh = kernel.run(f"{line} --fresh Hi")
        assert fresh.error is None
        assert kernel.get("[reply.source for reply in s]") == ["demo", "demo"]
        kernel.run("import claude_nb\nclaude_nb.compare([{'seed': 1}], 'Ho', provider='demo', max_tokens=3)")
        call = "claude_nb.compare([{'seed': 1}], 'Ho', provider='demo', max_tokens=3)"
        shown = kernel.run(call)
        assert NOTE in shown.outputs[-1]["data"]["text/html"]
        assert "<Sweep" not in str(shown.outputs)

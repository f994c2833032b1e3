"""What a session has used, and its spending limit."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from claude_nb.errors import ConfigError, PromptError
from claude_nb.notebook import commands
from claude_nb.notebook.commands.usage import usage
from claude_nb.providers.credentials import Credentials
from claude_nb.session.budget import tokens_of
from claude_nb.session.session import Session

# The demo model with a price, so that money can be spent offline.
DEMO = {"name": "demo", "label": "the demo model", "ids": {"demo": "demo"}, "aliases": ["demo"]}
PRICED = DEMO | {"prices": {"demo": {"input": 1000, "output": 10_000}}}


def new_session(environ: dict[str, str] | None = None, tick_s: float = 0, **settings: object) -> Session:
    """Return a session whose clock advances by tick_s seconds each time it is read."""
    ticks = count()
    session = Session(
        credentials=Credentials({"CLAUDE_NB_HISTORY": "off", **(environ or {})}), clock=lambda: tick_s * next(ticks)
    )
    session.demo_delay_s = 0
    session.configure(provider="demo", seed=1, models=[PRICED], **settings)
    return session


def test_no_call_is_sent_once_the_budget_is_used_up() -> None:
    session = new_session(budget=0.30, max_tokens=10)
    first = session.ask("Once upon a time")
    assert first.cost_usd == pytest.approx(0.104)
    while session.totals.cost_usd < 0.30:
        session.ask("Once upon a time")
    calls = session.totals.calls
    with pytest.raises(ConfigError, match=r"the budget of \$0.30 is used up \(\$0.31\d\d so far\)"):
        session.ask("Once upon a time")
    assert session.totals.calls == calls


def test_a_reply_that_exceeds_the_budget_is_stopped_and_its_text_is_kept() -> None:
    session = new_session(tick_s=1.0, budget=0.10, max_tokens=200)
    with pytest.raises(ConfigError, match="used up") as caught:
        session.ask("Once upon a time")
    assert caught.value.reply is not None
    assert caught.value.reply.text
    assert caught.value.reply.stop_reason == "error"
    with pytest.raises(ConfigError, match="used up"):  # though the server never said what that one cost
        session.ask("Once upon a time")


def test_the_cost_of_running_replies_counts_too() -> None:
    session = new_session(budget=0.008)
    running = [session.stream("Once upon a time").chunks() for _ in range(2)]
    for chunks in running:
        next(chunks)  # its four tokens in are half of the budget
    with pytest.raises(ConfigError, match="used up"):
        session.ask("Once upon a time")


def test_a_call_of_unknown_price_is_refused_while_there_is_a_budget() -> None:
    session = new_session(budget=1)
    session.configure(models=[DEMO])
    with pytest.raises(ConfigError, match="the price of demo is unknown"):
        session.ask("Hi")


def test_the_free_demo_model_runs_even_when_nothing_is_left() -> None:
    session = new_session(budget=0.0)
    session.configure(models=[])
    assert session.ask("Hi").cost_usd == 0


def test_slash_commands_set_show_and_remove_a_budget() -> None:
    session = new_session()
    assert commands.run(session, "/set budget=2.00", {}) == "budget=2.0"
    assert session.budget.limit_usd == 2.0
    assert "$2.00 for this kernel, $2.00 left" in commands.run(session, "/usage", {})
    commands.run(session, "/unset budget", {})
    assert session.budget.limit_usd is None
    with pytest.raises(PromptError, match="budget must be at least 0"):
        commands.run(session, "/set budget=-1", {})


def test_usage_reports_the_kernel_and_the_notebook_over_all_kernels(tmp_path: Path) -> None:
    history = {"CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}
    for _ in range(2):
        session = new_session(history, max_tokens=10)
        session.notebook = "lesson.ipynb"
        session.ask("Once upon a time")
    used = usage(session)
    assert used.notebook is not None
    assert (used.kernel.calls, used.notebook.calls) == (1, 2)
    assert used.notebook.cost_usd == pytest.approx(2 * used.kernel.cost_usd)
    assert repr(used).splitlines()[1] == "this notebook  2 replies · 8 tokens in, 20 out · $0.21"


def test_a_replay_costs_nothing(tmp_path: Path) -> None:
    session = new_session({"CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}, max_tokens=10, budget=0.11)
    request = session.request("Once upon a time")
    first = session.run(request).wait()
    again = session.run(request, replay="use", hurry=True).wait()
    assert (again.source, again.text) == ("replay", first.text)
    assert session.totals.calls == 1


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("abcd", 1), ("abcde", 2), ("火", 1), ("naïve", 2)])
def test_tokens_are_estimated_from_the_characters(text: str, tokens: int) -> None:
    assert tokens_of(text) == tokens

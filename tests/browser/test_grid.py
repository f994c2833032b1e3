"""The grid of a sweep in a real JupyterLab: it fills, opens, pins, and is there in a saved notebook."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.helpers.rates import RateServer

EVIL = '<img src=x onerror="window.hacked=1">'


def sweep(url: str) -> str:
    return (
        f"import claude_nb\nresult = claude_nb.sweep('On {{{{topic}}}} {EVIL}', topic=['bees', 'tides'], "
        f"temperature=[0, 0.5, 1], n=10, provider='openai-compatible', model='m', base_url='{url}')"
    )


def test_the_grid_fills_opens_pins_and_is_kept_by_the_saved_notebook(open_notebook: OpenNotebook) -> None:
    with RateServer(latency_s=0.4) as server:
        notebook = open_notebook([sweep(server.url)])
        page = notebook.page
        notebook.start_all()
        cells = page.locator(".cnb-grid button.cnb-square")
        expect(cells).to_have_count(6)
        told = page.locator(".cnb-grid .cnb-told")
        expect(told).to_contain_text("of 60 replies")
        # while it runs: some cells hold replies, and not yet all of them
        notebook.wait_for("document.querySelectorAll('.cnb-grid .cnb-strip').length > 0")
        filled = page.evaluate("() => document.querySelectorAll('.cnb-grid .cnb-strip').length")
        assert 0 < filled < 60
        expect(page.locator(".cnb-grid progress")).to_be_visible()
        expect(told).to_contain_text("60 replies · cost unknown")
        expect(page.locator(".cnb-grid .cnb-strip")).to_have_count(60)
        expect(page.locator(".cnb-grid progress")).to_be_hidden()
        notebook.wait_for_kernel("idle")

    cells.nth(0).click()
    case = page.locator(".cnb-grid .cnb-case")
    expect(case).to_have_count(1)
    expect(case.locator("li")).to_have_count(10)
    expect(case.locator(".cnb-text").first).to_have_text(f"reply to On bees {EVIL}")
    case.get_by_role("button", name="Pin to compare").click()
    cells.nth(5).click()
    expect(case).to_have_count(2)
    expect(case.nth(1).locator("strong")).to_have_text("topic tides, temperature 1")
    assert page.evaluate("() => window.hacked") is None

    # The static grid is hidden while the widget lives, and all there is in the saved notebook.
    static = page.locator("[class^='cnb-sweep-']")
    expect(static).to_be_hidden()
    notebook.save()
    page.goto("about:blank")
    notebook.lab.close_sessions()
    notebook.open()
    expect(static).to_be_visible()
    expect(static.locator("td")).to_have_count(6)
    expect(static.locator("td").first).to_contain_text("n = 10")
    assert page.evaluate("() => window.hacked") is None
    assert notebook.errors == []
    assert notebook.foreign == []


def test_metric_and_axes_are_chosen_and_a_slow_metric_is_computed(open_notebook: OpenNotebook) -> None:
    call = (
        "import claude_nb\nresult = claude_nb.sweep('Once upon a time', temperature=[0, 0.7], top_k=[1, 50, 100],"
        " n=2, seed=1, max_tokens=12, provider='demo')"
    )
    notebook = open_notebook([call])
    notebook.theme("JupyterLab Light")
    notebook.run_all()
    grid = notebook.page.locator(".cnb-grid")
    expect(grid.locator(".cnb-told")).to_contain_text("12 replies · free")
    expect(grid.locator("tbody tr")).to_have_count(2)
    grid.get_by_label("rows").select_option("top_k")
    expect(grid.locator("tbody tr")).to_have_count(3)
    expect(grid.locator("thead")).to_contain_text("top_k / temperature")
    grid.get_by_label("metric").select_option("self-BLEU-4")
    expect(grid.locator(".cnb-square").first).to_contain_text("1.00")  # top_k 1: the same each time
    expect(grid.locator(".cnb-hint").first).to_contain_text("fewer than 10 replies")
    for theme in ("light", "dark"):
        notebook.theme(f"JupyterLab {theme.title()}")
        expect(grid).to_have_attribute("data-theme", theme)
        notebook.screenshot(f"grid-{theme}")
    assert notebook.errors == []


def test_compare_writes_its_columns_while_they_run(open_notebook: OpenNotebook) -> None:
    with RateServer(latency_s=1.0) as server:
        where = f"provider='openai-compatible', base_url='{server.url}'"
        notebook = open_notebook([f"import claude_nb\nc = claude_nb.compare(['a', 'b'], 'Hi', {where})"])
        notebook.start_all()
        notebook.wait_for_text("waiting ...")
        notebook.wait_for_text("reply to Hi")
        assert server.report()["at_once"] == 2


def test_a_summary_and_its_rows_fit_the_page(open_notebook: OpenNotebook) -> None:
    call = (
        "import claude_nb\nresult = claude_nb.sweep('Once upon a {{form}}', form=['time', 'day'], temperature=[0, 1],"
        " top_p=[0.9, 1], n=2, max_tokens=20, provider='demo', show=False, check=lambda reply: len(reply.text) > 20)"
    )
    notebook = open_notebook([call, "result.summary()", "result.rows"])
    notebook.run_all()
    tables = notebook.page.locator(".jp-RenderedHTML table")
    expect(tables).to_have_count(2)
    for table in tables.all():
        expect(table).to_contain_text("temperature")
        assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth")
    expect(notebook.page.locator(".jp-RenderedHTML").first).to_contain_text("fewer than 10 replies")
    assert notebook.errors == []

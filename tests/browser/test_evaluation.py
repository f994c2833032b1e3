"""The table of an evaluation in JupyterLab: it fills, filters, opens a cell, and is kept by the saved notebook."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.helpers.rates import RateServer

EVIL = "<img src=x onerror=window.hacked=1>"


def evaluation(url: str) -> str:
    """Twelve rows. In odd ones only the second prompt passes, and the last one passes with none."""
    return f"""import claude_nb
rows = [{{"text": "case {{}} {EVIL}".format(i), "wanted": "Please case" if i % 2 else "case"}} for i in range(11)]
rows.append({{"text": "the last", "wanted": "never said"}})
prompts = {{"plain": "{{{{text}}}}", "kind {EVIL}": "Please {{{{text}}}}"}}
result = claude_nb.evaluate(prompts, rows, expect="wanted", graders="contains", provider="openai-compatible",
                            model="m", base_url="{url}", concurrency=2)"""


def test_the_table_fills_filters_opens_and_is_kept_by_the_saved_notebook(open_notebook: OpenNotebook) -> None:
    with RateServer(latency_s=0.5) as server:
        notebook = open_notebook([evaluation(server.url)])
        page = notebook.page
        notebook.start_all()
        table = page.locator(".cnb-evaluation")
        cells = table.locator("button.cnb-square")
        expect(cells).to_have_count(24)
        # while it runs: some cells hold replies, and not yet all of them
        notebook.wait_for("document.querySelectorAll('.cnb-evaluation [data-outcome=passed]').length > 0")
        assert table.locator("[data-outcome=missing]").count() > 0
        expect(table.locator("progress")).to_be_visible()
        expect(table.locator("[data-outcome=missing]")).to_have_count(0)
        notebook.wait_for_kernel("idle")
    expect(table.locator("progress")).to_be_hidden()
    expect(table.locator("thead")).to_contain_text("6 of 12 passed (50%, 25% to 75%)")
    expect(table.locator("thead")).to_contain_text("11 of 12 passed")
    expect(table.locator(".cnb-hint").first).to_contain_text("exact McNemar")

    table.get_by_role("button", name="Flips 5").click()
    expect(cells).to_have_count(10)
    table.get_by_role("button", name="Failures 6").click()
    expect(cells).to_have_count(12)

    # A cell opens with the mouse and with the keyboard; the arrow keys go from cell to cell.
    cells.nth(0).click()
    case = table.locator(".cnb-case")
    expect(case).to_contain_text("row 1, plain")
    expect(case).to_contain_text("contains: failed")
    expect(case).to_contain_text("Please case")  # what was expected
    expect(case).to_contain_text(f"reply to case 1 {EVIL}")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(case).to_contain_text("row 1, kind")
    expect(case).to_contain_text("contains: passed")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(case).to_contain_text("row 3, kind")
    page.keyboard.press("Escape")
    expect(case).to_be_hidden()
    assert page.evaluate("() => document.activeElement.dataset.cell") == "3,1"
    assert page.evaluate("() => window.hacked") is None

    # The static table is hidden while the widget lives, and all there is in the saved notebook.
    static = page.locator("[class^='cnb-evaluation-']")
    expect(static).to_be_hidden()
    notebook.save()
    page.goto("about:blank")
    notebook.lab.close_sessions()
    notebook.open()
    expect(static).to_be_visible()
    expect(static.locator("details")).to_have_count(24)
    expect(static.locator("tbody tr").first).to_contain_text("1: case 1")  # a flip
    static.locator("summary").first.click()
    expect(static).to_contain_text("contains: failed")
    assert page.evaluate("() => window.hacked") is None
    assert notebook.errors == []
    assert notebook.foreign == []


def test_the_table_is_readable_in_both_themes_narrow_and_with_forced_colours(open_notebook: OpenNotebook) -> None:
    call = (
        "import claude_nb\nrows = [{'text': f'A word like {i}', 'wanted': 'a' * (i % 3)} for i in range(70)]\n"
        "result = claude_nb.evaluate(['Say {{text}}', 'Tell me of {{text}}'], rows, expect='wanted', seed=1,"
        " graders=['contains', 'exact'], provider='demo')"
    )
    notebook = open_notebook([call], viewport={"width": 800, "height": 1000})
    notebook.run_all()
    table = notebook.page.locator(".cnb-evaluation")
    expect(table.locator("button.cnb-square")).to_have_count(100)
    table.get_by_role("button", name="Next").click()
    expect(table.locator("button.cnb-square")).to_have_count(40)
    table.get_by_role("button", name="Previous").click()
    table.locator("button.cnb-square").nth(2).click()
    expect(table.locator(".cnb-case")).to_contain_text("A word like 1")
    for theme in ("light", "dark"):
        notebook.theme(f"JupyterLab {theme.title()}")
        expect(table).to_have_attribute("data-theme", theme)
        expect(notebook.page.locator("#jupyterlab-splash")).to_have_count(0)
        notebook.screenshot(f"evaluation-{theme}")
        assert table.evaluate("root => root.scrollWidth <= root.clientWidth")
    notebook.page.emulate_media(forced_colors="active")
    notebook.screenshot("evaluation-forced")
    assert notebook.errors == []

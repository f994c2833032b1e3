"""The browser harness itself: a notebook opens, runs, is saved and can be opened again."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import Lab

CELLS = ["print(1 + 1)", "from IPython.display import HTML\nHTML('<b id=\"shown\">bold</b>')"]


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process, so one worker")
def test_one_worker_has_the_jupyterlab_and_one_the_bare_pages(request: pytest.FixtureRequest) -> None:
    """More browsers than cores only wait for each other. The suffix is what xdist groups by."""
    items = [item for item in request.session.items if item.get_closest_marker("browser")]
    wrong = [item.nodeid for item in items if item.nodeid.endswith("@browser-lab") != ("lab" in item.fixturenames)]
    assert wrong == []
    assert {item.nodeid.rpartition("@")[2] for item in items} <= {"browser-lab", "browser-page"}


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_printed_text_and_html_are_shown_and_saved(open_notebook: OpenNotebook, app: str) -> None:
    notebook = open_notebook(CELLS, app=app)
    notebook.run_all()
    expect(notebook.output(0)).to_have_text("2")
    expect(notebook.page.locator("#shown")).to_have_text("bold")
    notebook.wait_for_kernel("idle")
    assert notebook.save().cells[0].outputs[0].text == "2\n"
    notebook.open()
    notebook.wait_for_text("bold")
    assert notebook.errors == []
    assert notebook.foreign == []


def test_a_running_cell_can_be_watched_and_interrupted(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(["import time\nprint('on', flush=True)\ntime.sleep(60)"])
    notebook.start_all()
    notebook.wait_for_text("on")
    assert len(notebook.lab.api("sessions")) == 1
    notebook.interrupt()
    notebook.wait_for_text("KeyboardInterrupt")


def test_no_kernel_outlives_its_test(lab: Lab) -> None:
    assert lab.api("sessions") == []


def test_the_dark_theme_is_really_on(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(["1"])
    notebook.theme("JupyterLab Dark")
    colour = notebook.page.evaluate("() => getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')")
    assert colour.strip() in ("#111111", "#111", "black")


def test_addresses_beyond_this_machine_are_refused_and_noted(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(["from IPython.display import HTML\nHTML('<img src=\"http://example.test/x.png\">')"])
    # Heard, not only sent: the page may call the picture complete before the word of its request is here.
    with notebook.page.context.expect_event("request", lambda request: "example.test" in request.url):
        notebook.run_all()
    assert set(notebook.foreign) == {"http://example.test/x.png"}


def test_a_blank_page_needs_no_jupyter(blank_page: Page) -> None:
    assert blank_page.evaluate("() => document.body.children.length") == 0

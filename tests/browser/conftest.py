"""One Chromium and one JupyterLab for all tests of a worker; a browser context and fresh kernels for each test."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser import chromium
from tests.browser.jupyter import Lab, Notebook, screenshot

STATIC = Path(__file__).resolve().parents[2] / "claude_nb" / "render" / "static"
OpenNotebook = Callable[..., Notebook]
PATIENCE_MS = 100_000  # only a page that hangs takes so long, however busy the machine


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs the tests that need JupyterLab, so that there is one server; one runs those of a bare page."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")
            needs_lab = "lab" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("browser-lab" if needs_lab else "browser-page"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Leave word for the fixtures whether the test failed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()


# The scope is the package: Playwright keeps an event loop running as long as it lives, and other tests need their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(chromium.MISSING)
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=arguments)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab")) as started:
        yield started


@pytest.fixture
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Pages in contexts of their own, with Playwright's options: new_page(color_scheme="dark").

    A failed test leaves pictures of its pages in .screenshots/.
    """
    contexts: list[BrowserContext] = []

    def new(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return context.new_page()

    yield new
    pages = [page for context in contexts for page in context.pages]
    if request.node.stash.get(FAILED, False):
        name = re.sub(r"\W+", "-", request.node.name)
        for number, page in enumerate(pages):
            screenshot(page, f"failed-{name}-{number}")
    for context in contexts:
        context.close()


@pytest.fixture
def blank_page(new_page: Callable[..., Page]) -> Page:
    """An empty page without Jupyter, in which http://widget.test/ is the folder of the built widgets."""
    page = new_page()
    page.route(
        "http://widget.test/**",
        lambda route: route.fulfill(path=STATIC / route.request.url.rsplit("/", maxsplit=1)[-1]),
    )
    page.route("http://widget.test/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto("http://widget.test/")
    return page


@pytest.fixture
def open_notebook(lab: Lab, new_page: Callable[..., Page]) -> Iterator[OpenNotebook]:
    """Open a notebook made of code cells, or a file below lab.root.

    open_notebook(["1 + 1"]) in JupyterLab, open_notebook(["1 + 1"], app="notebook") in Notebook 7;
    further options are those of Playwright's new_context.
    """
    count = 0

    def open_(content: Sequence[str] | Path, app: str = "lab", **options: Any) -> Notebook:
        nonlocal count
        count += 1
        path = content if isinstance(content, Path) else lab.write(f"test-{count}.ipynb", content)
        return Notebook(lab, new_page(**options), path, app)

    yield open_
    lab.close_sessions()

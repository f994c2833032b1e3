"""The playground in marimo: a shadow root, one module for all widgets, no cell magics."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.kernel import clean_env

pytest.importorskip("marimo")

APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from claude_nb.providers import registry as providers
    from claude_nb.types.request import Chunk
    from claude_nb.widgets.playground import Playground

    def slow(request, options, *, stop, **_):
        for number in range(2_000):
            if stop.wait(0.02):
                return
            yield Chunk(text=f"word{number} ")

    providers.stream = slow
    return Playground, mo


@app.cell
def _(Playground, mo):
    first = mo.ui.anywidget(Playground())
    first
    return (first,)


@app.cell
def _(Playground):
    second = Playground()
    second
    return (second,)


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def marimo_url(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "app.py"
    path.write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "marimo", "run", str(path), "--headless", "--no-token", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=clean_env(tmp_path), stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(15)


def wait_for(url: str, process: subprocess.Popen[bytes], timeout: float = 40) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("marimo did not start")


def test_it_streams_and_stops_and_two_of_them_are_two(new_page: Callable[..., Page], marimo_url: str) -> None:
    page = new_page()
    page.goto(marimo_url)
    widgets = page.locator(".cnb-root")
    expect(widgets).to_have_count(2)
    texts = page.locator(".cnb-reply .cnb-md")
    widgets.nth(0).get_by_label("Prompt", exact=True).fill("Why?")
    page.keyboard.press("Control+Enter")
    expect(texts.nth(0)).to_contain_text("word20")
    assert texts.nth(1).inner_text() == ""
    widgets.nth(0).get_by_role("button", name="Stop", exact=True).click()
    expect(widgets.nth(0).locator(".cnb-reply .cnb-footer")).to_contain_text("interrupted")
    widgets.nth(1).get_by_label("Prompt", exact=True).fill("And you?")
    widgets.nth(1).locator(".cnb-run").click()
    expect(texts.nth(1)).to_contain_text("word5")
    assert widgets.nth(0).evaluate("(it) => getComputedStyle(it).paddingLeft") == "16px"

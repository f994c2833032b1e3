"""Measure the same replies in JupyterLab in Chromium: claude_nb against printing and Markdown."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, sync_playwright

from bench.measure import Server
from bench.server import LAST, Order
from bench.tools import FRESH, HTTPX_STREAM, PLAYGROUND
from tests.browser import chromium
from tests.browser.jupyter import Lab, Notebook

REPLIES = (Order(20_000, 20, 100), Order(200_000, 20, 500))
SLOWEST_S = 150
PRINTING = HTTPX_STREAM.replace("FLUSH", "")
MARKDOWN = 'text, handle = "", display(Markdown(""), display_id=True)\n' + PRINTING.replace(
    'print(choice["delta"].get("content", ""), end="")',
    'text += choice["delta"].get("content", "")\n                handle.update(Markdown(text))',
)
SETUP = """\
import os
os.environ["AIMLAPI_API_KEY"] = "loop-loop-loop-loop"
import json, httpx
from IPython.display import Markdown, display
%load_ext claude_nb"""
WIDGET = f"{PLAYGROUND}\n{FRESH}\npg.run('PROMPT')\npg.wait();"
WAYS = {
    "claude_nb, %%claude": "%%claude --base-url URL/v1 -m anthropic/claude-sonnet-4.6\nPROMPT",
    "claude_nb, playground": WIDGET,
    "httpx + print": PRINTING,
    "httpx + Markdown per token": MARKDOWN,
}
# Runs inside the page. A jump is a frame in which the notebook's content became lower by more than 20 pixels.
WATCH = """() => {
    const seen = globalThis.bench = { long: [], jumps: 0, watching: true };
    const note = list => list.getEntries().forEach(entry => seen.long.push(entry.duration));
    new PerformanceObserver(note).observe({ type: 'longtask' });
    const area = document.querySelector('.jp-WindowedPanel-inner') ?? document.querySelector('.jp-Notebook');
    let height = area.scrollHeight;
    const look = () => {
        const now = area.scrollHeight;
        if (now < height - 20) seen.jumps += 1;
        height = now;
        if (seen.watching) requestAnimationFrame(look);
    };
    look();
}"""


def measured() -> dict[str, Any]:
    """Measure every reply in every way, each in its own page and kernel."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="cnb-bench-") as home, Server() as server, launched() as browser:
        with Lab(Path(home)) as lab:
            for order in REPLIES:
                title = f"{order.length // 1000} kB at {order.rate * order.piece // 4} tokens/s"
                found[title] = {}
                for name, code in WAYS.items():
                    print(f"in the browser, {title}: {name}", file=sys.stderr, flush=True)
                    cell = code.replace("URL", server.url).replace("PROMPT", str(order))
                    found[title][name] = one_page(browser, lab, cell)
                    lab.close_sessions()
        version = browser.version
    return {"browser": f"Chromium {version}", "replies": found}


@contextmanager
def launched() -> Iterator[Browser]:
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=arguments)
        yield browser
        browser.close()


def one_page(browser: Browser, lab: Lab, cell: str) -> dict[str, Any]:
    """Measure the page from the start of the cell to the moment when its last word is on screen."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    received: list[int] = []

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda data: received.append(len(data)))

    page.on("websocket", listen)
    notebook = Notebook(lab, page, lab.write("bench.ipynb", [SETUP, cell]), "lab")
    page.evaluate(
        "() => { jupyterapp.shell.currentWidget.content.activeCellIndex = 0; }",
    )
    notebook.command("notebook:run-cell-and-select-next")
    notebook.wait_for_kernel("idle")
    tools = context.new_cdp_session(page)
    tools.send("Performance.enable")
    tools.send("HeapProfiler.collectGarbage")
    page.evaluate(WATCH)
    before, received[:] = counters(tools), []
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-cell'); }")
    shown = True
    try:
        notebook.wait_for_text(LAST, timeout=SLOWEST_S)
        notebook.wait_for_kernel("idle", timeout=SLOWEST_S)
    except Exception:  # noqa: BLE001  # being too slow is a result too
        shown = False
    tools.send("HeapProfiler.collectGarbage")
    after = counters(tools)
    seen = page.evaluate("() => { bench.watching = false; return bench; }")
    context.close()
    return {
        "shown": shown,
        "socket_bytes": sum(received),
        "socket_messages": len(received),
        "seconds": after["Timestamp"] - before["Timestamp"],
        "busy_s": after["TaskDuration"] - before["TaskDuration"],
        "script_s": after["ScriptDuration"] - before["ScriptDuration"],
        "layout_s": after["LayoutDuration"] - before["LayoutDuration"],
        "heap_mb": (after["JSHeapUsedSize"] - before["JSHeapUsedSize"]) / 1e6,
        "long_tasks": len(seen["long"]),
        "longest_task_ms": max(seen["long"], default=0),
        "jumps": seen["jumps"],
    }


def counters(tools: CDPSession) -> dict[str, float]:
    """Return Chromium's own counters by name; durations in seconds."""
    return {metric["name"]: metric["value"] for metric in tools.send("Performance.getMetrics")["metrics"]}

"""Take pictures of the playground in JupyterLab: docs/playground-light.png and docs/playground-dark.png.

python scripts/screenshots.py
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import chromium  # noqa: E402  # the test harness lives in the folder above
from tests.browser.jupyter import Lab, Notebook  # noqa: E402

CELL = """from claude_nb import Playground

pg = Playground(prompt="Tell me a story about the sea.", temperature=0.7, seed=4)
pg"""
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def main() -> None:
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright, Lab(Path(home)) as lab:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=arguments)
        for name, theme in THEMES.items():
            page = browser.new_page(viewport={"width": 1280, "height": 1750}, device_scale_factor=1.25)
            notebook = Notebook(lab, page, lab.write(f"{name}.ipynb", [CELL]), "lab")
            notebook.theme(theme)
            notebook.run_all()
            widget = page.locator(".cnb-root")
            for times in range(2):
                widget.get_by_role("button", name="Run", exact=True).click()
                page.wait_for_function(f"() => document.querySelectorAll('.cnb-runs li').length === {times + 1}")
                widget.get_by_role("switch", name="Top p").click()
            for number in (1, 2):
                widget.get_by_role("button", name=f"Pin run {number} to compare").click()
            widget.get_by_label("word by word").check()
            page.mouse.move(0, 0)
            page.evaluate("() => document.activeElement.blur()")
            path = ROOT / "docs" / f"playground-{name}.png"
            widget.screenshot(path=path)
            print(path.relative_to(ROOT))
        browser.close()


if __name__ == "__main__":
    main()

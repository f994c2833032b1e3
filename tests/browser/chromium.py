"""Find a Chromium for the browser tests; run as a program, install one where that is possible.

CLAUDE_NB_BROWSER names another one: the path of Chromium, Chrome or Edge.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
MISSING = "No browser tests: no Chromium, Chrome or Edge found. Install one, or name its path in CLAUDE_NB_BROWSER."


def find() -> str | None:
    """The path of a browser, or None."""
    named = os.environ.get("CLAUDE_NB_BROWSER")
    if named:
        return shutil.which(named)
    found = (shutil.which(name) for name in NAMES)
    return next((path for path in found if path), None) or next(
        (place for place in PLACES if Path(place).exists()), None
    )


def install() -> None:
    """With Debian's packages, as root; elsewhere that is the user's to decide."""
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        print("Installing chromium for the browser tests", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", *command], check=False, stdout=subprocess.DEVNULL, env=environment)


if __name__ == "__main__":
    if not find():
        install()
    if not find():
        print(MISSING)
        sys.exit(1 if os.environ.get("CI") else 0)

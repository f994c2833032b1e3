"""A JupyterLab server for tests, and a notebook that is open in it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import nbformat
from playwright.sync_api import Locator, Page

from tests.helpers.kernel import clean_env

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".screenshots"
APPS = {"lab": "doc/tree", "notebook": "notebooks"}  # JupyterLab (one document), Notebook 7
# The page's own application object, told to be there by the two options below.
PANEL = "jupyterapp.shell.currentWidget"


class Lab:
    """One `jupyter lab` with folders, settings and a root of its own under `home`."""

    def __init__(self, home: Path) -> None:
        self.root = home / "root"
        self.root.mkdir(parents=True)
        self._runtime = home / "jupyter" / "runtime"
        self._log = home / "lab.log"
        settings = home / "settings"
        write_settings(settings, "apputils-extension/notification", fetchNews="false", checkForUpdates=False)
        write_settings(settings, "docmanager-extension/plugin", autosave=False)
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
            "--JupyterNotebookApp.expose_app_in_browser=True",
            *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.disable_check_xsrf=True"),
            *("--IdentityProvider.token=", f"--ServerApp.root_dir={self.root}"),
            *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
        ]
        folders = {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=clean_env(home, **folders), cwd=self.root, stdout=log, stderr=log
            )
        self.url = self._wait_for_url()

    def _wait_for_url(self, timeout: float = 60) -> str:
        deadline = time.monotonic() + timeout
        while self._process.poll() is None and time.monotonic() < deadline:
            for info in self._runtime.glob("jpserver-*.json"):
                try:
                    return str(json.loads(info.read_text())["url"])
                except ValueError:
                    break  # being written
            time.sleep(0.05)
        self.close()
        raise RuntimeError(f"JupyterLab did not start; its log:\n{self._log.read_text()}")

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """A notebook with these code cells."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        path = self.root / name
        nbformat.write(notebook, path)
        return path

    def api(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Jupyter's REST API: lab.api("sessions")."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}api/{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def start_session(self, path: Path) -> None:
        """Start the kernel of a notebook. It gets ready while the page is loaded, which then finds it."""
        name = path.relative_to(self.root).as_posix()
        if all(session["path"] != name for session in self.api("sessions")):
            kernel = {"name": "python3"}
            self.api("sessions", "POST", {"path": name, "name": name, "type": "notebook", "kernel": kernel})

    def close_sessions(self) -> None:
        """End every kernel: they outlive the pages, with the modules that they imported."""
        for session in self.api("sessions"):
            self.api(f"sessions/{session['id']}", "DELETE")


class Notebook:
    """A notebook open in a page. Cells are numbered from 0."""

    def __init__(self, lab: Lab, page: Page, path: Path, app: str) -> None:
        self.lab = lab
        self.page = page
        self.path = path
        self.errors: list[str] = []  # uncaught exceptions since the notebook was open; Notebook 7 has its own before
        self.foreign: list[str] = []  # addresses beyond this machine that the page asked for, and did not get
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.context.on("request", lambda request: self._note(request.url))
        self._url = f"{lab.url}{APPS[app]}/{path.relative_to(lab.root).as_posix()}"
        self.open()

    def _note(self, url: str) -> None:
        if not url.startswith((self.lab.url, self.lab.url.replace("http", "ws", 1), "data:", "blob:", "about:")):
            self.foreign.append(url)

    def open(self) -> None:
        """Load the page, again too, and wait until its kernel answers."""
        self.lab.start_session(self.path)
        self.page.goto(self._url)
        self.page.wait_for_function(f"() => globalThis.jupyterapp && {PANEL}?.sessionContext")
        self.page.evaluate(
            f"""async () => {{
                await jupyterapp.restored;
                await {PANEL}.sessionContext.ready;
                await {PANEL}.sessionContext.session.kernel.info;
            }}"""
        )
        self.errors.clear()

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of the application, to its end: notebook.command("docmanager:save")."""
        self.page.evaluate(
            "([name, args]) => jupyterapp.commands.execute(name, args).then(() => null)", [name, arguments]
        )

    def start_all(self) -> None:
        """Run all cells, and come back at once."""
        self.page.evaluate(
            """() => {
                globalThis.allCellsDone = false;
                const done = () => { globalThis.allCellsDone = true; };
                jupyterapp.commands.execute('notebook:run-all-cells').then(done, done);
            }"""
        )

    def run_all(self) -> None:
        """Run all cells and wait until the last one has ended, also when one fails."""
        self.start_all()
        self.wait_for("globalThis.allCellsDone")

    def wait_for(self, expression: str, timeout: float | None = None) -> None:
        """Until a JavaScript expression is true in the page; the page's own time-out unless there is one in seconds."""
        self.page.wait_for_function(f"() => {expression}", timeout=timeout and timeout * 1000)

    def output(self, cell: int) -> Locator:
        """What the cell shows below its code."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")

    def wait_for_text(self, text: str, timeout: float | None = None) -> Locator:
        """Until some output shows the text."""
        found = self.page.locator(".jp-OutputArea-output", has_text=text).first
        found.wait_for(timeout=timeout and timeout * 1000)
        return found

    def wait_for_kernel(self, status: str, timeout: float | None = None) -> None:
        """Until the kernel is "idle", "busy", ...; it may also say idle for a moment while a cell runs."""
        self.wait_for(f"{PANEL}.sessionContext.session?.kernel?.status === '{status}'", timeout)

    def interrupt(self) -> None:
        self.command("notebook:interrupt-kernel")

    def restart(self) -> None:
        self.page.evaluate(f"() => {PANEL}.sessionContext.restartKernel()")

    def save(self) -> Any:
        """Save, and give the notebook as it is on disk now."""
        self.command("docmanager:save")
        return nbformat.read(self.path, as_version=4)

    def theme(self, name: str) -> None:
        """ "JupyterLab Dark" or "JupyterLab Light"."""
        self.command("apputils:change-theme", theme=name)
        light = "false" if "Dark" in name else "true"
        self.wait_for(f"document.body.dataset.jpThemeLight === '{light}'")

    def in_both_themes(self, name: str, check: Callable[[], object] = lambda: None) -> None:
        """Check the page in the light and in the dark theme, and take the pictures <name>-light and <name>-dark."""
        for theme in ("Light", "Dark"):
            self.theme(f"JupyterLab {theme}")
            check()
            self.screenshot(f"{name}-{theme.lower()}")

    def screenshot(self, name: str) -> Path:
        """A picture of the page as .screenshots/<name>.png."""
        return screenshot(self.page, name)


def screenshot(page: Page, name: str) -> Path:
    SCREENSHOTS.mkdir(exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path


def write_settings(folder: Path, plugin: str, **values: object) -> None:
    path = folder / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))

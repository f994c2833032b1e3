"""Work of a page that can be counted: code that ran, and changes of the document."""

from __future__ import annotations

from playwright.sync_api import CDPSession, Page

WATCH = """() => {
  globalThis.changes = 0;
  const count = (records) => { changes += records.length; };
  globalThis.watcher = new MutationObserver(count);
  watcher.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  globalThis.takeChanges = () => {
    count(watcher.takeRecords());
    const taken = changes;
    changes = 0;
    return taken;
  };
}"""


class Work:
    """Counts what a script does in a page from the moment this is made: Work(page, "lens.js")."""

    def __init__(self, page: Page, script: str) -> None:
        self.page = page
        self.script = script
        self._client: CDPSession = page.context.new_cdp_session(page)
        self._client.send("Profiler.enable")
        self._client.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": True})
        page.evaluate(WATCH)
        self.take()

    def take(self) -> tuple[int, int]:
        """Return how many functions and loop bodies ran, and how many changes the document saw, since the last time."""
        changes = int(self.page.evaluate("() => takeChanges()"))
        scripts = self._client.send("Profiler.takePreciseCoverage")["result"]
        functions = [one for script in scripts if script["url"].endswith(self.script) for one in script["functions"]]
        return sum(block["count"] for function in functions for block in function["ranges"]), changes

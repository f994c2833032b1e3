"""The playground in an empty page: the built widget, with a fake model in place of Jupyter's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from playwright.sync_api import Locator, Page

from claude_nb import render
from claude_nb.providers.models import Models
from claude_nb.render.live import LiveHtml
from claude_nb.widgets.controls import SETTINGS, catalogue

HARNESS = """
async ({traits, width, shadow}) => {
  const {default: widget} = await import("http://widget.test/playground.js");
  const listeners = {};
  const each = (name, ...args) => { for (const one of [...(listeners[name] ?? [])]) one(...args); };
  const model = {
    get: (name) => traits[name],
    set: (name, value) => { traits[name] = value; each(`change:${name}`); each("change"); },
    save_changes: () => { fake.saves += 1; },
    send: (message) => fake.sent.push(structuredClone(message)),
    on: (name, listener) => (listeners[name] ??= []).push(listener),
    off: (name, listener) => { listeners[name] = (listeners[name] ?? []).filter((one) => one !== listener); },
  };
  const ending = new AbortController();
  globalThis.fake = {
    model, traits, sent: [], saves: 0, tell: (message) => each("msg:custom", message, []),
    views: [], listeners,
    async show(width) {
      const host = document.createElement("div");
      host.style.width = width;
      document.body.append(host);
      const el = shadow ? host.attachShadow({mode: "open"}) : host;
      const sheet = document.createElement("link");
      Object.assign(sheet, {rel: "stylesheet", href: "http://widget.test/playground.css"});
      const loaded = new Promise((resolve) => { sheet.onload = resolve; });
      (shadow ? el : document.head).append(sheet);
      await loaded;
      const view = new AbortController();
      const clean = await widget.render({model, el, signal: view.signal});
      fake.views.push({el, end: () => { view.abort(); clean?.(); host.remove(); }});
    },
    end: () => ending.abort(),
  };
  document.body.style.margin = "0";
  await widget.initialize({model, signal: ending.signal});
  await fake.show(width);
}
"""

UNSET = dict.fromkeys(SETTINGS)
PRESETS = {
    "precise": {"params": {"temperature": 0.1}, "own": False},
    "balanced": {"params": {"temperature": 0.6}, "own": False},
    "creative": {"params": {"temperature": 1.0}, "own": False},
}


def run(number: int, text: str = "", **changes: Any) -> dict[str, Any]:
    """A finished run as Python sends it."""
    usual = {
        "run": number,
        "prompt": "Why is the sky blue?",
        "system": None,
        "provider": "demo",
        "model": "demo",
        "label": "Demo model",
        "params": {},
        "variable": "reply",
        "text": text,
        "html": render.markdown_html(text) if text else "",
        "thinking": "",
        "stop": "finished",
        "footer": "demo · 5 tokens in, 20 out · finished",
        "error": None,
        "blamed": None,
        "repeat": 0,
        "cut": False,
    }
    return usual | changes


def messages(number: int, pieces: Iterable[str]) -> list[dict[str, Any]]:
    """The messages of a run that is still on, one for each piece of its text."""
    live, chars = LiveHtml(), 0
    sent: list[dict[str, Any]] = [{"t": "start", "run": number}]
    for seq, piece in enumerate(pieces, 1):
        chars += len(piece)
        sent.append({"t": "d", "run": number, "seq": seq, "n": chars, "html": live.feed(piece)})
    return sent


def cut(text: str, size: int) -> list[str]:
    """The text in pieces of *size* characters."""
    return [text[at : at + size] for at in range(0, len(text), size)]


class FakeKernel:
    """Stands where the kernel would: fake.tell({...}) sends a message, fake.sent is what the widget sent."""

    def __init__(self, page: Page, *, width: str = "100%", shadow: bool = False, **traits: Any) -> None:
        self.page = page
        usual = {
            "uid": "fake1",
            "catalogue": catalogue(Models()),
            "presets": PRESETS,
            "history": [],
            "pinned": [],
            "state": {"run": 0, "live": False, "queued": 0},
            "prompt": "",
            "variable": "reply",
        }
        demo = {"provider": "demo", "model": "demo"}
        page.evaluate(HARNESS, {"traits": usual | UNSET | demo | traits, "width": width, "shadow": shadow})

    @property
    def root(self) -> Locator:
        return self.page.locator(".cnb-root").first

    @property
    def sent(self) -> list[dict[str, Any]]:
        return list(self.page.evaluate("() => fake.sent"))

    def tell(self, *messages: dict[str, Any]) -> None:
        self.page.evaluate("(all) => { for (const one of all) fake.tell(one); }", list(messages))

    def set(self, **traits: Any) -> None:
        """As when Python changes traits."""
        self.page.evaluate("(all) => { for (const [k, v] of Object.entries(all)) fake.model.set(k, v); }", traits)

    def trait(self, name: str) -> Any:
        return self.page.evaluate("(name) => fake.traits[name]", name)

    def row(self, name: str) -> Locator:
        return self.page.locator(f'.cnb-row[data-name="{name}"]')

    def frame(self) -> None:
        """Until what was told is drawn."""
        self.page.evaluate(
            """() => new Promise((done) => {
                requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60)));
            })"""
        )

    def stream(self, number: int, text: str, size: int = 7, end: bool = True, **record: Any) -> None:
        """A whole run in pieces of *size* characters."""
        sent = messages(number, cut(text, size))
        self.tell(*sent)
        if end:
            self.set(history=[*self.trait("history"), run(number, text, **record)])
            self.tell({"t": "end", "run": number, "seq": len(sent) - 1})
        self.frame()

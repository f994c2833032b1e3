"""The lens in a real browser: sliders, bars, branches, draws, keys. Its kernel is mostly this process."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from claude_nb.demo.sampling import shape, survivors
from claude_nb.sweeps.metrics.statistics import wilson
from claude_nb.widgets.lens import Lens
from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import screenshot
from tests.browser.work import Work

PROMPT = "Once upon a time there was a"
SYNCED = ("branches", "branch", "step", "temperature", "top_k", "top_p", "min_p", "order")
FROM_PYTHON = ("badge", "vocabulary", "provider", "size")
CONSTANT = ("uid", "prompt", "live", "providers")

HARNESS = """
async (traits) => {
  const { default: widget } = await import("http://widget.test/lens.js");
  const sheet = document.createElement("link");
  Object.assign(sheet, { rel: "stylesheet", href: "http://widget.test/lens.css" });
  const loaded = new Promise((resolve) => { sheet.onload = resolve; });
  document.head.append(sheet);
  await loaded;
  const listeners = {};
  const each = (name, ...all) => { for (const one of listeners[name] ?? []) one(...all); };
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
  const model = {
    get: (name) => traits[name],
    set: (name, value) => { traits[name] = value; each(`change:${name}`); },
    save_changes: () => {},
    on: (name, listener) => (listeners[name] ??= []).push(listener),
    off: (name, listener) => { listeners[name] = (listeners[name] ?? []).filter((one) => one !== listener); },
    send: async (message) => {
      fake.sent.push(message);
      const { told, changed } = await toPython(traits, message);
      Object.assign(traits, changed);
      for (const name of Object.keys(changed)) each(`change:${name}`);
      for (const [content, buffers] of told) each("msg:custom", content, buffers.map(bytes));
    },
  };
  const ending = new AbortController();
  globalThis.fake = { traits, sent: [], end: () => ending.abort() };
  document.body.style.margin = "0";
  widget.initialize({ model, signal: ending.signal });
  await widget.render({ model, el: document.body, signal: ending.signal });
}
"""


class LensPage:
    """A lens whose front end is in the page and whose kernel is this process."""

    def __init__(self, page: Page, lens: Lens) -> None:
        self.page = page
        self.lens = lens
        self._told: list[tuple[Any, list[str]]] = []
        lens.send = self._send
        page.expose_function("toPython", self._receive)
        page.evaluate(HARNESS, {name: getattr(lens, name) for name in (*FROM_PYTHON, *SYNCED, *CONSTANT)})
        expect(self.bars.first).to_be_visible()

    def _send(self, content: Any, buffers: Any = None) -> None:
        self._told.append((content, [base64.b64encode(one).decode() for one in buffers or ()]))

    def _receive(self, traits: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
        self.lens.set_state({name: traits[name] for name in SYNCED if name != "branches"})
        self.lens._receive(self.lens, message, [])
        told, self._told = self._told, []
        # Only what changed here: the page may have changed a setting in the meantime.
        names = (*FROM_PYTHON, *SYNCED)
        changed = {name: getattr(self.lens, name) for name in names if getattr(self.lens, name) != traits[name]}
        return {"told": told, "changed": changed}

    @property
    def bars(self) -> Locator:
        return self.page.locator(".cnb-bars tbody tr:visible")

    @property
    def words(self) -> Locator:
        return self.page.locator(".cnb-word")

    @property
    def current(self) -> Locator:
        return self.page.locator('.cnb-word[aria-current="step"]')

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def set(self, label: str, value: float) -> None:
        box = self.page.get_by_role("spinbutton", name=f"{label}, number")
        box.fill(str(value))
        box.press("Enter")

    def cell(self, word: str, column: int = 3) -> Locator:
        """What the table says of a word: column 2 is the model, 3 is now, 4 is what was drawn."""
        row = self.bars.filter(has=self.page.get_by_role("button", name=word, exact=True))
        return row.locator("> *").nth(column)

    def number(self, word: str, column: int = 3) -> str:
        """That, as it is now."""
        return self.cell(word, column).inner_text()


@pytest.fixture
def shown(blank_page: Page) -> LensPage:
    return LensPage(blank_page, Lens(PROMPT, seed=3))


def test_the_bars_are_a_table_with_the_numbers_of_python(shown: LensPage) -> None:
    expect(shown.bars).to_have_count(16)
    first = shown.lens.table(0)[0]
    expect(shown.cell(first["word"], 2)).to_have_text(f"{first['model']:.1%}", use_inner_text=True)
    assert shown.bars.last.locator("th").inner_text() == "1,382 others"


def test_the_settings_bend_the_bars_as_python_would(shown: LensPage) -> None:
    for label, name, value in (("Temperature", "temperature", 0.5), ("Top k", "top_k", 7), ("Top p", "top_p", 0.9)):
        shown.set(label, value)
        setattr(shown.lens, name, value)
    shown.page.get_by_label("Order").select_option("temperature_last")
    shown.lens.order = "temperature_last"
    expect(shown.page.locator("tr[data-edge]")).to_have_count(1)
    for row in shown.lens.table(0):
        expected = f"cut: {row['cut']}" if row["cut"] else f"{row['final']:.1%}"
        expect(shown.cell(row["word"])).to_have_text(expected, use_inner_text=True)


def test_temperature_0_leaves_one_word(shown: LensPage) -> None:
    shown.set("Temperature", 0)
    expect(shown.page.locator(".cnb-readouts")).to_contain_text("1 of 1,397 words, 1.0 effective")
    expect(shown.cell("little")).to_have_text("100%", use_inner_text=True)


def test_the_order_decides_which_words_are_left(shown: LensPage) -> None:
    shown.set("Temperature", 2)
    shown.set("Top p", 0.9)
    p = shown.lens.steps[0].p
    for order, second in (("temperature_first", "temperature"), ("temperature_last", "top_k")):
        shown.page.get_by_label("Order").select_option(order)
        left = survivors(shape(p, temperature=2, top_p=0.9, order=order).final)
        expect(shown.page.locator(".cnb-readouts dd").first).to_contain_text(f"{left} of 1,397 words")
        expect(shown.page.locator(".cnb-step b").nth(1)).to_have_text(second)
    expect(shown.button("top_k off: changes nothing")).to_be_visible()


def test_a_stage_can_be_looked_at_by_itself(shown: LensPage) -> None:
    shown.set("Temperature", 0.3)
    shown.set("Top k", 2)
    shown.page.locator(".cnb-step").nth(1).click()
    expect(shown.page.get_by_role("columnheader", name="after temperature")).to_be_visible()


def test_a_forced_word_branches_and_the_tabs_lead_back(shown: LensPage) -> None:
    before = shown.words.all_inner_texts()
    shown.button("sleepy").click()
    expect(shown.button("2: sleepy")).to_have_attribute("aria-pressed", "true")
    expect(shown.words.first).to_have_text("sleepy")
    assert shown.words.first.get_attribute("data-forced") is not None
    assert shown.lens.steps[0].forced
    shown.button("Text 1").click()
    expect(shown.words).to_have_text(before)


def test_rewinding_draws_again_from_there(shown: LensPage) -> None:
    before = shown.words.all_inner_texts()
    shown.words.nth(12).click()
    shown.button("Draw again from here").click()
    expect(shown.button("2: again from 13")).to_be_visible()
    after = shown.words.all_inner_texts()
    assert after[:12] == before[:12]
    assert after != before


def test_other_settings_mark_the_text_and_write_it_again_on_request(shown: LensPage) -> None:
    note = shown.page.locator(".cnb-note")
    expect(note).to_be_hidden()
    shown.set("Temperature", 0)
    expect(note).to_contain_text("made with other settings (nothing set)")
    expect(shown.page.locator(".cnb-word[data-differs]").first).to_be_visible()
    shown.button("Write it again").click()
    expect(note).to_be_hidden()
    expect(shown.page.locator(".cnb-word[data-differs]")).to_have_count(0)
    assert shown.lens.now.settings.temperature == 0


def test_draws_land_on_the_bars_and_come_with_intervals(shown: LensPage) -> None:
    shown.set("Top k", 3)
    for name in ("Draw 1", "Draw 100", "Draw 1,000"):
        shown.button(name).click()
    expect(shown.page.get_by_role("columnheader", name="1,101 drawn")).to_be_visible()
    drawn = [shown.number(word, 4).split(",", 1) for word in ("little", "quiet", "young")]
    counts = [int(count) for count, _ in drawn]
    assert sum(counts) == 1101
    low, high = wilson(counts[0], 1101) or (0.0, 0.0)
    assert drawn[0][1].strip() == f"true share between {low:.1%} and {high:.1%}", "for those who cannot see the line"
    assert abs(counts[0] / 1101 - float(shown.number("little").rstrip("%")) / 100) < 0.06
    expect(shown.page.locator(".cnb-seen:visible")).to_have_count(3)
    shown.set("Top k", 4)
    expect(shown.page.get_by_role("columnheader", name="drawn")).to_have_count(0)


def test_a_pinned_setting_stays_as_a_ghost_beside_the_live_one(shown: LensPage) -> None:
    shown.set("Temperature", 0.5)
    shown.button("Pin as A").click()
    shown.set("Temperature", 1.5)
    expect(shown.page.locator(".cnb-side")).to_contain_text("A (T 0.5)")
    expect(shown.page.locator(".cnb-side")).to_contain_text("bits more open.")
    expect(shown.page.get_by_text("pinned A", exact=True)).to_be_visible()
    little = shown.bars.first
    widths = [little.locator(f".cnb-{part}").evaluate("(one) => one.offsetWidth") for part in ("ghost", "r")]
    assert widths[0] > widths[1]


def test_why_these_words_names_the_training_text(shown: LensPage) -> None:
    why = shown.page.locator(".cnb-why")
    expect(why).to_contain_text("looked 5 words back, at “a time there was a”")
    expect(why.locator("mark").first).to_have_text(" a time there was a")
    assert why.locator("blockquote").count() == 3


def test_the_legend_names_only_what_can_be_seen(shown: LensPage) -> None:
    legend = shown.page.locator(".cnb-legend > span:visible")
    expect(legend).to_have_text(["the model", "after the settings"])
    shown.set("Top k", 3)
    expect(legend).to_have_text(["the model", "after the settings", "cut"])
    shown.button("Draw 100").click()
    expect(legend.last).to_have_text("drawn, with its 95 % interval")


def test_what_follows_can_be_hidden_to_guess_it_first(shown: LensPage) -> None:
    shown.button("Hide what follows").click()
    expect(shown.page.locator(".cnb-word:visible")).to_have_count(1)
    expect(shown.page.locator(".cnb-drawn")).to_contain_text("“?”")
    expect(shown.page.locator("tr[data-chosen]")).to_have_count(0)
    shown.button("Next ▶").click()
    expect(shown.page.locator(".cnb-word:visible")).to_have_count(2)


def test_everything_can_be_done_from_the_keyboard(shown: LensPage) -> None:
    press = shown.page.keyboard.press
    shown.words.first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        press(key)
    expect(shown.words.nth(1)).to_be_focused()
    press("End")
    expect(shown.words.last).to_be_focused()
    press("Home")
    expect(shown.current).to_be_focused()
    shown.button("little").focus()
    press("ArrowDown")
    expect(shown.button("quiet")).to_be_focused()
    press("Enter")
    expect(shown.button("2: quiet")).to_be_visible()
    slider = shown.page.get_by_role("slider", name="Temperature, slider")
    slider.focus()
    press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "0.95")


def test_keys_do_not_reach_the_notebook(shown: LensPage) -> None:
    shown.page.evaluate("() => document.addEventListener('keydown', () => { globalThis.leaked = true; })")
    shown.words.first.focus()
    for key in ("ArrowRight", "a", "Escape"):
        shown.page.keyboard.press(key)
    assert shown.page.evaluate("() => globalThis.leaked") is None


def test_a_slider_moves_the_bars_in_the_next_frame_with_little_work(shown: LensPage) -> None:
    # The marks below the words wait for a pause between two moves; on a slow machine each frame would be one.
    shown.page.evaluate(
        """() => {
            for (let timer = setTimeout(() => {}, 0); timer > 0; timer -= 1) clearTimeout(timer);
            globalThis.setTimeout = () => 0;
        }"""
    )
    shown.page.get_by_role("switch", name="Top p").check()
    work = Work(shown.page, "lens.js")
    moved = shown.page.evaluate(
        """async () => {
            const slider = document.querySelector('[data-name="temperature"] input[type="range"]');
            const bar = document.querySelector(".cnb-bars .cnb-r");
            const shown = () => bar.style.width + document.querySelector(".cnb-bars td.cnb-end + td").textContent;
            const all = [];
            for (let i = 0; i < 60; i += 1) {
                const before = shown();
                slider.value = String(0.3 + 0.05 * ((7 * i) % 34));
                slider.dispatchEvent(new Event("input", { bubbles: true }));
                all.push(await new Promise((done) => requestAnimationFrame(() => done(before !== shown()))));
            }
            return all;
        }"""
    )
    assert all(moved), "the bars wait for more than one frame"
    steps, changes = (count / 60 for count in work.take())
    # One shaping of 1,397 words and one drawing of 16 rows; measured: 3,800 and 310.
    assert steps < 6_000
    assert changes < 500


def test_no_slider_asks_the_kernel(shown: LensPage) -> None:
    sent = shown.page.evaluate("() => fake.sent.length")
    shown.set("Temperature", 0.2)
    shown.set("Top k", 3)
    shown.words.nth(5).click()
    assert shown.page.evaluate("() => fake.sent.length") == sent


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_both_themes(new_page: Callable[..., Page], tmp_path: Path, scheme: str) -> None:
    """On the page that to_html() saves, which also has to work from a file, without a server and without Python."""
    lens = Lens(PROMPT, seed=3)
    lens.force(0, "sleepy")
    page = new_page(color_scheme=scheme, viewport={"width": 1100, "height": 1200})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(lens.to_html(tmp_path / "lens.html").as_uri())
    expect(page.locator(".cnb-bars tbody tr").first).to_be_visible()
    page.get_by_role("switch", name="Top p").check()
    page.get_by_role("button", name="Pin as A").click()
    page.get_by_role("button", name="Draw 100", exact=True).click()
    expect(page.get_by_role("button", name="Draw again from here")).to_be_disabled()
    assert page.locator(".cnb-pick:enabled:visible").count() == 0
    screenshot(page, f"lens-{scheme}")
    contrasts = page.evaluate(CONTRAST)
    assert {name: value for name, value in contrasts.items() if value < 4.5} == {}
    assert problems == []


# Text colour against the nearest painted background, by WCAG's formula.
CONTRAST = """
() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const linear = (x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb(colour).map((x) => linear(x / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = {};
  const texts = ".cnb-word .cnb-hint .cnb-pick .cnb-note .cnb-chip .cnb-bars_td .cnb-step_span .cnb-readouts_dt "
    + ".cnb-sources_mark .cnb-sources_blockquote";
  for (const selector of texts.split(" ").map((one) => one.replace("_", " "))) {
    for (const element of document.querySelectorAll(selector)) {
      if (!element.offsetParent || !element.textContent) continue;
      let behind = element;
      while (rgb(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
      const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(light);
      found[selector] = Math.min(found[selector] ?? 21, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
  }
  return found;
}
"""


@pytest.mark.parametrize("width", [360, 400, 540, 640, 720, 800, 1200])
def test_nothing_sticks_out_of_its_panel_at_any_width(blank_page: Page, width: int) -> None:
    blank_page.set_viewport_size({"width": width, "height": 800})
    shown = LensPage(blank_page, Lens(PROMPT, temperature=1.2, top_k=10, top_p=0.9, seed=3))
    for name in ("Pin as A", "Draw 1,000"):
        shown.button(name).click()
    expect(blank_page.get_by_role("columnheader", name="1,000 drawn")).to_be_visible()
    assert blank_page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert blank_page.evaluate(STICKS_OUT) == []


# Texts, tables and boxes that end to the right of the panel they are in, or are squeezed until they cannot be read.
STICKS_OUT = """
() => [...document.querySelectorAll(".cnb-reply, .cnb-side, .cnb-strip, .cnb-work, .cnb-note")].flatMap((panel) => {
  const { right } = panel.getBoundingClientRect();
  const inside = [...panel.querySelectorAll("table, p, button, input, select, dl, blockquote")];
  const narrow = (one) => one.matches(".cnb-number") && one.offsetWidth < 56;
  const beyond = (one) => one.getBoundingClientRect().right > right + 1;
  const out = inside.filter((one) => one.offsetParent && (beyond(one) || narrow(one)));
  return out.map((one) => `${one.className || one.tagName}: ${one.textContent.slice(0, 30)}`);
})
"""


def test_it_works_in_jupyterlab_and_leaves_something_in_the_saved_notebook(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([f"import claude_nb\nlens = claude_nb.Lens({PROMPT!r}, seed=3)\nlens", "print(lens.text)"])
    notebook.start_all()
    page = notebook.page
    expect(page.locator(".cnb-bars tbody tr").first).to_be_visible()
    expect(page.get_by_text("sampling lens, saved")).to_be_hidden()
    page.get_by_role("button", name="sleepy", exact=True).click()
    expect(page.locator(".cnb-word").first).to_have_text("sleepy")
    notebook.wait_for_kernel("idle")
    saved = notebook.save().cells[0].outputs
    static = [output.data["text/html"] for output in saved if "text/html" in output.get("data", {})]
    assert any("sleepy" in html and "<details" in html for html in static)
    assert notebook.errors == []
    assert notebook.foreign == []


def test_a_reply_of_the_demo_model_in_the_playground_leads_to_the_lens(open_notebook: OpenNotebook) -> None:
    show = "pg = Playground(provider='demo', prompt='Tell me a story.')\npg"
    notebook = open_notebook([f"from claude_nb.widgets.playground import Playground\n{show}", "print(reply.text)"])
    notebook.start_all()
    page = notebook.page
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="Open in the lens").click()
    expect(page.locator(".jp-Notebook-cell").nth(1)).to_contain_text("claude_nb.Lens(reply)")
    expect(page.get_by_role("button", name="Now run the new cell: Shift+Enter")).to_be_visible()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".cnb-lens .cnb-bars tbody tr").first).to_be_visible()
    told = " ".join(page.locator(".cnb-md").first.inner_text().split())
    words = "".join(page.locator(".cnb-word").all_inner_texts()).replace("(end)", "")
    assert words.replace("⏎", "") == told.replace(" ", "")


def test_a_dial_of_the_playground_that_is_linked_bends_the_bars(open_notebook: OpenNotebook) -> None:
    link = "for name in ('temperature', 'top_p', 'top_k'):\n    ipywidgets.link((pg, name), (lens, name))\nlens"
    notebook = open_notebook(
        [
            "import claude_nb, ipywidgets\npg = claude_nb.Playground(provider='demo')\npg",
            f"lens = claude_nb.Lens({PROMPT!r}, seed=3)\n{link}",
        ]
    )
    notebook.start_all()
    page = notebook.page
    first = page.locator(".cnb-lens .cnb-bars tbody tr").first.locator("td").nth(2)
    expect(first).to_have_text("33.9%")
    box = page.locator(".cnb-root:not(.cnb-lens)").get_by_role("spinbutton", name="Temperature, number")
    box.fill("0")
    box.press("Enter")
    expect(first).to_have_text("100%")

"""The playground's face, in an empty page: dials, running, comparing, themes, keyboard, small screens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from claude_nb.render import sureness
from claude_nb.types.token import Alternative, Token
from tests.browser.conftest import STATIC
from tests.browser.fake import FakeKernel, cut, messages, run

SONNET = {"provider": "aimlapi", "model": "sonnet"}
OPUS = {"provider": "aimlapi", "model": "opus"}
TEXT = "Sunlight holds **every colour**.\n\n```python\nreturn 1\n```\n\nThe end."


@pytest.fixture
def fake(blank_page: Page) -> Iterator[Callable[..., FakeKernel]]:
    troubles: list[str] = []
    blank_page.on("pageerror", lambda error: troubles.append(str(error)))
    yield lambda **traits: FakeKernel(blank_page, **traits)
    assert troubles == []


New = Callable[..., FakeKernel]

# ---------------------------------------------------------------------------------------------------- dials


def test_every_dial_is_off_until_it_is_moved(fake: New) -> None:
    kernel = fake(prompt="Why?")
    slider = kernel.row("temperature").get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", "model default")
    expect(kernel.row("temperature").get_by_role("switch")).not_to_be_checked()
    kernel.root.get_by_role("button", name="Run", exact=True).click()
    sent = kernel.sent[-1]["settings"]
    assert {name for name, value in sent.items() if value is not None} == {"provider", "model", "prompt", "variable"}


def test_switch_slider_number_and_reset_are_one(fake: New) -> None:
    kernel = fake()
    row = kernel.row("top_k")
    row.get_by_role("switch").click()
    assert kernel.trait("top_k") == 40
    row.get_by_role("spinbutton").fill("7")
    row.get_by_role("spinbutton").press("Tab")
    assert kernel.trait("top_k") == 7
    expect(row.get_by_role("slider")).to_have_value("7")
    row.get_by_role("slider").press("ArrowRight")
    assert kernel.trait("top_k") == 8
    row.get_by_role("button", name=re.compile("back to the model")).click()
    assert kernel.trait("top_k") is None


def test_max_tokens_is_logarithmic_up_to_the_models_own_limit(fake: New) -> None:
    kernel = fake(**SONNET)
    slider = kernel.row("max_tokens").get_by_role("slider")
    slider.press("End")
    assert kernel.trait("max_tokens") == 128_000
    slider.evaluate("(it) => { it.value = 500; it.dispatchEvent(new Event('input')); }")
    assert 1_000 < kernel.trait("max_tokens") < 2_500


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_what_the_model_refuses_is_locked_with_the_reason_in_view(fake: New, name: str) -> None:
    kernel = fake(**OPUS)
    row = kernel.row(name)
    expect(row).to_contain_text(f"takes no {name}")
    expect(row.get_by_role("switch")).to_be_disabled()
    expect(kernel.row("max_tokens").get_by_role("switch")).to_be_enabled()


def test_temperature_and_top_p_exclude_each_other_and_the_row_says_why(fake: New) -> None:
    kernel = fake(**SONNET, top_p=0.9)
    kernel.row("temperature").get_by_role("switch").click()
    assert (kernel.trait("temperature"), kernel.trait("top_p")) == (1, None)
    expect(kernel.row("top_p")).to_contain_text("temperature or top_p, not both")


def test_on_the_demo_model_temperature_goes_past_claudes_range_and_says_so(fake: New) -> None:
    kernel = fake(temperature=1.5)
    expect(kernel.row("temperature").get_by_role("slider")).to_have_attribute("max", "2")
    expect(kernel.row("temperature")).to_contain_text("1.5 is beyond Claude's range")


def test_the_model_list_is_searched_and_takes_any_other_name(fake: New) -> None:
    kernel = fake(provider="aimlapi", model="sonnet", temperature=0.5)
    box = kernel.root.get_by_role("combobox", name="Model")
    box.click()
    expect(kernel.root.locator(".cnb-list").get_by_role("option").first).to_contain_text("tokens of context")
    box.fill("opus 5.5")
    expect(kernel.root.locator(".cnb-list").get_by_role("option")).to_have_count(1)
    box.press("Enter")
    assert kernel.trait("model") == "opus-5.5"
    assert kernel.trait("temperature") is None
    expect(kernel.row("temperature")).to_contain_text("takes no temperature")
    box.fill("my-own-model")
    box.press("Enter")
    assert kernel.trait("model") == "my-own-model"
    expect(kernel.root.locator(".cnb-facts")).to_contain_text("price unknown")


def test_a_model_that_takes_no_dials_offers_the_demo(fake: New) -> None:
    kernel = fake(**OPUS)
    kernel.root.get_by_role("button", name="demo model").click()
    assert (kernel.trait("provider"), kernel.trait("model")) == ("demo", "demo")


def test_effort_and_thinking_offer_what_the_model_takes(fake: New) -> None:
    kernel = fake(**OPUS)
    effort = kernel.root.get_by_label("Effort")
    assert effort.locator("option").all_inner_texts() == ["model default", "low", "medium", "high", "xhigh", "max"]
    effort.select_option("low")
    assert kernel.trait("effort") == "low"
    kernel.set(provider="demo", model="demo", effort=None)
    expect(effort).to_be_disabled()
    expect(kernel.row("effort")).to_contain_text("takes no effort")


def test_stop_sequences_are_chips(fake: New) -> None:
    kernel = fake()
    box = kernel.root.get_by_label("Stop sequences", exact=True)
    for text in ("END", r"\n\n", "END"):
        box.fill(text)
        box.press("Enter")
    assert kernel.trait("stop_sequences") == ["END", "\n\n"]
    kernel.root.get_by_role("button", name="Remove the stop sequence END").click()
    box.press("Backspace")
    assert kernel.trait("stop_sequences") is None


def test_presets_set_what_the_model_takes_and_own_ones_are_saved(fake: New) -> None:
    kernel = fake(**SONNET, top_p=0.9)
    kernel.root.get_by_role("button", name="precise").click()
    assert (kernel.trait("temperature"), kernel.trait("top_p")) == (0.1, None)
    kernel.root.get_by_role("button", name="Save as").click()
    kernel.root.get_by_label("Name of the new preset").fill("mine")
    kernel.root.get_by_role("button", name="Save", exact=True).click()
    assert kernel.sent[-1] == {"t": "preset", "name": "mine", "params": {"temperature": 0.1}}
    kernel.set(**OPUS)
    expect(kernel.root.get_by_role("button", name="precise")).to_be_disabled()


def test_a_400_that_names_a_dial_appears_beside_it_with_a_way_on(fake: New) -> None:
    kernel = fake(prompt="Why?", provider="openai-compatible", model="other", temperature=0.5)
    kernel.stream(1, "", error="temperature is deprecated for this model", blamed="temperature", stop="failed")
    expect(kernel.row("temperature")).to_contain_text("is deprecated for this model")
    kernel.row("temperature").get_by_role("button", name="Turn it off and run again").click()
    assert kernel.trait("temperature") is None
    assert kernel.sent[-1]["settings"]["temperature"] is None


# -------------------------------------------------------------------------------------------------- running


def test_a_run_streams_then_shows_its_footer_and_run_is_run_again(fake: New) -> None:
    kernel = fake(prompt="Why?")
    button = kernel.root.locator(".cnb-run")
    kernel.stream(1, TEXT, end=False, size=5)
    expect(button).to_have_text("Stop")
    expect(kernel.root.locator(".cnb-md")).to_have_attribute("aria-busy", "true")
    kernel.set(history=[run(1, TEXT, thinking="Rayleigh")])
    kernel.tell({"t": "end", "run": 1, "seq": -(-len(TEXT) // 5)})
    expect(button).to_have_text("Run")
    expect(kernel.root.locator(".cnb-reply .cnb-footer")).to_contain_text("20 out")
    expect(kernel.root.locator(".cnb-thought")).to_have_text("Rayleigh")
    expect(kernel.root.locator(".cnb-thought")).not_to_be_visible()


def test_stop_answers_at_once_and_late_pieces_of_the_run_still_count(fake: New) -> None:
    kernel = fake(prompt="Why?")
    kernel.stream(1, "so far", end=False, size=6)
    kernel.page.keyboard.press("Tab")
    kernel.root.locator(".cnb-run").click()
    expect(kernel.root.locator(".cnb-run")).to_have_text("Stopping…")
    assert kernel.sent[-1] == {"t": "stop", "run": 1}
    kernel.tell(messages(1, ["so far", " and late"])[2], {"t": "end", "run": 1, "seq": 2})
    expect(kernel.root.locator(".cnb-reply .cnb-md")).to_have_text("so far and late")


def test_the_live_rate_is_shown(fake: New) -> None:
    kernel = fake()
    kernel.page.evaluate("() => { globalThis.clock = 0; performance.now = () => (clock += 80); }")
    kernel.tell(*messages(1, ["word " * 8] * 7))
    expect(kernel.root.locator(".cnb-rate")).to_have_text(re.compile(r"≈ \d+ tokens/s"))


def test_an_error_is_one_line_with_a_way_to_try_again(fake: New) -> None:
    kernel = fake(prompt="Why?")
    kernel.stream(1, "", error="no key: set AIMLAPI_API_KEY", stop="failed")
    expect(kernel.root.locator(".cnb-reply .cnb-problem")).to_contain_text("set AIMLAPI_API_KEY")
    kernel.root.get_by_role("button", name="Try again").click()
    assert kernel.sent[-1]["t"] == "run"


def test_the_same_prompt_is_run_n_times_and_more_can_be_queued(fake: New) -> None:
    kernel = fake(prompt="Why?")
    kernel.root.get_by_label("Times").fill("3")
    kernel.root.locator(".cnb-run").click()
    assert kernel.sent[-1]["n"] == 3
    kernel.tell({"t": "start", "run": 1})
    kernel.set(state={"run": 1, "live": True, "queued": 2})
    expect(kernel.root.locator(".cnb-bar")).to_contain_text("2 waiting")
    kernel.root.get_by_role("button", name="Queue another").click()
    assert [message["t"] for message in kernel.sent] == ["run", "run"]


def test_what_python_refuses_is_named_where_it_belongs(fake: New) -> None:
    kernel = fake()
    kernel.tell({"t": "refused", "name": "variable", "why": "'a b' cannot be the name of a variable"})
    expect(kernel.root.get_by_role("alert")).to_contain_text("cannot be the name")
    kernel.tell({"t": "refused", "name": "top_k", "why": "off: no top_k here"})
    expect(kernel.row("top_k")).to_contain_text("off: no top_k here")


# ------------------------------------------------------------------------------------------------ surviving


def test_two_views_and_a_late_one_show_the_same_text(fake: New) -> None:
    kernel = fake()
    kernel.stream(1, "so far", end=False)
    kernel.page.evaluate("() => fake.show('100%')")
    kernel.tell(messages(1, ["so far", " so good"])[2])
    kernel.frame()
    expect(kernel.page.locator(".cnb-reply .cnb-md")).to_have_text(["so far so good"] * 2)


def test_after_a_reload_the_running_reply_is_asked_for_and_complete(fake: New) -> None:
    kernel = fake(state={"run": 3, "live": True, "queued": 0}, history=[run(2, "old")])
    assert kernel.sent == [{"t": "sync", "run": 3}]
    sent = messages(3, ["all of it", ", really"])
    sync = {"t": "sync", "run": 3, "seq": 1, "html": [sent[1]["html"][0][2]], "thinking": "", "live": True}
    kernel.tell(sent[2], sync, sent[2])
    kernel.frame()
    expect(kernel.root.locator(".cnb-reply .cnb-md")).to_have_text("all of it, really")


def test_saved_state_without_a_kernel_still_shows_the_last_reply(fake: New) -> None:
    kernel = fake(state={"run": 2, "live": False, "queued": 0}, history=[run(1, "first"), run(2, "**last**")])
    expect(kernel.root.locator(".cnb-reply .cnb-md strong")).to_have_text("last")


def test_the_static_transcript_is_hidden_only_while_the_widget_lives(fake: New) -> None:
    kernel = fake()
    kernel.page.evaluate(
        """() => document.body.insertAdjacentHTML("beforeend",
            '<div class="cnb-transcript-fake1" id="own">a</div><div class="cnb-transcript-other" id="other">b</div>')"""
    )
    expect(kernel.page.locator("#own")).to_be_hidden()
    expect(kernel.page.locator("#other")).to_be_visible()
    kernel.page.evaluate("() => fake.views[0].end()")
    expect(kernel.page.locator("#own")).to_be_visible()


def test_a_view_that_is_closed_leaves_no_listener_behind(fake: New) -> None:
    kernel = fake()
    count = "() => Object.values(fake.listeners).reduce((sum, all) => sum + all.length, 0)"
    before = kernel.page.evaluate(count)
    kernel.page.evaluate("async () => { await fake.show('100%'); fake.views[1].end(); }")
    assert kernel.page.evaluate(count) == before


# ------------------------------------------------------------------------------------------------ comparing


def test_pinned_runs_stand_side_by_side_with_what_differs_marked(fake: New) -> None:
    kernel = fake()
    kernel.stream(1, "a red cat", params={"temperature": 0.2, "top_k": 5})
    kernel.stream(2, "a blue cat", params={"temperature": 0.9, "top_k": 5})
    for number in (1, 2):
        kernel.root.get_by_role("button", name=f"Pin run {number} to compare").click()
    assert kernel.trait("pinned") == [1, 2]
    columns = kernel.root.locator(".cnb-column")
    expect(columns).to_have_count(2)
    assert columns.nth(0).locator("mark").all_inner_texts() == ["0.2"]
    assert columns.nth(1).locator("mark").all_inner_texts() == ["0.9"]
    kernel.root.get_by_label("word by word").check()
    assert (columns.nth(1).locator("del").inner_text().strip(), columns.nth(1).locator("ins").inner_text().strip()) == (
        "red",
        "blue",
    )


def test_one_click_asks_several_models_the_same(fake: New) -> None:
    kernel = fake(prompt="Why?", max_tokens=9)
    kernel.root.get_by_role("button", name="Compare models").click()
    assert kernel.sent[-1]["t"] == "run"
    assert kernel.sent[-1]["compare"] is True
    assert kernel.sent[-1]["settings"]["prompt"] == "Why?"
    assert kernel.sent[-1]["settings"]["max_tokens"] == 9
    kernel.tell({"t": "start", "run": 1})
    expect(kernel.root.get_by_role("button", name="Compare models")).to_be_hidden()
    kernel.tell({"t": "end", "run": 1, "seq": 0})
    expect(kernel.root.get_by_role("button", name="Compare models")).to_be_visible()
    failed = run(2, error="no key was found", provider="anthropic", model="claude-sonnet-4-6", label="Sonnet")
    kernel.set(history=[run(1, "Hello"), failed], pinned=[1, 2])
    columns = kernel.root.locator(".cnb-column")
    expect(columns.nth(0)).to_contain_text("Hello")
    expect(columns.nth(1)).to_contain_text("no key was found")
    kernel.root.get_by_label("Prompt", exact=True).fill(" ")
    expect(kernel.root.get_by_role("button", name="Compare models")).to_be_disabled()


def test_how_sure_a_model_was_is_folded_below_its_reply_and_in_the_comparison(fake: New) -> None:
    sure = sureness.fold((Token("Hel", 0.5), Token("lo", 0.01, (Alternative("<b>p</b>", 0.9),))))
    kernel = fake(history=[run(1, "Hello", sure=sure), run(2, "Hello")], pinned=[1, 2])
    folds = kernel.root.get_by_text("how sure", exact=True)
    expect(folds).to_have_count(1)
    kernel.root.locator(".cnb-runs").get_by_role("button", name="#1").click()
    expect(folds).to_have_count(2)
    folds.first.click()
    words = kernel.root.locator(".cnb-reply .cnb-sure span")
    expect(words).to_have_text(["Hel", "lo"])
    words.nth(1).focus()
    shown = words.nth(1).evaluate("(one) => getComputedStyle(one, '::after').content")
    assert "<b>p</b>" in shown
    assert words.nth(1).evaluate("(one) => getComputedStyle(one).textDecorationStyle") == "double"


def test_four_runs_at_most_are_pinned(fake: New) -> None:
    kernel = fake(history=[run(number, f"text {number}") for number in range(1, 7)])
    for number in range(1, 7):
        kernel.root.get_by_role("button", name=f"Pin run {number} to compare").click()
    assert kernel.trait("pinned") == [3, 4, 5, 6]
    expect(kernel.root.locator(".cnb-column")).to_have_count(4)


def test_an_older_run_can_be_looked_at_and_its_settings_used_again(fake: New) -> None:
    kernel = fake(history=[run(1, "first", prompt="One?", params={"top_k": 5}), run(2, "second")], top_p=0.5)
    kernel.root.locator(".cnb-runs").get_by_role("button", name="#1").click()
    expect(kernel.root.locator(".cnb-reply .cnb-md")).to_have_text("first")
    kernel.root.get_by_role("button", name="Use these settings").click()
    assert (kernel.trait("top_k"), kernel.trait("top_p"), kernel.trait("prompt")) == (5, None, "One?")


def test_get_code_has_only_what_is_set(fake: New) -> None:
    kernel = fake()
    kernel.stream(1, "Hi", params={"temperature": 0}, prompt="Why?\nReally?", variable="answer")
    kernel.root.get_by_role("button", name="Get code").click()
    code = kernel.root.locator(".cnb-code code")
    expect(code).to_have_text("%%claude -p demo -m demo -t 0 -o answer\nWhy?\nReally?")
    kernel.root.get_by_role("button", name="Python").click()
    expect(code).to_contain_text("answer = claude_nb.ask(")
    expect(code).to_contain_text("temperature=0,")
    expect(kernel.root.get_by_role("button", name="Insert below")).to_be_hidden()


def test_no_code_is_offered_for_a_prompt_that_was_cut(fake: New) -> None:
    kernel = fake(history=[run(1, "Hi", prompt="a very long", cut=True)])
    expect(kernel.root.get_by_role("button", name="Get code")).to_be_disabled()
    expect(kernel.root.get_by_role("button", name="Use these settings")).to_be_disabled()


# ------------------------------------------------------------------------------------------ looks and access


def test_the_whole_thing_works_from_the_keyboard(fake: New) -> None:
    kernel = fake()
    kernel.page.evaluate(
        "() => { globalThis.leaked = 0; document.addEventListener('keydown', () => { leaked += 1; }); }"
    )
    kernel.root.get_by_label("Prompt", exact=True).focus()
    kernel.page.keyboard.type("Why?")
    kernel.page.keyboard.press("Control+Enter")
    assert kernel.sent[-1]["settings"]["prompt"] == "Why?"
    kernel.tell({"t": "start", "run": 1})
    kernel.page.keyboard.press("Escape")
    assert kernel.sent[-1] == {"t": "stop", "run": 1}
    assert kernel.page.evaluate("() => leaked") == 0
    reached = set()
    for _ in range(60):
        kernel.page.keyboard.press("Tab")
        reached.add(kernel.page.evaluate("() => document.activeElement.getAttribute('aria-label') ?? ''"))
    assert {"Temperature, slider", "Top p, number", "Max tokens, slider"} <= reached


def test_escape_in_the_model_list_closes_it_and_does_not_stop_the_run(fake: New) -> None:
    kernel = fake()
    kernel.tell({"t": "start", "run": 1})
    kernel.root.get_by_role("combobox", name="Model").click()
    kernel.page.keyboard.press("Escape")
    expect(kernel.root.get_by_role("listbox")).to_be_hidden()
    assert kernel.sent == []


def test_every_control_has_a_name(fake: New) -> None:
    kernel = fake(history=[run(1, TEXT, error="x")], stop_sequences=["END"])
    nameless = kernel.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea")].filter((one) =>
            !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length)
        ).map((one) => one.outerHTML)"""
    )
    assert nameless == []


def test_the_status_is_announced_once_at_the_start_and_once_at_the_end(fake: New) -> None:
    kernel = fake()
    kernel.page.evaluate(
        """() => {
            globalThis.said = [];
            const status = document.querySelector("[role=status]");
            new MutationObserver(() => said.push(status.textContent)).observe(status, {childList: true});
        }"""
    )
    kernel.stream(1, "one two three " * 20, size=4)
    assert kernel.page.evaluate("() => said") == ["Generating a reply", "Reply finished, 60 words"]
    expect(kernel.root.locator(".cnb-scroll")).not_to_have_attribute("aria-live", re.compile(".*"))


def test_the_end_is_followed_only_from_near_the_end(fake: New) -> None:
    kernel = fake()
    kernel.stream(1, "A line of text.\n\n" * 60, end=False, size=50)
    gap = "(it) => it.scrollHeight - it.scrollTop - it.clientHeight"
    box = kernel.root.locator(".cnb-scroll")
    assert box.evaluate(gap) < 40
    box.evaluate("(it) => { it.scrollTop = 100; }")
    kernel.frame()
    more = ["More.\n\n"] * 19
    kernel.tell(*messages(1, [*cut("A line of text.\n\n" * 60, 50), *more])[-len(more) :])
    kernel.frame()
    assert box.evaluate("(it) => it.scrollTop") == 100
    kernel.root.get_by_role("button", name="Jump to latest").click()
    assert box.evaluate(gap) < 40


CONTRAST = """
() => {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const light = ([r, g, b]) => {
    const part = (c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const weak = [];
  const walker = document.createTreeWalker(document.querySelector(".cnb-root"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest(":disabled, style")) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) weak.push([walker.currentNode.data.slice(0, 30), element.className, ratio.toFixed(2)]);
  }
  return weak;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(blank_page: Page, scheme: Any) -> None:
    blank_page.emulate_media(color_scheme=scheme)
    kernel = FakeKernel(
        blank_page, **OPUS, prompt="Why?", stop_sequences=["END"], history=[run(1, TEXT), run(2, "x y")]
    )
    kernel.stream(
        3, TEXT + "\n\n> quote\n\n```python\n# c\ndef f(): return 'a' + 1\n```", thinking="hm", error="broke off"
    )
    kernel.set(pinned=[1, 2])
    kernel.root.get_by_label("word by word").check()
    kernel.root.locator(".cnb-thinking summary").click()
    kernel.root.get_by_role("button", name="Get code").click()
    expect(kernel.root).to_have_attribute("data-theme", scheme)
    assert blank_page.evaluate(CONTRAST) == []


@pytest.mark.parametrize(
    ("where", "name", "value", "theme"),
    [
        ("body", "data-jp-theme-light", "false", "dark"),
        ("body", "data-jp-theme-light", "true", "light"),
        ("body", "data-vscode-theme-kind", "vscode-dark", "dark"),
        ("documentElement", "theme", "dark", "dark"),
        ("body", "class", "dark", "dark"),
    ],
)
def test_the_theme_follows_its_host(fake: New, where: str, name: str, value: str, theme: str) -> None:
    kernel = fake()
    kernel.page.evaluate("([where, name, value]) => document[where].setAttribute(name, value)", [where, name, value])
    expect(kernel.root).to_have_attribute("data-theme", theme)
    background = kernel.root.evaluate("(it) => getComputedStyle(it).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if theme == "light" else "rgb(22, 21, 19)")


@pytest.mark.parametrize("width", [320, 400, 640, 800, 1200])
def test_nothing_runs_out_of_the_box_at_any_width(new_page: Callable[..., Page], width: int) -> None:
    page = new_page(viewport={"width": width, "height": 900})
    page.route("http://widget.test/**", lambda route: route.fulfill(path=STATIC / route.request.url.rsplit("/", 1)[-1]))
    page.route("http://widget.test/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.goto("http://widget.test/")
    kernel = FakeKernel(page, **SONNET, prompt="Why?", temperature=0.5)
    kernel.stream(1, TEXT + "\n\n| a | b |\n|---|---|\n| " + "wide " * 30 + " | x |\n\n" + "long" * 60)
    kernel.set(pinned=[1])
    page.evaluate("() => { document.querySelector('.cnb-rail').open = true; }")
    outside = page.evaluate(
        """() => {
            const edge = document.querySelector(".cnb-root").getBoundingClientRect().right + 0.5;
            return [...document.querySelectorAll(".cnb-root *")].filter((one) =>
                one.checkVisibility() && !one.closest("table, pre, .cnb-sr")
                && one.getBoundingClientRect().right > edge
            ).map((one) => one.outerHTML.slice(0, 90));
        }"""
    )
    assert outside == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_targets_are_at_least_24_pixels(fake: New) -> None:
    kernel = fake(history=[run(1, TEXT)], stop_sequences=["END"])
    small = kernel.page.evaluate(
        """() => [...document.querySelectorAll(".cnb-root :is(button, select, input:not([type=checkbox]), summary)")]
            .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 24)
            .map((one) => one.outerHTML)"""
    )
    assert small == []


def test_reduced_motion_and_forced_colours_are_respected(blank_page: Page) -> None:
    blank_page.emulate_media(reduced_motion="reduce", forced_colors="active")
    kernel = FakeKernel(blank_page)
    kernel.stream(1, "so far", end=False)
    blank_page.wait_for_timeout(600)
    expect(kernel.root.locator(".cnb-md")).to_have_text("so far")
    blink = "(it) => getComputedStyle(it.querySelector('[dir]').lastElementChild, '::after').animationName"
    assert kernel.root.locator(".cnb-md").evaluate(blink) == "none"
    assert kernel.row("top_k").get_by_role("slider").evaluate("(it) => getComputedStyle(it).appearance") == "auto"


def test_in_a_shadow_root_it_looks_and_works_the_same(fake: New) -> None:
    kernel = fake(shadow=True, prompt="Why?")
    kernel.root.locator(".cnb-run").click()
    assert kernel.sent[-1]["t"] == "run"
    assert kernel.root.evaluate("(it) => getComputedStyle(it).paddingLeft") == "16px"


def test_vs_codes_white_backdrop_is_cleared(fake: New) -> None:
    kernel = fake()
    backdrop = kernel.page.evaluate(
        """async () => {
            document.body.insertAdjacentHTML("beforeend",
                "<style>.cell-output-ipywidget-background {background: white !important}</style>" +
                "<div class='cell-output-ipywidget-background'><div id='box'></div></div>");
            const {default: widget} = await import("http://widget.test/playground.js");
            const el = document.querySelector("#box");
            widget.render({model: fake.model, el, signal: new AbortController().signal});
            return getComputedStyle(document.querySelector(".cell-output-ipywidget-background")).backgroundColor;
        }"""
    )
    assert backdrop == "rgba(0, 0, 0, 0)"

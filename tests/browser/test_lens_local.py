"""The lens on a real model, in a real browser: 49,152 tokens, and what the page makes of them without the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from claude_nb.demo.sampling import shape, survivors
from claude_nb.providers.local import loaded
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.token import Alternative, Token
from claude_nb.types.tokens import Tokens
from claude_nb.widgets.lens import Lens
from tests.browser.test_lens import STICKS_OUT, LensPage

FRANCE = "The capital of France is"
local = pytest.mark.local


@pytest.fixture(scope="module", autouse=True)
def engines() -> Iterator[None]:
    """One loading for all tests of this file."""
    yield
    loaded.unload()


@pytest.fixture
def real(blank_page: Page, local_model: Path) -> LensPage:
    return LensPage(blank_page, Lens(FRANCE, provider="local", seed=1, max_tokens=3))


def percents(shown: LensPage) -> list[str]:
    return [row.locator("> *").nth(3).inner_text() for row in shown.bars.all()]


@local
def test_the_two_hundred_likeliest_tokens_can_be_drawn_and_the_rest_is_one_bar(real: LensPage) -> None:
    expect(real.bars).to_have_count(16)
    expect(real.page.locator(".cnb-bars caption")).to_contain_text(
        "The 15 likeliest tokens after “The capital of France is”"
    )
    real.button("Show 200").click()
    expect(real.bars).to_have_count(201)
    rest = 1 - sum(real.lens.steps[0].p[:200])
    assert real.bars.last.inner_text().split("\t")[:1] == ["48,952 others"]
    assert real.cell("␣Paris", 2).inner_text() == f"{real.lens.steps[0].p[0]:.1%}"
    assert real.bars.last.locator("> *").nth(2).inner_text() == f"{rest:.1%}"
    real.button("Show 15").click()
    expect(real.bars).to_have_count(16)


@local
@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.5},
        {"temperature": 2},
        {"temperature": 1.5, "top_p": 0.8},
        {"top_k": 7},
        {"min_p": 0.01},
        {"temperature": 1.2, "top_p": 0.95, "min_p": 0.02},
    ],
)
def test_the_sliders_do_to_all_tokens_what_python_does_and_ask_no_kernel(
    real: LensPage, settings: dict[str, float]
) -> None:
    sent = real.page.evaluate("() => fake.sent.length")
    for name, value in settings.items():
        real.set(name.replace("_", " ").capitalize(), value)
    final = shape(real.lens.steps[0].p, **settings).final  # type: ignore[arg-type]  # one dict for all of them
    left = survivors(final)
    expect(real.page.locator(".cnb-readouts dd").first).to_contain_text(f"{left:,} of 49,152 tokens")
    for shown, exact in zip(percents(real), final[:15], strict=False):
        assert shown.startswith("cut:") if not exact else abs(float(shown.rstrip("%")) - 100 * exact) <= 0.05 + 1e-9
    assert real.page.evaluate("() => fake.sent.length") == sent


@local
def test_tokens_are_drawn_forced_and_compared_as_with_the_demo_model(real: LensPage) -> None:
    real.button("Pin as A").click()
    real.set("Temperature", 2)
    expect(real.page.get_by_text("A (nothing set)")).to_be_visible()
    real.button("Draw 1,000").click()
    expect(real.page.get_by_text("1,000 drawn,")).to_be_visible()
    real.button("␣London").click()
    expect(real.words.first).to_have_text("␣London")
    expect(real.page.get_by_role("button", name="2: ␣London")).to_be_visible()
    expect(real.page.locator(".cnb-why")).to_contain_text("A neural network read the text before")


@local
def test_a_switch_leads_to_the_other_model_and_back(real: LensPage) -> None:
    switch = real.page.get_by_label("Model", exact=True)
    expect(switch).to_have_value("local")
    switch.select_option("demo")
    expect(real.page.locator(".cnb-chip")).to_contain_text("small local word statistics")
    expect(real.words.first).to_have_text("Paris")
    expect(real.page.locator(".cnb-readouts dd").first).to_contain_text("1,397 words")
    switch.select_option("local")
    expect(real.page.locator(".cnb-chip")).to_contain_text("a real model on this machine, not Claude")
    expect(real.page.locator(".cnb-readouts dd").first).to_contain_text("49,152 tokens")


@local
@pytest.mark.parametrize("width", [360, 540, 800, 1280])
def test_nothing_sticks_out_with_a_real_model(blank_page: Page, local_model: Path, width: int) -> None:
    blank_page.set_viewport_size({"width": width, "height": 900})
    lens = Lens("😀 is 🐍 and", provider="local", temperature=0, max_tokens=3)
    shown = LensPage(blank_page, lens)
    shown.button("Show 200").click()
    expect(shown.bars).to_have_count(201)
    expect(shown.words.first).to_have_text("␣<0xF0><0x9F>")
    assert blank_page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert blank_page.evaluate(STICKS_OUT) == []


def test_without_the_model_the_switch_says_what_to_do_and_stays(blank_page: Page) -> None:
    loaded.unload()
    shown = LensPage(blank_page, Lens("Once upon a time"))
    shown.page.get_by_label("Model", exact=True).select_option("local")
    expect(shown.page.locator(".cnb-problem")).to_contain_text("run %claude /fetch-model")
    expect(shown.page.get_by_label("Model", exact=True)).to_have_value("demo")
    expect(shown.button("Draw again from here")).to_be_enabled()


def test_a_reply_is_shown_with_what_was_told_and_without_settings(blank_page: Page) -> None:
    told = (Alternative("Hi", 0.5), Alternative("<b>Hello", 0.25))
    tokens = Tokens((Token("Hi", 0.5, told), Token(" there", None, ())))
    reply = Reply(Request("openai-compatible", "m", (Message("user", "?"),)), text="Hi there", tokens=tokens)
    shown = LensPage(blank_page, Lens.from_reply(reply))
    assert [row.locator("> *").nth(2).inner_text() for row in shown.bars.all()] == ["50.0%", "25.0%", "25.0%"]
    assert shown.bars.last.locator("th").inner_text() == "not told"
    expect(shown.page.get_by_role("switch", name="Temperature")).to_be_hidden()
    expect(shown.page.locator(".cnb-pipeline")).to_be_hidden()
    expect(shown.button("Draw again from here")).to_be_disabled()
    expect(shown.button("<b>Hello")).to_be_disabled()
    shown.words.nth(1).click()
    expect(shown.page.locator(".cnb-readouts")).to_contain_text("its probability was not told")
    assert shown.bars.last.locator("> *").nth(2).inner_text() == "100%"

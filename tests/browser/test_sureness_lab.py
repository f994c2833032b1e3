"""How sure a model was, in a real JupyterLab: folded, shaded, and read with mouse and keyboard, also when reopened."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenNotebook
from tests.browser.test_magic import LOAD, below
from tests.helpers.replies import sse
from tests.helpers.server import Server, stream

HOSTILE = "<img src=x onerror='window.pwned=1'>"
TOKENS = [("Hi", -0.01), (" \u202e$x^2$", -1.0), (f' {HOSTILE}"', -2.0), ("\n", -4.0), ("end", -9.0), ("?", None)]


def scenario() -> list[object]:
    items = [
        {"token": text, "logprob": logprob, "top_logprobs": [{"token": HOSTILE, "logprob": -3.0}]}
        for text, logprob in TOKENS
    ]
    delta = {"content": "".join(text for text, _ in TOKENS)}
    choices = [{"index": 0, "delta": delta, "logprobs": {"content": items}, "finish_reason": "stop"}]
    return [stream(sse({"choices": choices}, "[DONE]"), headers={"content-type": "text/event-stream"})]


def popup(token: Locator) -> str:
    """The text that the style sheet shows below a token."""
    return str(token.evaluate("(one) => getComputedStyle(one, '::after').content"))


def test_each_token_is_shaded_and_shows_its_alternatives_also_after_reopening(open_notebook: OpenNotebook) -> None:
    with Server(scenario()) as server:
        asked = f"%%claude -p openai-compatible -m m --base-url {server.url} --logprobs 1\nHi"
        notebook = open_notebook([LOAD, asked, "%claude -m demo --seed 3 --logprobs 5 Tell me a story."])
        notebook.run_all()
    for reopened in (False, True):
        shown = below(notebook, 1)
        words = shown.locator(".cnb-sure span")
        expect(words.first).to_be_hidden()
        shown.get_by_text("how sure", exact=True).click()
        expect(words).to_have_count(len(TOKENS))
        expect(words.nth(2)).to_have_text(f' {HOSTILE}"')
        lines = [word.evaluate("(one) => getComputedStyle(one).textDecorationStyle") for word in words.all()]
        assert lines == ["solid", "dotted", "dashed", "double", "wavy", "solid"]
        none = [word.evaluate("(one) => getComputedStyle(one).textDecorationLine") for word in words.all()]
        assert none == ["none", *["underline"] * 4, "none"]
        assert popup(words.nth(0)) == "none"
        shown.locator("summary", has_text="how sure").focus()
        notebook.page.keyboard.press("Tab")
        expect(words.nth(0)).to_be_focused()
        assert "Hi" in popup(words.nth(0))
        assert "99%" in popup(words.nth(0))
        words.nth(2).click()
        assert HOSTILE in popup(words.nth(2)).replace("\\", "")
        assert words.nth(2).get_attribute("title") is not None
        below(notebook, 2).get_by_text("how sure", exact=True).click()
        below(notebook, 2).locator(".cnb-sure span").nth(9).click()
        notebook.in_both_themes(f"sureness-{'saved' if reopened else 'live'}")
        expect(notebook.page.locator(".jp-OutputArea mjx-container")).to_have_count(0)
        notebook.save()
        notebook.open()
    assert notebook.page.evaluate("globalThis.pwned") is None
    assert notebook.errors == []
    assert notebook.foreign == []


def test_the_underline_is_there_without_colours(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([LOAD, "%claude -m demo --seed 3 --logprobs 2 Tell me a story."], forced_colors="active")
    notebook.run_all()
    shown = below(notebook, 1)
    shown.get_by_text("how sure", exact=True).click()
    styles = """(all) => all.map((one) => getComputedStyle(one))
                            .map((style) => `${style.textDecorationLine} ${style.textDecorationStyle}`)"""

    drawn = set(shown.locator(".cnb-sure span").evaluate_all(styles))

    notebook.screenshot("sureness-forced-colours")
    assert {"none solid", "underline dotted", "underline dashed"} <= drawn

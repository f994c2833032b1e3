"""Functions that a model calls, in a real JupyterLab: asked about, run, folded, and there after reopening."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.test_magic import KEY, LOAD, below
from tests.helpers import asking
from tests.helpers.asking import Ask
from tests.helpers.replies import messages
from tests.helpers.server import Server

WEATHER = '''def weather(city: str, days: int = 1) -> dict:
    """The weather of a city."""
    if city == "Rome":
        raise LookupError("no station in <b>Rome</b>")
    return {"city": city, "celsius": 18, "note": "<img src=x onerror='window.pwned=1'> $x^2$"}'''
ROUNDS = [
    asking.messages(
        "Let me look at **both**.",
        Ask("c1", "weather", '{"city": "Oslo", "days": 3}'),
        Ask("c2", "weather", '{"city": "Rome"}'),
    ),
    messages(["It is **18 °C** in Oslo; ", "Rome has no station."]),
]


def test_a_call_is_asked_about_folded_and_can_be_opened_also_after_reopening(open_notebook: OpenNotebook) -> None:
    with Server(ROUNDS) as server:
        notebook = open_notebook(
            [LOAD, KEY, WEATHER, f"%%claude --tools weather --base-url {server.url}\nWhere is it warmer?"]
        )
        notebook.start_all()
        field = notebook.page.locator(".jp-Stdin-input")
        field.wait_for()
        expect(below(notebook, 3)).to_contain_text("Let me look at both.")
        expect(below(notebook, 3)).to_contain_text("Let the model call weather(city='Oslo', days=3)?")
        notebook.in_both_themes("tools-asks")
        field.fill("e")
        field.press("Enter")
        notebook.wait_for("globalThis.allCellsDone")
    for _ in range(2):
        shown = below(notebook, 3)
        expect(shown).to_contain_text("It is 18 °C in Oslo")
        calls = shown.locator("details")
        expect(calls).to_have_count(2)
        expect(calls.nth(0).locator("summary")).to_have_text("weather(city='Oslo', days=3)")
        expect(calls.nth(1).locator("summary")).to_have_text("weather(city='Rome') failed")
        result = calls.nth(1).get_by_text("LookupError: no station in <b>Rome</b>")
        expect(result).to_be_hidden()
        calls.nth(0).locator("summary").click()
        calls.nth(1).locator("summary").click()
        expect(result).to_be_visible()
        expect(calls.nth(0)).to_contain_text("<img src=x onerror='window.pwned=1'> $x^2$")
        notebook.in_both_themes("tools")
        notebook.save()
        notebook.open()
    assert notebook.page.evaluate("globalThis.pwned") is None
    assert notebook.errors == []
    assert notebook.foreign == []

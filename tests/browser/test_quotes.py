"""The markers of a reply that quotes something, in a browser: on hover, on focus and on a tap, without a script."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from claude_nb.render import reply as rendered
from tests.render.test_notes import cited, recorded, replied, said

PASSAGE = "The first version of Python was released in 1991."


def opened(page: Page, html: str) -> Page:
    page.set_content(
        f"<meta name=viewport content=width=device-width><button>before</button><main>{html}</main><p>below</p>"
    )
    return page


def test_hovering_and_focusing_a_marker_shows_its_passage(new_page: Callable[..., Page]) -> None:
    page = opened(new_page(), rendered.body(recorded("messages-search")))
    marker = page.locator(".cnb-cite").first
    passage = marker.locator("span")
    expect(passage).to_be_hidden()
    marker.hover()
    expect(passage).to_be_visible()
    expect(passage).to_contain_text(PASSAGE)
    page.get_by_text("below").hover()
    expect(passage).to_be_hidden()
    marker.focus()
    expect(passage).to_be_visible()
    page.keyboard.press("Tab")
    expect(passage).to_be_hidden()
    expect(page.locator(".cnb-cite").nth(1).locator("span")).to_be_visible()
    assert page.locator(".cnb-cite").first.get_attribute("aria-label").startswith("1: General Python FAQ")  # type: ignore[union-attr]  # it has one


def test_a_tap_shows_the_passage_inside_a_narrow_page(new_page: Callable[..., Page]) -> None:
    phone = {"has_touch": True, "is_mobile": True, "viewport": {"width": 360, "height": 640}}
    reply = replied([said("word " * 12), cited("so it is", cited_text="x " * 900)])
    page = opened(new_page(java_script_enabled=False, **phone), rendered.body(reply))
    marker = page.locator(".cnb-cite").first
    marker.tap()
    passage = marker.locator("span")
    expect(passage).to_be_visible()
    box = passage.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


def test_without_the_style_sheet_the_passages_are_in_the_list_only(new_page: Callable[..., Page]) -> None:
    html = rendered.body(recorded("messages-search"))
    begin, end = html.index("<style>"), html.index("</style>") + len("</style>")
    page = opened(new_page(), html[:begin] + html[end:])  # as a front end draws a notebook that it does not trust
    expect(page.locator(".cnb-cite span").first).to_be_hidden()
    expect(page.get_by_text(f"“{PASSAGE}”")).to_be_visible()

"""More than text in a real JupyterLab: a new cell from a reply, pictures of a dry run, thoughts that fold."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenNotebook
from tests.browser.test_magic import KEY, LOAD, below
from tests.helpers.replies import chat, thought
from tests.helpers.server import Server


def test_the_code_of_a_reply_is_in_a_new_cell_that_was_not_run(open_notebook: OpenNotebook) -> None:
    with Server([chat(["Here:\n\n```python\nnever = 'run'\n```\n"])]) as server:
        notebook = open_notebook([LOAD, KEY, f"%%claude --code --base-url {server.url}\nWrite it.", "1 + 1"])
        notebook.run_all()
        notebook.wait_for_text("nothing was run")
        cells = notebook.page.locator(".jp-Notebook .jp-CodeCell")
        expect(cells).to_have_count(5)
    new = [cell for cell in notebook.save().cells if cell.source == "never = 'run'"]
    assert [(cell.execution_count, cell.outputs) for cell in new] == [(None, [])]


def test_where_no_new_cell_comes_the_code_has_a_button_that_copies_it(open_notebook: OpenNotebook) -> None:
    with Server([chat(["Here:\n\n```python\nnever = 'run'\n```\n"])]) as server:
        notebook = open_notebook([LOAD, KEY, f"%%claude --base-url {server.url}\nWrite it.", "%claude /code"])
        notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        notebook.run_all()
        below(notebook, 3).get_by_role("button", name="Copy").click()
        expect(below(notebook, 3).get_by_role("button", name="Copied")).to_be_visible()
    assert notebook.page.evaluate("() => navigator.clipboard.readText()") == "never = 'run'"
    expect(below(notebook, 3)).to_contain_text("never = 'run'")


def test_a_dry_run_shows_what_goes_along_as_a_small_picture(open_notebook: OpenNotebook) -> None:
    red = "from PIL import Image\nred = Image.new('RGB', (600, 300), 'red')"
    notebook = open_notebook([LOAD, KEY, red, "%claude --dry-run -a {{red}} What colour?"])
    notebook.run_all()
    picture = below(notebook, 3).locator("img")
    expect(picture).to_have_js_property("naturalWidth", 600)
    assert picture.bounding_box()["width"] == 160
    expect(below(notebook, 3)).to_contain_text("attached image.png: image/png")
    assert notebook.foreign == []


def test_thoughts_are_folded_above_the_reply_and_can_be_opened(open_notebook: OpenNotebook) -> None:
    with Server([thought(["Let me ", "see."], "Because.")]) as server:
        notebook = open_notebook([LOAD, KEY, f"%%claude --thinking --base-url {server.url}\nWhy?"])
        notebook.run_all()
        expect(below(notebook, 2)).to_contain_text("Because.")
        expect(below(notebook, 2)).to_contain_text("thinking adaptive")
    thoughts = below(notebook, 2).get_by_text("Let me see.")
    expect(thoughts).to_be_hidden()
    below(notebook, 2).locator("summary").click()
    expect(thoughts).to_be_visible()


def test_an_answer_in_json_is_a_block_of_code_and_a_mended_one_says_so(open_notebook: OpenNotebook) -> None:
    item = "from dataclasses import dataclass\n@dataclass\nclass Item:\n    name: str\n    price: float"
    fits = '{"answer": [{"name": "tea <b>", "price": 2.5}, {"name": "cake $x$", "price": 3}]}'
    wrong, right = ([reply[i : i + 7] for i in range(0, len(reply), 7)] for reply in (fits.replace("2.5", '"?"'), fits))
    with Server([chat(wrong), chat(right)]) as server:
        ask = f"%%claude --json list[Item] --base-url {server.url} -p openai-compatible -m m -o menu\nTwo things."
        notebook = open_notebook([LOAD, KEY, item, ask, "menu.to_pandas()"])
        notebook.run_all()
    expect(below(notebook, 3)).to_contain_text("asking once more")
    expect(below(notebook, 3).locator("pre").last).to_contain_text('"name": "cake $x$"')
    expect(below(notebook, 4).locator("td").first).to_have_text("tea <b>")
    code = below(notebook, 3).locator("pre code").last
    notebook.in_both_themes("json", lambda: expect(code).to_have_css("background-color", "rgba(0, 0, 0, 0)"))
    assert notebook.errors == []

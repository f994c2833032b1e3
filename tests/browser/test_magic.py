"""%%claude in a real JupyterLab: it streams, is safe, keeps its place, and survives saving and reopening."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import Notebook
from tests.helpers.replies import chat
from tests.helpers.server import Server

KEY = "import os; os.environ['AIMLAPI_API_KEY'] = 'test-key-0123456789'"
LOAD = "%load_ext claude_nb"

MARKDOWN = """# A heading

Some **bold** words, `code`, a [link](https://example.com) and $x^2$, for $5 and $6.

1. one
2. two

| a | b |
| --- | --- |
| 1 | 2 |

```python
def f(x):
    return x + 1  # one more
```
"""
HOSTILE = """<script>window.pwned = 1</script><img src=x onerror="window.pwned = 2">
[click](javascript:window.pwned=3) ![pixel](http://beacon.test/p.png) <iframe srcdoc="<script>parent.pwned=4</script>">
<details open ontoggle="window.pwned=5"><summary>x</summary></details><style>body{display:none}</style>
<button data-commandlinker-command="notebook:delete-cell">go</button> `<img src=x onerror=window.pwned=6>`
"""


def below(notebook: Notebook, cell: int) -> Locator:
    """All outputs of a cell together."""
    return notebook.page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-OutputArea").first


def test_a_reply_of_the_demo_model_streams_and_carries_its_badge(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([LOAD, "%%claude --seed 4\nHow do I write a function in Python?"])
    notebook.run_all()
    expect(below(notebook, 1)).to_contain_text("def ")
    expect(below(notebook, 1)).to_contain_text("Demo model: small local word statistics, not Claude")
    expect(below(notebook, 1)).to_contain_text("no key found, so the demo model answers")
    notebook.in_both_themes("magic-demo")


def test_markdown_is_rendered_saved_and_there_again_after_reopening(open_notebook: OpenNotebook) -> None:
    with Server([chat([MARKDOWN[i : i + 7] for i in range(0, len(MARKDOWN), 7)])]) as server:
        notebook = open_notebook([LOAD, KEY, f"%%claude --base-url {server.url} -t 0.2\nShow me Markdown."])
        notebook.run_all()
    output = notebook.page.locator(".jp-OutputArea-output")
    expect(output.locator("h1")).to_have_text("A heading")
    expect(output.locator("table td").first).to_have_text("1")
    expect(below(notebook, 2)).to_contain_text("for $5 and $6")
    expect(below(notebook, 2)).to_contain_text("temperature 0.2")
    notebook.in_both_themes("magic-markdown")
    notebook.wait_for_kernel("idle")
    saved = notebook.save().cells[2].outputs
    assert [set(output.data) for output in saved] == [{"text/html", "text/plain"}] * 2
    assert saved[0].data["text/plain"] == MARKDOWN
    assert "test-key-0123456789" not in str(saved)
    notebook.open()
    expect(output.locator("h1")).to_have_text("A heading")


def test_hostile_text_does_nothing_while_it_streams_nor_after(open_notebook: OpenNotebook) -> None:
    with Server([chat([HOSTILE[i : i + 5] for i in range(0, len(HOSTILE), 5)], pause_s=0.01)]) as server:
        notebook = open_notebook([LOAD, KEY, f"%%claude --base-url {server.url}\nHi"])
        notebook.run_all()
    notebook.wait_for_text("beacon.test/p.png")
    expect(notebook.page.locator(".jp-OutputArea-output script, .jp-OutputArea-output iframe")).to_have_count(0)
    expect(notebook.page.locator(".jp-OutputArea-output img, .jp-OutputArea-output style")).to_have_count(0)
    assert notebook.page.evaluate("() => window.pwned") is None
    assert notebook.foreign == []


def test_the_end_of_a_long_reply_does_not_move_the_page(open_notebook: OpenNotebook) -> None:
    paragraphs = [f"Paragraph {i} " + "with words " * 40 + "\n\n" for i in range(60)]
    with Server([chat(paragraphs, pause_s=0.05)]) as server:
        notebook = open_notebook([LOAD, KEY, f"%%claude --base-url {server.url}\nHi"])
        notebook.start_all()
        notebook.wait_for_text("Paragraph 45 ")
        panel = notebook.page.locator(".jp-WindowedPanel-outer")
        panel.evaluate("e => e.scrollTop = 900")
        before = panel.evaluate("e => e.scrollTop")
        notebook.wait_for_text("12 tokens in, 34 out")
        assert abs(panel.evaluate("e => e.scrollTop") - before) < 50


def test_the_stop_button_of_the_notebook_keeps_the_text(open_notebook: OpenNotebook) -> None:
    with Server([chat(["word "] * 500, pause_s=0.1)]) as server:
        notebook = open_notebook([LOAD, KEY, f"%%claude --base-url {server.url}\nHi", "print('went on')"])
        notebook.start_all()
        notebook.wait_for_text("word word")
        notebook.interrupt()
        notebook.wait_for_text("interrupted after")
        assert server.gone.wait()
    expect(below(notebook, 2)).to_contain_text("word word")
    assert notebook.page.locator(".jp-Notebook .jp-CodeCell").nth(3).locator(".jp-OutputArea-output").count() == 0


def test_an_error_is_one_line(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([LOAD, "%%claude -p demo -t 9\nHi"])
    notebook.start_all()
    notebook.wait_for_text("PromptError: temperature goes from 0 to 2")
    expect(below(notebook, 1)).not_to_contain_text("Traceback")


def test_options_complete_with_tab(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([LOAD, "%claude --temp"])
    notebook.page.locator(".jp-Cell").first.click()
    notebook.command("notebook:run-cell")
    notebook.wait_for_kernel("idle")
    notebook.page.locator(".jp-Cell .cm-content").nth(1).click()
    notebook.page.keyboard.press("End")
    notebook.page.keyboard.press("Tab")
    expect(notebook.page.locator(".jp-Completer")).to_contain_text("--temperature")

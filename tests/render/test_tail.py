"""What a reply looks like while it is still arriving."""

from __future__ import annotations

import pytest

from claude_nb.render import markdown_html, tail_html
from tests.helpers.pages import CODE, body, text_of, without_latex


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("so **wh", "<p>so <strong>wh</strong></p>"),
        ("so **", "<p>so</p>"),
        ("so **bold*", "<p>so <strong>bold</strong></p>"),
        ("so *a **b", "<p>so <em>a <strong>b</strong></em></p>"),
        ("so `co", "<p>so <code>co</code></p>"),
        ("so ``a ` b`", "<p>so <code>a ` b</code></p>"),
        ("so [te", "<p>so te</p>"),
        ("so [text](https://ha", "<p>so text</p>"),
        ("**[b](https://ha", "<p><strong>b</strong></p>"),
        ("so ![al", "<p>so al</p>"),
        ("a[0", "<p>a[0</p>"),
        ("so ~~x", "<p>so <s>x</s></p>"),
        ("so \\", "<p>so</p>"),
        ("so `**` an", "<p>so <code>**</code> an</p>"),
        ("- a\n- **b", "<ul><li>a</li>\n<li><strong>b</strong></li>\n</ul>"),
        ("text\n-", "<p>text</p>"),
        ("text\n===", "<p>text</p>"),
        ("done **\n\n", "<p>done **</p>"),
    ],
)
def test_the_preview_shows_what_is_half_written_the_way_it_will_look(text: str, html: str) -> None:
    assert body(tail_html(text)) == html


def test_an_open_fence_is_code_without_colours_and_a_closed_one_has_them() -> None:
    assert body(tail_html("```py\ndef f")) == f"{CODE}def f</code></pre>"
    assert "var(--k)" in tail_html("```py\ndef f(): pass\n```")


def test_a_half_written_end_of_a_fence_is_hidden() -> None:
    assert "`" not in tail_html("```py\nx\n``")


@pytest.mark.parametrize("text", ["| a | b", "| a | b |", "| a | b |\n", "| a | b |\n|--", "| a | b |\n|---|---|"])
def test_a_table_is_a_table_from_its_first_line_on(text: str) -> None:
    assert body(tail_html(text)).startswith("<table><thead><tr><th>a</th>\n<th>b</th>")


def test_an_open_formula_is_not_read_as_markdown() -> None:
    assert "a_1*b*\n- c" in text_of(tail_html("$$\na_1*b*\n- c"))


@pytest.mark.parametrize(
    "text",
    ["Some *words* and `code`.\n\n- a\n- b\n", "# T\n\n| a |\n|-|\n| 1 |\n", "x $a_b$ [l](https://a.b).\n\n$$\nc\n$$"],
)
def test_the_preview_of_finished_text_is_the_finished_text(text: str) -> None:
    assert tail_html(text) == without_latex(markdown_html(text))

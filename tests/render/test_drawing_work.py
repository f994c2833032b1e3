"""A drawing costs a bounded amount of work, whatever the reply is; beyond it the text is shown as it was written."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial

import pytest

from claude_nb.render import cut, markdown_html, parser, tail_html
from claude_nb.render import html as writer
from claude_nb.render.html import TOO_MUCH
from claude_nb.render.live import HUGE_TAIL_CHARS, LiveHtml, Painter
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.pages import faults, text_of
from tests.helpers.work import calls

# The blocks between spaces are repeated, each with a line break where there is a ¶.
WRITTEN = """
[ ![ [[] ]( [a]( *_ **a· *a·**a· ~~a ``a` $ $x$· \\( \\[¶ \\ & &amp; <a· >· >·>·a¶ -·a¶ 1.·a¶ a|b¶|-|-|¶
[a]:·b¶ https://a)· a x¶===¶ ```¶ ####a¶ "( ]· $$¶ \\begin{a}¶
"""
PIECES = [piece.replace("¶", "\n").replace("·", " ") for piece in WRITTEN.split()]
NESTED = {
    "brackets": "[" * 50_000 + "]" * 50_000,
    "stars": "*" * 50_000 + "a" + "*" * 50_000,
    "brackets after a link": "(" * 50_000 + "https://a" + ")" * 50_000,
}


def steps_of(text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many places the parser looks at until the HTML is there."""
    taken = 0

    def step(env: dict[str, int], weight: int) -> None:
        nonlocal taken
        taken += weight
        original(env, weight)

    original = parser._step
    with monkeypatch.context() as patch:
        patch.setattr(parser, "_step", step)
        markdown_html(text)
    return taken


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_reply_takes_a_bounded_number_of_steps(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "STEPS", 2_000)
    assert steps_of(piece * (20_000 // len(piece)), monkeypatch) <= 2_000 + parser._BLOCK_WEIGHT


@pytest.mark.parametrize("name", NESTED)
def test_deeply_nested_text_is_drawn_or_shown_as_it_is(name: str) -> None:
    assert len(markdown_html(NESTED[name])) < 20 * len(NESTED[name])


@pytest.mark.parametrize("piece", ["[", "*_", "- a\n", "&", "$x$ "])
def test_what_is_too_much_is_shown_as_it_was_written_with_a_note(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "STEPS", 500)
    drawn = markdown_html(piece * 1_000)
    assert TOO_MUCH in drawn
    assert text_of(drawn.partition("</p>")[2].removesuffix("</div>")) == piece * 1_000
    assert not faults(drawn)


@pytest.mark.parametrize("draw", [tail_html, partial(cut, limit=2_000)], ids=["tail", "cut"])
@pytest.mark.parametrize("piece", PIECES)
def test_the_work_of_a_live_tail_grows_with_its_length(piece: str, draw: Callable[[str], object]) -> None:
    """Where the work grew with the square, 2,000 characters took thousands of calls each."""
    text = piece * (2_000 // len(piece))
    draw(text)  # what is made once is there
    assert calls(partial(draw, text)) <= 150 * len(text)


def test_brackets_that_close_are_scanned_once() -> None:
    texts = ["[" * size + "]" * size for size in (500, 1_000)]
    assert calls(partial(tail_html, texts[1])) <= 2.6 * calls(partial(tail_html, texts[0]))


def test_only_so_many_formulas_and_so_much_code_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(writer, "mathml", lambda source, **_: drawn.append(len(source)))
    monkeypatch.setattr(writer, "MOST_CHARS", 20_000)
    formulas = " ".join(f"$x_{{{i}}}$" for i in range(6_000))
    page = markdown_html(formulas)
    assert sum(drawn) <= writer.MOST_CHARS
    assert "x_{5999}" in page
    coloured: list[int] = []
    monkeypatch.setattr(writer, "coloured", lambda code, _: coloured.append(len(code)))
    assert "a = 29999" in markdown_html(
        "".join(f"```python\na = {i}\nb = 'twenty characters'\n```\n" for i in range(30_000))
    )
    assert 0 < sum(coloured) <= writer.MOST_CHARS


def test_a_formula_nested_too_deeply_stays_latex() -> None:
    for formula in (
        "{" * 1_900 + "x" + "}" * 1_900,
        "\\frac{" * 300 + "x" + "}{y}" * 300,
        "x" + "^{x" * 600 + "}" * 600,
    ):
        assert html.escape(formula, quote=False) in markdown_html(f"$${formula}$$")


def test_an_ordinary_long_reply_is_drawn() -> None:
    block = "Some **bold**, *light*, `code`, $x_1$ and [link](https://a.b/c).\n\n- one\n\n|a|b|\n|-|-|\n|1|2|\n\n"
    drawn = markdown_html(block * (100_000 // len(block)))
    assert TOO_MUCH not in drawn
    assert drawn.count("<table>") == 100_000 // len(block)


@pytest.mark.parametrize("piece", ["[", "[[]", "](", "*_", "- a\n", "> ", "`", "$"])
def test_one_piece_of_a_stream_that_holds_a_whole_reply_is_drawn_in_part(piece: str) -> None:
    drawn: list[str] = []
    painter = Painter(lambda _, bundle: drawn.append(bundle["text/html"]))
    painter.feed(piece * (300_000 // len(piece)))
    painter.paint(0.0)
    painter.paint(1.0)
    assert "earlier characters appear when the reply ends" in drawn[-1]
    assert max(map(len, drawn)) < 40 * HUGE_TAIL_CHARS
    assert LiveHtml().feed(piece * 10_000)


def test_the_code_of_a_reply_with_too_much_markup_can_still_be_asked_for() -> None:
    request = Request("demo", "demo", (Message("user", "Hi"),))
    assert Reply(request, text="- a\n" * 110_000).code == []
    assert [block.code for block in Reply(request, text="[" * 100_000 + "\n\n```\nx\n```\n").code] == ["x\n"]

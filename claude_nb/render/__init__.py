"""Render the text of models: Markdown as safe HTML, finished or still arriving, and text for terminals.

    chars.py    control characters
    parser.py   Markdown and formulas -> tokens; which links are allowed
    code.py     syntax colours
    mathml.py   formulas -> MathML
    html.py     tokens -> HTML
    inline.py   close unfinished inline Markdown
    tail.py     a preview of text that is still arriving
    cut.py      where such text can be split
    live.py     draw a growing reply
    notes.py    number and list what a reply quotes; its markers have a class

html.py, mathml.py and code.py write every tag, attribute and style themselves. Text of a model only becomes text,
the address of an allowed link, or the number of a list. There is no raw HTML, and there are no images, ids or
classes. A reference definition ([1]: https://...) stays visible text, so that nothing shown depends on later text.
"""

from __future__ import annotations

from pathlib import Path

from claude_nb.render.chars import terminal_safe
from claude_nb.render.cut import cut
from claude_nb.render.html import markdown_html, plain_html
from claude_nb.render.tail import tail_html

STATIC = Path(__file__).parent / "static"  # the front ends of the widgets

__all__ = ["STATIC", "cut", "markdown_html", "plain_html", "tail_html", "terminal_safe"]

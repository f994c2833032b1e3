"""Model text made fit to show: Markdown as safe HTML, finished or still arriving; and text for terminals.

    chars.py    characters that act instead of showing
    parser.py   Markdown and formulas -> tokens; which links may live
    code.py     colours for code
    html.py     tokens -> HTML: the only place where tags are written
    inline.py   what is still open in a paragraph
    tail.py     the preview of text that is still arriving
    cut.py      where such text may be frozen

Every tag, attribute name and style is written here; the text of the model only ever becomes text, a checked
link address, or the number of a list. No raw HTML, no images, no ids, no classes. A reference definition
([1]: https://...) stays visible text, so what is shown never depends on text that comes later.
"""

from __future__ import annotations

from claude_nb.render.chars import terminal_safe
from claude_nb.render.cut import cut
from claude_nb.render.html import markdown_html, plain_html
from claude_nb.render.tail import tail_html

__all__ = ["cut", "markdown_html", "plain_html", "tail_html", "terminal_safe"]

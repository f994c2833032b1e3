"""Show how sure a model was: the tokens of a reply shaded by surprise, each with its alternatives.

Plain HTML without a script, so that a saved notebook keeps it. The underline tells as much as the colour. A browser
shows the title of a token where the mouse is; the style sheet shows it below a token that has the focus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from claude_nb.render.chars import counted
from claude_nb.render.table import text_table
from claude_nb.safe_text.visible import visible
from claude_nb.types.token import Token

MOST_BYTES = 200_000  # of the shaded text
MOST_LINES = 60  # of the text for a terminal
WORD_CHARS = 40  # shown of an alternative
# Up to so many bits of surprise: the line below the token, and how dark it is.
LEVELS = ((1.0, "", 0.0), (2.0, "dotted", 0.12), (4.0, "dashed", 0.24), (7.0, "double", 0.36), (2e3, "wavy", 0.48))
LEGEND = (
    "dotted: below 50%, dashed: below 25%, double: below 6%, wavy: below 1%. "
    "Point at a token for what else was likely, or choose it with Tab or a tap."
)
SOFT = "color:var(--jp-ui-font-color2,#757575)"
BOX = "position:relative;line-height:1.7;padding-bottom:3em"
CODE = "font:inherit;color:inherit;background:none;padding:0;white-space:pre-wrap;overflow-wrap:anywhere"
STYLE = (
    ".cnb-sure span:focus::after{content:attr(title);position:absolute;left:0;max-width:95%;margin-top:1.7em;z-index:9;"
    "padding:.3em .6em;border:1px solid;white-space:normal;background:var(--jp-layout-color0,Canvas);"
    "color:var(--jp-ui-font-color1,CanvasText)}"
)


def fold(tokens: Sequence[Token] | None) -> str:
    """Return the folded view of a reply with these tokens; "" if they are unknown."""
    return f'<details style="margin:.3em 0"><summary>how sure</summary>{shaded(tokens)}</details>' if tokens else ""


def shaded(tokens: Sequence[Token]) -> str:
    """Return the tokens as HTML, up to a number of bytes."""
    spans: list[str] = []
    left, shown = MOST_BYTES, 0
    for span in map(_span, tokens):
        left -= len(span.encode())
        if left < 0:
            break
        spans.append(span)
        shown += 1
    more = f"<p>… {counted(len(tokens) - shown, 'more token')} in reply.tokens</p>" if shown < len(tokens) else ""
    # <code> keeps the front end from typesetting "$...$" as mathematics.
    text = f'<div class="cnb-sure" dir="auto" style="{BOX}"><code style="{CODE}">{"".join(spans)}</code></div>'
    return f'<style>{STYLE}</style><p style="font-size:.85em;{SOFT}">{LEGEND}</p>{text}{more}'


def _span(token: Token) -> str:
    text = escape(visible(token.text), quote=False)
    if token.text.isspace():  # a surprising line end must be seen, too
        text = text.replace("\n", "⏎\n")
    word = text.lstrip(" ") or text  # the space before a word stays without a line, most of all at the end of a line
    before = text[: len(text) - len(word)]
    about = escape(_about(token))
    return f'{before}<span tabindex="0"{_shade(token.surprise)} title="{about}">{word}</span>' if text else ""


def _shade(bits: float | None) -> str:
    if bits is None:
        return f' style="{SOFT}"'
    line, dark = next((line, dark) for most, line, dark in LEVELS if bits <= most)
    return f' style="background:rgba(192,86,42,{dark});text-decoration:underline {line}"' if line else ""


def _about(token: Token) -> str:
    """Return the probability of a token and of its alternatives as one line."""
    own = f"{_word(token.text)} {_percent(token.probability)}"
    others = " · ".join(f"{_word(other.text)} {_percent(other.probability)}" for other in token.alternatives)
    return f"{own}. Most likely: {others}" if others else own


def _word(text: str) -> str:
    """Return a token in quotation marks, in which its spaces and line ends are seen."""
    word = visible(text[:WORD_CHARS]).replace("\n", "⏎").replace("\t", "⇥")
    return f"“{word}…”" if len(text) > WORD_CHARS else f"“{word}”"


def _percent(p: float | None) -> str:
    if p is None:
        return "(unknown)"
    return f"{p:.0%}" if p >= 0.1 else f"{100 * p:.2g}%"


def lines(tokens: Sequence[Token]) -> str:
    """Return the tokens as a table for a terminal."""
    rows = [*_rows(tokens[:MOST_LINES])]
    more = f"\n... and {counted(len(tokens) - MOST_LINES, 'more token')}" if len(tokens) > MOST_LINES else ""
    return visible(text_table(("token", "probability", "alternatives"), rows)) + more


def _rows(tokens: Sequence[Token]) -> Iterator[tuple[str, str, str]]:
    for token in tokens:
        others = ", ".join(f"{_word(other.text)} {_percent(other.probability)}" for other in token.alternatives)
        yield _word(token.text), _percent(token.probability), others

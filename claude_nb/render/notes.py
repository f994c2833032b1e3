"""Number what a reply quotes: a marker at each place, and a list of the quotes below the reply.

A marker shows its passage on hover, on focus and on a tap, by a style sheet alone. Where a notebook is not trusted, the
front end removes that style sheet, and the list says the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from claude_nb.render import parser
from claude_nb.render.chars import one_line
from claude_nb.render.html import link, text_html
from claude_nb.safe_text.visible import visible
from claude_nb.types.sources import Citation

# The marks in the Markdown source. They are punctuation, so that emphasis may end before or after them, and no model
# writes them: they are for vertical text.
OPEN, CLOSE = "\ufe17", "\ufe18"
_PLAIN = str.maketrans({OPEN: "\u3016", CLOSE: "\u3017"})
_MARKS = re.compile(rf"<[^<>]*>|{OPEN}(\d+){CLOSE}")
_IN_ADDRESS = re.compile(f"(?:{OPEN}|%EF%B8%97)\\d+(?:{CLOSE}|%EF%B8%98)")
BLOCKS = ("fence", "code_block", "formula", "open_formula")
MOST_SHOWN = 600  # characters of a passage

STYLE = (
    # The pointer makes a tap on a phone count as hovering.
    "<style>.cnb-cite{cursor:pointer;text-decoration:none}.cnb-cite>sup{padding:0 .15em}"
    ".cnb-cite>span{position:absolute;left:0;right:0;z-index:9;margin:1.5em 1em 0;padding:.5em .8em;max-width:40em;"
    "max-height:12em;overflow:auto;font-size:.9em;line-height:1.4;white-space:pre-wrap;"
    "background:var(--jp-layout-color1,#fff);color:var(--jp-content-font-color1,#222);"
    "border:1px solid var(--jp-border-color1,#bdbdbd);border-radius:4px}"
    ".cnb-cite:hover>span,.cnb-cite:focus>span{display:block}</style>"
)
LIST = "margin:.4em 0;font-size:.85em;color:var(--jp-ui-font-color2,#757575)"


def marked(text: str, quotes: Sequence[Citation], start: int = 0, stop: int | None = None) -> str:
    """Return a part of the text of a reply with a mark after each piece that rests on a quote.

    quotes  of the whole reply; start, stop: the part
    """
    part = text[start:stop].translate(_PLAIN)
    places: dict[int, dict[int, None]] = {}
    for quote in quotes:
        if start < quote.end <= start + len(part):
            at = len(part[: quote.end - start].rstrip())
            at -= part[:at].endswith("|")  # the end of a row of a table
            places.setdefault(at, {})[quote.number] = None
    ends, pieces, done = _block_ends(part) if places else {}, list[str](), 0
    for at, numbers in sorted(places.items()):
        marks = "".join(f"{OPEN}{number}{CLOSE}" for number in numbers)
        place = max(done, ends.get(at, at))
        # Behind code and formulas they need a line of their own.
        pieces += (part[done:place], f"\n{marks}\n\n" if at in ends else marks)
        done = place
    return "".join((*pieces, part[done:]))


def _block_ends(text: str) -> Mapping[int, int]:
    """Return where the code or formula ends in which each character stands, for those that stand in one."""
    lines = [0, *(match.end() for match in re.finditer(r"\r\n?|\n", text)), len(text)]
    ends: dict[int, int] = {}
    try:
        blocks = parser.blocks(text)
    except parser.TooMuchMarkup:  # it is shown as it was written
        return ends
    for block in blocks:
        if block.map and block.type in BLOCKS:
            end = lines[min(block.map[1], len(lines) - 1)]
            ends |= dict.fromkeys(range(lines[block.map[0]] + 1, end + 1), end)
    return ends


def with_markers(html: str, quotes: Sequence[Citation]) -> str:
    """Return rendered HTML with a marker in place of each mark; behind the link or the formula in which it stands."""
    first, held, inside = {quote.number: quote for quote in reversed(quotes)}, list[str](), ""

    def replaced(match: re.Match[str]) -> str:
        nonlocal held, inside
        if match[1]:
            quote = first.get(int(match[1]))
            marker = _marker(quote) if quote else ""
            held += [marker] if inside else []
            return "" if inside else marker
        tag = _IN_ADDRESS.sub("", match[0])
        if opens := re.match("<(a|math)[ >]", tag):
            inside = inside or opens[1]
        elif inside and tag == f"</{inside}>":
            tag, held, inside = tag + "".join(held), [], ""
        return tag

    return _MARKS.sub(replaced, html)


def _marker(quote: Citation) -> str:
    passage = f"{_head(quote)}\n{_passage(quote)}".strip()
    name = escape(one_line(f"{quote.number}: {passage}", MOST_SHOWN))
    # An <a> without an address is the only element that may have a tabindex in a notebook that is not trusted.
    return (
        f'<a class="cnb-cite" tabindex="0" role="note" aria-label="{name}"><sup>[{quote.number}]</sup>'
        f"<span hidden>{text_html(visible(passage))}</span></a>"
    )


def list_html(quotes: Sequence[Citation]) -> str:
    """Return the list of all quotes, and the style of their markers; "" if there are none."""
    if not quotes:
        return ""
    rows = "".join(f'<div dir="auto">[{quote.number}] {_row(quote)}</div>' for quote in _each_once(quotes))
    return f'{STYLE}<div style="{LIST}">{rows}</div>'


def _row(quote: Citation) -> str:
    title, passage = text_html(one_line(_head(quote), 200)), one_line(_passage(quote), MOST_SHOWN)
    name = link(quote.url, title) if quote.url else title
    address = f" · {text_html(one_line(quote.url, 200))}" if quote.url and quote.title else ""
    return name + address + (f" · “{text_html(passage)}”" if passage else "")


def list_text(quotes: Sequence[Citation]) -> str:
    """Return the list of all quotes for a terminal, a line for each."""
    rows = []
    for quote in _each_once(quotes):
        passage = one_line(_passage(quote), 200)
        parts = (_head(quote), quote.url if quote.title else "", f'"{passage}"' if passage else "")
        rows.append(f"[{quote.number}] " + " · ".join(one_line(part, 200) for part in parts if part))
    return "\n".join(rows)


def marked_text(text: str, quotes: Sequence[Citation]) -> str:
    """Return the text of a reply for a terminal, with "[1]" at each place and the list below."""
    if not quotes:
        return text
    shown = marked(text, quotes)
    return re.sub(rf"{OPEN}(\d+){CLOSE}", r"[\1]", shown).rstrip() + f"\n\n{list_text(quotes)}"


def _each_once(quotes: Sequence[Citation]) -> list[Citation]:
    """Return the first quote of each number, with the passages of all of that number."""
    same: dict[int, list[Citation]] = {}
    for quote in quotes:
        same.setdefault(quote.number, []).append(quote)
    return [
        replace(first, text=" … ".join(dict.fromkeys(quote.text for quote in (first, *others) if quote.text)))
        for first, *others in same.values()
    ]


def _head(quote: Citation) -> str:
    return ", ".join(filter(None, (quote.title or quote.url or "document", quote.place)))


def _passage(quote: Citation) -> str:
    more = "…" if len(quote.text) > MOST_SHOWN else ""
    return quote.text[:MOST_SHOWN] + more

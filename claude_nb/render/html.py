"""Write tokens as HTML."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, TypeVar

from claude_nb.render.chars import clean
from claude_nb.render.code import PALETTE, coloured
from claude_nb.render.mathml import mathml
from claude_nb.render.parser import TooMuchMarkup, address, allowed, parse, text_of, too_deep
from claude_nb.safe_text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from markdown_it.token import Token

CODE_IN_BLOCK = "background:none"  # JupyterLab's background for <code> would show as stripes on that of the block
CODE_BLOCK = "margin:.6em 0;padding:.5em .8em;overflow-x:auto;background:var(--jp-cell-editor-background,#8881)"
# Around a formula: "lh", the height of a line, carries the size of the text past an element that has none.
LINE, NO_SIZE, LINE_SIZE, PAGE_SIZE = "line-height:1em", "font-size:0", "font-size:1rem;font-size:1lh", "font-size:1rem"
# Characters of all formulas, and of all coloured code, in one text; the rest is drawn as it was written.
MOST_CHARS, LIVE_CHARS = 200_000, 20_000
TOO_MUCH = "This text has too much markup to draw, so it is shown as it was written."
_MOST_CLOSING = 50  # brackets after an address
_T = TypeVar("_T")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_TABLE_TAGS = ("table", "thead", "tbody", "tr", "th", "td")
_BLOCK_TAGS = frozenset(("p", *_HEADINGS, "blockquote", "ul", "ol", "li", *_TABLE_TAGS))
_INLINE_TAGS = frozenset(("em", "strong", "s"))
# A single line break is kept: models use it for the lines of a poem, and do not wrap prose.
_BREAKS = ("softbreak", "hardbreak")
_ALIGN = frozenset(("text-align:left", "text-align:center", "text-align:right"))
_TASK = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}

# JupyterLab's MathJax searches the page for formulas, so text that is not a formula must not look like one.
_TEX_START = re.compile(r"\$|\\(?=[(\[]|begin\b|ref\b|eqref\b)")
MARK = re.compile("\ufe17\\d+\ufe18")  # of a marker; see notes.py
_BARE_LINK = re.compile(r"(?<![a-z0-9])https?://[^\s<>\"'`\ufe17，。、；：！？（）【】《》「」]{1,2000}", re.IGNORECASE)


def markdown_html(text: str) -> str:
    """Render finished Markdown as one element of safe HTML: "*hi*" -> '<div dir="auto"><p><em>hi</em></p>\\n</div>'."""
    return document(clean(text))


def plain_html(text: str) -> str:
    """Render plain text as one element that wraps long lines."""
    return f'<pre dir="auto" style="white-space:pre-wrap">{escape(clean(text), quote=False)}</pre>'


def document(text: str, *, unfinished: bool = False) -> str:
    """Render cleaned Markdown. An unclosed fence at the end of an unfinished text has no colours."""
    try:
        tokens = parse(text, unfinished=unfinished)
    except TooMuchMarkup:
        return unparsed(text)
    if too_deep(tokens):
        return plain_html(text)
    most = LIVE_CHARS if unfinished else MOST_CHARS
    formula = _at_most(most, _live_formula if unfinished else _formula, _source)
    code = _at_most(most, coloured, lambda *_: None)
    html = "".join(_blocks(tokens, formula, code, _open_fence(tokens, text) if unfinished else None))
    html = visible(html)  # again, because &#8238; is a character by now
    style = f' style="{PALETTE}"' if "var(--" in html else ""
    return f'<div dir="auto"{style}>{html}</div>'


def unparsed(text: str) -> str:
    """Render a text whose markup would take seconds to draw: as plain text, with a note."""
    return f'<div dir="auto"><p><em>{TOO_MUCH}</em></p>{plain_html(text)}</div>'


def _at_most(chars: int, draw: Callable[..., _T], instead: Callable[..., _T]) -> Callable[..., _T]:
    """Return a function that draws texts until they have so many characters together, then does something cheaper."""
    left = chars

    def draw_some(text: str, *how: str) -> _T:
        nonlocal left
        left -= len(text)
        return draw(text, *how) if left >= 0 else instead(text, *how)

    return draw_some


def _open_fence(tokens: list[Token], text: str) -> Token | None:
    last = next((token for token in reversed(tokens) if not token.type.endswith("_close")), None)
    if last is None or last.type != "fence":
        return None
    closing = rf"\n[ \t>]*{re.escape(last.markup)}+[ \t]*\Z"
    return None if re.search(closing, text.rstrip("\n")) else last


def _blocks(
    tokens: list[Token], formula: Callable[[str], str], coloured: Callable[[str, str], str | None], plain: Token | None
) -> Iterable[str]:
    for i, token in enumerate(tokens):
        if token.type == "inline":
            children = token.children or []
            if i > 1 and tokens[i - 2].type == "list_item_open" and children and children[0].content[:4] in _TASK:
                yield _TASK[children[0].content[:4]]
                children[0].content = children[0].content[4:]
            yield from _inline(children, formula)
        elif token.type in ("fence", "code_block"):
            language = (token.info.split() or [""])[0]
            code = coloured(token.content, language) if token is not plain else None
            code = code or escape(token.content, quote=False)
            yield f'<pre dir="ltr" style="{CODE_BLOCK}"><code style="{CODE_IN_BLOCK}">{code}</code></pre>\n'
        elif token.type == "formula":
            yield f"<p>{formula(token.content)}</p>\n"
        elif token.type == "open_formula":
            yield f"<p>{text_html(token.content)}</p>\n"
        elif token.type == "hr":
            yield "<hr>\n"
        elif token.tag in _BLOCK_TAGS and not token.hidden:
            yield _tag(token)


def _tag(token: Token) -> str:
    if token.nesting < 0:
        return f"</{token.tag}>\n"
    style, start = str(token.attrs.get("style", "")), token.attrs.get("start")
    aligned = f' style="{style}"' if style in _ALIGN else ""
    numbered = f' start="{int(start)}"' if token.tag == "ol" and start is not None else ""
    return f"<{token.tag}{aligned}{numbered}>"


def _inline(tokens: list[Token], formula: Callable[[str], str]) -> Iterable[str]:
    links: list[bool] = []  # for every open link, whether it is written as one
    for token in tokens:
        if token.type == "link_open":
            href = str(token.attrs.get("href", ""))
            links.append(allowed(href) and not any(links))
            yield _open_link(href) if links[-1] else ""
        elif token.type == "link_close":
            yield "</a>" if links and links.pop() else ""
        elif token.type == "image":
            yield _image(text_of(token), str(token.attrs.get("src", "")), linked=any(links))
        elif token.type == "text" and not any(links):
            yield _linked(token.content)
        elif token.type == "formula":
            yield formula(MARK.sub("", token.content)) + "".join(MARK.findall(token.content))
        else:
            yield _plain_inline(token)


def _plain_inline(token: Token) -> str:
    if token.type == "code_inline":
        return f"<code>{escape(token.content, quote=False)}</code>"
    if token.type in _BREAKS:
        return "<br>\n"
    if token.tag in _INLINE_TAGS:
        return f"</{token.tag}>" if token.nesting < 0 else f"<{token.tag}>"
    return text_html(token.content)


def _live_formula(source: str) -> str:
    """Render a formula as MathML. If that fails, it stays LaTeX, which the front end may still typeset."""
    block = source.lstrip().startswith(("$$", "\\[", "\\begin"))
    drawn = mathml(source, block=block)
    if drawn is None:
        return _source(source)
    return f'<math display="block">{drawn}</math>' if block else f"<math>{drawn}</math>"


def _source(source: str) -> str:
    """Return a formula as LaTeX. Inside an element, an unbalanced brace cannot take in what follows."""
    return f"<span>{escape(source, quote=False)}</span>"


def _formula(source: str) -> str:
    """Render a formula with its LaTeX, for outputs that are saved.

    In a notebook that it does not trust, JupyterLab removes the tags of MathML, but not their text. The font size is
    therefore 0 outside <math>, and MathJax typesets the LaTeX that remains. In a trusted notebook, <annotation-xml>
    hides the LaTeX from readers and from MathJax.
    """
    html = _live_formula(source)
    if not html.startswith("<math"):
        return html
    tag, _, drawn = html.removesuffix("</math>").partition(">")
    return (
        f'<span style="{LINE}"><span style="{NO_SIZE}">{tag} style="{LINE_SIZE}"><semantics>{drawn}<annotation-xml'
        f' encoding="text/html"><span style="{PAGE_SIZE}">{escape(source, quote=False)}</span></annotation-xml>'
        "</semantics></math></span></span>"
    )


def text_html(text: str) -> str:
    """Return text for a page, in which nothing looks like a formula."""
    return _TEX_START.sub(r"<span>\g<0></span>", escape(text, quote=False))


def link(url: str, html: str) -> str:
    """Return HTML as a link, or as it is if no link may have this address."""
    href = address(url)
    return f"{_open_link(href)}{html}</a>" if href else html


def _open_link(href: str) -> str:
    return f'<a href="{escape(href)}" rel="noopener noreferrer nofollow" target="_blank">'


def _image(description: str, src: str, *, linked: bool) -> str:
    """Write an image as a link to it. Loading it would tell its server who reads which reply."""
    before = f"{text_html(description)} " if description else ""
    if linked or not allowed(src):
        return before + text_html(src)
    return f"{before}{_open_link(src)}{text_html(src)}</a>"


def _linked(text: str) -> str:
    """Write text with bare addresses as links."""
    parts: list[str] = []
    done = 0
    for match in _BARE_LINK.finditer(text):
        url = match[0].rstrip(".,;:!?*_~")
        for _ in range(_MOST_CLOSING):
            opening = {")": "(", "]": "["}.get(url[-1:])
            if opening is None or url.count(url[-1]) <= url.count(opening):
                break
            url = url[:-1].rstrip(".,;:!?*_~")
        href = address(url)
        if href is None:
            continue
        parts += (text_html(text[done : match.start()]), _open_link(href), text_html(url), "</a>")
        done = match.start() + len(url)
    return "".join((*parts, text_html(text[done:])))

"""Reads the HTML we publish the way a strict gatekeeper would."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from claude_nb.render.code import PALETTE
from claude_nb.render.html import CODE_BLOCK, CODE_IN_BLOCK, LINE, LINE_SIZE, NO_SIZE, PAGE_SIZE
from claude_nb.render.mathml import BOLD, SIDES
from tests.helpers import TESTS

CODE = f'<pre dir="ltr" style="{CODE_BLOCK}"><code style="{CODE_IN_BLOCK}">'  # how a code block begins

HOSTILE: dict[str, str] = {
    row["id"]: row["text"] for row in json.loads((TESTS / "hostile" / "corpus.json").read_text())
}

VOID = {"br", "hr"}
TAGS = VOID | {"div", "p", "blockquote", "ul", "ol", "li", "em", "strong", "s", "code", "pre", "a", "span"}
TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
MATH_TAGS = {
    "math",
    "semantics",
    "annotation-xml",
    "mi",
    "mn",
    "mo",
    "mtext",
    "mspace",
    "mrow",
    "mfrac",
    "msqrt",
    "mroot",
}
MATH_TAGS |= {"msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd"}
MATH_TAGS |= {"mstyle", "mpadded", "mphantom", "menclose"}
TAGS |= MATH_TAGS
LENGTH = r"[-+]?(?:\d?(?:\.\d{1,4})?(?:em|ex|cm|in|width)?|\d{1,2}(?:\.\d{1,4})?(?:pt|px|mu|mm)|[a-z]{4,22}mathspace)"
MATH_VALUES = {
    r"(?:stretchy|fence|accent|displaystyle|movablelimits|largeop|separator)": "(?:true|false)",
    r"(?:width|height|depth|lspace|rspace|voffset|mathsize|minsize|maxsize|linethickness)": LENGTH,
    r"(?:columnlines|rowlines|form|linebreak|mathvariant|notation)": "[a-z -]+",
    "scriptlevel": "[012]",
    "style": "|".join(map(re.escape, (BOLD, *SIDES.values()))),
}
ALIGNED = re.compile(r"text-align:(left|center|right)")
ATTRIBUTES = {
    ("div", "dir"): re.compile("auto"),
    ("div", "style"): re.compile(re.escape(PALETTE)),
    ("pre", "dir"): re.compile("ltr|auto"),
    ("pre", "style"): re.compile(f"white-space:pre-wrap|{re.escape(CODE_BLOCK)}"),
    ("code", "style"): re.compile(re.escape(CODE_IN_BLOCK)),
    ("th", "style"): ALIGNED,
    ("td", "style"): ALIGNED,
    ("ol", "start"): re.compile(r"\d{1,9}"),
    ("a", "rel"): re.compile("noopener noreferrer nofollow"),
    ("a", "target"): re.compile("_blank"),
    ("a", "href"): re.compile(r"https?://[^/?#@\\\s]+([/?#][^\s]*)?|mailto:[^\s/]+", re.IGNORECASE),
}
ATTRIBUTES |= {
    ("math", "display"): re.compile("block"),
    ("math", "style"): re.compile(re.escape(LINE_SIZE)),
    ("annotation-xml", "encoding"): re.compile("text/html"),
    ("span", "style"): re.compile(rf"color:var\(--[cksnf]\)|{LINE}|{NO_SIZE}|{PAGE_SIZE}"),
}
ACTING = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_MATH_PAIRS = "|".join(f'{names}="(?:{values})"' for names, values in MATH_VALUES.items())
# The same in one expression, without trust in any parser: our tags, and nothing else that could begin one.
_OURS = re.compile(
    r"</?(?:p|blockquote|[uo]l|li|em|strong|s|code|h[1-6]|table|thead|tbody|tr|t[hd]|span|br|hr|/?a|div)>|</(?:pre|a|div)>"
    rf'|<span style="(?:{LINE}|{NO_SIZE}|{PAGE_SIZE})">|<math(?: display="block")?(?: style="{LINE_SIZE}")?>'
    rf'|</?(?:{"|".join(sorted(MATH_TAGS))})>|<annotation-xml encoding="text/html">'
    rf"|<m[a-z]+(?: (?:{_MATH_PAIRS}))+>"
    r'|<t[hd] style="text-align:(?:left|center|right)">|<ol start="\d{1,9}">|<span style="color:var\(--[cksnf]\)">'
    rf'|<code style="{CODE_IN_BLOCK}">'
    rf'|<div dir="auto"(?: style="{re.escape(PALETTE)}")?>'
    rf'|<pre dir="(?:ltr|auto)" style="(?:white-space:pre-wrap|{re.escape(CODE_BLOCK)})">'
    r'|<a href="(?:https?://[^/?#@\\\s"<>]|mailto:)[^\s"<>]*" rel="noopener noreferrer nofollow" target="_blank">',
    re.IGNORECASE,
)
_FOREIGN = re.compile(r"[<>]|&(?!(?:amp|lt|gt|quot|#x27);)")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.open: list[str] = []
        self.roots = 0
        self.words: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            allowed = ATTRIBUTES.get((tag, name)) or next(
                (
                    re.compile(values)
                    for names, values in MATH_VALUES.items()
                    if tag in MATH_TAGS and re.fullmatch(names, name)
                ),
                None,
            )
            if allowed is None or not allowed.fullmatch(value or ""):
                self.faults.append(f"<{tag} {name}={value!r}>")
            if name == "href":
                self.links.append(value or "")
        if tag == "a" and "a" in self.open:
            self.faults.append("a link in a link")
        self.roots += not self.open
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.open:
            self.faults.append(f"text outside: {data[:20]!r}")
        if ACTING.search(data):
            self.faults.append(f"acting characters: {data[:40]!r}")
        if "semantics" not in self.open or "annotation-xml" in self.open:  # of a formula, its LaTeX
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.faults.append("a comment")

    handle_decl = handle_pi = unknown_decl = handle_comment


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def faults(html: str) -> list[str]:
    """What a page must not hold: foreign tags, attributes, addresses; more than one root; crooked nesting."""
    html.encode()
    reader = read(html)
    if reader.roots != 1 or reader.open:
        reader.faults.append(f"{reader.roots} roots, open: {reader.open}")
    return reader.faults + quick_faults(html)


def quick_faults(html: str) -> list[str]:
    """Faults, by one expression; for many thousand pages."""
    rest = _FOREIGN.search(_OURS.sub("", html))
    return [html[:200]] if rest else []


def text_of(html: str) -> str:
    """The text a reader sees."""
    return "".join(read(html).words)


def links_of(html: str) -> list[str]:
    """Every address in it."""
    return read(html).links


def without_latex(html: str) -> str:
    """The same page as it is drawn while the text arrives: formulas without their LaTeX."""
    start = rf'<span style="{LINE}"><span style="{NO_SIZE}">(<math[^>]*) style="{LINE_SIZE}"><semantics>'
    return re.sub(
        rf"{start}(.*?)<annotation-xml.*?</semantics></math></span></span>", r"\1>\2</math>", html, flags=re.DOTALL
    )


def body(html: str) -> str:
    """The HTML inside the root element."""
    return html.partition(">")[2].removesuffix("</div>").strip()

"""Formulas as MathML, which browsers draw by themselves: no script, no fonts to load.

latex2mathml reads the LaTeX. Only the elements, attributes and values listed here reach the page.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape
from itertools import zip_longest
from typing import TYPE_CHECKING
from unicodedata import category

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LONGEST = 4_000  # characters of a formula that is still drawn
_DEEPEST = 60  # levels of elements
_LARGEST = 60_000  # characters of MathML

_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
_CONTAINERS = ("mrow", "msqrt", "mstyle", "mpadded", "mphantom", "menclose", "mtable", "mtr", "mtd")
_TAGS = frozenset((*_CHILDREN, *_CONTAINERS, "mi", "mn", "mo", "mtext", "mspace"))
# No length can push the rest of the page aside.
_LENGTH = re.compile(
    r"[-+]?(?:\d?(?:\.\d{1,4})?(?:em|ex|cm|in|width)?|\d{1,2}(?:\.\d{1,4})?(?:pt|px|mu|mm))"
    r"|(?:negative)?(?:thin|medium|thick)mathspace"
)
_SWITCH = re.compile("true|false")
_LINES = re.compile("(?:none|solid|dashed)(?: (?:none|solid|dashed)){0,40}")
# No colours: a formula must be readable in a light and in a dark theme.
_ATTRIBUTES = {
    **dict.fromkeys(("stretchy", "fence", "accent", "displaystyle", "movablelimits", "largeop", "separator"), _SWITCH),
    **dict.fromkeys(("width", "height", "depth", "lspace", "rspace", "voffset", "mathsize"), _LENGTH),
    **dict.fromkeys(("minsize", "maxsize", "linethickness"), _LENGTH),
    **dict.fromkeys(("columnlines", "rowlines"), _LINES),
    "form": re.compile("prefix|infix|postfix"),
    "linebreak": re.compile("newline"),
    "mathvariant": re.compile("normal|italic|sans-serif|monospace|double-struck|script|fraktur"),
    "notation": re.compile("[a-z]{3,20}(?: [a-z]{3,20})?"),
    "scriptlevel": re.compile("[012]"),
}
# Most browsers take these from a style only. A right column and a left one meet at the sign of an equation.
BOLD = "font-weight:bold"
SIDES = {"left": "text-align:left;padding-left:.1em", "right": "text-align:right;padding-right:.1em"}
_SIGNS = re.compile(r"\A(?:\$\$?|\\[(\[])(.*?)(?:\$\$?|\\[)\]])\Z", re.DOTALL)
_NUMBERING = re.compile(r"\\label\s*\{[^{}]*\}|\\(?:nonumber|notag)(?![a-zA-Z])")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(equation|align|aligned|eqnarray|gather|gathered|multline)\*?\}")
_ESCAPED = re.compile(r"\\([%$&#_{}])")
_STACKED = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
_WITH_LIMITS = frozenset(
    ("lim", "max", "min", "sup", "inf", "limsup", "liminf", "argmax", "argmin", "Pr", "det", "gcd")
)


@lru_cache(maxsize=512)
def mathml(formula: str, *, block: bool = False) -> str | None:
    r"""Return a formula as the content of a <math> element: mathml("$x$") -> "<mrow><mi>x</mi></mrow>".

    The formula has its signs around it ($, $$, \(, \[ or \begin). None means that it cannot be drawn: it is too
    long, broken, or uses a command that is not known.
    """
    if len(formula) > LONGEST:
        return None
    from latex2mathml.converter import convert_to_element

    found = _SIGNS.match(formula.strip())
    latex = _NUMBERING.sub("", found[1] if found else formula.strip())
    latex = _ENVIRONMENT.sub(_unnumbered, latex)
    try:
        element = convert_to_element(latex, display="block" if block else "inline")
        html = "".join(_written(child, 1) for child in element)
    except Exception:  # noqa: BLE001  # whatever trips over a formula costs its drawing, not the reply
        return None
    return html if len(html) <= _LARGEST else None


def _unnumbered(match: re.Match[str]) -> str:
    """Return an environment that counts no equations, under a name that latex2mathml knows."""
    if match[2] == "equation":
        return ""
    return f"\\{match[1]}{{{'align*' if match[2][0] in 'ae' else 'matrix'}}}"


def _written(element: Element, depth: int, follower: Element | None = None) -> str:
    """Return an element as text; ValueError if it is not one of ours."""
    tag, attributes, text = element.tag, dict(element.attrib), _ESCAPED.sub(r"\1", unescape(element.text or ""))
    if tag not in _TAGS or depth > _DEEPEST or len(element) != _CHILDREN.get(tag, len(element)):
        raise ValueError(tag)
    if re.search(r"\\[a-zA-Z]", text) or (tag == "mi" and text == "&"):
        raise ValueError(f"not a known command: {text}")
    if tag in ("mi", "mo"):
        tag, text = _operator(tag, text, attributes, follower)
    if tag in _STACKED and element[0].tag == "mo" and _has_limits(element[0]):
        tag = _STACKED[tag]
    written = "".join(
        f' {name}="{value}"'
        for name, value in attributes.items()
        if name in _ATTRIBUTES and _ATTRIBUTES[name].fullmatch(value)
    )
    if "bold" in attributes.get("mathvariant", ""):
        written += f' style="{BOLD}"'
    elif tag == "mtd" and attributes.get("columnalign") in SIDES:
        written += f' style="{SIDES[attributes["columnalign"]]}"'
    inside = "".join(_written(child, depth + 1, after) for child, after in zip_longest(element, element[1:]))
    return f"<{tag}{written}>{escape(text, quote=False)}{inside}</{tag}>"


def _has_limits(operator: Element) -> bool:
    return operator.get("movablelimits") == "true" or operator.text in _WITH_LIMITS


def _operator(tag: str, text: str, attributes: dict[str, str], follower: Element | None) -> tuple[str, str]:
    """Return tag and text of a letter or an operator: the tag decides about the space around it."""
    if len(text) > 1 and text.isascii() and text.isalpha():  # the name of a function, as in "log x" and "log(x)"
        close = follower is not None and unescape(follower.text or "") == "("
        attributes |= {"lspace": ".167em", "rspace": "0" if close else ".167em"}
        if text in _WITH_LIMITS:
            attributes["movablelimits"] = "true"
        return "mo", text
    if text in ("∞", "∅", "∠"):
        return "mi", text
    return "mo" if text in ("~", ":", ";") or category(text[:1] or "a") in ("Sm", "Ps", "Pe") else tag, text.replace(
        "~", "∼"
    )

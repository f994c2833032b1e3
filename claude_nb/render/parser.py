"""Parse Markdown and formulas into tokens, and decide which links are allowed."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

DEEPEST = 24  # levels; the parser drops what is nested deeper, so such a text is shown unparsed
STEPS = 300_000  # places that the parser looks at in a finished text; a dense reply of 300 kB has fewer
LIVE_STEPS = 20_000  # in a text that is still arriving, and drawn again and again
_BLOCK_WEIGHT = 3  # a line costs as much as three places in it
_LONGEST = 2000  # characters of an inline formula; bounds the search for its end
_TALLEST = 100  # lines of a block formula

# No user name before the host: https://bank.example@evil.example reads like the bank.
_LINK = re.compile(r"(?:https?://[^/?#@\\\s]+(?:[/?#]|$)|mailto:[^/\\\s]+@)", re.IGNORECASE)

# LaTeX with effects outside its formula: links, styles, attributes, definitions.
_REACHING = re.compile(
    r"\\(?:href|url|style|class|cssId|data|require|html|texthtml|include|img|mmlToken|bbox|csname"
    r"|[gex]?def|let|newcommand|renewcommand|providecommand|newenvironment|renewenvironment|Declare)"
)
_TEX_SIGN = re.compile(r"[\\^_={}+<>]")
_BLOCK_FORMULA = re.compile(r"\$\$|\\\[|\\begin\{([a-z]+\*?)\}")

# Models write <answer>```python and ```</answer>, with the tag on the line of the fence.
_TAG_BEFORE = re.compile(r"(<[A-Za-z][\w-]{0,30}>)[ \t]*(?=`{3,}[\w+#.-]*[ \t]*$)")
_TAG_AFTER = re.compile(r"(`{3,}|~{3,})(?:[ \t]*(</[A-Za-z][\w-]{0,30}>))?[ \t]*")


class TooMuchMarkup(Exception):
    """A text would take seconds to draw."""


def allowed(url: str) -> bool:
    """Return whether a link may have this address, an absolute http, https or mailto one: not "javascript:..."."""
    return _LINK.match(url) is not None


def formula_end(text: str, start: int, stop: int) -> int | None:
    r"""Return where the formula that opens at `start` ends; None for "$5 and $6".

    $x$ follows pandoc: no space inside the dollar signs, no digit after them. \[x\] must look like LaTeX, because
    Markdown also writes a literal bracket this way.
    """
    opening = text[start : start + (2 if text[start] == "\\" or text.startswith("$$", start) else 1)]
    closing = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}.get(opening)
    if closing is None:
        return None
    stop = min(stop, start + _LONGEST)
    begin = start + len(opening)
    end = text.find(closing, begin, stop)
    while opening[0] == "$" and end > 0 and text[end - 1] == "\\":
        end = text.find(closing, end + 1, stop)
    if end < 0:
        return None
    body, after = text[begin:end], text[end + len(closing) : end + len(closing) + 1]
    if not body.strip() or _REACHING.search(body):
        return None
    if opening == "$" and (body[0].isspace() or body[-1].isspace() or after.isdigit() or "`" in body):
        return None
    if opening == "\\[" and (after in ("(", "[") or not _TEX_SIGN.search(body)):
        return None
    return end + len(closing)


def _count(state: StateInline, silent: bool) -> bool:  # noqa: ARG001  # the parser calls every rule like this
    _step(state.env, 1)
    return False


def _count_line(state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: ARG001  # as above
    _step(state.env, _BLOCK_WEIGHT)
    return False


def _step(env: MutableMapping[str, Any], weight: int) -> None:
    env["steps"] -= weight
    if env["steps"] < 0:
        raise TooMuchMarkup


def _inline_formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    end = formula_end(state.src, state.pos, state.posMax)
    if end is None:
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def _block_formula(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    begin = state.bMarks[first] + state.tShift[first]
    opening = _BLOCK_FORMULA.match(state.src, begin, state.eMarks[first])
    if opening is None or state.is_code_block(first):
        return False
    closing = {"$$": "$$", "\\[": "\\]"}.get(opening[0], f"\\end{{{opening[1]}}}")
    seen: dict[str, int] = state.env.setdefault("seen", {})  # line up to which this end does not occur
    line, closed = max(first, seen.get(closing, 0)), False
    while line < min(last, first + _TALLEST) and not closed:
        if line > first:
            if state.isEmpty(line) or state.sCount[line] < state.blkIndent:
                return False
            begin = state.bMarks[line] + state.tShift[line]
        end = state.src.find(closing, begin if line > first else opening.end(), state.eMarks[line])
        line += 1
        if end < 0:
            seen[closing] = line
        elif state.src[end + len(closing) : state.eMarks[line - 1]].strip():
            return False
        else:
            closed = True
    if not closed and not (state.env.get("open") and line == last):
        return False
    content = state.getLines(first, line, state.blkIndent, False)
    if _REACHING.search(content) or (closed and opening[0] == "\\[" and not _TEX_SIGN.search(content.strip()[2:-2])):
        return False
    if not silent:
        token = state.push("formula" if closed else "open_formula", "", 0)
        token.content, token.map, token.block = content, [first, line], True
        state.line = line
    return True


def _fence(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """Read a fence. A tag before its first line, or behind its last one, becomes a paragraph."""
    from markdown_it.rules_block import fence

    begin = state.bMarks[first] + state.tShift[first]
    before = _TAG_BEFORE.match(state.src, begin, state.eMarks[first])
    if before is None and state.src[begin : begin + 3] not in ("```", "~~~"):
        return False
    if state.is_code_block(first):
        return False
    if silent:
        return before is not None or fence(state, first, last, True)
    shift = state.tShift[first]
    if before:
        _push_tag(state, before[1])
        state.tShift[first] += before.end() - begin
        begin = before.end()
    line, after = _closing_tag(state, begin, first, last)
    end = state.eMarks[line]
    state.eMarks[line] = after.end(1) if after else end
    found = fence(state, first, last, False)
    state.tShift[first], state.eMarks[line] = shift, end
    if found and after:
        _push_tag(state, after[2])
    return found


def _closing_tag(state: StateBlock, begin: int, first: int, last: int) -> tuple[int, re.Match[str] | None]:
    """Return the line that closes a fence, and its match if a tag stands behind the fence."""
    opening = re.compile("`+|~+").match(state.src, begin, state.eMarks[first])
    markup = opening[0] if opening else ""
    for line in range(first + 1, last):
        start = state.bMarks[line] + state.tShift[line]
        if state.sCount[line] < state.blkIndent and start < state.eMarks[line]:
            break
        closing = _TAG_AFTER.fullmatch(state.src, start, state.eMarks[line])
        if closing and closing[1].startswith(markup) and not state.is_code_block(line):
            return line, closing if closing[2] else None
    return first, None


def _push_tag(state: StateBlock, tag: str) -> None:
    """Add a paragraph without a place of its own, because it shares the line of a fence."""
    state.push("paragraph_open", "p", 1)
    token = state.push("inline", "", 0)
    token.content, token.children = tag, []
    state.push("paragraph_close", "p", -1)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    md = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST})
    md.enable(["table", "strikethrough"]).disable(["reference", "html_block", "html_inline"])
    md.block.ruler.at("fence", _fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    md.inline.ruler.before("escape", "formula", _inline_formula)
    md.block.ruler.after("fence", "formula", _block_formula, {"alt": ["paragraph", "blockquote", "list"]})
    md.inline.ruler.before("text", "count", _count)
    md.block.ruler.before("table", "count", _count_line, {"alt": ["paragraph", "blockquote", "list"]})
    md.validateLink = allowed  # type: ignore[method-assign]  # the default allows file: and relative addresses
    return md


@cache
def _block_parser() -> MarkdownIt:
    md = _parser.__wrapped__()
    md.core.ruler.enableOnly(["normalize", "block"])
    return md


def parse(text: str, *, unfinished: bool = False) -> list[Token]:
    """Parse a text. If it is unfinished, it may end inside a formula. Raises TooMuchMarkup."""
    return _parser().parse(text, {"open": unfinished, "steps": LIVE_STEPS if unfinished else STEPS})


def blocks(text: str) -> list[Token]:
    """Parse an unfinished text into block tokens with their lines, without inline tokens. Raises TooMuchMarkup."""
    return _block_parser().parse(text, {"open": True, "steps": LIVE_STEPS})


def too_deep(tokens: list[Token]) -> bool:
    """Return whether the parser may have dropped nested text; such a text is shown unparsed."""
    return any(token.level >= DEEPEST - 1 for token in tokens)


def fences(text: str) -> list[tuple[str, str]]:
    r"""Return the language and the content of each fenced block: fences("```py\nx\n```") -> [("py", "x\n")]."""
    try:
        tokens = _block_parser().parse(text.replace("\f", " "), {"steps": STEPS})
    except TooMuchMarkup:  # it is shown as plain text, which has no blocks
        return []
    shown = [] if too_deep(tokens) else [token for token in tokens if token.type == "fence"]
    return [((token.info.split() or [""])[0], token.content) for token in shown]


def address(url: str) -> str | None:
    """Return an address as it is written in a link; None if it is not allowed."""
    try:
        normal = _parser().normalizeLink(url)
    except ValueError:
        return None
    return normal if allowed(normal) else None


def text_of(token: Token) -> str:
    """Return the description of an image as plain text."""
    children = token.children or ()
    return "".join(child.content or "\n" * child.type.endswith("break") for child in children)

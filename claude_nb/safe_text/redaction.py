"""Mask keys in texts: those that this process holds, in any usual spelling, and whatever has the format of a key.

The lowest room, so that an error can mask what it quotes. The work is linear in the length of a text.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from claude_nb.safe_text.key_spellings import CONTEXT, KnownKeys

__all__ = [
    "CONTEXT",
    "MASK",
    "held_back",
    "holds_known",
    "looks_like_key",
    "names_secret",
    "redact",
    "redact_known",
    "redact_pieces",
    "remember",
]

MASK = "[key]"

# The key formats of Anthropic, OpenAI and compatible services, GitHub, AWS, Google and Hugging Face.
# AI/ML API documents no format. Its keys are 32 hexadecimal digits, which match too many harmless texts.
_FORMATS = re.compile(
    r"(?<![A-Za-z0-9])sk-(?P<sk>[A-Za-z0-9_\-]{20,})|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_\-]{30,}|hf_[A-Za-z0-9]{20,}"
)
# An assignment like password = "value", whose name says that the value is secret. Every part of the name and of
# the space is bounded, because an unbounded one is scanned again from each place where it could begin.
_ASSIGNED = re.compile(
    r"(?i)((?:api_?key|secret|token|passw(?:or)?d|pwd)\w{0,40}[\"']?\s{0,20}(?:\]\s{0,20})?[=:]\s{0,20})"
    r"(?:\"([^\"\n]{6,})\"|'([^'\n]{6,})')"
)
_BEARER = re.compile(r"(?i)(bearer\s{1,20}|x-api-key[\"']?\s{0,20}[:=]\s{0,20}[\"']?)[A-Za-z0-9._~+/=\-]{8,}")
_LOGIN = re.compile(r"(?<=://)(?!NAME:PASSWORD@)[^\s/?#@\"'<>]{1,2000}@")

# The name of a header or of a part of an address, such as x-api-key, access_token, X-Amz-Signature.
_SECRET_NAME = re.compile(
    r"(?i)(?:.*[-_.])?(?:api|access|auth|subscription)?"
    r"(?:key|token|secret|password|passwd|pwd|auth|authorization|credentials?|cookie|sig|signature)"
)

_known = KnownKeys()
remember = _known.remember
forget_all = _known.forget_all
holds_known = _known.whole_in
held_back = _known.may_begin_at


def redact(text: str, *, assignments: bool = False) -> str:
    """Mask keys: redact("Bearer sk-ant-api03-abcdef0123456789abcd") -> "Bearer [key]".

    assignments  also mask values that are assigned to a name like password: password = "hunter22"
    """
    text = _BEARER.sub(rf"\1{MASK}", _FORMATS.sub(_masked, redact_known(text)))
    text = _LOGIN.sub(f"{MASK}@", text) if "://" in text else text
    return _ASSIGNED.sub(_masked_value, text) if assignments else text


def redact_known(text: str, before: str = "", *, whole: bool = False) -> str:
    """Mask only the keys that this process holds, because a reply may show what merely looks like a key.

    before  what has been shown before the text; a key may begin there
    whole   mask no pieces of keys
    """
    pieces: list[str] = []
    done, shown = 0, len(before)
    for start, end in _known.spans(before + text, whole=whole):
        if end > shown:
            pieces += (text[done : max(0, start - shown)], MASK)
            done = end - shown
    return "".join((*pieces, text[done:])) if pieces else text


def redact_pieces(pieces: Sequence[str]) -> list[str]:
    """Mask as redact_known() a text that is in pieces. A mask stands in the piece in which its key begins."""
    whole = "".join(pieces)
    spans = deque(_known.spans(whole))
    masked: list[str] = []
    at = 0
    for piece in pieces if spans else ():
        end, shown = at + len(piece), list[str]()
        while spans and spans[0][0] < end:
            start, after = spans[0]
            shown += (whole[at:start], MASK if start >= at else "")
            at = max(at, min(after, end))
            if after > end:
                break
            spans.popleft()
        masked.append("".join((*shown, whole[at:end])))
        at = end
    return masked or list(pieces)


def looks_like_key(text: str) -> bool:
    """Return whether a text contains a key format, such as "sk-ant-api03-..."."""
    return any(_is_key(found) for found in _FORMATS.finditer(text))


def names_secret(name: str) -> bool:
    """Return whether a name says that its value is a secret: names_secret("x-api-key") -> True."""
    return _SECRET_NAME.fullmatch(name) is not None


def _is_key(found: re.Match[str]) -> bool:
    # A key has a digit; a word like "sk-toggleable__content-arrow" has none. Asked here, because a look-ahead would
    # scan the same run again from each "sk-" in it.
    return found["sk"] is None or any(map(str.isdigit, found["sk"]))


def _masked(found: re.Match[str]) -> str:
    return MASK if _is_key(found) else found[0]


def _masked_value(found: re.Match[str]) -> str:
    quote = '"' if found[2] is not None else "'"
    return f"{found[1]}{quote}[masked]{quote}"

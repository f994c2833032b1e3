"""What a message may hold beside its text. Frozen, plain data; each part knows where in the text it stands.

Thought   what a model thought before it wrote on, with the signature that lets it be sent back
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True)
class Thought:
    """A block of thinking, as its server signed it: it goes back unchanged, or not at all.

    sealed  the server's own form of a thought that it does not show; then text and signature are empty
    at      how many characters of the message's text stand before it
    """

    text: str = ""
    signature: str = ""
    sealed: str = ""
    at: int = 0


Part = Thought
_P = TypeVar("_P", bound=Part)
_KINDS: dict[str, type[Part]] = {"thought": Thought}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def placed(part: _P, at: int) -> _P:
    """The part behind *at* characters of text."""
    return replace(part, at=at)


def to_dict(part: Part) -> dict[str, Any]:
    """Plain JSON data; what is empty is absent: {"kind": "thought", "text": "Hm.", "signature": "EqQB"}."""
    return {"kind": _NAMES[type(part)], **{name: value for name, value in asdict(part).items() if value}}


def from_dict(data: Mapping[str, Any]) -> Part:
    """The inverse of to_dict. Raises KeyError, TypeError or ValueError on other data."""
    values = dict(data)
    part = _KINDS[values.pop("kind")](**values)
    fitting = all(isinstance(value, str) for name, value in asdict(part).items() if name != "at")
    if not fitting or type(part.at) is not int or part.at < 0:
        raise ValueError("a part of a message has an impossible value")
    return part

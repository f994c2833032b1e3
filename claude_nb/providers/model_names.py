"""The spellings of a model's name, and the family and version in it."""

from __future__ import annotations

import re
from typing import NamedTuple

FAMILIES = ("opus", "sonnet", "haiku", "fable", "mythos")
_DATED = r"[-@](?:\d{8}|latest|default)"
# As Anthropic, AI/ML API, Amazon and Google write it: "us.anthropic.claude-sonnet-4-5-20250929-v1:0". A name with
# other words in it ("claude-sonnet-4-distilled") is another model.
_NAME = re.compile(
    rf"(?:(?:[a-z]+-)?anthropic-)?(?P<vendor>claude-)?(?P<family>{'|'.join(FAMILIES)})-(?P<major>\d{{1,2}})"
    rf"(?:-(?P<minor>\d{{1,2}}))?(?:{_DATED})?(?:-v\d+(?::\d+)?)?(?:\[1m\])?"
)


class Version(NamedTuple):
    """The family and version in a name.

    Version.of("claude-opus-5.5") -> Version("opus", 5, 5)
    """

    family: str
    major: int
    minor: int
    has_vendor: bool = True

    @classmethod
    def of(cls, model: str) -> Version | None:
        """Read a name in any spelling. Returns None for a model of another kind."""
        found = _NAME.fullmatch(model.lower().rsplit("/", 1)[-1].replace(".", "-"))
        if not found:
            return None
        return cls(found["family"], int(found["major"]), int(found["minor"] or 0), bool(found["vendor"]))

    @property
    def number(self) -> tuple[int, int]:
        """Major and minor version, for comparisons."""
        return self.major, self.minor

    @property
    def name(self) -> str:
        """The name as Anthropic writes it: "claude-opus-5-5", "claude-opus-5"."""
        return f"claude-{self.family}-{self.major}" + (f"-{self.minor}" if self.minor else "")


def plain_name(model: str) -> str:
    """Return one spelling for all.

    Example: "anthropic/claude-sonnet-4.6-20260218" -> "claude-sonnet-4-6".
    """
    name = model.lower().rsplit("/", 1)[-1].replace(".", "-")
    return re.sub(rf"{_DATED}$", "", name)


def is_dated(model: str) -> bool:
    """Return whether a name means one version: it ends in a date or in "-latest"."""
    return re.search(r"-(\d{8}|latest)$", model) is not None

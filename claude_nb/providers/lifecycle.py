"""When a model is retired, and what to use instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from claude_nb.errors import PromptError
from claude_nb.providers import registry
from claude_nb.providers.keys import origin_of
from claude_nb.providers.model_spec import ModelSpec
from claude_nb.providers.models import Models
from claude_nb.types.request import Request

NOTICE_DAYS = 60


def today() -> date:
    """Return the date of this machine."""
    return date.today()  # noqa: DTZ011 - a day more or less does not matter, and UTC would confuse


class Retirement(NamedTuple):
    """The end of a model at a provider.

    on         its last day; None: unknown, but over
    is_over    whether the provider no longer serves it
    successor  an id, or "" if there is none
    """

    label: str
    on: date | None
    is_over: bool
    successor: str = ""

    def require(self) -> None:
        """Raise PromptError if the model is no longer served."""
        if self.is_over:
            when = f" since {self.on}" if self.on else ""
            raise PromptError(f"{self.label} is retired{when}; {self._advice}")

    @property
    def notice(self) -> str:
        """The line for the user: "Claude Sonnet 4.5 retires on 2026-11-30; use -m claude-sonnet-5-5"."""
        return f"{self.label} retires on {self.on}; {self._advice}"

    @property
    def _advice(self) -> str:
        return f"use -m {self.successor}" if self.successor else "choose another model (%claude /models lists them)"


def of(spec: ModelSpec, provider: str) -> Retirement | None:
    """Return the end of a model that is retired, or that retires within 60 days; None for all others.

    What the server says counts more than the date, because a date may be put off.
    """
    on = spec.retires.get(provider)
    if spec.lifecycle == "retired":
        return Retirement(spec.label, on, is_over=True, successor=spec.successor)
    left = (on - today()).days if on else NOTICE_DAYS + 1
    if left > NOTICE_DAYS:
        return None
    return Retirement(spec.label, on, is_over=left < 0 and not spec.lifecycle, successor=spec.successor)


def check(request: Request, models: Models, tell: Callable[[str], None]) -> None:
    """Announce once that the model of a request will retire soon, before it is sent.

    Raises PromptError if the model is retired. A gateway may serve one for longer, so only the provider's own server
    counts.
    """
    home = registry.find(request.provider).base_url
    if request.base_url and origin_of(request.base_url) != origin_of(home or ""):
        return
    if end := of(models.spec(request.model, request.provider), request.provider):
        end.require()
        if end.label not in models.announced:
            models.announced.add(end.label)
            tell(end.notice)

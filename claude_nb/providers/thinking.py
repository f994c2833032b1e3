"""Thinking and effort: what a model takes of them. The facts are in models.json, like all about models.

adaptive  the model decides how much it thinks, guided by effort
enabled   it may think for a number of tokens that is given
disabled  it does not think
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_nb.errors import PromptError
from claude_nb.types.request import Request
from claude_nb.types.settings import EFFORTS, Thinking

if TYPE_CHECKING:
    from claude_nb.providers.models import ModelSpec

USUAL_BUDGET = 8_000  # tokens, for a model that must be told a number and was not
ROOM_FOR_ANSWER = 8_000


def wanted(value: str | int | None, spec: ModelSpec) -> Thinking | None:
    """What is sent for the option: wanted("on", spec of Sonnet 4.6) -> Thinking("adaptive").

    value  "on", "off", a budget in tokens, or None: nothing is sent. Raises PromptError for what the model refuses.
    """
    if value is None:
        return None
    able = spec.thinking if spec.known else ("adaptive", "enabled", "disabled")
    if not able:
        raise PromptError(f"{spec.label} does not think; leave out --thinking, or ask a Claude model")
    if value == "off":
        if "disabled" not in able:
            raise PromptError(f"{spec.label} always thinks; --effort low keeps it short")
        return Thinking("disabled")
    if isinstance(value, int):
        if "enabled" not in able:
            raise PromptError(
                f"{spec.label} sets its own budget; write --thinking without a number, and --effort LEVEL"
            )
        return Thinking("enabled", value)
    if "adaptive" in able:
        return Thinking("adaptive", display="summarized" if spec.hides_thinking else None)
    return Thinking("enabled", USUAL_BUDGET)


def check(request: Request, spec: ModelSpec) -> None:
    """Refuse what the model would refuse. Raises PromptError with what to change."""
    thinking, effort, sampling = request.thinking, request.effort, request.sampling
    if effort and spec.known and effort not in spec.effort:
        takes = f"takes effort {', '.join(spec.effort)}" if spec.effort else "takes no effort"
        raise PromptError(f"{spec.label} {takes}; {'choose one of these' if spec.effort else 'leave it out'}")
    if thinking is None:
        return
    if thinking.kind == "disabled":
        most = spec.quiet_up_to
        if most and effort and EFFORTS.index(effort) > EFFORTS.index(most):
            raise PromptError(f"{spec.label} goes without thinking up to effort {most} only; lower one of the two")
        return
    budget, limit = thinking.budget_tokens, sampling.max_tokens
    if budget and limit and budget >= limit:
        raise PromptError(
            f"the thinking budget of {budget:,} tokens is part of max_tokens, which is {limit:,}; "
            "raise max_tokens or lower the budget"
        )
    if sampling.temperature not in (None, 1.0):
        raise PromptError(f"with thinking on, {spec.label} takes no temperature but 1; leave out one of the two")
    if sampling.top_k is not None:
        raise PromptError(f"with thinking on, {spec.label} takes no top_k; leave out one of the two")
    if sampling.top_p is not None and sampling.top_p < 0.95:
        raise PromptError(f"with thinking on, {spec.label} takes top_p from 0.95 to 1; leave out one of the two")


def with_room(limit: int, thinking: Thinking | None, most: int | None) -> int:
    """A default max_tokens that leaves room for the answer, because thinking counts too. most: the model's own."""
    needed = (thinking.budget_tokens or 0) + ROOM_FOR_ANSWER if thinking else 0
    return min(max(limit, needed), most or max(limit, needed))

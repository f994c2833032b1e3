"""Going on with a reply that was cut: what is asked, and the two pieces as one reply."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from claude_nb.errors import PromptError
from claude_nb.models import Models
from claude_nb.reply import Reply
from claude_nb.values import STOP_WORDS, Message, Request

GO_ON = (
    "Your reply was cut off. Go on exactly where it stopped, without repeating anything and without a remark about it."
)


class Continuation(NamedTuple):
    """The request that goes on with a reply, and the text of it that stays in front."""

    request: Request
    first: Reply
    kept: str

    def joined(self, rest: Reply) -> Reply:
        """Both pieces as the answer to the first request: texts, tokens, cost and time of the two together."""
        first = self.first
        saved = (first.saved_usd, rest.saved_usd)
        costs = (first.cost_usd, rest.cost_usd)
        return replace(
            rest,
            request=first.request,
            text=self.kept + rest.text,
            thinking=first.thinking + rest.thinking,
            usage=first.usage + rest.usage,
            cost_usd=None if None in costs else sum(filter(None, costs)),
            saved_usd=None if None in saved else sum(filter(None, saved)),
            seconds=round(first.seconds + rest.seconds, 3),
            first_token_s=first.first_token_s,
            parts=first.parts,  # thoughts are signed for the place where they stood
        )


def of(reply: Reply | None, models: Models) -> Continuation:
    """How to go on with a reply. Raises PromptError for one that is whole, or of which nothing arrived.

    Models that take one are given the beginning of their reply to complete; the others are asked to go on.
    """
    if reply is None or not reply.text.strip():
        raise PromptError("there is no reply to go on with; ask something first")
    if reply.stop_reason not in ("max_tokens", "interrupted", "error"):
        raise PromptError(
            f"the last reply is {STOP_WORDS[reply.stop_reason]}, so nothing is left of it; "
            "-c NAME keeps a conversation to ask on in"
        )
    request, spec = reply.request, models.spec(reply.model)
    thinks = request.thinking is not None and request.thinking.kind != "disabled"
    if spec.known and spec.prefill and not thinks:
        kept = reply.text.rstrip()  # servers refuse a beginning that ends in white space
        more: tuple[Message, ...] = (Message("assistant", kept),)
    else:
        kept = reply.text
        more = (reply.message, Message("user", GO_ON))
    return Continuation(replace(request, messages=(*request.messages, *more)), reply, kept)

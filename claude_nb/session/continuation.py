"""Going on with a reply: one that was cut, or one that waits for tools; and all its pieces as one reply."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from claude_nb.errors import PromptError
from claude_nb.providers.dialects.content import SEPARATOR
from claude_nb.providers.models import Models
from claude_nb.session.conversation import Cell, Conversation
from claude_nb.types import content
from claude_nb.types.content import Part, Thought, ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import STOP_WORDS, Message, Request

GO_ON = (
    "Your reply was cut off. Go on exactly where it stopped, without repeating anything and without a remark about it."
)


class Continuation(NamedTuple):
    """The request that goes on with a reply, and what stays of it in front.

    first  the reply so far, whose usage, cost and time are counted in
    kept   the text of it that stays; parts: the parts of it that stay
    replaces  the assistant message in the conversation that this reply supersedes; None: none
    """

    request: Request
    first: Reply
    kept: str
    parts: tuple[Part, ...] = ()
    replaces: Message | None = None

    def joined(self, rest: Reply) -> Reply:
        """Both pieces as the answer to the first request: texts, tokens, cost and time of the two together."""
        first = self.first
        saved = (first.saved_usd, rest.saved_usd)
        costs = (first.cost_usd, rest.cost_usd)
        kept = self.kept + SEPARATOR if self.kept and rest.text and self._is_round else self.kept
        return replace(
            rest,
            request=first.request,
            text=kept + rest.text,
            thinking=SEPARATOR.join(filter(None, (first.thinking, rest.thinking))),
            usage=first.usage + rest.usage,
            cost_usd=None if None in costs else sum(filter(None, costs)),
            saved_usd=None if None in saved else sum(filter(None, saved)),
            seconds=round(first.seconds + rest.seconds, 3),
            first_token_s=first.first_token_s,
            parts=(*self.parts, *(content.placed(part, len(kept) + part.at) for part in self._new(rest))),
        )

    @property
    def _is_round(self) -> bool:
        """Whether the model goes on from the results of tools, and not from its own words."""
        return len(settled(self.parts, self.kept)) > 0

    def _new(self, rest: Reply) -> tuple[Part, ...]:
        """The parts of the rest. Thoughts are signed for where they stood: the middle of a text is no such place."""
        bare = self.kept and not self._is_round and not rest.calls
        return tuple(part for part in rest.parts if not (bare and isinstance(part, Thought)))


def of(reply: Reply | None, models: Models) -> Continuation:
    """How to go on with a reply. Raises PromptError for one that is whole, or of which nothing arrived.

    Models that take one are given the beginning of their reply to complete; the others are asked to go on.
    """
    if reply is None or not (reply.text.strip() or reply.calls):
        raise PromptError("there is no reply to go on with; ask something first")
    if reply.stop_reason not in ("max_tokens", "interrupted", "error", "tool_use"):
        raise PromptError(
            f"the last reply is {STOP_WORDS[reply.stop_reason]}, so nothing is left of it; "
            "-c NAME keeps a conversation to ask on in"
        )
    if held := settled(reply.parts, reply.text):
        return answered(replace(reply, parts=held), reply.message)
    if reply.stop_reason == "tool_use" or not reply.text.strip():
        raise PromptError("the last reply asks for a function that was not run; ask again, with --tools")
    request, spec = reply.request, models.spec(reply.model)
    thinks = request.thinking is not None and request.thinking.kind != "disabled"
    if spec.known and spec.prefill and not thinks:
        kept = reply.text.rstrip()  # servers refuse a beginning that ends in white space
        said = (content.placed(part, min(part.at, len(kept))) for part in reply.parts if not isinstance(part, Thought))
        more: tuple[Message, ...] = (Message("assistant", kept, tuple(said)),)
    else:
        kept = reply.text
        more = (reply.message, Message("user", GO_ON))
    # A server that holds the model to a form would have it begin the form anew.
    form = replace(request.answer, how="prompt") if request.answer else None
    asked = replace(request, messages=(*request.messages, *more), answer=form)
    return Continuation(asked, reply, kept, reply.parts, reply.message)


def answered(reply: Reply, replaces: Message | None = None) -> Continuation:
    """The next round of a reply whose calls have their results."""
    asked = replace(reply.request, messages=(*reply.request.messages, reply.message))
    return Continuation(asked, reply, reply.text, reply.parts, replaces)


def extended(talk: Conversation, after: Continuation | None, reply: Reply, cell: Cell | None) -> Conversation:
    """Return the conversation with a complete reply: in place of the one it continues, or as a new exchange."""
    replaces = after.replaces if after else None
    if replaces and (longer := talk.amended(replaces, reply.message)) is not talk:
        return longer
    return talk.before(cell).plus(reply.request, reply.message, cell)


def whole(reply: Reply) -> Reply:
    """A reply of the history as it was shown: with the rounds before it, whose texts and calls its request holds.

    Tokens, cost and time are those of the last round; the others have rows of their own.
    """
    *before, said = reply.request.messages
    if said.role != "assistant" or not settled(said.parts, said.text):
        return reply
    asked = replace(reply.request, messages=tuple(before))
    first = Reply(asked, said.text, parts=said.parts, cost_usd=0.0, saved_usd=0.0, first_token_s=reply.first_token_s)
    return Continuation(reply.request, first, said.text, said.parts).joined(reply)


def settled(held: tuple[Part, ...], text: str) -> tuple[Part, ...]:
    """The parts up to the last result of a tool, where the model has said nothing since; none otherwise."""
    ends = [i for i, part in enumerate(held) if isinstance(part, ToolResult)]
    last = ends[-1] if ends else -1
    return held[: last + 1] if ends and held[last].at >= len(text.rstrip()) else ()

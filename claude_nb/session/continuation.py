"""Continue a reply that was cut or that waits for tool results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from claude_nb.errors import PromptError
from claude_nb.providers.dialects.content import SEPARATOR
from claude_nb.providers.models import Models
from claude_nb.session.conversation import Cell, Conversation, Exchange
from claude_nb.types import content
from claude_nb.types.content import HIDDEN, Attachment, Container, Part, ServerBlock, ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import STOP_WORDS, Message, Request
from claude_nb.types.tokens import joined

GO_ON = (
    "Your reply was cut off. Go on exactly where it stopped, without repeating anything and without a remark about it."
)
_NAME = re.compile(r"[\w .,:+@-]{1,80}")


class Continuation(NamedTuple):
    """The request that continues a reply, and what is kept of that reply.

    first     the reply so far; its usage, cost and time are added
    kept      its text that comes before the new text; parts: its parts that are kept
    replaces  the assistant message in the conversation that this reply supersedes, if any
    """

    request: Request
    first: Reply
    kept: str
    parts: tuple[Part, ...] = ()
    replaces: Message | None = None

    def joined(self, rest: Reply) -> Reply:
        """Return both pieces as one reply to the first request.

        Text, tokens, cost and time are those of both pieces.
        """
        first = self.first
        saved = (first.saved_usd, rest.saved_usd)
        costs = (first.cost_usd, rest.cost_usd)
        kept = self.kept + SEPARATOR if self.kept and rest.text and self._after_tools else self.kept
        return replace(
            rest,
            request=first.request,
            text=kept + rest.text,
            tokens=joined((kept, first.tokens), (rest.text, rest.tokens)),
            thinking=SEPARATOR.join(filter(None, (first.thinking, rest.thinking))),
            usage=first.usage + rest.usage,
            cost_usd=None if None in costs else sum(filter(None, costs)),
            saved_usd=None if None in saved else sum(filter(None, saved)),
            seconds=round(first.seconds + rest.seconds, 3),
            first_token_s=first.first_token_s,
            parts=(*self.parts, *(content.placed(part, len(kept) + part.at) for part in self._new(rest))),
        )

    @property
    def _after_tools(self) -> bool:
        """True if the model continues from tool results, not from its own text."""
        return bool(with_results(self.parts, self.kept))

    def _new(self, rest: Reply) -> tuple[Part, ...]:
        """Return the parts of the rest.

        A signed thought is not valid in the middle of a text, so it is left out.
        """
        in_text = self.kept and not self._after_tools and not rest.calls and not _ends_in_server_tool(self.parts)
        return tuple(part for part in rest.parts if not (in_text and isinstance(part, HIDDEN)))


def of(reply: Reply | None, models: Models) -> Continuation:
    """Return how to continue a reply.

    A model that supports prefill completes the beginning of its reply; other models are asked to go on. Raises
    PromptError if the reply is complete or if nothing arrived.
    """
    if reply is None or not (reply.text.strip() or reply.calls or is_paused(reply)):
        raise PromptError("there is no reply to continue; send a prompt first")
    if reply.stop_reason not in ("max_tokens", "interrupted", "error", "tool_use", "unknown"):
        raise PromptError(
            f"the last reply is {STOP_WORDS[reply.stop_reason]}, so there is nothing to continue; "
            "use -c NAME to keep a conversation going"
        )
    if parts := with_results(reply.parts, reply.text):
        return with_tool_results(replace(reply, parts=parts), reply.message)
    if is_paused(reply):
        return with_tool_results(reply, reply.message)
    if reply.stop_reason == "tool_use" or not reply.text.strip():
        raise PromptError("the last reply calls a function that was not run; send the prompt again with --tools")
    request, spec = reply.request, models.spec(reply.model, reply.provider)
    thinks = request.thinking is not None and request.thinking.kind != "disabled"
    if spec.known and spec.prefill and not thinks:
        kept = reply.text.rstrip()  # servers reject a beginning that ends in white space
        parts = tuple(
            content.placed(part, min(part.at, len(kept))) for part in reply.parts if not isinstance(part, HIDDEN)
        )
        more: tuple[Message, ...] = (Message("assistant", kept, parts),)
    else:
        kept = reply.text
        more = (reply.message, Message("user", GO_ON))
    # A server that enforces the schema would make the model start the JSON again.
    answer = replace(request.answer, method="prompt") if request.answer else None
    request = replace(request, messages=(*request.messages, *more), answer=answer)
    return Continuation(request, reply, kept, reply.parts, reply.message)


def with_tool_results(reply: Reply, replaces: Message | None = None) -> Continuation:
    """Return the next round of a reply whose tool calls have their results, or that the server has paused."""
    request = replace(reply.request, messages=(*reply.request.messages, reply.message))
    return Continuation(request, reply, reply.text, reply.parts, replaces)


def extended(talk: Conversation, after: Continuation | None, reply: Reply, cell: Cell | None) -> Conversation:
    """Add a complete reply to a conversation.

    It replaces the reply that it continues, or becomes a new exchange.
    """
    replaces = after.replaces if after else None
    if replaces and (amended := talk.amended(replaces, reply.message)) is not talk:
        return amended
    return talk.before(cell).plus(reply.request, reply.message, cell)


def whole(reply: Reply) -> Reply:
    """Return a reply of the history with its earlier rounds, and with what it continues.

    Their texts and calls are in its request. Tokens, cost and time are those of the last round, because the other
    rounds have their own rows.
    """
    *before, last = reply.request.messages
    if last.role == "user" and last.text == GO_ON and before:
        *before, last = before
    if last.role != "assistant":
        return reply
    request = replace(reply.request, messages=tuple(before))
    first = Reply(request, last.text, parts=last.parts, cost_usd=0.0, saved_usd=0.0, first_token_s=reply.first_token_s)
    return Continuation(reply.request, first, last.text, last.parts).joined(reply)


def restored(replies: Iterable[tuple[str | None, Reply]]) -> dict[str, Conversation]:
    """Return the conversations that replies of the history belong to, by name.

    replies  with the name of the conversation, the newest first. None: in no conversation

    A conversation is what its newest finished reply was asked after, with that reply. Files are not in the history,
    so a conversation with files is left out. Anybody may have written the history, so a name has to be a plain one.
    """
    talks: dict[str, Conversation] = {}
    for chat, part in replies:
        if not (chat and _NAME.fullmatch(chat)) or chat in talks or not extends(part):
            continue
        reply = whole(part)
        messages = (*reply.request.messages, reply.message)
        exchanges = tuple(map(Exchange, messages[::2], messages[1::2]))
        sides = [message.role for message in messages]
        if sides == ["user", "assistant"] * len(exchanges) and not any(map(_without_data, messages)):
            talks[chat] = Conversation(chat, exchanges, reply.request.system)
    return talks


def extends(reply: Reply) -> bool:
    """Return whether a reply becomes part of its conversation.

    Half an exchange would leave two user messages in a row, which some servers reject. A server that refused once
    refuses again when it sees that.
    """
    return not (reply.broke_off or reply.is_empty or reply.stop_reason in ("refusal", "tool_use"))


def is_paused(reply: Reply) -> bool:
    """Return whether the server has paused a long reply between two calls of its own tools.

    It goes on when it gets the reply back as it is.
    """
    return reply.raw_stop_reason == "pause_turn" and any(isinstance(part, ServerBlock) for part in reply.parts)


def _ends_in_server_tool(parts: Sequence[Part]) -> bool:
    last = next((part for part in reversed(parts) if not isinstance(part, Container)), None)
    return isinstance(last, ServerBlock)


def _without_data(message: Message) -> bool:
    return any(isinstance(part, Attachment) and not part.data for part in message.parts)


def with_results(parts: tuple[Part, ...], text: str) -> tuple[Part, ...]:
    """Return the parts up to the last tool result, if no text follows it."""
    last = max((i for i, part in enumerate(parts) if isinstance(part, ToolResult)), default=None)
    if last is None or parts[last].at < len(text.rstrip()) or _ends_in_server_tool(parts[last:]):
        return ()
    return parts[: last + 1]

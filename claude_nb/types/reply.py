"""`Reply`: what a model answered.

Frozen, plain data that displays itself in a cell.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from claude_nb import schema
from claude_nb.errors import ClaudeError, NoJson
from claude_nb.safe_text.visible import one_line
from claude_nb.types import answers, reply_files, sources
from claude_nb.types.code import CodeBlock, python_of
from claude_nb.types.content import Called, Part, calls_with_results
from claude_nb.types.plain import SIGNED, Plain, to_plain
from claude_nb.types.reply_files import ReplyFile
from claude_nb.types.request import STOP_WORDS, Message, Request, StopReason, Usage
from claude_nb.types.tokens import Tokens

Source = Literal["live", "replay", "demo", "batch"]


@dataclass(frozen=True, slots=True)
class Reply(Plain):
    """A finished answer, or the part of it that arrived. ``str(reply)`` is the text.

    Args:
        request: The request that it answers.
        text: The text of the reply.
        thinking: The thinking that the server showed, or "".
        usage: Tokens as the server counted them.
        stop_reason: end, max_tokens, stop_sequence, tool_use, refusal, interrupted, error or unknown.
        raw_stop_reason: The server's own word for it, or None.
        seconds: Time from sending to the last token. In a sweep on threads it does not include waiting for a free
            connection or for a retry.
        first_token_s: Seconds to the first token, or None if none arrived.
        cost_usd: US dollars, or None if unknown. A cost that the server reports replaces the one of the price table.
        source: "live", "replay" (from the history or a file), "demo" (the embedded model) or "batch".
        request_id: Id of the request at the server, for its support; None if it sent none.
        response_model: The model that really answered, or None if the server did not say.
        created_at: When the reply was written, with its time zone.
        error: Why it broke off, in one line; None for a reply that ended by itself.
        saved_usd: US dollars that the cache saved, or None if unknown. Negative if filling the cache cost more.
        stop_detail: Why the model refused, or the stop sequence that matched; None if the server did not say.
        parts: Signed thoughts, tool calls and tool results, for the conversation.
        tokens: The tokens of the text with their probabilities, if logprobs asked for them; None if unknown.

    Example:
        >>> Reply(Request("demo", "demo", (Message("user", "Hi"),)), text="Hello.").text
        'Hello.'
    """

    _ignores_unknown = True
    _always = (  # null in JSON if they are unknown, as in the first version
        *("text", "thinking", "usage", "seconds", "first_token_s", "cost_usd"),
        *("raw_stop_reason", "request_id", "response_model", "error"),
    )
    request: Request
    text: str = ""
    thinking: str = ""
    usage: Usage = field(default_factory=Usage)
    stop_reason: StopReason = "end"
    raw_stop_reason: str | None = None
    seconds: float = 0.0
    first_token_s: float | None = None
    cost_usd: float | None = None
    source: Source = "live"
    request_id: str | None = None
    response_model: str | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    error: str | None = None
    saved_usd: Annotated[float, SIGNED] | None = None
    stop_detail: str | None = None
    parts: tuple[Part, ...] = ()
    tokens: Tokens | None = None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Reply {one_line(self.text, 60)!r} ({one_line(self.model, 60)}, {one_line(self.ending, 60)})>"

    @property
    def model(self) -> str:
        """The model that the request was sent to."""
        return self.request.model

    @property
    def provider(self) -> str:
        """The provider that the request was sent to."""
        return self.request.provider

    @property
    def prompt(self) -> str:
        """The newest prompt of the request."""
        return self.request.prompt

    @property
    def params(self) -> dict[str, Any]:
        """The settings that were sent: {"temperature": 0.2}."""
        return self.request.params

    @property
    def complete(self) -> bool:
        """Return whether the reply ended by itself: max_tokens, an interruption and an error cut it."""
        return not self.broke_off and self.stop_reason != "max_tokens"

    @property
    def broke_off(self) -> bool:
        """Return whether an interruption or an error ended the reply. The same request may get another one."""
        return self.stop_reason in ("interrupted", "error")

    @property
    def is_timed(self) -> bool:
        """Return whether `seconds` tells how long the model took: not of a replay, nor of a reply in a batch."""
        return self.source in ("live", "demo")

    @property
    def ending(self) -> str:
        """End of the reply, as the footer says it: "finished", "the reply is empty (cut at max_tokens)"."""
        words = STOP_WORDS[self.stop_reason]
        if self.stop_reason == "unknown" and self.raw_stop_reason:
            words = f'ended with "{" ".join(self.raw_stop_reason.split())[:60]}", an unknown reason'
        ended = self.stop_reason in ("end", "max_tokens", "stop_sequence", "unknown")
        return f"the reply is empty ({words})" if ended and self.is_empty else words

    @property
    def is_empty(self) -> bool:
        """Return whether there is no text but white space, and no tool call."""
        return not (self.text.strip() or self.calls)

    @property
    def message(self) -> Message:
        """The reply as a message of a conversation."""
        return Message("assistant", self.text, self.parts)

    @property
    def calls(self) -> list[Called]:
        """The tool calls with their results, in order.

        reply.calls[0] has name, arguments, result and failed.
        """
        return calls_with_results(self.parts)

    @property
    def citations(self) -> tuple[sources.Citation, ...]:
        """The passages that the reply quotes: reply.citations[0] has title, text, pages, chars, begin, end and url."""
        return sources.citations(self.request, self.parts)

    @property
    def sources(self) -> tuple[sources.Source, ...]:
        """The web pages that the reply quotes: reply.sources[0] has title, url, text and page_age."""
        return sources.sources(self.citations, self.parts)

    @property
    def files(self) -> tuple[ReplyFile, ...]:
        """The files that code on the server has written: reply.files[0].save(). Nothing is downloaded before."""
        return reply_files.files(self.request, self.parts)

    @property
    def code(self) -> list[CodeBlock]:
        """The fenced code blocks, in order: reply.code[0].language, reply.code[0].code."""
        from claude_nb.render import parser

        return [CodeBlock(*fence) for fence in parser.fences(self.text)]

    @property
    def python(self) -> str:
        """The Python blocks as one text.

        --code puts it into a new cell, and `%load reply.python` into the current one. Characters that could hide or
        reorder code are removed. A block without a language counts only if no block has one, and if it is a Python
        program, not a command or an output.
        """
        return python_of(self.code)

    def json(self) -> Any:
        """Read the reply as JSON.

        Returns:
            The value of the whole text, with or without thinking in tags before it, or else of the first fenced block
            that is JSON:
            `claude_nb.ask("Count to 3, as a JSON list.").json()` -> [1, 2, 3].

        Raises:
            NoJson: If neither is JSON. It is also a ValueError.
        """
        from claude_nb.render import parser

        answer = schema.without_thinking(self.text)
        for text in (self.text, answer, *(code for _, code in parser.fences(answer))):
            try:
                return json.loads(text)
            except (ValueError, RecursionError):  # a model can nest deeper than the parser allows
                continue
        raise NoJson("this reply contains no JSON; ask for JSON only, or read reply.text")

    @property
    def data(self) -> Any:
        """The structured answer as plain data, or None if it is missing or not valid."""
        return self._answer()[0]

    @property
    def problem(self) -> str | None:
        """Why the structured answer is not valid, or None.

        For example "$.items[2].price: 'abc' is not a number".
        """
        return self._answer()[1]

    def to(self, kind: Any) -> Any:
        """Convert the JSON of the reply to an instance of a Python type.

        Args:
            kind: A dataclass, a TypedDict, a pydantic model, list[...] or another type hint.

        Returns:
            An instance of *kind*: `reply.to(Item)` or `reply.to(list[Item])`.

        Raises:
            NoJson: If the reply contains no JSON, or the JSON does not match; the message has the path.
            PromptError: If JSON cannot hold the type.
        """
        expected = schema.of(kind)
        value, why = self._json()
        if why := why or schema.problem(value, expected):
            raise NoJson(f"the answer does not match {getattr(kind, '__name__', kind)} ({why}); read reply.text")
        return schema.build(value, kind)

    def to_pandas(self) -> Any:
        """Convert the JSON of the reply to a pandas DataFrame.

        Returns:
            One row for each record of a list, or of an object with exactly one list:
            `reply.to_pandas()["price"].sum()`.

        Raises:
            NoJson: If the reply contains no such list.
            ClaudeError: If pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ClaudeError("to_pandas() needs pandas: %pip install pandas") from None
        value, why = self._json()
        if isinstance(value, dict):
            lists = [inner for inner in value.values() if isinstance(inner, list)]
            value = lists[0] if len(lists) == 1 else None
        if not isinstance(value, list):
            why = why or "it contains no list, or several"
            raise NoJson(
                f"this answer is not a table ({why}); ask for a list of records, for example --json list[Item]"
            )
        return pandas.DataFrame(value)

    def _json(self) -> tuple[Any, str | None]:
        """Return the structured answer and what is wrong with it, or any JSON of the text.

        Raises NoJson.
        """
        return self._answer() if self.request.answer else (self.json(), None)

    def _answer(self) -> tuple[Any, str | None]:
        return answers.read(
            self.request.answer, self.text, self.parts, self.thinking if self.stop_reason == "end" else ""
        )

    def to_dict(self, *, request: bool = True) -> dict[str, Any]:
        """Return plain JSON data without anything secret. Reply.from_dict() reads it.

        Args:
            request: False leaves the request out.

        Returns:
            A dict that json.dumps() takes: `reply.to_dict()["text"]`.
        """
        return to_plain(self, skip="" if request else "request")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from claude_nb.render import reply

        return reply.whole(self)

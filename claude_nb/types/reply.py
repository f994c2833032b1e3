"""What a model answered: the last of the nouns. Frozen, plain data, and it shows itself in a cell."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Annotated, Any, Literal, NamedTuple

from claude_nb import schema
from claude_nb.errors import ClaudeError, NoJson
from claude_nb.types import content as parts
from claude_nb.types.content import Called, Part, ToolResult
from claude_nb.types.plain import SIGNED, Plain, to_plain
from claude_nb.types.request import Message, Request, StopReason, Usage

Source = Literal["live", "replay", "demo"]

PYTHON = ("", "python", "python3", "py", "ipython")
HIDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class CodeBlock(NamedTuple):
    """A fenced block of a reply: CodeBlock("python", "print(1)\\n"). No language: ""."""

    language: str
    code: str

    def __str__(self) -> str:
        return self.code

    def _repr_html_(self) -> str:
        from claude_nb import render

        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", self.code)), default=0))
        return render.markdown_html(f"{fence}{self.language}\n{self.code}\n{fence}")


@dataclass(frozen=True, slots=True)
class Reply(Plain):
    """A finished answer, or what arrived of it. ``str(reply)`` is the text.

    stop_reason     end, max_tokens, stop_sequence, tool_use, refusal, interrupted, error, unknown
    stop_detail     why a model refused, where its server says so
    parts           signed thoughts, calls of functions and their results, for the conversation
    seconds         from sending to the last token; first_token_s to the first one (None: none came). In a sweep
                    on threads without the wait for a place, or for another try
    cost_usd        US dollars; None: unknown. A cost the server reported wins over the price table
    saved_usd       what the cache saved of it; below 0 when filling the cache cost more; None: unknown
    source          "live", "replay" (from the history or a file) or "demo" (the embedded model)
    request_id      the server's id, for its support; response_model: the model that really answered
    error           why it broke off, one line; None for a reply that ended by itself

    >>> Reply(Request("demo", "demo", (Message("user", "Hi"),)), text="Hello.").text
    'Hello.'
    """

    _ignores_unknown = True
    _always = (
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

    def __str__(self) -> str:
        return self.text

    @property
    def model(self) -> str:
        """The model that was asked."""
        return self.request.model

    @property
    def provider(self) -> str:
        """The provider that was asked."""
        return self.request.provider

    @property
    def prompt(self) -> str:
        """The text this replies to."""
        return self.request.prompt

    @property
    def params(self) -> dict[str, Any]:
        """Only the settings that were really sent: {"temperature": 0.2}."""
        return self.request.params

    @property
    def complete(self) -> bool:
        """False for a reply that was interrupted or broke off."""
        return self.stop_reason not in ("interrupted", "error")

    @property
    def message(self) -> Message:
        """It as a side of a conversation."""
        return Message("assistant", self.text, self.parts)

    @property
    def calls(self) -> list[Called]:
        """The functions that the model had called, in order: reply.calls[0].name, .arguments, .result, .failed."""
        return parts.called(self.parts)

    @property
    def code(self) -> list[CodeBlock]:
        """The fenced blocks, in order: reply.code[0].language, reply.code[0].code."""
        from claude_nb.render import parser

        return [CodeBlock(*fence) for fence in parser.fences(self.text)]

    @property
    def python(self) -> str:
        """Its Python blocks as one text: what --code puts into a new cell, and %load reply.python into this one.

        Characters that would hide or reorder what the code does are left out.
        """
        blocks = (block.code.strip("\n") for block in self.code if block.language.lower() in PYTHON)
        return HIDING.sub("", "\n\n".join(blocks))

    def json(self) -> Any:
        """The reply read as JSON: the whole text, else its first fenced block that is JSON.

        Raises NoJson (a ValueError) when there is none.
        """
        for text in (self.text, *(block.code for block in self.code)):
            try:
                return json.loads(text)
            except (ValueError, RecursionError):  # a model can nest deeper than any parser goes
                continue
        raise NoJson("this reply holds no JSON; ask for JSON only, or look at reply.text")

    @property
    def data(self) -> Any:
        """The answer to a request for JSON, as plain data; None where none was asked for or none fits. Never raises."""
        return self._answer()[0]

    @property
    def problem(self) -> str | None:
        """Why the text is no such answer, with the path: "$.items[2].price: 'abc' is no number"; None: it is one."""
        return self._answer()[1]

    def to(self, kind: Any) -> Any:
        """The answer as an instance of a dataclass, a pydantic model, list[...] ...: reply.to(Item).

        Works for any reply that holds JSON. Raises NoJson with the path when it does not fit, PromptError for a type
        that has no form in JSON.
        """
        form = schema.of(kind)
        value, why = self._json()
        if why := why or schema.problem(value, form):
            raise NoJson(f"the answer does not fit ({why}); reply.text holds it as it came")
        return schema.build(value, kind)

    def to_pandas(self) -> Any:
        """A DataFrame with a row for each record: of an answer that is a list, or an object that holds just one."""
        try:
            import pandas
        except ImportError:
            raise ClaudeError("to_pandas() needs pandas: %pip install pandas") from None
        value, why = self._json()
        if isinstance(value, dict):
            lists = [inner for inner in value.values() if isinstance(inner, list)]
            value = lists[0] if len(lists) == 1 else None
        if not isinstance(value, list):
            why = why or "it holds no list, or several"
            raise NoJson(f"this answer is no table ({why}); ask for a list of records, for example --json list[Item]")
        return pandas.DataFrame(value)

    def _json(self) -> tuple[Any, str | None]:
        """The answer that was asked for and what is wrong with it, or any JSON of the text. Raises NoJson."""
        return self._answer() if self.request.answer else (self.json(), None)

    def _answer(self) -> tuple[Any, str | None]:
        """What was asked for as JSON, or why there is none; without tools' rounds before it."""
        asked = self.request.answer
        if asked is None:
            return None, None
        begin = max((part.at for part in self.parts if isinstance(part, ToolResult)), default=0)
        try:
            value, why = schema.read(self.text[begin:], json.loads(asked.schema))
        except (ValueError, RecursionError):
            return None, "$: the schema is damaged"
        if asked.wrapped:  # nobody asked for the object around it
            value = value.get("answer") if isinstance(value, dict) else None
            why = re.sub(r"^\$\.answer(?=[.:\[])", "$", why) if why else None
        return value, why

    def to_dict(self, *, request: bool = True) -> dict[str, Any]:
        """Return plain JSON data, without anything secret. request=False leaves the request out."""
        return to_plain(self, skip="" if request else "request")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from claude_nb.render import reply

        return reply.whole(self)

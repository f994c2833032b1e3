"""Convert messages and their parts for the wire.

Roles alternate, and tool results form a user message of their own. A part of a message becomes a content block,
either Anthropic's or OpenAI's. AI/ML API takes Anthropic's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.providers.dialects import server_blocks
from claude_nb.providers.dialects import server_fields as stored
from claude_nb.providers.dialects.base import child
from claude_nb.providers.dialects.binding import AFTER
from claude_nb.types.content import (
    HIDDEN,
    Attachment,
    Part,
    Quotes,
    ServerBlock,
    ServerFields,
    Thought,
    ToolCall,
    ToolResult,
    placed,
)
from claude_nb.types.request import Message, Request

SEPARATOR = "\n\n"  # between the texts of two tool rounds of one reply

Block = dict[str, Any]
ToBlock = Callable[[Part], Block | None]  # None: the wire format has no block for this part


def alternating(request: Request) -> list[Message]:
    """Return the messages with tool results in user messages of their own.

    They follow the calls they answer. The last message may be the assistant's, for the model to continue. If the
    request offers no tools, calls and results become text, because servers reject them.
    """
    split = _split_results if request.tools else _tools_as_text
    last = len(request.messages) - 1
    messages = (server_blocks.paired(message, is_last=i == last) for i, message in enumerate(request.messages))
    return [part for message in messages for part in split(message)]


def _split_results(message: Message) -> Iterator[Message]:
    start, parts, results = 0, list[Part](), list[Part]()
    for part in _without_open_calls(message.parts):
        if isinstance(part, ToolResult):
            if not results:
                yield Message(message.role, message.text[start : part.at], tuple(parts))
                start, parts = part.at, []
            results.append(placed(part, 0))
            continue
        if results:
            yield Message("user", "", tuple(results))
            start, results = _skip_separator(message.text, start), []
        parts.append(placed(part, max(0, part.at - start)))
    if results:
        yield Message("user", "", tuple(results))
        start = _skip_separator(message.text, start)
    says_more = any(not isinstance(part, ServerFields) for part in parts) or message.text[start:].strip()
    if says_more or not message.parts:
        yield Message(message.role, message.text[start:], tuple(parts))


def _skip_separator(text: str, at: int) -> int:
    return at + len(SEPARATOR) if text.startswith(SEPARATOR, at) else at


def _without_open_calls(parts: Iterable[Part]) -> list[Part]:
    """Return the parts without unanswered tool calls.

    The thinking that led to these goes too. Servers reject both, and a reply that was cut may end with such a call.
    """
    ordered = sorted(parts, key=lambda part: part.at)
    answered = {part.id for part in ordered if isinstance(part, ToolResult)}
    kept: list[Part] = []
    for part in ordered:
        if not isinstance(part, ToolCall) or part.id in answered:
            kept.append(part)
            continue
        while kept and isinstance(kept[-1], HIDDEN) and kept[-1].at == part.at:
            kept.pop()
    return kept


def _tools_as_text(message: Message) -> Iterator[Message]:
    """Replace tool calls and results by text.

    Servers reject them in a request that offers no tools.
    """
    calls = {part.id: part for part in message.parts if isinstance(part, ToolCall)}
    text, start, parts = "", 0, list[Part]()
    for part in sorted(message.parts, key=lambda part: part.at):
        text, start = text + message.text[start : part.at], part.at
        if isinstance(part, ToolResult):
            call = calls.get(part.id)
            text += f"\n[{call.name} {call.arguments} gave: {part.text}]\n" if call else ""
        elif not (isinstance(part, ToolCall) or (calls and isinstance(part, ServerFields))):
            parts.append(placed(part, len(text)))
    yield Message(message.role, text + message.text[start:], tuple(parts))


def body_start(request: Request, to_block: ToBlock, *, stream: bool) -> dict[str, Any]:
    """Build the fields of a body that Anthropic and AI/ML API share."""
    contents = ((message.role, content(message, to_block)) for message in alternating(request))
    messages = [{"role": role, "content": content} for role, content in contents if not is_blank(role, content)]
    body: dict[str, Any] = {"model": request.model, "messages": messages}
    if system := system_prompt(request):
        body["system"] = system
    if stream:
        body["stream"] = True
    return body


def is_blank(role: str, content: str | list[Block]) -> bool:
    """Return whether this is a reply of white space only, which Anthropic rejects in a conversation."""
    return role == "assistant" and isinstance(content, str) and not content.strip()


def system_prompt(request: Request) -> str | None:
    """Return the system prompt.

    It includes the JSON schema for models that can only be asked to follow it.
    """
    if request.answer is None or request.answer.method != "prompt":
        return request.system
    schema = f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{request.answer.schema}"
    return f"{request.system}\n\n{schema}" if request.system else schema


def content(message: Message, to_block: ToBlock) -> str | list[Block]:
    """Return the text, or a list of blocks in order.

    White space between two blocks is left out.
    """
    text, start = message.text, 0
    blocks: list[Block] = []
    for part in sorted(message.parts, key=lambda part: part.at):
        if block := to_block(part):
            begin = max(start, part.at - part.chars) if isinstance(part, Quotes) else part.at
            if text[start:begin].strip():
                blocks.append({"type": "text", "text": text[start:begin]})
                start = begin
            if isinstance(part, Quotes):
                if not text[start : part.at].strip():
                    continue
                block, start = {"type": "text", "text": text[start : part.at], **block}, part.at
            blocks.append(block)
    if not blocks:
        return text
    return [*blocks, {"type": "text", "text": text[start:]}] if text[start:].strip() else blocks


def openai_content(message: Message) -> str | list[Block]:
    """Return the content as Chat Completions write it: one text, or a list of blocks if a picture or a PDF is in it.

    Many servers take a text only.
    """
    blocks = content(message, openai_block)
    if isinstance(blocks, str) or any("text" not in block for block in blocks):
        return blocks
    return SEPARATOR.join(block["text"] for block in blocks)


def anthropic_block(
    part: Part, *, thinking: bool = False, origin: str = "", cite: bool = False, quotes: bool = False
) -> Block | None:
    """Return a content block of the Messages API; for Quotes, the fields that a text block has besides its text.

    Thinking is left out unless *thinking* is True. The fields of a call, and what tools of the server wrote, go back to
    their origin only. With *cite*, files can be quoted. With *quotes*, earlier quotes of documents go back too.
    """
    if isinstance(part, Attachment):
        return (_document(part) if cite else None) or _file(part)
    if isinstance(part, Thought):
        return _thinking(part) if thinking else None
    if isinstance(part, ServerBlock | Quotes):
        return server_blocks.to_block(part, origin, documents=quotes)
    if isinstance(part, ToolCall):
        block = {"type": "tool_use", "id": part.id, "name": part.name, "input": _arguments(part)}
        return _fields_of_call(part, origin) | block
    return _result(part) if isinstance(part, ToolResult) else None


def _document(part: Attachment) -> Block | None:
    """Return a file as a document that can be quoted; None for a picture."""
    if part.media_type == "text/plain":
        source = {"type": "text", "media_type": "text/plain", "data": _data(part) and part.bytes.decode()}
    elif part.media_type == "application/pdf":
        source = _binary_file(part)["source"]
    else:
        return None
    return {"type": "document", "source": source, "title": part.name, "citations": {"enabled": True}}


def _result(part: ToolResult) -> Block:
    """Return a tool result. A picture of which only the fingerprint is known stays a name in the text."""
    images = [_binary_file(picture) for picture in part.pictures if picture.data]
    content = [{"type": "text", "text": part.text}, *images] if images else part.text
    failed = {"is_error": True} if part.failed else {}
    return {"type": "tool_result", "tool_use_id": part.id, "content": content, **failed}


def _file(part: Attachment) -> Block:
    return _text_file(part) if part.media_type == "text/plain" else _binary_file(part)


def _binary_file(part: Attachment) -> Block:
    kind = "document" if part.media_type == "application/pdf" else "image"
    return {"type": kind, "source": {"type": "base64", "media_type": part.media_type, "data": _data(part)}}


def openai_block(part: Part) -> Block | None:
    """Return a content block of Chat Completions, which has them for files only."""
    if not isinstance(part, Attachment):
        return None
    if part.media_type == "text/plain":
        return _text_file(part)
    url = f"data:{part.media_type};base64,{_data(part)}"
    if part.media_type == "application/pdf":
        return {"type": "file", "file": {"filename": part.name, "file_data": url}}
    return {"type": "image_url", "image_url": {"url": url}}


def openai_tool_call(part: ToolCall, origin: str) -> dict[str, Any]:
    """Return a tool call as Chat Completions writes it, beside the content."""
    fields = _fields_of_call(part, origin)
    function = child(fields, "function") | {"name": part.name, "arguments": part.arguments}
    return fields | {"id": part.id, "type": "function", "function": function}


def server_fields(parts: Iterable[Part], origin: str) -> dict[str, Any]:
    """Return the fields of a message that go back to its server."""
    fields: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, ServerFields) and part.origin == origin:
            fields |= stored.read(part.fields)
    return fields


def _fields_of_call(part: ToolCall, origin: str) -> dict[str, Any]:
    return stored.read(part.fields) if part.fields and part.origin == origin else {}


def _arguments(call: ToolCall) -> dict[str, Any]:
    """Return the arguments as the object that the server requires.

    Returns {} if the model wrote something else.
    """
    try:
        value = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _thinking(part: Thought) -> Block:
    after = {AFTER: part.after} if part.after else {}
    if part.sealed:
        return {"type": "redacted_thinking", "data": part.sealed, **after}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature, **after}


def _text_file(part: Attachment) -> Block:
    # A text block and not a document, because every server and model takes text.
    text = (_data(part) and part.bytes.decode()).rstrip()
    return {"type": "text", "text": f"<file name={part.name!r}>\n{text}\n</file>"}


def _data(part: Attachment) -> str:
    if not part.data and part.size:
        raise PromptError(f"the history keeps only the fingerprint of {part.name}; attach the file again")
    return part.data

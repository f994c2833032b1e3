"""Tools that run on the server of the provider: how they are offered, and the blocks that they add to a reply.

Everything here is the same for all of these tools. A tool needs its words in ACTIONS, and `_fields` if it takes other
settings. A call is a block of the type "server_tool_use", and a result one of a type that ends in "_tool_result".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from claude_nb.providers.dialects.base import child, children, count, label, string
from claude_nb.providers.dialects.server_fields import read as stored
from claude_nb.render.chars import counted, one_line
from claude_nb.safe_text.visible import mended
from claude_nb.types.content import Attachment, Container, Part, Quotes, ServerBlock
from claude_nb.types.request import Chunk, Message, Request, Usage
from claude_nb.types.sources import is_deep

CALL, RESULT = "server_tool_use", "_tool_result"
MOST_CHARS = 20_000_000  # of all blocks of a reply, fetched PDFs among them; more is a fault of the server
# What the user sees while a tool runs, and the field of its input that says more.
ACTIONS = {
    "web_search": ("searching the web", "query"),
    "web_fetch": ("reading", "url"),
    "code_execution": ("running Python", "code"),
    "bash_code_execution": ("running", "command"),
    "text_editor_code_execution": ("editing", "path"),
}
WEB = ("web_search", "web_fetch")
ON_THE_WEB = "web_search_result_location"  # a citation of a search result, which names no document


def tools(request: Request) -> list[dict[str, Any]]:
    """Return the server tools of a request as the Messages API wants them."""
    return [
        {"type": tool.type, "name": tool.name}
        | ({"max_uses": tool.max_uses} if tool.max_uses else {})
        | _fields(tool.name, request)
        for tool in request.server_tools
    ]


def _fields(name: str, request: Request) -> dict[str, Any]:
    if name not in WEB:
        return {}
    # Some models cannot call a tool from code, and the provider may not keep what such code sees (ZDR).
    fields: dict[str, Any] = {"allowed_callers": ["direct"]}
    # A request with citations in some documents only is rejected, and so is one with citations and a schema.
    is_native = request.answer is not None and request.answer.method == "native"
    if name == "web_fetch" and not is_native and (request.cite or not _has_pdf(request)):
        fields["citations"] = {"enabled": True}
    return fields


def container(request: Request) -> dict[str, str]:
    """Return the field that lets code go on where the conversation left it, with its files; {} without one."""
    if not any(tool.name == "code_execution" for tool in request.server_tools):
        return {}
    parts = (part for message in request.messages for part in message.parts)
    ids = [part.id for part in parts if isinstance(part, Container) and part.origin == request.origin]
    return {"container": ids[-1]} if ids else {}


def container_in(data: object) -> Iterator[Chunk]:
    """Yield the container that a message, or the end of one, names."""
    if container_id := label(child(data, "container").get("id")):
        yield Chunk(part=Container(container_id))


def may_quote(request: Request) -> bool:
    """Return whether replies of a conversation may quote documents: attached ones, or pages that were fetched."""
    parts = (part for message in request.messages for part in message.parts)
    return request.cite or any(
        isinstance(part, ServerBlock) and "web_fetch_tool_result" in part.block for part in parts
    )


def _has_pdf(request: Request) -> bool:
    parts = (part for message in request.messages for part in message.parts)
    return any(isinstance(part, Attachment) and part.media_type == "application/pdf" for part in parts)


class ServerBlocks:
    """Collect the blocks of server tools, and the citations of the text, from the events of a reply.

    notice  what the server does at the moment; "" if the model writes
    """

    def __init__(self) -> None:
        self.notice = ""
        self._block: dict[str, Any] = {}  # the open block, if it is a call or a text
        self._is_call = False
        self._index: object = None
        self._pieces: list[str] = []  # of its input, or of its text
        self._citations: list[dict[str, Any]] = []
        self._chars = 0
        self._searches = 0

    def read(self, kind: str, data: dict[str, Any]) -> Iterator[Chunk]:
        """Yield the parts that end with this event. It is read before its text is yielded."""
        if kind == "content_block_start":
            yield from self.end()
            yield from self.begin(child(data, "content_block"), data.get("index"))
        elif kind in ("content_block_stop", "message_delta", "message_stop"):
            yield from self.end()

    def begin(self, block: dict[str, Any], index: object = None) -> Iterator[Chunk]:
        """Open a block. A result arrives whole."""
        kind = string(block.get("type"))
        self._block, self._index, self._pieces, self._citations = {}, index, [], []
        if kind.endswith(RESULT):
            self.notice = _outcome(block)
            if kind == f"web_search{RESULT}" and isinstance(block.get("content"), list):
                self._searches += 1  # each one costs, and the server reports their number at the end only
                yield Chunk(usage=Usage(web_searches=self._searches))
            yield from self._part(block)
        elif kind in (CALL, "text", ""):
            self._block, self._is_call, self.notice = block, kind == CALL, ""
            if kind != CALL:
                self._pieces.append(string(block.get("text")))
                self._citations += children(block, "citations")
        else:
            self.notice = ""

    def add(self, data: dict[str, Any]) -> None:
        """Take in a delta of the open block. Nearly all events are deltas of a text, so it does little for them."""
        delta = data.get("delta")
        if not self._block or not isinstance(delta, dict) or data.get("index") != self._index:
            return
        citation = None if self._is_call else delta.get("citation")
        piece = delta.get("partial_json" if self._is_call else "text")
        if isinstance(citation, dict):
            self._citations.append(citation)
        elif isinstance(piece, str):
            self._pieces.append(piece)

    def end(self) -> Iterator[Chunk]:
        """Close the open block, if any."""
        block, citations = self._block, self._citations
        self._block, self._citations = {}, []
        if block.get("type") == CALL:
            block = block | {"input": stored("".join(self._pieces)) or child(block, "input")}
            self.notice = _action(block)
            yield from self._part(block)
        elif citations:
            text = json.dumps([citation for citation in citations if not is_deep(citation)])
            self._chars += len(text)
            if self._chars <= MOST_CHARS:
                yield Chunk(part=Quotes(text, chars=len(mended("".join(self._pieces)))))

    def _part(self, block: dict[str, Any]) -> Iterator[Chunk]:
        if is_deep(block):
            return
        text = json.dumps(block)
        self._chars += len(text)
        if self._chars <= MOST_CHARS:
            yield Chunk(part=ServerBlock(text), notice=self.notice)

    def noticed(self, chunk: Chunk) -> Chunk:
        """Return a chunk that brings nothing, such as a ping, with the notice, which it would clear otherwise."""
        return replace(chunk, notice=self.notice) if self.notice and chunk == Chunk() else chunk


def _action(block: dict[str, Any]) -> str:
    """Return what a call does: 'searching the web: "python 4"'."""
    name = string(block.get("name"))
    action, field = ACTIONS.get(name, (f"running {name.replace('_', ' ')}", ""))
    about = string(child(block, "input").get(field)).strip()
    return one_line(f'{action}: "{about}"' if about else action, 160)


def _outcome(block: dict[str, Any]) -> str:
    """Return what a result brought: "10 results" or "web search: max uses exceeded"."""
    if error := string(child(block, "content").get("error_code")):
        return one_line(f"{string(block.get('type')).removesuffix(RESULT)}: {error}".replace("_", " "), 160)
    found = block.get("content")
    if isinstance(found, dict) and (code := count(found.get("return_code"))) is not None:
        return f"the code ended with exit code {code}" if code else "the code has run"
    return counted(len(found), "result") if isinstance(found, list) else "reading the result"


def paired(message: Message, *, is_last: bool) -> Message:
    """Return a message without calls that have no result, and results that have no call, which servers reject.

    is_last  whether the message ends the request: the server then runs the calls that are still open
    """
    blocks = [stored(part.block) for part in message.parts if isinstance(part, ServerBlock)]
    if not blocks:
        return message
    calls = {string(block.get("id")) for block in blocks if block.get("type") == CALL}
    results = {string(block.get("tool_use_id")) for block in blocks if block.get("type") != CALL}
    kept = calls if is_last else calls & results
    return replace(message, parts=tuple(_kept(message.parts, kept)))


def _kept(parts: Iterable[Part], ids: set[str]) -> Iterator[Part]:
    for part in parts:
        block = stored(part.block) if isinstance(part, ServerBlock) else {}
        if not block or string(block.get("id" if block.get("type") == CALL else "tool_use_id")) in ids:
            yield part


def to_block(part: ServerBlock | Quotes, origin: str, *, documents: bool) -> dict[str, Any] | None:
    """Return a block, or the citations of a text, as they go back to their origin; None for any other server.

    documents  whether the documents of the request may be cited, as they were when the reply was written
    """
    if part.origin != origin:
        return None
    is_aimlapi = origin.startswith("aimlapi")
    if isinstance(part, ServerBlock):
        block = stored(part.block)
        return (_without_nulls(block) if is_aimlapi else block) or None  # it answers any null with 400
    citations = [
        # A response names the file of a citation, but a request may not.
        {name: value for name, value in citation.items() if name != "file_id"}
        for citation in children(stored(f'{{"list": {part.citations}}}'), "list")
        if documents or citation.get("type") == ON_THE_WEB
    ]
    # The text blocks of AI/ML API have no field for citations.
    return {"citations": citations} if citations and not is_aimlapi else None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return list(map(_without_nulls, value)) if isinstance(value, list) else value

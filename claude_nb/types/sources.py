"""Quotes of a reply: passages of documents and of pages on the web, as plain values.

A server describes a quote by the number of a document, counted over the whole conversation. Here it gets the name or
the address of that document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from claude_nb.safe_text.visible import mended
from claude_nb.types.content import Attachment, Called, Part, Quotes, ServerBlock
from claude_nb.types.request import Request

MOST_CITATIONS = 2_000  # of a reply; more are a fault of the server
MOST_LEVELS = 50  # of a block of a server tool
MOST_RESULT_CHARS = 300  # of a fetched page, shown with its call


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage that a piece of the reply quotes: `reply.text[begin:end]` rests on `text`.

    title   of the document or the page
    text    the quoted passage
    begin, end  the piece of the reply's text
    pages   first and last page in a PDF, from 1; None: not a PDF
    chars   where the passage stands in a text: document[chars[0]:chars[1]]; None: not a text
    url     address of a page on the web; None for an attached document
    number  of its marker in the displayed reply
    """

    title: str
    text: str
    begin: int
    end: int
    pages: tuple[int, int] | None = None
    chars: tuple[int, int] | None = None
    url: str | None = None
    number: int = 0

    @property
    def place(self) -> str:
        """Place of the passage: "page 5", "pages 5 to 7", "characters 0 to 18", or "" if that is unknown."""
        if self.pages:
            first, last = self.pages
            return f"page {first}" if first == last else f"pages {first} to {last}"
        return f"characters {self.chars[0]:,} to {self.chars[1]:,}" if self.chars and self.url is None else ""


@dataclass(frozen=True, slots=True)
class Source:
    """A page on the web that a reply quotes.

    title     of the page
    url       its address, as the server wrote it
    text      the quoted passages, with " … " between them
    page_age  when the page was last changed, as the server says it ("April 30, 2026"); None: unknown
    number    of its marker in the displayed reply
    """

    title: str
    url: str
    text: str = ""
    page_age: str | None = None
    number: int = 0


class Quoted:
    """The quotes of a reply, while its parts arrive in their order."""

    def __init__(self, request: Request) -> None:
        self._cites = request.cite
        self._documents: list[tuple[str, str | None]] = []  # title and address of each, as a server counts them
        self._numbers: dict[object, int] = {}
        for message in request.messages:
            for part in message.parts:
                self._count(part)

    def add(self, part: Part) -> Iterator[Citation]:
        """Take in a part, and yield the quotes that it brings. Equal places have the same number."""
        self._count(part)
        if not isinstance(part, Quotes):
            return
        for data in _objects(part.citations):
            quote = _citation(data, part, self._documents)
            if quote.text or quote.url:
                key = quote.url or (quote.title, quote.pages, quote.chars, quote.text)
                yield replace(quote, number=self._numbers.setdefault(key, len(self._numbers) + 1))

    def _count(self, part: Part) -> None:
        is_text = isinstance(part, Attachment) and part.media_type == "text/plain" and self._cites
        if isinstance(part, Attachment) and (is_text or part.media_type == "application/pdf"):
            self._documents.append((part.name, None))
        elif isinstance(part, ServerBlock) and (page := _page(_object(part.block))):
            self._documents.append(page)


def citations(request: Request, parts: Sequence[Part]) -> tuple[Citation, ...]:
    """Return the quotes of a reply with these parts, in the order of its text."""
    if not any(isinstance(part, Quotes) for part in parts):
        return ()
    quoted = Quoted(request)
    found = (quote for part in sorted(parts, key=lambda part: part.at) for quote in quoted.add(part))
    return tuple(islice(found, MOST_CITATIONS))


def sources(found: Sequence[Citation], parts: Sequence[Part]) -> tuple[Source, ...]:
    """Return the pages on the web that citations quote, each once."""
    ages = {_text(item.get("url")): item.get("page_age") for block in _blocks(parts) for item in _items(block)}
    pages: dict[str, list[Citation]] = {}
    for quote in found:
        if quote.url:
            pages.setdefault(quote.url, []).append(quote)
    return tuple(
        Source(
            next((quote.title for quote in quotes if quote.title), ""),
            url,
            " … ".join(dict.fromkeys(quote.text for quote in quotes if quote.text)),
            _text(ages.get(url)) or None,
            quotes[0].number,
        )
        for url, quotes in pages.items()
    )


def server_calls(parts: Sequence[Part]) -> list[Called]:
    """Return the calls of tools that ran on the server, each with its result in words."""
    results = {_text(block.get("tool_use_id")): block for block in _blocks(parts)}
    calls = []
    for part in parts:
        block = _object(part.block) if isinstance(part, ServerBlock) else {}
        if block.get("type") == "server_tool_use":
            given = block.get("input")
            arguments = given if isinstance(given, dict) and not is_deep(given) else {}
            result = results.get(_text(block.get("id")))
            words, failed = _words(result) if result else (None, False)
            calls.append(Called(_text(block.get("name")), arguments, words, failed, part.at))
    return calls


def _page(block: dict[str, Any]) -> tuple[str, str] | None:
    """Return title and address of the page in the result of a fetch; None for any other block."""
    page = block.get("content")
    if not isinstance(page, dict) or page.get("type") != "web_fetch_result":
        return None
    document = page.get("content")
    title = document.get("title") if isinstance(document, dict) else ""
    return _text(title), _text(page.get("url"))


def _citation(data: dict[str, Any], part: Quotes, documents: list[tuple[str, str | None]]) -> Citation:
    quote = Citation(
        _text(data.get("title")) or _text(data.get("document_title")),
        _text(data.get("cited_text")),
        max(0, part.at - part.chars),
        part.at,
        url=_text(data.get("url")) or None,
    )
    if pages := _range(data, "page_number"):
        quote = replace(
            quote, pages=(pages[0], max(pages[0], pages[1] - 1))
        )  # the server names the page after the last
    elif chars := _range(data, "char_index"):
        quote = replace(quote, chars=chars)
    index = data.get("document_index")
    named = documents[index] if isinstance(index, int) and 0 <= index < len(documents) else None
    if named is None or (quote.title and named[0] != quote.title):  # it does not count as we do
        named = next((document for document in documents if document[0] == quote.title), None)
    return replace(quote, title=quote.title or named[0], url=quote.url or named[1]) if named else quote


def _range(data: dict[str, Any], name: str) -> tuple[int, int] | None:
    start, end = data.get(f"start_{name}"), data.get(f"end_{name}")
    return (start, end) if type(start) is int and type(end) is int and 0 <= start <= end else None


def _words(block: dict[str, Any]) -> tuple[str, bool]:
    """Return a result in words, and whether it is an error."""
    content = block.get("content")
    if isinstance(content, dict) and (error := _text(content.get("error_code"))):
        return error.replace("_", " "), True
    if isinstance(content, dict) and "code_execution" in _text(content.get("type")):
        return _of_code(content), content.get("return_code") not in (None, 0)
    if page := _page(block):
        document = content.get("content") if isinstance(content, dict) else None
        source = document.get("source") if isinstance(document, dict) else None
        text = _text(source.get("data")) if isinstance(source, dict) and source.get("type") == "text" else ""
        return "\n".join(filter(None, (*page, text[:MOST_RESULT_CHARS]))), False
    lines = (f"{_text(item.get('title'))}\n{_text(item.get('url'))}" for item in _items(block))
    return "\n".join(lines) or "nothing", False


def _of_code(content: dict[str, Any]) -> str:
    """Return what code has printed, or what has become of a file that it edited."""
    outputs = [_text(content.get(name)).rstrip() for name in ("stdout", "stderr", "content")]
    outputs += map(_text, content["lines"]) if isinstance(content.get("lines"), list) else ()
    if (code := content.get("return_code")) not in (None, 0):
        outputs.append(f"exit code {str(code)[:20]}")
    made = (_text(item.get("file_id")) for item in _items(content))
    outputs += [f"wrote a file: {name}" for name in made if name]
    return "\n".join(filter(None, outputs)) or "done"


def is_deep(value: Any) -> bool:
    """Return whether a value is nested so deep that writing it could exceed Python's own depth."""
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return bool(level)


def _items(block: dict[str, Any]) -> list[dict[str, Any]]:
    content = block.get("content")
    return [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []


def _blocks(parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    return (_object(part.block) for part in parts if isinstance(part, ServerBlock))


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _objects(text: str) -> list[dict[str, Any]]:
    return _items(_object(f'{{"content": {text}}}'))


def _text(value: object) -> str:
    return mended(value) if isinstance(value, str) else ""

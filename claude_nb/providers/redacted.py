"""Mask the keys of this process in what a server sends, however it is split over the pieces of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import repeat
from typing import Any, TypeVar

from claude_nb.errors import ClaudeError
from claude_nb.safe_text.redaction import CONTEXT, held_back, redact_known, redact_pieces
from claude_nb.types.content import Part, Thought, placed
from claude_nb.types.request import Chunk
from claude_nb.types.token import Token

_T = TypeVar("_T")
_STREAMED = ("thinking", "text", "call")
_NAMES = ("raw_stop_reason", "detail", "id", "model")


def without_keys(value: _T) -> _T:
    """Return JSON data with the keys in its texts masked, also in the names of fields."""
    masked: Any = value
    if isinstance(value, str):
        masked = redact_known(value)
    elif isinstance(value, list):
        masked = list(map(without_keys, value))
    elif isinstance(value, dict):
        masked = {without_keys(name): without_keys(inner) for name, inner in value.items()}
    return masked  # type: ignore[no-any-return]  # of the type of the value


def chunks_without_keys(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Mask the keys in the chunks of a reply.

    An end of a text that may be the beginning of a key is held back until the next piece shows what it is.
    """
    held: dict[str, str] = {}
    passed = dict.fromkeys(_STREAMED, "")
    names: dict[str, tuple[str, str]] = {}
    failure: ClaudeError | None = None
    source = iter(chunks)
    while True:
        try:
            chunk = next(source, None)
        except ClaudeError as error:
            failure, chunk = error, None
        arrived = [name for name in _STREAMED if chunk and getattr(chunk, name)]
        ends = chunk is None or chunk.part or chunk.stop_reason or chunk.done
        # A text also ends where another one begins, because both are shown in the order in which they arrive.
        if held and (ended := [name for name in held if ends or (arrived and arrived != [name])]):
            rest: dict[str, Any] = {name: redact_known(held.pop(name), passed[name]) for name in ended}
            yield Chunk(**rest)
        if chunk is None:
            break
        changes: dict[str, Any] = {}
        for name in arrived:
            text = held.pop(name, "") + getattr(chunk, name)
            at = len(text) if ends else held_back(text, passed[name])
            changes[name] = redact_known(text[:at], passed[name])
            passed[name] = (passed[name] + text[:at])[-CONTEXT:]
            held |= {name: text[at:]} if at < len(text) else {}
        changes |= {name: _name(names, name, text) for name in _NAMES if (text := getattr(chunk, name))}
        if chunk.part:
            changes["part"] = _part(chunk.part)
        changed = any(getattr(chunk, name) != value for name, value in changes.items())
        yield replace(chunk, **changes) if changed else chunk
    if failure:
        raise failure


def _name(names: dict[str, tuple[str, str]], field: str, text: str) -> str:
    """Return an id or another name without keys. It is masked once while it stays the same from chunk to chunk."""
    if text != names.get(field, ("", ""))[0]:
        names[field] = text, redact_known(text)
    return names[field][1]


def _part(part: Part) -> Part | None:
    """Return a part without keys. A signed thought is sent back unchanged or not at all, so it is dropped."""
    texts = {field.name: text for field in fields(part) if isinstance(text := getattr(part, field.name), str)}
    masked: dict[str, Any] = {name: redact_known(text) for name, text in texts.items()}
    if masked == texts:
        return part
    return None if isinstance(part, Thought) else replace(part, **masked)


def text_without_keys(text: str, parts: Sequence[Part]) -> tuple[str, Sequence[Part]]:
    """Mask the keys that only the whole text of a reply shows, and keep its parts where they are in it."""
    masked = redact_known(text)
    if masked == text:
        return text, parts
    return masked, [placed(part, len(redact_known(text[: part.at]))) for part in parts]


def tokens_without_keys(tokens: Sequence[Token]) -> Sequence[Token]:
    """Mask the keys that tokens spell together: in their texts, and also in their first, second, ... alternatives.

    The alternatives of a masked token are dropped, because it is one of them.
    """
    texts = [token.text for token in tokens]
    ranks = range(max((len(token.alternatives) for token in tokens), default=0))
    columns = (
        redact_pieces([token.alternatives[rank].text if rank < len(token.alternatives) else "" for token in tokens])
        for rank in ranks
    )
    rows = zip(*columns, strict=True) if ranks else repeat(())
    masked: list[Token] = []
    for token, before, text, row in zip(tokens, texts, redact_pieces(texts), rows, strict=False):
        others = zip(token.alternatives, row, strict=False) if text == before else ()
        masked.append(Token(text, token.probability, tuple(replace(other, text=shown) for other, shown in others)))
    return masked

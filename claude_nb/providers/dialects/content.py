"""The messages of a request as servers want them: each side in turn, tool results on a side of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from claude_nb.types.content import Part, Thought, ToolCall, ToolResult, placed
from claude_nb.types.request import Message, Request

BETWEEN = "\n\n"  # stands between the texts of two rounds of a reply


def sides(request: Request) -> list[Message]:
    """The messages with each tool result on a side of its own, as servers want it: what they asked for, then what it
    gave. The last one may be an assistant's, to be continued. Without tools in the request, calls become text.
    """
    split = _split if request.tools else _spoken
    return [side for message in request.messages for side in split(message)]


def _split(message: Message) -> Iterator[Message]:
    begin, held, results = 0, list[Part](), list[Part]()
    for part in _answered(message.parts):
        if isinstance(part, ToolResult):
            if not results:
                yield Message(message.role, message.text[begin : part.at], tuple(held))
                begin, held = part.at, []
            results.append(placed(part, 0))
            continue
        if results:
            yield Message("user", "", tuple(results))
            begin, results = _behind_space(message.text, begin), []
        held.append(placed(part, max(0, part.at - begin)))
    if results:
        yield Message("user", "", tuple(results))
        begin = _behind_space(message.text, begin)
    if held or message.text[begin:].strip() or not message.parts:
        yield Message(message.role, message.text[begin:], tuple(held))


def _behind_space(text: str, at: int) -> int:
    """Where the next round begins to speak: behind the empty line that parts it from the one before."""
    return at + len(BETWEEN) if text.startswith(BETWEEN, at) else at


def _answered(parts: Iterable[Part]) -> list[Part]:
    """The parts in their order, without calls that have no result, and without the thoughts that led to them.

    Servers refuse both: a reply that was cut may end with such a call.
    """
    ordered = sorted(parts, key=lambda part: part.at)
    given = {part.id for part in ordered if isinstance(part, ToolResult)}
    kept: list[Part] = []
    for part in ordered:
        if not isinstance(part, ToolCall) or part.id in given:
            kept.append(part)
            continue
        while kept and isinstance(kept[-1], Thought) and kept[-1].at == part.at:
            kept.pop()
    return kept


def _spoken(message: Message) -> Iterator[Message]:
    """A message whose calls and results are told in its text: servers refuse them where no tool is offered."""
    calls = {part.id: part for part in message.parts if isinstance(part, ToolCall)}
    text, begin, others = "", 0, list[Part]()
    for part in sorted(message.parts, key=lambda part: part.at):
        text, begin = text + message.text[begin : part.at], part.at
        if isinstance(part, ToolResult):
            call = calls.get(part.id)
            text += f"\n[{call.name} {call.arguments} gave: {part.text}]\n" if call else ""
        elif not isinstance(part, ToolCall):
            others.append(placed(part, len(text)))
    yield Message(message.role, text + message.text[begin:], tuple(others))


def opening(request: Request, block: Callable[[Part], dict[str, Any] | None], *, stream: bool) -> dict[str, Any]:
    """The head of a body as Anthropic has it, and AI/ML API too: model and messages, the system prompt beside them.

    block  a part of a message as the format has it; None: the part is left out
    """
    turns = [{"role": side.role, "content": content(side, block)} for side in sides(request)]
    body: dict[str, Any] = {"model": request.model, "messages": turns}
    if system := system_of(request):
        body["system"] = system
    if stream:
        body["stream"] = True
    return body


def system_of(request: Request) -> str | None:
    """The system prompt, with the form of the answer where the model can only be asked for it."""
    if request.answer is None or request.answer.how != "prompt":
        return request.system
    form = f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{request.answer.schema}"
    return f"{request.system}\n\n{form}" if request.system else form


def content(message: Message, block: Callable[[Part], dict[str, Any] | None]) -> str | list[dict[str, Any]]:
    """The text; or text and parts as blocks in their order, without texts that are only white space."""
    text, begin = message.text, 0
    blocks: list[dict[str, Any]] = []
    for part in sorted(message.parts, key=lambda part: part.at):
        if made := block(part):
            if text[begin : part.at].strip():
                blocks.append({"type": "text", "text": text[begin : part.at]})
                begin = part.at
            blocks.append(made)
    if not blocks:
        return text
    return [*blocks, {"type": "text", "text": text[begin:]}] if text[begin:].strip() else blocks

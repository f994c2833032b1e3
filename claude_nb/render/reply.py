"""Render what surrounds the text of a reply: the footer, the thinking and the tool calls."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from claude_nb import render, schema
from claude_nb.render import notes, sureness
from claude_nb.render.chars import counted, one_line
from claude_nb.safe_text.visible import visible
from claude_nb.types import sources
from claude_nb.types.content import Called, ToolResult
from claude_nb.types.request import STOP_WORDS, Request, Usage

if TYPE_CHECKING:
    from claude_nb.types.reply import Reply

CODE = ("code", "command", "file_text")  # arguments of the tools that run code on the server
MAX_SHOWN_CHARS = 20_000  # of the arguments and of the result of a tool call
INSIDE = (
    "margin:.3em 0 .6em .3em;padding-left:.9em;border-left:2px solid var(--jp-border-color2,#bdbdbd);font-size:.9em"
)
NAME = "margin-top:.3em;color:var(--jp-ui-font-color2,#757575)"

DEMO_BADGE = "Demo model: small local word statistics, not Claude"


def badge(reply: Reply) -> str:
    """Return who wrote a reply: "anthropic/claude-sonnet-4.6", "recorded 2026-11-22, ..."."""
    name = DEMO_BADGE if reply.provider == "demo" else reply.model
    if reply.provider == "local":
        name = f"Local model: {reply.response_model or reply.model}, not Claude"
    elif reply.response_model and not _same(reply.model, reply.response_model):
        name += f" (answered by {reply.response_model})"
    name = visible(name)  # a server or a record file named the model
    return f"recorded {reply.created_at:%Y-%m-%d}, {name}" if reply.source == "replay" else name


def details(reply: Reply, *, timed: bool = True) -> str:
    """Return the rest of the footer: "temperature 0.2 · 12 tokens in, 34 out · $0.0012 · 1.2 s · finished".

    timed  False leaves the seconds out
    """
    parts = [f"{name.replace('_', ' ')} {_value(value)}" for name, value in reply.params.items()]
    parts.append(tokens(reply.usage))
    if reply.request.cache and not (reply.usage.cache_read_tokens or reply.usage.cache_write_tokens):
        parts.append("nothing cached")
    if reply.tokens and (bits := reply.tokens.surprise) is not None:
        parts.append(f"{bits:.1f} bits of surprise")
    elif reply.request.logprobs is not None and reply.text:
        parts.append("no logprobs arrived")
    parts.append(money(reply))
    if reply.source == "batch":
        parts.append("in a batch")
    elif timed and reply.provider != "demo":
        parts.append(f"{reply.seconds:.1f} s")
    why = reply.stop_detail and (repr(reply.stop_detail) if reply.stop_reason == "stop_sequence" else reply.stop_detail)
    parts.append(reply.ending + (f": {why}" if why else ""))
    return render.terminal_safe(" · ".join(parts))


def line(reply: Reply, hint: str = "", *, timed: bool = True) -> str:
    """Return the whole footer as text."""
    return " · ".join(filter(None, (badge(reply), details(reply, timed=timed), hint)))


def next_step(reply: Reply) -> str:
    """Return what the user can do about the end of a new reply; "" if nothing is needed."""
    if reply.stop_reason == "refusal":
        return "the text above is not an answer; word the prompt differently, or ask another model"
    if reply.stop_reason == "tool_use" and any(call.result is not None for call in reply.calls):
        return "stopped after many rounds of functions; %claude /continue goes on"
    if reply.is_empty:
        return {"max_tokens": "raise max_tokens", "end": "run it again", "unknown": "run it again"}.get(
            reply.stop_reason, ""
        )
    if reply.files and reply.stop_reason == "end":
        return f"the code wrote {counted(len(reply.files), 'file')}, see .files"
    is_cut = reply.stop_reason == "max_tokens" or (reply.stop_reason == "unknown" and reply.raw_stop_reason)
    return "%claude /continue goes on" if is_cut else ""


def bundle(reply: Reply, hint: str = "") -> dict[str, str]:
    """Return the footer as an output of a cell, below the folded view of the probabilities."""
    style = "margin:.3em 0 .6em;font-size:.85em;color:var(--jp-ui-font-color2,#757575)"
    strong = reply.provider in ("demo", "local") or reply.source == "replay"
    name = f"<b>{escape(badge(reply))}</b>" if strong else escape(badge(reply))
    rest = " · ".join(filter(None, (escape(details(reply)), escape(hint))))
    if reply.stop_reason == "refusal":
        rest = rest.replace(STOP_WORDS["refusal"], f"<b>{STOP_WORDS['refusal']}</b>", 1)
    html = f'{sureness.fold(reply.tokens)}<div style="{style}">{name} · {rest}</div>'
    return {"text/html": html, "text/plain": line(reply, hint)}


def whole(reply: Reply) -> dict[str, str]:
    """Return a finished reply as one output: folded thinking, text, footer."""
    html = thinking(reply.thinking) + body(reply) + bundle(reply)["text/html"]
    return {"text/html": html, "text/plain": render.terminal_safe(text(reply))}


def text(reply: Reply) -> str:
    """Return the text for a terminal, with what it quotes."""
    return notes.marked_text(reply.text, reply.citations) if not reply.request.answer else reply.text


def thinking(text: str) -> str:
    """Return the thinking, folded; "" if there is none."""
    return f"<details><summary>thinking</summary>{render.markdown_html(text)}</details>" if text else ""


def body(reply: Reply, draw: Callable[[str], str] | None = None, *, begin: int = 0, functions: bool = True) -> str:
    """Return the text, with each tool call where it occurred, and what it quotes.

    begin      where in the text to begin
    functions  False leaves out the calls of functions, but not those of tools that ran on the server
    """
    quotes = () if reply.request.answer else reply.citations  # JSON has no place for markers
    start, draw, html = begin, draw or drawer(reply.request), ""
    calls = [*(reply.calls if functions else ()), *sources.server_calls(reply.parts)]
    for call in sorted((call for call in calls if call.at >= start), key=lambda call: call.at):
        if reply.text[begin : call.at].strip():
            html, begin = html + draw(notes.marked(reply.text, quotes, begin, call.at)), call.at
        html += folded(call)
    if reply.text[begin:].strip() or not html:
        html += draw(notes.marked(reply.text, quotes, begin))
    below = notes.list_html([quote for quote in reply.citations if quote.end >= start])
    return f'<div style="position:relative">{notes.with_markers(html, quotes)}{below}</div>' if below else html


def newest_round(reply: Reply) -> int:
    """Return where the text after the newest results of functions begins."""
    return max((part.at for part in reply.parts if isinstance(part, ToolResult)), default=0)


def drawer(request: Request) -> Callable[[str], str]:
    """Return the function that renders the text of a reply: as Markdown, or as a code block for JSON."""
    return (lambda text: render.markdown_html(_json_block(text))) if request.answer else render.markdown_html


def _json_block(text: str) -> str:
    """Return JSON as a fenced block. JSON on one line is indented."""
    shown = text.strip()
    if not shown.startswith("{"):
        return text
    if "\n" not in shown:
        with contextlib.suppress(ValueError, RecursionError):
            shown = schema.dumped(json.loads(shown))
    return f"```json\n{shown}\n```"


def calls(called: Iterable[Called]) -> dict[str, str]:
    """Return tool calls as an output of a cell, each of them folded."""
    shown = list(called)
    return {"text/html": "".join(map(folded, shown)), "text/plain": "\n".join(map(call_lines, shown))}


def folded(call: Called) -> str:
    """Return a folded tool call: one line, and below it the arguments and the result."""
    inside = "".join(_block(name, text) for name, text in _arguments(call.arguments))
    if call.result is not None:
        inside += _block("failed" if call.failed else "gave", call.result)
    state = " <b>failed</b>" if call.failed else "" if call.result is not None else " …"
    # <code> keeps the front end from typesetting "$...$" as mathematics.
    line = f"<summary><code>{escape(call_line(call))}</code>{state}</summary>"
    return f'<details>{line}<div style="{INSIDE}">{inside}</div></details>'


def _arguments(arguments: dict[str, Any] | str) -> Iterator[tuple[str, str]]:
    """Yield the arguments as (heading, text): code as it is, and all others as JSON."""
    if isinstance(arguments, str):
        yield "arguments", arguments
        return
    code = {name: text for name in CODE if isinstance(text := arguments.get(name), str)}
    others = {name: value for name, value in arguments.items() if name not in code}
    if others or not code:
        yield "arguments", json.dumps(others, indent=2, ensure_ascii=False)
    yield from code.items()


def call_line(call: Called, most: int = 100) -> str:
    """Return a tool call as one safe line of bounded length: weather(city='Oslo')."""
    return one_line(str(call), most)


def call_lines(call: Called) -> str:
    """Return a tool call and its result as two lines for a terminal."""
    if call.result is None:
        return call_line(call)
    return f"{call_line(call)}\n  {'failed' if call.failed else 'gave'}: {one_line(call.result, 200)}"


def _block(name: str, text: str) -> str:
    more = f"\n… {len(text) - MAX_SHOWN_CHARS:,} more characters" if len(text) > MAX_SHOWN_CHARS else ""
    return f'<div style="{NAME}">{name}</div>{render.plain_html(text[:MAX_SHOWN_CHARS] + more)}'


def tokens(usage: Usage) -> str:
    """Return "12 tokens in (8 cached), 34 out (20 thinking), 2 searches" or "tokens unknown"."""
    if usage.input_tokens is None and usage.output_tokens is None:
        return "tokens unknown"
    counts = ((usage.cache_read_tokens, "cached"), (usage.cache_write_tokens, "kept for the next"))
    cache = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    cached = f" ({cache})" if cache else ""
    thought = f" ({usage.thinking_tokens:,} thinking)" if usage.thinking_tokens else ""
    searched = f", {counted(usage.web_searches, 'search')}" if usage.web_searches else ""
    return f"{_count(usage.input_tokens)} tokens in{cached}, {_count(usage.output_tokens)} out{thought}{searched}"


def money(reply: Reply) -> str:
    """Return "$0.0012" as the server reported it, "about $0.0012" from the price table, or "cost unknown"."""
    if reply.provider in ("demo", "local"):
        return "local, free"
    if reply.cost_usd is None:
        return "cost unknown"
    about = "" if reply.usage.cost_usd is not None else "about "
    saved = f", {dollars(reply.saved_usd)} saved" if reply.saved_usd and reply.saved_usd > 0 else ""
    return about + dollars(reply.cost_usd) + saved


def dollars(amount: float) -> str:
    """Return an amount, with two significant digits if it is small: dollars(0.00123) -> "$0.0012"."""
    if amount == 0 or amount >= 0.995:
        return f"${amount:.2f}"
    return f"${amount:.{max(2, 1 - int(f'{amount:e}'.split('e')[1]))}f}"


def _same(asked: str, answered: str) -> bool:
    """Return whether two names mean the same model. Servers drop the vendor and may add a date."""
    bare = [name.lower().rsplit("/", 1)[-1].replace(".", "-").removesuffix("-latest") for name in (asked, answered)]
    return bare[1].startswith(bare[0])


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _value(value: object) -> str:
    if isinstance(value, list):
        return " ".join(repr(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)

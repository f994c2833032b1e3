"""Finished runs as the front end keeps them, and as the static transcript that every notebook viewer can show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from claude_nb.render import reply as footer
from claude_nb.types.reply import Reply
from claude_nb.types.request import STOP_WORDS, Request

# What the widget's state may hold beyond the replies themselves: some front ends save it in the notebook.
MAX_META_BYTES = 7_000
MAX_PROMPT_CHARS = 2_000
MAX_TEXT_CHARS = 1_000_000
# Runs in the transcript, newest last.
MAX_TRANSCRIPT = 20


@dataclass
class Run:
    """One run: waiting, running or finished.

    number   counts from 1          given   the settings that the user had set, by name
    prompt   as typed, with its {{name}} places      repeat   0, 1, 2 ... when the same was asked again
    reply    None until it has ended; also after an error that came before any request
    error    why it failed, one line; blamed: the setting that the server named as the cause
    """

    number: int
    prompt: str
    given: dict[str, Any]
    variable: str
    label: str
    request: Request | None = None
    repeat: int = 0
    reply: Reply | None = None
    error: str | None = None
    blamed: str | None = None

    @cached_property
    def html(self) -> str:
        """The reply as HTML; "" without one. To be read when the run has ended."""
        return footer.body(self.reply) if self.reply and (self.reply.text or self.reply.calls) else ""

    def as_state(self) -> dict[str, Any]:
        """Plain data for the front end; a very long prompt is cut, and marked so."""
        reply, request = self.reply, self.request
        system = self.given.get("system")
        cut = len(self.prompt) > MAX_PROMPT_CHARS or len(system or "") > MAX_PROMPT_CHARS
        skip = ("provider", "model", "system")
        return {
            "run": self.number,
            "prompt": self.prompt[:MAX_PROMPT_CHARS],
            "system": system[:MAX_PROMPT_CHARS] if system else None,
            "cut": cut,
            "provider": request.provider if request else self.given.get("provider"),
            "model": request.model if request else self.given.get("model"),
            "label": self.label,
            "params": {name: value for name, value in self.given.items() if name not in skip},
            "variable": self.variable,
            "repeat": self.repeat,
            "text": reply.text if reply else "",
            "html": self.html,
            "thinking": reply.thinking if reply else "",
            "stop": STOP_WORDS[reply.stop_reason] if reply else "failed",
            "footer": footer.line(reply) if reply else "",
            "error": self.error,
            "blamed": self.blamed,
        }


def history(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The newest runs, oldest first, as far as the budgets of the widget's state allow."""
    kept: list[dict[str, Any]] = []
    meta = texts = 0
    for run in reversed(runs):
        data = run.as_state()
        texts += len(data["text"]) + len(data["html"]) + len(data["thinking"])
        meta += len(json.dumps(data | {"text": "", "html": "", "thinking": ""}))
        if kept and (meta > MAX_META_BYTES or texts > MAX_TEXT_CHARS):
            break
        kept.append(data)
    return kept[::-1]


def transcript(runs: Iterable[Run], css_class: str) -> dict[str, str]:
    """All runs as one static output: HTML made by us, and plain text. No script, no style sheet needed."""
    parts, plain = [], []
    for run in runs:
        text = run.reply.text if run.reply else ""
        failed = f"<p><b>{escape(run.error)}</b></p>" if run.error else ""
        foot = footer.bundle(run.reply)["text/html"] if run.reply else ""
        asked = f"<p><b>{run.number}.</b> <code>{escape(run.prompt)}</code></p>"
        parts.append(f"{asked}{run.html}{failed}{foot}")
        plain.append("\n".join(line for line in (f"{run.number}. {run.prompt}", text, run.error) if line))
    html = f'<div class="{css_class}">{"<hr>".join(parts)}</div>'
    return {"text/html": html, "text/plain": "\n\n".join(plain)}

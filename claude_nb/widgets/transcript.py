"""Finished runs as state for the front end, and as a static transcript that every notebook viewer shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

from claude_nb.render import reply as footer
from claude_nb.render import sureness, terminal_safe
from claude_nb.safe_text.visible import visible
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

# The most that the widget's state holds besides the replies: some front ends save it in the notebook.
MAX_META_BYTES = 7_000
MAX_PROMPT_CHARS = 2_000
MAX_TEXT_CHARS = 1_000_000
# Runs in the transcript, newest last.
MAX_TRANSCRIPT = 20


@dataclass
class Run:
    """One run: waiting, running or finished.

    number   counts from 1          given   the settings that were set, by name
    prompt   as typed, with its {{name}} places      repeat   0, 1, 2 ... if the same prompt was sent several times
    reply    None until the run has ended, or if an error came before any request
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
        """The reply as HTML, "" if there is none. Read it only when the run has ended."""
        return footer.body(self.reply) if self.reply and (self.reply.text or self.reply.calls) else ""

    @cached_property
    def sure(self) -> str:
        """The folded view of its probabilities, "" if they are unknown. Read it only when the run has ended."""
        return sureness.fold(self.reply.tokens) if self.reply else ""

    def as_state(self) -> dict[str, Any]:
        """Return plain data for the front end. A very long prompt is cut and marked."""
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
            **({"sure": self.sure} if self.sure else {}),
            "thinking": reply.thinking if reply else "",
            "stop": reply.ending if reply else "failed",
            "footer": footer.line(reply) if reply else "",
            "error": self.error,
            "blamed": self.blamed,
        }


def history(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return the newest runs, the oldest of them first, within the limits of the widget's state."""
    kept: list[dict[str, Any]] = []
    meta = texts = 0
    for run in reversed(runs):
        data = run.as_state()
        texts += len(data["text"]) + len(data["html"]) + len(data["thinking"]) + len(run.sure)
        meta += len(json.dumps(data | {"text": "", "html": "", "thinking": "", "sure": ""}))
        if kept and (meta > MAX_META_BYTES or texts > MAX_TEXT_CHARS):
            break
        kept.append(data)
    return kept[::-1]


def transcript(runs: Iterable[Run], css_class: str) -> dict[str, str]:
    """Return all runs as one static output: HTML without script or style sheet, and plain text."""
    parts, plain = [], []
    for run in runs:
        text = run.reply.text if run.reply else ""
        failed = f"<p><b>{escape(run.error)}</b></p>" if run.error else ""
        foot = footer.bundle(run.reply)["text/html"] if run.reply else ""
        prompt = f"<p><b>{run.number}.</b> <code>{escape(run.prompt)}</code></p>"
        parts.append(f"{prompt}{run.html}{failed}{foot}")
        plain.append("\n".join(line for line in (f"{run.number}. {run.prompt}", text, run.error) if line))
    html = f'<div class="{css_class}">{"<hr>".join(parts)}</div>'
    return {"text/html": visible(html), "text/plain": terminal_safe("\n\n".join(plain))}

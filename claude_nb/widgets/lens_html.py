"""The lens without a kernel: HTML for saved notebooks, plain text, a web page."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from heapq import nlargest
from html import escape
from pathlib import Path
from typing import Any

from claude_nb.demo.sampling import effective_choices, surprisal_bits, survivors
from claude_nb.render import STATIC
from claude_nb.widgets.lens_branches import Branch
from claude_nb.widgets.lens_models import LensModel, LensStep

PAGE = Path(__file__).with_name("lens_page.html")
SCRIPT, STYLE = STATIC / "lens.js", STATIC / "lens.css"
TOP = 5  # bars of each step in the static output
WIDTH = 220  # of the longest possible bar, in pixels


def bundle(branch: Branch, model: LensModel, prompt: str, css_class: str) -> dict[str, str]:
    """Render one branch with the most likely words of each step, without JavaScript."""
    soft = "color:var(--jp-ui-font-color2,#757575)"
    strip = "".join(_chip(step, model) for step in branch.steps)
    bars = "".join(_bars(number, step, model) for number, step in enumerate(branch.steps, 1))
    html = (
        f'<div class="{css_class}"><div style="font-size:.85em;{soft}"><b>{escape(model.badge)}</b>'
        " · sampling lens, saved: the darker a word, the less likely it was; open a line below for its alternatives. "
        "Outline: the model; filled: after the settings.</div>"
        f'<p style="line-height:2"><span style="{soft};white-space:pre-wrap">{escape(prompt)}</span> {strip}</p>'
        f"{bars}</div>"
    )
    return {"text/html": html, "text/plain": plain(branch, model)}


def plain(branch: Branch, model: LensModel) -> str:
    """Render the text and the distribution of the first step, for a terminal."""
    if not branch.steps:
        return "(nothing)"
    step = branch.steps[0]
    top, now = _top(step, model), step.final
    lines = [branch.text.strip(), "", f"{'first word':<14}{'model':>8}{'now':>8}"]
    lines += [f"{model.name(step, token):<14}{step.p[token]:>8.1%}{now[token]:>8.1%}" for token in top]
    rest = max(0.0, 1 - sum(step.p[token] for token in top))
    lines.append(f"{_others(top, model):<14}{rest:>8.1%}")
    return "\n".join(lines)


def stand_alone(traits: Mapping[str, Any], arrays: Mapping[int, bytes], about: Mapping[int, Any]) -> str:
    """Render a page that contains everything.

    It loads nothing, so it can be mailed and opened years later.
    """
    data = {
        "traits": {**traits, "live": False},
        "arrays": {number: base64.b64encode(array).decode() for number, array in arrays.items()},
        "about": dict(about),
    }
    packed = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    code = json.dumps(SCRIPT.read_text(encoding="utf-8"), ensure_ascii=False).replace("<", "\\u003c")
    title = escape(f"Sampling lens: {traits['prompt']}")
    style = STYLE.read_text(encoding="utf-8").replace("</", "<\\/")
    values = {"title": title, "style": style, "data": packed, "code": code}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], PAGE.read_text(encoding="utf-8"))


def _chip(step: LensStep, model: LensModel) -> str:
    chance = model.chance(step)
    bits = surprisal_bits(chance) if chance is not None else 0.0
    shade = min(bits / 8, 1) * 0.45
    told = "probability not told" if chance is None else f"{chance:.1%}, {bits:.1f} bits"
    marked = step.forced and model.size is not None
    mark = "border-bottom:2px dashed currentColor;" if marked else ""
    style = f"{mark}background:rgba(192,86,42,{shade:.2f});border-radius:3px;padding:1px 2px;white-space:pre-wrap"
    return f'<span style="{style}" title="{told}{", forced" * marked}">{escape(model.shown(step)) or "(end)"}</span>'


def _bars(number: int, step: LensStep, model: LensModel) -> str:
    top, now = _top(step, model), step.final
    rows = [_row(at, model.name(step, token), step.p[token], now[token]) for at, token in enumerate(top)]
    others = [max(0.0, 1 - sum(values[token] for token in top)) for values in (step.p, now)]
    rows.append(_row(len(top), _others(top, model), *others))
    chance = model.chance(step)
    summary = (
        f"{number}. <b>{escape(model.shown(step)) or '(end)'}</b> {'not told' if chance is None else f'{chance:.1%}'}"
    )
    if model.size is not None:
        summary += (
            f" · {effective_choices(step.p):.1f} effective choices, {effective_choices(now):.1f} after the settings"
            f" · {survivors(now):,} of {model.size:,} words left"
        )
    size = f'width="{WIDTH + 230}" height="{20 * len(rows)}"'
    svg = f'<svg {size} role="img" style="display:block" fill="currentColor" font-size="12">{"".join(rows)}</svg>'
    return f'<details style="font-size:.85em"><summary>{summary}</summary>{svg}</details>'


def _others(top: Sequence[int], model: LensModel) -> str:
    return "others" if model.size is None else f"{model.size - len(top):,} others"


def _row(at: int, word: str, p: float, final: float) -> str:
    y = 20 * at
    filled = f'<path d="M110 {y + 3}h{final * WIDTH:.0f}v13h-{final * WIDTH:.0f}z" fill="#c0562a" fill-opacity=".75"/>'
    outline = f'<path d="M110 {y + 3}h{p * WIDTH:.0f}v13h-{p * WIDTH:.0f}z" fill="none" stroke="currentColor"/>'
    return (
        f'<text x="104" y="{y + 14}" text-anchor="end">{escape(word)}</text>{filled if final else ""}{outline}'
        f'<text x="{116 + max(p, final) * WIDTH:.0f}" y="{y + 14}">{p:.1%} → {final:.1%}</text>'
    )


def _top(step: LensStep, model: LensModel) -> list[int]:
    named = len(step.p) if model.size is not None else len(step.p) - 1  # the last is what the server did not tell
    return nlargest(TOP, range(named), key=step.p.__getitem__)

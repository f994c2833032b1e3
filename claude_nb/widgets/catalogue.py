"""What the playground's controls are told: knobs, providers and models, as small plain data."""

from __future__ import annotations

from typing import Any

from claude_nb.providers.models import Models, ModelSpec
from claude_nb.providers.registry import PROVIDERS
from claude_nb.session import options as knobs
from claude_nb.types import settings

ASKED = ("provider", "model", *knobs.SAMPLING_NAMES, "effort", "thinking", "system", "out")
CHOICES = {"effort": settings.EFFORTS, "thinking": ("on", "off")}


def catalogue(models: Models) -> dict[str, Any]:
    """Everything a front end has to know to draw the controls of every model; about 9 kB of JSON."""
    return {
        "knobs": [_knob(knobs.BY_NAME[name]) for name in ASKED],
        "choices": {name: list(options) for name, options in CHOICES.items()},
        "providers": [{"name": row.name, "label": row.label} for row in PROVIDERS.values()],
        "models": [_model(spec) for spec in models.table.values()],
    }


def _knob(knob: knobs.Option) -> dict[str, Any]:
    return {
        "name": knob.name,
        "label": knob.label,
        "help": knob.help,
        "flag": knob.flags[0],
        "low": knob.low,
        "high": knob.high,
        "step": knob.step,
        "log": knob.log,
        "unit": knob.unit,
    }


def _model(spec: ModelSpec) -> dict[str, Any]:
    ranges: dict[str, list[float]] = {name: [low, high] for name, (low, high) in spec.ranges.items()}
    if spec.max_output:
        ranges["max_tokens"] = [1, spec.max_output]
    reasons = {name: (spec.refusal(name) or "").split(";")[0] for name in (*knobs.SAMPLING_NAMES, *CHOICES)}
    choices = {name: [one for one in options if not spec.refusal(name, one)] for name, options in CHOICES.items()}
    return {
        "name": spec.name,
        "id": spec.aliases[0] if spec.aliases else spec.name,
        "label": spec.label,
        "note": spec.note,
        "providers": list(spec.ids),
        "names": sorted({*spec.aliases, *(model_id.lower() for model_id in spec.ids.values())}),
        "ranges": ranges,
        "choices": {name: options for name, options in choices.items() if options},
        "either": [list(group) for group in spec.either],
        "refuses": {name: reason for name, reason in reasons.items() if reason},
        "context": spec.context,
        "price": {name: [price.input, price.output] for name, price in spec.prices.items()},
    }

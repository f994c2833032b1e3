"""Write lens_packed.json: probabilities as the lens packs them for its page, and what the settings make of them.

Run it after changing a case:  python tests/widgets/make_lens_packed.py
"""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

from claude_nb.demo.sampling import entropy_bits, shape, survivors
from claude_nb.widgets.lens_local import packed

COUNT = 3_000
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"temperature": 0.2},
    {"temperature": 0.7},
    {"temperature": 2.0},
    {"top_k": 50},
    {"top_p": 0.5},
    {"top_p": 0.95},
    {"min_p": 0.05},
    {"min_p": 0.001},
    {"temperature": 2.0, "top_p": 0.9},
    {"temperature": 1.5, "top_p": 0.9, "order": "temperature_last"},
    {"temperature": 1.3, "top_k": 1_000, "top_p": 0.99, "min_p": 0.002},
    {"temperature": 0},
)


def distribution() -> list[float]:
    """Return probabilities with a long tail and some far gaps, the most likely first."""
    weights = [math.exp(-0.9 * math.sqrt(place)) for place in range(COUNT - 2)]
    weights += [1e-30, 1e-38]
    return [weight / math.fsum(weights) for weight in weights]


def made() -> dict[str, Any]:
    """Return what the file holds."""
    p = distribution()
    cases = []
    for settings in SETTINGS:
        final = shape(p, **settings).final
        cases.append(
            {
                "settings": settings,
                "final": final[:20],
                "others": math.fsum(final[20:]),
                "survivors": survivors(final),
                "entropy_bits": entropy_bits(final),
            }
        )
    return {"p": p, "packed": base64.b64encode(packed(p)).decode(), "cases": cases}


if __name__ == "__main__":
    (Path(__file__).parents[1] / "lens_packed.json").write_text(json.dumps(made()) + "\n")

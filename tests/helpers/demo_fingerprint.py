"""Print a hash of a few hundred demo replies: python tests/helpers/demo_fingerprint.py

It needs the standard library only, so every Python on the machine can run it; all must print the same.
"""

from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path

PROMPTS = (
    "Once upon a time there was a",
    "Who are you?",
    "Tell me a joke",
    "How is the weather today?",
    "Write a Python function",
    "sea -> mer\ndog -> chien\nsea ->",
    "What does temperature do?",
)
SETTINGS = (
    {"temperature": 0.0},
    {"temperature": 0.7, "top_p": 0.9},
    {"temperature": 1.0},
    {"temperature": 1.2, "top_k": 5},
    {"temperature": 1.5},
    {"temperature": 2.0, "top_p": 0.95, "top_k": 50},
)


def replies() -> list[str]:
    from claude_nb.demo import model

    return [
        model().complete(prompt, seed=seed, max_tokens=12, **settings)
        for prompt in PROMPTS
        for settings in SETTINGS
        for seed in range(5)
    ]


def fingerprint(texts: list[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


if __name__ == "__main__":
    # The package without its __init__, which may import what only a full installation has.
    package = types.ModuleType("claude_nb")
    package.__path__ = [str(Path(__file__).parents[2] / "claude_nb")]
    sys.modules["claude_nb"] = package
    print(fingerprint(replies()))  # noqa: T201  # its one purpose

"""Slash commands for models on this machine: /fetch-model /unload."""

from __future__ import annotations

from claude_nb.notebook.commands.command import Command, Invocation
from claude_nb.providers.local import loaded, weights
from claude_nb.render.chars import write_out


def _fetch(_: Invocation) -> str:
    path = weights.fetch(lambda line: write_out(f"{line}\n"))
    return f"{weights.NAME} is ready in {path}; use it with -p local"


def _unload(_: Invocation) -> str:
    labels = loaded.unload()
    return f"unloaded {'; '.join(labels)}" if labels else "no local model is loaded"


COMMANDS = (
    Command("/fetch-model", f"fetch {weights.NAME}, a small model that runs here without a key, once", _fetch),
    Command("/unload", "free the memory of the local models", _unload),
)

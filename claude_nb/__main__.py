"""Run a command in a terminal: ``python -m claude_nb fetch-model``."""

from __future__ import annotations

import sys

from claude_nb.errors import ClaudeError
from claude_nb.render.chars import write_out

USAGE = "usage: python -m claude_nb fetch-model    fetch the weights of the small local model, once"


def main(words: list[str]) -> int:
    """Run a command, and return the exit status."""
    if words != ["fetch-model"]:
        write_out(f"{USAGE}\n")
        return 2
    from claude_nb.providers.local import weights

    try:
        path = weights.fetch(lambda line: write_out(f"{line}\n"))
    except ClaudeError as error:
        write_out(f"{error}\n")
        return 1
    write_out(f"{weights.NAME} is ready in {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

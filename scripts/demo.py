"""Run a notebook in a real kernel, and print the output of its cells as it arrives.

    python scripts/demo.py notebooks/01_first_prompt.ipynb

It needs no key and no network, because the built-in model answers. The exit code is 1 if a cell fails.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel

KEYS = ("AIMLAPI_API_KEY", "AIMLAPI_KEY", "AIML_API_KEY", "ANTHROPIC_API_KEY")


def main(path: Path) -> int:
    cells = nbformat.read(path, as_version=4).cells
    with tempfile.TemporaryDirectory() as folder:
        settings = {"CLAUDE_NB_DISPLAY": "text", "CLAUDE_NB_HISTORY": str(Path(folder) / "history.db")}
        environment = {name: value for name, value in os.environ.items() if name not in KEYS} | settings
        quiet = ["--log-level=ERROR"]  # the kernel warns that it uses loopback
        manager, client = start_new_kernel(extra_arguments=quiet, env=environment, cwd=str(path.parent))
        try:
            for cell in cells:
                if cell.cell_type == "markdown":
                    print(f"\n{cell.source}\n", flush=True)
                elif cell.cell_type == "code":
                    print(indented(cell.source), flush=True)
                    answer = client.execute_interactive(cell.source, allow_stdin=False, output_hook=show, timeout=120)
                    if answer["content"]["status"] != "ok":
                        return 1
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    return 0


def indented(source: str) -> str:
    return "".join(f"  | {line}\n" for line in source.splitlines())


def show(message: dict) -> None:
    content = message["content"]
    if message["msg_type"] == "stream":
        print(content["text"], end="", flush=True)
    elif message["msg_type"] in ("display_data", "execute_result"):
        print(content["data"].get("text/plain", ""), flush=True)
    elif message["msg_type"] == "error":
        print("\n".join(content["traceback"]), file=sys.stderr, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))

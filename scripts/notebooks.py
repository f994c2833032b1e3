"""Run notebooks from top to bottom, offline and without a key, and save them with their outputs.

python scripts/notebooks.py notebooks/*.ipynb
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def main(paths: list[Path]) -> None:
    for name in list(os.environ):
        if name.startswith("CLAUDE_NB_") or any(word in name for word in SECRET):
            del os.environ[name]
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    os.environ["CLAUDE_NB_WEIGHTS"] = str(Path(sys.prefix) / "models")  # where scripts/setup.py has put them
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["CLAUDE_NB_HISTORY"] = str(Path(folder) / "history.db")
            notebook = nbformat.read(path, as_version=4)
            NotebookClient(
                notebook,
                timeout=600,
                record_timing=False,
                resources={"metadata": {"path": str(path.parent)}},
                kernel_name="python3",
            ).execute()
        notebook.metadata["language_info"] = {"name": "python"}  # without this machine's version of Python
        notebook.metadata.pop("widgets", None)
        drop_widgets(notebook)
        nbformat.write(notebook, path)
        print(f"{path}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells")


def drop_widgets(notebook: nbformat.NotebookNode) -> None:
    """Remove the ids of widgets, which mean nothing without their kernel. The static outputs stay."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])

"""Every notebook runs from top to bottom, offline and without a key, and is committed with its outputs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.helpers.kernel import clean_env
from tests.helpers.public import inner_names, inner_names_in_text

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# A notebook whose metadata says {"claude_nb": {"strict": true}} has every output compared with the committed one;
# in the others only the cells that are marked with NBVAL_CHECK_OUTPUT.
KEY = re.compile(r"\b(sk-[\w-]{16,}|[0-9a-f]{32,})\b")
MODEL = re.compile(r"\bclaude-(?!nb\b)[a-z0-9.-]+|\bgpt-\d")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def outputs(path: Path) -> list[dict]:
    return [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", ())]


@each_notebook
def test_it_runs_offline(path: Path, tmp_path: Path) -> None:
    strict = nbformat.read(path, as_version=4).metadata.get("claude_nb", {}).get("strict", False)
    settings = tmp_path / "pytest.ini"  # empty: these are not the project's own tests
    settings.touch()
    command = [
        *(sys.executable, "-m", "pytest", "--nbval" if strict else "--nbval-lax", str(path)),
        *("-p", "no:cacheprovider", "-p", "no:xdist", "-c", str(settings), "-q"),
        *("--nbval-cell-timeout", "120"),
    ]
    env = clean_env(tmp_path) | {"CLAUDE_NB_WEIGHTS": str(Path(sys.prefix) / "models")}  # of lesson 11
    done = subprocess.run(command, check=False, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@each_notebook
def test_it_is_committed_as_it_was_run(path: Path) -> None:
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code" and cell.source]
    counts = [cell.execution_count for cell in code]
    assert counts == list(range(1, len(code) + 1)), "run all cells from a fresh kernel, then save"
    assert not [output for output in outputs(path) if output["output_type"] == "error"]


@each_notebook
def test_a_lesson_asks_for_predictions_and_says_first_how_to_hide_the_answers(path: Path) -> None:
    texts = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    assert any("**Predict" in text for text in texts)
    assert "Clear Outputs of All Cells" in texts[0]


@each_notebook
def test_it_names_no_model_and_holds_no_key(path: Path) -> None:
    """Model names grow old, so a notebook leaves the choice to the default or to the reader."""
    sources = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    assert not MODEL.findall(sources)
    assert not KEY.findall(sources + json.dumps(outputs(path)))


@each_notebook
def test_it_uses_public_names_only(path: Path) -> None:
    """A lesson shows what readers can rely on, so that a module inside the package may move."""
    for cell in nbformat.read(path, as_version=4).cells:
        used = inner_names(cell.source) if cell.cell_type == "code" else inner_names_in_text(cell.source)
        assert not used, cell.id


@pytest.mark.parametrize(
    "code",
    [
        "from claude_nb.sweeps.metrics.statistics import wilson",
        "import claude_nb.session.session",
        "from claude_nb import session",
        "claude_nb.types.reply.Reply",
        "from claude_nb.demo.counts import Counts",
    ],
)
def test_a_name_from_inside_the_package_is_found(code: str) -> None:
    assert inner_names(code)


@pytest.mark.parametrize(
    "code",
    [
        "%load_ext claude_nb\nimport claude_nb",
        "from claude_nb import Playground, demo",
        "from claude_nb.demo import train",
        "from claude_nb.demo.sampling import draw",
        "claude_nb.last.text",
        "%%claude\nimport claude_nb.session",
    ],
)
def test_a_public_name_is_fine(code: str) -> None:
    assert not inner_names(code)


@each_notebook
def test_it_stays_small(path: Path) -> None:
    assert path.stat().st_size < 300_000

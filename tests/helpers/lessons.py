"""Kernels that run the same notebook on the same history, one after the other."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.kernel import Kernel, Result

KEY = "test-key-0123456789"


def lesson_env(folder: Path) -> dict[str, str]:
    """The environment of a notebook whose history is in a folder that is not made yet."""
    path = folder / "kept" / "history.db"
    return {"AIMLAPI_API_KEY": KEY, "CLAUDE_NB_HISTORY": str(path), "JPY_SESSION_NAME": "/home/ada/lesson.ipynb"}


def started(env: dict[str, str]) -> Kernel:
    """A kernel with the extension."""
    kernel = Kernel(env)
    assert kernel.run("%load_ext claude_nb").error is None
    return kernel


def html(result: Result) -> str:
    """What a cell shows, all outputs together."""
    return "".join(output["data"].get("text/html", "") for output in result.outputs if "data" in output)


def notes(result: Result) -> list[str]:
    """Lines about the history, each in an output of its own."""
    plain = [output["data"].get("text/plain", "") for output in result.outputs if "data" in output]
    return [text for text in plain if text.startswith("history: ")]

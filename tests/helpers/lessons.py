"""Kernels that run the same notebook on the same history, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.helpers.inside import NO_SESSION
from tests.helpers.kernel import Kernel, Result, clean_env

KEY = "test-key-0123456789"


def lesson_env(folder: Path) -> dict[str, str]:
    """The environment of a notebook whose history is in a folder that is not made yet."""
    path = folder / "kept" / "history.db"
    return {"AIMLAPI_API_KEY": KEY, "CLAUDE_NB_HISTORY": str(path), "JPY_SESSION_NAME": "/home/ada/lesson.ipynb"}


def started(env: Mapping[str, str]) -> Kernel:
    """A kernel with the extension."""
    kernel = Kernel(env)
    assert kernel.run("%load_ext claude_nb").error is None
    return kernel


def renewed(kernel: Kernel, env: Mapping[str, str]) -> Kernel:
    """The same kernel as if it had just started with this environment: no variables, and a session of its own."""
    code = f"from os import environ\nenviron.clear()\nenviron.update({clean_env(kernel.home, **env)!r})\n{NO_SESSION}"
    for step in ("%reset -f", code, "%reload_ext claude_nb"):
        assert kernel.run(step).error is None
    return kernel


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return lesson_env(tmp_path)


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    """One kernel for all tests of a file."""
    with started({}) as kernel:
        yield kernel


@pytest.fixture
def kernel(shared: Kernel, env: dict[str, str]) -> Kernel:
    """A kernel as if it had just started."""
    return renewed(shared, env)


def html(result: Result) -> str:
    """What a cell shows, all outputs together."""
    return "".join(output["data"].get("text/html", "") for output in result.outputs if "data" in output)


def notes(result: Result) -> list[str]:
    """Lines about the history, each in an output of its own."""
    plain = [output["data"].get("text/plain", "") for output in result.outputs if "data" in output]
    return [text for text in plain if text.startswith("history: ")]

"""Models on this machine in a real kernel: cells, the badge, an interrupt, nothing stray on the screen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.kernel import Kernel

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel({"CLAUDE_NB_WEIGHTS": str(Path(sys.prefix) / "models")}) as kernel:
        kernel.run("%load_ext claude_nb")
        yield kernel


def test_a_cell_is_answered_with_a_badge_and_nothing_else_is_printed(kernel: Kernel) -> None:
    result = kernel.run("%claude -p local -t 0 -n 8 -o said Tell me a story")
    assert result.error is None
    assert result.text == ""
    shown = str([heard.content for heard in result.messages])
    assert "Local model: SmolLM2-135M-Instruct, 98.4 MB, apache-2.0, not Claude" in shown
    assert "anthropic" not in shown.lower()
    assert kernel.get("said.provider, said.stop_reason") == ("local", "max_tokens")


def test_the_load_is_shown_as_progress(kernel: Kernel) -> None:
    kernel.run("%claude /unload")
    result = kernel.run("%claude -p local -n 4 Hi")
    assert "loading SmolLM2-135M-Instruct, 98.4 MB, apache-2.0 (0 s)" in str([h.content for h in result.messages])


def test_an_interrupt_keeps_what_has_arrived_and_the_next_cell_is_answered(kernel: Kernel) -> None:
    running = kernel.start("%claude -p local -t 0 -n 4000 -o cut Count from 1 to 1000.")
    running.until(lambda result: "1" in str([output["data"] for output in result.outputs if "data" in output]))
    kernel.interrupt()
    result = running.wait()
    assert str(result.error).startswith("Interrupted: interrupted after ")
    assert kernel.get("cut.stop_reason, bool(cut.text)") == ("interrupted", True)
    assert kernel.run("%claude -p local -n 4 Hi").error is None


def test_the_commands_tell_of_the_model_and_free_it(kernel: Kernel) -> None:
    kernel.run("%claude -p local -n 2 Hi")
    assert "unloaded SmolLM2-135M-Instruct, 98.4 MB, apache-2.0" in str(
        [heard.content for heard in kernel.run("%claude /unload").messages]
    )
    assert "no local model is loaded" in str([heard.content for heard in kernel.run("%claude /unload").messages])


def test_a_path_alone_means_a_local_model(kernel: Kernel) -> None:
    result = kernel.run("%claude -m /nowhere/m.gguf Hi")
    assert str(result.error).startswith("ConfigError: cannot read /nowhere/m.gguf (No such file or directory)")

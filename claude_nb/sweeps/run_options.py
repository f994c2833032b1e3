"""Options of a run: how the calls of a sweep are sent."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import shown
from claude_nb.session.session import Session


@dataclass
class RunOptions:
    """Options for the calls of a sweep.

    concurrency   calls at once, at most
    replay        "use" takes known replies from the history, "off" sends every request, "only" sends none
    executor      runs the calls; None: threads of this process
    call_options  fields of Call: {"timeout": 30}
    batch         True sends the calls in batches, at half the price
    """

    concurrency: int = 8
    replay: str = "use"
    executor: Executor | None = None
    call_options: Mapping[str, Any] = field(default_factory=dict)
    batch: bool = False

    @property
    def sends_batches(self) -> bool:
        return self.batch and self.replay != "only"


def replay_mode(session: Session, replay: str | None = None, *, fresh: bool = False) -> str:
    """Return the replay of RunOptions that the arguments of a call mean. Raises PromptError."""
    if replay not in (None, "use", "off", "only"):
        raise PromptError(f"replay is use, off or only, not {shown(replay)}")
    if fresh and replay not in (None, "off"):
        raise PromptError(f"fresh=True asks again, and replay={replay!r} does not; leave one of them out")
    replay = "off" if fresh else replay
    return replay or ("only" if session.memory.mode == "only" else "use")

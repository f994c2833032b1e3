"""A batch that was sent: what waits in it, and what the server has said about it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from claude_nb.providers.batches import COUNTS, State
from claude_nb.render.chars import counted
from claude_nb.sweeps.engine.job_queue import Job
from claude_nb.types.request import Request

UNKNOWN = "?"  # begins the mark of a batch whose id has not arrived
EARLIER_S, LATER_S = 600.0, 1800.0  # in which a server dates a batch, by this computer's clock
Waits = dict[str, tuple[Job, "int | None"]]


@dataclass(eq=False)
class Batch:
    """Requests that were sent together.

    name        its id at the server; "?MARK" until that is known
    waits       the jobs without a result and their rows, by custom id
    size        how many requests were sent
    sent_s      when, in seconds since 1970
    state       the newest one that the server has sent
    others      ids that looked like its own, and were not
    is_guessed  whether its id comes from the list of the server
    """

    name: str
    waits: Waits
    size: int
    sent_s: float
    state: State | None = None
    others: set[str] = field(default_factory=set)
    is_guessed: bool = False

    def __str__(self) -> str:
        """ "batch msgbatch_01 of 120 requests is in progress, and goes on ..."."""
        state = self.state.status.replace("_", " ") if self.state else "not known yet"
        return (
            f"batch {self.name.removeprefix(UNKNOWN)} of {counted(len(self.waits), 'request')} is {state}, and goes on "
            "without this kernel; .resume() fetches the replies, .batches() asks for the state, .cancel() ends it"
        )

    def described(self) -> dict[str, Any]:
        """Return what is known of it, as a row of a table."""
        state = self.state
        counts = dict(state.counts) if state else {}
        return {
            "batch": self.name if self.has_id else "no id yet",
            "status": state.status if state else "not asked",
            "requests": self.size,
            **{name: counts.get(name) for name in COUNTS},
            "sent": _shown(datetime.fromtimestamp(self.sent_s, timezone.utc)),
            "expires": _shown(state.expires) if state and state.expires else None,
        }

    def may_be(self, state: State) -> bool:
        """Return whether the server may have made this batch of what was sent here, by its size and time."""
        created = state.created
        is_near = created is not None and -EARLIER_S <= created.timestamp() - self.sent_s <= LATER_S
        return state.total == self.size and state.id not in self.others and is_near

    @property
    def has_id(self) -> bool:
        return not self.name.startswith(UNKNOWN)

    @property
    def rows(self) -> list[int]:
        """Its rows in the history."""
        return [row for _, row in self.waits.values() if row is not None]

    @property
    def request(self) -> Request:
        """One of its requests, which all go to one server."""
        return next(job.request for job, _ in self.waits.values())


def mark() -> str:
    """Return the name of a batch without an id."""
    return UNKNOWN + secrets.token_hex(8)


def _shown(moment: datetime) -> str:
    return moment.astimezone().isoformat(" ", "minutes")[:16]

"""Call running replies twice a second, from one thread that all share.

They save what has arrived and check their time-outs. A timer for each reply would cost more than a short call itself.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

INTERVAL_S = 0.5


class Member(Protocol):
    """Something that the heartbeat calls."""

    def beat(self) -> None: ...


class Heartbeat:
    """A timer thread that runs while it has members."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: set[Member] = set()
        self._thread: threading.Thread | None = None

    def join(self, member: Member) -> None:
        """Begin to call member.beat() every half second."""
        with self._lock:
            self._members.add(member)
            # A forked process inherits the object but not the thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="claude_nb heartbeat", daemon=True)
                self._thread.start()

    def leave(self, member: Member) -> None:
        """Stop calling a member."""
        with self._lock:
            self._members.discard(member)

    def _run(self) -> None:
        while True:
            time.sleep(INTERVAL_S)
            with self._lock:
                if not self._members:
                    self._thread = None
                    return
                members = list(self._members)
            for member in members:
                member.beat()


HEARTBEAT = Heartbeat()

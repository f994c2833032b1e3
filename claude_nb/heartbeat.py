"""One thread for all running turns: it asks each about once a second whether something should be saved.

A timer of its own for each turn would cost more than a short call itself.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

BEAT_S = 0.5


class Beating(Protocol):
    """Who wants to be asked."""

    def beat(self) -> None: ...


class Pulse:
    """Starts its thread with the first that joins; it ends soon after the last has left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: set[Beating] = set()
        self._thread: threading.Thread | None = None

    def join(self, member: Beating) -> None:
        with self._lock:
            self._members.add(member)
            # After a fork the thread of the parent is not there any more, and says so.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="claude_nb pulse", daemon=True)
                self._thread.start()

    def leave(self, member: Beating) -> None:
        with self._lock:
            self._members.discard(member)

    def _run(self) -> None:
        while True:
            time.sleep(BEAT_S)
            with self._lock:
                if not self._members:
                    self._thread = None
                    return
                members = list(self._members)
            for member in members:
                member.beat()


PULSE = Pulse()

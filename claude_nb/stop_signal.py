"""One signal that ends a running reply, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """Set once, seen everywhere: it wakes whoever waits and runs the actions that unblock a read."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._actions: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        with self._lock:
            self._event.set()
            actions, self._actions = self._actions, []
        for action in actions:
            action()

    def wait(self, seconds: float) -> bool:
        """Sleep unless stopped; True means stopped."""
        return self._event.wait(seconds)

    @contextmanager
    def unblocking(self, action: Callable[[], None]) -> Iterator[None]:
        """Run *action* when the stop comes while the block runs (at once if it came before)."""
        with self._lock:
            late = self._event.is_set()
            if not late:
                self._actions.append(action)
        if late:
            action()
        try:
            yield
        finally:
            with self._lock:
                if action in self._actions:
                    self._actions.remove(action)

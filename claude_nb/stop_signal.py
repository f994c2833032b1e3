"""The signal that ends a running reply, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """A signal that is set once.

    Setting it wakes waiting threads and runs the actions that unblock a read.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._actions: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        """Return whether the reply should end."""
        return self._event.is_set()

    def set(self) -> None:
        """End the reply. Later calls do nothing."""
        with self._lock:
            self._event.set()
            actions, self._actions = self._actions, []
        for action in actions:
            action()

    def wait(self, seconds: float) -> bool:
        """Sleep unless the signal is set. Returns True if it is."""
        return self._event.wait(seconds)

    @contextmanager
    def unblocking(self, action: Callable[[], None]) -> Iterator[None]:
        """Run *action* if the signal is set before or during the block."""
        with self._lock:
            already_set = self._event.is_set()
            if not already_set:
                self._actions.append(action)
        if already_set:
            action()
        try:
            yield
        finally:
            with self._lock:
                if action in self._actions:
                    self._actions.remove(action)

"""Work that can be counted. A count is the same on every machine, however busy; a time is not."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


def calls(action: Callable[[], object]) -> int:
    """Return how many Python and C functions an action calls in this thread."""
    count = 0

    def note(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


class Allocated:
    """Bytes of memory that were asked for: the sum over all steps of the peak within each."""

    def __init__(self) -> None:
        self.bytes = 0

    def step(self, action: Callable[[], object]) -> None:
        """Add what one action asks for. A copy of a large text counts, also when it is freed at once."""
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        action()
        self.bytes += tracemalloc.get_traced_memory()[1] - before


@contextmanager
def allocations() -> Iterator[Allocated]:
    """Count allocated bytes: `with allocations() as allocated: allocated.step(decode)`."""
    tracemalloc.start()
    try:
        yield Allocated()
    finally:
        tracemalloc.stop()

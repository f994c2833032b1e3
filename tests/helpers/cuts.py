"""Ways to cut a stream into pieces; a reader must not notice the difference."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

Cut = Callable[[bytes], Iterator[bytes]]


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def by_byte(data: bytes) -> Iterator[bytes]:
    return (data[i : i + 1] for i in range(len(data)))


def at_random(seed: int) -> Cut:
    def cut(data: bytes) -> Iterator[bytes]:
        numbers = random.Random(seed)
        start = 0
        while start < len(data):
            end = start + numbers.randint(1, 7)
            yield data[start:end]
            start = end

    cut.__name__ = f"at_random_{seed}"
    return cut


CUTS: tuple[Cut, ...] = (whole, by_byte, at_random(1), at_random(2), at_random(3), at_random(4))

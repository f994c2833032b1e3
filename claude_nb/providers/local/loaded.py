"""The models in memory: loaded at first use, kept for the next reply, and used one after the other."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

from claude_nb.errors import ConfigError, NetworkError, PromptError
from claude_nb.providers.attempt import SendOptions, attempt
from claude_nb.providers.local import MODEL, catalog, engine
from claude_nb.providers.local.dialect import LOCAL
from claude_nb.providers.local.engine import Engine
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk, Request

MOST = 2  # models in memory at once


class _Memory:
    """The engines of this process by the names of their models, the one used last at the end.

    turn  held by whoever uses one of them
    """

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.engines: dict[str, Engine] = {}


_memory = _Memory()


def stream(request: Request, body: dict[str, Any], options: SendOptions, stop: Stop) -> Iterator[Chunk]:
    """Yield the reply to a request, whose body is in the wire format. The model is loaded first, if it is not."""
    turn = _memory.turn
    yield from _wait(turn, stop)
    try:
        running = yield from _load(request.model, stop)
        if body.get("tools") and not running.tools:
            raise PromptError(
                f"{running.label} was not made to call functions; leave out --tools, or use another model"
            )
        options = replace(options, timeout_s=options.timeout_s or engine.LONGEST_SILENCE_S, retries=0)
        address, is_json = f"{running.url}{LOCAL.path}", request.answer is not None
        refusal = yield from attempt(address, body, LOCAL, running.key, options, stop, structured=is_json)
        if refusal:
            raise refusal
    finally:
        turn.release()


def get(model: str = MODEL) -> Engine:
    """Return the engine of a model, loaded if it is not yet.

    Raises ConfigError if the model is not on this machine or cannot be loaded.
    """
    with _memory.turn:
        steps = _load(model, Stop())
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: Engine = end.value
                return found


def unload() -> list[str]:
    """End all engines, which frees their memory. Returns their labels.

    Raises ConfigError while one of them writes.
    """
    if not _memory.turn.acquire(blocking=False):
        raise ConfigError("a local model is writing a reply; stop it first, then unload it")
    try:
        return _end_all()
    finally:
        _memory.turn.release()


def _load(model: str, stop: Stop) -> Generator[Chunk, None, Engine]:
    """Return the engine of a model, and load it if needed. The caller has the turn."""
    engines = _memory.engines
    # A path may begin at the folder of the moment.
    name = os.path.abspath(model) if model.lower().endswith(catalog.SUFFIX) else model  # noqa: PTH100  # raises nothing
    found = engines.pop(name, None)
    if found is None or not found.is_running():
        if found:
            found.end()
        file = catalog.find(model)
        while len(engines) >= MOST:
            engines.pop(next(iter(engines))).end()
        found = yield from engine.start(file, catalog.label(model, file), stop)
    engines[name] = found
    return found


def _wait(turn: threading.Lock, stop: Stop) -> Iterator[Chunk]:
    """Take the turn. Raises NetworkError when stopped."""
    if turn.acquire(blocking=False):
        return
    yield Chunk(notice="waiting for the local model, which writes another reply")
    while not turn.acquire(timeout=engine.SLICE_S):
        if stop.is_set():
            raise NetworkError("the reply was stopped")
    try:
        yield Chunk(notice="")
    except BaseException:
        turn.release()
        raise


def _end_all() -> list[str]:
    labels = [running.label for running in _memory.engines.values()]
    while _memory.engines:
        _memory.engines.popitem()[1].end()
    return labels


def _forget() -> None:
    """Begin anew in a fork, which would else talk to the engines of its parent."""
    global _memory  # noqa: PLW0603  # a lock that another thread held at the fork stays locked
    for running in _memory.engines.values():
        running.leave()
    _memory = _Memory()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

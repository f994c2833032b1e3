"""Run blocking calls in threads for an event loop of asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

_T = TypeVar("_T")
CLOSING_S = 1.0  # what a cancelled call waits for its thread, which may be running a function of the user


async def in_thread(function: Callable[[], _T], stop: Callable[[], None]) -> _T:
    """Return what a function returns that runs in a thread of its own.

    A cancelled call stops it, and waits up to a second, so that the connection is closed and the partial reply saved.
    The threads of asyncio's own pool are too few: it has about as many as the machine has cores.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(result)  # type: ignore[arg-type]  # the function returned it
        else:
            ended.set_exception(error)

    context = copy_context()  # it knows the running cell

    def run() -> None:
        result: _T | None = None
        failure: BaseException | None = None
        try:
            result = context.run(function)
        except BaseException as error:  # noqa: BLE001  # the awaiting code raises it
            failure = error
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="claude_nb async", daemon=True).start()
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([ended], timeout=CLOSING_S)
        if ended.done():
            ended.exception()  # it was looked at, so asyncio does not complain about it
        raise


async def items(source: Iterable[str], stop: Callable[[], None]) -> AsyncIterator[str]:
    """Yield what a source yields that is read in a thread. Leaving early stops it."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        try:
            for text in source:
                loop.call_soon_threadsafe(arrived.put_nowait, text)
        finally:
            loop.call_soon_threadsafe(arrived.put_nowait, None)

    reading = asyncio.ensure_future(in_thread(read, stop))
    try:
        while (text := await arrived.get()) is not None:
            yield text
        await reading
    finally:
        if not reading.done():
            reading.cancel()
            await asyncio.wait([reading])

"""Wait for the result of a coroutine, in a thread with an event loop of its own.

The loop of a notebook is running already and cannot be waited for.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from concurrent.futures import Future, wait
from typing import Any

SLICE_S = 0.25  # Windows does not interrupt a longer wait


def awaited(value: Any) -> Any:
    """Return the result of a coroutine or another awaitable, and any other value as it is.

    Raises what the coroutine raises, and KeyboardInterrupt, which cancels it.
    """
    if not inspect.isawaitable(value):
        return value
    result: Future[Any] = Future()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []

    async def main() -> Any:
        running.append((asyncio.get_running_loop(), asyncio.current_task()))
        return await value

    def run() -> None:
        try:
            result.set_result(asyncio.run(main()))
        except BaseException as error:  # noqa: BLE001  # it is raised again in the thread that waits
            result.set_exception(error)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="claude_nb tool", daemon=True).start()
    try:
        while not wait([result], SLICE_S).done:
            pass
    except KeyboardInterrupt:
        for loop, task in running:
            if task and not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)
        raise
    return result.result()

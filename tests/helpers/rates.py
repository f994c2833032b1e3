"""A server in a process of its own for tests with many calls: slow to answer, full now and then, sometimes broken.

with RateServer(latency_s=0.05, full_every=20, cut_every=50) as server:
    ... ask server.url ...
    server.report()   -> {"calls": 1052, "at_once": 32, "prompts": {"prompt 1": 1, ...}}

Its reply to a prompt is "reply to " and the prompt, so that a swapped one would be seen.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import selectors
import subprocess
import sys
import urllib.request
from collections import Counter
from types import TracebackType
from typing import Any

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class RateServer:
    """The process, seen from the test."""

    def __init__(self, **options: float) -> None:
        self._arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]

    def __enter__(self) -> RateServer:
        command = [sys.executable, "-m", "tests.helpers.rates", *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.origin = self._process.stdout.readline().strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def report(self) -> dict[str, Any]:
        """What arrived: calls, the most that were open at once, and how often each prompt was answered."""
        with urllib.request.urlopen(f"{self.origin}/report", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


class _Service:
    """What it answers. One thread, and no more work for a call than it needs: a client is measured against it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.calls = self.now = self.at_once = self.connections = 0
        self.prompts: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the calls of one connection, which stays open, as that of any server does, until one is cut."""
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                answer, is_whole = await self._call(json.loads(body)) if body else (self._report(), True)
                writer.write(answer)
                if not is_whole:
                    break
        writer.close()

    async def _call(self, asked: dict[str, Any]) -> tuple[bytes, bool]:
        options, prompt = self.options, asked["messages"][-1]["content"]
        self.calls += 1
        self.now += 1
        self.at_once = max(self.at_once, self.now)
        number = self.calls
        await asyncio.sleep(options.latency_s)
        self.now -= 1
        if options.full_every and number % options.full_every == 0:
            more = f"retry-after: {options.retry_after_s:g}\r\n" if options.retry_after_s else ""
            return _answer("429 Too Many", b'{"error": {"message": "too many"}}', "application/json", more), True
        self.prompts[prompt] += 1
        is_cut = bool(options.cut_every) and number % options.cut_every == 1
        pieces = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in ("reply to ", prompt)]
        pieces.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        pieces.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}})
        sent = pieces[:1] if is_cut else pieces
        events = "".join(f"data: {json.dumps(piece)}\n\n" for piece in sent) + ("" if is_cut else "data: [DONE]\n\n")
        return _answer("200 OK", events.encode(), "text/event-stream", missing=int(is_cut)), not is_cut

    def _report(self) -> bytes:
        names = ("calls", "at_once", "connections", "prompts")
        body = json.dumps({name: getattr(self, name) for name in names})
        return _answer("200 OK", body.encode(), "application/json")


def _answer(status: str, body: bytes, kind: str, more: str = "", missing: int = 0) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body) + missing}\r\n{more}\r\n"
    return head.encode() + body


async def _run(options: argparse.Namespace) -> None:
    server = await asyncio.start_server(_Service(options).serve, "127.0.0.1", 0, backlog=256)
    host, port = server.sockets[0].getsockname()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("latency_s", "full_every", "cut_every", "retry_after_s"):
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, type=float, default=0.0)
    # select() keeps time to a microsecond; epoll() would make every answer up to a millisecond late.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(_run(parser.parse_args()))


if __name__ == "__main__":
    main()

"""A server in a process of its own for tests with many calls: slow to answer, full now and then, sometimes broken.

with RateServer(latency_s=0.05, full_every=20, cut_every=50) as server:
    ... ask server.url ...
    server.report()   -> {"calls": 1052, "at_once": 32, "prompts": {"prompt 1": 1, ...}}

Its reply to a prompt is "reply to " and the prompt, so that a swapped one would be seen.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class RateServer:
    """The process, seen from the test."""

    def __init__(self, **options: float) -> None:
        self._arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]

    def __enter__(self) -> RateServer:
        command = [sys.executable, "-m", "tests.rates", *self._arguments]
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


class _Counts:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.lock = threading.Lock()
        self.calls = self.now = self.at_once = 0
        self.prompts: Counter[str] = Counter()


class _Handler(BaseHTTPRequestHandler):
    counts: _Counts

    def do_GET(self) -> None:
        counts = self.counts
        body = {"calls": counts.calls, "at_once": counts.at_once, "prompts": counts.prompts}
        self._answer(200, json.dumps(body).encode(), "application/json")

    def do_POST(self) -> None:
        counts, options = self.counts, self.counts.options
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prompt = asked["messages"][-1]["content"]
        with counts.lock:
            counts.calls += 1
            number = counts.calls
            counts.now += 1
            counts.at_once = max(counts.at_once, counts.now)
        time.sleep(options.latency_s)
        full = options.full_every and number % options.full_every == 0
        cut = options.cut_every and number % options.cut_every == 1
        with counts.lock:
            counts.now -= 1  # before the answer is whole, because the next call may arrive as soon as it is
            counts.prompts[prompt] += not full
        if full:
            headers = {"retry-after": f"{options.retry_after_s:g}"} if options.retry_after_s else {}
            self._answer(429, b'{"error": {"message": "too many"}}', "application/json", headers)
            return
        pieces = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in ("reply to ", prompt)]
        pieces.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        pieces.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}})
        sent = pieces[:1] if cut else pieces
        events = "".join(f"data: {json.dumps(piece)}\n\n" for piece in sent) + ("" if cut else "data: [DONE]\n\n")
        self._answer(200, events.encode(), "text/event-stream", missing=int(bool(cut)))

    def _answer(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None, missing: int = 0
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body) + missing))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_: Any) -> None:
        """A client that left is part of the test."""


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("latency_s", "full_every", "cut_every", "retry_after_s"):
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, type=float, default=0.0)
    _Handler.counts = _Counts(parser.parse_args())
    server = _Server(("127.0.0.1", 0), _Handler)
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()

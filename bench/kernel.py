"""A real kernel in its own virtual environment. Every frame is counted as it leaves the socket."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from tests.helpers.kernel import clean_env

SHOWN = ("stream", "display_data", "update_display_data", "execute_result", "comm_msg")


@dataclass
class Cell:
    """What one cell published. Times are on the clock of time.monotonic().

    messages  number by kind, without the status and the echo of the code
    size      their bytes, with every frame counted
    seen      when each of the searched texts first appeared in an output
    """

    sent_s: float = 0.0
    idle_s: float = 0.0
    cpu_s: float = 0.0
    messages: Counter[str] = field(default_factory=Counter)
    size: int = 0
    sizes: list[tuple[float, int]] = field(default_factory=list)
    seen: dict[str, float] = field(default_factory=dict)
    printed: str = ""
    error: str | None = None
    error_bytes: int = 0
    timed_out: bool = False

    @property
    def count(self) -> int:
        return sum(self.messages.values())


class Kernel:
    """A kernel that runs the Python of a virtual environment; a context manager."""

    def __init__(self, python: Path, env: Mapping[str, str] | None = None) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="cnb-bench-"))
        self._manager = KernelManager(
            transport="ipc", ip=str(self._home / "k"), connection_file=str(self._home / "k.json")
        )
        argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self._manager._kernel_spec = KernelSpec(argv=argv, display_name="bench", language="python")
        with (self._home / "stderr.txt").open("wb") as errors:
            self._manager.start_kernel(
                env=clean_env(self._home, PYTHONWARNINGS="ignore", **(env or {})),
                cwd=str(self._home),
                stdout=errors,
                stderr=errors,
            )
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=120)
        self._process = psutil.Process(self._manager.provisioner.pid)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()
        shutil.rmtree(self._home, ignore_errors=True)

    def run(
        self,
        code: str,
        *,
        look_for: tuple[str, ...] = (),
        timeout: float = 120,
        until: Callable[[Cell], object] | None = None,
    ) -> Cell:
        """Run a cell to its end; interrupt it at the time-out, or as soon as until(cell) is true."""
        cell = Cell()
        before = self._cpu_s()
        self._send(code, cell)
        interrupted = False
        while not cell.idle_s:
            if self._client.iopub_channel.socket.poll(20):
                self._take(cell, look_for)
            late = time.monotonic() - cell.sent_s > timeout
            if not interrupted and (late or (until and until(cell))):
                interrupted, cell.timed_out = True, late
                cell.seen["interrupt"] = time.monotonic()
                os.kill(self._process.pid, signal.SIGINT)
            if late and time.monotonic() - cell.sent_s > timeout + 60:
                raise TimeoutError("the kernel did not stop after the interrupt")
        cell.cpu_s = self._cpu_s() - before
        return cell

    def value(self, expression: str) -> Any:
        """Return the value of an expression, which must be JSON."""
        cell = self.run(f"import builtins, json; builtins.print('<<' + json.dumps({expression}) + '>>', flush=True)")
        if cell.error:
            raise RuntimeError(f"{expression}: {cell.error}")
        return json.loads(cell.printed.partition("<<")[2].rpartition(">>")[0])

    def rss(self) -> int:
        """Return the memory of the kernel in bytes."""
        return int(self._process.memory_info().rss)

    def _cpu_s(self) -> float:
        """Return the processor time of the kernel and its children, user and system."""
        return sum(self._process.cpu_times()[:4])

    def _send(self, code: str, cell: Cell) -> None:
        while self._client.iopub_channel.socket.poll(50):
            self._client.iopub_channel.socket.recv_multipart()
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        message = self._client.session.msg("execute_request", content | {"allow_stdin": True, "stop_on_error": True})
        self._id = message["header"]["msg_id"]
        cell.sent_s = time.monotonic()
        self._client.shell_channel.send(message)

    def _take(self, cell: Cell, look_for: tuple[str, ...]) -> None:
        """Count a message. Large ones are searched, not parsed, because the tools are measured and not this program."""
        frames = self._client.iopub_channel.socket.recv_multipart(zmq.NOBLOCK)
        now = time.monotonic()
        _, _, head, parent, _, content, *_ = frames[frames.index(b"<IDS|MSG>") :]
        kind = json.loads(head)["msg_type"]
        if kind == "status":
            if b'"idle"' in content and json.loads(parent).get("msg_id") == self._id:
                cell.idle_s = now
            return
        if kind == "execute_input":
            return
        size = sum(map(len, frames))
        cell.messages[kind] += 1
        cell.size += size
        cell.sizes.append((now, size))
        if kind == "error":
            failed = json.loads(content)
            cell.error = f"{failed['ename']}: {failed['evalue']}"[:300]
            cell.error_bytes += size
        elif kind == "stream":
            cell.printed += json.loads(content)["text"]
        if kind in SHOWN:
            for text in look_for:
                if text not in cell.seen and text.encode() in content:
                    cell.seen[text] = now

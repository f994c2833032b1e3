"""A real notebook kernel for tests: run a cell, see every message that a front end would get.

with Kernel() as kernel:
    result = kernel.run("print(1 + 1)")
    assert result.text == "2\n"
"""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any, NamedTuple

import nbformat
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

SECRETS = ("KEY", "TOKEN", "SECRET", "PASSWORD")
PATIENCE_S = 200  # only a kernel that hangs takes so long; then the error tells what it had shown


def clean_env(home: Path, **overrides: str) -> dict[str, str]:
    """The environment of a new user: an empty home, no keys, no settings of ours, of Jupyter or of IPython."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CLAUDE_NB_", "JUPYTER", "IPYTHON", "XDG_", "PYTEST_"))
        and not any(secret in name for secret in SECRETS)
    }
    own = {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter" / "config"),
        "JUPYTER_DATA_DIR": str(home / "jupyter" / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter" / "runtime"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "CLAUDE_NB_HISTORY": str(home / "history.db"),
    }
    return kept | own | overrides


class Heard(NamedTuple):
    """One message that the kernel published."""

    kind: str  # "stream", "display_data", "update_display_data", ...
    content: dict[str, Any]
    size: int  # bytes on the wire, all frames together
    raw: dict[str, Any]


@dataclass
class Result:
    """What came of a cell. `error` is None or "NameError: name 'x' is not defined"."""

    messages: list[Heard] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> str | None:
        failed = next((heard.content for heard in self.messages if heard.kind == "error"), None)
        return f"{failed['ename']}: {failed['evalue']}" if failed else None

    @property
    def payload(self) -> list[dict[str, Any]]:
        return list(self.reply.get("payload", ()))

    @property
    def text(self) -> str:
        """Everything printed, standard error included."""
        return "".join(heard.content["text"] for heard in self.messages if heard.kind == "stream")

    @property
    def size(self) -> int:
        """Bytes of all messages together."""
        return sum(heard.size for heard in self.messages)

    @property
    def outputs(self) -> list[Any]:
        """The outputs as a front end saves them: stream pieces joined, displays replaced by their updates."""
        outputs: list[Any] = []
        by_id: dict[str, list[Any]] = {}
        clear_next = False
        for heard in self.messages:
            if heard.kind == "clear_output":
                clear_next = heard.content["wait"]
                if not clear_next:
                    outputs.clear()
                continue
            if heard.kind == "update_display_data":
                for output in by_id.get(heard.content["transient"]["display_id"], ()):
                    output.update(data=heard.content["data"], metadata=heard.content["metadata"])
                continue
            if heard.kind not in ("stream", "display_data", "execute_result", "error"):
                continue
            if clear_next:
                outputs.clear()
                clear_next = False
            output = nbformat.v4.output_from_msg(heard.raw)
            if heard.kind == "stream" and outputs and outputs[-1].get("name") == output.name:
                outputs[-1].text += output.text
                continue
            outputs.append(output)
            display_id = heard.content.get("transient", {}).get("display_id")
            if display_id:
                by_id.setdefault(display_id, []).append(output)
        return outputs


class Running:
    """A cell that was sent and has not been waited for."""

    def __init__(self, kernel: Kernel, answers: Sequence[str]) -> None:
        self._kernel = kernel
        self._answers = list(answers)
        self.result = Result()
        self.idle = False

    @property
    def done(self) -> bool:
        return self.idle and bool(self.result.reply)

    def wait(self) -> Result:
        """Until the cell has ended."""
        return self.until(lambda _: self.done)

    def until(self, condition: Callable[[Result], object]) -> Result:
        """Until condition(result) is true of what has come so far: running.until(lambda r: "Paris" in r.text)."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition(self.result):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {PATIENCE_S} s; so far: {self.result.outputs}\n{self._kernel.stderr()}")
            if not self._kernel.alive:
                raise RuntimeError(f"the kernel died\n{self._kernel.stderr()}")
            if self.done:
                raise AssertionError(f"the cell ended before that; its outputs: {self.result.outputs}")
            self._kernel.receive()
        return self.result

    def answer(self) -> str:
        """What the cell's input() gets."""
        if not self._answers:
            raise AssertionError("the cell asks for input, and the test gave no answer")
        return self._answers.pop(0)

    def hear(self, raw: dict[str, Any]) -> None:
        """Take a message that the cell published."""
        if raw["msg_type"] == "status":
            self.idle = raw["content"]["execution_state"] == "idle"
            return
        size = sum(len(frame) for frame in self._kernel.client.session.serialize(raw))
        self.result.messages.append(Heard(raw["msg_type"], raw["content"], size, raw))


class Kernel:
    """A Python kernel in an empty home of its own; `env` adds to its environment or replaces parts of it."""

    def __init__(self, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        # A Unix socket has a short name, so the folder is not one of pytest's long ones.
        self.home = Path(tempfile.mkdtemp(prefix="cnb-"))
        self._cells: dict[str, Running] = {}  # by the id of the message that started each
        self._stderr = self.home / "stderr.txt"
        self._manager = KernelManager(
            kernel_name="python3", transport="ipc", ip=str(self.home / "k"), connection_file=str(self.home / "k.json")
        )
        try:
            with self._stderr.open("wb") as errors:
                self._manager.start_kernel(
                    env=clean_env(self.home, **(env or {})), cwd=str(cwd or self.home), stdout=errors, stderr=errors
                )
            self.client: BlockingKernelClient = self._manager.client()
            self.client.start_channels()
            self.client.wait_for_ready(timeout=60)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        return bool(self._manager.is_alive())

    def stderr(self) -> str:
        """What the kernel's process itself printed, for the message of a failed test."""
        return self._stderr.read_text(errors="replace")

    def start(
        self, code: str, *, cell_id: str | None = None, allow_stdin: bool = True, answers: Sequence[str] = ()
    ) -> Running:
        """Send a cell and come back at once. `answers` go to input() and getpass(), in order."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": allow_stdin,
            "stop_on_error": True,
        }
        metadata = {"cellId": cell_id} if cell_id else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        running = self._cells[message["header"]["msg_id"]] = Running(self, answers)
        self.client.shell_channel.send(message)
        return running

    def receive(self) -> None:
        """Take the next message, if one comes soon, and hand it to the cell that it belongs to."""
        with contextlib.suppress(Empty):
            heard = self.client.get_iopub_msg(timeout=0.05)
            if running := self._cell(heard):
                running.hear(heard)
            return
        with contextlib.suppress(Empty):
            reply = self.client.get_shell_msg(timeout=0)
            if running := self._cell(reply):
                running.result.reply = reply["content"]
        with contextlib.suppress(Empty):
            question = self.client.get_stdin_msg(timeout=0)
            if running := self._cell(question):
                self.client.input(running.answer())

    def _cell(self, message: dict[str, Any]) -> Running | None:
        return self._cells.get(message["parent_header"].get("msg_id", ""))

    def run(
        self,
        code: str,
        *,
        cell_id: str | None = None,
        allow_stdin: bool = True,
        answers: Sequence[str] = (),
    ) -> Result:
        """Run a cell to its end. A cell that fails does not raise; see Result.error."""
        return self.start(code, cell_id=cell_id, allow_stdin=allow_stdin, answers=answers).wait()

    def get(self, expression: str) -> Any:
        """The value of an expression that is a Python literal: kernel.get("len(x)")."""
        result = self.run(f"import builtins; builtins.print(builtins.repr(({expression})))")
        if result.error:
            raise AssertionError(f"{expression}: {result.error}")
        return ast.literal_eval(result.text)

    def interrupt(self) -> None:
        """What the stop button of a notebook does."""
        self._manager.interrupt_kernel()

    def kill(self) -> None:
        """End the process at once, without a chance to tidy up."""
        self._manager.shutdown_kernel(now=True)

    def close(self) -> None:
        client = getattr(self, "client", None)
        if client is not None:
            client.stop_channels()
        if self._manager.has_kernel:
            self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()
        shutil.rmtree(self.home, ignore_errors=True)

"""The real proxy of LiteLLM, whose models are the loopback server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.helpers import ROOT
from tests.helpers.server import Recorded, Scenario, Server, answer

FOLDER = ROOT / ".venv" / "litellm" / ("Scripts" if os.name == "nt" else "bin")
READY = "Uvicorn running on"
KEY, POOR = "sk-gateway-0123456789abcdef", "sk-poor-0123456789abcdef"
# Keys without a database: one has spent more than it may.
AUTH = f"""
from litellm import BudgetExceededError
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

async def check(request, key):
    if key == {POOR!r}:
        raise BudgetExceededError(current_cost=2.01, max_budget=2.0)
    if key == {KEY!r}:
        return UserAPIKeyAuth(api_key=key)
    raise ProxyException("Authentication Error, invalid key", "auth_error", "key", 401)
"""


@dataclass
class Gateway:
    """The running proxy.

    answers   what the models answer, in turn, and the last answer again for all that follow; or a function
    requests  what arrived at the models
    """

    url: str
    answers: Sequence[Scenario] | Callable[[Recorded], Scenario] = ()
    requests: list[Recorded] = field(default_factory=list)

    def upstream(self, request: Recorded) -> Scenario:
        """Answer as the server of a model."""
        if request.method == "GET":  # the proxy looks whether its models are there
            return answer(200, {"data": []})
        self.requests.append(request)
        if callable(self.answers):
            return self.answers(request)
        return self.answers[min(len(self.requests), len(self.answers)) - 1]

    def plays(self, *answers: Scenario) -> None:
        """Answer the next requests in this way."""
        self.answers = answers
        self.requests.clear()


def is_installed() -> bool:
    return any(FOLDER.glob("litellm*"))


@contextmanager
def running(folder: Path) -> Iterator[Gateway]:
    """Start the proxy with a config of its own in a folder, wait until it answers, and stop it in the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gateway = Gateway(f"http://127.0.0.1:{port}/v1")
    with Server(gateway.upstream) as server:
        (folder / "keys.py").write_text(AUTH, "utf-8")
        config = folder / "config.yaml"
        config.write_text(json.dumps(_config(server)), "utf-8")  # JSON is YAML
        command = [FOLDER / "litellm", "--config", config, "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            _wait(process)
            yield gateway
        finally:
            process.kill()
            process.wait()


def _config(server: Server) -> dict[str, Any]:
    claude = {"model": "anthropic/claude-sonnet-4-6", "api_base": server.origin, "api_key": "sk-upstream"}
    gpt = {"model": "openai/gpt-4o", "api_base": server.url, "api_key": "sk-upstream"}
    return {
        "model_list": [
            {"model_name": "claude-sonnet-4-6", "litellm_params": claude},
            {"model_name": "gpt-4o", "litellm_params": gpt},
            {"model_name": "small-budget", "litellm_params": {**gpt, "max_budget": 1e-6, "budget_duration": "1d"}},
        ],
        "litellm_settings": {"num_retries": 0, "telemetry": False},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {
            "master_key": "sk-master-0123456789abcdef",
            "custom_auth": "keys.check",
            "custom_auth_run_common_checks": True,
        },
    }


def _environment(folder: Path) -> dict[str, str]:
    """Return variables that keep the proxy on this machine: anything beyond it meets a closed port."""
    nowhere = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"
    )
    here = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    own = {"HOME": str(folder), "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    system = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
    return {**nowhere, **here, **system, **own, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}


def _wait(process: subprocess.Popen[str]) -> None:
    """Wait until the proxy is ready, and read on, because a full pipe would stop it."""
    said, ready = list[str](), threading.Event()

    def read(lines: IO[str]) -> None:
        with lines:
            for line in lines:
                said.append(line)
                if READY in line:
                    ready.set()
        ready.set()

    assert process.stdout
    threading.Thread(target=read, args=(process.stdout,), daemon=True).start()
    ready.wait()
    if process.poll() is not None or not any(READY in line for line in said):
        sys.exit("".join(said[-30:]))

"""Measure many replies at once: a sweep, and a thread pool over the openai SDK, against the ideal."""

from __future__ import annotations

import statistics
from typing import Any

from bench import venvs
from bench.kernel import Kernel
from bench.measure import Server
from bench.server import Order
from bench.tools import KEY, TOOLS

CALLS, AT_ONCE = 64, 8
REPLY = Order(400, 4, 100)  # one second
SWEEP = """\
def many(n):
    result = claude_nb.sweep(
        "PROMPT", n=n, model="anthropic/claude-sonnet-4.6", base_url="URL/v1",
        concurrency=AT_ONCE, budget_usd=9999, replay="off", show=False)
    return [reply.text for reply in result.replies]"""
POOL = """\
from concurrent.futures import ThreadPoolExecutor
client = openai.OpenAI(base_url="URL/v1", api_key="loop", max_retries=0)
def one(_):
    stream = client.chat.completions.create(
        model="anthropic/claude-sonnet-4.6", stream=True, messages=[{"role": "user", "content": "PROMPT"}])
    return "".join(event.choices[0].delta.content or "" for event in stream if event.choices)
def many(n):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(n)))"""
WAYS = {
    "claude_nb.sweep": ("claude-nb", "import claude_nb\n" + SWEEP),
    "openai + ThreadPoolExecutor": ("openai", "import openai\n" + POOL),
}


def measured(rounds: int) -> dict[str, Any]:
    """Return the seconds for all calls and the share of the ideal, for each way."""
    ideal = CALLS / AT_ONCE * REPLY.seconds
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    cpu: dict[str, list[float]] = {name: [] for name in WAYS}
    for tool in TOOLS:
        if tool.package in {package for package, _ in WAYS.values()}:
            venvs.make(tool.package, tool.packages)
    with Server() as server:
        for _ in range(rounds):
            for name, (package, setup) in WAYS.items():
                code = setup.replace("URL", server.url).replace("PROMPT", str(REPLY)).replace("AT_ONCE", str(AT_ONCE))
                with Kernel(venvs.python_of(package), KEY) as kernel:
                    kernel.run(f"{code}\nmany(1)")
                    cell = kernel.run(f"texts = many({CALLS})")
                    if cell.error or kernel.value("[len(t) for t in texts]") != [REPLY.length] * CALLS:
                        raise RuntimeError(f"{name}: {cell.error or 'a reply is incomplete'}")
                seconds[name].append(cell.idle_s - cell.sent_s)
                cpu[name].append(cell.cpu_s)
    ways = {
        name: {
            "seconds": statistics.median(seconds[name]),
            "share_of_ideal": ideal / statistics.median(seconds[name]),
            "cpu_ms_per_reply": statistics.median(cpu[name]) / CALLS * 1000,
        }
        for name in WAYS
    }
    return {"calls": CALLS, "at_once": AT_ONCE, "ideal_s": ideal, "ways": ways}

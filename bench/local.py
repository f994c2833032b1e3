"""Measure a model on this machine beside llama.cpp alone: tokens a second, and memory. Two minutes.

python -m bench.local

Both read the same weights with the same threads. Rounds alternate, each in a new process. The time is that from the
first token to the last one, so that neither the load nor the prompt counts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

TOKENS, ROUNDS = 200, 5
PROMPT = "Tell me a long story about a cat."

OURS = f"""
import json, time, psutil, claude_nb
from claude_nb.providers.local import loaded
options = dict(provider="local", temperature=0, max_tokens={TOKENS})
loaded.get()
times = []
for piece in claude_nb.stream({PROMPT!r}, **options):
    times.append(time.perf_counter())
reply = claude_nb.last
own = psutil.Process()
print(json.dumps(dict(
    seconds=times[-1] - times[0], tokens=reply.usage.output_tokens,
    memory=psutil.Process(loaded.get().process.pid).memory_info().rss, beside=own.memory_info().rss)))
"""

ALONE = f"""
import json, os, time, psutil, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.verbosity, params.n_ctx = os.environ["FILE"], -1, 8192
for cpu in (params.cpuparams, params.cpuparams_batch):
    cpu.n_threads = max(1, os.cpu_count() // 2)
server, times, usage = xllamacpp.Server(params), [], []
def take(event):
    choices = event.get("choices")
    if choices and choices[0]["delta"].get("content"):
        times.append(time.perf_counter())
    usage.append(event.get("usage"))
server.handle_chat_completions(dict(
    messages=[dict(role="user", content={PROMPT!r})], temperature=0, max_tokens={TOKENS}, stream=True,
    stream_options=dict(include_usage=True)), take)
tokens = next(filter(None, usage))["completion_tokens"]
print(json.dumps(dict(seconds=times[-1] - times[0], tokens=tokens, memory=psutil.Process().memory_info().rss)))
"""


def main() -> int:
    folder = os.environ.get("CLAUDE_NB_WEIGHTS") or str(Path(sys.prefix) / "models")
    environment = {**os.environ, "CLAUDE_NB_WEIGHTS": folder, "CLAUDE_NB_HISTORY": "off"}
    environment["FILE"] = str(next(Path(folder).glob("SmolLM2*.gguf")))
    rounds: dict[str, list[dict[str, float]]] = {"claude_nb": [], "llama.cpp alone": []}
    for _ in range(ROUNDS):
        for name, code in zip(rounds, (OURS, ALONE), strict=True):
            command = [sys.executable, "-c", code]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            rounds[name].append(json.loads(done.stdout.splitlines()[-1]))
    speeds = {name: statistics.median(row["tokens"] / row["seconds"] for row in rows) for name, rows in rounds.items()}
    for name, rows in rounds.items():
        print(f"{name}: {speeds[name]:.1f} tokens/s, {rows[-1]['memory'] / 1e6:.0f} MB")
    print(f"share of llama.cpp alone: {speeds['claude_nb'] / speeds['llama.cpp alone']:.2f}, goal 0.9")
    print(f"load average {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The same small evaluation with claude_nb, promptfoo and inspect-ai: verdicts, time, and what a user has to write.

`python -m bench.evaluation` alone. A loopback server plays a recorded model and gives every tool the same answers. The
verdicts must be the same. promptfoo comes from npm (1.4 GB), and goes into bench/.venvs like the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from bench import venvs

PROMPTFOO = "promptfoo@0.120.8"
INSPECT = ("inspect-ai==0.3.285", "openai==3.57.0")
ROUNDS = 3
ROWS = 40
# What the recorded model answers, in turn. The last one is wrong, and the two before it are right but not exact.
ANSWERS = ("{team}", "{team}", "{Team}", "I would say {team}.", "{other}")
TEAMS = ("billing", "sales")

OURS = """
import claude_nb, pandas as pd
result = claude_nb.evaluate(
    "Which team, billing or sales? {{text}}", pd.read_csv("letters.csv"), expect="team",
    graders=["exact", "contains"], provider="openai-compatible", model="recorded", base_url=URL, show=False,
)
"""
INSPECT_TASK = """
from inspect_ai import Task, eval
from inspect_ai.dataset import csv_dataset, Sample
from inspect_ai.scorer import includes, match
from inspect_ai.solver import generate, prompt_template
letters = csv_dataset("letters.csv", lambda row: Sample(input=row["text"], target=row["team"], id=row["text"]))
task = Task(
    dataset=letters,
    solver=[prompt_template("Which team, billing or sales? {prompt}"), generate()],
    scorer=[match(location="exact", ignore_case=False), includes(ignore_case=True)],
)
log = eval(task, model="openai-api/recorded/recorded", display="none", log_dir="logs")[0]
"""
PROMPTFOO_CONFIG = """
prompts: ["Which team, billing or sales? {{text}}"]
providers:
  - id: openai:chat:recorded
    config: {apiBaseUrl: URL, apiKey: none}
tests: letters.csv
defaultTest:
  assert:
    - {type: equals, value: "{{team}}"}
    - {type: icontains, value: "{{team}}"}
"""

Verdicts = dict[str, list[bool]]


def letters() -> dict[str, str]:
    """Return the team of each letter."""
    return {f"letter {i}": TEAMS[i * 7 % 3 % 2] for i in range(ROWS)}


def answer_to(prompt: str) -> str:
    """Return what the recorded model answers."""
    text = next(line for line in letters() if prompt.rstrip().endswith(line))
    team = letters()[text]
    other = TEAMS[1 - TEAMS.index(team)]
    return ANSWERS[int(text.split()[1]) % len(ANSWERS)].format(team=team, Team=team.title(), other=other)


class Recorded(BaseHTTPRequestHandler):
    """Answers in the format of OpenAI, as one piece or as a stream."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        content = asked["messages"][-1]["content"]
        prompt = content if isinstance(content, str) else content[-1]["text"]
        message = {"role": "assistant", "content": answer_to(prompt)}
        reply: dict[str, Any] = {"id": "1", "created": 1, "model": "recorded"}
        if asked.get("stream"):
            choices = [{"index": 0, "delta": message, "finish_reason": "stop"}]
            event = json.dumps({**reply, "object": "chat.completion.chunk", "choices": choices})
            body, kind = f"data: {event}\n\ndata: [DONE]\n\n", "text/event-stream"
        else:
            usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            body = json.dumps({**reply, "object": "chat.completion", "choices": choices, "usage": usage})
            kind = "application/json"
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def run(command: list[str], folder: Path, **environ: str) -> tuple[str, float]:
    """Return what a program printed, and its seconds."""
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=600
    )
    return done.stdout + ("" if done.stdout else done.stderr[-2000:]), time.monotonic() - began


def ours(folder: Path, url: str) -> tuple[Verdicts, float]:
    verdicts = "{cell.values['text']: [grade.passed for grade in cell.grades.values()] for cell in result.cells()}"
    show = f"import json\nprint(json.dumps({verdicts}))"
    code = f"URL = {url!r}\n{OURS}{show}"
    python = str(venvs.python_of("claude-nb"))
    printed, seconds = run([python, "-c", code], folder, CLAUDE_NB_HISTORY="off")
    return json.loads(printed.splitlines()[-1]), seconds


def inspect(folder: Path, url: str) -> tuple[Verdicts, float]:
    verdicts = "{s.id: [score.value == 'C' for score in s.scores.values()] for s in log.samples}"
    show = f"import json\nprint(json.dumps({verdicts}))"
    environ = {"RECORDED_BASE_URL": url, "RECORDED_API_KEY": "none"}
    printed, seconds = run([str(venvs.python_of("inspect-ai")), "-c", INSPECT_TASK + show], folder, **environ)
    return json.loads(printed.splitlines()[-1]), seconds


def promptfoo(folder: Path, url: str) -> tuple[Verdicts, float]:
    (folder / "config.yaml").write_text(PROMPTFOO_CONFIG.replace("URL", url), encoding="utf-8")
    program = venvs.VENVS / "promptfoo" / "node_modules" / ".bin" / "promptfoo"
    command = [
        str(program),
        "eval",
        "-c",
        "config.yaml",
        "-o",
        "out.json",
        "--no-cache",
        "--no-table",
        "--no-progress-bar",
    ]
    quiet = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_CONFIG_DIR": str(folder)}
    printed, seconds = run(command, folder, **quiet)
    if not (folder / "out.json").exists():
        raise RuntimeError(printed)
    found = json.loads((folder / "out.json").read_text(encoding="utf-8"))["results"]["results"]
    return {
        row["vars"]["text"]: [part["pass"] for part in row["gradingResult"]["componentResults"]] for row in found
    }, seconds


def install() -> None:
    """Install all three, each into a folder of its own."""
    for name, packages in (("claude-nb", ()), ("inspect-ai", INSPECT)):
        if error := venvs.make(name, packages):
            sys.exit(f"{name} cannot be installed: {error}")
    python = str(venvs.python_of("claude-nb"))
    uv = str(venvs.ROOT / ".venv" / "bin" / "uv")
    subprocess.run([uv, "pip", "install", "-q", "--python", python, "pandas"], check=True)
    folder = venvs.VENVS / "promptfoo"
    if not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", PROMPTFOO], cwd=folder, check=True)


def lines_of(code: str) -> int:
    return sum(bool(line.strip()) for line in code.splitlines())


def report(found: Mapping[str, list[tuple[Verdicts, float]]], lines: Mapping[str, int]) -> str:
    """Return a table in Markdown: the tools side by side."""
    rows = ["| | exact | contains | same verdicts | seconds | lines |", "| --- | --- | --- | --- | --- | --- |"]
    reference = found["claude_nb"][0][0]
    for name, rounds in found.items():
        verdicts, seconds = rounds[0][0], sorted(time_s for _, time_s in rounds)[len(rounds) // 2]
        passed = [sum(row[i] for row in verdicts.values()) for i in (0, 1)]
        same = sum(verdicts[text] == reference[text] for text in reference)
        rows.append(
            f"| {name} | {passed[0]} of {ROWS} | {passed[1]} of {ROWS} | {same} of {ROWS} "
            f"| {seconds:.1f} | {lines[name]} |"
        )
    return "\n".join(rows)


def main() -> None:
    install()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorded)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    tools = {"claude_nb": ours, "inspect-ai": inspect, "promptfoo": promptfoo}
    lines = dict(zip(tools, map(lines_of, (OURS, INSPECT_TASK, PROMPTFOO_CONFIG)), strict=True))
    found: dict[str, list[tuple[Verdicts, float]]] = {name: [] for name in tools}
    for _ in range(ROUNDS):
        for name, tool in tools.items():
            with tempfile.TemporaryDirectory() as folder:
                table = "".join(f"{text},{team}\n" for text, team in letters().items())
                (Path(folder) / "letters.csv").write_text(f"text,team\n{table}", encoding="utf-8")
                found[name].append(tool(Path(folder), url))
    print(report(found, lines))


if __name__ == "__main__":
    main()

"""Measure all tools side by side and write bench/results/ (`make bench`).

python -m bench.run                       every tool, sweeps and the front end; about half an hour
python -m bench.run --only openai claude  some tools; the other rows of the results stay as they are
python -m bench.run --quick               claude_nb and the floor: counts against budgets; writes nothing
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from bench import frontend, measure, plots, rate, report, throughput, venvs
from bench.server import Order
from bench.tools import TOOLS, Tool

RESULTS = Path(__file__).resolve().parent / "results"
PARTS = ("tools", "sweeps", "front end")
# Two lengths alone would measure the size of the envelopes, not the growth.
QUICK_LENGTHS = (*measure.LENGTHS[:2], Order(80_000, 20, 500))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.run")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="tools with one of these in their name")
    parser.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    options = parser.parse_args()
    if options.quick:
        return quick()
    path = RESULTS / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {"tools": {}}
    results["machine"] = machine()
    if "tools" in options.parts:
        chosen = [tool for tool in TOOLS if not options.only or any(word in tool.name for word in options.only)]
        rows = rounds(chosen, options.rounds)
        results["tools"] = {t.name: found for t in TOOLS if (found := rows.get(t.name) or results["tools"].get(t.name))}
        save(results)
    if "sweeps" in options.parts:
        results["sweeps"] = stamped(throughput.measured(options.rounds))
        results["rate"] = stamped(rate.measured_apart(options.rounds))
        save(results)
    if "front end" in options.parts:
        results["front end"] = stamped(frontend.measured())
    save(results)
    print(report.page(results))
    return 0


def save(results: dict[str, Any]) -> None:
    """Write the results so far, so that a part that fails later does not lose them."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (RESULTS / "results.md").write_text(report.page(results))
    plots.draw(results, RESULTS)


def rounds(tools: list[Tool], count: int) -> dict[str, dict[str, Any]]:
    """Run every tool once, then every tool again, so that a busy minute of the machine does not hit one tool only."""
    rows: dict[str, dict[str, Any]] = {tool.name: made(tool) for tool in tools}
    with measure.Server() as server:
        for number in range(count):
            last = number == count - 1
            for tool in tools:
                row = rows[tool.name]
                if row["error"]:
                    continue
                print(f"round {number + 1}: {tool.name}", file=sys.stderr, flush=True)
                try:
                    found = measure.one_round(
                        tool, server, lengths=measure.LENGTHS if last else (), interrupt=last and tool.serves
                    )
                except Exception as error:  # noqa: BLE001  # a tool that fails becomes a row that says so
                    row["error"] = f"{type(error).__name__}: {error}"[:400]
                else:
                    row["rounds"].append(stamped(found))
    return rows


def made(tool: Tool) -> dict[str, Any]:
    """Install a tool, and return its row before the first round."""
    row: dict[str, Any] = {"kind": tool.kind, "note": tool.note, "rounds": []}
    row["error"] = venvs.make("bare", ()) or venvs.make(tool.package, tool.packages)
    if not row["error"]:
        bare, own = venvs.versions("bare"), venvs.versions(tool.package)
        row["version"] = own.get(tool.package, "")
        row["versions"] = {name: own[name] for name in ("ipykernel", "ipython", "httpx", "openai") if name in own}
        row["packages"] = len(own.keys() - bare.keys())
        row["size_mb"] = venvs.size_mb(tool.package) - venvs.size_mb("bare")
    return row


def quick() -> int:
    """Measure claude_nb and the floor once; return 1 if a count is over its budget."""
    floor = [tool for tool in TOOLS if tool.kind == "ours" or tool.name == "httpx + print"]
    rows = {tool.name: made(tool) for tool in floor}
    with measure.Server() as server:
        for tool in floor:
            row = rows[tool.name]
            if not row["error"]:
                row["rounds"] = [measure.one_round(tool, server, lengths=QUICK_LENGTHS, interrupt=False)]
    results = {"machine": machine(), "tools": rows}
    print(report.page(results))
    missed = [target for target in report.targets(results) if target.counts and not target.met]
    failed = [f"{name}: {row['error']}" for name, row in rows.items() if row["error"]]
    for line in (*failed, *(f"over budget: {target.line()}" for target in missed)):
        print(line)
    return 1 if missed or failed else 0


def machine() -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def stamped(found: dict[str, Any]) -> dict[str, Any]:
    """Add the time and the load average: runnable processes, averaged over a minute."""
    return found | {"at": time.strftime("%H:%M", time.gmtime()), "load_average": round(psutil.getloadavg()[0], 1)}


if __name__ == "__main__":
    sys.exit(main())

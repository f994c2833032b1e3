"""Draw the two pictures of docs/performance.md: bytes and processor time against length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

OURS, HAND, PEERS = "#c15f3c", "#8a8a8a", "#4a6fa5"
COLOURS = {"ours": OURS, "by hand": HAND, "peer": PEERS}
STYLES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)))


def draw(results: dict[str, Any], folder: Path) -> None:
    """Write bytes.svg and cpu.svg."""
    _plot(
        results,
        folder / "bytes.svg",
        "Bytes sent to the notebook for a reply of this length",
        "bytes",
        lambda run: run["bytes"],
    )
    _plot(
        results,
        folder / "cpu.svg",
        "Processor time of the kernel for a reply of this length",
        "seconds",
        lambda run: max(run["cpu_s"], 0.01),  # the resolution of the system clock
    )


def _plot(results: dict[str, Any], path: Path, title: str, unit: str, value: Callable[[dict[str, Any]], float]) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "claude_nb"  # equal pictures give equal files
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    seen: dict[str, int] = {}
    for name, row in results["tools"].items():
        runs = [run for run in (row["rounds"] or [{}])[-1].get("lengths", ()) if run["whole_shown"]]
        if len(runs) < 2:
            continue
        style = STYLES[seen.setdefault(row["kind"], 0) % len(STYLES)]
        seen[row["kind"]] += 1
        width = 2.2 if row["kind"] == "ours" else 1.2
        x, y = [run["length"] for run in runs], [value(run) for run in runs]
        axes.plot(x, y, ls=style, marker="o", ms=3, color=COLOURS[row["kind"]], lw=width, label=name)
    axes.set(xscale="log", yscale="log", xlabel="characters of the reply", ylabel=unit, title=title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(which="major", color="#e6e6e6", lw=0.6)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Date": None})

"""Write the results as one page of Markdown: targets, then ratios, then the figures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

LAB, TERMINAL, PLAYGROUND = "claude_nb, in JupyterLab", "claude_nb, in a terminal", "claude_nb, playground"
FLOOR, FLUSHED, SDK = "httpx + print", "httpx + print, flushed", "openai + print"
Row = dict[str, Any]


class Target(NamedTuple):
    """An upper bound for one figure. counts: it holds on any machine, however busy."""

    name: str
    value: float
    most: float
    unit: str
    counts: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.most

    def line(self) -> str:
        return f"{self.name}: {self.value:.3g} {self.unit}, at most {self.most:.3g}"


def median(row: Row, *path: str) -> float:
    """Return the median of a figure over all rounds: median(row, "tokens", "cpu_s"); NaN if it is missing."""
    values = []
    for entry in row["rounds"]:
        found: Any = entry
        for key in path:
            found = found.get(key) if found else None
        if found is not None:
            values.append(found)
    return statistics.median(values) if values else math.nan


def last(row: Row, part: str) -> Any:
    """Return a part that only the last round has."""
    return next((entry[part] for entry in reversed(row["rounds"]) if entry.get(part)), None)


def exponent(row: Row) -> float:
    """Return how the bytes grow with the reply: 1 is linear, 2 quadratic. Only replies that were shown whole count."""
    runs = [run for run in last(row, "lengths") or () if run["whole_shown"] and not run["timed_out"]]
    if len(runs) < 2:
        return math.nan
    x = [math.log(run["length"]) for run in runs]
    return statistics.linear_regression(x, [math.log(run["bytes"]) for run in runs]).slope


def per_token_us(row: Row) -> float:
    """Return the kernel's processor time in microseconds for each token of a reply at 100 tokens a second."""
    return median(row, "tokens", "cpu_s") / (median(row, "tokens", "pieces") or math.nan) * 1e6


def targets(results: dict[str, Any]) -> list[Target]:
    """Return the targets for which there are results."""
    rows = {name: row for name, row in results["tools"].items() if row["rounds"]}
    found: list[Target] = []
    if LAB in rows:
        ours = rows[LAB]
        late = "first text later than httpx + print that flushes"
        if FLUSHED in rows:
            gap = median(ours, "tokens", "first_s") - median(rows[FLUSHED], "tokens", "first_s")
            found.append(Target(late, gap * 1000, 30, "ms"))
        if SDK in rows:
            share = per_token_us(ours) / per_token_us(rows[SDK])
            found.append(Target("processor time a token, against openai + print", share, 1, "times"))
        found.append(Target("%load_ext", median(ours, "load", "load_s") * 1000, 60, "ms"))
        found.append(Target("rendered, at 100 tokens/s", _kb_s(ours), 30, "kB/s", counts=True))
        found.append(Target("growth of bytes with length", exponent(ours), 1.05, "(exponent)", counts=True))
    if PLAYGROUND in rows:
        found.append(Target("playground, at 100 tokens/s", _kb_s(rows[PLAYGROUND]), 12, "kB/s", counts=True))
        growth = exponent(rows[PLAYGROUND])
        found.append(Target("growth of bytes with length, playground", growth, 1.05, "(exponent)", counts=True))
    if sweeps := results.get("sweeps"):
        share = sweeps["ways"]["claude_nb.sweep"]["share_of_ideal"]
        found.append(Target("a sweep, seconds against the ideal", 1 / share, 1 / 0.85, "times"))
    if rate := results.get("rate"):
        for name, way in rate["ways"].items():
            if name != "bare httpx":
                late = f"short calls, seconds against the ideal, {name}"
                found.append(Target(late, 1 / way["share_of_ideal"], 1 / 0.85, "times"))
    return [target for target in found if not math.isnan(target.value)]


def page(results: dict[str, Any]) -> str:
    """Return the whole page as Markdown."""
    m = results["machine"]
    rows = {name: row for name, row in results["tools"].items() if row["rounds"]}
    loads = [entry["load_average"] for row in rows.values() for entry in row["rounds"] if "load_average" in entry]
    busy = f" Load average during the runs: {min(loads)} to {max(loads)}." if loads else ""
    parts = [
        "# Results\n",
        f"{m['date']} UTC, {m['processor']}, {m['cores']} cores, {m['memory_gb']} GB, {m['system']}, "
        f"Python {m['python']}.{busy}\nWhat each figure means is in [README.md](../README.md).\n",
        "## Targets\n",
        table(
            ("", "measured", "at most", ""),
            (
                (t.name, f"{t.value:.3g} {t.unit}", f"{t.most:.3g}", "met" if t.met else "**missed**")
                for t in targets(results)
            ),
        ),
        "## Ratios\n",
        "Bytes: to the notebook, for each byte of the reply. Processor time and first text: against "
        f"{SDK} and {FLUSHED}.\n",
        table(("", "2 kB", "20 kB", "200 kB", "growth", "processor", "first text"), _ratios(rows)),
        "## A reply at 100 tokens a second\n",
        table(
            ("", "messages/s", "kB/s", "µs a token", "first text", "end to idle", "memory"),
            map(_streaming, rows.items()),
        ),
        "## Stopped in the middle of a reply\n",
        table(
            ("", "idle after", "error", "text on screen", "in variables", "server told", "next cell"),
            (_interrupt(name, row) for name, row in rows.items() if last(row, "interrupt")),
        ),
        "## Installed and loaded\n",
        table(("", "packages", "MB", "load", "modules", "first reply"), map(_loading, rows.items())),
    ]
    parts += _more(results)
    when = ((name, *_when(row)) for name, row in rows.items())
    parts += [
        "## When each was measured\n",
        "Compare the times of rows that were not measured together with care: the machine was not equally busy.\n",
        table(("", "rounds", "at (UTC)", "load average"), when),
    ]
    parts += [f"{results['note']}\n"] if "note" in results else []
    failed = [(name, row["error"]) for name, row in results["tools"].items() if row["error"]]
    if failed:
        parts += ["## Not measured\n", table(("", "why"), failed)]
    return "\n".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _number(value: float, unit: str = "", digits: int = 0) -> str:
    return "–" if math.isnan(value) else f"{round(value, digits) + 0.0:,.{digits}f}{unit}"


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else _number(seconds * 1000, " ms")


def _kb_s(row: Row) -> float:
    """Return the most in any 5 s, over all runs at this pace."""
    return median(row, "tokens", "bytes_per_s") / 1000


def _per_byte(run: Row | None) -> str:
    """Return the bytes to the notebook for each byte of the reply."""
    if run is None:
        return "–"
    return "over 2 min" if run["timed_out"] else f"{run['bytes'] / run['length']:,.1f}"


def _ratios(rows: dict[str, Row]) -> Iterator[list[str]]:
    sdk = per_token_us(rows[SDK]) if SDK in rows else math.nan
    floor = median(rows[FLUSHED], "tokens", "first_s") if FLUSHED in rows else math.nan
    for name, row in rows.items():
        runs = {run["length"]: run for run in last(row, "lengths") or ()}
        lengths = (_per_byte(runs.get(length)) for length in (2_000, 20_000, 200_000))
        later = (median(row, "tokens", "first_s") - floor) * 1000
        cpu = _number(per_token_us(row) / sdk, "×", 2)
        yield [name, *lengths, _number(exponent(row), "", 2), cpu, _number(later, " ms")]


def _streaming(item: tuple[str, Row]) -> list[str]:
    name, row = item
    return [
        name,
        _number(median(row, "tokens", "messages") / median(row, "tokens", "seconds"), "", 1),
        _number(_kb_s(row), "", 1),
        _number(per_token_us(row)),
        _number(median(row, "tokens", "first_s") * 1000, " ms"),
        _number(median(row, "tokens", "after_s") * 1000, " ms"),
        _number(median(row, "memory_mb"), " MB"),
    ]


def _interrupt(name: str, row: Row) -> list[str]:
    stop = last(row, "interrupt")
    return [
        name,
        _ms(stop["idle_s"]),
        _number(stop["error_bytes"] / 1000, " kB", 1),
        "yes" if stop["text_on_screen"] else "no",
        f"{stop['kept_chars']} characters" if stop["kept_chars"] else "nothing",
        _ms(stop["server_told_s"]),
        "works" if stop["next_cell_works"] and stop["next_cell_requests"] == 1 else "**fails**",
    ]


def _loading(item: tuple[str, Row]) -> list[str]:
    name, row = item
    return [
        f"{name} {row['version']}",
        str(row["packages"]),
        _number(row["size_mb"]),
        _number(median(row, "load", "load_s") * 1000, " ms"),
        _number(median(row, "load", "modules")),
        _number(median(row, "load", "cold_first_s") * 1000, " ms"),
    ]


def _when(row: Row) -> tuple[str, str, str]:
    """Return the number of rounds, their times, and how busy the machine was in each."""
    at, load = (", ".join(str(entry.get(key, "–")) for entry in row["rounds"]) for key in ("at", "load_average"))
    return str(len(row["rounds"])), at, load


def _more(results: dict[str, Any]) -> list[str]:
    """Return the parts on sweeps and the front end, if they were measured."""
    parts = []
    if sweeps := results.get("sweeps"):
        says = f"{sweeps['calls']} replies of one second, {sweeps['at_once']} at once; ideal {sweeps['ideal_s']:.1f} s."
        rows = (
            (name, f"{way['seconds']:.1f} s", f"{way['share_of_ideal']:.0%}", f"{way['cpu_ms_per_reply']:.0f} ms")
            for name, way in sweeps["ways"].items()
        )
        parts += [
            f"## Many replies at once\n\n{says}\n",
            table(("", "took", "of the ideal", "processor a reply"), rows),
        ]
    if rate := results.get("rate"):
        says = (
            f"{rate['calls']:,} replies of {rate['latency_s'] * 1000:.0f} ms, {rate['at_once']} at once, "
            f"load average {rate['load_average']}."
        )
        rows = (
            (
                name,
                f"{way['seconds']:.2f} s",
                f"{way['share_of_ideal']:.0%}",
                f"{way['cpu_ms_per_call']:.2f} ms",
            )
            for name, way in rate["ways"].items()
        )
        head = ("", "took", "of the ideal", "processor a call")
        parts += [f"## Many short calls at once\n\n{says}\n", table(head, rows)]
    if pages := results.get("front end"):
        head = ("", "MB on the socket", "main thread busy", "long tasks", "longest", "page memory", "jumps")
        for order, ways in pages["replies"].items():
            rows = (
                (
                    name if page["shown"] else f"{name}, not whole on screen when the wait was over",
                    f"{page['socket_bytes'] / 1e6:.2f}",
                    f"{page['busy_s']:.1f} s",
                    str(page["long_tasks"]),
                    f"{page['longest_task_ms']:.0f} ms",
                    f"{page['heap_mb']:+.1f} MB",
                    str(page["jumps"]),
                )
                for name, page in ways.items()
            )
            parts += [f"## In JupyterLab, in Chromium: {order}\n", table(head, rows)]
    return parts

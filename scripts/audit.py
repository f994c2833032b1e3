"""Look up known vulnerabilities of the pinned packages, with pip-audit and npm audit.

python scripts/audit.py

A finding fails, unless audit_exceptions.txt accepts it until a date that has not passed. Where a registry does not
answer in time, or answers no such question, the audit says so and does not fail.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PINS = (ROOT / "requirements-dev.txt", ROOT / "requirements-demo.txt")
LOCK = ROOT / "js" / "package-lock.json"
EXCEPTIONS = ROOT / "scripts" / "audit_exceptions.txt"
CACHE = ROOT / ".venv" / "audit"
MAX_S = 120.0 if os.environ.get("CI") else 8.0  # for one tool; the next run continues from its cache
PIP_AUDIT = (
    *(sys.executable, "-m", "pip_audit", "--format=json", "--no-deps", "--disable-pip", "--progress-spinner=off"),
    *("--timeout=5", f"--cache-dir={CACHE}"),
)
NPM_AUDIT = (shutil.which("npm") or "npm", "audit", "--json", "--fetch-retries=0", "--fetch-timeout=5000")


class Finding(NamedTuple):
    """A known vulnerability of a package. ids: its names in several databases, the usual one first."""

    package: str
    ids: tuple[str, ...]
    advice: str


class NoAnswer(Exception):
    """The audit is not possible. The text says why."""


def main(today: date | None = None) -> int:
    """Audit all pins, print what was found, and return the exit code."""
    today = today or datetime.now(timezone.utc).date()
    accepted, problems = read_exceptions(EXCEPTIONS.read_text("utf-8"), today)
    # The registries are asked once a day about the same pins.
    clean, state = CACHE / "clean", f"{today} {_digest((*PINS, LOCK, EXCEPTIONS))}"
    if clean.exists() and clean.read_text("utf-8") == state:
        print("audit: nothing open, as the registries answered earlier today")
        return 0
    audits: dict[str, Callable[[], list[Finding]]] = {"pip-audit": python_findings, "npm audit": npm_findings}
    answers = 0
    with ThreadPoolExecutor() as pool:
        running = {name: pool.submit(audit) for name, audit in audits.items()}
    for name, future in running.items():
        try:
            found = future.result()
        except NoAnswer as reason:
            print(f"{name}: NOT AUDITED: {reason}")
            continue
        answers += 1
        new = [finding for finding in found if not accepted & set(finding.ids)]
        print(f"{name}: {len(new)} open vulnerabilities, {len(found) - len(new)} accepted")
        problems += [
            f"{package} has {ids[0]}; {advice}, or accept it in {EXCEPTIONS.name}" for package, ids, advice in new
        ]
    for problem in problems:
        print(f"audit: {problem}")
    if answers == len(audits) and not problems:
        CACHE.mkdir(parents=True, exist_ok=True)
        clean.write_text(state, "utf-8")
    return 1 if problems else 0


def read_exceptions(text: str, today: date) -> tuple[set[str], list[str]]:
    """Return the accepted ids, and a problem for each line that is out of date or unclear.

    read_exceptions("GHSA-1 2027-01-31 tests only", today) -> ({"GHSA-1"}, [])
    """
    accepted, problems = set[str](), list[str]()
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        match = re.fullmatch(r"(\S+)\s+(\d{4}-\d\d-\d\d)\s+\S.*", line)
        try:
            until = date.fromisoformat(match[2]) if match else None
        except ValueError:
            until = None
        if not match or until is None:
            problems.append(f"{EXCEPTIONS.name}: {line!r} is not an id, a date such as 2027-01-31 and a reason")
        elif until < today:
            problems.append(
                f"{match[1]} was accepted until {until}; take a newer version, or look again and set a new date"
            )
        else:
            accepted.add(match[1])
    return accepted, problems


def python_findings() -> list[Finding]:
    """Ask pip-audit about all pins. Raises NoAnswer."""
    pins = dict.fromkeys(line for path in PINS for line in path.read_text("utf-8").splitlines() if "==" in line)
    # One package shows whether the index answers at all: a few hundred refusals would take long.
    first = next(pin for pin in pins if ";" not in pin)
    for asked in ([first], list(pins)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pins.txt"
            path.write_text("\n".join(asked), "utf-8")
            report = _report([*PIP_AUDIT, "--requirement", str(path)])
        try:
            packages = report["dependencies"]
        except (KeyError, TypeError):
            raise NoAnswer("pip-audit gave no report") from None
        unknown = [package["name"] for package in packages if "skip_reason" in package]
        if len(unknown) == len(packages):
            raise NoAnswer("the package index does not say what is known about its packages")
    if unknown:
        print(f"pip-audit: unknown to the package index: {', '.join(unknown)}")
    return [
        Finding(
            f"{package['name']} {package['version']}",
            (found["id"], *found.get("aliases", ())),
            f"update it to {found['fix_versions'][0]}" if found.get("fix_versions") else "no version mends it yet",
        )
        for package in packages
        for found in package.get("vulns", ())
    ]


def npm_findings() -> list[Finding]:
    """Ask npm audit about the packages of js/. Raises NoAnswer."""
    report = _report(NPM_AUDIT)
    if "auditReportVersion" not in report:
        raise NoAnswer(
            re.sub(r" - \S+ \S+:.*", "", str(report.get("message") or report.get("error") or "npm gave no report"))
        )
    return [
        Finding(package, (found["url"].rpartition("/")[2], str(found["source"])), "run `npm audit fix` in js/")
        for package, entry in report["vulnerabilities"].items()
        for found in entry["via"]
        if isinstance(found, dict)  # a text names the package below that brings it
    ]


def _report(command: Sequence[str]) -> dict:
    """Run a tool in js/, where npm looks for its lock file, and return the JSON that it prints."""
    try:
        done = subprocess.run(command, cwd=LOCK.parent, capture_output=True, text=True, timeout=MAX_S, check=False)
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"no answer within {MAX_S:g} s") from None
    try:
        report = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise NoAnswer(lines[-1][:200]) from None
    if not isinstance(report, dict):
        raise NoAnswer("the report is not a JSON object")
    return report


def _digest(paths: Sequence[Path]) -> str:
    return sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())

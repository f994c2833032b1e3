"""Known vulnerabilities of the pins: what fails `make check`, what is accepted, and a registry that does not answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scripts import audit

TODAY = date(2026, 11, 29)
NPM_NO_API = {"message": "405 Method Not Allowed - POST https://registry.example/-/npm/v1/security", "statusCode": 405}
NPM_CLEAN: dict[str, Any] = {"auditReportVersion": 2, "vulnerabilities": {}}
NPM_FOUND: dict[str, Any] = {
    "auditReportVersion": 2,
    "vulnerabilities": {
        "esbuild": {"via": [{"source": 1102341, "url": "https://advisories.example/GHSA-67mh-4wv8-2f99"}]},
        "vite": {"via": ["esbuild"]},
    },
}


def package(name: str, *vulns: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": list(vulns)}


def skipped(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": f"Dependency not found on PyPI and could not be audited: {name} (1.0)"}


FOUND = package("jinja2", {"id": "PYSEC-2026-7", "aliases": ["CVE-2026-1", "GHSA-h5c8"], "fix_versions": ["1.1", "2"]})
UNMENDED = package("babel", {"id": "PYSEC-2026-8"})


class Registries:
    """What pip-audit and npm audit report, and how often they were asked."""

    python: list[dict[str, Any]] | Exception
    npm: dict[str, Any] | Exception

    def __init__(self) -> None:
        self.python, self.npm = [package("anyio")], NPM_CLEAN
        self.asked: list[Sequence[str]] = []

    def report(self, command: Sequence[str]) -> dict[str, Any]:
        self.asked.append(command)
        answer = self.npm if "--fetch-retries=0" in command else self.python
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, dict) else {"dependencies": answer}


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registries]:
    fake = Registries()
    monkeypatch.setattr(audit, "_report", fake.report)
    monkeypatch.setattr(audit, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(audit, "EXCEPTIONS", tmp_path / "audit_exceptions.txt")
    audit.EXCEPTIONS.write_text("# none\n", "utf-8")
    return fake


def test_pins_without_known_vulnerabilities_pass(registries: Registries, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(TODAY) == 0
    assert capsys.readouterr().out == (
        "pip-audit: 0 open vulnerabilities, 0 accepted\nnpm audit: 0 open vulnerabilities, 0 accepted\n"
    )


def test_a_known_vulnerability_fails_and_says_what_to_do(
    registries: Registries, capsys: pytest.CaptureFixture[str]
) -> None:
    registries.python, registries.npm = [package("anyio"), FOUND, UNMENDED], NPM_FOUND
    assert audit.main(TODAY) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "audit: jinja2 1.0 has PYSEC-2026-7; update it to 1.1, or accept it in audit_exceptions.txt",
        "audit: babel 1.0 has PYSEC-2026-8; no version mends it yet, or accept it in audit_exceptions.txt",
        "audit: esbuild has GHSA-67mh-4wv8-2f99; run `npm audit fix` in js/, or accept it in audit_exceptions.txt",
    ]


@pytest.mark.parametrize("name", ["PYSEC-2026-7", "CVE-2026-1", "GHSA-h5c8"])
def test_an_exception_is_accepted_by_any_name_to_the_end_of_its_day(registries: Registries, name: str) -> None:
    registries.python = [FOUND]
    audit.EXCEPTIONS.write_text(f"{name} 2026-11-29 only the tests use it\n", "utf-8")
    assert audit.main(TODAY) == 0
    assert audit.main(date(2026, 11, 30)) == 1


def test_an_exception_past_its_date_fails_also_where_nothing_answers(
    registries: Registries, capsys: pytest.CaptureFixture[str]
) -> None:
    registries.python = registries.npm = audit.NoAnswer("no network")
    audit.EXCEPTIONS.write_text("GHSA-h5c8 2026-11-28 only the tests use it\n", "utf-8")
    assert audit.main(TODAY) == 1
    assert "GHSA-h5c8 was accepted until 2026-11-28; take a newer version" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["GHSA-h5c8", "GHSA-h5c8 2026-12-31", "GHSA-h5c8 2026-13-01 x", "GHSA-h5c8 31.12.2026 x"]
)
def test_an_exception_without_a_date_or_a_reason_fails(registries: Registries, line: str) -> None:
    audit.EXCEPTIONS.write_text(line, "utf-8")
    assert audit.main(TODAY) == 1


def test_registries_without_an_audit_api_are_told_and_do_not_fail(
    registries: Registries, capsys: pytest.CaptureFixture[str]
) -> None:
    registries.python, registries.npm = [skipped("anyio"), skipped("babel")], NPM_NO_API
    assert audit.main(TODAY) == 0
    assert capsys.readouterr().out == (
        "pip-audit: NOT AUDITED: the package index does not say what is known about its packages\n"
        "npm audit: NOT AUDITED: 405 Method Not Allowed\n"
    )
    assert len(registries.asked) == 2  # one package was enough to see it


def test_packages_that_an_index_does_not_know_are_named_and_the_others_audited(
    registries: Registries, capsys: pytest.CaptureFixture[str]
) -> None:
    registries.python = [skipped("inhouse"), FOUND]
    assert audit.main(TODAY) == 1
    assert "pip-audit: unknown to the package index: inhouse\n" in capsys.readouterr().out


def test_the_same_pins_are_asked_about_once_a_day(registries: Registries) -> None:
    for day in (TODAY, TODAY, date(2026, 11, 30)):
        assert audit.main(day) == 0
    assert len(registries.asked) == 2 * 3
    audit.EXCEPTIONS.write_text("GHSA-1 2027-01-31 a new line\n", "utf-8")
    audit.main(date(2026, 11, 30))
    assert len(registries.asked) == 3 * 3


@pytest.mark.parametrize("unclear", ["finding", "no answer"])
def test_an_audit_that_failed_or_was_not_made_is_made_again(registries: Registries, unclear: str) -> None:
    registries.npm = NPM_FOUND if unclear == "finding" else audit.NoAnswer("no network")
    for _ in range(2):
        audit.main(TODAY)
    assert len(registries.asked) == 2 * 3


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import time; time.sleep(60)", "no answer within 0.2 s"),
        ("raise SystemExit('no route to host')", "no route to host"),
        ("raise SystemExit(3)", "exit code 3"),
        ("print('[]')", "the report is not a JSON object"),
        ("print('<html>')", "exit code 0"),
    ],
)
def test_a_tool_that_gives_no_report_is_no_answer(monkeypatch: pytest.MonkeyPatch, code: str, says: str) -> None:
    monkeypatch.setattr(audit, "MAX_S", 0.2 if "sleep" in code else 60.0)
    with pytest.raises(audit.NoAnswer, match=says):
        audit._report([sys.executable, "-c", code])


def test_a_report_counts_whatever_the_exit_code() -> None:
    code = f"print('''{json.dumps(NPM_FOUND)}'''); raise SystemExit(1)"
    assert audit._report([sys.executable, "-c", code]) == NPM_FOUND


def test_the_exceptions_of_the_project_are_in_order() -> None:
    text = (audit.ROOT / "scripts" / "audit_exceptions.txt").read_text("utf-8")
    assert audit.read_exceptions(text, date(1970, 1, 1))[1] == []


def test_make_check_audits() -> None:
    check = (audit.ROOT / "Makefile").read_text("utf-8").partition("\ncheck: ")[2].partition("\n\n")[0]
    assert "scripts/audit.py" in check

"""The real pip-audit and npm audit, with a loopback server in place of the services that know vulnerabilities."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scripts import audit
from scripts.setup import path
from tests.helpers.server import Recorded, Scenario, Server, answer

TODAY = date(2026, 11, 29)
PINS = "anyio==4.16.0\njinja2==3.1.6\nappnope==1.0.0 ; sys_platform == 'darwin'\n"
PYTHON_FINDING: dict[str, Any] = {
    "id": "PYSEC-2026-7",
    "aliases": ["CVE-2026-1", "GHSA-aaaa-bbbb-cccc"],
    "summary": "A template may run code.",
    "modified": "2026-11-01T00:00:00Z",
    "schema_version": "1.7.0",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.7"}]}],
        }
    ],
}
NPM_FINDING: dict[str, Any] = {
    "id": 1102341,
    "url": "https://advisories.example/GHSA-67mh-4wv8-2f99",
    "title": "Reads of other origins",
    "severity": "moderate",
    "vulnerable_versions": "<99.0.0",
    "cwe": [],
    "cvss": {"score": 5.3, "vectorString": None},
}


class Services:
    """The two services. What is found, and whether they answer at all."""

    def __init__(self) -> None:
        self.finds, self.status = False, 200

    def __call__(self, request: Recorded) -> Scenario:
        if self.status != 200:
            return answer(self.status, {"error": "out of order"})
        if request.path == "/osv":
            found = self.finds and request.json["package"]["name"] == "jinja2"
            return answer(200, {"vulns": [PYTHON_FINDING]} if found else {})
        if request.path.endswith("/advisories/bulk"):
            return answer(200, {"esbuild": [NPM_FINDING]} if self.finds else {})
        return answer(200, {"name": "esbuild", "versions": {}, "dist-tags": {}})  # npm looks for a version without it


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    played = Services()
    with Server(played) as server:
        for name, value in {
            "PIP_AUDIT_VULNERABILITY_SERVICE": "osv",
            "PIP_AUDIT_OSV_URL": f"{server.origin}/osv",
            "npm_config_registry": f"{server.origin}/",
            "npm_config_update_notifier": "false",
            "PATH": path(),
        }.items():
            monkeypatch.setenv(name, value)
        for name in (*os.environ,):
            if name.lower().endswith("_proxy"):
                monkeypatch.delenv(name)
        (tmp_path / "pins.txt").write_text(PINS, "utf-8")
        (tmp_path / "exceptions.txt").write_text("", "utf-8")
        kept = tuple(word for word in audit.PIP_AUDIT if not word.startswith("--cache-dir"))
        monkeypatch.setattr(audit, "PIP_AUDIT", (*kept, f"--cache-dir={tmp_path / 'http'}"))
        monkeypatch.setattr(audit, "NPM_AUDIT", (shutil.which("npm", path=path()) or "npm", *audit.NPM_AUDIT[1:]))
        monkeypatch.setattr(audit, "PINS", (tmp_path / "pins.txt",))
        monkeypatch.setattr(audit, "CACHE", tmp_path / "cache")
        monkeypatch.setattr(audit, "EXCEPTIONS", tmp_path / "exceptions.txt")
        monkeypatch.setattr(audit, "MAX_S", 240.0)
        yield played


def test_nothing_is_known_of_the_pins(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(TODAY) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pip-audit: 0 open vulnerabilities, 0 accepted",
        "npm audit: 0 open vulnerabilities, 0 accepted",
    ]


def test_what_is_found_fails_until_it_is_accepted_and_again_when_that_ends(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.finds = True
    assert audit.main(TODAY) == 1
    assert capsys.readouterr().out.splitlines() == [
        "pip-audit: 1 open vulnerabilities, 0 accepted",
        "npm audit: 1 open vulnerabilities, 0 accepted",
        "audit: jinja2 3.1.6 has PYSEC-2026-7; update it to 3.1.7, or accept it in exceptions.txt",
        "audit: esbuild has GHSA-67mh-4wv8-2f99; run `npm audit fix` in js/, or accept it in exceptions.txt",
    ]
    audit.EXCEPTIONS.write_text(
        "CVE-2026-1 2026-11-29 templates are ours\nGHSA-67mh-4wv8-2f99 2026-11-29 it builds, and serves nothing\n",
        "utf-8",
    )
    assert audit.main(TODAY) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pip-audit: 0 open vulnerabilities, 1 accepted",
        "npm audit: 0 open vulnerabilities, 1 accepted",
    ]
    assert audit.main(date(2026, 11, 30)) == 1
    printed = capsys.readouterr().out
    assert "CVE-2026-1 was accepted until 2026-11-29" in printed
    assert "jinja2 3.1.6 has PYSEC-2026-7" in printed
    assert "esbuild has GHSA-67mh-4wv8-2f99" in printed


def test_services_that_do_not_answer_are_named_and_do_not_fail(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.status = 503
    assert audit.main(TODAY) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": NOT AUDITED: ")[0] for line in lines] == ["pip-audit", "npm audit"]
    assert not (audit.CACHE / "clean").exists()

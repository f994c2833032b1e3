"""The same request through a vendor's SDK and through claude_nb: the same path, headers and JSON arrive."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from claude_nb.providers import api
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from tests.helpers.server import Recorded, Server
from tests.vendor_sdks import CASES
from tests.vendor_sdks.case import Case, folder_of_files
from tests.vendor_sdks.differences import WANTED

KEY = "0123456789abcdef0123456789abcdef"
# The other headers say which client it is, and how long it waits.
COMPARED = ("authorization", "x-api-key", "content-type", "anthropic-version", "anthropic-beta")


class Asks:
    """Ask the loopback server as a user does."""

    def __init__(self, server: Server, dialect: str) -> None:
        variable = "ANTHROPIC_API_KEY" if dialect == "anthropic" else "CLAUDE_NB_API_KEY"
        self._keys = Credentials({"CLAUDE_NB_HISTORY": "off", "CLAUDE_NB_BASE_URL": server.url, variable: KEY})
        self._session = Session(credentials=self._keys)
        self._name = "anthropic" if dialect == "anthropic" else "openai-compatible"
        self._where = {"provider": self._name, "base_url": server.url}
        self._where |= {"model": "claude-sonnet-4-6" if dialect == "anthropic" else "m"}

    def __call__(self, prompt: str, **options: Any) -> None:
        yes = {"yes": True} if "tools" in options else {}
        self._session.ask(prompt, **{**self._where, **yes, **options})

    def count(self, prompt: str, **options: Any) -> None:
        api.count_tokens(self._session.request(prompt, **{**self._where, **options}), credentials=self._keys)

    def models(self) -> None:
        api.model_ids(self._name, self._where["base_url"], self._keys)


def sdk(server: Server, dialect: str) -> Any:
    if dialect == "anthropic":
        return anthropic.Anthropic(api_key=KEY, base_url=server.origin, max_retries=0)
    return openai.OpenAI(api_key=KEY, base_url=server.url, max_retries=0)


def sent(case: Case, send: Callable[[Server], Any]) -> dict[str, Any]:
    """Return what arrives: the requests, and the headers, which are the same for all of them."""
    with Server(case.answers) as server:
        send(server)
    headers = [{name: each.headers[name] for name in COMPARED if name in each.headers} for each in server.requests]
    assert all(each == headers[0] for each in headers)
    return {"headers": headers[0], "requests": [_plain(request) for request in server.requests]}


def _plain(request: Recorded) -> dict[str, Any]:
    return {"to": f"{request.method} {request.path}", "body": json.loads(request.body) if request.body else None}


def differences(theirs: Any, ours: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the place, the SDK's value and ours, where two JSON values differ; None stands for nothing."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted(theirs.keys() | ours.keys()):
            yield from differences(theirs.get(name), ours.get(name), f"{at}/{name}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, pair in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(*pair, f"{at}/{index}")
    elif json.dumps(theirs) != json.dumps(ours):
        yield at, theirs, ours


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_sdk_of_the_vendor_sends_the_same(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder_of_files(tmp_path)
    dialect = case.name.partition(":")[0]
    theirs = sent(case, lambda server: case.theirs(sdk(server, dialect)))
    ours = sent(case, lambda server: case.ours(Asks(server, dialect)))
    wanted = [row.ours for row in WANTED if fnmatchcase(case.name, row.cases)]
    assert {place: value for place, _, value in differences(theirs, ours)} == dict(ChainMap(*wanted))


def test_every_wanted_difference_has_a_case_and_a_reason() -> None:
    for row in WANTED:
        assert row.reason.endswith(".")
        assert any(fnmatchcase(case.name, row.cases) for case in CASES), row.cases


def test_the_comparison_finds_what_differs_at_any_depth() -> None:
    theirs = {"a": [{"b": 1}, {"b": 2}], "c": [1], "d": None}
    assert list(differences(theirs, theirs)) == []
    ours = {"a": [{"b": 1}, {"b": True}], "c": [1, 2], "e": 0}
    assert list(differences(theirs, ours)) == [("/a/1/b", 2, True), ("/c", [1], [1, 2]), ("/e", None, 0)]

"""Without a home directory, or with one that may not be entered, the demo model answers all the same."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from claude_nb.errors import ConfigError
from claude_nb.providers import folders
from claude_nb.providers.credentials import Credentials
from claude_nb.session import policy
from claude_nb.session.session import Session
from claude_nb.widgets import presets

HOMES: dict[str, str | None] = {
    "no HOME and an unknown user": None,
    "an empty HOME": "",
    "a HOME with a name that the system rejects": "/" + "a" * 300,
    "a HOME that is a file": "/etc/hosts",
    "a HOME below a device": "/dev/null/home",
    "a HOME that may not be entered": "/locked",
}


@pytest.fixture
def home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of these homes; below /locked every look at a file is refused, which root would be allowed."""

    def unknown(_: int) -> None:
        raise KeyError("uid not found")

    def locked(function: Callable[..., object]) -> Callable[..., object]:
        def look(path: object, *rest: object, **named: object) -> object:
            if str(path).startswith("/locked"):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *rest, **named)

        return look

    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "CLAUDE_NB_HISTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("stat", "lstat", "mkdir", "open"):
        monkeypatch.setattr(os, name, locked(getattr(os, name)))
    if (value := HOMES[request.param]) is not None:
        monkeypatch.setenv("HOME", value)


@pytest.mark.parametrize("home", HOMES, indirect=True)
@pytest.mark.usefixtures("home")
def test_the_demo_model_answers_and_one_line_says_that_the_history_is_off() -> None:
    lines: list[str] = []
    session = Session(credentials=Credentials())
    session.demo_delay_s = 0
    session.warn = lines.append
    assert session.ask("Hi", provider="demo", max_tokens=3).text
    assert session.ask("Hi again", provider="demo", max_tokens=3).text
    assert len(lines) == 1
    assert lines[0].startswith("history: ")
    assert "replies are shown but not kept" in lines[0]
    assert "\n" not in lines[0]


@pytest.mark.parametrize("home", HOMES, indirect=True)
@pytest.mark.usefixtures("home")
def test_settings_models_and_presets_count_as_absent() -> None:
    assert policy.load(Credentials()) == policy.Policy()
    assert Credentials().own_models() == []
    assert presets.load(presets.default_path()) == {}
    with pytest.raises(ConfigError, match="cannot"):
        presets.change(presets.default_path(), "mine", {"temperature": 0.5})


@pytest.mark.parametrize("home", ["no HOME and an unknown user"], indirect=True)
@pytest.mark.usefixtures("home")
def test_a_setting_with_a_home_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert folders.own_folder("config") is None
    monkeypatch.setenv("CLAUDE_NB_MODELS", "~/models.json")
    with pytest.raises(ConfigError, match="begins with a home directory that does not exist"):
        Credentials().own_models()


def test_a_policy_that_may_not_be_read_is_not_ignored() -> None:
    with pytest.raises(ConfigError):
        policy.load(Credentials(), Path("/" + "a" * 300))

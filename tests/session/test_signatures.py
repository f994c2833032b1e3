"""help(), editors and Tab see every option of ask() and stream()."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import claude_nb
from claude_nb.session import default
from claude_nb.session.options import REQUEST_NAMES, SETTINGS
from claude_nb.session.signatures import AskOptions, Settings
from tests.helpers.sessions import session

OF_CALLS = {"timeout", "headers", "yes", "chat", "whole", "allow_http", "variables"}


def options_of(function: Any) -> list[str]:
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]


@pytest.mark.parametrize("name", ["ask", "stream", "aask", "astream"])
def test_a_signature_names_every_option_that_the_function_takes(name: str) -> None:
    assert {*options_of(getattr(claude_nb, name))} == {*REQUEST_NAMES} | OF_CALLS


def test_the_signature_of_configure_names_every_setting() -> None:
    assert {*options_of(claude_nb.configure)} == {option.name for option in SETTINGS} | {"api_key", "models"}


def test_none_leaves_any_option_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default, "_default", session())
    every: AskOptions = dict.fromkeys(AskOptions.__annotations__)  # type: ignore[assignment]  # of names, not literals
    assert claude_nb.ask("Hi", **every).params == {}
    settings: Settings = dict.fromkeys(Settings.__annotations__)  # type: ignore[assignment]
    claude_nb.configure(**settings)


def test_help_shows_the_options_with_their_types() -> None:
    signature = inspect.signature(claude_nb.ask)
    assert str(signature).startswith("(prompt: 'str', *, model: str | None = None, ")
    assert "temperature: float | None = None" in str(signature)


def test_tab_completes_the_options() -> None:
    shell = InteractiveShell.instance()
    try:
        shell.run_cell("import claude_nb")
        typed = "claude_nb.ask('Hi', temp"
        with provisionalcompleter():
            assert "temperature=" in [found.text for found in shell.Completer.completions(typed, len(typed))]
    finally:
        InteractiveShell.clear_instance()

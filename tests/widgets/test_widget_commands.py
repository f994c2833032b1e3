from __future__ import annotations

import pytest

import claude_nb
from claude_nb.errors import ConfigError
from claude_nb.notebook import commands
from claude_nb.session.session import Session


def test_the_playground_opens_with_a_prompt_and_the_session_of_the_magic() -> None:
    playground = commands.run(Session(), "/playground Why is the sky blue?", {})
    assert isinstance(playground, claude_nb.Playground)
    assert playground.prompt == "Why is the sky blue?"


def test_the_lens_opens_on_a_text() -> None:
    lens = commands.run(Session(), "/lens Once upon a time", {})
    assert isinstance(lens, claude_nb.Lens)
    assert lens.prompt == "Once upon a time"


def test_without_widgets_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'anywidget'", name="anywidget")

    monkeypatch.setattr(claude_nb, "Playground", missing, raising=False)
    with pytest.raises(ConfigError, match="Playground needs anywidget: %pip install anywidget") as caught:
        commands.run(Session(), "/playground", {})
    assert caught.value.__context__ is None

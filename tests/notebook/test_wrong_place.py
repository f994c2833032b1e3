"""Forms that the magic does not know are errors, and nothing is sent."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any

import pytest

from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures


@dataclass
class Item:
    name: str


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--json Itme --dry-run Three things", "--json Itme is not a schema here; did you mean Item?"),
        ("--json Itme Three things", "did you mean Item?"),
        ("--json list[Itme] Three things", "--json Itme is not a schema here; did you mean Item?"),
        ("--json Item[] Three things", "--json Item[] is not a schema here"),
        ("--json int|Nope Three things", "--json int|Nope is not a schema here"),
        ("--json Item|None Three things", "--json Item|None is not a schema here"),
        ("--json Item | None Three things", "--json takes one name, not Item | ..."),
        ("--json dict[str, Item] Three things", "--json dict[str, is not a schema here"),
        ("--json 'list[Itme]' Three things", "--json Itme is not a schema here"),
        ("--json list[Item|None] Three things", "--json Item|None is not a schema here"),
        ("--json List<Item> Three things", "--json List<Item> is not a schema here"),
        ("--json models.Itme Three things", "--json models.Itme is not a schema here"),
        ("--json models.count Three things", "--json models.count is not a schema here"),
        ("--json BlogPost Three things", "--json BlogPost is not a schema here; define it first"),
        ("--json my_schema Three things", "--json my_schema is not a schema here"),
        ("--json int How many?", "write --json=int, or --json -- before the prompt"),
        ("-t 0.3 -t 0.4 Hi", "-t has two values, 0.3 and 0.4; leave one out"),
        ("-t 0.3 --temperature=0 Hi", "--temperature has two values"),
        ("-m demo -s a -s b Hi", "-s has two values, a and b"),
        ("--json Item --json list[Item] Hi", "--json has two values"),
        ("-n5 -n 6 Hi", "-n has two values"),
        ("--json Recipe --dry-run Three things", "--dry-run is behind the first word"),
        ("Three things --dry-run", "write %claude --dry-run Three things, or put -- before the prompt"),
        ("-t 0 Three things -n 5", "write %claude -t 0 -n 5 Three things"),
        ("-t 0.2 /continue", "/continue is a command, which stands alone: %claude /continue"),
        ("--dry-run /show 3", "/show is a command"),
        ("/continue -t 0.2", "/continue takes no temperature; write %claude /continue"),
        ("/continue please", "/continue takes no please"),
        ("/continue -n", "-n needs a value"),
        ("/continue -n many", "takes a whole number"),
        ("/continue --dry-run", "/continue takes no dry_run"),
        ("/show 3 --x", "/show has no option --x; write %claude /show ID"),
        ("/show 3 —xy", "/show has no option --xy"),
        ("/show -n 3", "/show has no option -n"),
        ("/history --limit 5", "/history has no option --limit"),
        ("/models --all", "/models has no option --all"),
        ("/usage now", "/usage takes nothing after it"),
        ("/chats --x", "/chats takes nothing after it"),
        ("/reset --all", "/reset has no option --all"),
        ("/forget --al", "/forget has no option --al"),
        ("/forget --alle", "/forget has no option --alle"),
        ("/restore --x", "/restore has no option --x"),
        ("/replay only x --sped 2", "/replay has no option --sped"),
        ("/record --x", "/record has no option --x"),
        ("/fix --dry-run", "/fix has no option --dry-run"),
        ("/fix shorter -n 500", "/fix has no option -n"),
        ("/playground -t 0.2", "/playground has no option -t"),
        ("/code -o x", "/code has no option -o"),
        ("/login anthropic --force", "/login has no option --force"),
        ("/help me", "/help takes nothing after it"),
    ],
)
def test_an_unknown_form_is_an_error_and_nothing_is_sent(shell: Shell, line: str, message: str) -> None:
    shell.vars |= {"Item": Item, "models": types.SimpleNamespace(Item=Item, count=3)}
    printed = shell.run(f"%claude {line}")
    assert "PromptError" in printed
    assert message in printed
    assert shell.session.last is None


def test_words_that_look_like_options_can_be_sent(shell: Shell) -> None:
    shell.vars["Item"] = Item
    for line in (
        "-- Three things --dry-run",
        "--json -- Itme, three times",
        "--json Node.js, three facts",
        "--json Recipe for two, three things",
        "--json list three things",
        "--json -- int of what?",
        "What does git push --force do?",
        "What does head -n 5 names.txt do?",
        "Explain git commit -m msg",
        "Explain mkdir -p folder",
        "-- /help",
    ):
        shell.run(f"%claude --quiet {line}")
        assert shell.session.last
        assert shell.session.last.prompt == line.removeprefix("--json ").removeprefix("-- ")
    shell.run("%%claude --quiet\nThree things --dry-run -n 5")
    assert shell.session.last
    assert shell.session.last.prompt == "Three things --dry-run -n 5"


def test_an_option_may_be_repeated_with_the_same_value(shell: Shell) -> None:
    shell.run("%claude --quiet -t 0 --temperature 0 --stop a --stop b Hi")
    assert shell.session.last
    assert shell.session.last.request.sampling.stop_sequences == ("a", "b")


@pytest.mark.parametrize("kind", [int | str, typing.Literal["a", "b"], typing.NewType("Name", str), list[int]], ids=str)
def test_any_type_in_a_variable_is_a_schema(shell: Shell, kind: Any) -> None:
    shell.vars["kind"] = kind
    assert "Three things" in (shown := shell.run("%claude --json kind --dry-run Three things"))
    assert "kind Three" not in shown


def test_a_dotted_name_of_a_schema_is_understood(shell: Shell) -> None:
    shell.vars["models"] = types.SimpleNamespace(Item=Item)
    assert '"name"' in shell.run("%claude --json models.Item --dry-run Three things")
    assert '"name"' in shell.run("%claude --json list[models.Item] --dry-run Three things")


def test_continue_does_not_cut_again_at_the_same_limit(shell: Shell) -> None:
    shell.run("%claude -n 5 --seed 1 Tell me a story.")
    first = shell.vars["reply"].text
    assert shell.vars["reply"].stop_reason == "max_tokens"
    shell.run("%claude /continue -n 4")
    second = shell.vars["reply"].text
    assert second.startswith(first)
    assert len(first) < len(second)
    assert shell.vars["reply"].stop_reason == "max_tokens"
    shell.run("%claude /continue")
    assert shell.vars["reply"].text.startswith(second)
    assert shell.vars["reply"].complete


def test_an_interrupted_reply_goes_on_within_its_limit(shell: Shell) -> None:
    for _ in (turn := shell.session.stream("Tell me a story.", max_tokens=40, seed=1)):
        turn.stop()
    assert shell.session.continued().request.sampling.max_tokens == 40
    assert shell.session.continued(max_tokens=7).request.sampling.max_tokens == 7

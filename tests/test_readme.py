"""The README says what the program does: its tables come from the program, its Python blocks are run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from claude_nb.notebook import commands
from claude_nb.session import options
from claude_nb.session.options import Option
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ERROR = re.compile(r"^\w*(Error|Exception|NoJson|StreamCut)\b", re.MULTILINE)


@dataclass
class Item:
    """What the examples ask for as JSON."""

    name: str
    price: float


def weather(city: str) -> str:
    """What the examples offer as a tool."""
    return f"sunny in {city}"


def section(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert found, f"the README has no part for {name}"
    return found.group(1)


def options_table() -> str:
    rows = ["| Option | Meaning | Example |", "| --- | --- | --- |"]
    for knob in options.OPTIONS:
        flags = ", ".join(f"`{flag}`" for flag in knob.flags)
        value = f" {knob.metavar}" if knob.metavar else ""
        again = " (may be given several times)" if knob.repeatable else ""
        name = f"{flags}{value}" if flags else f"`{knob.name}` (only as a default)"
        rows.append(f"| {name} | {knob.help}{again} | `%claude {knob.example}` |")
    return "\n".join(rows) + "\n"


def commands_table() -> str:
    rows = ["| Command | Meaning |", "| --- | --- |"]
    rows += [f"| `%claude {c.usage.replace('|', chr(92) + '|')}` | {c.help} |" for c in commands.COMMANDS.values()]
    return "\n".join(rows) + "\n"


def test_the_option_table_is_that_of_the_program() -> None:
    assert section("options") == options_table()


@pytest.mark.parametrize("knob", options.OPTIONS, ids=lambda knob: knob.name)
def test_the_example_of_each_option_runs_without_key_and_network(knob: Option, shell: Shell) -> None:
    shell.vars |= {"df": pd.DataFrame({"city": ["Oslo"], "celsius": [-3]}), "weather": weather, "Item": Item}
    shell.run("answer = 42")
    out = shell.run(f"%claude {knob.example}")

    assert out or knob.name == "quiet"
    assert not ERROR.search(out)
    if knob.flags:
        assert any(f" {flag} " in f" {knob.example} " for flag in knob.flags)


def test_the_command_table_is_that_of_the_program() -> None:
    assert section("commands") == commands_table()


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_blocks_run(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    if block.startswith("%"):
        assert block == "%load_ext claude_nb\n"
        return
    exec("import claude_nb\n" + block, {})
    capsys.readouterr()


def test_local_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


if __name__ == "__main__":  # writes the tables: python -m tests.test_readme
    text = README
    for name, table in (("options", options_table()), ("commands", commands_table())):
        text = text.replace(section(name) + f"<!-- /{name} -->", table + f"<!-- /{name} -->")
    (ROOT / "README.md").write_text(text, encoding="utf-8")

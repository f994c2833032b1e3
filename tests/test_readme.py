"""The README and docs/ say what the program does: tables come from the program, and every block of code runs.

`python -m tests.test_readme` writes the tables of docs/options.md.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import yaml

import claude_nb
from claude_nb.notebook import commands
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.registry import PROVIDERS
from claude_nb.session import default, options
from claude_nb.session.options import Option
from claude_nb.session.session import Session
from tests.helpers.public import inner_names, inner_names_in_text
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS]
OPTIONS_PAGE = ROOT / "docs" / "options.md"
ERROR = re.compile(r"^\w*(Error|Exception|NoJson|StreamCut)\b", re.MULTILINE)
# A comment on the line above a block may hold code that prepares it, or the reason why a test cannot run it.
BLOCK = re.compile(
    r"(?:^<!-- (?P<note>setup|not run): (?P<text>.*?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUN = ("python", "ipython")
OTHER = ("sh", "json", "yaml", "text")

each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


class Block(NamedTuple):
    """A fenced block of a page. setup is code to run before it; reason says why it is not run."""

    path: Path
    line: int
    language: str
    code: str
    setup: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        notes = {match["note"]: match["text"]}
        line = text.count("\n", 0, match.start("code"))
        code, setup, reason = match["code"], notes.get("setup", ""), notes.get("not run", "")
        found.append(Block(path, line, match["language"], code, setup, reason))
    return found


NOT_RUN = [block for path in PAGES for block in blocks(path) if block.reason]


@dataclass
class Item:
    """What the examples ask for as JSON."""

    name: str
    price: float


def weather(city: str) -> str:
    """What the examples offer as a tool."""
    return f"sunny in {city}"


def section(path: Path, name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", path.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{path.name} has no part for {name}"
    return found.group(1)


def options_table() -> str:
    rows = ["| Option | Meaning | Example |", "| --- | --- | --- |"]
    for option in options.OPTIONS:
        flags = ", ".join(f"`{flag}`" for flag in option.flags)
        value = f" {option.metavar}" if option.metavar else ""
        again = " (may be given several times)" if option.repeatable else ""
        name = f"{flags}{value}" if flags else f"`{option.name}` (only as a default)"
        rows.append(f"| {name} | {option.help}{again} | `%claude {option.example}` |")
    return "\n".join(rows) + "\n"


def commands_table() -> str:
    rows = ["| Command | Meaning |", "| --- | --- |"]
    rows += [f"| `%claude {c.usage.replace('|', chr(92) + '|')}` | {c.help} |" for c in commands.COMMANDS.values()]
    return "\n".join(rows) + "\n"


def test_the_option_table_is_that_of_the_program() -> None:
    assert section(OPTIONS_PAGE, "options") == options_table()


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda option: option.name)
def test_the_example_of_each_option_runs_without_key_and_network(option: Option, shell: Shell) -> None:
    shell.vars |= {"df": pd.DataFrame({"city": ["Oslo"], "celsius": [-3]}), "weather": weather, "Item": Item}
    shell.run("answer = 42")
    out = shell.run(f"%claude {option.example}")

    assert out or option.name == "quiet"
    assert not ERROR.search(out)
    if option.flags:
        assert any(f" {flag} " in f" {option.example} " for flag in option.flags)


def test_the_command_table_is_that_of_the_program() -> None:
    assert section(OPTIONS_PAGE, "commands") == commands_table()


def test_the_table_of_providers_names_each_with_its_key_variables_and_its_model() -> None:
    table = section(ROOT / "docs" / "keys.md", "providers")
    rows = {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}
    assert list(rows) == list(PROVIDERS)
    for name, provider in PROVIDERS.items():
        keys = list(provider.key_variables) or (["CLAUDE_NB_API_KEY"] if name == "openai-compatible" else [])
        assert re.findall(r"`([A-Z_]+)`", rows[name]) == keys
        assert provider.default_model in (None, "demo") or f"`{provider.default_model}`" in rows[name]


def test_the_table_of_variables_names_every_one_that_the_program_reads() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "claude_nb").rglob("*.py")]
    read = {f"CLAUDE_NB_{name}" for text in sources for name in re.findall(r"setting\(\"([A-Z_]+)\"\)", text)}
    read |= {name for text in sources for name in re.findall(r"\bCLAUDE_NB_[A-Z]+(?:_[A-Z]+)*\b", text)}
    table = section(ROOT / "docs" / "environment.md", "variables")
    named = {name for row in table.splitlines() for name in re.findall(r"`(CLAUDE_NB_\w+)`", row.split("|")[1])}
    assert named == read


def test_what_pupils_see_of_a_gateway_is_in_the_table_of_faults() -> None:
    faults = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").replace("TEST_KEY", "CLAUDE_NB_API_KEY")
    teaching = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    quotes = re.findall(r"`(… .*?)` \|$", teaching, re.MULTILINE)
    advice = [quote.partition('"; ')[2].removesuffix(" …") for quote in quotes]
    assert len(advice) == 2
    assert not [text for text in advice if text not in faults]


def test_the_page_on_python_names_every_public_name() -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| (.*?) \|", text, re.MULTILINE))
    listed = {name for cell in named for name in re.findall(r"`(\w+)", cell)}
    assert listed >= {*claude_nb.__all__, "last"}


def test_the_list_of_pages_names_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\(docs/([\w-]+\.md)\)", text)) == {path.name for path in DOCS}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200


@pytest.fixture
def notebook(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A notebook in an empty folder, with a history, and without a key: the demo model answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("CLAUDE_NB_HISTORY", str(tmp_path / "history.db"))
    fresh = Session(credentials=Credentials())
    fresh.demo_delay_s = 0
    monkeypatch.setattr(default, "_default", fresh)
    return shell


@each_page
def test_every_block_runs(path: Path, notebook: Shell) -> None:
    """The blocks of a page run in their order, all in one notebook."""
    for block in blocks(path):
        if block.language in RUN and not block.reason:
            for code in (block.setup, block.code):
                out = notebook.run(code)
                assert not ERROR.search(out), f"{block}\n{out}"


@pytest.mark.parametrize("block", NOT_RUN, ids=str)
def test_a_block_that_no_test_runs_says_why(block: Block) -> None:
    """Its Python is read all the same, so that a misspelled call does not stay."""
    assert block.language in RUN
    assert len(block.reason) > 20
    if block.language == "python":
        compile(block.code, str(block), "exec")


@each_page
def test_every_block_says_what_it_is(path: Path) -> None:
    """Code under another name would not be run."""
    for block in blocks(path):
        assert block.language in (*RUN, *OTHER), block
        if block.language == "json":
            json.loads(block.code)
        elif block.language == "yaml":
            yaml.safe_load(block.code)
    assert path.read_text(encoding="utf-8").count("\n```") == 2 * len(blocks(path))


@each_page
def test_every_option_and_command_in_the_text_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    flags = {flag for option in options.OPTIONS for flag in option.flags}
    for line in re.findall(r"`(%%?claude [^`]*)`", text):
        written = re.findall(r"(?<=\s)(--?[a-z][\w-]*)", line)
        command = re.match(r"%claude /([\w-]+)", line)
        assert not command or command[1] in commands.COMMANDS, line
        assert command or set(written) <= flags, line


@each_page
def test_it_uses_public_names_only(path: Path) -> None:
    for block in blocks(path):
        if block.language in RUN:
            assert not inner_names(block.code), block
    assert not inner_names_in_text(path.read_text(encoding="utf-8"))


@each_page
def test_local_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text):
        address, _, anchor = (target[0] or target[1]).partition("#")
        if address.startswith("https:"):
            continue
        page = path.parent / address if address else path
        assert page.exists(), f"{path.name}: {address}"
        assert not anchor or anchor in anchors(page), f"{path.name}: {address}#{anchor}"


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


if __name__ == "__main__":  # writes the tables: python -m tests.test_readme
    page = OPTIONS_PAGE.read_text(encoding="utf-8")
    for name, table in (("options", options_table()), ("commands", commands_table())):
        page = page.replace(section(OPTIONS_PAGE, name) + f"<!-- /{name} -->", table + f"<!-- /{name} -->")
    OPTIONS_PAGE.write_text(page, encoding="utf-8")

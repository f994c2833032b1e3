"""The magics in a real IPython shell, in this process: what a cell prints, and what it leaves behind."""

from __future__ import annotations

import json
import re
import types
from typing import Any

import pandas as pd
import pytest

import claude_nb
from claude_nb.errors import NetworkError
from claude_nb.prompting import download
from claude_nb.providers import registry
from claude_nb.session.conversation import Cell
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk, Message
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

KEY = "0123456789abcdef0123456789abcdef"


def sent(printed: str) -> dict[str, Any]:
    """The body that a dry run shows."""
    data: dict[str, Any] = json.loads(printed[printed.index("\n{") :])
    return data


def prompt(printed: str) -> str:
    text: str = sent(printed)["messages"][-1]["text"]
    return text


# Replies


def test_a_cell_leaves_its_reply_in_a_variable(shell: Shell) -> None:
    printed = shell.run("%%claude --seed 1\nWhy is the sky blue?\n")
    reply = shell.vars["reply"]
    assert isinstance(reply, Reply)
    assert reply.prompt == "Why is the sky blue?"
    assert printed.count(reply.text) == 1
    assert "Demo model" in printed
    assert "seed 1" in printed


def test_a_line_is_shown_once_and_leaves_its_reply_too(shell: Shell) -> None:
    printed = shell.run("%claude --seed 1 Why?")
    assert printed.count(shell.vars["reply"].text) == 1
    assert "Out[" not in printed


def test_an_assigned_line_gives_the_reply(shell: Shell) -> None:
    shell.run("r = %claude --seed 1 Why is the sky blue?")
    assert shell.vars["r"] is shell.vars["reply"]
    assert shell.vars["r"].prompt == "Why is the sky blue?"


def test_o_names_the_variable(shell: Shell) -> None:
    shell.run("%claude -o answer Why?")
    assert shell.vars["answer"].prompt == "Why?"
    assert "reply" not in shell.vars


@pytest.mark.parametrize("name", ["1x", "a-b", "a.b", "class", "None"])
def test_an_invalid_variable_name_is_refused_before_anything_is_sent(shell: Shell, name: str) -> None:
    assert shell.run(f"%claude -o {name} Why?").startswith(f"PromptError: -o {name} is not a variable name")
    assert shell.session.last is None


def test_quiet_shows_nothing(shell: Shell) -> None:
    assert shell.run("%claude --quiet Why?") == ""
    assert shell.vars["reply"].text


@pytest.mark.parametrize(
    ("display", "options", "hurries"),
    [("text", "", False), ("live", "", False), ("once", "", True), ("text", "--quiet", True)],
)
def test_a_reply_that_nobody_watches_comes_without_pauses(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, display: str, options: str, hurries: bool
) -> None:
    told: list[bool] = []
    send = shell.session.send
    monkeypatch.setattr(shell.session, "send", lambda request, call: told.append(call.hurry) or send(request, call))
    monkeypatch.setenv("CLAUDE_NB_DISPLAY", display)
    shell.run(f"%claude -m demo {options} Hi")
    assert told == [hurries]
    assert shell.vars["reply"].complete


def test_the_demo_says_once_why_it_answers(shell: Shell) -> None:
    assert "no key found, so the demo model answers" in shell.run("%claude Why?")
    assert "no key found" not in shell.run("%claude Why?")


@pytest.mark.parametrize("options", ["-p demo", "-m demo"])
def test_whoever_asked_for_the_demo_is_not_told_why(shell: Shell, options: str) -> None:
    assert "no key found" not in shell.run(f"%claude {options} Why?")


def test_several_lines_and_loops_ask_each(shell: Shell) -> None:
    shell.run("for i in range(2):\n    %claude what's up?\n%claude and \"you?\nlast = %claude (really?\n")
    assert shell.session.totals.calls == 4
    assert shell.vars["last"].prompt == "(really?"


# Prompts


@pytest.mark.parametrize(
    "text",
    [
        "Why?",
        "what's up?",
        '{"a": {"b": [1]}}',
        "f'{x}' and {reply} and {}",
        "$x and ${x} cost $5",
        r"\frac{1}{2} \n",
        "50% of !ls and `x`",
        "🙂 你好؟",
        "a -t 0.2 in the middle",
        "%claude %%claude",
    ],
)
def test_a_prompt_arrives_as_it_was_written(shell: Shell, text: str) -> None:
    shell.vars["x"] = "WRONG"
    assert prompt(shell.run(f"%claude --dry-run {text}")) == text
    assert prompt(shell.run(f"%%claude --dry-run\n{text}\n")) == text


def test_the_body_of_a_cell_keeps_its_lines(shell: Shell) -> None:
    body = "First,\n\n    indented?\n-t not an option\n/not a command"
    assert prompt(shell.run(f"%%claude --dry-run\n{body}\n")) == body


def test_two_dashes_let_a_prompt_begin_with_anything(shell: Shell) -> None:
    assert prompt(shell.run("%claude --dry-run -- -t is an option?")) == "-t is an option?"
    assert prompt(shell.run("%claude --dry-run -- /help")) == "/help"


def test_variables_are_filled_in_prompt_and_options(shell: Shell) -> None:
    shell.vars |= {"rules": 'Be "brief".\nAlways.', "who": "Ada", "n": 7}
    body = sent(shell.run("%claude --dry-run -s {{rules}} -n {{n}} --stop {{who}} Hi {{who}}!"))
    assert body["system"] == 'Be "brief".\nAlways.'
    assert body["sampling"] == {"max_tokens": 7, "stop_sequences": ["Ada"]}
    assert body["messages"] == [{"role": "user", "text": "Hi Ada!"}]
    assert sent(shell.run('%claude --dry-run -s "{{rules}}" Hi'))["system"] == 'Be "brief".\nAlways.'


def test_what_was_cut_to_size_is_told_also_for_an_option(shell: Shell) -> None:
    shell.vars["df"] = pd.DataFrame({"n": range(300)})
    for cell in ("%claude {}Hi {{{{df}}}}", "%claude {}-s {{{{df}}}} Hi"):
        for options in ("", "--dry-run "):
            assert "df: 200 of 300 rows" in shell.run(cell.format(options))


def test_a_reply_can_be_used_in_the_next_prompt(shell: Shell) -> None:
    shell.run("%claude --quiet Why?")
    assert prompt(shell.run("%claude --dry-run Sum up: {{reply}}")) == f"Sum up: {shell.vars['reply'].text}"


def test_a_dry_run_sends_nothing_and_shows_the_body_to_the_letter(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    printed = shell.run("%claude --dry-run -t 0.2 Why?")
    assert printed.startswith("would be sent to https://api.aimlapi.com/v1/chat/completions:\n")
    assert sent(printed) == {
        "model": "anthropic/claude-sonnet-4.6",
        "messages": [{"role": "user", "content": "Why?"}],
        "stream": True,
        "temperature": 0.2,
    }
    assert KEY not in printed
    assert shell.session.last is None


# What goes wrong


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("%claude --temprature 1 hi", "PromptError: unknown option '--temprature'; did you mean temperature?"),
        ("%claude -z hi", "PromptError: unknown option -z"),
        ("%claude -t hot hi", "PromptError: --temperature takes a number, not 'hot'"),
        ("%claude -t", "PromptError: -t needs a value"),
        ("%claude hi {{whom}}", "PromptError: no variable 'whom'"),
        ("%claude /modles", "PromptError: unknown command /modles; did you mean /models?"),
        ("%%claude Why?\nbody", "PromptError: 'Why?' is not an option"),
        ("%%claude\n   \n", "PromptError: the prompt is empty"),
        ("%claude -m sonnet hi", "ConfigError: sonnet needs a key"),
        ("%claude -p openia hi", "ConfigError: no provider 'openia'"),
        ("%claude --timeout 0 hi", "PromptError: timeout must be above 0"),
        ("%claude -p aimlapi -t 2 hi", "PromptError: temperature goes from 0 to 1"),
    ],
)
def test_an_error_is_one_line(shell: Shell, cell: str, line: str) -> None:
    printed = shell.run(cell)
    assert printed.startswith(line)
    assert printed.count("\n") == 1


def test_an_error_ends_the_cell(shell: Shell) -> None:
    shell.run("%claude -z hi\nafter = 1")
    assert "after" not in shell.vars
    assert not shell.ip.run_cell("%claude -z hi").success


def test_an_error_before_the_first_letter_leaves_the_variable(shell: Shell) -> None:
    shell.run("%claude --quiet first")
    before = shell.vars["reply"]
    shell.run("%claude -t hot second")
    assert shell.vars["reply"] is before


def breaking_off(*chunks: Chunk) -> Any:
    def stream(*_: object, **__: object) -> Any:
        yield from chunks
        raise NetworkError("the connection broke; run the cell again")

    return stream


def test_what_had_arrived_is_shown_and_kept(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "stream", breaking_off(Chunk(text="so far")))
    printed = shell.run("%claude -o got hi")
    assert "so far" in printed
    assert "NetworkError: the connection broke; run the cell again" in printed
    assert "Traceback" not in printed
    assert (shell.vars["got"].text, shell.vars["got"].stop_reason) == ("so far", "error")


def test_an_error_before_any_text_leaves_the_old_reply(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.run("%claude --quiet first")
    before = shell.vars["reply"]
    monkeypatch.setattr(registry, "stream", breaking_off())
    shell.run("%claude hi")
    assert shell.vars["reply"] is before


def test_a_key_in_a_prompt_is_not_sent_and_not_shown(shell: Shell) -> None:
    secret = "sk-ant-api03-" + "aB3_" * 10
    printed = shell.run(f"%claude use {secret} please")
    assert "looks like a key" in printed
    assert secret not in printed


# Conversations


def test_c_joins_a_conversation_and_running_a_cell_again_rewinds_it(shell: Shell) -> None:
    for run, (cell, text) in enumerate([("a", "one"), ("b", "two"), ("c", "three"), ("b", "two again")]):
        shell.session.cell = lambda cell=cell, run=run: Cell(cell, str(run))  # type: ignore[misc]  # bound on purpose
        shell.run(f"%%claude --quiet -c talk\n{text}\n")
    messages = shell.vars["reply"].request.messages
    assert [message.text for message in messages if message.role == "user"] == ["one", "two again"]
    assert "talk  2 exchanges, last: 'two again'" in shell.run("%claude /chats")
    assert shell.run("%claude /reset talk") == "cleared talk\n"
    assert shell.run("%claude /chats") == "no conversations; start one with -c NAME\n"


def test_cells_are_without_memory_otherwise(shell: Shell) -> None:
    shell.run("%claude --quiet one")
    shell.run("%claude --quiet two")
    assert shell.vars["reply"].request.messages == (Message("user", "two"),)


# State, defaults, help


def test_alone_it_shows_the_state(shell: Shell) -> None:
    printed = shell.run("%claude")
    assert re.search(r"provider +demo \(no key found", printed)
    assert re.search(r"session +no replies yet", printed)


def test_the_state_tells_where_the_key_is_from_and_not_the_key(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    shell.run("%claude /set temperature=0.5")
    printed = shell.run("%claude")
    assert re.search(r"provider +anthropic\n", printed)
    assert re.search(r"key +from environment variable ANTHROPIC_API_KEY\n", printed)
    assert re.search(r"defaults +temperature=0.5\n", printed)
    assert KEY not in printed


def test_defaults_are_set_and_unset(shell: Shell) -> None:
    assert shell.run('%claude /set seed=7 system="Be brief."') == "seed=7, system='Be brief.'\n"
    shell.run("%claude --quiet Why?")
    assert (shell.vars["reply"].params, shell.vars["reply"].request.system) == ({"seed": 7}, "Be brief.")
    assert shell.run("%claude /unset seed, system") == "unset: seed, system\n"
    assert shell.run("%claude /set") == "no defaults are set\n"


@pytest.mark.parametrize("cell", ["%claude -h", "%claude --help", "%%claude -h\nx", "%claude /help", "%claude?"])
def test_help_names_every_option(shell: Shell, cell: str) -> None:
    printed = shell.run(cell)
    assert "--temperature" in printed
    assert "--dry-run" in printed
    assert shell.session.last is None


def test_ipythons_own_lists_of_magics_still_work(shell: Shell) -> None:
    assert "%claude" in shell.run("%lsmagic")
    assert "Error" not in shell.run("%quickref")[:200]


# Loading


def test_loading_says_nothing_and_again_changes_nothing(bare: Shell) -> None:
    assert bare.run("%load_ext claude_nb") == ""
    bare.run("%reload_ext claude_nb")
    claude_nb.load_ipython_extension(bare.ip)
    assert len(bare.ip.input_transformer_manager.token_transformers) == len(
        {*bare.ip.input_transformer_manager.token_transformers}
    )
    bare.run("%claude --quiet Why?")
    assert bare.session.totals.calls == 1


def test_a_name_that_is_taken_is_left_to_its_owner(bare: Shell) -> None:
    owner = types.FunctionType((lambda line, cell=None: None).__code__, {"__name__": "other"})
    owner.__module__ = "other.extension"
    bare.ip.register_magic_function(owner, "line_cell", "claude")
    printed = bare.run("%load_ext claude_nb")
    assert printed.startswith(
        "%claude belongs to other.extension; use %%claude_nb, or choose a name with CLAUDE_NB_MAGIC="
    )
    assert printed.count("\n") == 1
    bare.run("%claude_nb --quiet Why?")
    assert bare.vars["reply"].prompt == "Why?"
    bare.run("%unload_ext claude_nb")
    assert bare.ip.magics_manager.magics["cell"]["claude"] is owner


def test_another_name_can_be_chosen(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_NB_MAGIC", "ask")
    assert bare.run("%load_ext claude_nb") == ""
    bare.run("%ask --quiet what's up?")
    assert bare.vars["reply"].prompt == "what's up?"
    assert "claude" not in bare.ip.magics_manager.magics["line"]


def test_a_name_that_cannot_be_a_magic_is_one_line(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_NB_MAGIC", "ask me")
    assert bare.run("%load_ext claude_nb").startswith("ConfigError: CLAUDE_NB_MAGIC=ask me cannot be")


def test_unloading_takes_everything_back(bare: Shell) -> None:
    manager, completer = bare.ip.input_transformer_manager, bare.ip.Completer
    before = [*manager.token_transformers], [*completer.custom_matchers]
    bare.run("%load_ext claude_nb")
    bare.run("%unload_ext claude_nb")
    assert ([*manager.token_transformers], [*completer.custom_matchers]) == before
    assert not {"claude"} & {*bare.ip.magics_manager.magics["line"], *bare.ip.magics_manager.magics["cell"]}
    assert "not found" in bare.run("%claude Why?") + "not found" * ("Object" in bare.run("%claude Why?"))


def test_unloading_leaves_what_somebody_put_in_its_place(shell: Shell) -> None:
    mine = lambda line: None  # noqa: E731  # any function
    shell.ip.register_magic_function(mine, "line", "claude")
    claude_nb.unload_ipython_extension(shell.ip)
    assert shell.ip.magics_manager.magics["line"]["claude"] is mine


def test_an_address_with_a_key_is_not_fetched(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(download, "fetch", lambda url, *_: fetched.append(url))
    printed = shell.run(f"%claude -m demo -a https://example.org/?key=sk-ant-api03-{'aB3_' * 8} Hi")
    assert "this looks like a key, and was not sent" in printed
    assert fetched == []

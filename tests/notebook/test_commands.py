"""The slash commands without a notebook. tests/notebook/test_magic.py runs them from cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import ClaudeError, ConfigError, PromptError
from claude_nb.notebook import commands
from claude_nb.notebook.commands import settings
from claude_nb.session.session import Session
from tests.helpers.server import Server, answer
from tests.helpers.sessions import session

KEY = "0123456789abcdef0123456789abcdef"


def run(session: Session, line: str) -> Any:
    return commands.run(session, line, {})


def test_help_lists_every_command_and_option() -> None:
    text = run(session(), "/help")
    assert all(command.usage in text and command.help in text for command in commands.COMMANDS.values())
    assert "--temperature" in text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/", "unknown command /"),
        ("/hlep", "did you mean /help"),
        ("/zzz", "put -- before a prompt that begins with /"),
        ("/set temperature", "write name=value"),
        ("/set temprature=1", "did you mean temperature"),
        ("/set temperature=hot", "takes a number"),
        ("/set out=x", "is given with each call"),
        ("/set api_key=abc", "unknown option"),
        ("/unset", "name what to unset"),
        ("/unset zzz", "unknown option"),
        ("/reset nobody", "unknown conversation 'nobody'; start one with -c NAME"),
        ("/history", "the history is off"),
        ("/show 1", "the history is off"),
        ("/replay sometimes", "replay is off, use or only"),
        ("/replay use --speed fast", "--speed takes a number"),
        ("/record", "name one file"),
    ],
)
def test_a_wrong_command_is_one_line(line: str, message: str) -> None:
    with pytest.raises(ClaudeError, match=message) as caught:
        run(session(), line)
    assert "\n" not in str(caught.value)


def test_a_line_with_a_wrong_setting_changes_nothing() -> None:
    asked = session()
    with pytest.raises(PromptError):
        run(asked, "/set seed=1 top_p=7")
    assert asked.settings == {}


def test_settings_may_be_quoted_and_spelled_like_flags() -> None:
    asked = session()
    run(asked, '/set max-tokens=5 n=6 system="a = b" stop="\\n"')
    assert asked.settings == {"max_tokens": 6, "system": "a = b", "stop_sequences": ("\n",)}
    assert run(asked, "/set") == "max_tokens=6\nsystem='a = b'\nstop_sequences=('\\n',)"


def test_models_are_listed_with_their_options_and_prices() -> None:
    rows = run(session(AIMLAPI_API_KEY=KEY), "/models").splitlines()
    (sonnet,) = [row for row in rows if row.startswith("anthropic/claude-sonnet-4.6 ")]
    assert "temperature, top_p, top_k" in sonnet
    assert "4.126 / 20.63" in sonnet
    (opus,) = [row for row in rows if row.startswith("anthropic/claude-opus-4-7 ")]
    assert "temperature" not in opus.split("unknown")[0]
    assert "unknown" in opus
    assert "local, free" in run(session(), "/models")


def test_another_server_is_asked_for_its_models() -> None:
    with Server([answer(200, {"data": [{"id": "llama3"}, {"id": "qwen"}, {}, "x"]})]) as server:
        other = session(CLAUDE_NB_BASE_URL=server.url)
        assert run(other, "/models") == "llama3\nqwen"
    assert server.requests[0].path == "/v1/models"
    assert "authorization" not in server.requests[0].headers


def test_listing_models_without_an_address_asks_for_one() -> None:
    with pytest.raises(ConfigError, match="needs an address first"):
        run(session(CLAUDE_NB_PROVIDER="openai-compatible"), "/models")


def test_chats_lists_and_reset_clears() -> None:
    asked = session()
    assert run(asked, "/chats") == "no conversations; start one with -c NAME"
    for name in ("a", "b", "b"):
        asked.ask("Hi\nthere", chat=name)
    assert run(asked, "/chats") == "a  1 exchange, last: 'Hi there'\nb  2 exchanges, last: 'Hi there'"
    assert run(asked, "/reset a") == "cleared a"
    assert list(asked.conversations) == ["b"]
    assert run(asked, "/reset") == "cleared 1 conversation"
    assert asked.conversations == {}


def test_usage_counts() -> None:
    asked = session()
    assert "no replies yet" in run(asked, "/usage")
    asked.ask("Hi")
    asked.ask("Hi")
    assert "2 replies" in run(asked, "/usage")


# The state


def test_the_state_shows_the_target_of_the_next_call() -> None:
    asked = session(ANTHROPIC_API_KEY=KEY, CLAUDE_NB_MODEL="opus")
    text = settings.state(asked)
    assert "anthropic\n" in text
    assert asked.request("Hi").model in text
    assert "from environment variable ANTHROPIC_API_KEY" in text
    assert KEY not in text


def test_the_state_names_a_model_that_is_missing() -> None:
    text = settings.state(session(CLAUDE_NB_BASE_URL="http://localhost:1/v1"))
    assert "openai-compatible\n" in text
    assert "not set; add -m NAME" in text


def test_a_chosen_demo_model_needs_no_explanation() -> None:
    asked = session(ANTHROPIC_API_KEY=KEY)
    asked.configure(provider="demo")
    assert "no key found" not in settings.state(asked)
    assert "no key found" in settings.state(session())


def test_the_state_and_the_models_follow_the_class_file(tmp_path: Path) -> None:
    rules = tmp_path / "class.json"
    with Server([answer(200, {"data": [{"id": "fast"}]})]) as server:
        rules.write_text(json.dumps({"provider": "openai-compatible", "base_url": server.url, "models": ["fast"]}))
        pupil = session(CLAUDE_NB_CLASS=str(rules), ANTHROPIC_API_KEY=KEY)
        state = settings.state(pupil).splitlines()
        assert state[:2] == ["provider  openai-compatible", "model     fast"]
        assert run(pupil, "/models") == "fast"


def test_a_class_on_the_demo_model_is_not_told_to_set_a_key(tmp_path: Path) -> None:
    rules = tmp_path / "class.json"
    rules.write_text(json.dumps({"provider": "demo"}))
    assert "no key found" not in settings.state(session(CLAUDE_NB_CLASS=str(rules)))


# The history


def test_the_history_is_listed_shown_and_forgotten(tmp_path: Any) -> None:
    asked = session(CLAUDE_NB_HISTORY=str(tmp_path / "h.db"))
    reply = asked.ask("Why is the sky blue?")
    (row,) = run(asked, "/history sky")
    assert row.reply == reply
    assert run(asked, f"/show {row.id}") == reply
    assert run(asked, f"/forget {row.id}") == "forgot 1 reply"
    assert len(run(asked, "/history")) == 0
    for line in (f"/show {row.id}", "/show x"):
        with pytest.raises(PromptError):
            run(asked, line)


def test_a_recording_that_would_be_empty_says_to_run_the_cells_first(tmp_path: Any) -> None:
    file = tmp_path / "lesson.jsonl"
    with pytest.raises(ClaudeError, match="run the cells first"):
        run(session(CLAUDE_NB_HISTORY=str(tmp_path / "h.db")), f"/record '{file}'")
    assert not file.exists()


def test_a_recorded_reply_is_played_back(tmp_path: Any) -> None:
    asked = session(CLAUDE_NB_HISTORY=str(tmp_path / "h.db"))
    first = asked.ask("Why is the sky blue?", seed=1)
    file = tmp_path / "a lesson.jsonl"
    assert "holds 1 reply" in run(asked, f"/record '{file}'")
    assert json.loads(file.read_text().splitlines()[0])["claude_nb"] == "replay"
    other = session()
    assert run(other, f"/replay only '{file}' --speed 0").startswith("replay only")
    again = other.ask("Why is the sky blue?", seed=1)
    assert (again.text, again.source, again.created_at) == (first.text, "replay", first.created_at)
    with pytest.raises(ClaudeError, match="/replay off"):
        other.ask("Something else?")

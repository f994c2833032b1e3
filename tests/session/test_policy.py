"""The limits that a teacher sets for everyone, and the messages of refused calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import ApiError, ConfigError
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.models import Models
from claude_nb.session import policy
from claude_nb.session.session import Session
from tests.helpers.replies import chat
from tests.helpers.server import Server, answer

KEY = "sk-a-key-of-the-tests-0123456789"


def write(path: Path, **rules: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rules), encoding="utf-8")
    return path


def session(path: Path | None = None, **environ: str) -> Session:
    named = {"CLAUDE_NB_CLASS": str(path)} if path else {}
    return Session(credentials=Credentials({"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_HISTORY": "off", **named, **environ}))


def test_without_a_class_file_everything_is_allowed() -> None:
    assert session().policy == policy.Policy()
    assert session().request("Hi").provider == "anthropic"


@pytest.mark.parametrize("options", [{"provider": "anthropic"}, {"model": "sonnet"}, {"base_url": "https://x.test/v1"}])
def test_the_variable_alone_allows_only_the_demo_model(options: dict[str, str]) -> None:
    locked = session(CLAUDE_NB_PROVIDER="demo")
    assert locked.request("Hi").provider == "demo"
    with pytest.raises(ConfigError, match=r"only the demo model may be used here \(set in CLAUDE_NB_PROVIDER\)"):
        locked.request("Hi", **options)


def test_settings_cannot_change_the_policy(tmp_path: Path) -> None:
    locked = session(write(tmp_path / "class.json", provider="demo"))
    locked.configure(provider="anthropic")
    with pytest.raises(ConfigError, match="only the demo model"):
        locked.request("Hi")


def test_a_request_of_another_session_is_refused_too(tmp_path: Path) -> None:
    free = session().request("Hi", provider="anthropic")
    with pytest.raises(ConfigError, match="only the demo model"):
        session(write(tmp_path / "class.json", provider="demo")).run(free)


def test_provider_address_and_first_model_become_the_defaults(tmp_path: Path) -> None:
    rules = {"provider": "openai-compatible", "base_url": "https://llm.school.test/v1", "models": ["fast", "smart"]}
    request = session(write(tmp_path / "class.json", **rules)).request("Hi")
    assert (request.provider, request.base_url, request.model) == (rules["provider"], rules["base_url"], "fast")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "huge"}, "only fast, smart, demo may be used here, not huge"),
        ({"provider": "anthropic"}, "only openai-compatible and the demo model may be used here, not anthropic"),
        ({"base_url": "https://other.test/v1"}, "only https://llm.school.test/v1 may be used here"),
    ],
)
def test_a_forbidden_call_is_refused_with_the_teachers_note(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    rules = {"provider": "openai-compatible", "base_url": "https://llm.school.test/v1", "models": ["fast", "smart"]}
    locked = session(write(tmp_path / "class.json", **rules, note="Ask Ms. Lee for more."))
    with pytest.raises(ConfigError, match=message) as caught:
        locked.request("Hi", **options)
    assert str(caught.value).endswith("Ask Ms. Lee for more.")
    assert "\n" not in str(caught.value)


def test_the_demo_model_is_always_allowed_and_aliases_count_as_the_model(tmp_path: Path) -> None:
    locked = session(write(tmp_path / "class.json", provider="anthropic", models=["sonnet"]))
    assert locked.request("Hi", model="demo").provider == "demo"
    full = Models().resolve("sonnet", "anthropic")
    assert locked.request("Hi", model=full).model == full


def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


def test_functions_can_be_forbidden(tmp_path: Path) -> None:
    free = session(write(tmp_path / "free.json", tools=True))
    asked = free.request("Hi", tools=[add])
    locked = session(write(tmp_path / "class.json", tools=False))
    assert locked.request("Hi").tools == ()
    for attempt in (
        lambda: locked.request("Hi", tools=[add]),
        lambda: locked.ask("Hi", tools=[add]),
        lambda: locked.run(asked),
    ):
        with pytest.raises(
            ConfigError, match=r"models may not call functions here \(set in .*class.json\); leave out --tools"
        ):
            attempt()
    noted = session(write(tmp_path / "noted.json", tools=False, note="Ask Ms. Lee."))
    with pytest.raises(ConfigError, match=r"noted.json\); Ask Ms. Lee."):
        noted.request("Hi", tools=[add])


def test_a_budget_can_be_lowered_but_not_raised(tmp_path: Path) -> None:
    locked = session(write(tmp_path / "class.json", budget=0.5))
    assert locked.budget.limit_usd == 0.5
    locked.configure(budget=2)
    assert locked.budget.limit_usd == 0.5
    locked.configure(budget=0.1)
    assert locked.budget.limit_usd == 0.1
    locked.configure(budget=None)
    assert locked.budget.limit_usd == 0.5


def test_the_file_of_the_system_comes_before_those_of_the_user(tmp_path: Path) -> None:
    write(tmp_path / "system" / "class.json", provider="demo")
    own = write(tmp_path / "own.json", provider="anthropic")
    credentials = Credentials({"CLAUDE_NB_CLASS": str(own)})
    assert policy.load(credentials, tmp_path / "system").provider == "demo"
    assert policy.load(credentials, tmp_path / "nothing").provider == "anthropic"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"provider": "nobody"}',
        '{"models": "fast"}',
        '{"budget": "much"}',
        '{"budget": -1}',
        '{"tools": "no"}',
        '{"modles": []}',
        '{"models": [""]}',
        '{"base_url": ""}',
        '{"provider": ""}',
        "{",
    ],
)
def test_a_mistake_in_the_file_raises_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "class.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot use the class file"):
        session(path)


def test_a_missing_file_in_the_variable_raises_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        session(tmp_path / "gone.json")


def test_replay_works_in_a_locked_class_without_a_key(tmp_path: Path) -> None:
    from claude_nb.storage import recordings

    with Server([chat(["From the teacher."])]) as server:
        where = {"provider": "openai-compatible", "model": "fast", "base_url": server.url}
        teacher = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}))
        teacher.ask("Hi", **where)
        recordings.write(tmp_path / "lesson.jsonl", teacher.memory.history.recorded(None))
        rules = write(tmp_path / "class.json", provider=where["provider"], base_url=server.url, models=["fast"])
        pupil = Session(
            credentials=Credentials(
                {
                    "CLAUDE_NB_CLASS": str(rules),
                    "CLAUDE_NB_HISTORY": "off",
                    "CLAUDE_NB_REPLAY": f"only {tmp_path / 'lesson.jsonl'}",
                }
            )
        )
        pupil.memory.speed = 0
        reply = pupil.ask("Hi")
        assert len(server.requests) == 1
    assert (reply.text, reply.source) == ("From the teacher.", "replay")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "Budget has been exceeded! Current cost: 1.02, Max budget: 1.0"),
        (422, "Budget has been exceeded! Key=pupil-07 Current cost: 2.01, Max budget: 2.0"),
        (401, "Authentication Error, Invalid proxy server token passed"),
        (402, "This virtual key has used up its quota for the week"),
        (429, "Max parallel request limit reached for this key"),
    ],
)
def test_what_a_gateway_says_reaches_the_pupil_in_one_line(
    monkeypatch: pytest.MonkeyPatch, status: int, said: str
) -> None:
    body = {"error": {"message": said, "type": "budget_exceeded", "param": None, "code": str(status)}}
    monkeypatch.setattr("claude_nb.stop_signal.Stop.wait", lambda self, seconds: self.is_set())
    with Server([answer(status, body)]) as server:
        pupil = session(CLAUDE_NB_API_KEY="sk-virtual-key-of-a-pupil-0123", CLAUDE_NB_BASE_URL=server.url)
        with pytest.raises(ApiError) as caught:
            pupil.ask("Hi", provider="openai-compatible", model="fast", base_url=server.url)
    assert said[:40] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "sk-virtual" not in str(caught.value)


def test_a_class_file_can_allow_models_on_this_machine_and_nothing_else(tmp_path: Path) -> None:
    locked = session(write(tmp_path / "class.json", provider="local", models=["smollm2"]))
    assert (locked.request("Hi").provider, locked.request("Hi").model) == ("local", "smollm2-135m-instruct")
    with pytest.raises(ConfigError, match="only local and the demo model may be used here, not anthropic"):
        locked.request("Hi", provider="anthropic")
    with pytest.raises(ConfigError, match=r"only smollm2, demo may be used here, not /m/other.gguf"):
        locked.request("Hi", model="/m/other.gguf")


@pytest.mark.parametrize("rules", [{"provider": "anthropic"}, {"models": ["sonnet"]}, {"provider": "demo"}])
def test_a_class_file_for_others_forbids_models_on_this_machine(tmp_path: Path, rules: dict[str, Any]) -> None:
    locked = session(write(tmp_path / "class.json", **rules))
    with pytest.raises(ConfigError, match="may be used here"):
        locked.request("Hi", provider="local")

"""From options to a checked request, and what a session remembers of the reply. Only the demo model answers here."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import claude_nb
from claude_nb.errors import ClaudeError, ConfigError, PromptError
from claude_nb.providers import registry
from claude_nb.providers.credentials import Credentials
from claude_nb.session import default
from claude_nb.session.conversation import Cell
from claude_nb.session.session import Session
from claude_nb.stop_signal import Stop
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.sessions import session

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def demo() -> Session:
    return session()


@pytest.fixture
def live() -> Session:
    return session(AIMLAPI_API_KEY=KEY)


# Nobody waits for pauses that nobody sees


@pytest.mark.parametrize("how", ["ask", "stream"])
def test_the_demo_model_pauses_only_for_who_reads_along(how: str) -> None:
    waits: list[float] = []

    class Noted(Stop):
        def wait(self, seconds: float) -> bool:
            waits.append(seconds)
            return self.is_set()

    made = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}), stop=Noted)
    if how == "ask":
        made.ask("Tell me a joke.", provider="demo", seed=1)
    else:
        list(made.stream("Tell me a joke.", provider="demo", seed=1))
    assert len(waits) > 5
    assert {wait > 0 for wait in waits} == {how == "stream"}


# What is sent


def test_what_is_left_out_is_not_sent(live: Session) -> None:
    request = live.request("Why?")
    assert request == Request("aimlapi", "anthropic/claude-sonnet-4.6", (Message("user", "Why?"),))


def test_options_become_the_request(live: Session) -> None:
    request = live.request("Why?", temperature=1, stop_sequences="END", max_tokens=np.int64(5), system="Be brief.")
    assert request.params == {"temperature": 1.0, "stop_sequences": ["END"], "max_tokens": 5}
    assert request.system == "Be brief."


def test_defaults_hold_until_they_are_unset(live: Session) -> None:
    live.configure(temperature=0.2, system="Be brief.", model="opus-4.6")
    assert live.request("Why?").params == {"temperature": 0.2}
    assert live.request("Why?", temperature=0.9).params == {"temperature": 0.9}
    assert live.request("Why?", system="").system is None
    live.configure(temperature=None)
    assert live.request("Why?").params == {}
    assert live.request("Why?").model == "anthropic/claude-opus-4-6"


def test_the_messages_api_is_told_the_limit_that_it_must_be_told(live: Session) -> None:
    assert live.request("Why?", provider="anthropic").params == {"max_tokens": 32_000}
    assert live.request("Why?", provider="anthropic", max_tokens=7).params == {"max_tokens": 7}


@pytest.mark.parametrize("option", ["quiet", "out", "no_stream", "dry_run", "budget"])
def test_an_option_that_has_no_effect_here_is_refused_and_not_dropped(demo: Session, option: str) -> None:
    with pytest.raises(PromptError, match=f"{option} cannot be an option here"):
        demo.ask("Hi", **{option: 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temprature": 1}, "did you mean temperature"),
        ({"temperature": "hot"}, "must be a number"),
        ({"model": 5}, "model must be a string"),
        ({"system": ["a"]}, "system must be a string"),
        ({"provider": "openia"}, "no provider 'openia'"),
        ({"timeout": -1}, "above 0 seconds"),
        ({"temperature": 0.5, "top_p": 0.5, "provider": "aimlapi"}, "not both"),
        ({"temperature": 1, "provider": "aimlapi", "model": "opus"}, "takes no temperature"),
    ],
)
def test_a_wrong_option_is_one_line_before_anything_is_sent(
    demo: Session, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClaudeError, match=message) as caught:
        demo.stream("Hi", **options)
    assert "\n" not in str(caught.value)
    assert demo.last is None


@pytest.mark.parametrize("prompt", ["", "  \n\t", "\u2003"])
def test_an_empty_prompt_is_refused(demo: Session, prompt: str) -> None:
    with pytest.raises(PromptError, match="the prompt is empty"):
        demo.ask(prompt)


@pytest.mark.parametrize("prompt", [None, 5, ["Hi"], b"Hi"])
def test_a_prompt_that_is_no_text_is_refused(demo: Session, prompt: Any) -> None:
    with pytest.raises(PromptError, match="the prompt must be a text"):
        demo.ask(prompt)


@given(st.text(alphabet=st.characters()).filter(str.strip))
def test_any_prompt_can_be_sent(prompt: str) -> None:
    prompt.encode("utf-8", "surrogatepass")
    try:
        request = session().request(prompt)
    except PromptError as error:  # by chance it looks like a key
        assert "key" in str(error)  # noqa: PT017  # there may be no error
    else:
        request.prompt.encode()
        assert request.prompt == prompt or "\ufffd" in request.prompt


def test_lone_surrogates_become_replacement_characters(demo: Session) -> None:
    assert demo.request("a\ud800b").prompt == "a\ufffdb"
    assert demo.request("a\ud83d\ude42b", system="\udc00").system == "\ufffd"


# Who is asked


@pytest.mark.parametrize(
    ("environ", "options", "who"),
    [
        ({}, {}, ("demo", "demo")),
        ({"AIMLAPI_KEY": KEY}, {}, ("aimlapi", "anthropic/claude-sonnet-4.6")),
        ({"ANTHROPIC_API_KEY": KEY}, {}, ("anthropic", "claude-sonnet-4-6")),
        ({"ANTHROPIC_API_KEY": KEY, "AIML_API_KEY": KEY}, {}, ("aimlapi", "anthropic/claude-sonnet-4.6")),
        ({"ANTHROPIC_API_KEY": KEY}, {"provider": "demo"}, ("demo", "demo")),
        ({"ANTHROPIC_API_KEY": KEY}, {"model": "demo"}, ("demo", "demo")),
        ({"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_MODEL": "opus"}, {}, ("anthropic", "claude-opus-5-5")),
        ({"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_MODEL": "opus"}, {"provider": "demo"}, ("demo", "demo")),
        ({"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_MODEL": "demo"}, {}, ("demo", "demo")),
        ({"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_PROVIDER": "demo"}, {}, ("demo", "demo")),
        ({"CLAUDE_NB_BASE_URL": "http://localhost:1/v1", "CLAUDE_NB_MODEL": "x"}, {}, ("openai-compatible", "x")),
        ({}, {"base_url": "http://localhost:1/v1", "model": "llama3"}, ("openai-compatible", "llama3")),
    ],
)
def test_the_right_model_is_asked(environ: dict[str, str], options: dict[str, Any], who: tuple[str, str]) -> None:
    request = session(**environ).request("Hi", **options)
    assert (request.provider, request.model) == who


def test_defaults_are_only_for_the_provider_they_were_made_for(live: Session) -> None:
    live.configure(model="opus", base_url="http://localhost:1/v1")
    assert (live.request("Hi").model, live.request("Hi").base_url) == (
        "anthropic/claude-opus-5-5",
        "http://localhost:1/v1",
    )
    other = live.request("Hi", provider="anthropic")
    assert (other.model, other.base_url) == ("claude-sonnet-4-6", None)
    demo = live.request("Hi", model="demo")
    assert (demo.provider, demo.base_url) == ("demo", None)


def test_a_default_model_demo_asks_the_demo_also_with_a_key(live: Session) -> None:
    live.configure(model="demo")
    assert live.request("Hi").provider == "demo"


def test_a_model_without_a_key_says_which_key_to_set(demo: Session) -> None:
    for attempt in (
        lambda: demo.request("Hi", model="sonnet"),
        lambda: demo.configure(model="sonnet") or demo.request("Hi"),
    ):
        with pytest.raises(ConfigError, match=r"^sonnet needs a key: set AIMLAPI_API_KEY or ANTHROPIC_API_KEY"):
            attempt()


def test_the_demo_has_one_model(demo: Session) -> None:
    with pytest.raises(ConfigError, match="one model, demo, not sonnet"):
        demo.request("Hi", provider="demo", model="sonnet")


def test_a_server_without_a_usual_model_asks_for_one(demo: Session) -> None:
    with pytest.raises(ConfigError, match="needs a model: add -m NAME"):
        demo.request("Hi", provider="openai-compatible", base_url="http://localhost:1/v1")


# Keys


@pytest.mark.parametrize("where", ["prompt", "system", "base_url"])
@pytest.mark.parametrize("secret", [KEY, "sk-ant-api03-" + "aB3_" * 10])
def test_a_key_is_never_sent_as_text(live: Session, where: str, secret: str) -> None:
    live.request("Hi")
    options = {"prompt": "Hi", where: f"https://a.b/{secret}"}
    with pytest.raises(PromptError, match="looks like a key") as caught:
        live.request(**options)
    assert secret not in str(caught.value)


def test_a_short_word_that_serves_as_a_key_may_be_talked_about() -> None:
    local = session(CLAUDE_NB_API_KEY="ollama", CLAUDE_NB_BASE_URL="http://localhost:1/v1", CLAUDE_NB_MODEL="x")
    local.credentials.find(registry.find("openai-compatible").owner, "http://localhost:1/v1")
    assert local.request("What is ollama?").prompt == "What is ollama?"


def test_a_key_given_in_python_is_for_the_provider_named_with_it(demo: Session) -> None:
    demo.configure(api_key=KEY, provider="anthropic")
    assert demo.request("Hi").provider == "anthropic"
    assert KEY not in repr(demo.settings)
    assert KEY not in repr(vars(demo.credentials))


def test_a_key_that_would_go_nowhere_is_refused(demo: Session) -> None:
    with pytest.raises(ConfigError, match="say whose key it is"):
        demo.configure(api_key=KEY)


# Defaults


@pytest.mark.parametrize("wrong", [{"top_p": 7}, {"quiet": True}, {"zzz": 1}, {"provider": "nobody"}, {"api_key": KEY}])
def test_a_refused_setting_changes_nothing(demo: Session, wrong: dict[str, Any]) -> None:
    demo.configure(temperature=0.5)
    with pytest.raises(ClaudeError):
        demo.configure(temperature=0.9, **wrong)
    assert demo.settings == {"temperature": 0.5}


def test_own_models_may_be_laid_over_the_table(demo: Session) -> None:
    demo.configure(models=[{"name": "demo", "ids": {"demo": "demo"}, "accepts": ["max_tokens"]}])
    with pytest.raises(PromptError, match="takes no temperature"):
        demo.request("Hi", temperature=1)


def test_a_default_that_the_model_refuses_says_how_to_take_it_back(demo: Session) -> None:
    demo.configure(models=[{"name": "demo", "ids": {"demo": "demo"}, "accepts": ["max_tokens"]}], temperature=0.5)
    with pytest.raises(PromptError, match=r"takes no temperature.*a default of this session: %claude /unset temp"):
        demo.request("Hi")
    with pytest.raises(PromptError) as caught:
        demo.request("Hi", temperature=1)
    assert "default of this session" not in str(caught.value)


# Replies


def test_a_reply_comes_from_the_demo_without_a_key(demo: Session) -> None:
    reply = demo.ask("Why is the sky blue?", seed=1)
    assert reply.text
    assert (reply.source, reply.cost_usd, reply.complete) == ("demo", 0.0, True)
    assert demo.last is reply
    assert reply.params == {"seed": 1}


def test_streaming_gives_the_same_text(demo: Session) -> None:
    turn = demo.stream("Why is the sky blue?", seed=1)
    assert "".join(turn) == demo.ask("Why is the sky blue?", seed=1).text


def test_totals_count_every_reply(demo: Session) -> None:
    replies = [demo.ask("Hi", seed=seed, max_tokens=5) for seed in range(3)]
    assert demo.totals.calls == 3
    assert demo.totals.usage.output_tokens == sum(reply.usage.output_tokens or 0 for reply in replies)
    assert (demo.totals.cost_usd, demo.totals.unpriced) == (0.0, 0)


def test_a_stopped_reply_is_kept_as_the_last_one(demo: Session) -> None:
    turn = demo.stream("Tell me a story", max_tokens=200)
    for _ in turn:
        turn.stop()
    assert demo.last is turn.reply
    assert turn.reply is not None
    assert turn.reply.stop_reason == "interrupted"


def test_two_threads_may_ask_at_once(demo: Session) -> None:
    threads = [threading.Thread(target=demo.ask, args=("Hi",), kwargs={"chat": f"c{n}"}) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert demo.totals.calls == 8
    assert sorted(demo.conversations) == [f"c{n}" for n in range(8)]


def test_every_prompt_is_in_the_history_with_its_names(tmp_path: Any) -> None:
    kept = session(CLAUDE_NB_HISTORY=str(tmp_path / "h.db"), JPY_SESSION_NAME="lesson.ipynb")
    reply = kept.ask("Hi", chat="c")
    assert kept.store is not None
    (row,) = kept.store.recent()
    assert (row.reply, row.notebook, row.chat, row.running) == (reply, "lesson.ipynb", "c", False)
    assert session().store is None


# Conversations


def talk(session: Session, name: str = "c") -> list[str]:
    return [message.text for message in session.conversations[name].messages if message.role == "user"]


def test_a_conversation_sends_what_was_said_before(demo: Session) -> None:
    first = demo.ask("one", chat="c")
    assert demo.request("two", chat="c").messages == (
        Message("user", "one"),
        Message("assistant", first.text),
        Message("user", "two"),
    )
    assert demo.request("two").messages == (Message("user", "two"),)
    assert demo.request("two", chat="d").messages == (Message("user", "two"),)


def test_running_a_cell_again_rewinds_its_conversation(demo: Session) -> None:
    for cell, prompt in (("a/1", "one"), ("b/1", "two"), ("c/1", "three"), ("b/2", "two again")):
        demo.cell = lambda cell=cell: Cell(*cell.split("/"))  # type: ignore[misc]  # bound on purpose
        demo.ask(prompt, chat="c")
    assert talk(demo) == ["one", "two again"]


def test_two_prompts_of_one_cell_follow_each_other(demo: Session) -> None:
    demo.cell = lambda: Cell("a", "1")
    demo.ask("one", chat="c")
    demo.ask("two", chat="c")
    demo.cell = lambda: Cell("a", "2")
    demo.ask("three", chat="c")
    assert talk(demo) == ["three"]


def test_a_broken_off_exchange_leaves_no_half_behind(demo: Session) -> None:
    demo.ask("one", chat="c")
    turn = demo.stream("tell me a long story", chat="c")
    for _ in turn:
        turn.stop()
    assert talk(demo) == ["one"]


def test_a_failed_second_run_leaves_the_conversation_as_it_was(demo: Session) -> None:
    demo.cell = lambda: Cell("a", "1")
    demo.ask("one", chat="c")
    demo.cell = lambda: Cell("a", "2")
    demo.stream("one", chat="c").stop()
    assert talk(demo) == ["one"]


def test_changing_the_model_keeps_the_conversation() -> None:
    both = session(ANTHROPIC_API_KEY=KEY)
    both.ask("one", chat="c", provider="demo")
    request = both.request("two", chat="c")
    assert (request.provider, len(request.messages)) == ("anthropic", 3)


def test_a_conversation_keeps_its_system_prompt(demo: Session) -> None:
    demo.ask("one", chat="c", system="Be brief.")
    assert demo.request("two", chat="c").system == "Be brief."
    assert demo.request("two", chat="c", system="Be long.").system == "Be long."
    assert demo.request("two", chat="c", system="").system is None
    assert demo.request("two").system is None


# The one session


def test_the_functions_of_the_package_share_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default, "_default", session())
    claude_nb.configure(seed=3)
    assert claude_nb.ask("Hi").params == {"seed": 3}
    assert "".join(claude_nb.stream("Hi")) == default.default_session().ask("Hi").text
    assert default.default_session().totals.calls == 3


class Contended(Session):
    """A session in which another thread has a reply whenever this one has."""

    def __setattr__(self, name: str, value: object) -> None:
        other = Reply(Request("demo", "demo", (Message("user", "other"),)), "other")
        super().__setattr__(name, other if name == "last" and value is not None else value)


def test_a_reply_is_never_that_of_another_thread() -> None:
    session = Contended(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))
    assert session.ask("Hi", provider="demo", seed=1).prompt == "Hi"

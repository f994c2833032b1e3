"""Which model a name means: aliases of families, and versions that the table does not list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import PromptError
from claude_nb.providers.model_names import FAMILIES, Version
from claude_nb.providers.models import Models
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Sampling, Thinking

TABLE = Models()


@pytest.mark.parametrize(
    ("alias", "provider", "sent"),
    [
        ("sonnet", "anthropic", "claude-sonnet-5-5"),
        ("opus", "anthropic", "claude-opus-5-5"),
        ("smart", "anthropic", "claude-opus-5-5"),
        ("haiku", "anthropic", "claude-haiku-5-5"),
        ("fast", "anthropic", "claude-haiku-5-5"),
        ("fable", "anthropic", "claude-fable-5-2"),
        ("Fable", "anthropic", "claude-fable-5-2"),
        ("fable-5.2", "anthropic", "claude-fable-5-2"),
        ("mythos", "anthropic", "claude-mythos-5-2"),
        ("claude-opus-latest", "anthropic", "claude-opus-latest"),
        ("anthropic/claude-opus-latest", "anthropic", "claude-opus-5-5"),
        ("sonnet", "aimlapi", "anthropic/claude-sonnet-4.6"),
        ("claude-sonnet-4-6", "aimlapi", "anthropic/claude-sonnet-4.6"),
        ("fable", "aimlapi", "anthropic/claude-fable-5.1"),
        ("opus", "aimlapi", "anthropic/claude-opus-5-5"),
        ("anthropic/claude-sonnet-latest", "aimlapi", "anthropic/claude-sonnet-latest"),
        ("sonnet", "openai-compatible", "sonnet"),
        ("fast", "openai-compatible", "fast"),
        ("claude-opus-6", "anthropic", "claude-opus-6"),
        ("opus-6.1", "anthropic", "claude-opus-6-1"),
        ("claude-opus-6.1", "anthropic", "claude-opus-6-1"),
        ("anthropic/claude-fable-5.3", "anthropic", "claude-fable-5-3"),
        ("claude-opus-6-20270101", "anthropic", "claude-opus-6-20270101"),
        ("anthropic/claude-haiku-5.7", "aimlapi", "anthropic/claude-haiku-5.7"),
        ("opus-6", "aimlapi", "anthropic/claude-opus-6"),
        ("claude-opus-6", "openai-compatible", "claude-opus-6"),
    ],
)
def test_an_alias_means_the_newest_of_its_family_and_a_new_version_its_own_id(
    alias: str, provider: str, sent: str
) -> None:
    assert TABLE.resolve(alias, provider) == sent


@pytest.mark.parametrize(
    ("model", "like"),
    [
        ("claude-opus-6", "claude-opus-5-5"),
        ("claude-opus-4-9", "claude-opus-4-8"),
        ("claude-sonnet-6-1-20270101", "claude-sonnet-5-5"),
        ("claude-sonnet-4-7", "claude-sonnet-4-6"),
        ("anthropic/claude-fable-7.5", "claude-fable-5-2"),
        ("Claude-Haiku-9", "claude-haiku-5-5"),
        ("openrouter/anthropic/claude-opus-6", "claude-opus-5-5"),
        ("us.anthropic.claude-opus-6-20270101-v1:0", "claude-opus-5-5"),
        ("anthropic.claude-sonnet-6-v2:0", "claude-sonnet-5-5"),
        ("claude-opus-6@20270101", "claude-opus-5-5"),
        ("claude-opus-6[1m]", "claude-opus-5-5"),
    ],
)
def test_an_unlisted_version_is_treated_as_the_next_older_one_of_its_family(model: str, like: str) -> None:
    spec, known = TABLE.spec(model, "anthropic"), TABLE.table[like]
    names = ("accepts", "ranges", "either", "context", "max_output", "thinking", "thinks", "effort", "hides_thinking")
    assert {name: getattr(spec, name) for name in names} == {name: getattr(known, name) for name in names}
    assert (spec.known, spec.prices, spec.fast, spec.retires) == (True, {}, {}, {})
    assert TABLE.default_max_tokens(model) == TABLE.default_max_tokens(like)


def test_a_new_fable_shows_its_thinking_and_refuses_what_its_family_refuses() -> None:
    spec = TABLE.spec("claude-fable-6", "anthropic")
    assert spec.thinking_for("on") == Thinking("adaptive", display="summarized")
    asked = Request("anthropic", "claude-fable-6", (Message("user", "Hi"),), sampling=Sampling(temperature=0.3))
    with pytest.raises(PromptError, match="claude-fable-6 takes no temperature"):
        TABLE.check(asked)
    with pytest.raises(PromptError, match="claude-fable-6 always thinks"):
        spec.thinking_for("off")


@pytest.mark.parametrize(
    "model",
    [
        "my-claude-sonnet-5-5-finetune",
        "claude-sonnet-4-distilled",
        "qwen3-claude-opus-4.5",
        "claude-saga-1",
        "claude-instant",
        "claude",
        "claude-sonnet",
        "claude-opus-",
        "claude-opus-5-5-5",
        "opus-7b",
        "sonnet-gguf",
        "llama3",
        "claude-5-opus",
        "",
    ],
)
@pytest.mark.parametrize("provider", ["openai-compatible", "anthropic", "aimlapi"])
def test_a_name_with_other_words_is_a_stranger_and_is_sent_as_typed(model: str, provider: str) -> None:
    assert not TABLE.spec(model, provider).known
    assert TABLE.resolve(model, provider) == model


@pytest.mark.parametrize("model", ["sonnet-6", "fable-7", "opus-9.1"])
def test_a_short_name_counts_only_where_claude_is_served(model: str) -> None:
    assert TABLE.spec(model, "anthropic").known
    assert not TABLE.spec(model, "openai-compatible").known


@given(st.sampled_from(FAMILIES), st.integers(1, 99), st.integers(0, 99), st.sampled_from(["-", "."]))
def test_a_name_is_read_as_it_is_written(family: str, major: int, minor: int, dot: str) -> None:
    version = Version(family, major, minor)
    assert Version.of(version.name) == version
    assert Version.of(f"anthropic/claude-{family}-{major}{dot}{minor}") == version


@given(st.text(max_size=40))
def test_no_name_breaks_the_table(model: str) -> None:
    for provider in ("anthropic", "aimlapi", "openai-compatible", "demo"):
        spec = TABLE.spec(model, provider)
        assert TABLE.spec(TABLE.resolve(model, provider), provider).name in (spec.name, model)


def test_an_own_row_wins_over_the_alias_of_a_family() -> None:
    own = Models([{"name": "mine", "aliases": ["sonnet", "opus"], "ids": {"anthropic": "mine-1"}}])
    assert own.resolve("sonnet", "anthropic") == own.resolve("opus", "anthropic") == "mine-1"
    assert own.aliases("anthropic")["opus"].name == "mine"

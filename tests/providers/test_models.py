from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb import __version__
from claude_nb.errors import PromptError
from claude_nb.providers import models
from claude_nb.providers.models import Models, Price, plain_name
from claude_nb.session import options
from claude_nb.types.request import Message, Request, Usage
from claude_nb.types.settings import Sampling

TABLE = Models()
TABLE_FILE = json.loads(Path(models.__file__).with_name("models.json").read_text(encoding="utf-8"))
ROWS = list(TABLE.table.values())
SPELLINGS = [name for row in ROWS for name in (row.name, *row.aliases, *row.ids.values())]
PROVIDERS = ["aimlapi", "anthropic", "openai-compatible", "local", "demo"]


def request(model: str, **sampling: Any) -> Request:
    return Request("aimlapi", model, (Message("user", "Hi"),), sampling=Sampling(**sampling))


# The table

NAMES = ("name", "label", "ids", "aliases", "other_ids", "note")
# What each name under "source" is the source of. The prices of a provider have one of their own.
FIGURES = {
    "limits": ("context", "max_output", "accepts", "ranges", "either", "prefill", "structured", "restricted"),
    "thinking": ("thinking", "thinks", "effort", "quiet_up_to", "hides_thinking"),
    "most_parts": ("most_parts",),
    "server_tools": ("server_tools",),
    "retires": ("retires", "successor"),
    "fast": ("fast",),
}


def test_every_figure_has_a_source_with_a_date() -> None:
    checked, sources = date.fromisoformat(TABLE_FILE["checked"]), TABLE_FILE["sources"]
    assert all(re.match(r"https://|claude_nb/", source["where"]) for source in sources.values())
    assert all(date.fromisoformat(source["date"]) <= checked for source in sources.values())
    for row in TABLE_FILE["models"]:
        figures = {name for name, fields in FIGURES.items() if any(row.get(field) for field in fields)}
        assert figures | row["prices"].keys() <= row["source"].keys(), row["name"]
        assert set(row["source"].values()) <= sources.keys(), row["name"]
        assert row["label"]
        assert row.keys() <= {*NAMES, "prices", "source", *(field for fields in FIGURES.values() for field in fields)}
    assert {source for row in TABLE_FILE["models"] for source in row["source"].values()} == sources.keys()


RELEASE = re.compile(r"^## (\d+\.\d+\.\d+)(?: \((\d{4}-\d\d-\d\d)\))?$", re.MULTILINE)
MOST_DAYS = 120


def age_at_release(changelog: str, checked: str) -> int:
    """Return how many days old the table was at the newest release. A release without a date is an error.

    Only a release makes it count, so that no test fails because a year has passed.
    """
    version, day = RELEASE.findall(changelog)[0]
    assert day, f"write the date of {version} into CHANGELOG.md: ## {version} (YYYY-MM-DD)"
    return (date.fromisoformat(day) - date.fromisoformat(checked)).days


def test_the_table_is_at_most_120_days_old_at_the_newest_release() -> None:
    changelog = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
    assert age_at_release(changelog, TABLE_FILE["checked"]) <= MOST_DAYS
    assert RELEASE.findall(changelog)[0][0] == __version__


def test_a_stale_table_cannot_be_released() -> None:
    log = "# Changes\n\n## Unreleased\n\n- New.\n\n## 0.2.0 (2027-03-29)\n\n## 0.1.0 (2026-11-22)\n"
    assert age_at_release(log, "2026-11-29") == 120
    assert age_at_release(log.replace("03-29", "03-30"), "2026-11-29") > MOST_DAYS
    with pytest.raises(AssertionError, match="write the date"):
        age_at_release("## 0.2.0\n", "2026-11-29")


def test_a_successor_and_the_meaning_of_an_alias_are_models_that_stay() -> None:
    gone = {row.name for row in ROWS if row.retires}
    successors = {*TABLE_FILE["retired"].values(), *(row.successor for row in ROWS if row.retires)}
    pinned = {name for words in TABLE_FILE["pinned"].values() for name in words.values()}
    assert (successors | pinned) <= TABLE.table.keys() - gone
    assert not TABLE_FILE["retired"].keys() & TABLE.table.keys()


def test_every_name_leads_to_one_model_only() -> None:
    owners: dict[str, set[str]] = {}
    for row in ROWS:
        for name in (row.name, *row.aliases, *row.ids.values()):
            owners.setdefault(name, set()).add(row.name)
    assert {name: rows for name, rows in owners.items() if len(rows) > 1} == {}


def test_the_table_knows_only_fields_that_there_are() -> None:
    for row in ROWS:
        assert row.accepts is not None
        named = {*row.accepts, *row.ranges, *(name for group in row.either for name in group)}
        assert named <= set(options.SAMPLING_NAMES)
        assert set(row.ids) | set(row.prices) <= set(PROVIDERS)


@pytest.mark.parametrize(
    "name",
    ["anthropic/claude-sonnet-4.6", "anthropic/claude-sonnet-4-6-20260218", "sonnet", "Sonnet", "Claude-Sonnet-4.6"],
)
def test_a_model_is_found_by_any_of_its_spellings(name: str) -> None:
    assert TABLE.spec(name).name == "claude-sonnet-4-6"


# Resolving


@pytest.mark.parametrize(
    ("model", "provider", "sent"),
    [
        ("sonnet", "aimlapi", "anthropic/claude-sonnet-4.6"),
        ("sonnet", "anthropic", "claude-sonnet-5-5"),
        ("anthropic/claude-sonnet-4.6", "anthropic", "claude-sonnet-4-6"),
        ("claude-sonnet-4-6", "aimlapi", "anthropic/claude-sonnet-4.6"),
        ("anthropic/claude-sonnet-4-6-20260218", "aimlapi", "anthropic/claude-sonnet-4-6-20260218"),
        ("claude-sonnet-4-6-20260218", "anthropic", "claude-sonnet-4-6-20260218"),
        ("llama3.2:3b", "openai-compatible", "llama3.2:3b"),
        ("anthropic/claude-sonnet-4.6", "openai-compatible", "anthropic/claude-sonnet-4.6"),
        ("gpt-9", "aimlapi", "gpt-9"),
        ("demo", "demo", "demo"),
        ("smollm2", "local", "smollm2-135m-instruct"),
        ("SmolLM2-135M-Instruct", "local", "smollm2-135m-instruct"),
        ("sonnet", "local", "sonnet"),
        ("/models/Big.Q4.gguf", "local", "/models/Big.Q4.gguf"),
    ],
)
def test_a_model_is_sent_under_the_id_of_its_provider(model: str, provider: str, sent: str) -> None:
    assert TABLE.resolve(model, provider) == sent


@given(st.sampled_from(SPELLINGS) | st.text(max_size=30), st.sampled_from(PROVIDERS))
def test_resolving_twice_changes_nothing_more(model: str, provider: str) -> None:
    once = TABLE.resolve(model, provider)
    assert TABLE.resolve(once, provider) == once
    assert TABLE.spec(once, provider).name in (TABLE.spec(model, provider).name, once)


@given(st.text(max_size=30))
def test_a_plain_name_stays_unchanged(model: str) -> None:
    name = plain_name("anthropic/claude-sonnet-4.6-20260218")
    assert name == "claude-sonnet-4-6" == plain_name(name)
    assert isinstance(plain_name(model), str)


# What a model takes


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_request_without_settings_suits_every_model(name: str) -> None:
    TABLE.check(request(name))


@pytest.mark.parametrize(
    ("model", "sampling", "message"),
    [
        ("sonnet", {"temperature": 0.5, "top_p": 0.9}, "takes temperature or top_p, not both; leave one out"),
        ("sonnet", {"temperature": 1.5}, "temperature goes from 0 to 1 on Claude Sonnet 4.6, not 1.5"),
        ("sonnet", {"max_tokens": 128_001}, "max_tokens goes from 1 to 128000"),
        ("sonnet", {"seed": 1}, "takes no seed; leave it out"),
        ("opus-4.7", {"temperature": 1}, "Claude Opus 4.7 takes no temperature; leave it out"),
        ("opus", {"top_p": 0.5}, "takes no top_p"),
        ("haiku", {"top_k": 5}, "takes no top_k"),
        ("anthropic/claude-opus-4-7-20260416", {"temperature": 1}, "takes no temperature"),
        ("demo", {"temperature": 2.5}, "goes from 0 to 2"),
    ],
)
def test_settings_that_a_model_refuses_raise_before_sending(model: str, sampling: Any, message: str) -> None:
    with pytest.raises(PromptError, match=message) as caught:
        TABLE.check(request(model, **sampling))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "sampling"),
    [
        ("sonnet", {"temperature": 0}),
        ("sonnet", {"temperature": 1, "top_k": 5, "max_tokens": 128_000, "stop_sequences": ("a",)}),
        ("sonnet", {"top_p": 0.9, "top_k": 5}),
        ("opus", {"max_tokens": 10, "stop_sequences": ("a",)}),
        ("demo", {"temperature": 2, "top_p": 0.5, "top_k": 3, "seed": 7}),
        ("gpt-9", {"temperature": 2, "top_p": 0.5, "top_k": 3, "seed": 7, "max_tokens": 10**7}),
    ],
)
def test_accepted_settings_pass_and_an_unknown_model_refuses_nothing(model: str, sampling: Any) -> None:
    TABLE.check(request(model, **sampling))


def test_the_advice_of_a_refusal_is_true() -> None:
    for row in ROWS:
        for name in options.SAMPLING_NAMES:
            reason = row.refusal(name)
            advice = (reason or "").partition(";")[2]
            if "sonnet-4.6" in advice:
                assert TABLE.spec("sonnet-4.6").refusal(name) is None
            if "demo" in advice:
                assert TABLE.spec("demo").refusal(name) is None
            if "-p local" in advice:
                assert TABLE.spec("smollm2", "local").refusal(name) is None


# Money


def test_a_price_is_dollars_per_million_tokens() -> None:
    price = Price(3, 15, cache_read=0.3, cache_write=3.75)
    assert price.cost_usd(Usage(1_000_000, 100_000)) == pytest.approx(4.5)
    assert price.cost_usd(Usage(1_000, 0, cache_read_tokens=600, cache_write_tokens=300)) == pytest.approx(
        (100 * 3 + 600 * 0.3 + 300 * 3.75) / 1e6
    )


def test_cached_tokens_without_a_price_of_their_own_cost_as_much_as_others() -> None:
    assert Price(3, 15).cost_usd(Usage(1_000, 0, cache_read_tokens=1_000)) == pytest.approx(0.003)


def test_a_long_prompt_may_have_another_price() -> None:
    price = Price(1, 2, above=100, then=Price(10, 20))
    assert price.cost_usd(Usage(100, 1)) == pytest.approx(102 / 1e6)
    assert price.cost_usd(Usage(101, 1)) == pytest.approx(1030 / 1e6)


@pytest.mark.parametrize("usage", [Usage(), Usage(input_tokens=5), Usage(output_tokens=5)])
def test_an_unknown_count_makes_the_cost_unknown_and_never_zero(usage: Usage) -> None:
    assert Price(3, 15).cost_usd(usage) is None


def test_a_model_or_provider_without_a_price_has_none() -> None:
    assert TABLE.price("gpt-9", "aimlapi") is None
    assert TABLE.price("sonnet", "openai-compatible") is None
    assert TABLE.price("demo", "demo") == Price(0, 0)


# The user's own rows


def test_the_users_own_rows_replace_rows_of_the_table() -> None:
    own = {
        "name": "claude-sonnet-4-6",
        "aliases": ["mine"],
        "accepts": ["temperature"],
        "prices": {"aimlapi": {"input": 1, "output": 2}},
    }
    table = Models([own, {"name": "llama"}])
    assert table.spec("mine").refusal("top_k")
    assert table.price("mine", "aimlapi") == Price(1, 2)
    assert not table.spec("llama").known
    assert Models().spec("mine").known is False


@pytest.mark.parametrize("row", [{}, {"name": "x", "prices": {"p": {"inptu": 1}}}, {"name": "x", "ranges": {"t": 3}}])
def test_a_bad_row_raises(row: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Models([row])


def test_a_required_max_tokens_is_one_that_the_model_takes() -> None:
    for row in ROWS:
        assert row.refusal("max_tokens", TABLE.default_max_tokens(row.name)) is None
    assert TABLE.default_max_tokens("gpt-9") == 8_192

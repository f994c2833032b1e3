from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import PromptError
from claude_nb.session import options
from claude_nb.session.options import BY_NAME, OPTIONS, SAMPLING_NAMES

ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers())


def refused(work: Callable[[], Any]) -> tuple[Any, str]:
    """Return the value and "", or None and the error message."""
    try:
        return work(), ""
    except PromptError as error:
        return None, str(error)


@given(st.sampled_from(sorted(BY_NAME)), ANYTHING)
def test_any_value_is_accepted_or_refused_in_one_line(name: str, value: Any) -> None:
    checked, line = refused(lambda: options.check(name, value))
    assert line == "" or (name in line and "\n" not in line)
    assert options.check(name, checked) == checked


@given(st.sampled_from(sorted(BY_NAME)), st.text(alphabet=st.characters(codec="utf-8")))
def test_any_text_is_read_or_refused_in_one_line(name: str, text: str) -> None:
    _, line = refused(lambda: options.read(BY_NAME[name], text))
    assert "\n" not in line


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("temperature", 1, 1.0),
        ("temperature", np.float32(0.5), 0.5),
        ("temperature", np.int64(1), 1.0),
        ("top_k", np.int64(5), 5),
        ("top_p", 1, 1.0),
        ("seed", -1, -1),
        ("stop_sequences", "END", ("END",)),
        ("stop_sequences", ["a", "b"], ("a", "b")),
        ("stop_sequences", [], None),
        ("timeout", 5, 5.0),
        ("system", "", ""),
        ("temperature", None, None),
    ],
)
def test_values_are_converted_to_one_type(name: str, value: Any, kept: Any) -> None:
    checked = options.check(name, value)
    assert (checked, type(checked)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", True, "must be a number, not True"),
        ("temperature", "0.5", "must be a number, not '0.5'"),
        ("temperature", float("inf"), "finite number"),
        ("temperature", 10**400, "finite number"),
        ("top_k", 2.0, "must be a whole number"),
        ("seed", 2**63, "below 2"),
        ("max_tokens", 0, "at least 1, not 0; leave it out"),
        ("top_p", 0, "above 0 and at most 1"),
        ("stop_sequences", ["a", ""], "not empty"),
        ("stop_sequences", 5, "must be strings"),
        ("stop_sequences", [5], "must be strings"),
        ("timeout", 0, "above 0 seconds"),
        ("timeout", float("nan"), "finite number"),
        ("system", 5, "must be a string, not 5"),
        ("model", ["sonnet"], "must be a string"),
    ],
)
def test_a_value_that_no_model_accepts_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        options.check(name, value)


def test_a_huge_wrong_value_is_shown_in_part() -> None:
    with pytest.raises(PromptError) as caught:
        options.check("system", ["x" * 10_000])
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_is_found_by_every_spelling(option: options.Option) -> None:
    for name in (option.name, option.name.replace("_", "-"), *option.flags, f"--{option.name}"):
        assert options.find(name) is option


def test_an_unknown_option_suggests_a_similar_one() -> None:
    with pytest.raises(PromptError, match="did you mean temperature"):
        options.find("temprature")
    with pytest.raises(PromptError, match="/help"):
        options.find("zzz")


def test_sliders_have_an_allowed_range_and_a_step() -> None:
    for name in SAMPLING_NAMES:
        option = BY_NAME[name]
        if option.kind is str:
            continue
        assert option.low is not None
        assert option.high is not None
        assert option.step
        assert options.check(name, option.kind(option.low)) == option.low  # type: ignore[misc]  # kind is int or float here
        assert options.check(name, option.kind(option.high)) == option.high  # type: ignore[misc]


def test_every_option_has_a_help_text_and_names_its_value() -> None:
    for option in OPTIONS:
        assert option.help
        assert bool(option.metavar) == (option.kind is not None)


def test_sampling_fields_are_settings() -> None:
    assert {option.name for option in options.SETTINGS} >= set(SAMPLING_NAMES)

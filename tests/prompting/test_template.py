from __future__ import annotations

import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import PromptError
from claude_nb.prompting.template import fill, named


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hi {{who}}", "Hi Ada"),
        ("{{ who }}!", "Ada!"),
        ("{{{who}}}", "{Ada}"),
        ("{{rows[0]}} {{rows[-1]}}", "a b"),
        ("{{d[\"key\"]}}{{d['key']}}", "vv"),
        ("{{box.size}}", "3"),
        ("{{d['list'][1]}}", "y"),
        (r"\{{who}} and \{{nobody}}", "{{who}} and {{nobody}}"),
    ],
)
def test_names_attributes_and_indexes_are_filled(text: str, filled: str) -> None:
    variables = {
        "who": "Ada",
        "rows": ["a", "b"],
        "d": {"key": "v", "list": "xyz"},
        "box": types.SimpleNamespace(size=3),
    }
    assert fill(text, variables).text == filled


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": {"c": [1, {}]}}',
        '{"a":{"b":1}}',
        "f'{x} {y!r:>10} {{literal}}'".replace("{{literal}}", "{ literal }"),
        r"\frac{1}{2} $x$ ${x} $5 and $6",
        "{name} {} {{}} {{ }} {{1}} {{a b}} {{a + b}} {{'a'}} {{-x}}",
        "{%% for x in y %%} {# comment #}",
        "a lone { and a lone }",
    ],
)
def test_everything_else_stays_unchanged(text: str) -> None:
    assert fill(text, {"x": "WRONG", "name": "WRONG", "a": "WRONG"}).text == text


def test_filled_in_text_is_not_filled_again() -> None:
    assert fill("{{row}}", {"row": "with {{secret}} inside", "secret": "s3cret"}).text == "with {{secret}} inside"


@given(st.text())
def test_any_value_arrives_unchanged(value: str) -> None:
    assert fill("<{{value}}>{{value}}", {"value": value}).text == f"<{value}>{value}"


@given(st.text(alphabet=st.characters(exclude_characters="{}\\")))
def test_any_text_without_double_braces_is_untouched(text: str) -> None:
    assert fill(text, {}).text == text


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(PromptError, match=r"no variable 'nme'.*did you mean name"):
        fill("Hi {{nme}}", {"name": "Ada"})


def test_an_unknown_name_without_near_ones_says_how_to_send_it() -> None:
    with pytest.raises(PromptError, match=r"\\\{\{zzz\}\} to send it"):
        fill("{{zzz}}", {"name": "Ada"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{f()}}", "calls no functions"),
        ("{{f(1, 2)}}", "calls no functions"),
        ("{{f}}", "is a function"),
        ("{{__name__}}", "two underscores"),
        ("{{s.__class__}}", "two underscores"),
        ("{{s.__class__.__subclasses__}}", "two underscores"),
        ("{{s.nothing}}", "AttributeError"),
        ("{{rows[9]}}", "IndexError"),
        ("{{d['nope']}}", "KeyError"),
    ],
)
def test_calls_dunders_and_missing_parts_are_one_line(text: str, message: str) -> None:
    variables = {"f": len, "s": "text", "rows": [1], "d": {}, "__name__": "x"}
    with pytest.raises(PromptError, match=message) as caught:
        fill(text, variables)
    assert "\n" not in str(caught.value)


def test_a_property_that_raises_is_one_line_and_not_a_traceback() -> None:
    class Broken:
        @property
        def size(self) -> int:
            raise RuntimeError("no size")

    with pytest.raises(PromptError, match="RuntimeError: no size") as caught:
        fill("{{b.size}}", {"b": Broken()})
    assert caught.value.__context__ is None


def test_a_long_explanation_of_somebody_else_becomes_one_line() -> None:
    class Wordy:
        def __getitem__(self, index: int) -> None:
            raise ValueError("first line\n\nsecond " + "x" * 5000)

    with pytest.raises(PromptError, match="ValueError: first line second x") as caught:
        fill("{{w[0]}}", {"w": Wordy()})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_backslash_before_a_name_is_part_of_a_path() -> None:
    assert named(r"C:\data\{{year}}\{{name}}.csv", {"year": 2026, "name": "a"}) == r"C:\data\2026\a.csv"
    assert fill(r"C:\data\{{year}}", {"year": 2026}).text == r"C:\data{{year}}"

from __future__ import annotations

import pytest

from claude_nb.errors import PromptError
from claude_nb.notebook import arguments
from claude_nb.session import options


@pytest.mark.parametrize(
    ("line", "typed", "rest"),
    [
        ("Why is the sky blue?", {}, "Why is the sky blue?"),
        ("-t 0.2 Why?", {"temperature": "0.2"}, "Why?"),
        ("-t0.2 Why?", {"temperature": "0.2"}, "Why?"),
        ("--temperature=0.2 Why?", {"temperature": "0.2"}, "Why?"),
        ("--top-p .9 --top-k 5 -n 20 hi", {"top_p": ".9", "top_k": "5", "max_tokens": "20"}, "hi"),
        ("--max_tokens 20 hi", {"max_tokens": "20"}, "hi"),
        (r'--stop "\n" --stop END hi', {"stop_sequences": ["\n", "END"]}, "hi"),
        ("-s 'Be brief.' hi", {"system": "Be brief."}, "hi"),
        ("-s {{rules}} hi", {"system": "{{rules}}"}, "hi"),
        ("--dry-run hi", {"dry_run": True}, "hi"),
        ("-- --not-an-option", {}, "--not-an-option"),
        ("- a list item", {}, "- a list item"),
        ("-5 + 3?", {}, "-5 + 3?"),
        ('say "it\'s -t 3" to me', {}, 'say "it\'s -t 3" to me'),
        ("", {}, ""),
    ],
)
def test_options_come_first_and_the_rest_is_the_prompt(line: str, typed: dict[str, object], rest: str) -> None:
    assert arguments.parse(line) == (typed, rest)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--temprature 1 hi", "did you mean temperature"),
        ("-z hi", "-- before a prompt"),
        ("-t", "-t needs a value: -t T"),
        ("--model", "needs a value"),
    ],
)
def test_a_wrong_option_says_what_to_do(line: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        arguments.parse(line)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("temperature", "warm", "takes a number, not 'warm'"),
        ("top_k", "1.5", "takes a whole number"),
        ("top_k", "-1", "top_k must be at least 1"),
        ("top_p", "0", "top_p must be above 0"),
        ("top_p", "1.1", "top_p must be above 0 and at most 1"),
        ("temperature", "-0.1", "temperature must be at least 0"),
        ("temperature", "nan", "must be a finite number"),
        ("max_tokens", "0", "max_tokens must be at least 1"),
    ],
)
def test_a_value_out_of_range_is_one_line(name: str, text: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        options.read(options.BY_NAME[name], text)


def test_pairs_of_set_may_be_quoted() -> None:
    assert arguments.pairs('temperature=0.2 system="Be brief." stop=END') == [
        ("temperature", "0.2"),
        ("system", "Be brief."),
        ("stop", "END"),
    ]


def test_every_option_is_in_the_help() -> None:
    text = arguments.help_text("claude")
    assert all(flag in text for option in options.OPTIONS for flag in option.flags)


def test_no_two_options_share_a_flag() -> None:
    flags = [flag for option in options.OPTIONS for flag in option.flags]
    assert len(flags) == len(set(flags))

from __future__ import annotations

import base64
import copy
import pickle
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import ConfigError
from claude_nb.providers.keys import Key, origin_of
from claude_nb.safe_text.redaction import looks_like_key, redact

SECRET = "0123456789abcdef0123456789ABCDEF"
WHOLE = [
    "sk-ant-api03-" + "aB3_" * 12,
    "sk-proj-" + "aB3-" * 12,
    "sk-" + "a1B2" * 12,
    "sk-or-v1-" + "0f" * 32,
    "sk-" + "aB3_" * 5 + "xy",
    "ghp_" + "a1B2" * 9,
    "AKIA" + "A1B2" * 4,
    "AIza" + "a1B2" * 9,
    "hf_" + "a1B2" * 8,
]


def key(value: str = SECRET) -> Key:
    return Key(value, origin="https://a.b", found="environment variable X")


def test_a_key_shows_where_it_was_found_and_no_part_of_its_value() -> None:
    for shown in (repr(key()), str(key()), f"{key()}", f"{key()!r:>80}", repr([key()]), repr(dir(key()))):
        assert not any(SECRET[i : i + 4] in shown for i in range(len(SECRET) - 4))
    assert repr(key()) == "<key from environment variable X, for https://a.b>"
    assert key().reveal() == SECRET


def test_a_key_cannot_be_pickled_or_copied() -> None:
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            attempt(key())
    with pytest.raises(TypeError):
        vars(key())


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.b/v1", "https://a.b"),
        ("HTTPS://A.B:443/v1?x#y", "https://a.b"),
        ("http://a.b:80", "http://a.b"),
        ("http://a.b:443", "http://a.b:443"),
        ("https://a.b:8443/v1", "https://a.b:8443"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
        ("https://user:pass@a.b/", "https://a.b"),
        ("https://a.b@evil.c/", "https://evil.c"),
        ("https://a.b.evil.c/", "https://a.b.evil.c"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["https://a.b:port/v1", "https://a.b:99999", "http://[::1"])
def test_a_malformed_address_is_one_line(url: str) -> None:
    with pytest.raises(ConfigError, match="is not an address"):
        origin_of(url)


@pytest.mark.parametrize("text", WHOLE)
def test_keys_are_recognized_by_their_format(text: str) -> None:
    for around in (text, f"key={text}", f'"{text}"', f"Bearer {text}", f"see\n{text}."):
        assert looks_like_key(around)
        assert text not in redact(around)


@pytest.mark.parametrize(
    "text",
    [
        "task-oriented-programming-languages-2023",
        "a risk-adjusted-return-on-capital-model",
        '<div class="sk-toggleable__content-arrow sk-estimator-id-1">',
        "sk-learn",
        "desk-12345678901234567890",
        "0123456789abcdef0123456789abcdef",
        "the bearer of good news",
    ],
)
def test_ordinary_words_are_not_keys(text: str) -> None:
    assert not looks_like_key(text)
    assert redact(text) == text


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_known_key_never_survives_redaction(before: str, after: str) -> None:
    key()
    for spelling in (SECRET, SECRET[:12], SECRET[5:20], base64.b64encode(SECRET.encode()).decode()):
        assert spelling not in redact(f"{before}{spelling}{after}")


def test_a_key_is_found_in_every_spelling() -> None:
    odd = "pass/word+with=signs&more"
    key(odd), key()
    assert redact(f"k={quote(odd, safe='')}") == "k=[key]"
    assert redact(f"{odd}!") == "[key]!"
    assert redact("starts with 0123456789... ok") == "starts with [key]... ok"


def test_a_short_key_does_not_blot_out_ordinary_words() -> None:
    key("ollama"), key("not-needed")
    assert redact("ask ollama, it is not-needed") == "ask ollama, it is not-needed"


def test_text_without_a_key_stays_unchanged() -> None:
    key("completely-different-secret")
    text = "Rate limit reached for model anthropic/claude-sonnet-4.6, try again in 2 s (01234567)"
    assert redact(text) == text

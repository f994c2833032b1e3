from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import ClaudeError
from claude_nb.safe_text import redaction
from claude_nb.safe_text.redaction import held_back, looks_like_key, redact, redact_known, remember
from tests.helpers.spellings import SECRET, SPELLINGS, leaks


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_known_key_is_masked_in_every_spelling(name: str) -> None:
    remember(SECRET)
    for around in ("{}", "the key {} is wrong", '{{"{}": 1}}', "<b>{}</b>", "a%20b&amp;\\u0041 {} \\n"):
        masked = redact_known(around.format(SPELLINGS[name]))
        assert leaks(masked) == []
        assert redaction.MASK in masked


@pytest.mark.parametrize("name", [name for name in SPELLINGS if not name.startswith(("its", "all but"))])
def test_a_prompt_with_a_key_in_any_spelling_is_recognized(name: str) -> None:
    remember(SECRET)
    assert redaction.holds_known(f"my key is {SPELLINGS[name]}, why?")


@given(st.text(max_size=30), st.sampled_from(sorted(SPELLINGS)), st.text(max_size=30))
def test_only_the_key_changes(before: str, name: str, after: str) -> None:
    remember(SECRET)
    written = SECRET if name.startswith("its") else SPELLINGS[name]
    masked = redact_known(f"{before}\n{written}\n{after}")
    assert masked.startswith(redact_known(before))
    assert masked.endswith(redact_known(after))


@pytest.mark.parametrize(
    "text",
    [
        "Keys of Anthropic begin with sk-ant-api03- and those of OpenAI with sk-proj-.",
        "print('sk-canary-')  # the beginning of my key, which is no secret",
        "anthropic-proxy-token",
        "0123456789 and 7Q4z",
        "&amp; %20 \\u0041 \\n &#65;",
        "İstanbul ẞ 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    ],
)
def test_what_a_key_shares_with_other_texts_is_not_masked(text: str) -> None:
    for key in (SECRET, "sk-ant-api03-Xy12Zz98QqRr77TtVv", "not-needed", "ollama"):
        remember(key)
    assert redact_known(text) == text


def test_nothing_is_masked_before_a_key_is_known() -> None:
    assert redact_known(SECRET) == SECRET


def test_a_key_with_letters_that_change_their_length_in_small_is_found() -> None:
    remember("İİİİ-0123456789-abcdef")
    assert redact_known("x İİİİ-0123456789-abcdef y") == "x [key] y"


def test_the_end_of_a_text_that_may_be_the_beginning_of_a_key_is_held_back() -> None:
    remember(SECRET)
    places = {"so sk-cana": 3, "so s": 3, "so": 2, "a 7Q4zP0": 2, "a &#11": 2, "no \\u00": 3, "": 0}
    places |= {"a \\U000000": 2, "a \\u{00": 2, "a %u00": 2, "a &#x00007": 2, "a \\16": 2, "a \ufe0f": 2, "a \0": 2}
    for text, at in places.items():
        assert held_back(text) == at
    assert held_back("z", "4") == 1
    assert held_back("x", "P0") == 0  # the middle of the key, whose first characters are gone


@pytest.mark.parametrize("text", ["sk-learn", "sk-toggleable__content-arrow", "task-oriented-programming-2023"])
def test_a_word_is_not_a_key(text: str) -> None:
    assert not looks_like_key(text)
    assert redact(text) == text


def test_an_error_quotes_no_key_and_no_control_character() -> None:
    remember(SECRET)
    texts = (SECRET, "sk-a1b2c3d4e5f6a1b2c3d4e5f6", f"https://user:{SECRET}@host/v1", "https://ada:hunter2@host/v1")
    for text in texts:
        shown = str(ClaudeError(f"{text!r} is not a number"))
        assert leaks(shown) == []
        assert "[key]" in shown
        assert "hunter2" not in shown
    assert str(ClaudeError("a\x1b]52;c;eA==\x07\u202e\x9b")) == "a␛]52;c;eA==␇\ufffd\ufffd"


def test_the_text_around_a_key_in_base64_stays() -> None:
    remember(SECRET)
    data = base64.b64encode(b"a picture " * 20 + SECRET.encode() + b" goes on" * 20).decode()
    before, after = redact_known(data).split("[key]")
    assert data.startswith(before)
    assert data.endswith(after)
    assert len(before) > 260

"""The tokens of a reply: their texts are its text, whatever the server sent beside it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.token import Alternative, Token, probability
from claude_nb.types.tokens import Tokens, fitted, joined

ASK = Request("demo", "demo", (Message("user", "Hi"),), logprobs=2)
PIECES = st.lists(st.text(st.sampled_from("ab \n\u00e9\U0001f642\ufffd\u2581"), max_size=3), max_size=12)


def tokens(*texts: str) -> list[Token]:
    return [Token(text, 0.5) for text in texts]


def texts(found: Tokens | None) -> list[str]:
    return [token.text for token in found or ()]


@given(PIECES, PIECES, st.text("ab \n\u00e9\U0001f642", max_size=12))
def test_tokens_are_none_or_make_up_the_text(before: list[str], after: list[str], text: str) -> None:
    found = fitted(tokens(*before, *after), text, 5)

    assert found is None or "".join(texts(found)) == text


@given(PIECES)
def test_tokens_that_are_the_text_stay_as_they_are(pieces: list[str]) -> None:
    text = "".join(pieces)

    found = fitted(tokens(*pieces), text, 5)

    assert (found is None) == (not text)
    assert not text or "".join(texts(found)) == text
    assert all(token.probability == 0.5 for token in found or ())


@given(PIECES, PIECES, PIECES)
def test_what_stands_around_the_text_is_left_out(before: list[str], inside: list[str], after: list[str]) -> None:
    text = f"<{''.join(inside)}>"
    all_of_it = tokens(*before, "<", *inside, ">", *after)

    found = fitted(all_of_it, text, 5)

    assert "".join(texts(found)) == text
    assert all(token.probability == 0.5 for token in found or ())


@pytest.mark.parametrize(
    ("sent", "text", "expected"),
    [
        (["One", " two", " END", "x"], "One two", ["One", " two"]),  # a stop sequence
        (["One", " twoEND"], "One two", ["One", " two"]),  # a stop sequence in a token
        (["<think>", "One", "</think>", "\n\n", "One", " two", "<eos>"], "One two", ["One", " two"]),
        ([" One", " two"], "One two", ["One", " two"]),  # a server that strips the text
        (["\u2581One", "\u2581two", "\u010a"], " One two\n", [" One", " two", "\n"]),
        (["One"], "One two", ["One", " two"]),  # the rest is unknown
        (["two"], "One two", ["One ", "two"]),
        (["One", "x", "y", " two", " six"], "One two six", ["One", " two", " six"]),
        (["", "", "\u00e9", ""], "\u00e9", ["", "", "\u00e9"]),  # half characters; the end
        (["\ufffd", "\ufffd"], "\u00e9", ["", "\u00e9"]),
        (["a", "\ufffd", "b"], "a\u00e9b", ["a", "\u00e9", "b"]),
        (["a", "\ufffd"], "a\ufffd", ["a", "\ufffd"]),  # the model wrote the sign itself
        (["a"] * 3, "aaa", ["a", "a", "a"]),
    ],
)
def test_tokens_are_found_in_the_text(sent: list[str], text: str, expected: list[str]) -> None:
    assert texts(fitted(tokens(*sent), text, 5)) == expected


def test_a_short_text_is_not_found_in_the_thinking_or_in_the_sign_for_the_end() -> None:
    def place(text: str, *sent: str) -> float | None:
        found = fitted([Token(one, (number + 1) / 100) for number, one in enumerate(sent)], text, 5)
        assert found is not None
        assert "".join(texts(found)) == text
        return found[0].probability

    assert place("a", "a", "<|assistant|>") == 0.01
    assert place("4", "<think>", "4", "</think>", "4", "<|eot4|>") == 0.04
    assert place("4.", "4", ".", " So", "</think>", "4", ".END") == 0.05  # the stop sequence cuts a token
    assert place("4", "4</think>", " 4") == 0.02


def test_the_places_that_are_looked_at_are_bounded() -> None:
    found = fitted(tokens("x", *["aa"] * 3000), "a" * 2999, 5)

    assert "".join(texts(found)) == "a" * 2999


@pytest.mark.parametrize(
    ("sent", "text"), [([], "One"), (["x"], ""), (["x", "y"], "One"), (["token_id:7"] * 40, "One two"), ([""], "One")]
)
def test_nothing_known_is_none(sent: list[str], text: str) -> None:
    assert fitted(tokens(*sent), text, 5) is None


def test_a_piece_that_no_token_covers_has_no_probability() -> None:
    found = fitted(tokens("(note)", "One"), "One two", 5)

    assert found == (Token("One", 0.5), Token(" two"))
    assert found[1].surprise is None
    assert found.surprise == 1.0  # the mean of the known ones


def test_the_work_is_linear_in_hostile_tokens() -> None:
    class Counted(str):
        finds = 0

        def find(self, *args: object) -> int:  # type: ignore[override]
            Counted.finds += 1
            return super().find(*args)  # type: ignore[arg-type]

    sent = tokens(*["a", "b"] * 2000)

    fitted(sent, Counted("ab" * 1000 + "c" + "ba" * 1000), 5)

    assert Counted.finds <= 16 * len(sent)


def test_no_more_alternatives_are_kept_than_were_asked_for() -> None:
    token = Token("a", 0.5, tuple(Alternative(text, 0.1) for text in "abcde"))

    assert [len(found.alternatives) for found in fitted([token], "a", 2) or ()] == [2]
    assert [len(found.alternatives) for found in fitted([token], "a", 0) or ()] == [0]


def test_joined_texts_keep_what_is_known_of_each() -> None:
    first = Tokens(tokens("1", " + ", "1"))

    assert joined(("1", first), (" two", None)) == (Token("1", 0.5), Token(" two"))
    assert joined(("", first), ("a", Tokens(tokens("a")))) == tuple(tokens("a"))
    assert joined(("1 + ", first), ("", None)) == tuple(tokens("1", " + "))
    assert joined(("1", None), ("2", None)) is None


def test_a_reply_with_tokens_reads_back_from_json() -> None:
    found = Tokens([Token("Hi", 0.5, (Alternative("Hi", 0.5), Alternative("Yo"))), Token("!")])
    reply = Reply(ASK, text="Hi!", tokens=found)

    read = Reply.from_dict(json.loads(json.dumps(reply.to_dict(), allow_nan=False)))

    assert read == reply
    assert isinstance(read.tokens, Tokens)
    assert "tokens" not in Reply(ASK, text="Hi!").to_dict()


@pytest.mark.parametrize("damage", [{}, [{}], [{"text": 1}], "x", [{"text": "a", "probability": -1}], [None]])
def test_damaged_tokens_are_refused_with_their_path(damage: object) -> None:
    data = Reply(ASK, text="Hi!").to_dict() | {"tokens": damage}

    with pytest.raises(ValueError, match="tokens: "):
        Reply.from_dict(data)


def test_a_request_without_logprobs_keeps_its_key() -> None:
    assert "logprobs" not in Request("demo", "demo", ASK.messages).to_dict()
    assert Request("demo", "demo", ASK.messages, logprobs=0).key != Request("demo", "demo", ASK.messages).key


@pytest.mark.parametrize(("logprob", "p"), [(0.0, 1.0), (math.log(0.25), 0.25), (-50, 1.92874985e-22)])
def test_a_logarithm_becomes_a_probability_with_nine_digits(logprob: float, p: float) -> None:
    assert probability(logprob) == p


def test_tokens_become_a_table() -> None:
    frame = Tokens([Token("Hi", 0.25, (Alternative("Hi", 0.25), Alternative("Yo"))), Token("!")]).to_pandas()

    assert list(frame["text"]) == ["Hi", "!"]
    assert frame["surprise"][0] == 2.0
    assert frame["alternatives"][0] == {"Hi": 0.25, "Yo": None}

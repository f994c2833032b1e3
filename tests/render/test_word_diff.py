"""The difference of two texts, word by word: complete, escaped, and bounded in time."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.render import word_diff
from claude_nb.render.word_diff import WordDiff

PROSE = st.lists(st.sampled_from(["a ", "b ", "\n", "ä", "  ", "<i>"])).map("".join)


@given(PROSE, PROSE)
def test_both_texts_can_be_read_from_the_parts(before: str, after: str) -> None:
    parts = WordDiff(before, after).parts
    assert "".join(text for kind, text in parts if kind != "added") == before
    assert "".join(text for kind, text in parts if kind != "removed") == after


def test_what_stays_is_not_marked() -> None:
    assert WordDiff("a red cat", "a blue cat").parts == [
        ("same", "a "),
        ("removed", "red "),
        ("added", "blue "),
        ("same", "cat"),
    ]
    assert WordDiff("same", "same").parts == [("same", "same")]
    assert WordDiff("", "").parts == []


def test_hostile_texts_stay_text() -> None:
    shown: Any = WordDiff("<script>x</script>\x1b[2J", "<img onerror=x>", "<b>title</b>")._repr_mimebundle_()
    assert "<script" not in shown["text/html"]
    assert "<img" not in shown["text/html"]
    assert "<b>" not in shown["text/html"]
    assert "\x1b" not in shown["text/plain"]


def test_texts_with_too_many_changes_are_not_compared_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count()
    matcher = word_diff.SequenceMatcher
    monkeypatch.setattr(word_diff, "SequenceMatcher", lambda *a, **k: next(calls) or matcher(*a, **k))
    before, after = ("start " + f"{word} " * 2000 + "end" for word in ("old", "new"))
    parts = WordDiff(before, after).parts
    assert [kind for kind, _ in parts] == ["same", "removed", "added", "same"]
    assert next(calls) == 0

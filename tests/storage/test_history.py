"""The table of past replies: a list, a text, safe HTML, a DataFrame."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.errors import ClaudeError
from claude_nb.storage.entries import HEADINGS, History, Row
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request, Usage
from claude_nb.types.settings import Sampling


def row(row_id: int = 1, prompt: str = "Why is the sky blue?", text: str = "Because.", **fields: Any) -> Row:
    request = Request("demo", "demo-1", (Message("user", prompt),), sampling=Sampling(temperature=0.2))
    when = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)
    return Row(row_id, replace(Reply(request, text, usage=Usage(3, 4), created_at=when), **fields), notebook="n.ipynb")


def test_it_is_a_list_of_rows() -> None:
    history = History([row(3), row(2), row(1)])
    assert (len(history), history[0].id, [one.id for one in history[1:]]) == (3, 3, [2, 1])
    assert isinstance(history[1:], History)
    assert history[0].reply.text == "Because."


def test_its_text_is_a_table() -> None:
    lines = repr(History([row(12), row(3, stop_reason="interrupted"), replace(row(2), running=True)])).splitlines()
    assert lines[0].split() == list(HEADINGS)
    assert lines[1].startswith("12  2026-01-02 ")
    assert lines[1].endswith("demo-1  Why is the sky blue?  Because.  temperature=0.2  finished")
    assert lines[2].endswith("interrupted")
    assert lines[3].endswith("not finished")


def test_long_and_wild_texts_take_one_short_line() -> None:
    wild = "first\nsecond\x1b[31m\u202e\ud800 " + "long " * 10_000
    text = repr(History([row(prompt=wild, text=wild)]))
    assert len(text.splitlines()) == 2
    assert "first second␛[31m" in text
    assert "…" in text
    text.encode()


def test_an_empty_history_says_so() -> None:
    assert repr(History([])) == "The history has no such reply."
    assert History([])._repr_html_() == "<p>The history has no such reply.</p>"


TAG = re.compile(r"</?(table|thead|tbody|tr|th|td|code)( scope=\"col\")?( style=\"text-align:left\")?>")


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    st.text(max_size=60) | st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=x>', "&lt;b&gt;", "]]>"])
)
def test_no_stored_text_becomes_html(text: str) -> None:
    html = History([row(prompt=text, text=text)])._repr_html_()
    rest = TAG.sub("", html)
    assert "<" not in rest
    assert ">" not in rest
    html.encode()


def test_a_stored_dollar_is_not_typeset() -> None:
    assert "<code>$x$ \\(y\\)</code>" in History([row(text="$x$ \\(y\\)")])._repr_html_()


def test_it_becomes_a_data_frame_with_the_texts_in_full() -> None:
    pytest.importorskip("pandas")
    frame = History([row(2, text="long " * 1000), row(1)]).to_pandas()
    assert list(frame["id"]) == [2, 1]
    assert frame["text"][0] == "long " * 1000
    assert (frame["temperature"][0], frame["input_tokens"][0], frame["notebook"][0]) == (0.2, 3, "n.ipynb")


def test_without_pandas_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ClaudeError, match="%pip install pandas"):
        History([row()]).to_pandas()

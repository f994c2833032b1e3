"""Whatever a model writes: the page holds only what we allow, at every prefix, and in time that grows with the text."""

from __future__ import annotations

import random
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.render import cut, markdown_html, plain_html, tail_html, terminal_safe
from tests.helpers.pages import ACTING, HOSTILE, faults, links_of, quick_faults, text_of

KINDS = [kind for kind, _ in groupby(HOSTILE, key=lambda name: name.rpartition("-")[0])]
GLUE = ("", "\n", "\n\n", " ", "\n- ", "\n> ", "|", "`", "**", "\n    ", "$", "\n```\n", "](", "\\")


def of_kind(kind: str) -> dict[str, str]:
    return {name: text for name, text in HOSTILE.items() if name.rpartition("-")[0] == kind}


def hostile_document(draw: random.Random) -> str:
    fragments = list(HOSTILE.values())
    parts = draw.randint(1, 5)
    return "".join(draw.choice(fragments)[: draw.randint(1, 60)] + draw.choice(GLUE) for _ in range(parts))


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_text_becomes_harmless(kind: str) -> None:
    found = {n: faults(markdown_html(t)) + faults(plain_html(t)) for n, t in of_kind(kind).items()}
    assert not {name: fault for name, fault in found.items() if fault}


@pytest.mark.parametrize("kind", KINDS)
def test_every_prefix_of_a_hostile_text_is_harmless(kind: str) -> None:
    found = {n: faults(tail_html(t[:i])) for n, t in of_kind(kind).items() for i in range(len(t) + 1)}
    assert not {name: fault for name, fault in found.items() if fault}


@pytest.mark.parametrize("block", range(8))
def test_twenty_thousand_random_hostile_documents_are_harmless(block: int) -> None:
    draw = random.Random(block)
    documents = [hostile_document(draw) for _ in range(2_500)]
    assert not [text for text in documents if quick_faults(markdown_html(text))]
    assert not [text for text in documents[:250] if faults(markdown_html(text)) + faults(tail_html(text))]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(st.characters(), max_size=80))
def test_any_text_at_all_is_harmless(text: str) -> None:
    assert not faults(markdown_html(text)) + faults(tail_html(text)) + faults(plain_html(text))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(
        st.sampled_from([*"<>&\"'`*_~[]()!\\$|#-+=:/.{}^ \n\t", "http", "javascript:", "```", "a", "1."]), max_size=30
    )
)
def test_any_mix_of_signs_is_harmless(signs: list[str]) -> None:
    text = "".join(signs)
    assert not faults(markdown_html(text)) + faults(tail_html(text))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.characters()))
def test_nothing_acts_in_a_terminal(text: str) -> None:
    safe = terminal_safe(text)
    safe.encode()
    assert not ACTING.search(safe)


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k in ("javascript-link", "other-scheme", "relative", "reference", "jupyter")]
)
def test_only_web_and_mail_addresses_are_ever_links(kind: str) -> None:
    links = [link for text in of_kind(kind).values() for link in links_of(markdown_html(text))]
    assert all(link.lower().startswith(("http://", "https://", "mailto:")) for link in links)
    assert not [link for link in links if "@evil" in link]


def test_the_text_of_a_refused_link_stays_readable() -> None:
    assert text_of(markdown_html("[x](javascript:alert(1))")).strip() == "[x](javascript:alert(1))"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_cutting_a_hostile_text_always_makes_progress(text: str) -> None:
    for limit in (5, 20):
        size, opener = cut(text, limit)
        assert 0 <= size <= len(text)
        assert len(opener) < size or (size == 0 and len(text) <= 2 * limit)


DEEP = [
    "[",
    "![",
    "![![![a",
    "*",
    "_",
    "~~",
    "`",
    "> ",
    "- ",
    "1. ",
    "<",
    "&",
    "[a](",
    "a**b",
    "*a **b ",
    "](",
    "[]",
    "\\",
]
DEEP += [
    "$",
    "$$",
    "$a ",
    "\\(",
    "\\[",
    "|a",
    "$$\n",
    "\\[\n",
    "\\begin{a}\n",
    "```\n",
    "`` ` ",
    "#",
    "    a\n",
    '[a](b "',
]


@pytest.mark.parametrize("unit", DEEP)
def test_ten_thousand_times_the_same_sign_is_drawn(unit: str) -> None:
    text = unit * 10_000
    assert not quick_faults(markdown_html(text)) + quick_faults(tail_html(text))
    size, opener = cut(text, 4_000)
    assert size > len(opener)


def test_backticks_of_every_length_are_drawn() -> None:
    text = " ".join("`" * n for n in range(1, 400))
    assert not quick_faults(markdown_html(text)) + quick_faults(tail_html(text))


@pytest.mark.parametrize("text", ["> " * 40 + "x", "- " * 40 + "x", "".join("  " * n + "- x\n" for n in range(40))])
def test_text_that_is_nested_too_deep_is_shown_as_it_is(text: str) -> None:
    assert text_of(markdown_html(text)).strip() == text.strip()


def test_a_reply_of_400_kilobytes_is_drawn() -> None:
    prose = "# Head\n\nSome **bold** text with `code` and [a link](https://a.example).\n\n- a\n- b\n\n"
    text = (prose * 20 + "```python\nx = [1, 2]\n```\n\n") * 250
    assert len(text) > 400_000
    html = markdown_html(text)
    assert html.count("<strong>bold</strong>") == 5_000
    assert html.count("<pre") == 250

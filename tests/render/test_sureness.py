"""How sure a model was, as HTML and as text: escaped, bounded, and the same with and without colours."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from claude_nb.render import sureness
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.token import Alternative, Token
from claude_nb.types.tokens import Tokens

HOSTILE = (
    "<script>pwn()</script>",
    '"><img src=x onerror=pwn()>',
    "' onfocus='pwn()",
    "&#106;",
    "\x1b[2J\u202e",
    "]]>",
)


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def spans(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == "span"]


def reply(*tokens: Token) -> Reply:
    text = "".join(token.text for token in tokens)
    request = Request("demo", "demo", (Message("user", "Hi"),), logprobs=1)
    return Reply(request, text, tokens=Tokens(tokens))


def test_hostile_tokens_and_alternatives_stay_text() -> None:
    tokens = [Token(text, 0.5, (Alternative(text, 0.1),)) for text in HOSTILE]

    html = reply(*tokens)._repr_mimebundle_()["text/html"]

    page = Parsed(html)
    assert {tag for tag, _ in page.tags} <= {"div", "p", "b", "details", "summary", "style", "code", "span"}
    assert all(attributes.keys() <= {"tabindex", "style", "title"} for attributes in page.spans)
    assert "<script>pwn()</script>" in page.text
    assert not re.search("[\x1b\u202e]", html)


@pytest.mark.parametrize(
    ("p", "line"),
    [
        (1.0, ""),
        (0.5, ""),
        (0.49, "dotted"),
        (0.24, "dashed"),
        (0.06, "double"),
        (0.007, "wavy"),
        (5e-324, "wavy"),
        (7.0, ""),
    ],
)
def test_the_less_likely_a_token_the_heavier_its_line_and_the_darker_its_ground(p: float, line: str) -> None:
    [span] = Parsed(sureness.shaded([Token("a", p)])).spans

    assert (f"underline {line}" in (span.get("style") or "")) == bool(line)
    assert ("background" in (span.get("style") or "")) == bool(line)


def test_darker_grounds_belong_to_heavier_lines() -> None:
    grounds = [dark for _, _, dark in sureness.LEVELS]

    assert grounds == sorted(grounds)


def test_an_unknown_probability_is_said_and_not_shaded() -> None:
    [known, unknown] = Parsed(sureness.shaded([Token("a", 0.9), Token("b")])).spans

    assert known["title"] == "“a” 90%"
    assert unknown["title"] == "“b” (unknown)"
    assert "background" not in (unknown["style"] or "")
    assert known.get("style") != unknown["style"]


def test_every_token_can_be_reached_with_the_keyboard() -> None:
    page = Parsed(sureness.shaded([Token(text, 0.1) for text in ("a", " b", "\n", "", "c")]))

    assert [span["tabindex"] for span in page.spans] == ["0"] * 4  # the empty one has nothing to stand on
    assert "⏎" in page.text


def test_a_reply_without_tokens_has_no_fold() -> None:
    plain = Reply(Request("demo", "demo", (Message("user", "Hi"),)), "Hello")

    assert "how sure" not in plain._repr_mimebundle_()["text/html"]
    assert sureness.fold(None) == sureness.fold(()) == ""


def bytes_of(count: int) -> int:
    others = tuple(Alternative(f" word{n}", 0.1) for n in range(5))
    return len(sureness.shaded([Token(" word", 0.1, others)] * count).encode())


def test_the_bytes_are_linear_in_the_tokens_and_bounded() -> None:
    each = (bytes_of(200) - bytes_of(100)) / 100

    assert bytes_of(400) == pytest.approx(bytes_of(0) + 400 * each, rel=0.01)
    assert each < 300
    assert bytes_of(100_000) < sureness.MOST_BYTES + 2_000


def test_a_long_reply_says_how_many_tokens_are_left_out() -> None:
    page = Parsed(sureness.shaded([Token(" word", 0.1)] * 100_000))

    shown = len(page.spans)
    assert f"… {100_000 - shown:,} more tokens in reply.tokens" in page.text


def test_huge_texts_of_tokens_are_bounded() -> None:
    token = Token("x" * 10_000, 0.1, tuple(Alternative("y" * 10_000, 0.1) for _ in range(20)))

    assert len(sureness.shaded([token] * 200)) < sureness.MOST_BYTES + 2_000
    assert len(sureness.lines([token] * 200)) < 200_000


def test_a_terminal_gets_a_table() -> None:
    tokens = Tokens([Token("Hi", 0.5, (Alternative("Hi", 0.5), Alternative("\x1b[2J", 0.001)))] * 70)

    text = tokens._repr_mimebundle_()["text/plain"]

    assert text.splitlines()[:2] == [
        "token  probability  alternatives",
        "“Hi”   50%          “Hi” 50%, “␛[2J” 0.1%",
    ]
    assert text.endswith("... and 10 more tokens")


def test_the_footer_has_the_mean_surprise() -> None:
    html = reply(Token("a", 0.5), Token("b", 0.25), Token("c"))._repr_mimebundle_()["text/html"]

    assert "1.5 bits of surprise" in html

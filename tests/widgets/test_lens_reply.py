"""A reply with logprobs in the lens: what its server told, and no guess of the rest."""

from __future__ import annotations

from array import array

import pytest

import claude_nb
from claude_nb.errors import PromptError
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.token import Alternative, Token
from claude_nb.types.tokens import Tokens
from claude_nb.widgets import lens_html
from claude_nb.widgets.lens import Lens

REQUEST = Request("openai-compatible", "some-model", (Message("user", "Hi"),))


def reply(*tokens: Token) -> Reply:
    return Reply(REQUEST, text="".join(token.text for token in tokens), tokens=Tokens(tokens))


def about(lens: Lens, step: int = 0) -> dict[str, object]:
    return lens._tree.model.about(lens.steps[step])


def test_a_reply_with_logprobs_opens_token_by_token() -> None:
    asked = claude_nb.ask("Tell me a joke.", provider="demo", logprobs=5, seed=1)
    lens = Lens.from_reply(asked)
    assert lens.text == asked.text
    assert len(lens.steps) == len(asked.tokens or ())
    assert (lens.provider, lens.size, lens.now.ended) == ("reply", None, "end")
    for step, token in zip(lens.steps, asked.tokens or (), strict=True):
        assert step.p[step.token] == pytest.approx(token.probability, abs=1e-6)


def test_what_was_not_told_is_one_bar_and_no_setting_touches_it() -> None:
    others = (Alternative("Hi", 0.5), Alternative("Hello", 0.25))
    lens = Lens.from_reply(reply(Token("Hi", 0.5, others)))
    lens.temperature = 0.5
    assert list(lens.steps[0].p) == [0.5, 0.25, 0.25]
    rows = {row["word"]: (row["model"], row["final"]) for row in lens.table(0)}
    assert rows == {"Hi": (0.5, None), "Hello": (0.25, None), "not told": (0.25, None)}
    assert about(lens)["told"] == 2
    assert array("f", lens._tree.model.packed(lens.steps[0])).tolist() == [0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    ("token", "p", "bits"),
    [
        (Token("a", 0.125, (Alternative("b", 0.5),)), [0.5, 0.125, 0.375], 3.0),
        (Token("a", 0.5), [0.5, 0.5], 1.0),
        (Token("a"), [1.0], None),
        (Token("a", None, (Alternative("b", 0.75), Alternative("c"))), [0.75, 0.25], None),
        (Token("a", 0.0, (Alternative("b", 1.0),)), [1.0, 0.0, 0.0], None),
        (Token("", 0.5, (Alternative("", 0.5), Alternative("\n", 0.25))), [0.5, 0.25, 0.25], 1.0),
        (Token("a", 0.75, (Alternative("a", 0.75), Alternative("b", 0.5))), [0.75, 0.5, 0.0], 0.415),
    ],
)
def test_whatever_a_server_tells_is_drawn_as_it_is(token: Token, p: list[float], bits: float | None) -> None:
    lens = Lens.from_reply(reply(Token("x", 1.0), token))
    assert list(lens.steps[1].p) == p
    assert lens.branches[0]["steps"][1]["bits"] == bits
    bundle = lens_html.bundle(lens.now, lens._tree.model, lens.prompt, "cnb-x")
    assert ("not told" in bundle["text/html"]) == (token.probability is None)
    assert lens_html.plain(lens.now, lens._tree.model)


def test_hostile_tokens_are_drawn_visibly() -> None:
    nasty = "\x1b[2J\u202e<script>"
    lens = Lens.from_reply(reply(Token(nasty, 0.5, (Alternative(" \n\t", 0.25),))))
    assert about(lens)["words"] == ["␛[2J\ufffd<script>", "␣⏎⇥"]
    assert "<script" not in lens_html.bundle(lens.now, lens._tree.model, "Hi", "cnb-x")["text/html"]


def test_a_long_reply_is_shown_in_part() -> None:
    lens = Lens.from_reply(reply(*[Token("a ", 0.5)] * 1_000))
    assert len(lens.steps) == 400
    assert lens.now.ended == "max_tokens"
    assert all(len(str(about(lens, step)["context"])) <= 200 for step in (0, 150, 399))


def test_a_reply_without_probabilities_is_refused_with_what_to_ask() -> None:
    with pytest.raises(PromptError, match="ask again with logprobs=5"):
        Lens.from_reply(Reply(REQUEST, text="Hello"))
    with pytest.raises(PromptError, match=r"Lens\.from_reply\(reply\)"):
        Lens(reply(Token("Hi", 0.5)))


def test_nothing_can_be_written_anew() -> None:
    lens = Lens.from_reply(reply(Token("Hi", 0.5, (Alternative("Yo", 0.25),))))
    for change in (lambda: lens.force(0, "Yo"), lens.redraw, lens.rerun):
        with pytest.raises(PromptError, match="written elsewhere"):
            change()

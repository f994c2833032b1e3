"""A model of this machine in the lens: the true distribution, and what the page gets of it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from claude_nb.demo.sampling import draw, shape
from claude_nb.errors import ConfigError, PromptError
from claude_nb.providers.local import engine, loaded
from claude_nb.types.request import Message, Request
from claude_nb.widgets import lens_html, lens_local
from claude_nb.widgets.lens import Lens
from tests.helpers import TESTS
from tests.widgets import make_lens_packed

FRANCE = "The capital of France is"
VOCABULARY = 49_152


def test_the_golden_file_is_what_the_lens_packs() -> None:
    golden = json.loads((TESTS / "lens_packed.json").read_text(encoding="utf-8"))
    made = make_lens_packed.made()
    assert made["packed"] == golden["packed"]
    assert made["p"] == pytest.approx(golden["p"], rel=1e-12)
    for case, known in zip(made["cases"], golden["cases"], strict=True):
        assert case["settings"] == known["settings"]
        assert case["final"] == pytest.approx(known["final"], rel=1e-9)


def test_the_page_gets_about_a_byte_for_each_token() -> None:
    flat = [1 / VOCABULARY] * VOCABULARY
    assert len(lens_local.packed(flat)) == 4 * lens_local.TOP + VOCABULARY - lens_local.TOP
    steep = [2.0**-place for place in range(140)] + [0.0] * (VOCABULARY - 140)
    assert len(lens_local.packed(steep)) < 4 * lens_local.TOP + VOCABULARY
    gap = [0.5] * lens_local.TOP + [1e-30] + [0.0] * 5
    assert len(lens_local.packed(gap)) < 4 * lens_local.TOP + 2_000


@pytest.fixture(scope="module")
def engines() -> Any:
    """One loading for all tests of this file."""
    yield
    loaded.unload()


@pytest.fixture
def lens(local_model: object, engines: object) -> Lens:
    return Lens(FRANCE, provider="local", seed=1, max_tokens=3)


@pytest.mark.local
def test_it_shows_the_true_distribution_over_every_token(lens: Lens) -> None:
    told = loaded.get().next_token(FRANCE)
    assert lens.size == VOCABULARY == len(lens.steps[0].p)
    assert list(lens.steps[0].p) == pytest.approx([candidate.probability for candidate in told], rel=1e-6)
    assert math.fsum(lens.steps[0].p) == pytest.approx(1, abs=1e-6)
    assert [row["word"] for row in lens.table(0, top=3)] == ["␣Paris", "␣the", "␣London"]
    assert lens.table(0)[0]["model"] > 0.7
    assert lens.badge == "SmolLM2-135M-Instruct, 98.4 MB, apache-2.0: a real model on this machine, not Claude"


@pytest.mark.local
def test_it_draws_each_token_from_the_shaped_distribution(local_model: object, engines: object) -> None:
    settings = {"temperature": 1.3, "top_k": 40, "top_p": 0.9, "min_p": 0.01}
    lens = Lens(FRANCE, provider="local", seed=5, max_tokens=3, **settings)
    again = Lens(FRANCE, provider="local", seed=5, max_tokens=3, **settings)
    assert lens.text == again.text
    for step in lens.steps:
        assert step.token == draw(shape(step.p, **settings).final, step.u)
        assert step.token < 40
    greedy = Lens(FRANCE, provider="local", temperature=0, max_tokens=3)
    assert [step.token for step in greedy.steps] == [0, 0, 0]


@pytest.mark.local
def test_a_forced_token_makes_a_branch_with_the_same_random_numbers(lens: Lens) -> None:
    first = lens.now
    branch = lens.force(1, " Lyon")
    assert branch.text.startswith(first.steps[0].word + " Lyon")
    assert branch.name == "2: ␣Lyon"
    assert branch.ids[0] == first.ids[0]
    assert [step.u for step in branch.steps] == [step.u for step in first.steps]
    assert lens.redraw(1).ids[0] == first.ids[0]
    with pytest.raises(PromptError, match=r"is \d+ tokens in this model, not one"):
        lens.force(0, "supercalifragilistic")
    with pytest.raises(PromptError, match="no token 99999"):
        lens._tree.force(first, 0, 99_999, lens._settings)


@pytest.mark.local
def test_pieces_of_characters_and_white_space_are_drawn_visibly(local_model: object, engines: object) -> None:
    lens = Lens("😀 is 🐍 and", provider="local", temperature=0, max_tokens=3)
    shown = [step["word"] for step in lens.branches[0]["steps"]]
    assert shown[0] == "␣<0xF0><0x9F>"
    assert lens.text == b"".join(step.raw for step in lens.steps).decode("utf-8", "replace")
    names = lens._tree.model.about(lens.steps[0])["words"]
    assert len(names) == lens_local.TOP
    json.dumps([names, lens.branches], ensure_ascii=False).encode()
    newline = Lens("A list:\n\n1. Apples\n2. Pears", provider="local", temperature=0, max_tokens=1)
    assert newline.branches[0]["steps"][0]["word"] == "⏎"


@pytest.mark.local
def test_a_chat_is_answered_with_the_template_of_the_model(local_model: object, engines: object) -> None:
    request = Request("local", "", (Message("user", "Hi"),))
    chat = Lens(request, temperature=0, max_tokens=2)
    assert chat.text.startswith("Hello")
    assert Lens("Hi", provider="local", system="You are a bird.", temperature=0, max_tokens=1).text


@pytest.mark.local
def test_the_switch_leads_to_the_demo_model_and_back(lens: Lens) -> None:
    known = set(lens._tree.by_id)
    assert lens.use("demo").text.startswith(" Paris")
    assert not known & set(lens._tree.by_id), "the page would take them for the steps that it knows"
    assert (lens.provider, lens.size, len(lens.branches)) == ("demo", len(lens.vocabulary), 1)
    lens._receive(lens, {"t": "use", "branch": 1, "provider": "local"}, [])
    assert (lens.provider, lens.size, lens.vocabulary) == ("local", VOCABULARY, [])
    assert len(lens.steps) == 3


@pytest.mark.local
def test_a_model_that_cannot_write_leaves_the_lens_as_it_is(lens: Lens, monkeypatch: pytest.MonkeyPatch) -> None:
    lens.use("demo")
    shown = lens.text

    def broken(*_: object) -> None:
        raise PromptError("no")

    monkeypatch.setattr(engine.Engine, "next_token", broken)
    with pytest.raises(PromptError, match="no"):
        lens.use("local")
    assert (lens.provider, lens.text, len(lens.branches)) == ("demo", shown, 1)


@pytest.mark.local
def test_a_saved_notebook_shows_every_token_and_its_rivals(lens: Lens) -> None:
    bundle = lens_html.bundle(lens.now, lens._tree.model, lens.prompt, "cnb-x")
    assert bundle["text/html"].count("<details") == 3
    assert "49,147 others" in bundle["text/html"]
    assert "␣London" in bundle["text/plain"]
    assert len(bundle["text/html"]) < 10_000


def test_without_the_engine_the_switch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LIBRARY", "no_such_library")
    lens = Lens(FRANCE)
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(lens, "send", lambda content, buffers=None: told.append(content))
    lens._receive(lens, {"t": "use", "branch": 1, "provider": "local"}, [])
    assert told[0]["t"] == "failed"
    assert "claude-nb[local]" in told[0]["why"]
    assert lens.provider == "demo"
    with pytest.raises(ConfigError):
        lens.use("local")

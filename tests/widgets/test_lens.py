"""The lens without a browser: what it holds, what it takes, what it leaves for a saved notebook."""

from __future__ import annotations

import json
from array import array
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import traitlets

import claude_nb
from claude_nb import demo
from claude_nb.demo.sampling import draw, shape
from claude_nb.errors import PromptError
from claude_nb.session.session import Session
from claude_nb.sweeps.first_words import Measured, first_word
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Sampling
from claude_nb.widgets import lens_branches, lens_html
from claude_nb.widgets.lens import Lens
from tests.helpers.replies import chat
from tests.helpers.server import Server

PROMPT = "Once upon a time there was a"


class Told(Lens):
    """A lens that remembers what it sends."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.told: list[tuple[dict[str, Any], list[bytes]]] = []
        super().__init__(*args, **options)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.told.append((content, list(buffers or [])))

    def hear(self, **message: Any) -> None:
        self._receive(self, message, [])


@pytest.fixture
def lens() -> Told:
    return Told(PROMPT, seed=3)


def test_the_lens_is_a_public_name() -> None:
    assert claude_nb.Lens is Lens


def test_it_shows_the_same_text_that_the_demo_model_writes(lens: Told) -> None:
    asked = {"provider": "demo", "seed": 3, "temperature": 1.0, "max_tokens": 60}
    assert lens.text == Session().run(Session().request(PROMPT, **asked), hurry=True).wait().text


def test_it_shows_a_reply_of_the_demo_model() -> None:
    reply = claude_nb.ask("Tell me a story.", provider="demo", seed=5, max_tokens=20)
    lens = Lens(reply)
    assert lens.text == reply.text
    assert lens.temperature == demo.TEMPERATURE


@pytest.mark.parametrize("options", [{}, {"max_tokens": 9}, {"stop_sequences": [","]}, {"temperature": 1.5}])
def test_a_reply_that_was_drawn_without_a_seed_is_shown_word_for_word(options: dict[str, Any]) -> None:
    reply = claude_nb.ask("Tell me a story.", provider="demo", **options)
    lens = Lens(reply)
    assert lens.text == reply.text
    assert all(step.forced for step in lens.steps)


def test_stop_sequences_of_a_reply_end_the_text_in_the_lens_too() -> None:
    request = Request("demo", "demo", (Message("user", PROMPT),), sampling=Sampling(seed=3, stop_sequences=(".",)))
    lens = Lens(request)
    assert lens.text.count(".") == 1
    assert lens.now.ended == "stop_sequence"


def test_a_reply_of_another_model_is_refused_with_a_hint_to_measure() -> None:
    request = Request("aimlapi", "anthropic/some", (Message("user", "Hi"),))
    with pytest.raises(PromptError, match=r"Lens\.measure"):
        Lens(Reply(request, text="Hello"))


@pytest.mark.parametrize(
    "options", [{"max_tokens": 0}, {"max_tokens": 1000}, {"temperature": 3}, {"top_p": 2}, {"min_p": 2}]
)
def test_settings_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(PromptError):
        Lens(PROMPT, **options)


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(PromptError, match="needs a prompt"):
        Lens("  ")


def test_the_probabilities_go_to_the_front_end_once_as_float32(lens: Told) -> None:
    ids = [step["id"] for step in lens.branches[0]["steps"]]
    lens.hear(t="arrays", ids=ids[:2])
    (message, buffers) = lens.told[-1]
    assert message["ids"] == ids[:2]
    sent = array("f", buffers[0])
    assert len(sent) == len(lens.vocabulary)
    assert list(sent) == pytest.approx(lens.steps[0].p, abs=1e-7)
    assert message["about"][0]["context"] == lens.steps[0].context


def test_no_probabilities_are_kept_in_the_widgets_state(lens: Told) -> None:
    """Front ends save the state in the notebook; vocabulary and bundle aside, it stays small."""
    assert len(json.dumps(lens.branches)) < 12_000


def test_the_draws_that_were_sent_can_be_repeated_from_what_was_sent(lens: Told) -> None:
    for step in lens.branches[0]["steps"]:
        p = array("f", lens._tree.model.packed(lens._tree.by_id[step["id"]]))
        assert draw(shape(p).final, step["u"]) == step["token"]


def test_a_forced_word_makes_a_branch_that_shares_what_came_before(lens: Told) -> None:
    before = lens.text
    branch = lens.force(1, "dragon")
    assert [step.word for step in branch.steps[:2]] == [lens._tree.branch(1).steps[0].word, " dragon"]
    assert branch.ids[0] == lens._tree.branch(1).ids[0]
    assert branch.steps[1].forced
    assert not branch.steps[0].forced
    assert branch.name == "2: dragon"
    assert lens.branch == 2
    assert lens._tree.branch(1).text == before


def test_what_follows_a_forced_word_is_drawn_with_the_same_random_numbers(lens: Told) -> None:
    branch = lens.force(1, "dragon")
    first = lens._tree.branch(1)
    shared = min(len(first.steps), len(branch.steps))
    assert [step.u for step in branch.steps[:shared]] == [step.u for step in first.steps[:shared]]


def test_forcing_the_drawn_word_changes_nothing_after_it(lens: Told) -> None:
    assert lens.force(4, lens.steps[4].word).text == lens._tree.branch(1).text


def test_drawing_again_keeps_what_came_before_and_brings_something_new(lens: Told) -> None:
    first = lens.now
    texts = set()
    for _ in range(4):
        lens.branch = 1
        again = lens.redraw(10)
        assert again.ids[:10] == first.ids[:10]
        texts.add(again.text)
    assert len(texts) > 1


def test_drawing_again_is_the_same_in_every_run() -> None:
    assert Lens(PROMPT, seed=3).redraw(2).text == Lens(PROMPT, seed=3).redraw(2).text


def test_running_again_takes_the_settings_as_they_are_now(lens: Told) -> None:
    lens.temperature = 0
    again = lens.rerun()
    assert again.text == demo.model().complete(PROMPT, temperature=0, max_tokens=60)
    assert again.settings.temperature == 0
    assert lens._tree.branch(1).settings.temperature is None


def test_unknown_words_steps_and_branches_are_refused(lens: Told) -> None:
    with pytest.raises(PromptError, match="does not know 'blockchain'; choose one of"):
        lens.force(0, "blockchain")
    with pytest.raises(PromptError, match="no step 999"):
        lens.redraw(999)
    with pytest.raises(PromptError, match="no branch 9"):
        lens._tree.branch(9)


def test_the_number_of_branches_is_bounded_and_the_first_stays(lens: Told) -> None:
    for _ in range(lens_branches.MAX_BRANCHES + 3):
        lens.redraw(0)
    numbers = [branch["number"] for branch in lens.branches]
    assert len(numbers) == lens_branches.MAX_BRANCHES
    assert numbers[0] == 1
    assert lens.branch == numbers[-1]
    assert set(lens._tree.by_id) == {step["id"] for branch in lens.branches for step in branch["steps"]}


@pytest.mark.parametrize(
    "message",
    [
        {"t": "force", "branch": 1, "at": 0, "token": 10**9},
        {"t": "force", "branch": 1, "at": -5, "token": 5},
        {"t": "force", "branch": 77, "at": 0, "token": 5},
        {"t": "redraw", "branch": 1, "at": 10**6},
        {"t": "force", "branch": 1, "at": "0", "token": None},
        {"t": "force", "branch": "1", "at": 0, "token": 1},
        {"t": "rerun", "branch": None},
        {"t": "use", "branch": 1, "provider": "anthropic"},
        {"t": "use", "branch": 1},
        {"t": "arrays", "ids": ["x", None, -1, 10**9]},
        {"t": "arrays", "ids": "all"},
        {"t": None},
    ],
)
def test_nothing_that_the_front_end_sends_can_break_it(lens: Told, message: dict[str, Any]) -> None:
    lens.hear(**message)
    assert len(lens.branches) == 1
    assert all(buffers == [] for _, buffers in lens.told)


def test_a_message_that_is_not_a_dict_is_ignored(lens: Told) -> None:
    lens._receive(lens, ["force"], [])
    assert len(lens.branches) == 1


def test_the_front_end_is_sent_the_reason_of_a_failure(lens: Told) -> None:
    lens.hear(t="redraw", branch=1, at=10**6)
    assert "no step 1000000" in lens.told[-1][0]["why"]


def test_a_message_carries_its_settings_because_traits_may_come_later(lens: Told) -> None:
    lens.hear(t="rerun", branch=1, at=0, settings={"temperature": 0, "order": "temperature_last", "prompt": "no"})
    assert lens.now.settings.temperature == 0
    assert lens.now.settings.order == "temperature_last"
    assert lens.prompt == PROMPT


def test_rejected_settings_are_reset_in_the_front_end(lens: Told) -> None:
    lens.set_state({"temperature": 9, "top_k": "many", "order": "sideways", "top_p": 0.5, "vocabulary": []})
    assert (lens.temperature, lens.top_k, lens.order, lens.top_p) == (None, None, "temperature_first", 0.5)
    assert len(lens.vocabulary) > 1000
    with pytest.raises(traitlets.TraitError):
        lens.temperature = -1


def test_the_table_is_what_the_bars_show() -> None:
    lens = Lens(PROMPT, top_p=0.8)
    table = lens.table(0, top=8)
    assert table[0]["word"] == "little"
    assert [row["cut"] for row in table] == [None] * 6 + ["top_p"] * 2
    assert sum(row["final"] for row in table) == pytest.approx(1)
    assert ">little</td>" in table._repr_html_()


def test_it_shows_a_model_trained_on_your_own_text() -> None:
    model = demo.train("The cat sat on the mat.\n\nThe cat sat on the roof.\n\nThe dog sat on the mat.")
    lens = Lens("The cat", model=model, max_tokens=6)
    assert len(lens.vocabulary) < 20
    assert "own text" in lens.badge


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.append(tag)


def test_a_saved_notebook_shows_every_word_and_its_rivals(lens: Told) -> None:
    bundle = lens_html.bundle(lens.now, lens._tree.model, "<b>prompt</b>", "cnb-x")
    tags = Tags(bundle["text/html"])
    assert tags.names.count("details") == len(lens.steps)
    assert "b" in tags.names
    assert "<b>prompt" not in bundle["text/html"]
    assert not {"script", "style", "link"} & set(tags.names)
    assert "not Claude" in bundle["text/html"]
    assert "little" in bundle["text/plain"]
    assert len(bundle["text/html"]) < 150_000


def test_the_saved_page_loads_nothing_and_escapes_hostile_prompts(tmp_path: Path) -> None:
    lens = Lens("</script><script>alert(1)</script> ->", seed=1, max_tokens=5)
    page = lens.to_html(tmp_path / "lens.html").read_text(encoding="utf-8")
    assert Tags(page).names.count("script") == 3
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


@pytest.mark.parametrize(
    ("text", "thinking", "word"),
    [("Fox.", "", "Fox"), (' "Mother-in-law"', "", '"'), ("", "hm", "(only thinking)"), ("", "", "(nothing)")],
)
def test_the_first_word_of_an_answer(text: str, thinking: str, word: str) -> None:
    assert first_word(Reply(Request("demo", "demo", (Message("user", "?"),)), text=text, thinking=thinking)) == word


def test_measuring_announces_its_cost_and_then_reports_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with Server([chat(["Fox"]), chat(["Fox"]), chat(["Owl"])]) as server:
        options = {"provider": "openai-compatible", "base_url": server.url, "model": "some"}
        found = Lens.measure("Name one animal.", n=3, **options)
        sent = [request.json for request in server.requests]
    assert "3 calls" in capsys.readouterr().out
    assert found.n == 3
    assert set(found.counts) == {"Fox", "Owl"}
    assert "measured frequencies, not probabilities" in found.title
    assert {body["max_tokens"] for body in sent} == {8}


def test_measured_shares_come_with_their_interval() -> None:
    found = Measured("Name one.", "some-model", {"Fox": 24, "Owl": 6}, failed=2, cost_usd=None)
    low, high = found.interval("Fox") or (0, 0)
    assert found.share("Fox") == 0.8
    assert 0.6 < low < 0.8 < high < 0.92
    assert found.share("Bee") == 0
    shown = found._repr_mimebundle_()
    assert "30 replies of some-model" in shown["text/html"]
    assert "cost unknown" in shown["text/html"]
    assert "2 calls brought no reply" in shown["text/plain"]


def test_measuring_the_demo_model_agrees_with_its_bars() -> None:
    counted = Lens.measure(PROMPT, n=200, provider="demo", temperature=1.0, seed=1, quiet=True)
    bar = Lens(PROMPT).table(0)[0]
    low, high = counted.interval(bar["word"]) or (1, 0)
    assert low < bar["model"] < high


def test_the_saved_outputs_hold_a_new_branch_before_the_page_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(
        "claude_nb.widgets.lens.publish_display_data", lambda bundle, *_, **__: events.append(bundle["text/plain"])
    )
    shown = Lens(PROMPT, seed=3)
    shown._fallback_id = "shown"
    monkeypatch.setattr(shown, "send_state", lambda *_: events.append("the page"))
    shown.force(0, "sleepy")
    assert "sleepy" in events[0]
    assert events[1:] == ["the page"]

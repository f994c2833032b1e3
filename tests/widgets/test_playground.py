"""The playground without a browser: what it takes, what it sends, what it keeps."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import traitlets
from IPython.core.interactiveshell import InteractiveShell

from claude_nb.errors import BadRequest, PromptError
from claude_nb.providers import registry
from claude_nb.providers.local import weights
from claude_nb.render import markdown_html
from claude_nb.render.reply import whole
from claude_nb.session.call import Call
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk, Message, Request
from claude_nb.types.settings import Answer
from claude_nb.widgets import playground, presets, run_queue, transcript
from claude_nb.widgets.playground import Playground
from claude_nb.widgets.transcript import Run
from tests.helpers.pages import faults, quick_faults, text_of, without_latex
from tests.helpers.server import Server, answer, stream
from tests.render.test_live import mixed

SONNET = {"provider": "aimlapi", "model": "sonnet"}


class Script(Session):
    """A session whose models say what the test wrote, and wait where it says so."""

    def __init__(self, *pieces: str | Chunk | threading.Event | Exception) -> None:
        super().__init__()
        self.pieces = pieces
        self.asked: list[Request] = []

    def send(self, request: Request, call: Call) -> Turn:
        self.asked.append(request)
        return Turn(request, self._say, self)

    def _say(self, stop: Stop) -> Iterator[Chunk]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, threading.Event):
                while not piece.wait(0.01) and not stop.is_set():
                    pass
                continue
            yield Chunk(text=piece) if isinstance(piece, str) else piece
        yield Chunk(stop_reason="end", done=True)

    def progress(self, turn: Turn) -> None: ...

    def finished(self, turn: Turn, reply: Reply) -> Reply:
        return reply


class Told(Playground):
    """A playground that remembers what it sends."""

    def __init__(self, **options: Any) -> None:
        self.told: list[dict[str, Any]] = []
        super().__init__(**options)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.told.append(content)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["t"] == kind]

    def html(self, upto: float = float("inf")) -> str:
        """What the front end has made of the messages."""
        pages: dict[int, str] = {}
        for message in self.of("d"):
            for slot, keep, more in message.get("html", ()) if message["seq"] <= upto else ():
                pages[slot] = pages.get(slot, "")[:keep] + more
        return "".join(pages[slot] for slot in sorted(pages))

    def hear(self, message: Any) -> None:
        """As when the front end sends it."""
        self._handle_custom_msg(message, [])


def settle(pg: Playground) -> Reply | None:
    assert pg._queue.wait(None), "the run did not end"
    return pg.reply


def test_a_run_that_may_not_be_sent_says_why_and_the_next_one_runs() -> None:
    session = Session()
    session.demo_delay_s = 0
    session.memory.replay("only")
    pg = Playground(session=session, provider="demo", prompt="Hi")
    pg.run()
    settle(pg)
    assert "no recorded reply" in pg.history[-1]["error"]
    session.memory.replay("off")
    pg.run()
    reply = settle(pg)
    assert reply is not None
    assert reply.complete


# ------------------------------------------------------------------------------------------------- settings


def test_nothing_is_set_and_nothing_is_sent() -> None:
    pg = Playground(session=Script("Hi"))
    pg.run("Why?")
    settle(pg)
    assert pg.given == {"provider": "demo", "model": "demo"}
    assert pg._session.asked[0].params == {}  # type: ignore[attr-defined]  # the script's


def test_only_what_is_set_is_sent() -> None:
    pg = Playground(session=Script("Hi"), temperature=0, stop_sequences="END", system="Be brief.")
    pg.run("Why?")
    settle(pg)
    request = pg._session.asked[0]  # type: ignore[attr-defined]
    assert request.params == {"temperature": 0.0, "stop_sequences": ["END"]}
    assert request.system == "Be brief."


def test_a_default_of_the_session_shows_and_can_be_switched_off() -> None:
    session = Script("Hi")
    session.configure(temperature=0.3)
    pg = Playground(session=session)
    assert pg.temperature == 0.3
    pg.temperature = None
    pg.run("Why?")
    settle(pg)
    assert session.asked[0].params == {}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("temperature", 3, "temperature goes from 0 to 2"),
        ("temperature", "hot", "must be a number"),
        ("temperature", True, "must be a number"),
        ("temperature", float("nan"), "finite"),
        ("top_p", 0, "above 0"),
        ("top_k", 1.5, "whole number"),
        ("max_tokens", 0, "at least 1"),
        ("max_tokens", 10**9, "max_tokens goes from 1 to"),
        ("stop_sequences", [""], "not empty"),
        ("stop_sequences", 7, "must be strings"),
        ("provider", "antropic", "did you mean anthropic"),
        ("model", " ", "name of a model"),
        ("variable", "two words", "cannot be the name of a variable"),
        ("variable", "class", "cannot be the name of a variable"),
        ("variable", "__builtins__", "cannot be the name of a variable"),
    ],
)
def test_a_setting_says_what_it_takes_and_keeps_its_old_value(name: str, value: object, says: str) -> None:
    pg = Playground(session=Script())
    before = getattr(pg, name)
    with pytest.raises(PromptError, match=says) as caught:
        setattr(pg, name, value)
    assert isinstance(caught.value, traitlets.TraitError)
    assert getattr(pg, name) == before
    with pytest.raises(PromptError), pg.hold_trait_notifications():
        setattr(pg, name, value)
    assert getattr(pg, name) == before


def test_what_the_model_refuses_cannot_be_set() -> None:
    pg = Playground(session=Script(), model="opus")
    with pytest.raises(PromptError, match="takes no temperature"):
        pg.temperature = 0.5
    with pytest.raises(PromptError, match="temperature or top_p, not both"):
        Playground(session=Script(), **SONNET, temperature=0.5, top_p=0.9)
    with pytest.raises(PromptError, match="no setting temprature"):
        Playground(session=Script(), temprature=0.5)


def test_of_temperature_and_top_p_the_last_one_stays_where_a_model_takes_one() -> None:
    pg = Told(session=Script(), **SONNET, top_p=0.9)
    pg.temperature = 0.2
    assert (pg.temperature, pg.top_p) == (0.2, None)
    assert pg.of("refused")[-1]["name"] == "top_p"
    demo = Playground(session=Script(), temperature=0.2, top_p=0.9)
    assert (demo.temperature, demo.top_p) == (0.2, 0.9)


def test_another_model_switches_off_what_it_refuses_and_says_so() -> None:
    pg = Told(session=Script(), temperature=1.6, top_k=7, max_tokens=100)
    pg.model = "opus"
    assert pg.given == {"provider": "aimlapi", "model": "opus", "max_tokens": 100}
    assert {message["name"] for message in pg.of("refused")} == {"temperature", "top_k"}
    pg.provider = "demo"
    assert pg.model == "demo"


def test_an_alias_with_another_meaning_at_a_provider_becomes_the_version_it_means() -> None:
    pg = Playground(session=Script(), **SONNET, temperature=0.5)
    assert pg.model == "sonnet"
    pg.provider = "anthropic"
    assert (pg.model, pg.temperature) == ("sonnet-5.5", None)
    pg.model = "opus"
    assert pg.model == "opus"
    pg.model = "sonnet"
    assert pg.model == "sonnet-5.5"


def test_a_setting_can_be_observed_and_linked() -> None:
    pg, other = Playground(session=Script()), Playground(session=Script())
    seen: list[Any] = []
    pg.observe(lambda change: seen.append(change["new"]), "temperature")
    traitlets.link((pg, "temperature"), (other, "temperature"))
    other.temperature = 0.4
    assert pg.temperature == 0.4
    assert seen == [0.4]


def test_effort_and_thinking_are_dials_where_the_model_has_them() -> None:
    pg = Told(session=Script("Hi"), model="opus", effort="low", thinking="on")
    assert (pg.effort, pg.thinking) == ("low", "on")
    with pytest.raises(PromptError, match="always thinks"):
        pg.thinking = "off"
    with pytest.raises(PromptError, match="effort must be low"):
        pg.effort = "huge"
    pg.run("Why?")
    settle(pg)
    assert pg._session.asked[0].effort == "low"  # type: ignore[attr-defined]
    pg.model = "demo"
    assert (pg.effort, pg.thinking) == (None, None)
    assert {message["name"] for message in pg.of("refused")} == {"effort", "thinking"}
    rows = {name: row for row in pg.catalogue["models"] for name in row["names"]}
    assert rows["opus"]["choices"]["thinking"] == ["on"]
    assert rows["demo"]["refuses"]["effort"] == ""  # the usual reason


def test_every_model_of_the_table_is_offered_with_its_reasons() -> None:
    pg = Playground(session=Script())
    rows = {name: row for row in pg.catalogue["models"] for name in row["names"]}
    assert rows["opus"]["refuses"]["temperature"] == ""  # the usual reason; js/test/controls.test.js says it
    assert "temperature" not in rows["sonnet"]["refuses"]
    assert rows["sonnet"]["either"] == [["temperature", "top_p"]]
    assert rows["demo"]["ranges"]["temperature"] == [0, 2]


# -------------------------------------------------------------------------------------------------- running


def test_a_run_is_told_in_numbered_pieces_that_make_its_text() -> None:
    pg = Told(session=Script(Chunk(thinking="hm"), "The sky ", "is blue."))
    pg.run("Why?")
    settle(pg)
    pieces = pg.of("d")
    assert [piece["seq"] for piece in pieces] == list(range(1, len(pieces) + 1))
    assert pg.html() == markdown_html("The sky is blue.")
    assert pieces[-1]["n"] == len("hmThe sky is blue.")
    assert "".join(piece.get("k", "") for piece in pieces) == "hm"
    assert (pg.told[0]["t"], pg.told[-1]) == ("start", {"t": "end", "run": 1, "seq": len(pieces)})
    assert pg.state == {"run": 1, "live": False, "queued": 0}
    assert pg.history[0]["text"] == pg.reply.text == "The sky is blue."
    assert pg.history[0]["html"] == markdown_html("The sky is blue.")


def test_a_second_run_waits_for_the_first_and_they_are_not_mixed() -> None:
    go = threading.Event()
    pg = Told(session=Script("one ", go, "end"))
    pg.run("first")
    pg.run("second", times=2)
    assert pg.state["queued"] >= 2
    go.set()
    settle(pg)
    assert [message["run"] for message in pg.told if message["t"] in ("start", "end")] == [1, 1, 2, 2, 3, 3]
    assert [request.repeat for request in pg._session.asked] == [0, 0, 1]  # type: ignore[attr-defined]
    assert [row.reply.prompt for row in pg.runs] == ["second", "second", "first"]


def test_stop_ends_the_run_keeps_what_arrived_and_forgets_the_queue() -> None:
    pg = Told(session=Script("so far", threading.Event(), "never"))
    pg.run("first", times=3)
    while not pg.of("d"):
        pass
    pg.hear({"t": "stop", "run": 1})
    reply = settle(pg)
    assert reply is not None
    assert (reply.text, reply.stop_reason) == ("so far", "interrupted")
    assert len(pg.runs) == 1


def test_a_run_that_the_network_holds_is_given_up_within_a_second() -> None:
    hold = threading.Event()

    class Stuck(Script):
        def _say(self, stop: Stop) -> Iterator[Chunk]:
            yield Chunk(text="so far")
            hold.wait(30)

    pg = Told(session=Stuck())
    pg.run("first")
    while not pg.of("d"):
        pass
    pg.stop()
    assert pg._queue.wait(None), "still held"
    assert pg.reply.text == "so far"
    hold.set()


def test_the_reply_lands_in_the_notebooks_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = InteractiveShell()
    monkeypatch.setattr(playground, "get_ipython", lambda: shell)
    shell.user_ns["who"] = "Ada"
    pg = Playground(session=Script("Hi"), variable="answer")
    pg.run("Greet {{who}}")
    settle(pg)
    assert shell.user_ns["answer"] is pg.reply
    assert pg.reply.prompt == "Greet Ada"
    assert pg.history[0]["prompt"] == "Greet {{who}}"


def test_a_failed_run_says_why_names_the_dial_and_keeps_what_came() -> None:
    trouble = BadRequest("temperature is deprecated for this model", status=400, param="temperature")
    pg = Told(session=Script("so", trouble), temperature=0.5)
    pg.run("Why?")
    settle(pg)
    run = pg.history[0]
    assert (run["error"], run["blamed"], run["text"]) == (str(trouble), "temperature", "so")


def test_any_other_exception_is_shown_in_one_line_and_the_next_run_works() -> None:
    session = Script(RuntimeError("boom"))
    pg = Playground(session=session)
    pg.run("Why?")
    settle(pg)
    assert pg.history[0]["error"] == "RuntimeError: boom"
    session.pieces = ("fine",)
    pg.run("Why?")
    assert settle(pg).text == "fine"  # type: ignore[union-attr]


def test_all_runs_become_a_table() -> None:
    pytest.importorskip("pandas")
    pg = Playground(session=Script("Hi"), temperature=0.5)
    pg.run("Why?", times=2)
    settle(pg)
    frame = pg.runs.to_pandas()
    assert list(frame["text"]) == ["Hi", "Hi"]
    assert list(frame["temperature"]) == [0.5, 0.5]


def test_every_dial_reaches_the_body_of_the_request_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    done = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    with Server([stream(done)]) as server:
        session = Session()
        session.configure(provider="openai-compatible", base_url=server.url, model="some-model")
        pg = Playground(session=session)
        values = {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "max_tokens": 64, "seed": 3, "stop_sequences": ["END"]}
        for name, value in values.items():
            setattr(pg, name, value)
            pg.run("Why?")
            settle(pg)
            assert pg.history[-1]["error"] is None
            setattr(pg, name, None)
        pg.run("Why?")
        settle(pg)
        bodies = [request.json for request in server.requests]
    usual = set(bodies[-1])
    assert not usual & {*values, "stop"}
    sent = [{key: value for key, value in body.items() if key not in usual} for body in bodies[:-1]]
    assert [next(iter(body.values())) for body in sent] == list(values.values())
    assert all(len(body) == 1 for body in sent)


def test_a_400_of_the_server_is_shown_beside_its_dial() -> None:
    refusal = {"error": {"message": "top_p is not supported with this model", "param": "top_p", "code": "invalid"}}
    with Server([answer(400, refusal)]) as server:
        session = Session()
        session.configure(provider="openai-compatible", base_url=server.url, model="some-model")
        pg = Playground(session=session, top_p=0.9)
        pg.run("Why?")
        settle(pg)
    assert pg.history[0]["blamed"] == "top_p"


# ------------------------------------------------------------------------------------------- the front end


def ask(pg: Told, prompt: str = "Why?", times: object = 1, **settings: Any) -> None:
    pg.hear({"t": "run", "settings": {"prompt": prompt, **settings}, "n": times})


def test_a_run_from_the_front_end_carries_its_settings() -> None:
    pg = Told(session=Script("Hi"))
    ask(pg, provider="demo", model="demo", temperature=0.5, variable="x")
    settle(pg)
    assert (pg.prompt, pg.temperature, pg.variable) == ("Why?", 0.5, "x")
    assert pg.reply.params == {"temperature": 0.5}


@pytest.mark.parametrize(
    "message",
    [
        None, 7, "run", [], {}, {"t": None}, {"t": "run"}, {"t": "run", "settings": []}, {"t": "stop"},
        {"t": "sync"}, {"t": "sync", "run": "1"}, {"t": "sync", "run": 99}, {"t": "preset"}, {"t": "boo", "run": {}},
        {"t": "preset", "name": "x" * 100, "params": {}}, {"t": "preset", "name": "x", "params": {"api_key": "k"}},
        {"t": "preset", "name": "x", "params": {"temperature": "hot"}}, {"t": "preset", "name": ["x"], "params": {}},
    ],
)  # fmt: skip
def test_no_message_however_odd_breaks_it(message: object) -> None:
    pg = Told(session=Script("Hi"))
    pg.hear(message)
    assert pg.runs == [] or len(pg.runs) == 0
    ask(pg)
    assert settle(pg).text == "Hi"  # type: ignore[union-attr]


@pytest.mark.parametrize("times", [0, -1, 21, 1.5, "3", None, True, 10**9])
def test_the_front_end_cannot_ask_for_a_silly_number_of_runs(times: object) -> None:
    pg = Told(session=Script("Hi"))
    ask(pg, times=times)
    settle(pg)
    assert len(pg.runs) == 0
    assert "times goes from 1 to 20" in pg.history[0]["error"]


def test_a_setting_from_the_front_end_that_does_not_pass_is_put_back_and_named() -> None:
    pg = Told(session=Script())
    pg.set_state({"temperature": 9, "variable": "no name", "system": 7})
    assert (pg.temperature, pg.variable, pg.system) == (None, "reply", None)
    assert [message["name"] for message in pg.of("refused")] == ["temperature", "variable", "system"]


def test_the_front_end_cannot_write_what_is_not_its_to_write() -> None:
    pg = Told(session=Script())
    pg.set_state({"history": [{"run": 1}], "catalogue": {}, "uid": "x", "_esm": "alert(1)", "state": {}})
    assert (pg.history, pg.state["run"]) == ([], 0)
    assert pg.catalogue
    assert "alert(1)" not in pg._esm
    assert pg.uid != "x"


def test_only_runs_that_exist_can_be_pinned_and_four_of_them() -> None:
    pg = Told(session=Script("Hi"))
    pg.run("Why?", times=6)
    settle(pg)
    pg.set_state({"pinned": [1, 2, 2, "3", 99, 3, 4, 5]})
    assert pg.pinned == [2, 3, 4, 5]


def test_an_empty_prompt_is_shown_as_a_failed_run() -> None:
    pg = Told(session=Script("Hi"))
    ask(pg, "  ")
    assert "the prompt is empty" in pg.history[0]["error"]
    assert pg.told[-1]["t"] == "end"


def test_a_view_that_asks_in_the_middle_gets_exactly_what_was_told() -> None:
    go = threading.Event()
    pg = Told(session=Script("so far", go, " so good"))
    pg.run("Why?")
    while not pg.of("d"):
        pass
    pg.hear({"t": "sync", "run": 1})
    sync = pg.of("sync")[0]
    assert ("".join(sync["html"]), sync["live"]) == (pg.html(sync["seq"]), True)
    go.set()
    settle(pg)
    pg.hear({"t": "sync", "run": 1})
    assert (pg.of("sync")[1]["html"], pg.of("sync")[1]["live"]) == ([markdown_html("so far so good")], False)


def test_what_is_drawn_in_pieces_is_what_is_drawn_at_once() -> None:
    text = mixed(6_000) + "\n\n```python\nx = 1\n```\n\n😀 $\\frac{1}{2}$ end"
    pg = Told(session=Script(*(text[at : at + 400] for at in range(0, len(text), 400))))
    pg.run("Why?")
    settle(pg)
    shown, whole = pg.html(), pg.history[0]["html"]
    assert "".join(text_of(f"<div>{shown}</div>").split()) == "".join(text_of(without_latex(whole)).split())
    assert not quick_faults(shown) + faults(whole)


def test_a_call_of_a_function_and_an_answer_in_json_look_as_in_a_cell() -> None:
    request = Request("demo", "demo", (Message("user", "Hi"),), answer=Answer({"type": "object"}))
    reply = Reply(request, text='{"a": 1}')
    run = Run(1, "Hi", {}, "reply", "demo", request, reply=reply)
    assert run.as_state()["html"] == whole(reply)["text/html"].partition('<div style="margin')[0]
    assert "<pre" in run.html


# ------------------------------------------------------------------------------------------- what is kept


def test_the_saved_state_is_the_bundle_the_replies_and_at_most_20_kb() -> None:
    pg = Playground(session=Script(Chunk(thinking="thought " * 50), "word " * 2_000))
    for number in range(30):
        pg.run(f"{number} " + "a question " * 30)
    settle(pg)
    for number in range(12):
        pg.presets = presets.for_front_end(presets.change(pg._presets_path, f"preset {number}", {"temperature": 0.5}))
    state = pg.get_state()
    replies = sum(len(json.dumps(run["text"] + run["html"] + run["thinking"])) for run in state["history"])
    rest = len(json.dumps({key: value for key, value in state.items() if key not in ("_esm", "_css")}, default=str))
    assert len(state["history"]) >= 5
    assert rest - replies < 20_000


def test_at_100_tokens_a_second_the_wire_carries_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """800 bytes for the envelope of each message, as measured in a kernel, and 12 kB/s in all."""
    asked, taken = threading.Semaphore(0), threading.Semaphore(0)

    class Steady(Script):
        def _say(self, stop: Stop) -> Iterator[Chunk]:
            for _ in range(1000):
                asked.acquire()
                yield Chunk(text=" word")
                taken.release()
            yield Chunk(stop_reason="end", done=True)
            taken.release(1000)

    class Reader(threading.Thread):
        """Reads 100 tokens for each second that somebody waits for it."""

        def join(self, timeout: float | None = None) -> None:
            for _ in range(max(1, round(100 * (timeout or 0)))):
                asked.release()
                taken.acquire()

    monkeypatch.setattr(run_queue, "threading", SimpleNamespace(**{**vars(threading), "Thread": Reader}))
    pg = Told(session=Steady())
    pg.run("Why?")
    settle(pg)
    size = sum(800 + len(json.dumps(message)) for message in pg.of("d"))
    assert 0 < size / 10 < 12_000


def test_own_presets_outlive_the_kernel(tmp_path: Path) -> None:
    pg = Told(session=Script())
    pg.hear({"t": "preset", "name": "mine", "params": {"temperature": 0.3}})
    assert Playground(session=Script()).presets["mine"] == {"params": {"temperature": 0.3}, "own": True}
    pg.hear({"t": "preset", "name": "precise", "params": {"temperature": 0.9}})
    assert "use another name" in pg.of("refused")[-1]["why"]
    pg.hear({"t": "preset", "name": "mine", "params": None})
    assert "mine" not in Playground(session=Script()).presets
    broken = tmp_path / "presets.json"
    broken.write_text("{")
    assert presets.load(broken) == {}


def test_a_reply_is_kept_everywhere_before_the_page_shows_it_as_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook saved at that moment lost the reply, and a cell run at that moment had no variable."""
    kept: list[tuple[bool, bool]] = []
    published: list[object] = []
    shell = InteractiveShell()
    monkeypatch.setattr(playground, "get_ipython", lambda: shell)
    monkeypatch.setattr(playground, "publish_display_data", lambda *_, **__: published.append(None))
    pg = Playground(session=Script("Hello"))
    pg._transcript_id = "shown"
    pg.observe(lambda _: kept.append((bool(published), "reply" in shell.user_ns)), "history")
    pg.run("Why?")
    settle(pg)
    assert kept == [(True, True)]


def test_the_transcript_is_static_html_of_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[dict[str, str], dict[str, Any]]] = []
    monkeypatch.setattr(playground, "publish_display_data", lambda data, _=None, **how: published.append((data, how)))
    shell = InteractiveShell()
    shell.kernel = object()  # type: ignore[attr-defined]  # as in a notebook
    monkeypatch.setattr(playground, "get_ipython", lambda: shell)
    pg = Playground(session=Script("**Hi** <script>alert(1)</script>"))
    pg._ipython_display_()
    pg.run("<b>Why?</b>")
    settle(pg)
    assert "application/vnd.jupyter.widget-view+json" in published[0][0]
    first, last = published[1], published[-1]
    assert first[1]["transient"] == last[1]["transient"]
    assert last[1]["update"]
    html = last[0]["text/html"]
    assert f"cnb-transcript-{pg.uid}" in html
    assert "<strong>Hi</strong>" in html
    assert "<script" not in html
    assert "<b>Why" not in html
    assert "**Hi**" in last[0]["text/plain"]


def test_without_a_notebook_it_says_what_to_use_instead(capsys: pytest.CaptureFixture[str]) -> None:
    Playground(session=Script())._ipython_display_()
    out = capsys.readouterr().out
    assert "%%claude" in out
    assert out.count("\n") == 1


def test_in_colab_the_reply_is_streamed_before_the_handler_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "google.colab", object())
    pg = Told(session=Script("a", "b"))
    ask(pg)
    assert pg.told[-1]["t"] == "end"
    assert pg.reply.text == "ab"


def test_the_widget_has_its_id_from_its_first_message_on(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, Any]] = []
    usual = Playground.open
    monkeypatch.setattr(Playground, "open", lambda self: (opened.append(self.get_state()), usual(self))[1])
    pg = Playground(session=Script())
    assert opened[0]["uid"] == pg.uid != ""


# Probabilities


def test_the_probabilities_of_a_run_are_drawn_below_it_and_saved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    session.demo_delay_s = 0
    pg = Told(session=session, logprobs=2, max_tokens=5, seed=1)

    pg.run("Tell me a story.")
    reply = settle(pg)

    assert reply is not None
    assert len(reply.tokens or ()) == 5
    [run] = pg.history
    assert run["params"]["logprobs"] == 2
    assert run["sure"].count("<span") == 5
    assert "how sure" not in run["html"]
    assert transcript.transcript(pg._runs, "c")["text/html"].count("how sure") == 1


def test_a_model_without_probabilities_locks_the_dial() -> None:
    pg = Told(session=Script(), logprobs=3)
    pg.provider, pg.model = "aimlapi", "sonnet"

    assert pg.logprobs is None
    assert "takes no logprobs" in pg.of("refused")[-1]["why"]
    with pytest.raises(traitlets.TraitError, match="takes no logprobs"):
        pg.logprobs = 3


# Several models


def compared(pg: Told) -> list[tuple[str, str]]:
    return [(run["provider"], run["model"]) for run in pg.history]


def test_one_prompt_for_several_models_is_pinned_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "0123456789abcdef0123456789abcdef")
    session = Script("Hello")
    pg = Told(session=session, provider="aimlapi", model="sonnet-4.6", temperature=0.5, system="Be brief.")

    pg.compare("Why?")
    settle(pg)

    assert compared(pg) == [
        ("demo", "demo"),
        ("anthropic", "claude-sonnet-4-6"),
        ("aimlapi", "anthropic/claude-sonnet-4.6"),
    ]
    assert pg.pinned == [1, 2, 3]
    assert {request.messages[-1].text for request in session.asked} == {"Why?"}
    assert {request.system for request in session.asked} == {"Be brief."}
    assert {request.sampling.temperature for request in session.asked} == {0.5}


def test_a_setting_that_one_model_refuses_is_left_out_there_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "0123456789abcdef0123456789abcdef")
    session = Script("Hello")
    pg = Told(session=session, provider="demo", model="demo", temperature=1.6, seed=3, logprobs=2, top_p=0.5)

    pg.compare("Why?")
    settle(pg)

    params = {request.provider: request.params for request in session.asked}
    assert params["demo"] == {"temperature": 1.6, "seed": 3, "logprobs": 2, "top_p": 0.5}
    assert params["anthropic"].keys() == {"top_p", "max_tokens"}


def test_the_same_model_is_not_asked_twice_and_one_alone_is_not_compared() -> None:
    pg = Told(session=Script("Hello"))

    with pytest.raises(PromptError, match=r"only one model to ask; set a key"):
        pg.compare("Why?")

    assert compared(pg) == []


def test_a_model_of_the_local_provider_is_compared_once_its_weights_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    row = registry.Provider("local", "Local", None, None, (), "small", needs_key=False)
    monkeypatch.setitem(registry.PROVIDERS, "local", row)
    monkeypatch.setattr(weights, "are_here", lambda: True)
    pg = Told(session=Script("Hello"))

    pg.compare("Why?")
    settle(pg)

    assert [provider for provider, _ in compared(pg)] == ["demo", "local"]
    assert pg.pinned == [1, 2]


def test_another_model_that_cannot_be_asked_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_NB_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "0123456789abcdef0123456789abcdef")
    pg = Told(session=Script("Hello"), provider="anthropic", model="sonnet-4.6", thinking="on")
    monkeypatch.setenv("CLAUDE_NB_MODEL", "llama3")

    pg.compare("Why?")
    settle(pg)

    assert [provider for provider, _ in compared(pg)] == ["demo", "anthropic"]
    assert any("without openai-compatible" in message["why"] for message in pg.of("refused"))


def test_the_chosen_model_is_never_left_out_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "0123456789abcdef0123456789abcdef")
    pg = Told(session=Script("Hello"), provider="openai-compatible", model="llama3")

    pg.hear({"t": "run", "compare": True, "settings": {"prompt": "Why?", "thinking": "on"}})
    settle(pg)

    assert "has no field for --thinking" in pg.history[-1]["error"]
    assert len(pg.history) == 1


def test_the_front_end_asks_for_a_comparison_with_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "0123456789abcdef0123456789abcdef")
    session = Script("Hello")
    pg = Told(session=session)

    pg.hear({"t": "run", "compare": True, "settings": {"prompt": "Why?", "max_tokens": 9}})
    settle(pg)

    assert [request.sampling.max_tokens for request in session.asked] == [9, 9]
    assert pg.pinned == [1, 2]


@pytest.mark.parametrize("odd", [1, "yes", [], None])
def test_only_true_asks_for_a_comparison(odd: object) -> None:
    pg = Told(session=Script("Hello"))

    pg.hear({"t": "run", "compare": odd, "settings": {"prompt": "Why?"}})
    settle(pg)

    assert (len(pg.history), pg.pinned) == (1, [])

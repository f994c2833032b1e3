"""A turn always ends in a Reply, whatever the model, the reader or the user does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import ApiError, ClaudeError, Interrupted, NetworkError, StreamCut
from claude_nb.session import received
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk, Message, Request, Usage
from tests.helpers.clocks import Clock

REQUEST = Request("demo", "demo", (Message("user", "Hi"),))
END = Chunk(stop_reason="end", raw_stop_reason="end_turn", done=True)


class TurnObserver:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.seen: list[str] = []

    def progress(self, turn: Turn) -> None:
        self.seen.append(turn.text)

    def finished(self, turn: Turn, reply: Reply) -> Reply:
        self.replies.append(reply)
        return reply


class Model:
    """A model that yields these chunks, and raises these errors; knows whether its connection was let go."""

    def __init__(self, *steps: Chunk | BaseException | Callable[[], object]) -> None:
        self.steps = steps
        self.opened = 0
        self.closed = False

    def __call__(self, stop: Stop) -> Iterator[Chunk]:
        self.opened += 1
        try:
            for step in self.steps:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, Chunk):
                    yield step
                else:
                    step()
        finally:
            self.closed = True


def turn(*steps: Chunk | BaseException | Callable[[], object], clock: Clock | None = None) -> Turn:
    return Turn(REQUEST, Model(*steps), TurnObserver(), clock=clock or Clock())


def observer(turn: Turn) -> TurnObserver:
    assert isinstance(turn._observer, TurnObserver)
    return turn._observer


# To the end


def test_a_turn_ends_in_a_reply_with_all_that_arrived() -> None:
    clock = Clock()
    model = Model(
        Chunk(id="req_1", model="demo-2", usage=Usage(input_tokens=5)),
        lambda: setattr(clock, "now", 100.5),
        Chunk(thinking="hm"),
        Chunk(text="Hel"),
        Chunk(text="lo", usage=Usage(output_tokens=2)),
        lambda: setattr(clock, "now", 102.0),
        END,
    )
    reply = Turn(REQUEST, model, TurnObserver(), source="demo", clock=clock).wait()
    assert (reply.text, reply.thinking, reply.usage) == ("Hello", "hm", Usage(5, 2))
    assert (reply.stop_reason, reply.raw_stop_reason, reply.error) == ("end", "end_turn", None)
    assert (reply.request_id, reply.response_model, reply.source) == ("req_1", "demo-2", "demo")
    assert (reply.first_token_s, reply.seconds) == (0.5, 2.0)
    assert reply.request is REQUEST
    assert model.closed


def test_iterating_gives_the_text_as_it_arrives() -> None:
    running = turn(Chunk(thinking="hm"), Chunk(text="a"), Chunk(usage=Usage(1)), Chunk(text="b"), END)
    seen = [(text, running.text, running.reply) for text in running]
    assert seen == [("a", "a", None), ("b", "ab", None)]
    assert running.reply is not None
    assert running.reply.text == "ab"


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=8))
def test_no_letter_is_lost_or_moved(pieces: list[tuple[str, str]]) -> None:
    reply = turn(*(Chunk(text=text, thinking=thinking) for text, thinking in pieces), END).wait()
    assert (reply.text, reply.thinking) == ("".join(t for t, _ in pieces), "".join(k for _, k in pieces))


def test_it_can_be_read_once() -> None:
    running = turn(Chunk(text="a"), END)
    running.wait()
    with pytest.raises(RuntimeError, match=r"turn\.text"):
        list(running)
    assert len(observer(running).replies) == 1


def test_nothing_is_sent_before_the_first_step() -> None:
    model = Model(END)
    running = Turn(REQUEST, model, TurnObserver())
    chunks = running.chunks()
    assert model.opened == 0
    next(chunks)
    assert model.opened == 1


def test_an_end_marker_without_a_reason_is_an_end() -> None:
    assert turn(Chunk(text="a"), Chunk(done=True)).wait().stop_reason == "unknown"


def test_the_first_stop_reason_counts() -> None:
    reply = turn(Chunk(stop_reason="max_tokens", raw_stop_reason="length"), END).wait()
    assert (reply.stop_reason, reply.raw_stop_reason) == ("max_tokens", "length")


def test_a_notice_is_shown_until_something_arrives() -> None:
    running = turn(Chunk(notice="overloaded, trying again"), Chunk(text="a"), END)
    notices = [running.notice for _ in running.chunks()]
    assert notices == ["overloaded, trying again", None, None]


def test_a_reply_without_a_token_has_no_first_one() -> None:
    assert turn(END).wait().first_token_s is None


# Broken off


def test_a_stream_that_just_ends_is_a_cut_and_its_text_is_kept() -> None:
    running = turn(Chunk(text="so far"))
    with pytest.raises(StreamCut, match="what arrived is kept") as caught:
        running.wait()
    assert caught.value.reply is running.reply
    assert running.reply is not None
    assert (running.reply.text, running.reply.stop_reason) == ("so far", "error")
    assert running.reply.error == str(caught.value)


def test_a_cut_before_the_first_letter_says_so() -> None:
    with pytest.raises(StreamCut, match="nothing arrived"):
        turn().wait()


@pytest.mark.parametrize("error", [NetworkError("gone silent"), ApiError("overloaded", status=529)])
def test_an_error_carries_what_had_arrived(error: ClaudeError) -> None:
    running = turn(Chunk(text="so far"), error)
    with pytest.raises(type(error)) as caught:
        running.wait()
    assert caught.value is error
    assert error.reply is running.reply is observer(running).replies[0]
    assert running.reply is not None
    assert (running.reply.text, running.reply.stop_reason, running.reply.error) == ("so far", "error", str(error))


def test_an_error_holds_no_frame_of_the_network_code() -> None:
    def connect() -> None:
        raise NetworkError("no connection")

    with pytest.raises(NetworkError) as caught:
        turn(connect).wait()
    assert "connect" not in [entry.name for entry in caught.traceback]
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_bug_is_not_hidden_and_the_text_is_kept() -> None:
    running = turn(Chunk(text="a"), ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError):
        running.wait()
    assert running.reply is not None
    assert (running.reply.text, running.reply.error) == ("a", "ZeroDivisionError: bug")


def test_a_runaway_reply_is_stopped_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "MAX_CHARS", 10)
    running = turn(*[Chunk(text="xxxx")] * 100, END)
    with pytest.raises(StreamCut, match="10 characters"):
        running.wait()
    assert running.text == "x" * 10


# Stopped


def test_stop_ends_it_as_interrupted_and_without_an_error() -> None:
    running = turn(Chunk(text="a"), lambda: running.request and running.stop(), Chunk(text="b"), END)
    reply = running.wait()
    assert (reply.text, reply.stop_reason, reply.error) == (
        "a",
        "interrupted",
        "interrupted after 1 tokens (estimated)",
    )
    assert isinstance(running._open, Model)
    assert running._open.closed


def test_a_turn_stopped_before_it_is_read_sends_nothing() -> None:
    model = Model(Chunk(text="a"), END)
    running = Turn(REQUEST, model, TurnObserver())
    running.stop()
    assert running.wait().stop_reason == "interrupted"
    assert model.opened == 0


def test_stopping_after_the_end_changes_nothing() -> None:
    running = turn(Chunk(text="a"), END)
    reply = running.wait()
    running.stop()
    assert running.abandon() is reply
    assert reply.stop_reason == "end"


def test_the_error_of_a_connection_that_was_cut_by_the_stop_is_not_raised() -> None:
    running = turn(Chunk(text="a"), lambda: running.request and running.stop(), NetworkError("closed"))
    assert running.wait().stop_reason == "interrupted"


def test_ctrl_c_keeps_what_had_arrived() -> None:
    running = turn(Chunk(text="a", usage=Usage(output_tokens=7)), KeyboardInterrupt())
    with pytest.raises(Interrupted, match=r"interrupted after 7 tokens$") as caught:
        running.wait()
    assert caught.value.reply is running.reply
    assert running.reply is not None
    assert (running.reply.text, running.reply.stop_reason) == ("a", "interrupted")


def test_leaving_the_loop_early_lets_the_connection_go() -> None:
    running = turn(Chunk(text="a"), Chunk(text="b"), END)
    for _ in running:
        break
    assert running.reply is not None
    assert (running.reply.text, running.reply.stop_reason) == ("a", "interrupted")
    assert isinstance(running._open, Model)
    assert running._open.closed


def test_abandoning_settles_while_the_reader_is_stuck() -> None:
    stuck, free = threading.Event(), threading.Event()
    running = turn(Chunk(text="a"), stuck.set, lambda: free.wait(10), Chunk(text="late"), END)
    reader = threading.Thread(target=running.wait)
    reader.start()
    assert stuck.wait()
    reply = running.abandon()
    free.set()
    reader.join()
    assert (reply.text, reply.stop_reason) == ("a", "interrupted")
    assert running.reply is reply
    assert observer(running).replies == [reply]


# On the way


def test_the_observer_hears_of_it_about_once_a_second() -> None:
    clock = Clock()

    def later() -> None:
        clock.now += 0.3

    running = turn(*[step for _ in range(10) for step in (later, Chunk(text="x"))], END, clock=clock)
    running.wait()
    assert [len(text) for text in observer(running).seen] == [4, 8]


def test_the_rhythm_tells_how_much_had_arrived_when() -> None:
    clock = Clock()

    def later() -> None:
        clock.now += 0.02

    running = turn(*[step for _ in range(20) for step in (later, Chunk(text="ab"))], END, clock=clock)
    running.wait()
    rhythm = running.rhythm
    assert rhythm[0] == (0.02, 2)
    assert rhythm[-1][1] == 40
    assert all(later[0] - earlier[0] >= 0.05 for earlier, later in pairwise(rhythm[:-1]))
    assert list(rhythm) == sorted(rhythm)


def test_thinking_has_no_part_in_the_rhythm() -> None:
    running = turn(Chunk(thinking="long thoughts"), Chunk(text="ab"), END)
    running.wait()
    assert running.rhythm[-1][1] == 2


def test_tokens_are_the_servers_count_or_an_estimate() -> None:
    running = turn(Chunk(text="12345"), Chunk(usage=Usage(output_tokens=9)), END)
    counts = [running.tokens for _ in running.chunks()]
    assert counts == [2, 9, 9]


def test_a_finished_reply_may_be_changed_by_its_observer() -> None:
    class Pricing(TurnObserver):
        def finished(self, turn: Turn, reply: Reply) -> Reply:
            return Reply(reply.request, text=reply.text, cost_usd=1.0)

    running = Turn(REQUEST, Model(Chunk(text="a"), END), Pricing())
    assert running.wait().cost_usd == 1.0
    assert running.reply is not None
    assert running.reply.cost_usd == 1.0

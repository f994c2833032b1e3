"""Showing a turn: what had arrived is never lost, whatever goes wrong on the way to the screen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from claude_nb.errors import Interrupted, NetworkError
from claude_nb.notebook import display
from claude_nb.session.frontend import Mode
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk, Message, Request

REQUEST = Request("demo", "demo", (Message("user", "Hi"),))


def show(turn: Turn, mode: Mode, **options: Any) -> None:
    view = display.view_for(mode, **options)
    view.finish(view.read(turn))


class TurnObserver:
    def progress(self, turn: Turn) -> None:
        """Nothing to keep."""

    def finished(self, turn: Turn, reply: object) -> object:
        return reply


def turn_of(*chunks: Chunk | BaseException) -> Turn:
    def stream(_: Stop) -> Iterator[Chunk]:
        for chunk in chunks:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    return Turn(REQUEST, stream, TurnObserver())  # type: ignore[arg-type]  # an observer by its methods


@pytest.mark.parametrize("mode", ["live", "once", "text", "quiet"])
def test_an_error_is_raised_with_what_had_arrived(mode: display.Mode, capsys: pytest.CaptureFixture[str]) -> None:
    turn = turn_of(Chunk(text="half"), NetworkError("the line is down"))
    with pytest.raises(NetworkError) as caught:
        show(turn, mode)
    assert caught.value.reply is not None
    assert (caught.value.reply.text, caught.value.reply.stop_reason) == ("half", "error")
    capsys.readouterr()


def test_nothing_is_shown_in_quiet_mode(capsys: pytest.CaptureFixture[str]) -> None:
    show(turn_of(Chunk(text="Hello"), Chunk(stop_reason="end")), "quiet")
    assert capsys.readouterr().out == ""


def test_text_mode_prints_the_notices_the_text_and_the_footer(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = Chunk(notice="overloaded, trying again in 2 s (1 of 2)")
    turn = turn_of(waiting, Chunk(text="Hello"), Chunk(stop_reason="end"))
    show(turn, "text", notices=["no key found"])
    out = capsys.readouterr().out
    assert out.startswith("[no key found]\n")
    assert "Hello\n\n[Demo model: small local word statistics, not Claude" in out


def test_a_session_keeps_the_reply_when_the_screen_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(display.ReplyView):
        def feed(self, chunk: Chunk) -> None:
            raise IndexError("a bug in the screen")

    monkeypatch.setattr(display, "_Text", lambda _: Broken())
    session = Session()
    session.demo_delay_s = 0
    turn = session.stream("Tell me a story.", provider="demo", seed=1)
    with pytest.raises(IndexError):
        show(turn, "text")
    assert turn.reply is not None
    assert turn.reply.text
    assert session.last == turn.reply


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """As in a program in front: a shell starts one in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_ctrl_c_while_the_first_is_answered_loses_nothing() -> None:
    def stream(stop: Stop) -> Iterator[Chunk]:
        yield Chunk(text="half")
        os.kill(os.getpid(), signal.SIGINT)
        stop.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        show(Turn(REQUEST, stream, TurnObserver()), "quiet")  # type: ignore[arg-type]  # an observer by its methods
    assert caught.value.reply is not None
    assert (caught.value.reply.text, caught.value.reply.stop_reason) == ("half", "interrupted")

from __future__ import annotations

import pickle

import pytest

import claude_nb
from claude_nb import errors
from claude_nb.errors import ApiError, ClaudeError, Interrupted, Overloaded
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BaseException)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, ClaudeError)])
def test_every_error_shows_as_one_line_with_its_type(kind: type[ClaudeError]) -> None:
    assert kind("set X, then again")._render_traceback_() == [f"{kind.__name__}: set X, then again"]


def test_an_interruption_shows_as_its_line_only() -> None:
    assert Interrupted("interrupted after 12 tokens")._render_traceback_() == ["interrupted after 12 tokens"]


def test_an_interruption_is_not_swallowed_by_except_exception() -> None:
    assert issubclass(Interrupted, KeyboardInterrupt)
    assert not issubclass(Interrupted, Exception)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_travels_between_processes_with_its_reply(kind: type[ClaudeError]) -> None:
    error = kind("line")
    error.reply = Reply(Request("demo", "demo", (Message("user", "Hi"),)), text="so far")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.reply) == (kind, "line", error.reply)


def test_the_details_of_the_server_travel_too() -> None:
    error = Overloaded("busy", status=529, request_id="req_1", retry_after_s=2.5, param="top_p")
    again = pickle.loads(pickle.dumps(error))
    assert (again.status, again.request_id, again.retry_after_s, again.param) == (529, "req_1", 2.5, "top_p")


def test_what_the_server_did_not_send_is_none() -> None:
    error = ApiError("no")
    assert (error.status, error.request_id, error.retry_after_s, error.param, error.reply) == (None,) * 5


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_public_and_drawn_in_the_tree(kind: type[BaseException]) -> None:
    assert kind.__name__ in claude_nb.__all__
    assert kind.__name__ in (errors.__doc__ or "")

"""A reply says who it is."""

from __future__ import annotations

from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request


def test_the_repr_of_a_reply_is_one_short_line_also_in_a_list() -> None:
    request = Request("demo", "demo", (Message("user", "Hi"),))
    reply = Reply(request, text="Once upon\na time " * 100)
    assert repr([reply, Reply(request, text="\x1b[2J\u202eno", stop_reason="max_tokens")]) == (
        "[<Reply 'Once upon a time Once upon a time Once upon a time Once upo…' (demo, finished)>, "
        "<Reply '␛[2J\ufffdno' (demo, cut at max_tokens)>]"
    )

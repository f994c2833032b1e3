"""Server-sent events. The inputs named format-* follow the cases of the web-platform-tests, eventsource/format-*."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.errors import StreamCut
from claude_nb.providers import sse
from claude_nb.providers.sse import Decoder, Event, events, read_object
from tests.helpers.cuts import CUTS, Cut
from tests.helpers.work import allocations, calls

BOM = b"\xef\xbb\xbf"
END = b"\n\n\n"
LONG = b"x" * 2048

DATA: dict[str, tuple[bytes, list[str]]] = {
    "format-bom": (BOM + b"data:1\n\n" + BOM + b"data:2\n\ndata:3" + END, ["1", "3"]),
    "format-bom-2": (BOM + BOM + b"data:1\n\ndata:2\n\ndata:3" + END, ["2", "3"]),
    "format-comments": (
        b"data:1\r:\0\n:\r\ndata:2\n:" + LONG + b"\rdata:3\n:data:fail\r:" + LONG + b"\ndata:4" + END,
        ["1\n2\n3\n4"],
    ),
    "format-data-before-final-empty-line": (b"retry:1000\ndata:test1\n\nid:test\ndata:test2", ["test1"]),
    "format-field-data": (b"data:\n\ndata\ndata\n\ndata:test" + END, ["", "\n", "test"]),
    "format-field-parsing": (
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4"
        + END,
        ["\0\n 2\n1\n3\n\n4"],
    ),
    "format-field-retry": (b"retry:03000\ndata:x" + END, ["x"]),
    "format-field-retry-bogus": (b"retry:3000\nretry:1000x\ndata:x" + END, ["x"]),
    "format-field-retry-empty": (b"retry\ndata:test" + END, ["test"]),
    "format-field-unknown": (
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test" + END,
        ["test\n\ntest"],
    ),
    "format-leading-space": (b"data:\ttest\rdata: \ndata:test" + END, ["\ttest\n\ntest"]),
    "format-newlines": (b"data:test\r\ndata\ndata:test\r\n\r" + b"\n", ["test\n\ntest"]),
    "format-null-character": (b"data:\0" + END, ["\0"]),
    "format-utf-8": ("data:ok…".encode() + END, ["ok…"]),
    "event-data": (
        b"data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end" + END,
        ["msg\nmsg", "", "end"],
    ),
    "cr only": (b"data:1\r\rdata:2\r\r", ["1", "2"]),
    "crlf": (b"data:1\r\n\r\ndata:2\r\n\r\n", ["1", "2"]),
    "invalid utf-8": (b"data: a\xffb\n\n", ["a\ufffdb"]),
    "end inside a character": (b"data: a\n\ndata: \xf0\x9f", ["a"]),
    "surrogates in utf-8": (b"data: \xed\xa0\x80\n\n", ["\ufffd\ufffd\ufffd"]),
    "event without data": (b"event: ping\n\ndata: 1\n\n", ["1"]),
    "blank lines": (b"id: 7\n\n\n\n", []),
    "comment-only blocks": (b": a\n\n: b\n\ndata: 1\n\n", ["1"]),
    "characters that are not line ends": (
        "data: a\u2028b\u0085c\x0cd\x0be\x1cf\n\n".encode(),
        ["a\u2028b\u0085c\x0cd\x0be\x1cf"],
    ),
    "done without a space": (b"data:[DONE]\n\n", ["[DONE]"]),
    "done at the end, no blank line": (b"data: 1\n\ndata: [DONE]\n", ["1", "[DONE]"]),
    "done at the end, no line end": (b"data: 1\n\ndata: [DONE]", ["1", "[DONE]"]),
    "json at the end": (b'data: {"a": 1}', ['{"a": 1}']),
    "half a json at the end": (b'data: {"a": 1', []),
    "escaped newlines": (b'data: {"a":"x\\ny"}\n\n', ['{"a":"x\\ny"}']),
    "two lines, one json": (b'data: {"a":\ndata: 1}\n\n', ['{"a":\n1}']),
    "bom in the middle of data": ("data: a\ufeffb\n\n".encode(), ["a\ufeffb"]),
    "emoji": ("data: naïve 🙂👨‍👩‍👧\n\n".encode(), ["naïve 🙂👨‍👩‍👧"]),
    "no blank lines": (b'data: {"a": 1}\ndata: {"b": 2}\ndata: [DONE]\n\n', ['{"a": 1}', '{"b": 2}', "[DONE]"]),
    "a JSON object whose lines begin with braces": (b"data: {\ndata: {\n\n", ["{\n{"]),
    "data: twice": (b'data: data: {"a": 1}\ndata: \ndata: \n\ndata: data: [DONE]\n\n', ['{"a": 1}\n\n', "[DONE]"]),
    "nothing": (b"", []),
}

NAMES: dict[str, tuple[bytes, list[tuple[str, str, str]]]] = {
    "format-field-event": (
        b"event:test\ndata:x\n\ndata:x" + END,
        [("test", "x", ""), ("message", "x", "")],
    ),
    "format-field-event-empty": (b"event: \ndata:data" + END, [("message", "data", "")]),
    "a name is forgotten with its event": (b"event:a\n\ndata:x\n\n", [("message", "x", "")]),
    "format-field-id": (
        "id: …\ndata:1\n\ndata:2\n\n".encode(),
        [("message", "1", "…"), ("message", "2", "…")],
    ),
    "format-field-id-3": (
        b"id: 1\ndata:1\n\ndata:2\n\nid:2\ndata:3\n\nid:\ndata:4\n\nid: 5\ndata:5\n\nid\ndata:6\n\n",
        [("message", str(n), i) for n, i in ((1, "1"), (2, "1"), (3, "2"), (4, ""), (5, "5"), (6, ""))],
    ),
    "format-field-id-null": (
        b"".join(b"id:%b\ndata:x\n\n" % i for i in (b"\0", b"a\0", b"\0a", b"a\0b", b" \0")),
        [("message", "x", "")] * 5,
    ),
    "an error field, as older llama.cpp servers write it": (
        b'error: {"code":500,"message":"oom"}\n\ndata: [DONE]\n\n',
        [("error", '{"code":500,"message":"oom"}', ""), ("message", "[DONE]", "")],
    ),
}


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("name", DATA)
def test_events_hold_the_data_whatever_the_cut(name: str, cut: Cut) -> None:
    body, expected = DATA[name]

    assert [event.data for event in events(cut(body))] == expected


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_events_have_name_and_id_whatever_the_cut(name: str, cut: Cut) -> None:
    body, expected = NAMES[name]

    assert list(events(cut(body))) == [Event(*row) for row in expected]


PARTS = st.sampled_from(
    [
        b"data",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"id",
        b"event",
        b"error",
        b"[DONE]",
        b"{}",
        BOM,
        b"\xff",
        "é🙂".encode(),
        b"\0",
    ]
)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(PARTS | st.binary(max_size=5), max_size=30).map(b"".join), st.lists(st.integers(0, 120), max_size=6))
def test_any_cut_of_any_bytes_gives_the_same_events(body: bytes, places: list[int]) -> None:
    borders = sorted({0, len(body), *(place for place in places if place < len(body))})
    pieces = [body[a:b] for a, b in itertools.pairwise(borders)]

    assert list(events(pieces)) == list(events([body])) == list(events(body[i : i + 1] for i in range(len(body))))


def test_comments_complete_no_event() -> None:
    decoder = Decoder()

    assert decoder.feed(b": PROCESSING\n\n" * 10) == []
    assert decoder.feed(b"data: 1\n\n") == [Event("message", "1", "")]


def test_a_line_over_the_limit_ends_the_stream_and_keeps_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LIMIT_CHARS", 1000)
    stream = events([b"data: 1\n\ndata: ", b"x" * 600, b"x" * 600, b"x"])

    assert next(stream).data == "1"
    with pytest.raises(StreamCut, match="64 MiB"):
        next(stream)


def test_an_event_of_many_lines_over_the_limit_ends_the_stream_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LIMIT_CHARS", 1000)

    with pytest.raises(StreamCut):
        list(events(b"data: 123456789\n" for _ in range(200)))


def test_the_limit_counts_pending_text_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LIMIT_CHARS", 1000)
    body = b"data: 0123456789\n: comment\n\n" * 500

    assert len(list(events(body[i : i + 7] for i in range(0, len(body), 7)))) == 500


def test_an_endless_comment_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LIMIT_CHARS", 1000)

    assert list(events([b":", *[b"x" * 500] * 20, b"\ndata: 1\n\n"])) == [Event("message", "1", "")]


@pytest.mark.parametrize(
    ("body", "piece"),
    [(lambda n: b"data: " + b"x" * 100 * n + b"\n\n", 1000), (lambda n: b": keep-alive\n\n" * n, 4096)],
    ids=["a large event", "many comments"],
)
def test_the_work_grows_in_proportion_to_the_bytes(body: Callable[[int], bytes], piece: int) -> None:
    def work(data: bytes) -> tuple[int, int]:
        pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
        decoder = Decoder()
        with allocations() as allocated:
            for one in pieces:
                allocated.step(lambda one=one: decoder.feed(one))
        return allocated.bytes, calls(lambda: list(events(pieces)))

    small, large = work(body(5_000)), work(body(50_000))
    assert [big <= 11 * little for little, big in zip(small, large, strict=True)] == [True, True], (small, large)


@pytest.mark.parametrize(
    "text", ["[1]", "1", "{", '{"a":', "[" * 100_000, '{"a":' * 100_000, "1" * 5000, b"\xff{}", ""]
)
def test_data_that_is_not_a_json_object_is_none(text: str | bytes) -> None:
    assert read_object(text) is None

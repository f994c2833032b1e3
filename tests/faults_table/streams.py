"""Faults of a response that began well."""

from __future__ import annotations

import gzip
from typing import Any

from claude_nb.session.received import MAX_CHARS
from tests.faults_table.wires import Chat, Fault, body, good, hello
from tests.helpers.replies import sse
from tests.helpers.server import Repeat, Reset, Scenario, Send, Wait, answer, head, stream

CUT = "StreamCut: the reply broke off before its end (what arrived is kept); run the cell again"
NOTHING = "StreamCut: the reply broke off before its end (nothing arrived); run the cell again"
BROKE = "StreamCut: the connection to HOST broke in the middle of the reply; run it again"
SILENT = "NetworkError: HOST was silent for N s; run it again, or allow more with --timeout"
NO_WORD = (
    "NetworkError: HOST kept the connection open for N s without sending text; run it again, "
    "or allow more with --timeout"
)
DAMAGED = "StreamCut: a piece of the reply arrived damaged and is missing; run the cell again (the rest is kept)"


def stalled(wire: Chat, *then: Any) -> list[Scenario]:
    return [[Send(head()), Send(wire.open + wire.text("Hel")), *then]]


def packed(data: bytes, size: int | None = None) -> list[Scenario]:
    """Compress a stream with gzip, and cut it after *size* bytes."""
    return [stream(gzip.compress(data)[:size], headers={"content-encoding": "gzip"})]


HELS = ("Hel" * MAX_CHARS)[:MAX_CHARS]
DELAYS = (
    Fault("the first byte comes late", lambda w: [[Wait(at_most_s=0.1), *good(w)]], "", "Hello", "end"),
    Fault("no first byte", lambda _: [[Wait()]], SILENT, timeout_s=0.3),
    Fault("a stall in the middle, silent", lambda w: stalled(w, Wait()), SILENT, "Hel", timeout_s=0.3),
    Fault(
        "a stall in the middle, with comments only",
        lambda w: stalled(w, Repeat(b": keep-alive\n\n", 0.02)),
        NO_WORD,
        "Hel",
        timeout_s=0.3,
    ),
    Fault(
        "the reply is complete, but the connection stays open",
        lambda w: [[Send(head()), Send(w.open + w.text("Hello") + w.finish), Wait()]],
        "",
        "Hello",
        "end",
        timeout_s=0.3,
    ),
)

ENDINGS = (
    Fault(
        "the connection is closed before the headers",
        lambda _: [[]],
        "NetworkError: HOST closed the connection without an answer; run it again",
        asked=3,
        notices=("no connection, trying again in N s (1 of 2)", "no connection, trying again in N s (2 of 2)"),
    ),
    Fault(
        "the connection is closed before the headers, then works",
        lambda w: [[], good(w)],
        "",
        "Hello",
        "end",
        asked=2,
        notices=("no connection, trying again in N s (1 of 2)",),
    ),
    Fault(
        "the connection is closed in the middle",
        lambda w: [[Send(head(200, {"content-length": "9999"})), Send(w.open + w.text("Hel"))]],
        BROKE,
        "Hel",
    ),
    Fault("the connection is reset in the middle", lambda w: stalled(w, Wait(w.seen), Reset()), BROKE, "Hel"),
    Fault("the stream is empty", lambda _: body(b""), NOTHING),
    Fault("the stream ends without a stop reason", lambda w: body(w.open, w.text("Hel")), CUT, "Hel"),
    Fault(
        "a character is cut in two, and the stream ends",
        lambda w: body(w.open, w.text("Hel"), w.text("lé").split(b"\xa9")[0]),
        CUT,
        "Hel",
    ),
    Fault(
        "a line is cut in two, and the stream ends",
        lambda w: body(w.open, w.text("Hel"), w.text("lo")[:-9]),
        CUT,
        "Hel",
    ),
    Fault(
        "a line in the middle is damaged",
        lambda w: body(w.open, w.text("Hel"), w.text("lo")[:-4] + b"\n\n", w.text("!"), w.finish, w.close),
        DAMAGED,
        "Hel!",
    ),
    Fault(
        "the end marker comes without a stop reason",
        lambda w: body(w.open, w.text("Hello"), w.close),
        "",
        "Hello",
        "unknown",
    ),
    Fault(
        "a tool call is cut, and the end marker comes without a stop reason",
        lambda w: body(w.open, w.text("Hel"), w.call('{"city": "Os'), w.close),
        "StreamCut: the reply broke off in a tool call (what arrived is kept); run the cell again",
        "Hel",
    ),
    Fault(
        "a stop reason comes without the end marker",
        lambda w: body(w.open, w.text("Hello"), w.finish),
        "",
        "Hello",
        "end",
    ),
    Fault(
        "two stop reasons: the first one counts",
        lambda w: body(w.open, w.text("Hello"), w.finish, w.twice, w.close),
        "",
        "Hello",
        "end",
    ),
    Fault(
        "the model refuses in the middle",
        lambda w: body(w.open, w.text("Hel"), w.refused, w.close),
        "",
        "Hel",
        "refusal",
    ),
    Fault(
        "the stop reason is a break, such as network_error",
        lambda w: body(w.open, w.text("Hel"), w.broken, w.close),
        'StreamCut: the server broke off the reply with "network_error" (what arrived is kept); run the cell again',
        "Hel",
    ),
    Fault(
        "the stop reason is an unknown word",
        lambda w: body(w.open, w.text("Hello"), w.unknown, w.close),
        "",
        "Hello",
        "unknown",
    ),
    Fault("the end marker comes alone", lambda w: body(w.close), "", "", "unknown"),
    Fault("no token counts", lambda w: body(w.text("Hello"), w.without_usage, w.close), "", "Hello", "end"),
)

FORMS = (
    Fault("the answer is JSON, not a stream", lambda w: [answer(200, w.whole("Hello"))], "", "Hello", "end"),
    Fault(
        "the reply is in an object of a gateway",
        lambda w: [answer(200, {"code": 0, "data": w.whole("Hello")})],
        "",
        "Hello",
        "end",
    ),
    Fault("the stream is compressed with gzip", lambda w: packed(hello(w)), "", "Hello", "end"),
    Fault("a gzip stream is cut", lambda w: packed(hello(w), 40), NOTHING),
    Fault(
        "the compressed bytes are damaged",
        lambda _: [stream(b"\x1f\x8bjunk" * 9, headers={"content-encoding": "gzip"})],
        "StreamCut: the compressed reply of the server is damaged; run it again",
        asked=3,
        notices=("no connection, trying again in N s (1 of 2)", "no connection, trying again in N s (2 of 2)"),
    ),
    Fault(
        "a web page with status 200",
        lambda _: [answer(200, b"<html><title>Sign in</title></html>", content_type="text/html")],
        "BadRequest: HOST answered with something that is not a model's reply: "
        '"a web page titled Sign in"; check the base URL: it ends in /v1',
    ),
    Fault(
        "100,000 tiny pieces",
        lambda w: body(w.open, w.text("ab") * 100_000, w.finish, w.close),
        "",
        "ab" * 100_000,
        "end",
    ),
)

TOO_LONG = f"StreamCut: the reply was stopped at {MAX_CHARS:,} characters, which are kept; ask for less"
LINE_TOO_LONG = "StreamCut: the server sent a line of over 64 MiB, so reading stopped there; try a shorter reply"
TOO_MUCH = (
    Fault("a reply without end", lambda w: stalled(w, Repeat(w.text("Hel" * 2000) * 10)), TOO_LONG, HELS),
    Fault("an event of 50 MB", lambda w: stalled(w, Send(w.text("Hel" * 17_000_000))), TOO_LONG, HELS),
    Fault("a line without end", lambda w: stalled(w, Send(b"data: "), Repeat(b"x" * 65536)), LINE_TOO_LONG, "Hel"),
    Fault(
        "a small gzip stream decompresses to a huge one",
        lambda w: packed(w.open + w.text("Hel") + b"data: " + b"x" * 70_000_000),
        LINE_TOO_LONG,
        "Hel",
    ),
    Fault("comments without end", lambda w: stalled(w, Repeat(b": x\n" * 10_000)), NO_WORD, "Hel", timeout_s=0.3),
)

ERRORS_INSIDE = (
    Fault(
        "an error object in the middle: overloaded",
        lambda w: body(w.open, w.text("Hel"), w.error("overloaded_error", "Overloaded")),
        'Overloaded: the server ended the reply with an error: "Overloaded"; run it again',
        "Hel",
    ),
    Fault(
        "an error object in the middle: invalid",
        lambda w: body(w.open, w.text("Hel"), w.error("invalid_request_error", "top_k is not supported")),
        'BadRequest: the server ended the reply with an error: "top_k is not supported"; leave out top_k',
        "Hel",
    ),
    Fault(
        "an error object without a type",
        lambda w: body(w.open, w.text("Hel"), sse({"statusCode": "503", "message": "upstream gone"})),
        'Overloaded: the server ended the reply with an error: "upstream gone"; run it again',
        "Hel",
    ),
    Fault(
        "an error object in place of a reply, with status 200",
        lambda _: [answer(200, {"error": {"type": "overloaded_error", "message": "Overloaded"}})],
        'Overloaded: the server ended the reply with an error: "Overloaded"; run it again',
    ),
    Fault(
        "an error without an error object in place of a reply, with status 200",
        lambda _: [answer(200, {"code": 1210, "msg": "The model is busy"})],
        'ApiError: the server ended the reply with an error: "The model is busy"; run it again',
    ),
)

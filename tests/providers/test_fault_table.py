"""Every fault of the table, in both dialects, against a real server: the error, what is kept, the number of requests.

python -m tests.providers.test_fault_table writes the tables of docs/reliability.md.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from claude_nb.errors import ClaudeError
from claude_nb.providers.credentials import Credentials
from claude_nb.session.received import MAX_CHARS
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from tests.faults_table import TABLE
from tests.faults_table.wires import Chat, Fault
from tests.helpers import ROOT
from tests.helpers.clocks import HurriedStop
from tests.helpers.kernel import Kernel
from tests.helpers.server import Server

DOCUMENT = ROOT / "docs" / "reliability.md"
KEY = "test-key-0123456789"
FAULTS = [fault for faults in TABLE.values() for fault in faults]
CASES = [(fault, dialect) for fault in FAULTS for dialect in fault.dialects]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    names = ("AIMLAPI_API_KEY", "ANTHROPIC_API_KEY")
    environ = {**dict.fromkeys(names, KEY), "CLAUDE_NB_HISTORY": str(tmp_path / "history.db")}
    return Session(credentials=Credentials(environ), stop=HurriedStop)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name == "claude_nb reply":
            thread.join()
            assert not thread.is_alive()


def read(turn: Turn, wire: Chat) -> tuple[str, list[str]]:
    """Return the line of the error that ended the turn, or "", and the notices before it."""
    notices = []
    try:
        for chunk in turn.chunks():
            if chunk.text:
                wire.seen.set()
            if chunk.notice:
                notices.append(chunk.notice)
    except ClaudeError as error:
        (line,) = error._render_traceback_()
        return (line if error.reply is turn.reply else "the error holds another reply"), notices
    return "", notices


def pattern(text: str) -> str:
    """Return a pattern in which HOST is the server, N any number, and TEST_KEY the variable of the key."""
    numbers = re.sub(r"\bN\b", "[0-9.]+", re.escape(text))
    return numbers.replace("HOST", r"127\.0\.0\.1:[0-9]+").replace("TEST_KEY", r"\w+") + r"\Z"


@pytest.mark.parametrize(("fault", "dialect"), CASES, ids=[f"{f.name} ({d.name})" for f, d in CASES])
def test_a_fault_is_one_line_and_the_text_that_arrived_is_kept(
    fault: Fault, dialect: type[Chat], session: Session
) -> None:
    wire = dialect()
    with Server(fault.steps(wire)) as server:
        turn = session.stream("Hi", provider=wire.provider, base_url=server.url, timeout=fault.timeout_s)
        line, notices = read(turn, wire)
    assert re.match(pattern(fault.says), line), line
    assert len(line) < 400
    assert re.match(pattern("\n".join(fault.notices)), "\n".join(notices)), notices
    assert len(server.requests) == fault.asked
    reply = turn.reply
    assert reply is not None
    assert (reply.text, reply.stop_reason, reply.complete) == (fault.text, fault.stop, not fault.says)
    assert session.last == reply
    assert session.store is not None
    (row,) = session.store.recent()
    assert (row.reply.prompt, row.reply.text, row.reply.stop_reason) == ("Hi", fault.text, fault.stop)


IN_A_CELL = (
    "no first byte",
    "a stall in the middle, with comments only",
    "the connection is closed in the middle",
    "the stream ends without a stop reason",
    "a line in the middle is damaged",
    "an error object in the middle: overloaded",
    "401 with a flat object",
    "429, the spend limit is reached",
    "Retry-After of two hours",
    "a redirect",
)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel({"AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}) as started:
        started.run("%load_ext claude_nb")
        yield started


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.name in IN_A_CELL], ids=lambda fault: fault.name)
def test_in_a_cell_it_is_one_line_without_a_traceback(fault: Fault, kernel: Kernel) -> None:
    wire = fault.dialects[-1]()
    limit = f"--timeout {fault.timeout_s}" if fault.timeout_s else ""
    with Server(fault.steps(wire)) as server:
        result = kernel.run(f"reply = None\n%claude -p {wire.provider} --base-url {server.url} {limit} Hi")
        assert len(server.requests) == fault.asked
    (error,) = (heard.content for heard in result.messages if heard.kind == "error")
    (line,) = error["traceback"]
    assert re.match(pattern(fault.says), line), line
    assert kernel.get("reply and (reply.text, reply.stop_reason)") == ((fault.text, "error") if fault.text else None)
    if fault.text:
        assert result.outputs[0]["data"]["text/plain"] == fault.text


def table(faults: tuple[Fault, ...]) -> str:
    rows = ["| The server | You see | You keep | Requests |", "| --- | --- | --- | --- |"]
    for fault in faults:
        says = f"`{fault.says}`" if fault.says else "the reply"
        notices = "".join(f"`{notice}`, then " for notice in dict.fromkeys(fault.notices))
        rows.append(f"| {fault.name} | {notices}{says} | {kept(fault)} | {fault.asked} |")
    return "\n".join(rows) + "\n"


def kept(fault: Fault) -> str:
    if not fault.text:
        return "the prompt"
    if len(fault.text) == MAX_CHARS:
        return f"{MAX_CHARS:,} characters, `{fault.stop}`"
    return "the whole reply" if fault.stop in ("end", "unknown") else f"the text so far, `{fault.stop}`"


def tables() -> str:
    return "\n".join(f"### {title}\n\n{table(faults)}" for title, faults in TABLE.items())


def test_the_tables_of_the_document_are_this_table() -> None:
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition("<!-- faults -->\n")
    assert rest.partition("<!-- /faults -->")[0] == tables()


if __name__ == "__main__":
    before, mark, rest = DOCUMENT.read_text(encoding="utf-8").partition("<!-- faults -->\n")
    DOCUMENT.write_text(before + mark + tables() + "<!-- /faults -->" + rest.partition("<!-- /faults -->")[2], "utf-8")

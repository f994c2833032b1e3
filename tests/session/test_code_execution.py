"""Code on the provider's server: what is sent, its container, what is shown, and the files that come back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import ApiError, ConfigError, PromptError, StreamCut
from claude_nb.providers import registry
from claude_nb.providers.credentials import Credentials
from claude_nb.render.reply import next_step
from claude_nb.session import reply_files as service
from claude_nb.session.policy import Policy
from claude_nb.session.session import Session
from claude_nb.types.content import Container, ServerBlock
from claude_nb.types.reply import Reply
from claude_nb.types.reply_files import ReplyFile, file_name
from claude_nb.types.request import Message, Request
from tests.helpers import STREAMS, searched
from tests.helpers.server import Recorded, Scenario, Server, answer, stream

KEY = "sk-ant-key-of-a-test-0123456789"
TOOL = {"type": "code_execution_20260521", "name": "code_execution"}
SSE = {"content-type": "text/event-stream"}


def session(**settings: str) -> Session:
    keys = {"AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", **keys, **settings}))


def played(by: int | None = None) -> Scenario:
    return stream((STREAMS / "messages-code.sse").read_bytes(), by=by, headers=SSE)


def asked(server: Server, mine: Session | None = None, prompt: str = "Add up 1 to 100.", **options: Any) -> Reply:
    where = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "code_execution": True}
    return (mine or session()).ask(prompt, **where | options)


def test_the_tool_is_offered_as_the_api_wants_it() -> None:
    where = {"provider": "anthropic", "model": "sonnet-5.5"}
    body = registry.preview(session().request("Hi", code_execution=True, **where), stream=True)[1]
    assert body["tools"] == [TOOL]
    assert body.keys() == {"model", "messages", "max_tokens", "stream", "tools"}
    assert "tools" not in registry.preview(session().request("Hi", code_execution=False, **where), stream=True)[1]
    together = registry.preview(session().request("Hi", code_execution=True, search=2, **where), stream=True)[1]
    assert [tool["name"] for tool in together["tools"]] == ["web_search", "code_execution"]
    there = session().request("Hi", provider="aimlapi", model="sonnet-5.5", code_execution=True)
    address, body = registry.preview(there, stream=True)
    assert address == "https://api.aimlapi.com/v1/messages"
    assert body["tools"] == [{"type": "code_execution_20260120", "name": "code_execution"}]


def test_it_is_refused_in_one_line_where_there_is_none() -> None:
    for options, line in (
        ({"provider": "demo"}, "no code execution; use -p anthropic, .* or leave out --code-execution"),
        ({"provider": "aimlapi", "model": "sonnet-4.6"}, "Sonnet 4.6 has no code execution with -p aimlapi"),
    ):
        with pytest.raises(PromptError, match=line):
            session().request("Hi", code_execution=True, **options)
    mine = session()
    mine.policy = Policy(search=False)
    with pytest.raises(ConfigError, match=r"nor run code .*; leave out --search, --fetch and --code-execution"):
        mine.request("Hi", provider="anthropic", code_execution=True)


@pytest.mark.parametrize("by", [None, 1, 7])
def test_code_and_its_output_are_shown_folded(by: int | None) -> None:
    with Server([played(by)]) as server:
        reply = asked(server)
    assert reply.text == "I will compute it.\n\nThe sum is 5050 🙂."
    shown = reply._repr_mimebundle_()["text/html"]
    for words in ("print(sum(range(1, 101)))", "python /tmp/sum.py", "5050", "wrote a file: file_011CSumTxt"):
        assert words in shown
    assert shown.count("<details>") == 3
    assert ">print(sum(range(1, 101)))\n<" in shown  # the code itself, not as a string of JSON
    assert next_step(reply) == "the code wrote 1 file, see .files"
    assert "exit code 1" in shown
    assert "cat: missing: No such file or directory" in shown
    assert shown.count("<b>failed</b>") == 1
    assert shown.index("I will compute it.") < shown.index("5050\n") < shown.index("The sum is")


def test_a_whole_reply_and_a_streamed_one_are_the_same() -> None:
    with Server([played(), answer(200, searched.message("messages-code"))]) as server:
        streamed, whole = asked(server), asked(server, whole=True)
    assert (streamed.text, streamed.usage) == (whole.text, whole.usage)
    assert {*streamed.parts} == {*whole.parts}


def test_what_runs_is_told_while_it_runs() -> None:
    notices: list[str] = []
    with Server([played()]) as server:
        where = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "code_execution": True}
        for chunk in session().stream("Hi", **where).chunks():
            notices += [chunk.notice] if chunk.notice else []
    assert notices[0] == 'editing: "/tmp/sum.py"'
    assert 'running: "python /tmp/sum.py | tee $OUTPUT_DIR/sum.txt"' in notices
    assert "the code ended with exit code 1" in notices


def test_a_conversation_goes_on_in_its_container() -> None:
    mine = session()
    with Server([played()]) as server:
        asked(server, mine, chat="sums")
        asked(server, mine, "And to 200?", chat="sums")
        asked(server, mine, "And now?", chat="sums", code_execution=None)
        asked(server, mine, "Something else.")
    first, second, third, other = (request.json for request in server.requests)
    assert "container" not in first
    assert second["container"] == "container_011CPR5"
    sent = [block["type"] for block in second["messages"][1]["content"]]
    assert sent.count("server_tool_use") == sent.count("bash_code_execution_tool_result") + 1 == 3
    assert "container" not in third  # nothing can run in it
    assert "container" not in other


def test_a_container_goes_to_its_own_server_only() -> None:
    mine = session()
    with Server([played()]) as server, Server([played()]) as other:
        asked(server, mine, chat="sums")
        asked(other, mine, "And to 200?", chat="sums")
        assert "container" not in other.requests[0].json


def test_an_expired_container_is_left_out_and_the_question_asked_once_more() -> None:
    mine = session()
    gone = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "container: container_011CPR5 expired"},
    }

    def scenario(request: Recorded) -> Scenario:
        return answer(400, gone) if "container" in request.json else played()

    with Server(scenario) as server:
        asked(server, mine, chat="sums")
        assert asked(server, mine, "And to 200?", chat="sums").text.endswith("5050 🙂.")
    assert len(server.requests) == 3


def test_a_reply_keeps_its_container_and_files_in_json() -> None:
    with Server([played()]) as server:
        reply = asked(server)
    again = Reply.from_dict(json.loads(json.dumps(reply.to_dict())))
    assert again.parts == reply.parts
    assert next(part for part in again.parts if isinstance(part, Container)).origin == reply.request.origin
    assert [file.id for file in again.files] == ["file_011CSumTxt"]


# The files


def having(*blocks: Any, provider: str = "anthropic", base_url: str | None = None) -> Reply:
    parts = tuple(ServerBlock(block if isinstance(block, str) else json.dumps(block)) for block in blocks)
    return Reply(Request(provider, "m", (Message("user", "Hi"),), base_url=base_url), parts=parts)


def result(*ids: Any, kind: str = "bash_code_execution") -> dict[str, Any]:
    outputs = [{"type": f"{kind}_output", "file_id": file_id} for file_id in ids]
    content = {"type": f"{kind}_result", "stdout": "", "stderr": "", "return_code": 0, "content": outputs}
    return {"type": f"{kind}_tool_result", "tool_use_id": "srvtoolu_1", "content": content}


class Files:
    """The Files API with one file."""

    def __init__(self, name: Any = "sum.csv", content: bytes = b"a,b\n1,2\n", **more: Any) -> None:
        about = {"id": "file_1", "type": "file", "filename": name, "mime_type": "text/csv", "size_bytes": len(content)}
        self.about, self.content = about | more, content

    def __call__(self, request: Recorded) -> Scenario:
        if request.path.endswith("/content"):
            return answer(200, self.content, content_type="application/binary")
        return answer(200, self.about)


def test_files_are_asked_for_and_downloaded_only_when_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mine = session()
    with Server(Files()) as server:
        (file,) = having(result("file_1"), result("file_1"), base_url=server.url).files
        assert repr(file) == "<file file_1>"
        assert not server.requests
        assert file.about(mine)["name"] == file.name == "sum.csv"
        assert (file.type, file.size) == ("text/csv", 8)
        assert [request.path for request in server.requests] == ["/v1/files/file_1"]
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert repr(file) == "<file sum.csv file_1>"
        assert file.read(mine) == b"a,b\n1,2\n"
        assert file.save(session=mine) == Path("sum.csv")
        assert (tmp_path / "sum.csv").read_bytes() == b"a,b\n1,2\n"
        if sys.platform != "win32":
            plain = tmp_path / "plain"
            plain.write_text("x")
            assert (tmp_path / "sum.csv").stat().st_mode == plain.stat().st_mode  # as the umask has it


def test_a_file_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    mine = session()
    with Server(Files()) as server:
        (file,) = having(result("file_1"), base_url=server.url).files
        kept = tmp_path / "sum.csv"
        kept.write_text("mine")
        for target in (tmp_path, kept):
            with pytest.raises(ConfigError, match=r"sum.csv exists and is not overwritten; give another name"):
                file.save(target, session=mine)
        assert kept.read_text() == "mine"
        assert not any(request.path.endswith("/content") for request in server.requests)
        assert file.save(tmp_path / "other.csv", session=mine).read_bytes() == b"a,b\n1,2\n"
        with pytest.raises(ConfigError, match="cannot be written"):
            file.save(tmp_path / "no" / "such" / "folder.csv", session=mine)
        if sys.platform != "win32":
            (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
            with pytest.raises(ConfigError, match="exists"):
                file.save(tmp_path / "link", session=mine)
            assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("sum.csv", "sum.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.dll", "x.dll"),
        ("/", "file"),
        ("", "file"),
        (None, "file"),
        ("...", "_"),
        (".bashrc", "_bashrc"),
        ("..", "_"),
        ("nul", "_nul"),
        ("COM1.txt", "_COM1.txt"),
        ("a:b|c*?.csv", "a_b_c__.csv"),
        ("line\nbreak\x00\x1b[31m.txt", "line_break__[31m.txt".replace("[", "_")),
        ("evil\u202egpj.exe", "evil_gpj.exe"),
        ("Übersicht 2026 (final).csv", "Übersicht 2026 (final).csv"),
        ("-rf", "-rf"),
        ("end. . ", "end"),
        ("x" * 300 + ".csv", "x" * 117 + ".csv"),
    ],
)
def test_a_name_of_a_server_becomes_a_plain_name(given: object, name: str) -> None:
    assert file_name(given) == name


def test_a_name_of_many_bytes_fits_every_disk(tmp_path: Path) -> None:
    name = file_name("日" * 300)
    assert len(name.encode()) <= 240
    (tmp_path / name).write_text("x")


@pytest.mark.parametrize("file_id", ["../x", "a/b", "", "x" * 200, 7, None, "a?b=c", "a\r\nb", "é"])
def test_an_id_that_no_address_may_contain_is_no_file(file_id: object) -> None:
    assert having(result(file_id)).files == ()


@pytest.mark.parametrize(
    "block",
    [
        "file_id",
        '{"file_id',
        "[" * 5000 + '"file_id"',
        '{"content": {"content": "file_id"}}',
        '{"content": ["file_id"]}',
        "7",
    ],
)
def test_blocks_of_any_form_make_no_trouble(block: str) -> None:
    reply = having(block)
    assert reply.files == ()
    assert reply._repr_mimebundle_()


def test_files_of_older_and_other_results_count_once_each() -> None:
    encrypted = result("file_3", kind="encrypted_code_execution")
    reply = having(result("file_1", "file_2"), result("file_2", kind="code_execution"), encrypted)
    assert [file.id for file in reply.files] == ["file_1", "file_2", "file_3"]


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(service, "MOST_BYTES", 1 << 20)
    with Server(Files(content=b"x" * (1 << 21))) as server:
        (file,) = having(result("file_1"), base_url=server.url).files
        with pytest.raises(StreamCut, match="over 1 MiB"):
            file.save(tmp_path, session=session())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "about", [{"filename": 7}, {"filename": None, "mime_type": [], "size_bytes": -1}, {"size_bytes": "8"}]
)
def test_what_a_server_says_of_a_file_is_checked(about: dict[str, Any]) -> None:
    with Server(Files(**about)) as server:
        (file,) = having(result("file_1"), base_url=server.url).files
        file.about(session())
        assert isinstance(file.name, str)
        assert isinstance(file.type, str)
        assert file.size is None or file.size >= 0


def test_a_file_that_is_gone_and_one_of_another_provider_say_so() -> None:
    gone = answer(404, {"type": "error", "error": {"type": "not_found_error", "message": "File not found"}})
    with Server([gone]) as server:
        (file,) = having(result("file_1"), base_url=server.url).files
        with pytest.raises(ApiError, match="File not found"):
            file.read(session())
    (file,) = having(result("file_1"), provider="aimlapi").files
    with pytest.raises(ConfigError, match="aimlapi has no address for files of its code"):
        file.read(session())


def test_the_key_of_a_file_goes_to_the_server_of_its_reply_only(tmp_path: Path) -> None:
    mine = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))
    file = ReplyFile("file_1", Request("anthropic", "m", (Message("user", "Hi"),)))
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        file.save(tmp_path, session=mine)


def test_functions_and_the_pause_of_the_server_keep_the_container() -> None:
    paused = searched.message("messages-code") | {"stop_reason": "pause_turn"}
    paused["content"] = paused["content"][:6]
    bodies: list[dict[str, Any]] = []

    def scenario(request: Recorded) -> Scenario:
        bodies.append(request.json)
        return answer(200, paused) if len(bodies) == 1 else played()

    with Server(scenario) as server:
        reply = asked(server, whole=True)
    assert len(bodies) == 2
    assert bodies[1]["container"] == "container_011CPR5"
    assert bodies[1]["messages"][-1]["role"] == "assistant"
    assert bodies[1]["messages"][-1]["content"][-1]["type"] == "server_tool_use"
    assert reply.text.endswith("5050 🙂.")

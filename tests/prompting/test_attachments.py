"""Attachments are found, checked by their bytes, limited in size, sent in each format, and kept as fingerprints."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from IPython.display import Image as ShownImage
from PIL import Image

import claude_nb
from claude_nb.errors import PromptError
from claude_nb.prompting import attachments, download, template
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.dialects import chat_completions, messages
from claude_nb.session import budget
from claude_nb.session.session import Session
from claude_nb.storage import entries
from claude_nb.types.content import Attachment
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Sampling
from tests.helpers import replies
from tests.helpers.kernel import Kernel
from tests.helpers.server import Server
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

mpl.use("agg")
PDF = b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n"


def png(width: int = 3, height: int = 2, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(buffer, format=kind)
    return buffer.getvalue()


def figure() -> Any:
    from matplotlib.figure import Figure

    made = Figure(figsize=(1, 1), dpi=50)
    made.subplots().plot([1, 2])
    return made


def attachment(data: bytes, name: str, media_type: str, at: int = 0) -> Attachment:
    digest = hashlib.sha256(data).hexdigest()
    return Attachment(name, media_type, digest, len(data), base64.b64encode(data).decode(), at)


# From files


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (png(), "image/png"),
        (png(kind="JPEG"), "image/jpeg"),
        (png(kind="GIF"), "image/gif"),
        (png(kind="WEBP"), "image/webp"),
        (PDF, "application/pdf"),
        ("naïve 🙂\n".encode(), "text/plain"),
    ],
)
def test_a_file_is_recognized_by_its_bytes_not_by_its_name(tmp_path: Path, data: bytes, media_type: str) -> None:
    (tmp_path / "it.exe").write_bytes(data)
    gathered = attachments.gather(str(tmp_path / "it.exe"))
    assert gathered.attachments == (attachment(data, "it.exe", media_type),)
    assert gathered.attachments[0].bytes == data
    assert gathered.notices == (f"attached it.exe: {media_type}, {len(data)} bytes",)


@pytest.mark.parametrize(
    "data", [b"", b"  \n", b"PK\x03\x04\x00", b"\xff\xfe\x00", b"text\0with NUL", b"GIF8"[:3] + b"\xff"]
)
def test_what_is_neither_picture_pdf_nor_text_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "it.png").write_bytes(data)
    with pytest.raises(PromptError, match=r"is empty; attach a file|convert it to one of these"):
        attachments.gather(tmp_path / "it.png")


def test_a_glob_brings_its_files_in_order_and_no_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", ".hidden.txt", "c.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "d.txt").mkdir()
    found = attachments.gather([str(tmp_path / "*.txt")]).attachments
    assert [one.name for one in found] == ["a.txt", "b.txt"]


def test_an_existing_name_with_brackets_is_not_a_glob(tmp_path: Path) -> None:
    (tmp_path / "a[1].txt").write_text("x")
    assert attachments.gather(str(tmp_path / "a[1].txt")).attachments[0].name == "a[1].txt"


def test_the_notice_names_the_target_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("x")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    assert attachments.gather(tmp_path / "link.txt").notices[0].endswith(f", from {tmp_path / 'real.txt'}")


# From an address


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were fetched. Each gives the same picture; test_download.py tests the download itself."""
    urls: list[str] = []

    def fetch(url: str, most: int) -> download.Fetched:
        urls.append(url)
        return download.Fetched(png(), url.rpartition("/")[2], "example.org")

    monkeypatch.setattr(download, "fetch", fetch)
    return urls


def test_an_address_is_fetched_checked_by_its_bytes_and_named_with_its_host(fetched: list[str]) -> None:
    gathered = attachments.gather(["https://example.org/a.txt"])
    assert gathered.attachments == (attachment(png(), "a.txt", "image/png"),)
    assert gathered.notices == (f"attached a.txt: image/png, {len(png())} bytes, fetched from example.org",)


@pytest.mark.parametrize("option", ["--dry-run", "--count", ""])
def test_a_cell_fetches_once_when_it_runs_and_says_so(shell: Shell, fetched: list[str], option: str) -> None:
    shell.vars["folder"] = "https://example.org"
    printed = shell.run(f"%claude -m demo {option} -a {{{{folder}}}}/a.png What is it?")
    assert fetched == ["https://example.org/a.png"]
    assert "attached a.png: image/png" in printed
    assert "fetched from example.org" in printed


def test_a_sweep_in_python_fetches_once(session: Session, fetched: list[str]) -> None:
    settings = {"attach": "https://example.org/a.png", "temperature": [0, 1], "n": 2}
    swept = claude_nb.sweep("What is it?", session=session, provider="demo", show=False, **settings)
    assert len(swept.replies) == 4
    assert fetched == ["https://example.org/a.png"]


def test_more_addresses_than_may_go_along_are_not_all_fetched(fetched: list[str]) -> None:
    with pytest.raises(PromptError, match="21 attachments are too many"):
        attachments.gather([f"https://example.org/{n}.png" for n in range(30)])
    assert len(fetched) == 21


def test_nothing_of_http_is_loaded_before_an_address_is_attached() -> None:
    code = "import sys; from claude_nb.prompting.attachments import gather; gather(b'x'); print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


HOSTILE = [
    "/dev/zero",
    "/dev/random",
    "/dev/stdin",
    "/proc/self/environ",
    "/proc/self/mem",
    "/proc/self/fd/0",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/etc/shadow",
    "/",
    ".",
    "",
    "nothing-here.txt",
    "no\0name",
    "a" * 5_000,
    "~nobody-by-that-name/x",
    "fifo",
    "loop",
    "folder",
    "shortcut-to-keys",
    ".ssh/known_hosts",
    ".ssh/id_rsa",
    "folder/../.ssh/id_rsa",
    ".env",
    ".env.local",
    ".aws/config",
    ".netrc",
    "server.pem",
    "server.key",
    "credentials.json",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "https://127.0.0.1/a.png",
    "ftp://localhost/x",
    "*.nothing",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(10)
def test_a_hostile_path_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (".ssh", ".aws", "folder"):
        (tmp_path / folder).mkdir()
    for file in (".ssh/id_rsa", ".ssh/known_hosts", ".env", ".env.local", ".aws/config", ".netrc", "server.pem"):
        (tmp_path / file).write_text("secret")
    for file in ("server.key", "credentials.json"):
        (tmp_path / file).write_text("secret")
    os.mkfifo("fifo")
    Path("loop").symlink_to("loop")
    Path("shortcut-to-keys").symlink_to(".ssh/id_rsa")
    with pytest.raises(PromptError) as caught:
        attachments.gather(name)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value).replace("secrets", "")


@pytest.mark.parametrize(
    ("start", "size", "says"),
    [
        (b"x", 400_001, "send at most 400 kB"),
        (b"%PDF-", 20_000_001, "send at most 20.0 MB with a prompt"),
        (b"%PDF-", 3_000_000_000, "send at most 20.0 MB with a prompt"),
    ],
)
def test_a_file_that_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, start: bytes, size: int, says: str
) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.write(start)
        if start == b"x":
            file.write(b"x" * (size - 1))
        file.truncate(size)  # sparse: no 3 GB are written
    with pytest.raises(PromptError, match=says):
        attachments.gather(tmp_path / "big")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for n in range(21):
        (tmp_path / f"{n}.txt").write_text("x")
    with pytest.raises(PromptError, match="21 files; send at most 20"):
        attachments.gather(str(tmp_path / "*.txt"))


def test_a_picture_is_shrunk_to_the_useful_size_and_says_so() -> None:
    gathered = attachments.gather(png(3000, 1000))
    assert Image.open(io.BytesIO(gathered.attachments[0].bytes)).size == (1568, 523)
    assert gathered.notices[0].endswith("shrunk from 3000 x 1000 to 1568 x 523")


def test_a_picture_that_would_unpack_to_very_much_is_refused() -> None:
    header = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    chunk = len(header[4:]).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big")
    with pytest.raises(PromptError, match=r"pixels|cannot be read"):
        attachments.gather(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(PromptError, match="cannot be read as one"):
        attachments.gather(png()[:30])


# From the notebook


def test_figures_pictures_and_tables_are_attached_as_what_they_show() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    found = attachments.gather([figure(), figure().axes[0], Image.new("RGB", (2, 2)), ShownImage(png()), frame])
    kinds = [one.media_type for one in found.attachments]
    assert kinds == ["image/png"] * 4 + ["text/plain"]
    assert found.attachments[4].bytes == b"a\n1\n2\n"


@pytest.mark.parametrize("source", [5, {"a": 1}, object()])
def test_what_cannot_be_shown_or_written_is_refused(source: Any) -> None:
    with pytest.raises(PromptError, match="cannot be attached"):
        attachments.gather([source])


def test_a_figure_in_the_prompt_stands_where_it_was_written() -> None:
    filled = template.fill("Look: {{fig}} and {{n}}{{fig}}", {"fig": figure(), "n": 5}, pictures=True)
    assert filled.text == "Look:  and 5"
    assert [(one.name, one.at) for one in filled.attachments] == [("fig.png", 6), ("fig.png", 12)]


def test_a_picture_in_a_text_only_place_is_refused() -> None:
    with pytest.raises(PromptError, match="is a picture"):
        template.fill("{{fig}}", {"fig": figure()})


# As each format has it

PICTURE, PAPER = attachment(png(), "a.png", "image/png", at=4), attachment(PDF, "b.pdf", "application/pdf")
TEXT = attachment(b"x,y\n", "c.csv", "text/plain")
ASKED = Request("p", "m", (Message("user", "See this.", (PICTURE, PAPER, TEXT)),), sampling=Sampling(max_tokens=9))
WRITTEN = {"type": "text", "text": "<file name='c.csv'>\nx,y\n</file>"}


@pytest.mark.parametrize("dialect", [messages.MESSAGES, chat_completions.AIMLAPI], ids=["messages", "aimlapi"])
def test_anthropic_and_aimlapi_get_blocks_in_their_order(dialect: Any) -> None:
    assert dialect.body(ASKED, stream=False)["messages"] == [
        {
            "role": "user",
            "content": [
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PAPER.data},
                },
                WRITTEN,
                {"type": "text", "text": "See "},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE.data}},
                {"type": "text", "text": "this."},
            ],
        }
    ]


def test_openai_servers_get_data_addresses() -> None:
    assert chat_completions.OPENAI.body(ASKED, stream=False)["messages"][0]["content"] == [
        {"type": "file", "file": {"filename": "b.pdf", "file_data": f"data:application/pdf;base64,{PAPER.data}"}},
        WRITTEN,
        {"type": "text", "text": "See "},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE.data}"}},
        {"type": "text", "text": "this."},
    ]


# What is kept


def test_the_history_keeps_a_fingerprint_that_finds_the_same_request_again() -> None:
    data = json.loads(json.dumps(Reply(ASKED, "Hi").to_dict()))
    assert PICTURE.data not in json.dumps(data)
    kept = entries.reply_from(data).request
    assert (kept, kept.key) == (ASKED, ASKED.key)
    with pytest.raises(PromptError, match=r"keeps only the fingerprint of .*; attach the file again"):
        messages.MESSAGES.body(kept, stream=False)


def test_the_bytes_of_an_attachment_are_part_of_the_key_of_a_request() -> None:
    def key(*parts: Attachment) -> str:
        return Request("p", "m", (Message("user", "Hi", parts),)).key

    assert len({key(PICTURE), key(PAPER), key(), key(attachment(png(4), "a.png", "image/png", at=4))}) == 4
    assert "parts" not in Message("user", "Hi").to_dict()


def test_attachments_count_towards_the_budget() -> None:
    bare_tokens = budget.tokens_in(Request("p", "m", (Message("user", "See this."),)))
    assert budget.tokens_in(ASKED) >= bare_tokens + 1600


# From cell and Python


@pytest.fixture
def live() -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": "0123456789abcdef" * 2}))


def test_attach_works_in_python_and_a_conversation_keeps_it(live: Session, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    with Server([replies.chat(["Red."])]) as server:
        live.ask("Colour?", attach=tmp_path / "a.png", base_url=server.url, provider="aimlapi", chat="c")
        live.ask("Sure?", base_url=server.url, provider="aimlapi", chat="c")
    first, second = (request.json["messages"] for request in server.requests)
    assert [part["type"] for part in first[0]["content"]] == ["image", "text"]
    assert second[0] == first[0]
    assert second[2] == {"role": "user", "content": "Sure?"}


def test_more_parts_than_the_model_takes_are_refused_before_anything_is_sent(live: Session) -> None:
    with pytest.raises(PromptError, match=r"takes 5 parts per message here, .* and this has 6; leave out 1"):
        live.request("Hi", attach=[png()] * 5)
    assert live.request("Hi", attach=[png()] * 4)
    assert live.request("Hi", attach=[png()] * 9, thinking="on")
    assert live.request("Hi", attach=[png()] * 9, model="opus")


def test_a_key_in_an_attached_text_is_not_sent(live: Session) -> None:
    with pytest.raises(PromptError, match="looks like a key"):
        live.request("Hi", attach=b"token = sk-ant-api03-0123456789abcdefghijklmnop")


def test_a_cell_attaches_files_figures_and_earlier_outputs(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    shell.vars.update(fig=figure(), table=pd.DataFrame({"a": [1]}), folder=str(tmp_path), Out={3: figure()})
    with Server([replies.chat(["ok"])]) as server:
        where = f"-p openai-compatible -m m --base-url {server.url}"
        options = "-a {{folder}}/a.txt -a {{table}} -a Out[3]"
        printed = shell.run(f"%%claude {where} {options}\nSee {{{{fig}}}}\n")
    content = server.requests[0].json["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "text", "image_url", "text", "image_url"]
    assert content[3]["text"] == "See "
    assert "[attached a.txt: text/plain, 1 bytes]" in printed
    assert "[attached fig.png: image/png" in printed


def test_the_name_of_a_variable_gets_a_hint_to_write_braces(shell: Shell) -> None:
    assert "for a variable write {{fig}}" in shell.run("%claude -a fig What is it?")


def test_a_dry_run_shows_attachments_without_their_bytes(shell: Shell) -> None:
    shell.vars["fig"] = figure()
    printed = shell.run("%claude --dry-run -p aimlapi -a {{fig}} What is it?")
    assert "attached figure.png: image/png" in printed
    assert "characters)" in printed
    assert len(printed) < 1_500


def test_the_demo_model_says_that_it_has_not_seen_it(shell: Shell) -> None:
    shell.vars["fig"] = figure()
    printed = shell.run("%claude -m demo -a {{fig}} Why is the sky blue?")
    assert "(The demo model reads words only: it has not seen figure.png.)" in printed


def test_a_sweep_takes_them_along(shell: Shell) -> None:
    shell.vars["fig"] = figure()
    shell.run('%claude --quiet -m demo -a {{fig}} --sweep "temperature=0,1 n=1" Why is the sky blue?')
    assert [row.request.messages[0].parts[0].name for row in shell.vars["reply"].replies] == ["figure.png"] * 2


def test_a_dry_run_in_a_notebook_shows_a_thumbnail() -> None:
    with Kernel({"AIMLAPI_API_KEY": "0123456789abcdef" * 2}) as kernel:
        kernel.run("%load_ext claude_nb\nfrom PIL import Image\nred = Image.new('RGB', (20, 10), 'red')")
        result = kernel.run("%claude --dry-run -a {{red}} What colour?")
    shown = result.outputs[-1]
    assert base64.b64decode(shown["data"]["image/png"]).startswith(b"\x89PNG")
    assert shown["metadata"]["image/png"] == {"width": 160}

"""Cells and errors that become part of a prompt, and code of a reply that becomes a cell."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import IPython
import pytest
from PIL import Image

from claude_nb.errors import PromptError
from claude_nb.notebook import context
from claude_nb.notebook.context import DisplayedImages
from claude_nb.prompting.text import PromptText
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.kernel import Kernel
from tests.helpers.replies import chat
from tests.helpers.server import Server
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures

SECRET = "hunter2-hunter2"


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as started:
        started.run("%load_ext claude_nb")
        yield started


def ask(kernel: Kernel, line: str, text: str = "ok") -> tuple[str, Any]:
    """Return the prompt that the server received, and the result of the cell."""
    with Server([chat([text])]) as server:
        kernel.run(f"%claude /set provider=openai-compatible model=m base_url={server.url}")
        result = kernel.run(line)
        sent = server.requests[0].json["messages"][0]["content"] if server.requests else ""
    return sent, result


# Cells


def test_context_sends_the_last_cells_with_their_output(kernel: Kernel) -> None:
    kernel.run("a = 1")
    kernel.run("print('printed ' * 2)")
    kernel.run("a + 41")
    sent, result = ask(kernel, "%claude --context 3 Why?")
    assert result.error is None
    assert "a = 1" not in sent  # the third from the end, because setting the address was one
    if IPython.version_info[0] >= 9:  # older ones do not keep what a cell printed
        assert "print('printed ' * 2)\n\nPrinted by [" in sent
        assert "printed printed" in sent
    assert "a + 41\n\nOut [" in sent
    assert "]:\n42\n" in sent
    assert sent.endswith("\n\nWhy?")


def test_the_oldest_cells_are_left_out_when_all_are_too_long() -> None:
    sources = ["", *(f"x = {n}  # {'y' * 15_000}" for n in range(1, 5)), "%claude"]
    found = context.cells(9, {"In": sources, "Out": {4: "z" * 10_000}})
    assert "x = 4" in found.text
    assert "x = 1" not in found.text
    assert "6,000 characters left out" in found.text
    assert found.notices == ("context: 2 of 4 cells are sent; all would exceed 40,000 characters",)


def test_a_value_without_a_text_does_not_stop_the_others() -> None:
    class Broken:
        def __str__(self) -> str:
            raise ZeroDivisionError

    found = context.cells(1, {"In": ["", "b", ""], "Out": {1: Broken()}})
    assert found.text == "In [1]:\nb\n\nOut [1]:\n(cannot be shown: ZeroDivisionError)"


def test_outside_a_notebook_there_are_no_cells() -> None:
    assert context.cells(3, {}) == PromptText("")


@pytest.mark.parametrize(
    "source",
    [
        f'password = "{SECRET}"',
        f"API_KEY='{SECRET}'",
        f"os.environ['MY_TOKEN'] = '{SECRET}'",
        f'{{"secret": "{SECRET}"}}',
        f'connect(db_password="{SECRET}")',
    ],
)
def test_what_looks_like_a_secret_is_masked_with_a_notice(source: str) -> None:
    found = context.cells(1, {"In": ["", source, ""]})
    assert SECRET not in found.text
    assert "[masked]" in found.text
    assert "was masked" in found.notices[0]


def test_keys_are_masked_by_their_shape() -> None:
    found = context.cells(1, {"In": ["", "call('sk-ant-api03-0123456789abcdefghijkl')", ""]})
    assert (found.text, len(found.notices)) == ("In [1]:\ncall('[key]')", 1)


@pytest.mark.parametrize("source", ['token = tokens["a"]', "password = None", "max_tokens = 200", 'key = "name"'])
def test_an_ordinary_assignment_is_not_masked(source: str) -> None:
    assert context.cells(1, {"In": ["", source, ""]}) == PromptText(f"In [1]:\n{source}")


def test_a_dry_run_shows_the_cells(shell: Shell) -> None:
    shell.ip.history_manager.enabled = True
    shell.ip.run_cell("x = 6 * 7", store_history=True)
    printed = shell.run("%claude --dry-run -p aimlapi --context 1 Why?")
    text = json.loads(printed[printed.index("\n{") :])["messages"][0]["content"]
    assert text.endswith("Why?")


# Their pictures

DRAW = """
%matplotlib inline
import base64, io
import matplotlib.pyplot as plt
from IPython.display import clear_output, display, update_display
from PIL import Image
def red(width):
    return Image.new("RGB", (width, 5), "red")
"""


def pictures(kernel: Kernel, *cells: str, options: str = "--pictures") -> tuple[list[Any], Any]:
    """Return the content that the server received, with the size of each picture, and the result of the cell."""
    with Server([chat(["ok"])]) as server:
        kernel.run(f"%claude /set provider=openai-compatible model=m base_url={server.url}")
        for cell in cells:
            assert kernel.run(cell).error is None
        result = kernel.run(f"%claude --context {len(cells)} {options} Why?")
        assert result.error is None, result.error
        content = server.requests[0].json["messages"][0]["content"]
    return [_seen(part) for part in content] if isinstance(content, list) else [content], result


def _seen(part: dict[str, Any]) -> Any:
    if part["type"] == "text":
        return part["text"]
    data = base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
    return Image.open(io.BytesIO(data)).size


def test_pictures_come_below_the_cells_that_displayed_or_returned_them(kernel: Kernel) -> None:
    kernel.run(DRAW)
    first = kernel.get("len(In)") + 1  # the next cell sets the address
    seen, result = pictures(
        kernel,
        "plt.plot([1, 2]);",
        "red(6)",
        "print('a'); display(red(7)); display(red(8))",
        "plt.plot([2]); plt.show()",
    )
    texts, sizes = [part for part in seen if isinstance(part, str)], [part for part in seen if isinstance(part, tuple)]
    assert sizes[1:4] == [(6, 5), (7, 5), (8, 5)]
    assert len(sizes) == 5
    assert min(sizes[0] + sizes[4]) > 100
    below = (0, 1, 2, 2, 3)
    assert [text.rpartition("\n")[2] for text in texts] == [*(f"Picture of [{first + n}]:" for n in below), "Why?"]
    assert f"attached cell_{first + 1}.png: image/png" in str(result.outputs)


def test_no_picture_is_sent_without_the_option(kernel: Kernel) -> None:
    kernel.run(DRAW)
    seen, _ = pictures(kernel, "display(red(9))", options="")
    assert [type(part) for part in seen] == [str]
    assert "Picture" not in seen[0]


def test_a_repeated_picture_is_sent_once_and_a_replaced_one_not_at_all(kernel: Kernel) -> None:
    kernel.run(DRAW)
    seen, _ = pictures(
        kernel,
        "display(red(6)); display(red(6))",
        "for n in (10, 11, 12):\n    clear_output(wait=True)\n    display(red(n))",
        "display(red(13), display_id='a'); update_display(red(14), display_id='a')",
        "display(red(15)); clear_output()",
        "display(red(16), display_id='b'); update_display('gone', display_id='b')",
    )
    assert [part for part in seen if isinstance(part, tuple)] == [(6, 5), (12, 5), (14, 5)]


def test_a_dry_run_shows_the_pictures_too(kernel: Kernel) -> None:
    kernel.run(DRAW)
    kernel.run("%claude /set provider=openai-compatible model=m base_url=http://127.0.0.1:9/v1")
    kernel.run("display(red(17))")
    result = kernel.run("%claude --context 1 --pictures --dry-run Why?")
    assert result.outputs[-1]["metadata"]["image/png"] == {"width": 160}
    assert "characters)" in result.text


def test_reloading_registers_one_hook_and_unloading_removes_it(kernel: Kernel) -> None:
    for magic, listeners in (("%reload_ext", 1), ("%unload_ext", 0), ("%load_ext", 1)):
        assert kernel.run(f"{magic} claude_nb").error is None
        assert kernel.get("len(get_ipython().display_pub._hooks)") == listeners


def test_a_malformed_display_message_is_passed_on() -> None:
    images = DisplayedImages(lambda: 1)
    for message in ({}, {"header": {"msg_type": "display_data"}, "content": {"data": None}}):
        assert images(message) is message
    assert images.of(1) == []


def test_only_the_newest_pictures_are_kept() -> None:
    images = DisplayedImages(lambda: 1)
    for n in range(25):
        data = {"image/png": base64.b64encode(b"%d" % n).decode()}
        images({"header": {"msg_type": "display_data"}, "content": {"data": data, "transient": {}}})
    assert images.of(1) == [b"%d" % n for n in range(5, 25)]
    large = {"image/jpeg": b"A" * 20_000_001}
    images({"header": {"msg_type": "display_data"}, "content": {"data": large, "transient": {}}})
    assert images.of(1) == []


def test_a_figure_is_sent_if_an_older_ipython_keeps_only_its_value() -> None:
    found = context.cells(1, {"In": ["", "fig", ""], "Out": {1: Image.new("RGB", (4, 4))}}, images=lambda n: [])
    assert [(picture.name, picture.at) for picture in found.attachments] == [("cell_1.png", len(found.text))]


def test_a_picture_that_cannot_be_sent_does_not_stop_the_prompt() -> None:
    found = context.cells(1, {"In": ["", "x", ""]}, images=lambda n: [b"\x89PNG\r\n\x1a\nbroken"])
    assert found.attachments == ()
    assert "a picture of [1] is left out: cell_1.png begins like a picture" in found.notices[0]


def test_pictures_need_a_number_of_cells(shell: Shell) -> None:
    assert "use --context 1 --pictures" in shell.run("%claude -m demo --pictures Why?")


# Earlier cells and errors by name


def test_earlier_cells_and_outputs_are_filled_by_number(kernel: Kernel) -> None:
    number = kernel.get("len(In)")
    kernel.run("6 * 7")
    sent, _ = ask(kernel, f"%claude {{{{In[{number}]}}}} gave {{{{Out[{number}]}}}}")
    assert sent == "6 * 7 gave 42"


def test_err_is_the_last_error(kernel: Kernel) -> None:
    kernel.run("def half(x):\n    return x / 0\nhalf(1)")
    sent, _ = ask(kernel, "%claude What is this? {{Err}}")
    assert "ZeroDivisionError: division by zero" in sent
    assert "return x / 0" in sent


def test_without_an_error_there_is_nothing_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "last_value", raising=False)
    for ask_for in (context.error, lambda: context.failed_cell({})):
        with pytest.raises(PromptError, match="no cell has failed"):
            ask_for()


# Fixing, and code as a cell

FENCED = (
    "Here:\n\n```python\nx = 1 / 2\n```\n\nand\n\n```sh\nrm -rf /\n```\n\n```py\ny = x\n```\n\n```\nprint(x)\n```\n"
)


def test_fix_sends_the_cell_that_failed_and_puts_the_corrected_one_below_without_running_it(kernel: Kernel) -> None:
    kernel.run("import statistics\nx = 'never'\nstatistics.mean([]) # {{braces}}")
    kernel.run("unrelated = 1")
    sent, result = ask(kernel, "%claude /fix it must be 0.5", FENCED)
    assert "```python\nimport statistics\nx = 'never'\nstatistics.mean([]) # {{braces}}\n```" in sent
    assert "StatisticsError: mean requires at least one data point" in sent
    assert "it must be 0.5" in sent
    assert result.payload == [{"source": "set_next_input", "text": "x = 1 / 2\n\ny = x", "replace": False}]
    assert kernel.get("x") == "never"


def test_fix_finds_a_cell_with_a_syntax_error(kernel: Kernel) -> None:
    kernel.run("for for in 3:")
    sent, _ = ask(kernel, "%claude /fix")
    assert "```python\nfor for in 3:\n```" in sent
    assert "SyntaxError" in sent


def test_code_puts_the_python_of_the_reply_into_a_new_cell(kernel: Kernel) -> None:
    _, result = ask(kernel, "%claude --code Write it.", FENCED)
    assert [item["text"] for item in result.payload] == ["x = 1 / 2\n\ny = x"]
    assert "nothing was run (no new cell? %claude /code shows it)" in str(result.outputs[-1])


def test_code_is_shown_again_as_text_to_copy_and_as_a_cell(kernel: Kernel) -> None:
    ask(kernel, "%claude -o kept Write it.", FENCED)
    ask(kernel, "%claude Write it.", "```python\nnewest = 1\n```")
    for command, code in (("/code", "newest = 1"), ("/code kept", "x = 1 / 2\n\ny = x")):
        result = kernel.run(f"%claude {command}")
        assert result.text == f"{code}\n"
        assert "application/vnd.jupyter.widget-view+json" in result.outputs[-1]["data"]
        assert result.payload == [{"source": "set_next_input", "text": code, "replace": False}]


def test_load_reads_the_code_of_a_reply_from_its_variable(kernel: Kernel) -> None:
    ask(kernel, "%claude -o kept Write it.", FENCED)
    for source, code in (("kept.python", "x = 1 / 2\n\ny = x"), ("kept.code[1].code", "rm -rf /\n")):
        (payload,) = kernel.run(f"%load {source}").payload
        assert payload == {"source": "set_next_input", "text": f"# %load {source}\n{code}", "replace": True}


def test_a_terminal_has_the_code_at_its_next_prompt(shell: Shell) -> None:
    shell.vars["kept"] = Reply(Request("demo", "demo", (Message("user", "Hi"),)), FENCED)
    assert shell.run("%claude /code kept") == "x = 1 / 2\n\ny = x\n"
    assert shell.ip.rl_next_input == "x = 1 / 2\n\ny = x"


def test_without_code_or_reply_the_command_says_so(shell: Shell) -> None:
    assert "there are no replies yet" in shell.run("%claude /code")
    assert "nothing is not a reply" in shell.run("%claude /code nothing")
    shell.vars["kept"] = Reply(Request("demo", "demo", (Message("user", "Hi"),)), "No code.")
    assert "the reply contains no Python code" in shell.run("%claude /code kept")


def test_a_code_block_shows_itself_as_code(kernel: Kernel) -> None:
    ask(kernel, "%claude -o kept Write it.", "````python\nx = '\n```\n<script>alert(1)</script>\u202e'\n````")
    data = kernel.run("kept.code[0]").outputs[-1]["data"]
    assert "<script" not in data["text/html"]
    assert data["text/html"].count("<pre") == 1
    assert "\u202e" not in data["text/plain"] + data["text/html"]


def test_without_code_there_is_a_notice_instead_of_a_new_cell(kernel: Kernel) -> None:
    _, result = ask(kernel, "%claude --code Write it.", "I would rather not.")
    assert result.payload == []
    assert "contains no Python code" in str(result.outputs[-1])


def test_a_new_cell_contains_no_characters_that_hide_code() -> None:
    text = "```python\nx = 1 \u202e# evil\x1b[2K\u2066\tok 👩‍🔬\r\n```"
    reply = Reply(Request("demo", "demo", (Message("user", "Hi"),)), text)
    assert reply.python == "x = 1 # evil[2K\tok 👩‍🔬"


@pytest.mark.parametrize("option", ["--code", "--context 2", "--pictures"])
def test_a_sweep_refuses_unsupported_options(shell: Shell, option: str) -> None:
    assert "a sweep does not support --" in shell.run(f'%claude -m demo {option} --sweep "temperature=0,1" Why?')

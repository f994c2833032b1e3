"""The process that runs a model: what it tells about tokens, and how it begins and ends."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import ConfigError, NetworkError, PromptError
from claude_nb.providers.local import engine, gguf, loaded
from claude_nb.stop_signal import Stop

pytestmark = [pytest.mark.local, pytest.mark.usefixtures("local_model")]
FRANCE = "The capital of France is"


def test_the_next_token_has_a_probability_for_every_token_of_the_vocabulary() -> None:
    found = loaded.get().next_token(FRANCE)
    assert len({candidate.id for candidate in found}) == loaded.get().vocabulary_size() == 49_152
    assert math.fsum(candidate.probability for candidate in found) == pytest.approx(1, abs=1e-9)
    assert found[0].text == " Paris"
    assert found == sorted(found, key=lambda candidate: -candidate.probability)


def test_a_text_and_its_tokens_have_the_same_next_token() -> None:
    model = loaded.get()
    ids = model.tokenize(FRANCE)
    assert [model.piece(number) for number in ids] == ["The", " capital", " of", " France", " is"]
    assert model.next_token(ids) == model.next_token(FRANCE)


@pytest.mark.parametrize("text", ["é", "日本", "🦊 fox", "a\n\n\tb", "\u202e", "x" * 500])
def test_the_pieces_of_any_text_join_to_it(text: str) -> None:
    model = loaded.get()
    assert model._post("/detokenize", {"tokens": model.tokenize(text)})["content"] == text


def test_special_tokens_are_one_token_each() -> None:
    model = loaded.get()
    text = model.chat_text([{"role": "user", "content": "Hi"}])
    assert text.endswith("<|im_start|>assistant\n")
    assert len(model.tokenize("<|im_start|>")) == 1


def test_a_likely_end_or_half_character_is_a_next_token_like_any_other() -> None:
    model = loaded.get()
    half = model.next_token("😀 is 🐍 and")
    assert half[0].raw == b" \xf0\x9f"
    assert half[0].text == " \ufffd"
    answered = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello! How can I help you today?"
    assert model.next_token(answered)[0].raw == b""
    assert math.fsum(candidate.probability for candidate in half) == pytest.approx(1, abs=1e-9)


def test_an_empty_text_is_refused_in_one_line() -> None:
    with pytest.raises(PromptError, match="no next token after an empty text"):
        loaded.get().next_token("")


def test_a_text_that_is_too_long_is_refused_in_one_line() -> None:
    with pytest.raises(PromptError, match=r"the local model refuses: .+"):
        loaded.get().next_token([504] * 9_000)


def test_a_model_is_loaded_once_and_freed_by_unload() -> None:
    first = loaded.get()
    assert loaded.get() is first
    assert loaded.unload() == [first.label]
    assert not first.is_running()
    assert loaded.unload() == []


def test_a_process_that_was_killed_is_started_again() -> None:
    first = loaded.get()
    first.process.kill()
    first.process.wait()
    second = loaded.get()
    assert second is not first
    assert second.next_token(FRANCE)[0].text == " Paris"


def test_what_asks_a_model_that_has_ended_says_so() -> None:
    first = loaded.get()
    loaded.unload()
    with pytest.raises(NetworkError, match="the local model ended"):
        first.tokenize("a")


def test_nobody_without_the_key_is_served() -> None:
    from claude_nb.errors import AuthError
    from claude_nb.providers.http import client

    with pytest.raises(AuthError):
        client.read_json(client.post(f"{loaded.get().url}/tokenize", {"content": "a"}, key=None), retries=0)


def test_a_stop_ends_the_loading(local_model: Path) -> None:
    stop = Stop()
    steps = engine.start(gguf.read(local_model), "a model", stop)
    assert next(steps).notice == "loading a model (0 s)"
    stop.set()
    with pytest.raises(NetworkError, match="stopped"):
        list(steps)


def test_what_the_library_cannot_load_is_an_error_in_one_line(
    tmp_path: Path, local_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "damaged.gguf"
    whole = local_model.read_bytes()
    damaged.write_bytes(whole[:1000] + bytes(100) + whole[1100:])
    file = gguf.ModelFile(damaged, len(whole), "", 0)
    with pytest.raises(ConfigError, match=r"cannot be loaded \(.+\); use another model file"):
        list(engine.start(file, "damaged", Stop()))


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LIBRARY", "no_such_library")
    loaded.unload()
    with pytest.raises(ConfigError, match=r'%pip install "claude-nb\[local\]"'):
        loaded.get()


def test_no_key_of_the_user_reaches_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-a-test-0123456789")
    monkeypatch.setenv("HF_TOKEN", "hf-of-a-test-0123456789")
    started: list[dict[str, str]] = []
    begin = subprocess.Popen

    def watched(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        started.append(options["env"])
        return begin(command, **options)

    loaded.unload()
    monkeypatch.setattr(engine.subprocess, "Popen", watched)
    loaded.get()
    assert not {"ANTHROPIC_API_KEY", "HF_TOKEN"} & started[0].keys()
    assert "PATH" in started[0]


SILENT = """
import os, signal
from claude_nb.providers.local import loaded
before = signal.default_int_handler
signal.signal(signal.SIGINT, before)  # a job in the background ignores it
loaded.get().next_token("a")
assert signal.getsignal(signal.SIGINT) is before
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
assert loaded.get().is_running()
child = os.fork()
if not child:
    os._exit(len(loaded._memory.engines))
assert os.waitpid(child, 0)[1] == 0
assert loaded.get().next_token("The capital of France is")[0].text == " Paris"
print(loaded.get().process.pid)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_kernel_keeps_its_interrupts_its_streams_and_its_forks() -> None:
    command = [sys.executable, "-W", "error", "-c", SILENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    word, pid = done.stdout.split()
    assert word == "interrupted"
    with pytest.raises(ProcessLookupError):  # it ended with its parent
        os.kill(int(pid), signal.SIGTERM)

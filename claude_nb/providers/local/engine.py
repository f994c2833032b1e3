"""Start and end the process that runs a model, and ask the model about tokens."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from claude_nb.errors import ConfigError, NetworkError, PromptError
from claude_nb.providers.keys import Key, origin_of
from claude_nb.providers.local.gguf import ModelFile
from claude_nb.render.chars import one_line
from claude_nb.safe_text.redaction import names_secret
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk

LIBRARY = "xllamacpp"
INSTALL = (
    'local models need their engine: run %pip install "claude-nb[local]" (wheels are there for Linux with glibc, '
    "macOS 13 and Windows); elsewhere use a server, such as Ollama, with -p openai-compatible"
)
MOST_CONTEXT = 8_192  # tokens; models that know more would take gigabytes for them
LONGEST_SILENCE_S = 3600.0  # a large model reads a long prompt for minutes before its first word
SLICE_S = 0.2  # between two looks at whether a wait should end
WORKER = Path(__file__).with_name("worker.py")


class Candidate(NamedTuple):
    """One token that may come next, with the model's own probability for it.

    raw  the bytes of its text, which may be a part of a character; b"" for a special token, such as the end
    """

    id: int
    text: str
    probability: float
    raw: bytes


@dataclass(frozen=True, slots=True)
class Engine:
    """A running model.

    label  name, size and license of the model
    tools  whether it can be offered functions
    url    the address of its server on this machine, whose key only this process has
    """

    label: str
    url: str
    key: Key
    process: subprocess.Popen[bytes]
    tools: bool

    def next_token(self, text: str | Sequence[int]) -> list[Candidate]:
        r"""Return the whole distribution of the next token after a text: every token, the most likely first.

        These are the model's own probabilities, at temperature 1 and with nothing cut off, so that they sum to 1. The
        text is continued as it stands, without the template of a chat; see chat_text(). It must not be empty.

        text  or the ids of its tokens; a token that is part of a character has "\ufffd" as its text
        """
        if not text:
            raise PromptError("there is no next token after an empty text; write at least one word")
        # The server reports no probabilities for an end or a part of a character, so it has to write another token.
        # The bias does that, and does not change what it reports.
        another = {"temperature": 0, "logit_bias": [[" a", 1e6]]}
        body = {"n_predict": 1, "n_probs": self.vocabulary_size(), "cache_prompt": False, **another}
        answer = self._post("/completion", {"prompt": text if isinstance(text, str) else [*text], **body})
        rows = answer["completion_probabilities"][0]["top_logprobs"]
        weights = [math.exp(row["logprob"]) for row in rows]
        total = math.fsum(weights)  # 1 but for the rounding of 32-bit numbers
        return [
            Candidate(row["id"], (raw := bytes(row["bytes"])).decode("utf-8", "replace"), weight / total, raw)
            for row, weight in zip(rows, weights, strict=True)
        ]

    def tokenize(self, text: str) -> list[int]:
        """Return the ids of the tokens of a text. Special tokens such as <|im_start|> count as one each."""
        ids: list[int] = self._post("/tokenize", {"content": text, "parse_special": True})["tokens"]
        return ids

    def piece(self, token: int) -> str:
        """Return the text of a token."""
        text: str = self._post("/detokenize", {"tokens": [token]})["content"]
        return text

    def chat_text(self, messages: Sequence[dict[str, str]]) -> str:
        """Return the text of a chat that the model continues: [{"role": "user", "content": "Hi"}]."""
        text: str = self._post("/apply-template", {"messages": [*messages]})["prompt"]
        return text

    def vocabulary_size(self) -> int:
        """Return how many tokens the model knows."""
        size: int = self._post("/models", None)["data"][0]["meta"]["n_vocab"]
        return size

    def is_running(self) -> bool:
        """Return whether its process has not ended."""
        return self.process.poll() is None

    def end(self) -> None:
        """End its process, which frees its memory."""
        _end(self.process)

    def leave(self) -> None:
        """Let go of the process in a fork, whose parent goes on to use it."""
        _close(self.process)
        self.process.returncode = 0  # so that it is neither waited for nor warned about

    def _post(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """Return what the process answers. A body that is None makes it a GET.

        Not through providers.http, which would look for keys in the name of each token of the vocabulary.
        """
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=LONGEST_SILENCE_S)
        headers = {"Authorization": f"Bearer {self.key.reveal()}", "Content-Type": "application/json"}
        with contextlib.closing(connection):
            try:
                connection.request("GET" if body is None else "POST", path, json.dumps(body) if body else None, headers)
                answer: dict[str, Any] = json.load(connection.getresponse())
            except (OSError, HTTPException, ValueError) as error:
                raise NetworkError(f"the local model ended ({type(error).__name__}); run it again") from None
        if "error" in answer:
            raise PromptError(f"the local model refuses: {one_line(str(answer['error'].get('message')), 200)}")
        return answer


def check_installed() -> None:
    """Raise ConfigError unless the library is installed."""
    if importlib.util.find_spec(LIBRARY) is None:
        raise ConfigError(INSTALL)


def start(file: ModelFile, label: str, stop: Stop) -> Generator[Chunk, None, Engine]:
    """Load a model in a new process: ``engine = yield from start(...)``. Yields notices of the progress.

    Raises ConfigError if it cannot be loaded, and NetworkError when stopped.
    """
    check_installed()
    process = _worker()
    key = secrets.token_urlsafe(32)
    context = min(file.context or MOST_CONTEXT, MOST_CONTEXT)
    settings = {"file": str(file.path), "label": label, "key": key, "context": context, "path": sys.path}
    try:
        said = yield from _answer(process, json.dumps(settings), label, stop)
    except BaseException:
        _end(process)
        raise
    url = said.get("address")
    if url is None:
        _end(process)
        why = one_line(str(said.get("error", "its process ended while it loaded")), 200)
        raise ConfigError(f"{file.path} cannot be loaded ({why}); use another model file, or fetch it again")
    return Engine(label, url, Key(key, origin=origin_of(url), found="the local engine"), process, file.tools)


def _worker() -> subprocess.Popen[bytes]:
    # In a group of its own, so that Ctrl-C in a terminal does not reach it.
    alone: dict[str, Any] = {"creationflags": 0x08000200} if os.name == "nt" else {"start_new_session": True}
    alone |= {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    # It reads a file that may be anybody's, and needs no key of the user for that.
    alone["env"] = {name: value for name, value in os.environ.items() if not names_secret(name)}
    try:
        return subprocess.Popen([sys.executable, str(WORKER)], **alone)  # noqa: S603  # a file of ours
    except OSError as error:
        raise ConfigError(f"the engine of local models cannot be started ({error.strerror}); restart Python") from None


def _answer(
    process: subprocess.Popen[bytes], settings: str, label: str, stop: Stop
) -> Generator[Chunk, None, dict[str, Any]]:
    """Send its settings to a process and return what it says: {} if it ends without a word."""
    lines: list[bytes] = []

    def talk() -> None:
        with contextlib.suppress(OSError, ValueError):
            if process.stdin and process.stdout:
                process.stdin.write(f"{settings}\n".encode())
                process.stdin.flush()
                lines.append(process.stdout.readline())

    reader = threading.Thread(target=talk, name="claude_nb local", daemon=True)
    reader.start()
    slices = 0
    while reader.is_alive():
        if stop.is_set():
            raise NetworkError("the reply was stopped")
        if slices % 5 == 0:
            yield Chunk(notice=f"loading {label} ({slices // 5} s)")
        reader.join(SLICE_S)
        slices += 1
    yield Chunk(notice="")
    said = json.loads(lines[0]) if lines and lines[0] else {}
    return said if isinstance(said, dict) else {}


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    # It ends with its input. One that cannot read it, because it is loading, is killed.
    with contextlib.suppress(OSError):
        if process.stdin:
            process.stdin.close()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _close(process)

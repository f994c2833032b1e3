"""Record files: replies in a text file beside the notebook, to be committed and played back.

The format is JSON lines. The first line is a header; each other line is a reply with its request, rhythm and date. The
line of an unchanged reply keeps its place, so that a diff shows only new replies. The file contains no key, no HTTP
header and no path, and nothing in it is executed.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from claude_nb.errors import ConfigError
from claude_nb.stop_signal import Stop
from claude_nb.storage import places
from claude_nb.storage.entries import Recorded, from_json, reply_from, rhythm_from, to_json
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk, Request

# MIGRATIONS[n] turns a line of version n + 1 into one of version n + 2. Append only.
MIGRATIONS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = ()
VERSION = len(MIGRATIONS) + 1
HEADER = {"claude_nb": "replay", "version": VERSION}

MAX_FILE_BYTES = 256_000_000
MAX_LINE_BYTES = 64_000_000
# A slow replay must not exceed the longest wait of a thread.
LONGEST_WAIT_S = 86_400.0
MERGE_MARKS = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")


@dataclass(frozen=True)
class Recording:
    """The replies of a record file, in its order."""

    recorded: tuple[Recorded, ...]
    _by_key: dict[str, Recorded] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {item.reply.request.key: item for item in self.recorded})

    def __len__(self) -> int:
        return len(self.recorded)

    def __iter__(self) -> Iterator[Recorded]:
        return iter(self.recorded)

    def find(self, request: Request) -> Recorded | None:
        """Return the reply to an equal request (including its repeat), or None."""
        return self._by_key.get(request.key)


def write(path: str | os.PathLike[str], recorded: Iterable[Recorded]) -> int:
    """Write a record file in one step, and return the number of its replies.

    Requests keep the order of their first occurrence, with the last complete reply to each. To update a file, pass its
    old replies first: write(path, [*read(path), *store.recorded(notebook=name)])
    """
    newest = {item.reply.request.key: item for item in recorded if not item.reply.broke_off}
    lines = [to_json(HEADER), *map(_line, newest.values())]
    _put(Path(path), ("\n".join(lines) + "\n").encode())
    return len(newest)


def read(path: str | os.PathLike[str]) -> Recording:
    """Read a record file. Raises ConfigError when it cannot be used."""
    lines = enumerate(_get(Path(path)).split(b"\n"), start=1)
    numbered = [(number, line) for number, line in lines if line.strip()]
    if not numbered:
        raise ConfigError(f"{path} is empty, so it is not a record file; make one with %claude /record FILE")
    version = _version(path, numbered[0][1])
    return Recording(tuple(_read_line(path, number, line, version) for number, line in numbered[1:]))


def as_replay(recorded: Recorded) -> Reply:
    """Return the reply of a replay: its source is "replay", and it keeps its date."""
    return replace(recorded.reply, source="replay")


def play(
    recorded: Recorded, *, speed: float = 1.0, stop: Stop | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Chunk]:
    """Yield the chunks of a recorded reply in their original rhythm. A stop ends it without the last chunk.

    speed  2 is twice as fast; 0 or infinity makes no pauses
    """
    if math.isnan(speed) or speed < 0:
        raise ConfigError(f"the speed of a replay is a number from 0 (at once), not {speed}")
    return _play(recorded, speed, stop or Stop(), clock)


def _play(recorded: Recorded, speed: float, stop: Stop, clock: Callable[[], float]) -> Iterator[Chunk]:
    reply, start, shown = recorded.reply, clock(), 0
    if reply.thinking:
        yield Chunk(thinking=reply.thinking)
    if 0 < speed < math.inf:
        for seconds, length in recorded.rhythm:
            if stop.wait(min(max(0.0, seconds / speed - (clock() - start)), LONGEST_WAIT_S)):
                return
            if text := reply.text[shown:length]:
                yield Chunk(text=text)
                shown = length
    if stop.is_set():
        return
    if text := reply.text[shown:]:
        yield Chunk(text=text)
    yield Chunk(
        usage=reply.usage,
        stop_reason=reply.stop_reason,
        raw_stop_reason=reply.raw_stop_reason,
        id=reply.request_id,
        model=reply.response_model,
        done=True,
    )


def _line(recorded: Recorded) -> str:
    reply = recorded.reply.to_dict()
    # The server's id is of no use to readers, but would let anyone with the server's log identify the author.
    del reply["request_id"]
    return to_json({"reply": reply, "rhythm": recorded.rhythm})


def _read_line(path: str | os.PathLike[str], number: int, line: bytes, version: int) -> Recorded:
    try:
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"longer than {MAX_LINE_BYTES // 1_000_000} MB")
        data = from_json(line.decode())
        if not isinstance(data, dict):
            raise ValueError("not a reply")
        for migrate in MIGRATIONS[version - 1 :]:
            data = migrate(data)
        return Recorded(reply_from(data.get("reply")), rhythm_from(data.get("rhythm")))
    except ValueError as error:
        reason = "a mark of a merge conflict" if line[:7] in MERGE_MARKS else _reason(error)
        raise ConfigError(f"{path}, line {number} is damaged ({reason}); delete that line or record again") from None


def _reason(error: ValueError) -> str:
    # The messages of JSON and UTF-8 errors do not quote the line, but can be long.
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else " ".join(str(error).split())[:80]


def _version(path: str | os.PathLike[str], line: bytes) -> int:
    try:
        header = from_json(line.removeprefix(b"\xef\xbb\xbf").decode())
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("claude_nb") != "replay":
        raise ConfigError(
            f"{path} is not a record file (its first line is not a header); make one with %claude /record FILE"
        )
    version = header.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or not 0 < version < 1_000_000:
        raise ConfigError(f"{path} has no valid version; record again with %claude /record")
    if version > VERSION:
        raise ConfigError(
            f"{path} has version {version}, this claude_nb reads up to {VERSION}; "
            "upgrade it (pip install -U claude-nb) or record again"
        )
    return version


def _get(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # reading a pipe or a device could block
            raise ConfigError(f"{path} is not a file; name a record file")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_FILE_BYTES // 1_000_000} MB; split it into several files")
        return path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"there is no record file {path}; make it with %claude /record {path}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path} ({_why(error)}); check the path") from None


def _put(path: Path, content: bytes) -> None:
    """Replace the file in one step. Unlike the history it is meant to be shared, so the umask sets its mode."""
    try:
        with places.replacing(path) as temporary, temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot write {path} ({_why(error)}); nothing was changed, try another place") from None


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__

"""Record files keep every reply on a line of its own, and playing keeps its rhythm."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from claude_nb.errors import ConfigError
from claude_nb.stop_signal import Stop
from claude_nb.storage.recordings import Recording, as_replay, play, read, write
from claude_nb.types.request import Usage
from tests.helpers.turns import WHEN, recorded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lesson.replay.jsonl"


# The file


def test_what_is_written_reads_back(path: Path) -> None:
    originals = [recorded("one"), recorded("two"), recorded("two", repeat=1)]
    assert write(path, originals) == 3
    assert list(read(path)) == originals
    assert len(read(path)) == 3


def test_repeats_are_told_apart(path: Path) -> None:
    write(path, [recorded(text=str(n), repeat=n) for n in range(10)])
    recording = read(path)
    found = [recording.find(recorded(repeat=n).reply.request) for n in range(10)]
    assert [one and one.reply.text for one in found] == [str(n) for n in range(10)]
    assert recording.find(recorded(repeat=10).reply.request) is None


def test_recording_again_changes_only_the_lines_of_new_replies(path: Path) -> None:
    write(path, [recorded("one"), recorded("two"), recorded("three")])
    before = path.read_text("utf-8").splitlines()
    write(path, [*read(path), recorded("two", "another answer"), recorded("four")])
    after = path.read_text("utf-8").splitlines()
    assert [after[0], after[1], after[3]] == [before[0], before[1], before[3]]
    assert after[2] != before[2]
    assert "four" in after[4]


def test_the_same_replies_make_the_same_bytes(path: Path) -> None:
    write(path, [recorded("one"), recorded("ü")])
    before = path.read_bytes()
    write(path, read(path))
    assert path.read_bytes() == before
    assert "ü" in before.decode(), "a diff can be read"


def test_broken_off_replies_are_not_recorded(path: Path) -> None:
    assert (
        write(path, [recorded("a", stop_reason="interrupted"), recorded("b", stop_reason="error"), recorded("c")]) == 1
    )


def test_the_file_holds_no_id_of_the_server_and_no_path(path: Path) -> None:
    write(path, [recorded(request_id="req_123")])
    assert "req_123" not in path.read_text("utf-8")
    assert str(path.parent) not in path.read_text("utf-8")


def test_each_reply_is_one_line_for_every_reader_of_lines(path: Path) -> None:
    write(path, [recorded("\u2028\x85\r\n\x0b\u202e\ud800\x00", "\u2029\u2066\ufeff")])
    assert len(path.read_text("utf-8").splitlines()) == 2
    assert not {"\u202e", "\u2066", "\ufeff"} & set(path.read_text("utf-8")), "nothing reorders a diff on screen"


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=60), st.text(st.characters(), max_size=60))
@example("\ud83d\ude00", "\x00\u202e\ud800")
def test_any_text_survives(prompt: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        write(path, [recorded(prompt, text)])
        (found,) = read(path)
        assert (found.reply.prompt, found.reply.text) == (joined(prompt), joined(text))
        assert read(path).find(recorded(prompt).reply.request) == found


def joined(text: str) -> str:
    """Two halves of a character that stand side by side are that character, as in any JSON."""
    return str(json.loads(json.dumps(text)))


def test_line_ends_of_windows_and_a_byte_order_mark_do_no_harm(path: Path) -> None:
    write(path, [recorded("one"), recorded("two")])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert list(read(path)) == [recorded("one"), recorded("two")]


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_the_file_is_made_to_be_shared(path: Path) -> None:
    before = os.umask(0o022)
    try:
        write(path, [recorded()])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_write_that_fails_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [recorded("old")])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"cannot write .*No space left on device"):
        write(path, [recorded("new")])
    assert list(read(path)) == [recorded("old")]
    assert list(path.parent.iterdir()) == [path]


def test_a_link_is_written_through(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "real.jsonl")
    write(path, [recorded()])
    assert path.is_symlink()
    assert len(read(tmp_path / "real.jsonl")) == 1


# Playing


class Clock(Stop):
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.is_set()


@pytest.mark.parametrize(("speed", "scale"), [(1.0, 1.0), (2.0, 0.5), (0.5, 2.0)])
def test_the_text_comes_in_its_first_rhythm(speed: float, scale: float) -> None:
    clock = Clock()
    seen = [
        (clock.now - 100, chunk.text) for chunk in play(recorded(), speed=speed, stop=clock, clock=clock) if chunk.text
    ]
    assert seen == [(0.5 * scale, "Hello"), (1.0 * scale, " th"), (1.0 * scale, "ere.")]


def test_time_spent_by_whoever_draws_is_not_added() -> None:
    clock = Clock()
    for _ in play(recorded(), stop=clock, clock=clock):
        clock.now += 0.1
    assert clock.now - 100 < 1.5


@pytest.mark.parametrize("speed", [0, float("inf")])
def test_at_once_is_without_waiting(speed: float) -> None:
    clock = Clock()
    chunks = list(play(recorded(), speed=speed, stop=clock, clock=clock))
    assert ([chunk.text for chunk in chunks if chunk.text], clock.now) == (["Hello there."], 100.0)


def test_the_last_chunk_says_how_it_ended() -> None:
    one = recorded(stop_reason="max_tokens", raw_stop_reason="length", response_model="demo-2")
    last = list(play(one, speed=0))[-1]
    assert (last.stop_reason, last.raw_stop_reason, last.model, last.done) == ("max_tokens", "length", "demo-2", True)
    assert last.usage == Usage(3, 4)
    assert "".join(chunk.thinking for chunk in play(one, speed=0)) == "hm"


def test_a_stop_ends_it_without_a_last_chunk() -> None:
    clock = Clock()
    chunks = []
    for chunk in play(recorded(), stop=clock, clock=clock):
        chunks.append(chunk)
        if chunk.text:
            clock.set()
    assert [chunk.text for chunk in chunks if chunk.text] == ["Hello"]
    assert not any(chunk.done for chunk in chunks)


@pytest.mark.parametrize("speed", [-1.0, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="speed"):
        play(recorded(), speed=speed)


def test_a_reply_that_was_played_says_so_and_keeps_its_date() -> None:
    played = as_replay(recorded())
    assert (played.source, played.created_at, played.text) == ("replay", WHEN, "Hello there.")


def test_a_recording_can_be_made_in_memory() -> None:
    assert Recording((recorded(),)).find(recorded().reply.request) == recorded()

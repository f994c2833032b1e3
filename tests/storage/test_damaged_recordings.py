"""A record file that cannot be used: what is wrong is one line, and nothing in it is ever run."""

from __future__ import annotations

import json
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.errors import ClaudeError, ConfigError
from claude_nb.storage import recordings
from claude_nb.storage.recordings import play, read, write
from tests.helpers.turns import recorded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lesson.replay.jsonl"


# What cannot be used

HEAD = b'{"claude_nb":"replay","version":1}\n'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"hello", "not a record file"),
        (b"[1]\n", "not a record file"),
        (b"\xff\xfe\x00", "not a record file"),
        (b"[" * 100_000, "not a record file"),
        (b'{"claude_nb":"settings"}', "not a record file"),
        (b'{"claude_nb":"replay"}', "no valid version"),
        (b'{"claude_nb":"replay","version":true}', "no valid version"),
        (b'{"claude_nb":"replay","version":"1"}', "no valid version"),
        (b'{"claude_nb":"replay","version":0}', "no valid version"),
        (b'{"claude_nb":"replay","version":2}', "has version 2, this claude_nb reads up to 1; upgrade"),
        (HEAD + b"{}\n", "line 2 is damaged"),
        (HEAD + b"\n\n7\n", "line 4 is damaged"),
        (HEAD + b"<<<<<<< HEAD\n", "line 2 is damaged .a mark of a merge conflict.*delete"),
        (HEAD + b"\xff\n", "line 2 is damaged .not UTF-8"),
        (HEAD + b"[" * 100_000, "line 2 is damaged .nested too deeply"),
        (HEAD + b'{"reply":' * 50_000, "line 2 is damaged"),
        (HEAD + b'{"a":' + b"9" * 5000 + b"}", "line 2 is damaged"),
        (HEAD + b"cos\nsystem\n", "line 2 is damaged"),
    ],
)
def test_a_file_that_cannot_be_used_says_so_in_one_line(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def edited(**fields: object) -> bytes:
    line = json.loads(recordings._line(recorded()))
    for dotted, value in fields.items():
        *way, last = dotted.split("__")
        place = line
        for step in way:
            place = place[step]
        place[last] = value
    return HEAD + json.dumps(line).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"reply": []},
        {"rhythm": None},
        {"rhythm": [[1]]},
        {"rhythm": [[1, 5], [0.5, 6]]},
        {"rhythm": [[1e300, 5]]},
        {"rhythm": [[float("nan"), 5]]},
        {"rhythm": [[1, -5]]},
        {"reply__text": 5},
        {"reply__text": None},
        {"reply__seconds": float("inf")},
        {"reply__seconds": "2"},
        {"reply__cost_usd": -1},
        {"reply__stop_reason": "<b>"},
        {"reply__stop_reason": {}},
        {"reply__source": "<b>"},
        {"reply__created_at": "yesterday"},
        {"reply__created_at": "0001-01-01T00:00:00+00:00"},
        {"reply__created_at": "2026-01-01T00:00:00"},
        {"reply__usage": {"input_tokens": "3"}},
        {"reply__usage": {"unheard_of": 3}},
        {"reply__usage": [3]},
        {"reply__request__messages": [{"role": "system", "text": "x"}]},
        {"reply__request__messages": [{"role": "user", "text": 5}]},
        {"reply__request__messages": "Hi"},
        {"reply__request__model": None},
        {"reply__request__repeat": 1e999},
        {"reply__request__sampling": {"temperature": "<b>"}},
        {"reply__request__sampling": {"stop_sequences": [5]}},
        {"reply__request__sampling": {"seed": "1"}},
        {"reply__request__base_url": 5},
    ],
    ids=str,
)
def test_a_line_with_a_wrong_field_is_damaged(path: Path, fields: dict[str, object]) -> None:
    path.write_bytes(edited(**fields))
    with pytest.raises(ConfigError, match="line 2 is damaged"):
        read(path)


def test_fields_of_later_versions_do_no_harm(path: Path) -> None:
    path.write_bytes(edited(reply__mood="fine", comment="by hand"))
    assert list(read(path)) == [recorded()]


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_random_damage_ends_in_a_recording_or_one_line(dice: random.Random, times: int) -> None:
    content = bytearray(HEAD + "\n".join(recordings._line(recorded(text)) for text in ("one", "zwei ü", "三")).encode())
    for _ in range(times):
        content[dice.randrange(len(content))] = dice.randrange(256)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        path.write_bytes(content)
        try:
            recording = read(path)
        except ClaudeError as error:
            assert "\n" not in str(error)  # noqa: PT017  # either outcome is right
            return
        for one in recording:
            assert "".join(chunk.text for chunk in play(one, speed=0)) == one.reply.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["text", "thinking", "usage", "stop_reason", "seconds", "created_at", "error", "source", "request"]


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.sampled_from(FIELDS), JSON)
def test_any_json_in_any_field_ends_in_a_recording_or_one_line(field: str, value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        path.write_bytes(edited(**{f"reply__{field}": value}))
        try:
            write(path, read(path))
        except ClaudeError as error:
            assert "line 2 is damaged" in str(error)  # noqa: PT017  # either outcome is right


def test_a_file_or_a_line_beyond_the_limit_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [recorded()])
    monkeypatch.setattr(recordings, "MAX_LINE_BYTES", 10)
    with pytest.raises(ConfigError, match=r"line 2 is damaged .longer than"):
        read(path)
    monkeypatch.setattr(recordings, "MAX_FILE_BYTES", 10)
    with pytest.raises(ConfigError, match="larger than"):
        read(path)


@pytest.mark.parametrize("place", ["missing.jsonl", ".", "\0", "a/b/c", "x" * 300, "\ud800"])
def test_a_path_without_a_record_file_is_one_line(tmp_path: Path, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / place)
    assert "\n" not in str(caught.value)
    if place != "missing.jsonl":
        with pytest.raises(ConfigError, match="cannot write"):
            write(tmp_path / place, [recorded()])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_pipe_is_refused_instead_of_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is not a file"):
        read(path)


def test_an_older_version_is_migrated_line_by_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [recorded()])
    monkeypatch.setattr(recordings, "VERSION", 2)
    monkeypatch.setattr(recordings, "MIGRATIONS", (lambda line: {**line, "rhythm": [[0.1, 1]]},))
    assert [one.rhythm for one in read(path)] == [((0.1, 1),)]

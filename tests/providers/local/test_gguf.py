"""The header of a GGUF file, which may be anybody's."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from claude_nb.errors import ConfigError
from claude_nb.providers.local import gguf
from tests.helpers.gguf_files import STRING, entry, text, written

WHOLE = (entry("general.architecture", "llama"), entry("llama.context_length", 512), entry("general.license", "mit"))


def test_a_file_tells_its_size_license_and_context(tmp_path: Path) -> None:
    path = written(tmp_path / "m.gguf", *WHOLE)
    assert gguf.read(path) == gguf.ModelFile(path, path.stat().st_size, "mit", 512)


def test_a_file_that_says_nothing_about_its_model_is_read(tmp_path: Path) -> None:
    file = gguf.read(written(tmp_path / "m.gguf"))
    assert (file.license, file.context) == ("", 0)


def test_a_license_with_control_characters_is_shown_on_one_line(tmp_path: Path) -> None:
    file = gguf.read(written(tmp_path / "m.gguf", entry("general.license", "a\n\x1b[31mb" + "c" * 500)))
    assert "\n" not in file.license
    assert "\x1b" not in file.license
    assert len(file.license) <= 81


@pytest.mark.parametrize("license_value", [7, 1.5, True])
def test_a_license_that_is_no_text_counts_as_none(tmp_path: Path, license_value: object) -> None:
    assert gguf.read(written(tmp_path / "m.gguf", entry("general.license", license_value))).license == ""


def test_a_file_cut_anywhere_is_refused_in_one_line(tmp_path: Path) -> None:
    whole = written(tmp_path / "m.gguf", *WHOLE).read_bytes()
    for length in range(len(whole) - 64):  # the engine itself sees that numbers are missing
        cut = tmp_path / "cut.gguf"
        cut.write_bytes(whole[:length])
        with pytest.raises(ConfigError) as caught:
            gguf.read(cut)
        assert "\n" not in str(caught.value)


HEAD = b"GGUF" + struct.pack("<I", 3)
HUGE = 2**64 - 1


@pytest.mark.parametrize(
    "data",
    [
        HEAD + struct.pack("<QQ", HUGE, 1),
        HEAD + struct.pack("<QQ", 1, HUGE),
        HEAD + struct.pack("<QQ", 1, 1) + struct.pack("<Q", HUGE),
        HEAD + struct.pack("<QQ", 1, 1) + text("k") + struct.pack("<I", 99),
        HEAD + struct.pack("<QQ", 1, 1) + text("k") + struct.pack("<IIQ", 9, STRING, HUGE),
        HEAD + struct.pack("<QQ", 1, 1) + text("k") + struct.pack("<IIQ", 9, 0, 3_999_999),
        HEAD + struct.pack("<QQ", 1, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1),
        HEAD + struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<I", 2**31),
        HEAD + struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<IQQIQ", 2, 2**40, 2**40, 0, 0),
        HEAD + struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<IQIQ", 1, 8, 0, HUGE),
        HEAD + struct.pack("<QQ", 0, 0),
        b"GGUF" + struct.pack("<IQQ", 77, 1, 0),
    ],
)
def test_counts_and_lengths_beyond_the_file_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data + bytes(64))
    with pytest.raises(ConfigError, match="is damaged or incomplete"):
        gguf.read(path)


@pytest.mark.parametrize("data", [b"", b"GGU", b"GGML\0\0\0\0", b"PK\3\4", b"<html>"])
def test_another_kind_of_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="is not a GGUF file"):
        gguf.read(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*m.gguf"):
        gguf.read(tmp_path / "m.gguf")
    with pytest.raises(ConfigError, match="is not a file"):
        gguf.read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "m.gguf"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="is not a file"):
        gguf.read(pipe)

"""Small GGUF files for tests: a header, and one tensor of 64 bytes."""

from __future__ import annotations

import struct
from pathlib import Path

UNSIGNED, FLOAT, BOOL, STRING = 4, 6, 7, 8


def text(value: str) -> bytes:
    """A text as the format writes it."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def entry(key: str, value: object) -> bytes:
    """One entry of a header."""
    if isinstance(value, str):
        return text(key) + struct.pack("<I", STRING) + text(value)
    if isinstance(value, bool):
        return text(key) + struct.pack("<I?", BOOL, value)
    form, kind = ("f", FLOAT) if isinstance(value, float) else ("I", UNSIGNED)
    return text(key) + struct.pack(f"<I{form}", kind, value)


def written(path: Path, *entries: bytes) -> Path:
    """Write a file that can be read, but that no library can run."""
    tensor = text("t") + struct.pack("<IQIQ", 1, 16, 0, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, len(entries)) + b"".join(entries) + tensor
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + bytes(64))
    return path

"""What several tests use: servers, shells, kernels, replies; and where the files are."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
STREAMS = TESTS / "streams"

"""Requests as data: how a user writes one here, and how the vendor's own SDK writes the same.

tests/providers/dialects/test_vendor_sdks.py sends both to the loopback server and compares what arrives.
"""

from __future__ import annotations

from tests.vendor_sdks.anthropic_requests import ANTHROPIC
from tests.vendor_sdks.case import Case
from tests.vendor_sdks.openai_requests import OPENAI

CASES: tuple[Case, ...] = (*ANTHROPIC, *OPENAI)

"""A pytest plugin for `make fuzz`: only the property tests, each with FACTOR times its examples, new ones every time.

Those of what comes from outside (streams, errors, record files, texts for regular expressions) get at least 10,000.

FUZZ=100 make fuzz    makes it a hundred times. What it finds, Hypothesis prints with the lines to repeat it.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import is_hypothesis_test, settings

FACTOR = int(os.environ.get("FUZZ", "10"))
FROM_OUTSIDE = ("test_dialects", "test_sse", "test_api_errors", "test_damaged_recordings", "test_patterns")
# Hypothesis keeps a test's settings here, and has no public way to change them once the decorator has run.
SETTINGS = "_hypothesis_internal_use_settings"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = [item for item in items if is_hypothesis_test(getattr(item, "obj", None))]
    for function in {getattr(item.obj, "__func__", item.obj) for item in kept}:
        old = getattr(function, SETTINGS, settings())
        least = 10_000 if function.__module__.endswith(FROM_OUTSIDE) else 0
        examples = max(least, FACTOR * old.max_examples)
        more = settings(old, max_examples=examples, derandomize=False, deadline=None)
        setattr(function, SETTINGS, more)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept

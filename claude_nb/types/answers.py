"""Read the structured answer in a reply."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from claude_nb import schema
from claude_nb.types.content import Part, ServerBlock, ToolResult
from claude_nb.types.settings import Answer


def read(spec: Answer | None, text: str, parts: Sequence[Part], thinking: str) -> tuple[Any, str | None]:
    """Return the structured answer, or why it is not valid.

    Text before the last tool result does not count, whether the tool ran here or on the server.

    thinking  read if there is no text; "" if the reply did not end by itself
    """
    if spec is None:
        return None, None
    begin = max((part.at for part in parts if isinstance(part, ToolResult | ServerBlock)), default=0)
    text = text[begin:]
    if not text.strip() and thinking.rstrip().endswith(("}", "```")):
        text = thinking  # a model that did not close its thinking, or a server that took all for thinking
    try:
        value, why = schema.read(text, json.loads(spec.schema))
    except (ValueError, RecursionError):
        return None, "$: the schema is damaged"
    if spec.wrapped:  # the user did not ask for the object around it
        value = value.get("answer") if isinstance(value, dict) else None
        why = re.sub(r"^\$\.answer(?=[.:\[])", "$", why) if why else None
    return value, why

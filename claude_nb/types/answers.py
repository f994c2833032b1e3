"""Read the structured answer in a reply."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from claude_nb import schema
from claude_nb.types.content import ServerBlock, ToolResult

if TYPE_CHECKING:
    from claude_nb.types.reply import Reply


def answer_of(reply: Reply) -> tuple[Any, str | None]:
    """Return the structured answer, or why it is not valid.

    Text before the last tool result does not count, whether the tool ran here or on the server.
    """
    spec = reply.request.answer
    if spec is None:
        return None, None
    begin = max((part.at for part in reply.parts if isinstance(part, ToolResult | ServerBlock)), default=0)
    text = reply.text[begin:]
    if not text.strip() and reply.stop_reason == "end" and reply.thinking.rstrip().endswith(("}", "```")):
        text = reply.thinking  # a model that did not close its thinking, or a server that took all for thinking
    try:
        value, why = schema.read(text, json.loads(spec.schema))
    except (ValueError, RecursionError):
        return None, "$: the schema is damaged"
    if spec.wrapped:  # the user did not ask for the object around it
        value = value.get("answer") if isinstance(value, dict) else None
        why = re.sub(r"^\$\.answer(?=[.:\[])", "$", why) if why else None
    return value, why

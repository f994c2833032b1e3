"""Read the bodies of error responses in any shape.

They are nested objects, lists of messages, plain text, or a web page. This is a module of its own, because together
with api_errors.py it would have almost 300 lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from claude_nb.render.chars import one_line

TEXT_KEYS = ("message", "msg", "detail", "reason", "description", "error_description", "title")
CODE_KEYS = ("type", "code", "name", "kind", "error_code", "statusCode", "status")


def message(data: Mapping[str, Any] | None, body: bytes, headers: Mapping[str, str]) -> str:
    """Return the server's own words; "" if there are none."""
    if data is not None:
        return "; ".join(messages(dict(data))) or ", ".join(codes(data))
    text = body.decode("utf-8", "replace").strip()
    if "html" in headers.get("content-type", "") or text[:200].lower().startswith(("<!doctype", "<html")):
        title = re.search(r"(?is)<title[^>]*>(.*?)</title>", text)
        return f"a web page titled {one_line(title[1], 100)}" if title else "a web page"
    return text


def messages(value: object, depth: int = 0) -> list[str]:
    """Return the messages in an error body, the innermost first, each one once."""
    if depth > 4 or not value:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        found = [text for item in value[:4] for text in messages(item, depth + 1)]
    elif isinstance(value, dict):
        found = messages(value.get("error"), depth + 1)
        path = value.get("path") or value.get("loc")
        field = ".".join(map(str, path[:8])) + ": " if isinstance(path, list) else ""
        if isinstance(path, str) and not path.startswith("/"):
            field = f"{path}: "
        for key in TEXT_KEYS[:-1] if found else TEXT_KEYS:
            texts = messages(value.get(key), depth + 1)
            found += [field + text for text in texts]
            if texts:
                break
        found += [text for item in value.values() if _is_list_of_details(item) for text in messages(item, depth + 1)]
    else:
        return []
    return [text for text in dict.fromkeys(found) if not any(text != other and text in other for other in found)]


def _is_list_of_details(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, dict) and ("path" in item or "loc" in item) for item in value
    )


def objects(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the error object, the objects nested in it, and the body around them."""
    for outer in (data.get("error"), data):
        if isinstance(outer, Mapping):
            yield outer
            yield from (outer[key] for key in ("details", "data", "metadata") if isinstance(outer.get(key), Mapping))


def codes(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the error codes: "overloaded_error", "429", "err_insufficient_credits"."""
    for item in objects(data):
        for key in CODE_KEYS:
            value = item.get(key)
            if isinstance(value, (str, int)) and not isinstance(value, bool) and value not in ("", "error"):
                yield one_line(str(value)[:200], 60)


def request_id(data: Mapping[str, Any]) -> str:
    """Return the id of the request that the body names; "" if it names none."""
    value = data.get("requestId") or data.get("request_id")
    return one_line(value, 100) if isinstance(value, str) else ""

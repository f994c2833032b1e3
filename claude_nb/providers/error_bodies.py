"""Reading what servers write into the bodies of their errors, in any shape."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

TEXT_KEYS = ("message", "msg", "detail", "reason", "description", "error_description", "title")


def said(data: Mapping[str, Any] | None, body: bytes, headers: Mapping[str, str]) -> str:
    """The server's own words on one line; "" when it said nothing."""
    if data is not None:
        return "; ".join(messages(dict(data))) or ", ".join(codes(data))
    text = body.decode("utf-8", "replace").strip()
    if "html" in headers.get("content-type", "") or text[:200].lower().startswith(("<!doctype", "<html")):
        title = re.search(r"(?is)<title[^>]*>(.*?)</title>", text)
        return f"a web page titled {line(title[1], 100)}" if title else "a web page"
    return text


def messages(value: object, depth: int = 0) -> list[str]:
    """Texts for people in an error body, the innermost error first, each one once."""
    if depth > 4 or not value:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        found = [text for item in value[:4] for text in messages(item, depth + 1)]
    elif isinstance(value, dict):
        found = messages(value.get("error"), depth + 1)
        where = value.get("path") or value.get("loc")
        place = ".".join(map(str, where[:8])) + ": " if isinstance(where, list) else ""
        if isinstance(where, str) and not where.startswith("/"):
            place = f"{where}: "
        for key in TEXT_KEYS[:-1] if found else TEXT_KEYS:
            texts = messages(value.get(key), depth + 1)
            found += [place + text for text in texts]
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
    """The error object, what is nested in it, and the body around them."""
    inner = data.get("error")
    for outer in (inner, data):
        if isinstance(outer, Mapping):
            yield outer
            yield from (outer[key] for key in ("details", "data", "metadata") if isinstance(outer.get(key), Mapping))


def codes(data: Mapping[str, Any]) -> Iterator[str]:
    """The machine's names for the error: "overloaded_error", "429", "err_insufficient_credits"."""
    for item in objects(data):
        for key in ("type", "code", "name", "kind", "error_code", "statusCode", "status"):
            value = item.get(key)
            if isinstance(value, (str, int)) and not isinstance(value, bool) and value not in ("", "error"):
                yield line(str(value)[:200], 60)


def own_id(data: Mapping[str, Any]) -> str:
    value = data.get("requestId") or data.get("request_id")
    return line(value, 100) if isinstance(value, str) else ""


def line(text: str, limit: int) -> str:
    """One line without control characters, at most *limit* characters."""
    head = " ".join(text[: limit * 4].split())
    shown = "".join(c for c in head if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"

"""Read the bodies of error responses in any shape.

They are nested objects, lists of messages, JSON inside a string, events, plain text, XML or a web page.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from claude_nb.render.chars import one_line

# The names of fields that hold words, without their case, "_" and "-". The first that has some counts.
TEXT_KEYS = (
    "message",
    "msg",
    "detail",
    "details",
    "reason",
    "description",
    "errordescription",
    "errormessage",
    "errormsg",
    "errmsg",
    "statusmessage",
    "statusmsg",
    "faultstring",
    "info",
    "raw",
    "errors",
    "title",
)
TEXT_ENDINGS = ("msg", "message", "exception")  # of other names: "retmsg", "resultMessage"
ERROR_KEYS = ("error", "fault", "innererror")
CODE_KEYS = ("type", "code", "name", "kind", "errorcode", "errcode", "statuscode", "status", "faultcode")
ID_KEYS = ("requestid", "traceid")
DEPTH = 6
ITEMS = 8  # of a list or an object that are looked at
EMBEDDED = re.compile(r"""["'](?:message|msg|detail|error)["']\s*:\s*(?:"((?:\\.|[^"\\])+)"|'((?:\\.|[^'\\])+)')""")
TAG = re.compile(r"<[^<>]*>")
XML_WORDS = ("message", "faultstring", "reason", "detail")
PAGE_WORDS = (("title", "titled"), ("h1", "titled"), ("body", "that says"))


def read(body: bytes) -> dict[str, Any] | None:
    """Return the JSON of a body as an object; None if there is none.

    A list becomes {"errors": [...]} and a string {"message": "..."}. Of events or lines, the first object counts.
    """
    lines = body.decode("utf-8-sig", "replace").split("\n", 50)[:50]
    parts: list[str | bytes] = [body, *(line.partition("data:")[2] or line for line in lines)]
    for part in parts:
        try:
            value = json.loads(part)
        except (ValueError, RecursionError):
            continue
        if part is body or as_object(value):
            return as_object(value)
    return None


def as_object(value: object) -> dict[str, Any]:
    """Return a JSON value as an object: as_object(["a"]) -> {"errors": ["a"]}; {} for a number and for null."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return _embedded(value) or {"message": value}
    return {"errors": value} if isinstance(value, list) else {}


def message(data: Mapping[str, Any] | None, body: bytes, headers: Mapping[str, str]) -> str:
    """Return the server's own words; "" if there are none."""
    if data is not None:
        return "; ".join(messages(dict(data))) or ", ".join(codes(data))
    text = body.decode("utf-8", "replace").strip()
    if "html" in headers.get("content-type", "") or text[:200].lower().startswith(("<!doctype", "<html")):
        found = ((how, words) for tag, how in PAGE_WORDS if (words := _inside(text, tag)))
        return "a web page" + next((f" {how} {one_line(words, 100)}" for how, words in found), "")
    if text.startswith("<"):
        return next(filter(None, (_inside(text, tag) for tag in XML_WORDS)), "") or _untagged(text)
    return "; ".join(_words(text, 0))


def messages(value: object, depth: int = 0) -> list[str]:
    """Return the messages in an error body, the innermost first, each one once."""
    if depth > DEPTH or not value:
        return []
    if isinstance(value, str):
        return _words(value, depth)
    if isinstance(value, list):
        found = [text for item in value[:4] for text in messages(item, depth + 1)]
    elif isinstance(value, dict):
        found = _in_object(value, depth)
    else:
        return []
    return [text for text in dict.fromkeys(found) if not any(text != other and text in other for other in found)]


def _in_object(value: dict[Any, Any], depth: int) -> list[str]:
    named = _plain_keys(value)
    found = next(filter(None, (messages(named.get(key), depth + 1) for key in ERROR_KEYS)), [])
    path = named.get("path") or named.get("loc")
    field = ".".join(map(str, path[:8])) + ": " if isinstance(path, list) else ""
    if isinstance(path, str) and not path.startswith("/"):
        field = f"{path}: "
    others = [key for key in named if key.endswith(TEXT_ENDINGS)]
    for key in TEXT_KEYS[:-2] if found else (*TEXT_KEYS, *others):
        if texts := messages(named.get(key), depth + 1):
            found = found + [field + text for text in texts]
            break
    more = [item for item in value.values() if _is_list_of_details(item)]
    found = found + [text for item in (*more, named.get("metadata")) for text in messages(item, depth + 1)]
    inner = {key: item for key, item in list(value.items())[:ITEMS] if isinstance(item, dict | list)}
    # A wrapper such as {"Response": {"Error": {...}}}, or one list of problems for each field.
    return found or [
        f"{key}: {text}" if isinstance(item, list) else text
        for key, item in inner.items()
        for text in messages(item, depth + 1)
    ]


def _words(text: str, depth: int) -> list[str]:
    """Return a text, or the words of the JSON that it holds, with what stands before it."""
    if (data := _embedded(text)) and (inner := messages(data, depth + 1)):
        return inner
    start = text[:4000]
    # A list of problems with their places, as Python prints it, would lose the places.
    if depth > DEPTH or "{" not in start or "'loc'" in start or not (found := EMBEDDED.search(start)):
        return [text]
    before = start[: start.index("{")].strip(" \t\r\n:-'\"b[(") if start.index("{") < found.start() else ""
    inner = _words((found[1] or found[2]).replace('\\"', '"').replace("\\n", " ").replace("\\\\", "\\"), depth + 1)
    return [f"{before}: {inner[0]}", *inner[1:]] if before else inner


def _embedded(text: str) -> dict[str, Any]:
    """Return the JSON object or list that a text consists of, as an object."""
    if text.lstrip()[:1] not in ("{", "["):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return as_object(value)


def _inside(text: str, tag: str) -> str:
    """Return the words in the first element of that name. Plain searches, so that no page takes long."""
    lower = text.lower()
    start = lower.find(f"<{tag}")
    begin = lower.find(">", start) + 1 if start >= 0 else 0
    end = lower.find(f"</{tag}", begin)
    return _untagged(text[begin : end if end >= 0 else begin + 2000]) if begin else ""


def _untagged(text: str) -> str:
    return " ".join(html.unescape(TAG.sub(" ", text)).split())


def _plain_keys(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Return an object with its keys in one spelling: {"errorMsg": 1, "Status-Code": 2} -> errormsg, statuscode."""
    return {str(key).lower().replace("_", "").replace("-", ""): item for key, item in value.items()}


def _is_list_of_details(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, dict) and ("path" in item or "loc" in item) for item in value
    )


def objects(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the error object, the body around it, and the objects that are nested in these."""
    error = data.get("error")
    for outer in (as_object(error) if error else {}, data):
        yield outer
        for value in list(outer.values())[:ITEMS]:
            for item in value[:4] if isinstance(value, list) else (value,):
                inner = item if isinstance(item, dict) else _embedded(item) if isinstance(item, str) else {}
                if inner and inner is not error:
                    yield inner
                    yield from (deep for deep in inner.values() if isinstance(deep, dict))


def codes(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the error codes: "overloaded_error", "429", "err_insufficient_credits"."""
    for item in objects(data):
        named = _plain_keys(item)
        for key in CODE_KEYS:
            value = named.get(key)
            if isinstance(value, (str, int)) and not isinstance(value, bool) and value not in ("", "error"):
                yield one_line(str(value)[:200], 60)


def request_id(data: Mapping[str, Any]) -> str:
    """Return the id of the request that the body names; "" if it names none."""
    named = _plain_keys(data)
    return next((one_line(named[key], 100) for key in ID_KEYS if isinstance(named.get(key), str)), "")


SUCCESS = {
    "0",
    "200",
    "201",
    "ok",
    "success",
    "succeeded",
    "completed",
    "processing",
    "queued",
    "in_progress",
    "running",
}
EVENT_KEYS = ("delta", "content_block", "usage")
WRAPPER_KEYS = ("data", "result", "output", "response")


def unwrapped(data: dict[str, Any]) -> dict[str, Any]:
    """Return the reply, or the part of one, that some gateways send inside an object of their own.

    >>> unwrapped({"code": 0, "data": {"choices": [{"text": "Hi"}]}})
    {'choices': [{'text': 'Hi'}]}
    """
    if "choices" in data or "type" in data or data.get("error"):
        return data
    inner = (data.get(key) for key in WRAPPER_KEYS)
    return next((item for item in inner if isinstance(item, dict) and _is_part(item)), data)


def is_reply(data: Mapping[str, Any]) -> bool:
    """Return whether an object is a reply, or a part of one, in either dialect."""
    return _is_part(data) or _is_part(unwrapped(dict(data)))


def _is_part(data: Mapping[str, Any]) -> bool:
    choices, content, message = data.get("choices"), data.get("content"), data.get("message")
    if (isinstance(choices, list) and choices) or (isinstance(content, list) and content):
        return True
    return (isinstance(message, dict) and "role" in message) or any(map(data.get, EVENT_KEYS))


def says_success(data: Mapping[str, Any]) -> bool:
    """Return whether an object says that all is well so far: {"code": 0, "msg": "success"}, {"status": "queued"}."""
    named = _plain_keys(data)
    said = [str(named[key]).lower() for key in CODE_KEYS if isinstance(named.get(key), str | int)]
    return bool(said) and not data.get("error") and all(word in SUCCESS for word in said)

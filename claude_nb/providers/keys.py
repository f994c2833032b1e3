"""A key that does not show itself, and the redactor for texts that may hold one."""

from __future__ import annotations

import base64
import logging
import re
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import quote, urlsplit

from claude_nb.errors import ConfigError

# Shapes of keys that are in use: Anthropic, OpenAI and its imitators, GitHub, AWS, Google, Hugging Face.
# A word like "task-oriented-programming" is none: nothing stands before the sk-, and a digit is in it.
# An AI/ML API key has no documented shape; those in use are 32 hexadecimal digits.
KEY_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])sk-(?=[A-Za-z_\-]*[0-9])[A-Za-z0-9_\-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_\-]{30,}|hf_[A-Za-z0-9]{20,}"
)
BEARER = re.compile(r"(?i)(bearer\s+|x-api-key[\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9._~+/=\-]{8,}")


class Key:
    """An API key bound to the origin it may be sent to. Its repr, str and format show no part of it.

    origin  "https://api.example.com": the only place the key is ever sent to
    found   where it came from, for people: "environment variable AIMLAPI_API_KEY"
    """

    __slots__ = ("found", "origin", "reveal")

    def __init__(self, value: str, *, origin: str, found: str) -> None:
        # In a closure, so that neither vars(), a slot dump nor a debugger's listing shows it.
        self.reveal: Callable[[], str] = lambda: value
        self.origin = origin
        self.found = found

    def __repr__(self) -> str:
        return f"<key from {self.found}, for {self.origin}>"

    def __reduce__(self) -> str:
        raise TypeError("a key cannot be pickled or copied; each process looks up its own")


@lru_cache(maxsize=64)
def origin_of(url: str) -> str:
    """Scheme, host and port, the unit a key is bound to: origin_of("https://a.b/v1") -> "https://a.b"."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is not an address ({error}); write it like https://host:8000/v1") from None
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port in (None, standard) else f":{port}")


def redact(text: str, keys: Iterable[Key] = ()) -> str:
    """Blot out keys in a text that somebody else wrote: servers do echo them.

    Known keys go in every spelling (plain, URL-encoded, base64, their first characters);
    unknown ones when they have the shape of a key.
    """
    for key in keys:
        secret = key.reveal()
        if len(secret) < 8:
            continue
        for spelling in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            text = text.replace(spelling, "[key]")
        text = _without_pieces(text, secret)
    return BEARER.sub(r"\1[key]", KEY_SHAPES.sub("[key]", text))


class RedactedLogs(logging.Filter):
    """A filter for the loggers of a library that we call: what they write about our calls shows no key.

    use(key) says which key the running thread works with.
    """

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._thread = threading.local()
        for name in names:
            logging.getLogger(name).addFilter(self)

    def use(self, key: Key | None) -> None:
        self._thread.key = key

    def filter(self, record: logging.LogRecord) -> bool:
        if key := getattr(self._thread, "key", None):
            record.msg, record.args = redact(record.getMessage(), [key]), None
        return True


def looks_like_key(text: str) -> bool:
    """True when a text holds something with the shape of a key: looks_like_key("sk-ant-api03-...")."""
    return KEY_SHAPES.search(text) is not None


def _without_pieces(text: str, secret: str, size: int = 8) -> str:
    """Blot out every run of *size* or more characters of the secret ("sk-ab12cd...")."""
    pieces = {secret[i : i + size] for i in range(len(secret) - size + 1)}
    start = 0
    out: list[str] = []
    while start < len(text):
        if text[start : start + size] not in pieces:
            out.append(text[start])
            start += 1
            continue
        end = start + size
        while text[end - size + 1 : end + 1] in pieces and end < len(text):
            end += 1
        out.append("[key]")
        start = end
    return "".join(out)

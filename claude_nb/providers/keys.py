"""API keys that hide their value, where they may be sent, and redaction."""

from __future__ import annotations

import base64
import contextlib
import logging
import re
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from claude_nb.errors import ConfigError
from claude_nb.providers import addresses

# The key formats of Anthropic, OpenAI and compatible services, GitHub, AWS, Google and Hugging Face.
# A word like "task-oriented-programming" does not match: no letter may precede "sk-", and a key has a digit.
# AI/ML API documents no format. Its keys are 32 hexadecimal digits, which match too many harmless texts.
KEY_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])sk-(?=[A-Za-z_\-]*[0-9])[A-Za-z0-9_\-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_\-]{30,}|hf_[A-Za-z0-9]{20,}"
)
# An assignment like password = "value", whose name says that the value is secret.
ASSIGNED_SECRET = re.compile(
    r"(?i)((?:api_?key|secret|token|passw(?:or)?d|pwd)\w*[\"']?\s*[\]]?\s*[=:]\s*)([\"'])((?:(?!\2).){6,})\2"
)
BEARER = re.compile(r"(?i)(bearer\s+|x-api-key[\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9._~+/=\-]{8,}")


class Key:
    """An API key, bound to the origin it may be sent to.

    Its repr, str and format hide its value.

    origin  the only place the key is ever sent to: "https://api.example.com"
    found   where the key was found, for messages: "environment variable AIMLAPI_API_KEY"
    """

    __slots__ = ("found", "origin", "reveal")

    def __init__(self, value: str, *, origin: str, found: str) -> None:
        # A closure keeps the value out of vars(), of slot dumps and of a debugger's list of variables.
        self.reveal: Callable[[], str] = lambda: value
        self.origin = origin
        self.found = found

    def __repr__(self) -> str:
        return f"<key from {self.found}, for {self.origin}>"

    def __reduce__(self) -> str:
        raise TypeError("a key cannot be pickled or copied; each process looks up its own")


@lru_cache(maxsize=64)
def origin_of(url: str) -> str:
    """Return scheme, host and port of an address.

    Example: origin_of("https://a.b/v1") -> "https://a.b".

    Raises ConfigError if the text is not an address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{url!r} is not an address ({error}); write it like https://host:8000/v1") from None
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port in (None, standard) else f":{port}")


@lru_cache(maxsize=64)
def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine.

    Example: is_loopback("http://127.0.0.1:8000/v1") -> True.
    """
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def check_destination(url: str, key: Key | None, *, allow_http: bool) -> None:
    """Raise ConfigError unless the request, and the key, may be sent to this address."""
    addresses.check(url)
    origin = origin_of(url)
    parts = urlsplit(url)
    if parts.scheme == "http" and not allow_http and not addresses.is_this_machine(parts.hostname or ""):
        raise ConfigError(f"{origin} is not encrypted, so nothing was sent; use https:// (or --allow-http)")
    if key is None:
        return
    if key.origin != origin:
        raise ConfigError(
            f"the key from {key.found} belongs to {key.origin} and is not sent to {origin}; correct the base URL"
        )
    if not all("!" <= letter <= "~" for letter in key.reveal()):
        raise ConfigError(f"the key from {key.found} contains characters that no key has; copy it again")


def redact(text: str, keys: Iterable[Key] = (), *, assignments: bool = False) -> str:
    """Mask keys in a text.

    Example: redact("Bearer sk-ant-api03-abcdef0123456789abcd") -> "Bearer [key]".

    The given keys are masked in every spelling: plain, URL-encoded, base64, or 8 or more of their characters.
    Other texts are masked if they have the format of a key.

    assignments  also mask values that are assigned to a name like password: password = "hunter22"
    """
    for key in keys:
        secret = key.reveal()
        if len(secret) < 8:
            continue
        for spelling in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            text = text.replace(spelling, "[key]")
        text = _without_pieces(text, secret)
    text = BEARER.sub(r"\1[key]", KEY_SHAPES.sub("[key]", text))
    return ASSIGNED_SECRET.sub(r"\1\2[masked]\2", text) if assignments else text


class RedactedLogs(logging.Filter):
    """Filter that masks keys in the log records of libraries we call."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._thread = threading.local()
        for name in names:
            logging.getLogger(name).addFilter(self)

    def use(self, key: Key | None) -> None:
        """Set the key to mask in the records of the running thread."""
        self._thread.key = key

    def filter(self, record: logging.LogRecord) -> bool:
        if key := getattr(self._thread, "key", None):
            record.msg, record.args = redact(record.getMessage(), [key]), None
        return True


def looks_like_key(text: str) -> bool:
    """Return whether a text contains a key format, such as "sk-ant-api03-..."."""
    return KEY_SHAPES.search(text) is not None


def _without_pieces(text: str, secret: str, size: int = 8) -> str:
    """Mask pieces of the secret, because servers quote keys in part."""
    pieces = {secret[i : i + size] for i in range(len(secret) - size + 1)}
    start = 0
    masked: list[str] = []
    while start < len(text):
        if text[start : start + size] not in pieces:
            masked.append(text[start])
            start += 1
            continue
        end = start + size
        while text[end - size + 1 : end + 1] in pieces and end < len(text):
            end += 1
        masked.append("[key]")
        start = end
    return "".join(masked)

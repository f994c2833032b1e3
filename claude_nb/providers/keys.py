"""API keys that hide their value, and where they may be sent."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from claude_nb.errors import ConfigError
from claude_nb.providers import addresses
from claude_nb.safe_text import redaction

AUTHORIZATION = "Authorization"


class Key:
    """An API key, bound to the origin it may be sent to.

    Its repr, str and format hide its value.

    origin  the only place the key is ever sent to: "https://api.example.com"
    found   where the key was found, for messages: "environment variable AIMLAPI_API_KEY"
    header  the name of the header that it is sent in
    """

    __slots__ = ("found", "header", "origin", "reveal")

    def __init__(self, value: str, *, origin: str, found: str, header: str = AUTHORIZATION) -> None:
        # A closure keeps the value out of vars(), of slot dumps and of a debugger's list of variables.
        self.reveal: Callable[[], str] = lambda: value
        redaction.remember(value)
        self.origin = origin
        self.found = found
        self.header = header

    def sent(self) -> str:
        """Return the value of its header, such as "Bearer KEY". Gateways read the key alone in "api-key"."""
        return f"Bearer {self.reveal()}" if self.header.lower().endswith(("auth", "authorization")) else self.reveal()

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
    """Return whether the key of a provider may go to an address, because it is on this machine.

    Example: is_loopback("http://127.0.0.1:8000/v1") -> True.

    Stricter than addresses.is_this_machine(), which decides about encryption and proxies only.
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


class RedactedLogs(logging.Filter):
    """Filter that masks keys in the log records of libraries we call."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        for name in names:
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redaction.redact(record.getMessage()), None
        return True

"""Where a request, and a key, may go."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from claude_nb.errors import ConfigError
from claude_nb.providers.keys import Key, origin_of


def check(url: str, key: Key | None, *, allow_http: bool) -> None:
    """Raises ConfigError unless the request, and the key, may go to this address."""
    origin = origin_of(url)
    parts = urlsplit(url)
    refuse_login(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{url!r} is not the address of a server; write it like https://host:8000/v1")
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname):
        raise ConfigError(f"{origin} is not encrypted, so nothing was sent; use https:// (or --allow-http)")
    if key is None:
        return
    if key.origin != origin:
        raise ConfigError(f"the key from {key.found} is for {key.origin} and is not sent to {origin}")
    if not all("!" <= letter <= "~" for letter in key.reveal()):
        raise ConfigError(f"the key from {key.found} holds characters no key has; copy it again")


def refuse_login(url: str) -> None:
    """Raises ConfigError for https://name:password@host: addresses are shown, and kept in the history."""
    if origin_of(url) and "@" in urlsplit(url).netloc:
        raise ConfigError("the base URL holds a name or password before @; leave it out, keys are kept elsewhere")


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """True for this machine: is_loopback("127.0.0.1"), is_loopback("localhost")."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"

"""Choose the proxy for an address by the environment, as curl does, and say what is wrong with one.

Nothing here shows the name and password that a proxy's address may hold.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from claude_nb.errors import ClaudeError, ConfigError, NetworkError
from claude_nb.providers.addresses import is_this_machine

SYSTEM = "the system settings"
SYSTEM_CACHE_S = 1.0  # asking Windows or macOS takes long, and the answer may change at any time
PORTS = {"http": 80, "https": 443}
KINDS = ("http", "https", "socks5", "socks5h")
AUTHORITY = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(?::([0-9]{1,5}))?", re.ASCII)
ENTRY = re.compile(r"\[?(?P<name>[^\[\]]*?)\]?(?::(?P<port>[0-9]+))?")


class Proxy(NamedTuple):
    """A proxy and where it was found. Its login is kept apart, so that its address can be shown.

    source  "HTTPS_PROXY"
    """

    kind: str
    address: str
    login: tuple[str, str] | None
    source: str

    @property
    def url(self) -> str:
        """Its address without the login."""
        return f"{self.kind}://{self.address}"

    def __repr__(self) -> str:
        return f"the proxy {self.url} of {self.source}"

    def advice(self, host: str) -> str:
        """Return what a user can do so that a server is reached again."""
        name = urlsplit(f"//{host.partition(' ')[0]}").hostname or host
        return f"correct {self.source}, or add {name} to NO_PROXY"


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy that a request to an address goes through, if any.

    Addresses of this machine never go through one. Raises ConfigError for a proxy that cannot be used.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme)
    if is_this_machine(host) or host.removesuffix(".") == socket.gethostname().lower():
        return None
    found = dict(_variables(parts.scheme, "all", "no"))
    if not found:
        moment = int(time.monotonic() / SYSTEM_CACHE_S)
        return _read(text, SYSTEM) if (text := _of_system(parts.scheme, parts.netloc, moment)) else None
    _, exceptions = found.pop("no", ("", ""))
    source, text = next(iter(found.values()), ("", ""))
    return None if not text or _is_exception(host, port, exceptions) else _read(text, source)


def _variables(*names: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the variables that are set, with their spelling: ("https", ("HTTPS_PROXY", "http://proxy:3128"))."""
    for name in names:
        for spelling in (f"{name}_proxy", f"{name}_proxy".upper()):
            # A web server that runs a CGI program puts a header of the visitor into HTTP_PROXY.
            if (text := os.environ.get(spelling, "").strip()) and not (
                spelling == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ
            ):
                yield name, (spelling, text)
                break


@lru_cache(maxsize=16)
def _of_system(scheme: str, netloc: str, moment: int) -> str:  # noqa: ARG001 - the cache's key
    """Return the proxy in the settings of Windows or macOS; "" for none."""
    text = (getproxies().get(scheme) or "").strip()
    return "" if not text or proxy_bypass(netloc) else text


@lru_cache(maxsize=64)
def _is_exception(host: str, port: int | None, exceptions: str) -> bool:
    """Return whether a host is on a list like NO_PROXY: "10.0.0.0/8, .corp.example, api.example:8443, ::1"."""
    return any(_matches(entry.lower(), host, port) for entry in re.split(r"[\s,]+", exceptions) if entry)


def _matches(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    entry = entry.rpartition("://")[2]
    address = _ip(host)
    with suppress(ValueError):
        network = ip_network(entry if "]:" in entry else re.sub(r"[\[\]]", "", entry), strict=False)
        return address is not None and address in network
    parts = ENTRY.fullmatch(entry)
    if not parts or (parts["port"] and int(parts["port"]) != port):
        return False
    if address is not None:
        return _ip(parts["name"]) == address
    name = parts["name"].removeprefix("*").strip(".")
    host = host.removesuffix(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=16)
def _read(text: str, source: str) -> Proxy:
    """Parse the address of a proxy. Its text is never shown, because it may hold a password."""
    kind, mark, rest = text.partition("://")
    kind, rest = (kind.lower(), rest) if mark else ("http", text)
    login, at, authority = rest.rstrip("/").rpartition("@")
    like = f"write {source}=http://HOST:PORT" if source != SYSTEM else "write it there like http://HOST:PORT"
    if re.fullmatch(r"[a-z][a-z0-9+.-]*", kind) and kind not in KINDS:
        raise ConfigError(f"the proxy of {source} is of a kind that cannot be used ({kind}://); {like}, or unset it")
    parts = AUTHORITY.fullmatch(authority)
    if kind not in KINDS or not parts or int(parts[2] or 80) not in range(1, 2**16):
        hint = ", with %2F for / and %3A for : in a name or password" if at else ""
        raise ConfigError(f"the proxy of {source} has no valid address; {like}{hint}, or unset it")
    name, _, password = login.partition(":")
    proxy = Proxy(kind, authority, (unquote(name), unquote(password)) if at else None, source)
    if kind.startswith("socks") and find_spec("socksio") is None:
        raise ConfigError(f"{proxy} needs the package socksio; run %pip install socksio, or unset {source}")
    return proxy


def login_needed(proxy: Proxy) -> NetworkError:
    """Return the error for a proxy that wants a name and a password, or others."""
    wrong = "refuses its name or password" if proxy.login else "needs a name and a password"
    return NetworkError(f"{proxy} {wrong} (407); set {proxy.source}={proxy.kind}://NAME:PASSWORD@{proxy.address}")


def refused(proxy: Proxy, host: str, words: str) -> ClaudeError:
    """Return the error for a proxy that opens no connection to a host.

    words  "407 Proxy Authentication Required" of an HTTP proxy, "Invalid username/password" of a SOCKS proxy
    """
    status = words[:3] if words[:3].isdecimal() else ""
    if status == "407" or (not status and re.search("(?i)auth|password", words)):
        return login_needed(proxy)
    if status in ("502", "503", "504"):
        return NetworkError(f"{proxy} cannot reach {host} ({status}); check the address, or {proxy.advice(host)}")
    answer = f" ({status})" if status else ""
    return NetworkError(f"{proxy} lets nothing through to {host}{answer}; {proxy.advice(host)}")

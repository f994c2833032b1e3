"""Addresses of servers: which ones are accepted as typed, and which ones are on this machine."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from claude_nb.errors import ConfigError
from claude_nb.safe_text.redaction import names_secret

LIKE_THIS = "write it like https://host:8000/v1"
# No address contains them. The library that sends requests drops or changes some of them without a word.
UNUSABLE = re.compile(r"""[\s\x00-\x20\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\\<>"{}|^`]""")
SCHEME = re.compile(r"(?i)https?://")
AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(:.*)?")
HOST = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*\.?")
PORT = re.compile(r":0*[1-9][0-9]{0,4}", re.ASCII)
NUMBER = re.compile(r"(?i)(0x[0-9a-f]*|[0-9]+)", re.ASCII)  # as the last part of a name, it makes an IP address
CHANGED = re.compile(r"(?i)%(?![0-9a-f]{2})|/(\.|%2e){1,2}(?=[/?]|$)")


def check(url: str) -> None:
    """Raise ConfigError for an address that could not be used exactly as it is typed.

    The error does not repeat the address where it may hold a secret.
    """
    if problem := _problem(url):
        raise ConfigError(problem)


def joined(base_url: str, path: str) -> str:
    """Return the address of a path below a base URL, in front of its query.

    Example: joined("https://host/v1?api-version=1", "/models") -> "https://host/v1/models?api-version=1".
    """
    address, mark, query = base_url.partition("?")
    return address.rstrip("/") + path + mark + query


@lru_cache(maxsize=64)
def is_this_machine(host: str) -> bool:
    """Return whether a host name or IP address means this machine.

    Example: is_this_machine("db.localhost"), is_this_machine("0.0.0.0"), is_this_machine("::1") -> True.
    """
    name = host.lower().strip("[]").removesuffix(".")
    address: IPv4Address | IPv6Address
    with suppress(ValueError):
        address = ip_address(name)
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or address.is_unspecified
    return name == "localhost" or name.endswith(".localhost")


@lru_cache(maxsize=64)
def _problem(url: str) -> str:
    """Return what is wrong with an address, and what to do; "" if nothing is."""
    found = SCHEME.match(url)
    address = url[found.end() :] if found else url.partition("//")[2] or url
    authority = re.split(r"[/?#\\]", address, maxsplit=1)[0]
    if "@" in authority:
        return "the base URL contains a name or password before @; leave it out and use %claude /login"
    if bad := UNUSABLE.search(url):
        return f"the base URL contains {_named(bad[0])}, which no address has; take it out and write no placeholder"
    if not found:
        return f"{url!r:.100} is not the address of a server; {LIKE_THIS}"
    if "#" in address:
        return "the base URL contains a part after #, which no server gets; leave it out"
    return _rest_problem(address[len(authority) :]) or _host_problem(authority)


def _rest_problem(rest: str) -> str:
    path, _, query = rest.partition("?")
    if CHANGED.search(path) or CHANGED.search(query):
        return "the base URL has a part that no server would get as it is typed (., .. or a lone %); write it in full"
    pairs = (pair.partition("=") for pair in re.split("[&;]", query))
    if any(value and names_secret(name) for name, _, value in pairs):
        return "the base URL holds a key or a password after ?; leave it out, because addresses are shown and stored"
    return ""


def _host_problem(authority: str) -> str:
    parts = AUTHORITY.fullmatch(authority)
    host, port = (parts[1], parts[2]) if parts else ("", None)
    if port is not None and (not PORT.fullmatch(port) or int(port[1:]) > 65535):
        return f"the base URL has an impossible port, {port!r:.20}; write an address like https://host:8000/v1"
    if host.startswith("["):
        is_usable = _is_ip(host[1:-1]) and ":" in host and "%" not in host  # a zone (%eth0) cannot be sent
        return "" if is_usable else f"{host!r:.100} is not an IPv6 address that can be used; {LIKE_THIS}"
    if not HOST.fullmatch(host) or len(host) > 253 or unicodedata.normalize("NFKC", host) != host:
        return f"{host!r:.100} is not the address of a server; {LIKE_THIS}"
    if NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]) and not _is_ip(host):
        return f"{host!r:.100} is not an IP address; write all four numbers, such as 127.0.0.1"
    return ""


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _named(char: str) -> str:
    return "a blank or a line break" if char.isspace() else repr(char)

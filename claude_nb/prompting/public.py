"""Tell addresses on the public internet from those in the user's own network.

This is a module of its own, because together with download.py it would have over 250 lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+\.?")
NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?")  # as the last part, some parsers take it for an IPv4 address
OWN_NAME = re.compile(r".*\.(localhost|local|localdomain|internal|intranet|lan|home|corp|home\.arpa)\.?")
UNICAST = ip_network("2000::/3")  # all of IPv6 that is assigned
NAT64 = ip_network("64:ff9b::/96")  # how a network without IPv4 reaches an IPv4 address, the last four bytes
NEVER = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # older Pythons call most of it global, and a cloud keeps its metadata there
            "168.63.129.16/32",  # looks public, but is the host of each Azure machine
            "2002::/16",  # 6to4, out of use, contains an IPv4 address
        ),
    )
)


def is_public(address: str) -> bool:
    """Return whether an IP address is public.

    Example: is_public("1.1.1.1") -> True, is_public("::ffff:10.0.0.1") -> False.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if found in NAT64:
        return is_public(str(IPv4Address(int(found) & 0xFFFFFFFF)))
    if isinstance(found, IPv6Address) and found not in UNICAST:  # which excludes IPv4 written as IPv6
        return False
    return found.is_global and not found.is_multicast and not any(found in network for network in NEVER)


def is_named_public(host: str, allowed: Callable[[str], bool] = is_public) -> bool:
    """Return whether a host name may be public.

    "example.org" may, but not "localhost", "10.0.0.1", "0x7f.1" or "printer.local".

    Only a look-up tells where the name really leads to.
    """
    if ":" in host or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host):
        return allowed(host)
    last = host.rstrip(".").rpartition(".")[2]
    return bool(HOST.fullmatch(host)) and not OWN_NAME.fullmatch(host) and not NUMBER.fullmatch(last)

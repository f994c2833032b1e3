"""Which addresses are on the public internet, and not in the user's own network or a trap for who asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+\.?")
NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?")  # as the last part, it makes some readers see an IPv4 address
OWN_NAME = re.compile(r".*\.(localhost|local|localdomain|internal|intranet|lan|home|corp|home\.arpa)\.?")
UNICAST = ip_network("2000::/3")  # all that is given out of IPv6
NAT64 = ip_network("64:ff9b::/96")  # how a network without IPv4 reaches an IPv4 address: its last four bytes
NEVER = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # older Pythons call most of it global; a cloud keeps its metadata there
            "168.63.129.16/32",  # looks public, and is each Azure machine's own host
            "2002::/16",  # 6to4, out of use: an IPv4 address is inside
        ),
    )
)


def is_public(address: str) -> bool:
    """True for an IP address anybody may reach: is_public("1.1.1.1"); not is_public("::ffff:10.0.0.1")."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if found in NAT64:
        return is_public(str(IPv4Address(int(found) & 0xFFFFFFFF)))
    if isinstance(found, IPv6Address) and found not in UNICAST:  # so also not IPv4 in the clothes of IPv6
        return False
    return found.is_global and not found.is_multicast and not any(found in network for network in NEVER)


def is_named_public(host: str, allowed: Callable[[str], bool] = is_public) -> bool:
    """False where the name alone says that it is in the user's own network, or may be read as if it were.

    is_named_public("example.org"); not is_named_public("localhost"), nor "10.0.0.1", "0x7f.1" or "printer.local".
    Where a name really leads to, only looking it up tells.
    """
    if ":" in host or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host):
        return allowed(host)
    last = host.rstrip(".").rpartition(".")[2]
    return bool(HOST.fullmatch(host)) and not OWN_NAME.fullmatch(host) and not NUMBER.fullmatch(last)

"""What machines tell, parsed into narrow types: text of a guest or host in, a value or None out.

An address or a key that a guest's agent, a lease, an ARP table or an older state names goes on into
files and command lines of others, so nothing else than an address or a key may come through here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping

# An IPv6 address with an IPv4 tail, written out: nothing longer is looked at.
LONGEST_ADDRESS = 45
# sshd(8), AUTHORIZED_KEYS FILE FORMAT: the longest line that sshd reads itself.
LONGEST_KEY = 8192
_KEY = re.compile(r"[a-z][a-z0-9@.-]{0,63} [A-Za-z0-9+/]+={0,3}", re.ASCII)


def address(text: object) -> str | None:
    """An IPv4 or IPv6 address in its canonical form, or None.

    Without prefix length, and without a scope id, which may hold any text (RFC 4007, 11.2).
    """
    if not isinstance(text, str) or len(text) > LONGEST_ADDRESS or "%" in text:
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def interface(local: object, prefix_length: object) -> str | None:
    """An address with its prefix length, as ip(8) tells both in JSON, or None."""
    found = address(local)
    try:
        return found and str(ipaddress.ip_interface(f"{found}/{int(str(prefix_length))}"))
    except ValueError:
        return None


def is_public(found: str) -> bool:
    """Can others reach this address? Not one that every machine has for itself, nor a group's."""
    parsed = ipaddress.ip_address(found)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    own = parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast
    return not own and not (parsed.version == 6 and parsed.is_link_local)


def host_key(line: object) -> str | None:
    """A public key (``type base64``) of a line that may have a comment behind it, or None."""
    if not isinstance(line, str):
        return None
    text = " ".join(line[:LONGEST_KEY].split()[:2])
    return text if _KEY.fullmatch(text) else None


def addresses(by_nic: Mapping[str, Iterable[object]]) -> dict[str, list[str]]:
    """By NIC name, as a state keeps them; what is no address is left out."""
    return {nic: [a for a in map(address, told) if a] for nic, told in by_nic.items()}


def host_keys(lines: Iterable[object]) -> list[str]:
    """The public keys among these lines."""
    return [key for key in map(host_key, lines) if key]


def shown(text: object) -> str:
    """What a machine told, for a message: on one line, short, without anything a terminal obeys."""
    words = ascii(text)
    return words if len(words) <= 60 else f"{words[:56]}...'"

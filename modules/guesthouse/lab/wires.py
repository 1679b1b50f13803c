"""The wires of container hosts: a bridge for each segment, and for each NIC of a host a pair of
ends, one in the host's network namespace, one on the bridge. Follows ip-link(8), veth(4).
"""

from __future__ import annotations

from pathlib import Path

from guesthouse.lab.host import TRUNK, LabHost
from guesthouse.lab.world import World

# RFC 2544's range, for tests of networks: no network of a site is there.
NETWORK, PREFIX = "198.18.0", 24


def address(host: LabHost) -> str:
    """The host's address on the management network, inside of the world."""
    return f"{NETWORK}.{host.number + 1}"


def management(lab: World) -> None:
    """The management network of a new world."""
    _bridge(lab, "management")
    lab.run("ip", "address", "add", f"{NETWORK}.1/{PREFIX}", "dev", "management")


def connect(lab: World, network: Path, host: LabHost) -> None:
    """A new network namespace for the host, and in it a wire's end for each NIC."""
    script = """
    [ -e "$1" ] || : > "$1"
    ! mountpoint -q "$1" || umount "$1"
    unshare --net="$1" true
    """
    lab.run("sh", "-euc", script, "sh", network)
    for number, (nic, segment) in enumerate(host.nics.items(), 1):
        _bridge(lab, segment)
        end = _end(host, number)
        lab.run("sh", "-euc", 'ip link del "$1" 2>/dev/null || true', "sh", end)
        peer = ["peer", "name", nic, "address", host.mac(number), "netns", str(network)]
        lab.run("ip", "link", "add", end, "type", "veth", *peer)
        lab.run("ip", "link", "set", end, "master", segment, "up")


def cut(lab: World, host: LabHost, whole: bool) -> None:
    """Cuts the wire of the host's trunk at the bridge, or mends it."""
    end = _end(host, [*host.nics].index(TRUNK) + 1)
    lab.run("ip", "link", "set", end, "up" if whole else "down")


def _bridge(lab: World, segment: str) -> None:
    """A segment of the lab: a bridge that learns, and floods what it does not know."""
    made = 'ip link show "$1" >/dev/null 2>&1 || ip link add "$1" type bridge mcast_snooping 0'
    lab.run("sh", "-euc", f'{made}; ip link set "$1" up', "sh", segment)


def _end(host: LabHost, nic: int) -> str:
    """The world's end of the wire of the host's NIC, counted from 1."""
    return f"host{host.number}.{nic}"

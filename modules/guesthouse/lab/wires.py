"""The wires of container hosts: a bridge for each segment, and for each NIC of a host a pair of
ends, one in the host's network namespace, one on the bridge. Follows ip-link(8), veth(4).
"""

from __future__ import annotations

from pathlib import Path

from guesthouse.lab.host import TRUNK, LabHost, Link
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
    _remove(lab, slow(host))
    for number, (nic, segment) in enumerate(host.nics.items(), 1):
        _bridge(lab, segment)
        end = _end(host, number)
        _remove(lab, end)
        peer = ["peer", "name", nic, "address", host.mac(number), "netns", str(network)]
        lab.run("ip", "link", "add", end, "type", "veth", *peer)
        plug(lab, end, segment)


def taps(host: LabHost) -> tuple[str, str]:
    """The taps of what slows the host's trunk: at the host, and at the trunk's bridge."""
    return f"host{host.number}.near", f"host{host.number}.far"


def link(lab: World, host: LabHost, state: Link) -> None:
    """Makes the wire of the host's trunk so. A slow one has a bridge of its own for the host's end,
    and between this and the trunk's the taps."""
    end = _end(host, [*host.nics].index(TRUNK) + 1)
    if state.slow:
        near, far = taps(host)
        _bridge(lab, slow(host))
        plug(lab, near, slow(host))
        plug(lab, far, "trunk")
        lab.run("ip", "link", "set", end, "master", slow(host), "up")
    else:
        lab.run("ip", "link", "set", end, "master", "trunk", "up" if state.up else "down")
        _remove(lab, slow(host))


def slow(host: LabHost) -> str:
    """The bridge of the host's own. A segment's name has no dot."""
    return f"host{host.number}.slow"


def plug(lab: World, end: str, segment: str) -> None:
    """Puts one end of a wire on a bridge, if it is not there."""
    lab.run("ip", "link", "set", end, "master", segment, "up")


def _remove(lab: World, device: str) -> None:
    """Takes a device away, if there is one."""
    lab.run("sh", "-euc", 'ip link del "$1" 2>/dev/null || true', "sh", device)


def _bridge(lab: World, segment: str) -> None:
    """A segment of the lab: a bridge that learns, and floods what it does not know."""
    made = 'ip link show "$1" >/dev/null 2>&1 || ip link add "$1" type bridge mcast_snooping 0'
    lab.run("sh", "-euc", f'{made}; ip link set "$1" up', "sh", segment)


def _end(host: LabHost, nic: int) -> str:
    """The world's end of the wire of the host's NIC, counted from 1."""
    return f"host{host.number}.{nic}"
